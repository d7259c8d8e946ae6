//! Well-chained records about offers, tokens and challenges that must not be.

use kippu_events::access::challenges::{self, Challenge};
use kippu_events::access::users::Charging;
use kippu_events::approvals::{self, Named, Offered, RedeemRefusal};
use kippu_events::{EntityId, Principal, Time};

use super::sample::{euro, event, issued, minor, redeem_refused, redeemed, released};
use super::scene::Scene;

fn offer(settlers: &[EntityId], expires_at: Time) -> Box<Offered> {
    let [shop, buyer, id] = [21, 22, 23].map(|n| EntityId::from_hash(&[n; 32]));
    let (sha256, settlers) = ("5".repeat(64), settlers.to_vec());
    Box::new(Offered { shop, shop_version: 1, buyer, id, sha256, expires_at, settlers, items: Vec::new() })
}

/// A scene with an approval of 100 for an offer that its settler may settle.
fn scene() -> Scene {
    let mut scene = Scene::new(Charging::AtSettlement);
    let held = scene.another(100);
    let mut given = issued(scene.user, 100, scene.ends, 1000, 600);
    if let approvals::Event::Issued { offer: its, .. } = &mut given {
        *its = Some(offer(&[scene.settler], scene.ends));
    }
    scene.both(given, held);
    scene
}

fn breaks(rule: &str, forge: impl FnOnce(&mut Scene) -> (u16, u64)) {
    let mut scene = scene();
    let forged = forge(&mut scene);
    scene.breaks(rule, forged);
}

#[test]
fn a_settler_that_the_shop_is_not_related_to_is_found() {
    breaks("settler", |scene| {
        scene.settler = scene.sample.id();
        scene.one(redeemed(scene.settler, 100))
    });
    breaks("settler", |scene| {
        let settler = scene.sample.id();
        scene.both(approvals::Event::Released { settler }, released(scene.approval, 100))
    });
    breaks("settler", |scene| {
        scene.one(redeemed(scene.settler, 100));
        let settler = scene.sample.id();
        scene.both(approvals::Event::Released { settler }, released(scene.approval, 100))
    });
    breaks("refusal", |scene| scene.one(redeem_refused(scene.settler, RedeemRefusal::OtherSettler)));
    let mut honest = scene();
    let stranger = honest.sample.id();
    honest.one(redeem_refused(stranger, RedeemRefusal::OtherSettler));
    honest.holds();
}

#[test]
fn a_refusal_for_what_does_not_differ_is_found() {
    let refused = |scene: &Scene, named| {
        let (settler, reason) = (scene.settler, RedeemRefusal::Differs);
        approvals::Event::RedeemRefused { settler, reason, named }
    };
    let the_same = Named { offer_sha256: Some("5".repeat(64)), amount: Some(minor(100)), currency: Some(euro()) };
    for named in [Named::default(), the_same] {
        breaks("refusal", |scene| scene.one(refused(scene, named)));
    }
    let mut honest = scene();
    honest.one(refused(&honest, Named { amount: Some(minor(99)), ..Named::default() }));
    honest.one(redeemed(honest.settler, 100));
    honest.holds();
}

#[test]
fn an_approval_that_outlives_its_offer_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    let held = scene.another(100);
    let mut given = issued(scene.user, 100, scene.ends, 1000, 600);
    if let approvals::Event::Issued { offer: its, .. } = &mut given {
        *its = Some(offer(&[scene.settler], Time::from_micros(scene.ends.micros() - 1)));
    }
    let forged = scene.both(given, held);
    scene.breaks("expiry", forged);
}

fn collected(scene: &Scene, by: Principal, amount: u64) -> approvals::Event {
    let (amount, currency, expires_at) = (minor(amount), euro(), scene.ends);
    approvals::Event::Collected { by, key: 1, amount, currency, expires_at, offer: None }
}

#[test]
fn a_token_that_is_collected_when_there_is_none_or_in_anothers_name_is_found() {
    breaks("collect", |scene| {
        scene.one(redeemed(scene.settler, 100));
        scene.one(collected(scene, Principal::Operator, 100))
    });
    breaks("collect", |scene| scene.one(collected(scene, Principal::Operator, 99)));
    breaks("principal", |scene| {
        let user = Principal::User(scene.user);
        scene.one(collected(scene, user, 100))
    });
    let mut honest = scene();
    honest.one(collected(&honest, Principal::Operator, 100));
    honest.holds();
}

#[test]
fn an_approval_that_a_user_asked_for_within_anothers_limit_is_found() {
    let ask = |by: fn(&mut Scene) -> EntityId| {
        let mut scene = Scene::new(Charging::AtSettlement);
        let asker = by(&mut scene);
        scene.sample.by = Some(Principal::User(asker));
        let reserved = scene.another(10);
        let mut issued = issued(scene.user, 10, scene.ends, 1000, 600);
        if let approvals::Event::Issued { terminal, .. } = &mut issued {
            *terminal = asker;
        }
        let forged = scene.both(issued, reserved);
        (scene, forged)
    };
    ask(|scene| scene.user).0.holds();
    let (scene, forged) = ask(|scene| scene.sample.id());
    scene.breaks("principal", forged);
}

#[test]
fn what_is_let_go_of_twice_or_without_its_money_is_found() {
    breaks("over-once", |scene| {
        let settler = scene.settler;
        scene.both(approvals::Event::Released { settler }, released(scene.approval, 100));
        scene.one(approvals::Event::Released { settler })
    });
    breaks("money", |scene| scene.one(approvals::Event::Released { settler: scene.settler }));
    breaks("refusal", |scene| scene.one(redeem_refused(scene.settler, RedeemRefusal::Released)));
}

/// Keeps T1.
#[test]
fn a_challenge_that_is_used_twice_late_or_without_being_opened_is_found() {
    let challenge = |scene: &mut Scene, events: &[challenges::Event]| {
        let id = scene.sample.id().in_slot(scene.user.slot());
        let commit = events.iter().map(|happened| scene.sample.commit(vec![event::<Challenge>(id, happened.clone())]));
        commit.last().unwrap()
    };
    let opened = |scene: &Scene, expires_at| challenges::Event::Opened { user: scene.user, by: None, expires_at };
    breaks("challenge", |scene| challenge(scene, &[challenges::Event::Used {}]));
    breaks("challenge", |scene| {
        let opened = opened(scene, scene.ends);
        challenge(scene, &[opened, challenges::Event::Used {}, challenges::Event::Used {}])
    });
    breaks("challenge", |scene| {
        let opened = opened(scene, scene.sample.now);
        challenge(scene, &[opened, challenges::Event::Used {}])
    });
    let mut honest = scene();
    let opened = opened(&honest, honest.ends);
    challenge(&mut honest, &[opened, challenges::Event::Used {}]);
    honest.holds();
}
