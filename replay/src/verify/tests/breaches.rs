//! Well-chained records that say what must not be.

use kippu_events::approval::{self, Approval, RedeemRefusal};
use kippu_events::client::{self, Client, Role};
use kippu_events::secrets::TokenHash;
use kippu_events::user::{self, Charging, LimitSource, User};
use kippu_events::{EntityId, Principal, Time};

use super::scribe::{
    Events, PARTITIONS, Scribe, charged, euro, event, issued, minor, redeemed, refunded, registered, registered_as,
    released, reserved, seed, settled,
};
use crate::verify::{Options, verify};

/// A user with a limit of 1000 and an approval of 600 that somebody may redeem.
struct Scene {
    scribe: Scribe,
    user: EntityId,
    approval: EntityId,
    settler: EntityId,
    ends: Time,
}

impl Scene {
    fn new(charging: Charging) -> Self {
        let mut scribe = Scribe::new(seed());
        let (user, settler) = (scribe.id(), scribe.id());
        let approval = scribe.id().in_slot(user.slot());
        let ends = Time::from_micros(scribe.now.micros() + 1_000_000);
        scribe.commit(vec![event::<User>(user, registered(1000, charging))]);
        let mut scene = Self { scribe, user, approval, settler, ends };
        scene.both(issued(user, 600, ends, 1000, 0), reserved(approval, 600));
        scene
    }

    fn one(&mut self, happened: approval::Event) -> (u16, u64) {
        self.scribe.commit(vec![event::<Approval>(self.approval, happened)])
    }

    fn both(&mut self, happened: approval::Event, beside: user::Event) -> (u16, u64) {
        self.scribe.commit(vec![event::<Approval>(self.approval, happened), event::<User>(self.user, beside)])
    }

    fn redeem(&mut self) -> (u16, u64) {
        self.one(redeemed(self.settler, 600))
    }

    /// The history breaks exactly this rule, at exactly this record.
    fn breaks(self, rule: &str, (partition, number): (u16, u64)) {
        let report = verify(&self.scribe.tape, &Options::default());
        assert!(!report.sound && report.totals.damaged == 0, "{report}");
        for walked in &report.partitions {
            for breach in &walked.first_breaches {
                assert_eq!((walked.partition, breach.number), (partition, number), "{report}");
                assert!(breach.event.starts_with(&format!("{partition}-{number}.")), "{report}");
            }
        }
        let walked = &report.partitions[usize::from(partition)];
        assert!(walked.first_breaches.iter().any(|breach| breach.rule == rule), "{rule}: {report}");
    }

    fn holds(self) {
        let report = verify(&self.scribe.tape, &Options::default());
        assert!(report.sound, "{report}");
    }
}

/// Shows F26. Keeps T1.
#[test]
fn a_second_redemption_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.redeem();
    let forged = scene.redeem();
    scene.breaks("redeem-once", forged);
}

#[test]
fn a_redemption_of_what_was_never_issued_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.approval = scene.scribe.id().in_slot(scene.user.slot());
    let forged = scene.redeem();
    scene.breaks("redeem-once", forged);
}

#[test]
fn a_redemption_after_the_end_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.scribe.now = scene.ends;
    let forged = scene.redeem();
    scene.breaks("expiry", forged);
}

#[test]
fn an_expiry_before_the_end_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    let forged = scene.both(approval::Event::Expired {}, released(scene.approval, 600));
    scene.breaks("expiry", forged);
}

/// Shows F26. Keeps T2.
#[test]
fn a_reservation_over_the_limit_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.approval = scene.scribe.id().in_slot(scene.user.slot());
    let forged = scene.both(issued(scene.user, 401, scene.ends, 1000, 600), reserved(scene.approval, 401));
    scene.breaks("limit", forged);
}

#[test]
fn an_approval_without_its_reservation_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.approval = scene.scribe.id().in_slot(scene.user.slot());
    let forged = scene.one(issued(scene.user, 1, scene.ends, 1000, 600));
    scene.breaks("money", forged);
}

