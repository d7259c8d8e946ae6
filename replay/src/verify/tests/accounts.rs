//! Well-chained records about accounts that must not be: limits by solvency, points, periods, suspensions.

use kippu_events::access::users::{self, Charging, LimitSource, Period, Policy, Reference, User};
use kippu_events::approvals::{self, Approval, Channel, Inquiry, RedeemRefusal, RequestRefusal, Told};
use kippu_events::secrets::{EncryptedField, TokenHash};
use kippu_events::{EntityId, Time};

use super::sample::{
    charged, euro, event, given_back, issued, minor, redeem_refused, redeemed, refunded, registered_as, released,
    reserved, settled,
};
use super::scene::Scene;

/// A user of another kind than the scene's own, with a limit of 1000 and without an approval.
pub(super) fn scene_of(change: impl FnOnce(&mut users::Event)) -> Scene {
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.user = scene.sample.id();
    scene.approval = scene.sample.id().in_slot(scene.user.slot());
    let mut registered = registered_as(LimitSource::Fixed, 1000, Charging::AtSettlement);
    change(&mut registered);
    scene.user_is(registered);
    scene
}

fn reference() -> EntityId {
    EntityId::from_hash(&[4; 32])
}

/// A user of whom the reference is asked, whose limit comes from `from`.
pub(super) fn asked_about(its: Policy, from: LimitSource) -> Scene {
    scene_of(|registered| {
        if let users::Event::Registered { policy, source, reference: asked, .. } = registered {
            let number = EncryptedField { xchacha20poly1305: "AQ".to_owned() };
            (*policy, *source) = (its, from);
            *asked = Some(Box::new(Reference { party: reference(), number }));
        }
    })
}

/// Pending for 600, of which so much is reserved; `used` by others.
pub(super) fn pending(scene: &Scene, held: u64, used: u64) -> approvals::Event {
    approvals::Event::Pending {
        user: scene.user,
        terminal: scene.user,
        amount: minor(600),
        currency: euro(),
        purchase: approvals::Purchase::default(),
        offer: None,
        channel: Channel::Request,
        expires_in_secs: 900,
        token: TokenHash { key: 1, sha256: "aGFzaA".to_owned() },
        reserved: minor(held),
        limit: minor(1000),
        used: minor(used),
        reference: reference(),
        number: EncryptedField { xchacha20poly1305: "AQ".to_owned() },
        until: scene.ends,
    }
}

pub(super) fn inquiry(told: Told, limit: Option<u64>) -> Option<Inquiry> {
    Some(Inquiry { party: reference(), told, limit: limit.map(minor) })
}

/// Issued for 600 after the reference told this.
fn issued_on(scene: &Scene, limit: u64, used: u64, told: Option<Inquiry>) -> approvals::Event {
    let mut event = issued(scene.user, 600, scene.ends, limit, used);
    if let approvals::Event::Issued { inquiry, .. } = &mut event {
        *inquiry = told;
    }
    event
}

pub(super) fn refused_on(scene: &Scene, reason: RequestRefusal, inquiry: Option<Inquiry>) -> approvals::Event {
    let (user, amount, currency, purchase) = (scene.user, minor(600), euro(), approvals::Purchase::default());
    approvals::Event::Refused { user, amount, currency, purchase, offer: None, reason, inquiry }
}

fn followed(scene: &Scene, limit: u64, before: u64) -> users::Event {
    let (limit, before, approval) = (minor(limit), minor(before), Some(scene.approval));
    users::Event::LimitChanged { limit, before, currency: euro(), approval }
}

/// All of one record.
fn all(scene: &mut Scene, happened: approvals::Event, user_events: Vec<users::Event>) -> (u16, u64) {
    let (user, approval) = (scene.user, scene.approval);
    let mut events = vec![event::<Approval>(approval, happened)];
    events.extend(user_events.into_iter().map(|happened| event::<User>(user, happened)));
    scene.sample.commit(events)
}

