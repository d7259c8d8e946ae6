//! One user and one approval, to which a test adds what must not be.

use kippu_events::access::users::{self, Charging, User};
use kippu_events::approvals::{self, Approval};
use kippu_events::{EntityId, Time};

use super::sample::{SampleLog, event, issued, redeemed, registered, reserved, seed};
use crate::verify::{Options, verify};

/// A user with a limit of 1000 and an approval of 600 that somebody may redeem.
pub(super) struct Scene {
    pub(super) sample: SampleLog,
    pub(super) user: EntityId,
    pub(super) approval: EntityId,
    pub(super) settler: EntityId,
    pub(super) ends: Time,
}

impl Scene {
    pub(super) fn new(charging: Charging) -> Self {
        let mut sample = SampleLog::new(seed());
        let (user, settler) = (sample.id(), sample.id());
        let approval = sample.id().in_slot(user.slot());
        let ends = Time::from_micros(sample.now.micros() + 1_000_000);
        sample.commit(vec![event::<User>(user, registered(1000, charging))]);
        let mut scene = Self { sample, user, approval, settler, ends };
        scene.both(issued(user, 600, ends, 1000, 0), reserved(approval, 600));
        scene
    }

    pub(super) fn one(&mut self, happened: approvals::Event) -> (u16, u64) {
        self.sample.commit(vec![event::<Approval>(self.approval, happened)])
    }

    pub(super) fn both(&mut self, happened: approvals::Event, user_event: users::Event) -> (u16, u64) {
        self.sample.commit(vec![event::<Approval>(self.approval, happened), event::<User>(self.user, user_event)])
    }

    /// Goes on with another approval of the user; what it reserves.
    pub(super) fn another(&mut self, amount: u64) -> users::Event {
        self.approval = self.sample.id().in_slot(self.user.slot());
        reserved(self.approval, amount)
    }

    pub(super) fn redeem(&mut self) -> (u16, u64) {
        self.one(redeemed(self.settler, 600))
    }

    /// The history breaks exactly this rule, at exactly this record.
    pub(super) fn breaks(self, rule: &str, (partition, number): (u16, u64)) {
        let report = verify(&self.sample.tape, &Options::default());
        assert!(!report.sound && report.totals.damaged == 0, "{report}");
        for walked in &report.partitions {
            for breach in &walked.first_breaches {
                assert_eq!((walked.partition, breach.number), (partition, number), "{report}");
                assert!(breach.event.starts_with(&format!("{partition}-{number}.")), "{report}");
            }
        }
        let walked = &report.partitions[usize::from(partition)];
        assert!(walked.first_breaches.iter().any(|breach| breach.rule.name() == rule), "{rule}: {report}");
    }

    /// What `forge` adds to such a scene breaks these rules, and is found where it was added.
    pub(super) fn found(rules: &[&str], forge: impl Fn(&mut Self) -> (u16, u64)) {
        for rule in rules {
            let mut scene = Self::new(Charging::AtSettlement);
            let forged = forge(&mut scene);
            scene.breaks(rule, forged);
        }
    }

    pub(super) fn user_is(&mut self, happened: users::Event) -> (u16, u64) {
        self.sample.commit(vec![event::<User>(self.user, happened)])
    }

    pub(super) fn holds(self) {
        let report = verify(&self.sample.tape, &Options::default());
        assert!(report.sound, "{report}");
    }
}