#[test]
fn a_reservation_of_another_amount_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.approval = scene.scribe.id().in_slot(scene.user.slot());
    let forged = scene.both(issued(scene.user, 10, scene.ends, 1000, 600), reserved(scene.approval, 9));
    scene.breaks("money", forged);
}

#[test]
fn a_decision_on_inputs_that_were_not_so_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.approval = scene.scribe.id().in_slot(scene.user.slot());
    let forged = scene.both(issued(scene.user, 10, scene.ends, 1000, 0), reserved(scene.approval, 10));
    scene.breaks("inputs", forged);
}

#[test]
fn money_that_moves_without_an_approval_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    let forged = scene.scribe.commit(vec![event::<User>(scene.user, released(scene.approval, 600))]);
    scene.breaks("money", forged);
}

/// Keeps T2.
#[test]
fn a_settlement_above_what_was_approved_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.redeem();
    let forged = scene.both(settled(scene.settler, 601), charged(scene.approval, 600, 601));
    scene.breaks("amount", forged);
}

#[test]
fn a_settlement_by_somebody_else_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.redeem();
    let other = scene.scribe.id();
    let forged = scene.both(settled(other, 600), charged(scene.approval, 600, 600));
    scene.breaks("settler", forged);
}

#[test]
fn a_second_settlement_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    scene.redeem();
    scene.both(settled(scene.settler, 600), charged(scene.approval, 600, 600));
    let forged = scene.both(settled(scene.settler, 600), charged(scene.approval, 600, 600));
    scene.breaks("settle-once", forged);
}

#[test]
fn a_user_charged_at_permission_is_charged_when_the_approval_is_redeemed() {
    let mut scene = Scene::new(Charging::AtPermission);
    let forged = scene.redeem();
    scene.breaks("money", forged);

    let mut scene = Scene::new(Charging::AtPermission);
    scene.both(redeemed(scene.settler, 600), charged(scene.approval, 600, 600));
    scene.both(settled(scene.settler, 200), refunded(scene.approval, 400));
    scene.holds();
}

#[test]
fn a_refusal_that_is_not_true_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    let reason = RedeemRefusal::AlreadyRedeemed;
    let forged = scene.one(approval::Event::RedeemRefused { settler: scene.settler, reason });
    scene.breaks("refusal", forged);
}

#[test]
fn a_second_registration_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    let again = event::<User>(scene.user, registered(5000, Charging::AtSettlement));
    let forged = scene.scribe.commit(vec![again]);
    scene.breaks("register-once", forged);
}

#[test]
fn a_limit_that_moves_as_its_source_does_not_is_found() {
    let limit_changed =
        |limit, before| user::Event::LimitChanged { limit: minor(limit), before: minor(before), currency: euro() };
    let credited =
        |amount, limit| user::Event::Credited { amount: minor(amount), limit: minor(limit), currency: euro() };
    for (source, moved) in [
        (LimitSource::Fixed, credited(1, 1001)),
        (LimitSource::Prepaid, credited(1, 9000)),
        (LimitSource::Points, limit_changed(2000, 1000)),
        (LimitSource::Fixed, limit_changed(2000, 999)),
    ] {
        let mut scene = Scene::new(Charging::AtSettlement);
        let user = scene.scribe.id();
        scene.scribe.commit(vec![event::<User>(user, registered_as(source, 1000, Charging::AtSettlement))]);
        let forged = scene.scribe.commit(vec![event::<User>(user, moved)]);
        scene.breaks("limit", forged);
    }
}

#[test]
fn a_limit_below_what_is_used_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    let lowered = user::Event::LimitChanged { limit: minor(599), before: minor(1000), currency: euro() };
    let forged = scene.scribe.commit(vec![event::<User>(scene.user, lowered)]);
    scene.breaks("limit", forged);
}

