//! Random commands of everybody to the approvals of one user, at random times, against plain arithmetic.

use std::collections::BTreeMap;

use kippu_events::Family;
use kippu_events::access::users::Account;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::*;
use crate::world::{World, id_in};

/// One step; `which` counts the approvals from the first, cyclically.
#[derive(Clone, Copy, Debug)]
enum Step {
    Open { amount: u64, secs: u32 },
    Redeem { which: usize, by: u8 },
    Settle { which: usize, by: u8, amount: u64 },
    Revoke { which: usize, by: u8 },
    MoveLimit { amount: u64 },
    Wait { secs: u64 },
    Deadlines,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0..6_usize;
    let by = 5..8_u8; // the terminal and two settlers
    let step = prop_oneof![
        4 => (0..60_u64, 1..40_u32).prop_map(|(amount, secs)| Step::Open { amount, secs }),
        4 => (which.clone(), 6..8_u8).prop_map(|(which, by)| Step::Redeem { which, by }),
        4 => (which.clone(), 6..8_u8, 0..70_u64).prop_map(|(which, by, amount)| Step::Settle { which, by, amount }),
        2 => (which, by).prop_map(|(which, by)| Step::Revoke { which, by }),
        1 => (0..150_u64).prop_map(|amount| Step::MoveLimit { amount }),
        2 => (0..20_u64).prop_map(|secs| Step::Wait { secs }),
        1 => Just(Step::Deadlines),
    ];
    proptest::collection::vec(step, 1..60)
}

/// What was answered about an approval, and what that means for the user's limit.
#[derive(Clone, Copy)]
enum Known {
    /// For so much, until then.
    Issued(u64, Time),
    Redeemed(u64, u8),
    Settled(u64),
    Over,
}

struct Run {
    world: World,
    user: EntityId,
    charging: Charging,
    source: LimitSource,
    approvals: Vec<(EntityId, Value)>,
    known: BTreeMap<EntityId, Known>,
}

fn client(n: u8, user: EntityId) -> Caller {
    match n {
        5 => Caller { user: Some(user), ..terminal() },
        n => caller(Role::Settler, n),
    }
}

impl Run {
    fn new(charging: Charging, source: LimitSource) -> Self {
        let mut world = World::new();
        let body = json!({"login": "aiko", "charging": charging,
            "limit": {"source": source, "amount": 100, "currency": "EUR"}});
        let (_, user) = world.ask(Caller::OPERATOR, (Family::Users, "open", None), &body).unwrap();
        let user = id_in(&user);
        Self { world, user, charging, source, approvals: Vec::new(), known: BTreeMap::new() }
    }

    fn pick(&self, which: usize) -> Option<(EntityId, Value)> {
        self.approvals.get(which.checked_rem(self.approvals.len())?).cloned()
    }

