//! Histories that a test makes up, and what is entered of them.

use std::collections::BTreeMap;

use kippu_events::access::users::{self, Category, Charging, LimitSource, Period as Counting, Policy, User};
use kippu_events::approvals::offers::{self, Offer};
use kippu_events::approvals::settlements::{self, Settlement};
use kippu_events::approvals::{self, Approval};
use kippu_events::event::{AnyEvent, Typed};
use kippu_events::money::Minor;
use kippu_events::{Entity, EntityId, EntityKey, Principal, Time};

use super::super::sample::{BEGIN, Beat, euro, minor};
use super::super::{Scripted, apply, entries};
use super::{shown, sums, units};
use crate::approvals::books::{Ledger, TrialBalances};
use crate::fold::Fold;

/// A history that a test makes up.
pub(super) struct Made {
    versions: BTreeMap<EntityKey, u64>,
    partitions: u16,
    clock: i64,
    pub(super) beats: Vec<Beat>,
}

impl Made {
    pub(super) fn new() -> Self {
        Self::after(BEGIN, 1)
    }

    /// One that begins at this time.
    pub(super) fn after(clock: i64, partitions: u16) -> Self {
        Self { versions: BTreeMap::new(), partitions, clock, beats: Vec::new() }
    }

    fn one<E: Entity>(&mut self, id: EntityId, event: E::Event) -> (EntityKey, u64, Box<dyn AnyEvent>) {
        let key = EntityKey::of::<E>(id);
        let version = self.versions.entry(key).or_insert(0);
        *version += 1;
        (key, *version, Box::new(Typed::<E>(event)))
    }

    pub(super) fn record(&mut self, user: Vec<(EntityId, users::Event)>, approval: Vec<(EntityId, approvals::Event)>) {
        let mut events: Vec<_> = user.into_iter().map(|(id, event)| self.one::<User>(id, event)).collect();
        events.extend(approval.into_iter().map(|(id, event)| self.one::<Approval>(id, event)).collect::<Vec<_>>());
        self.write(events);
    }

    fn write(&mut self, events: Vec<(EntityKey, u64, Box<dyn AnyEvent>)>) {
        self.clock += 1_000_000;
        let time = Time::from_micros(self.clock);
        let partition = events[0].0.id.slot().partition(self.partitions);
        self.beats.push(Beat { partition, time, principal: Principal::Operator, events });
    }

    /// One event alone.
    pub(super) fn event<E: Entity>(&mut self, id: EntityId, event: E::Event) {
        let event = self.one::<E>(id, event);
        self.write(vec![event]);
    }

    /// The balances after each record, by account, without accounts in which nothing is left.
    pub(super) fn balances(self) -> Vec<BTreeMap<String, i64>> {
        let account = |row: &serde_json::Value| (row["account"].as_str().unwrap().to_owned(), units(row, "balance"));
        let mut all = Vec::new();
        at_every_record(&self.beats, |accounts| {
            all.push(accounts.iter().map(account).filter(|(_, balance)| *balance != 0).collect());
        });
        all
    }
}

/// Asks of the ledger after each record, by which the sums of all accounts are zero, and what the trial balances say.
pub(super) fn at_every_record(beats: &[Beat], mut ask: impl FnMut(&[serde_json::Value])) {
    let partitions = beats.iter().map(|beat| beat.partition + 1).max().unwrap_or(1);
    let log = Scripted::new(partitions);
    let (mut ledger, mut trial) = (Fold::new(&Ledger), Fold::new(&TrialBalances));
    for beat in beats {
        log.write(beat);
        let entry = entries(&*log, beat.partition).pop().unwrap();
        apply(&mut ledger, &entry);
        apply(&mut trial, &entry);
        let accounts = shown(&ledger, &Ledger);
        let of_accounts = sums(&accounts);
        assert!(of_accounts.values().all(|(debit, credit)| debit == credit), "{accounts:#?}");
        let rows = shown(&trial, &TrialBalances);
        assert!(rows.iter().all(|row| units(row, "balance") == 0), "{rows:?}");
        let of_trial = rows
            .iter()
            .map(|row| (row["currency"].as_str().unwrap().to_owned(), (units(row, "debit"), units(row, "credit"))));
        assert_eq!(of_trial.collect::<BTreeMap<_, _>>(), of_accounts);
        ask(&accounts);
    }
}

