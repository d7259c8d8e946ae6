//! Random commands of everybody to the approvals of one user, at random times, against plain arithmetic.

use std::collections::BTreeMap;

use kippu_events::access::users::Account;
use kippu_events::{EntityKey, Family};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::*;
use crate::world::{World, id_in};

mod steps;

use steps::{Step, steps};

/// What was answered about an approval, and what that means for the user's limit.
#[derive(Clone, Debug)]
enum Known {
    /// For so much, of which so much is reserved, until then.
    Pending(u64, u64, Time),
    /// For so much, until then.
    Issued(u64, Time),
    Redeemed(u64, u8, Time),
    /// So much, and so much given back of it, charged then.
    Settled {
        amount: u64,
        refunded: u64,
        by: u8,
        charged_at: Time,
    },
    Over,
}

/// The terms of a user.
#[derive(Clone, Copy, Debug)]
struct Kind {
    charging: Charging,
    source: LimitSource,
    policy: Policy,
    period: Period,
}

struct Run {
    world: World,
    user: EntityId,
    kind: Kind,
    limit: u64,
    suspended: bool,
    approvals: Vec<(EntityId, Value)>,
    known: BTreeMap<EntityId, Known>,
}

/// Points of what was settled: a tenth.
const RATE_BP: u64 = 1_000;

fn points(settled: u64) -> u64 {
    settled * RATE_BP / 10_000
}

fn client(n: u8, user: EntityId) -> Caller {
    match n {
        5 => Caller { user: Some(user), ..terminal() },
        n => caller(Role::Settler, n),
    }
}

fn of(name: &'static str, id: EntityId) -> (Family, &'static str, Option<EntityId>) {
    (Family::Approvals, name, Some(id))
}

impl Run {
    fn new(kind: Kind) -> Self {
        let mut world = World::new();
        let Kind { charging, source, policy, period } = kind;
        let mut body = json!({"login": "aiko", "charging": charging, "policy": policy, "period": period,
            "limit": {"source": source, "amount": 100, "currency": "EUR"}});
        if source == LimitSource::Points {
            body["points_rate_bp"] = json!(RATE_BP);
        }
        if policy != Policy::Own {
            body["reference"] = json!({"party": id(4), "number": "4711"});
        }
        let (_, user) = world.ask(Caller::OPERATOR, (Family::Users, "open", None), &body).unwrap();
        let (user, suspended) = (id_in(&user), false);
        Self { world, user, kind, limit: 100, suspended, approvals: Vec::new(), known: BTreeMap::new() }
    }