    fn step(&mut self, step: Step) {
        let approval = |name, id| (Family::Approvals, name, Some(id));
        match step {
            Step::Open { amount, secs } => {
                let body = json!({"amount": amount, "currency": "EUR", "expires_in_secs": secs});
                let free = self.account().available().units();
                match self.world.ask(client(5, self.user), (Family::Approvals, "open", None), &body) {
                    Ok((_, reply)) => {
                        let id = id_in(&reply);
                        self.approvals.push((id, reply["token"].clone()));
                        let ends = self.world.now.after(Duration::from_secs(secs.into()));
                        self.known.insert(id, Known::Issued(amount, ends));
                    }
                    Err(problem) => {
                        assert_eq!(problem.kind.slug, "limit-exceeded");
                        assert!(amount > free, "only what does not fit is refused");
                    }
                }
            }
            Step::Redeem { which, by } => {
                let Some((id, token)) = self.pick(which) else { return };
                let caller = client(by, self.user);
                let asked = (Family::Approvals, "redeem", None);
                let is_redeemed = self.world.ask(caller, asked, &json!({"token": token})).is_ok();
                match self.known[&id] {
                    Known::Issued(amount, ends) if self.world.now < ends => {
                        assert!(is_redeemed, "what is open is redeemed");
                        self.known.insert(id, Known::Redeemed(amount, by));
                    }
                    _ => assert!(!is_redeemed, "what is not open is not"),
                }
            }
            Step::Settle { which, by, amount } => {
                let Some((id, _)) = self.pick(which) else { return };
                let body = json!({"amount": amount, "currency": "EUR"});
                let is_settled = self.world.ask(client(by, self.user), approval("settle", id), &body).is_ok();
                match self.known[&id] {
                    Known::Redeemed(approved, settler) if by == settler && amount <= approved => {
                        assert!(is_settled, "a settler settles what it redeemed");
                        self.known.insert(id, Known::Settled(amount));
                    }
                    _ => assert!(!is_settled, "nobody settles anything else, or more"),
                }
            }
            Step::Revoke { which, by } => {
                let Some((id, _)) = self.pick(which) else { return };
                let is_revoked = self.world.ask(client(by, self.user), approval("revoke", id), &json!({})).is_ok();
                match (self.known[&id], by) {
                    (Known::Issued(..), 5) => assert!(is_revoked, "a terminal takes back what it asked for"),
                    (Known::Redeemed(_, settler), by) if settler == by => {
                        assert!(is_revoked, "a settler takes back what it redeemed");
                    }
                    _ => assert!(!is_revoked, "nobody takes back what is settled, over, or another's"),
                }
                if is_revoked {
                    self.known.insert(id, Known::Over);
                }
            }
            Step::MoveLimit { amount } => {
                let (name, body) = match self.source {
                    LimitSource::Fixed => ("change_limit", json!({"limit": amount})),
                    LimitSource::Prepaid | LimitSource::Points => ("credit", json!({"amount": amount})),
                };
                let _refused_below_use =
                    self.world.ask(Caller::OPERATOR, (Family::Users, name, Some(self.user)), &body);
            }
            Step::Wait { secs } => self.world.after(secs),
            Step::Deadlines => self.deadlines(),
        }
        self.check();
    }

    fn deadlines(&mut self) {
        self.world.fire();
        for (id, known) in &mut self.known {
            if matches!(self.world.state::<Approval>(*id), Approval::Expired(_)) {
                assert!(matches!(known, Known::Issued(..) | Known::Over), "only what was not used expires");
                *known = Known::Over;
            }
        }
    }

    fn account(&self) -> Account {
        match self.world.state::<User>(self.user) {
            User::Registered(account) => account,
            User::Absent => panic!("the user is registered"),
        }
    }

    fn check(&self) {
        let account = self.account();
        let (mut reserved, mut charged, mut settled) = (0, 0, 0);
        for known in self.known.values() {
            match (known, self.charging) {
                (Known::Issued(amount, _), _) | (Known::Redeemed(amount, _), Charging::AtSettlement) => {
                    reserved += amount
                }
                (Known::Redeemed(amount, _), Charging::AtPermission) => charged += amount,
                (Known::Settled(amount), _) => {
                    charged += amount;
                    settled += amount;
                }
                (Known::Over, _) => {}
            }
        }
        assert_eq!((account.reserved.units(), account.charged.units()), (reserved, charged));
        assert!(reserved + charged <= account.limit.units(), "within the limit");
        assert!(settled <= account.limit.units(), "what is settled is within the limit");
        for (id, _) in &self.approvals {
            assert!(self.world.count(*id, "approval.redeemed") <= 1, "used at most once");
            assert!(self.world.count(*id, "approval.settled") <= 1, "settled at most once");
        }
    }

    /// Everything that is open ends, and nothing is left reserved.
    fn end(&mut self) {
        self.world.after(60);
        self.deadlines();
        for (id, known) in self.known.clone() {
            if let Known::Redeemed(..) = known {
                let revoke = (Family::Approvals, "revoke", Some(id));
                self.world.ask(Caller::OPERATOR, revoke, &json!({})).unwrap();
                self.known.insert(id, Known::Over);
            }
        }
        self.check();
        assert_eq!(self.account().reserved, minor(0));
        self.world.replays();
    }
}

/// Shows D16, D18. Keeps T1, T2, E1.
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
    );
    let run = TestRunner::new_with_rng(config, rng).run(&(kinds, steps()), |((charging, source), steps)| {
        let mut run = Run::new(charging, source);
        for step in steps {
            run.step(step);
        }
        run.end();
        Ok(())
    });
    assert!(run.is_ok(), "{run:?}");
}