/// A settlement of 1,177 for this approval, up to the notice.
pub(super) fn settlement(of: EntityId, by: EntityId, about: EntityId) -> Vec<settlements::Event> {
    let mut events = Settlement::samples();
    let noticed = events.iter().position(|event| matches!(event, settlements::Event::Noticed { .. })).unwrap();
    events.truncate(noticed + 1);
    for event in &mut events {
        if let settlements::Event::Presented { shop, issuer, .. } = event {
            (*shop, *issuer) = (of, by);
        }
        if let settlements::Event::Permitted { approval, .. } | settlements::Event::Settled { approval, .. } = event {
            *approval = about;
        }
    }
    events
}

/// A part of it is given back.
pub(super) fn given_back(amount: Minor) -> [settlements::Event; 2] {
    [settlements::Event::RefundOrdered { amount }, settlements::Event::Refunded { attempt: 6, amount }]
}

/// An offer is delivered to this settlement server.
pub(super) fn delivered(to: EntityId, of: Minor) -> offers::Event {
    let delivered = Offer::samples().into_iter().find_map(|mut event| match &mut event {
        offers::Event::Delivered { settler, amount, currency, .. } => {
            (*settler, *amount, *currency) = (to, of, euro());
            Some(event)
        }
        offers::Event::Made { .. }
        | offers::Event::Refunded { .. }
        | offers::Event::PushAsked { .. }
        | offers::Event::PushDone { .. }
        | offers::Event::PushFailed { .. } => None,
    });
    delivered.unwrap()
}

/// So much more of its price was given back.
pub(super) fn refunded(settler: EntityId, amount: Minor) -> offers::Event {
    offers::Event::Refunded { settler, amount, currency: euro(), total: amount }
}

pub(super) fn registered(source: LimitSource, limit: Minor) -> users::Event {
    let samples = User::samples();
    let mut event = samples.into_iter().next().unwrap();
    let users::Event::Registered { source: its, limit: of, charging, policy, period, currency, .. } = &mut event else {
        panic!("the first sample registers")
    };
    (*its, *of, *charging, *currency) = (source, limit, Charging::AtPermission, euro());
    (*policy, *period) = (Policy::Own, Counting::None);
    event
}

/// Shows D17, D35, D42.
#[test]
fn what_is_charged_at_permission_is_undone_where_less_or_nothing_is_settled() {
    let [user, one, two, settler] = [1, 2, 3, 4].map(|n| EntityId::from_hash(&[n; 32]));
    let (hundred, eighty, twenty, currency) = (minor(100), minor(80), minor(20), euro());
    let reserve = |approval| users::Event::AmountReserved { approval, amount: hundred };
    let charge = |approval| users::Event::AmountCharged { approval, reserved: hundred, amount: hundred };
    let refund = |approval, amount| users::Event::AmountRefunded { approval, amount, of_earlier_period: false };
    let redeemed = || approvals::Event::Redeemed { settler, amount: hundred, currency, offer: None };
    let mut made = Made::new();
    made.record(vec![(user, registered(LimitSource::Prepaid, minor(1_000)))], vec![]);
    made.record(vec![(user, reserve(one))], vec![]);
    made.record(vec![(user, charge(one))], vec![(one, redeemed())]);
    let settled = approvals::Event::Settled { settler, amount: eighty, currency, settled_at: None, contents: vec![] };
    made.record(vec![(user, refund(one, twenty))], vec![(one, settled)]);
    made.record(vec![(user, reserve(two))], vec![]);
    made.record(vec![(user, charge(two))], vec![(two, redeemed())]);
    made.record(vec![(user, refund(two, hundred))], vec![(two, approvals::Event::Released { settler })]);
    let back = approvals::Event::Refunded { amount: twenty, currency, total: twenty };
    made.record(vec![(user, refund(one, twenty))], vec![(one, back)]);
    let paid_in = [(format!("subscriber.{user}.deposits.EUR"), -1_000), ("house.cash.EUR".to_owned(), 1_000)];
    let reserved = |amount: i64| {
        [(format!("subscriber.{user}.reserved.EUR"), amount), ("house.reservations.EUR".to_owned(), -amount)]
    };
    let charged = |amount: i64| (format!("subscriber.{user}.purchases.EUR"), amount);
    let owed = |amount: i64| (format!("settler.{settler}.settlements.EUR"), -amount);
    let clearing = |amount: i64| ("house.clearing.EUR".to_owned(), -amount);
    let expected: [Vec<(String, i64)>; 8] = [
        vec![],
        reserved(100).into(),
        vec![charged(100), clearing(100)],
        vec![charged(80), owed(80)],
        [&reserved(100)[..], &[charged(80), owed(80)]].concat(),
        vec![charged(180), clearing(100), owed(80)],
        vec![charged(80), owed(80)],
        vec![charged(60), owed(60)],
    ];
    let expected = expected.map(|accounts| accounts.into_iter().chain(paid_in.clone()).collect::<BTreeMap<_, _>>());
    assert_eq!(made.balances(), expected);
}