/// Keeps E2.
#[test]
fn a_command_that_took_effect_twice_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    let limit_changed = || user::Event::LimitChanged { limit: minor(1000), before: minor(1000), currency: euro() };
    scene.scribe.commit(vec![event::<User>(scene.user, limit_changed())]);
    scene.scribe.commands -= 1;
    let forged = scene.scribe.commit(vec![event::<User>(scene.user, limit_changed())]);
    scene.breaks("command-once", forged);
}

#[test]
fn what_somebody_did_in_the_name_of_another_is_found() {
    let other = Principal::Client(EntityId::from_hash(&[7; 32]));
    type Forge = fn(&mut Scene) -> (u16, u64);
    let forgeries: [(Principal, Forge); 5] = [
        (other, |scene| scene.redeem()),
        (Principal::Operator, |scene| scene.redeem()),
        (Principal::Deadline, |scene| {
            scene.approval = scene.scribe.id().in_slot(scene.user.slot());
            scene.both(issued(scene.user, 1, scene.ends, 1000, 600), reserved(scene.approval, 1))
        }),
        (Principal::Operator, |scene| {
            scene.scribe.now = scene.ends;
            scene.both(approval::Event::Expired {}, released(scene.approval, 600))
        }),
        (other, |scene| {
            let honest = scene.scribe.by.take();
            scene.redeem();
            scene.scribe.by = honest;
            scene.both(settled(scene.settler, 600), charged(scene.approval, 600, 600))
        }),
    ];
    for (by, forge) in forgeries {
        let mut scene = Scene::new(Charging::AtSettlement);
        scene.scribe.by = Some(by);
        let forged = forge(&mut scene);
        scene.breaks("principal", forged);
    }
}

#[test]
fn a_client_opened_twice_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    let id = scene.settler;
    let opened = || -> Events {
        let key = TokenHash { key: 1, sha256: "a2V5".to_owned() };
        let happened = client::Event::Opened { role: Role::Settler, name: "s".to_owned(), user: None, key };
        vec![event::<Client>(id, happened)]
    };
    scene.scribe.commit(opened());
    let forged = scene.scribe.commit(opened());
    scene.breaks("client", forged);
}

#[test]
fn an_entity_in_a_partition_that_is_not_its_slots_is_found() {
    let mut scene = Scene::new(Charging::AtSettlement);
    let user = scene.scribe.id();
    let wrong = (user.slot().partition(PARTITIONS) + 1) % PARTITIONS;
    let registered = event::<User>(user, registered(1, Charging::AtSettlement));
    let number = scene.scribe.commit_in(wrong, vec![registered]);
    scene.breaks("slot", (wrong, number));
}

/// What each envelope field says, changed in a record that is then chained anew.
#[test]
fn an_envelope_that_says_another_place_version_time_or_log_is_found() {
    for (rule, from, to) in [
        ("version", "\"entityversion\":3", "\"entityversion\":5"),
        ("id", ".0\",\"source\"", ".1\",\"source\""),
        ("source", "urn:kippu:07", "urn:kippu:08"),
        ("time", "\"time\":\"2027", "\"time\":\"2026"),
        ("command", "\"commandmac\":\"CQ", "\"commandmac\":\"Cw"),
    ] {
        let mut scene = Scene::new(Charging::AtSettlement);
        scene.redeem();
        let place = scene.both(settled(scene.settler, 600), charged(scene.approval, 600, 600));
        let (partition, number) = place;
        let at = usize::try_from(number).unwrap();
        scene.scribe.tape.edit(partition, at, |body| {
            assert!(body.contains(from), "{body}");
            body.replacen(from, to, 1)
        });
        scene.scribe.tape.rechain(partition, at);
        scene.breaks(rule, place);
    }
}

#[test]
fn breaches_beyond_the_first_are_counted() {
    let mut scene = Scene::new(Charging::AtSettlement);
    for _ in 0..31 {
        scene.redeem();
    }
    let report = verify(&scene.scribe.tape, &Options { most_breaches: 5, ..Options::default() });
    assert_eq!(report.totals.breaches, 30);
    assert_eq!(report.partitions.iter().map(|p| p.first_breaches.len()).sum::<usize>(), 5);
}