#[test]
fn honest_inquiries_hold() {
    let mut scene = asked_about(Policy::Both, LimitSource::Fixed);
    let held = reserved(scene.approval, 600);
    scene.both(pending(&scene, 600, 0), held);
    scene.one(issued_on(&scene, 1000, 0, inquiry(Told::Good, None)));
    scene.holds();

    let mut scene = asked_about(Policy::Both, LimitSource::Fixed);
    let (held, free) = (reserved(scene.approval, 600), released(scene.approval, 600));
    scene.both(pending(&scene, 600, 0), held);
    scene.sample.now = scene.ends;
    scene.both(refused_on(&scene, RequestRefusal::ReferenceFailed, inquiry(Told::Nothing, None)), free);
    scene.holds();

    // The limit follows what was told, and the purchase is reserved only then.
    let mut scene = asked_about(Policy::Reference, LimitSource::Solvency);
    scene.one(pending(&scene, 0, 0));
    let moved = vec![followed(&scene, 700, 1000), reserved(scene.approval, 600)];
    let given = issued_on(&scene, 700, 0, inquiry(Told::Good, Some(700)));
    all(&mut scene, given, moved);
    scene.holds();
}

#[test]
fn an_approval_that_no_reference_or_another_answer_vouches_for_is_found() {
    // Without an inquiry at all.
    let mut scene = asked_about(Policy::Both, LimitSource::Fixed);
    let held = reserved(scene.approval, 600);
    let forged = scene.both(issued(scene.user, 600, scene.ends, 1000, 0), held);
    scene.breaks("policy", forged);
    // On a bad answer, and on nobody's.
    let elsewhere = Some(Inquiry { party: EntityId::from_hash(&[9; 32]), told: Told::Good, limit: None });
    for told in [inquiry(Told::Bad, None), elsewhere, None] {
        let mut scene = asked_about(Policy::Both, LimitSource::Fixed);
        let held = reserved(scene.approval, 600);
        scene.both(pending(&scene, 600, 0), held);
        let forged = scene.one(issued_on(&scene, 1000, 0, told));
        scene.breaks("inquiry", forged);
    }
    // Of a user about whom nobody is asked.
    let mut scene = scene_of(|_| {});
    let held = reserved(scene.approval, 600);
    let forged = scene.both(pending(&scene, 600, 0), held);
    scene.breaks("policy", forged);
}

#[test]
fn a_refusal_that_the_answer_does_not_bear_is_found() {
    for (reason, told) in [
        (RequestRefusal::CreditRefused, inquiry(Told::Good, None)),
        (RequestRefusal::CreditRefused, inquiry(Told::Good, Some(600))),
        (RequestRefusal::ReferenceFailed, inquiry(Told::Bad, None)),
        // Its time is not over.
        (RequestRefusal::ReferenceFailed, inquiry(Told::Nothing, None)),
    ] {
        let mut scene = asked_about(Policy::Both, LimitSource::Fixed);
        let (held, free) = (reserved(scene.approval, 600), released(scene.approval, 600));
        scene.both(pending(&scene, 600, 0), held);
        let forged = scene.both(refused_on(&scene, reason, told), free);
        scene.breaks("inquiry", forged);
    }
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.another(1);
    let forged = scene.one(refused_on(&scene, RequestRefusal::CreditRefused, None));
    scene.breaks("inquiry", forged);
}

#[test]
fn a_pending_approval_whose_reservation_stays_or_differs_is_found() {
    let mut scene = asked_about(Policy::Both, LimitSource::Fixed);
    let held = reserved(scene.approval, 600);
    scene.both(pending(&scene, 600, 0), held);
    let forged = scene.one(refused_on(&scene, RequestRefusal::CreditRefused, inquiry(Told::Bad, None)));
    scene.breaks("money", forged);

    let mut scene = asked_about(Policy::Both, LimitSource::Fixed);
    let held = reserved(scene.approval, 300);
    let forged = scene.both(pending(&scene, 300, 0), held);
    scene.breaks("amount", forged);
}