    fn pick(&self, which: usize) -> Option<(EntityId, Value)> {
        self.approvals.get(which.checked_rem(self.approvals.len())?).cloned()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Open { amount, secs } => self.open(amount, secs),
            Step::Answer { which, good } => {
                let Some((id, _)) = self.pick(which) else { return };
                self.answer(id, good);
            }
            Step::Redeem { which, by } => {
                let Some((id, token)) = self.pick(which) else { return };
                let asked = (Family::Approvals, "redeem", None);
                let is_redeemed = self.world.ask(client(by, self.user), asked, &json!({"token": token})).is_ok();
                match self.known[&id] {
                    Known::Issued(amount, ends) if self.world.now < ends && !self.suspended => {
                        assert!(is_redeemed, "what is open is redeemed");
                        self.known.insert(id, Known::Redeemed(amount, by, self.world.now));
                    }
                    _ => assert!(!is_redeemed, "what is not open is not"),
                }
            }
            Step::Settle { which, by, amount } => {
                let Some((id, _)) = self.pick(which) else { return };
                self.settle(id, by, amount);
            }
            Step::Refund { which, by, amount } => {
                let Some((id, _)) = self.pick(which) else { return };
                self.refund(id, by, amount);
            }
            Step::Release { which, by } => {
                let Some((id, token)) = self.pick(which) else { return };
                let asked = (Family::Approvals, "release", None);
                let is_released = self.world.ask(client(by, self.user), asked, &json!({"token": token})).is_ok();
                let expected = match self.known[&id] {
                    Known::Issued(..) => true,
                    Known::Redeemed(_, settler, _) => settler == by,
                    Known::Pending(..) | Known::Settled { .. } | Known::Over => false,
                };
                assert_eq!(is_released, expected, "a settler lets go of what it may settle");
                if is_released {
                    self.known.insert(id, Known::Over);
                }
            }
            Step::Revoke { which, by } => {
                let Some((id, _)) = self.pick(which) else { return };
                let is_revoked = self.world.ask(client(by, self.user), of("revoke", id), &json!({})).is_ok();
                let expected = match self.known[&id] {
                    Known::Pending(..) | Known::Issued(..) => by == 5,
                    Known::Redeemed(_, settler, _) => by == settler,
                    Known::Settled { .. } | Known::Over => false,
                };
                assert_eq!(is_revoked, expected, "it is taken back by whom it concerns");
                if is_revoked {
                    self.known.insert(id, Known::Over);
                }
            }
            Step::MoveLimit { amount } => self.move_limit(amount),
            Step::Suspend { suspended } => {
                let name = if suspended { "suspend" } else { "resume" };
                let asked = (Family::Users, name, Some(self.user));
                let is_done = self.world.ask(Caller::OPERATOR, asked, &json!({})).is_ok();
                assert_eq!(is_done, suspended != self.suspended);
                self.suspended = suspended;
            }
            Step::Wait { secs } => self.world.after(secs),
            Step::Deadlines => self.deadlines(),
        }
        self.check();
    }

    fn open(&mut self, amount: u64, secs: u32) {
        let body = json!({"amount": amount, "currency": "EUR", "expires_in_secs": secs});
        // The limit is there anew in a month that no deadline has begun yet.
        let [reserved, charged] = self.sums(self.begun(self.world.now));
        let free = self.limit - reserved - charged;
        match self.world.ask(client(5, self.user), (Family::Approvals, "open", None), &body) {
            Ok((_, reply)) => {
                assert!(!self.suspended, "nothing is approved while it is suspended");
                let (id, now) = (id_in(&reply), self.world.now);
                self.approvals.push((id, reply["token"].clone()));
                let known = match self.kind.policy {
                    Policy::Own => Known::Issued(amount, now.after(Duration::from_secs(secs.into()))),
                    Policy::Both => Known::Pending(amount, amount, now.after(Duration::from_secs(10))),
                    Policy::Reference => Known::Pending(amount, 0, now.after(Duration::from_secs(10))),
                };
                assert!(amount <= free || self.kind.policy == Policy::Reference, "only what fits is approved");
                assert_eq!(reply["state"] == "pending", self.kind.policy != Policy::Own);
                self.known.insert(id, known);
            }
            Err(problem) if self.suspended => assert_eq!(problem.kind.slug, "user-suspended"),
            Err(problem) => {
                assert_eq!(problem.kind.slug, "limit-exceeded");
                assert!(amount > free, "only what does not fit is refused");
            }
        }
    }

    fn answer(&mut self, id: EntityId, good: bool) {
        let key = EntityKey::of::<Approval>(id);
        let [reserved, charged] = self.sums(self.begun(self.world.now));
        let came = self.world.came_of(key, 1, 200, &json!({"standing": if good { "good" } else { "bad" }}));
        let slug = came.as_ref().map_or_else(|problem| problem.kind.slug, |_| "given");
        let Known::Pending(amount, held, until) = self.known[&id] else { return assert_eq!(slug, "not-due") };
        if until <= self.world.now {
            return assert_eq!(slug, "not-due");
        }
        let fits = reserved - held + charged + amount <= self.limit;
        let expected = match (good, self.suspended, fits) {
            (false, ..) => "credit-refused",
            (true, true, _) => "user-suspended",
            (true, false, false) => "limit-exceeded",
            (true, false, true) => "given",
        };
        assert_eq!(slug, expected);
        self.known.insert(id, Known::Over);
        if expected == "given" {
            let (_, collected) = self.world.ask(client(5, self.user), of("collect", id), &json!({})).unwrap();
            let ends = collected["expires_at"].as_str().unwrap().parse().unwrap();
            self.known.insert(id, Known::Issued(amount, ends));
            for (known, token) in &mut self.approvals {
                if *known == id {
                    token.clone_from(&collected["token"]);
                }
            }
        }
    }

    fn settle(&mut self, id: EntityId, by: u8, amount: u64) {
        let body = json!({"amount": amount, "currency": "EUR"});
        let is_settled = self.world.ask(client(by, self.user), of("settle", id), &body).is_ok();
        match self.known[&id] {
            Known::Redeemed(approved, settler, at) if by == settler && amount <= approved => {
                assert!(is_settled, "a settler settles what it redeemed");
                let charged_at = match self.kind.charging {
                    Charging::AtPermission => at,
                    Charging::AtSettlement => self.world.now,
                };
                self.known.insert(id, Known::Settled { amount, refunded: 0, by, charged_at });
                if self.kind.source == LimitSource::Points {
                    self.limit += points(amount);
                }
            }
            _ => assert!(!is_settled, "nobody settles anything else, or more"),
        }
    }

    fn refund(&mut self, id: EntityId, by: u8, units: u64) {
        let body = json!({"amount": units, "currency": "EUR"});
        let is_refunded = self.world.ask(client(by, self.user), of("refund", id), &body).is_ok();
        match self.known[&id] {
            Known::Settled { amount, refunded, by: settler, charged_at }
                if by == settler && units > 0 && refunded + units <= amount =>
            {
                assert!(is_refunded, "a settler gives back what it settled");
                let (left, refunded) = (amount - refunded, refunded + units);
                self.known.insert(id, Known::Settled { amount, refunded, by, charged_at });
                if self.kind.source == LimitSource::Points {
                    let [reserved, charged] = self.sums(self.begun(self.world.now));
                    let unused = self.limit - reserved - charged;
                    self.limit -= (points(left) - points(left - units)).min(unused);
                }
            }
            _ => assert!(!is_refunded, "nobody gives anything else back, or more"),
        }
    }

    fn move_limit(&mut self, amount: u64) {
        let (name, body) = match self.kind.source {
            LimitSource::Fixed => ("change_limit", json!({"limit": amount})),
            LimitSource::Prepaid | LimitSource::Points | LimitSource::Solvency => ("credit", json!({"amount": amount})),
        };
        let moved = self.world.ask(Caller::OPERATOR, (Family::Users, name, Some(self.user)), &body);
        if let Ok((_, reply)) = moved {
            self.limit = if name == "credit" { self.limit + amount } else { amount };
            assert_eq!(reply["limit"], self.limit);
        }
    }

    fn deadlines(&mut self) {
        self.world.fire();
        for (id, known) in &mut self.known {
            match self.world.state::<Approval>(*id) {
                Approval::Expired(_) => {
                    assert!(matches!(known, Known::Issued(..) | Known::Over), "only what was not used expires");
                    *known = Known::Over;
                }
                Approval::Refused => {
                    assert!(matches!(known, Known::Pending(..) | Known::Over), "only what was asked for is given up");
                    *known = Known::Over;
                }
                _ => {}
            }
        }
    }

    fn account(&self) -> Account {
        self.world.state::<User>(self.user).account().cloned().expect("the user is registered")
    }

    /// When the period of `time` begins: what was charged before does not count any more.
    fn begun(&self, time: Time) -> Option<String> {
        (self.kind.period == Period::Month).then(|| time.month())
    }

    /// Reserved, and charged in this month.
    fn sums(&self, month: Option<String>) -> [u64; 2] {
        let counts = |charged_at: &Time| month.as_ref().is_none_or(|month| *month == charged_at.month());
        let (mut reserved, mut charged) = (0, 0);
        for known in self.known.values() {
            match (known, self.kind.charging) {
                (Known::Pending(_, amount, _) | Known::Issued(amount, _), _)
                | (Known::Redeemed(amount, ..), Charging::AtSettlement) => reserved += amount,
                (Known::Redeemed(amount, _, at), Charging::AtPermission) if counts(at) => charged += amount,
                (Known::Settled { amount, refunded, charged_at, .. }, _) if counts(charged_at) => {
                    charged += amount - refunded;
                }
                (Known::Redeemed(..) | Known::Settled { .. } | Known::Over, _) => {}
            }
        }
        [reserved, charged]
    }

    fn check(&self) {
        let account = self.account();
        let [reserved, charged] = self.sums(account.period.map(|running| running.began.month()));
        assert_eq!((account.reserved.units(), account.charged.units()), (reserved, charged));
        assert_eq!(account.limit.units(), self.limit);
        assert!(reserved + charged <= self.limit, "within the limit");
        for (id, _) in &self.approvals {
            assert!(self.world.count(*id, "approval.redeemed") <= 1, "used at most once");
            assert!(self.world.count(*id, "approval.settled") <= 1, "settled at most once");
            assert!(self.world.count(*id, "approval.issued") <= 1, "given at most once");
        }
    }

    /// Everything that is open ends, and nothing is left reserved.
    fn end(&mut self) {
        self.world.after(60);
        self.deadlines();
        for (id, known) in self.known.clone() {
            if let Known::Redeemed(..) = known {
                self.world.ask(Caller::OPERATOR, of("revoke", id), &json!({})).unwrap();
                self.known.insert(id, Known::Over);
            }
        }
        self.check();
        assert_eq!(self.account().reserved, minor(0));
        self.world.replays();
    }
}

/// Shows D16, D17, D18, D35, D42. Keeps T1, T2, E1.
#[test]
fn whatever_is_asked_in_whatever_order_the_limit_holds_and_each_approval_is_used_once() {
    let seed: u64 = std::env::var("KIPPU_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("KIPPU_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config { cases: 256, failure_persistence: None, ..Config::default() };
    let kinds = (
        prop_oneof![Just(Charging::AtSettlement), Just(Charging::AtPermission)],
        prop_oneof![Just(LimitSource::Fixed), Just(LimitSource::Prepaid), Just(LimitSource::Points)],
        prop_oneof![2 => Just(Policy::Own), 1 => Just(Policy::Both), 1 => Just(Policy::Reference)],
        prop_oneof![Just(Period::None), Just(Period::Month)],
    );
    let run = TestRunner::new_with_rng(config, rng).run(&(kinds, steps()), |(kind, steps)| {
        let (charging, source, policy, period) = kind;
        let mut run = Run::new(Kind { charging, source, policy, period });
        for step in steps {
            run.step(step);
        }
        run.end();
        Ok(())
    });
    assert!(run.is_ok(), "{run:?}");
}