/// Shows D17.
#[test]
fn points_are_entered_as_granted_and_taken_back_and_a_limit_that_nobody_paid_for_is_not_entered() {
    let [user, other, approval] = [1, 2, 3].map(|n| EntityId::from_hash(&[n; 32]));
    let (currency, limit) = (euro(), minor(500));
    let mut made = Made::new();
    made.record(vec![(other, registered(LimitSource::Fixed, minor(1_000)))], vec![]);
    made.record(vec![(user, registered(LimitSource::Points, Minor::ZERO))], vec![]);
    let credited = users::Event::Credited { amount: minor(30), limit, currency, approval: Some(approval) };
    made.record(vec![(user, credited)], vec![]);
    let back = users::Event::PointsTakenBack { approval, amount: minor(10), limit, currency };
    made.record(vec![(user, back)], vec![]);
    let points = |amount: i64| {
        [(format!("subscriber.{user}.points.EUR"), -amount), ("house.points.EUR".to_owned(), amount)].into()
    };
    assert_eq!(made.balances(), [BTreeMap::new(), BTreeMap::new(), points(30), points(20)]);
}

/// Shows D39.
#[test]
fn what_a_line_costs_is_in_an_account_of_its_own_and_is_taken_back_from_there() {
    let user = EntityId::from_hash(&[1; 32]);
    let currency = euro();
    let charge = |category, amount, takes_back| users::Event::Charged {
        category,
        amount: minor(amount),
        currency,
        note: None,
        takes_back,
    };
    let mut made = Made::new();
    made.event::<User>(user, registered(LimitSource::Fixed, minor(1_000)));
    made.event::<User>(user, charge(Category::Line, 1_990, false));
    made.event::<User>(user, charge(Category::Fee, 50, false));
    made.event::<User>(user, charge(Category::Line, 990, true));
    let of = |category: &str, amount: i64| {
        [(format!("subscriber.{user}.{category}.EUR"), amount), (format!("house.{category}.EUR"), -amount)]
    };
    let line = |amount| of("line", amount).into_iter().collect::<BTreeMap<_, _>>();
    let both = |amount| line(amount).into_iter().chain(of("fees", 50)).collect();
    assert_eq!(made.balances(), [BTreeMap::new(), line(1_990), both(1_990), both(1_000)]);
}

/// Shows D34, D42, D43.
#[test]
fn a_settlement_server_owes_the_shop_what_the_issuer_owes_it_and_a_shop_enters_a_delivery_once_less_what_was_given_back()
 {
    let [shop, issuer, settler, approval, one, offer] = [1, 2, 3, 4, 5, 6].map(|n| EntityId::from_hash(&[n; 32]));
    let mut made = Made::new();
    for event in settlement(shop, issuer, approval).into_iter().chain(given_back(minor(177))) {
        made.event::<Settlement>(one, event);
    }
    made.event::<Offer>(offer, delivered(settler, minor(100)));
    made.event::<Offer>(offer, delivered(settler, minor(100)));
    made.event::<Offer>(offer, refunded(settler, minor(30)));
    let settled = |amount: i64| {
        let issuers = (format!("issuer.{issuer}.settlements.EUR"), amount);
        [issuers, (format!("shop.{shop}.sales.EUR"), -amount)].into_iter().collect::<BTreeMap<_, _>>()
    };
    let delivery = |amount: i64| {
        let delivery = [(format!("settler.{settler}.deliveries.EUR"), amount), ("house.sales.EUR".to_owned(), -amount)];
        settled(1_000).into_iter().chain(delivery).collect::<BTreeMap<_, _>>()
    };
    let mut balances = made.balances();
    balances.dedup();
    assert_eq!(balances, [BTreeMap::new(), settled(1_177), settled(1_000), delivery(100), delivery(70)]);
}