/// Keeps T2.
#[test]
fn a_limit_by_solvency_that_is_not_what_was_told_is_found() {
    for limit in [1000, 701, 699] {
        let mut scene = asked_about(Policy::Reference, LimitSource::Solvency);
        scene.one(pending(&scene, 0, 0));
        let mut moved = vec![reserved(scene.approval, 600)];
        if limit != 1000 {
            moved.insert(0, followed(&scene, limit, 1000));
        }
        let given = issued_on(&scene, limit, 0, inquiry(Told::Good, Some(700)));
        let forged = all(&mut scene, given, moved);
        scene.breaks("money", forged);
    }
    // A fixed limit follows nobody.
    let mut scene = asked_about(Policy::Reference, LimitSource::Fixed);
    scene.one(pending(&scene, 0, 0));
    let moved = vec![followed(&scene, 700, 1000), reserved(scene.approval, 600)];
    let given = issued_on(&scene, 700, 0, inquiry(Told::Good, Some(700)));
    let forged = all(&mut scene, given, moved);
    scene.breaks("limit", forged);
}

/// A user who gathers a tenth of what is settled, and has settled 500 of 600.
fn gathered() -> Scene {
    let mut scene = scene_of(|registered| {
        if let users::Event::Registered { source, points_rate_bp, .. } = registered {
            (*source, *points_rate_bp) = (LimitSource::Points, 1000);
        }
    });
    let held = reserved(scene.approval, 600);
    scene.both(issued(scene.user, 600, scene.ends, 1000, 0), held);
    scene.redeem();
    scene
}

fn credited(scene: &Scene, amount: u64) -> users::Event {
    let (amount, limit, approval) = (minor(amount), minor(1000 + amount), Some(scene.approval));
    users::Event::Credited { amount, limit, currency: euro(), approval }
}

fn taken_back(scene: &Scene, amount: u64) -> users::Event {
    let (approval, amount, limit) = (scene.approval, minor(amount), minor(1050 - amount));
    users::Event::PointsTakenBack { approval, amount, limit, currency: euro() }
}

#[test]
fn points_that_a_settlement_or_a_refund_does_not_come_to_are_found() {
    let settle = |scene: &mut Scene, points: u64| {
        let mut moved = vec![charged(scene.approval, 600, 500)];
        if points > 0 {
            moved.push(credited(scene, points));
        }
        let paid = settled(scene.settler, 500);
        all(scene, paid, moved)
    };
    for points in [0, 49, 51] {
        let mut scene = gathered();
        let forged = settle(&mut scene, points);
        scene.breaks("money", forged);
    }
    let refund = |scene: &mut Scene, points: u64| {
        let mut moved = vec![refunded(scene.approval, 200)];
        if points > 0 {
            moved.push(taken_back(scene, points));
        }
        all(scene, given_back(200, 200), moved)
    };
    for points in [0, 19, 21] {
        let mut scene = gathered();
        settle(&mut scene, 50);
        let forged = refund(&mut scene, points);
        scene.breaks("money", forged);
    }
    let mut scene = gathered();
    settle(&mut scene, 50);
    refund(&mut scene, 20);
    scene.holds();
}

/// Keeps T2.
#[test]
fn more_given_back_than_was_settled_or_counted_wrongly_is_found() {
    for (amount, total) in [(501, 501), (100, 99)] {
        Scene::found(&["refund"], |scene| {
            scene.redeem();
            scene.both(settled(scene.settler, 500), charged(scene.approval, 600, 500));
            let back = refunded(scene.approval, amount.min(500));
            scene.both(given_back(amount, total), back)
        });
    }
    Scene::found(&["refund"], |scene| {
        scene.redeem();
        scene.one(given_back(0, 0))
    });
    Scene::found(&["money"], |scene| {
        scene.redeem();
        scene.both(settled(scene.settler, 500), charged(scene.approval, 600, 500));
        scene.one(given_back(100, 100))
    });
}

fn begun(charged_before: u64, next: Time) -> users::Event {
    users::Event::PeriodBegun { charged_before: minor(charged_before), next }
}

/// A user whose charges add up by the month, and who has settled 500 of 600; when the next month begins.
fn monthly() -> (Scene, Time) {
    let mut scene = scene_of(|registered| {
        if let users::Event::Registered { period, .. } = registered {
            *period = Period::Month;
        }
    });
    let next = scene.sample.now.next_month();
    scene.user_is(begun(0, next));
    let held = reserved(scene.approval, 600);
    scene.both(issued(scene.user, 600, scene.ends, 1000, 0), held);
    scene.redeem();
    scene.both(settled(scene.settler, 500), charged(scene.approval, 600, 500));
    (scene, next)
}

/// Keeps T2.
#[test]
fn a_period_that_begins_too_early_ends_elsewhere_or_forgets_what_was_charged_is_found() {
    let (mut scene, next) = monthly();
    scene.sample.now = next;
    scene.user_is(begun(500, next.next_month()));
    scene.holds();
    let micros = |time: Time, by: i64| Time::from_micros(time.micros() + by);
    for (at, charged, ends) in [(-1, 500, 0), (0, 499, 0), (0, 500, 1), (0, 500, -1)] {
        let (mut scene, next) = monthly();
        scene.sample.now = micros(next, at);
        let ends = micros(scene.sample.now.next_month(), ends);
        let forged = scene.user_is(begun(charged, ends));
        scene.breaks("period", forged);
    }
}

#[test]
fn money_that_moves_in_a_period_that_is_over_is_found() {
    let (mut scene, next) = monthly();
    scene.sample.now = next;
    let forged = scene.both(given_back(100, 100), refunded(scene.approval, 100));
    scene.breaks("period", forged);
}

#[test]
fn what_is_given_back_as_if_it_were_of_this_period_or_of_an_earlier_one_is_found() {
    let back = |scene: &Scene, of_earlier_period| users::Event::AmountRefunded {
        approval: scene.approval,
        amount: minor(100),
        of_earlier_period,
    };
    let (mut scene, _) = monthly();
    let forged = scene.both(given_back(100, 100), back(&scene, true));
    scene.breaks("money", forged);
    let (mut scene, next) = monthly();
    scene.sample.now = next;
    scene.user_is(begun(500, next.next_month()));
    scene.both(given_back(100, 100), back(&scene, true));
    scene.holds();
}

#[test]
fn what_is_approved_or_permitted_while_a_user_is_suspended_is_found() {
    Scene::found(&["suspended"], |scene| {
        scene.user_is(users::Event::Suspended {});
        scene.redeem()
    });
    Scene::found(&["suspended"], |scene| {
        scene.user_is(users::Event::Suspended {});
        let held = scene.another(1);
        scene.both(issued(scene.user, 1, scene.ends, 1000, 600), held)
    });
    Scene::found(&["suspended"], |scene| scene.user_is(users::Event::Resumed {}));
    Scene::found(&["refusal"], |scene| scene.one(redeem_refused(scene.settler, RedeemRefusal::UserSuspended)));
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.user_is(users::Event::Suspended {});
    scene.one(redeem_refused(scene.settler, RedeemRefusal::UserSuspended));
    scene.user_is(users::Event::Resumed {});
    scene.one(redeemed(scene.settler, 600));
    scene.holds();
}

/// Shows F30.
#[test]
fn what_somebody_who_was_forgotten_cannot_have_done_is_found_and_what_is_owed_ends_as_before() {
    Scene::found(&["suspended"], |scene| {
        scene.user_is(users::Event::Forgotten {});
        scene.redeem()
    });
    for late in [users::Event::Forgotten {}, users::Event::PinAccepted {}, users::Event::Suspended {}] {
        Scene::found(&["forgotten"], |scene| {
            scene.user_is(users::Event::Forgotten {});
            scene.user_is(late.clone())
        });
    }
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.one(redeemed(scene.settler, 600));
    scene.user_is(users::Event::Forgotten {});
    scene.both(settled(scene.settler, 500), charged(scene.approval, 600, 500));
    scene.holds();
}
