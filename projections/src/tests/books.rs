//! The books: that they are balanced at every record, agree with the other views, and are told to whom they belong.

use std::collections::BTreeMap;

use kippu_events::access::users::{self, Charging, LimitSource, Period as Counting, Policy, User};
use kippu_events::access::{Caller, Role, Roles};
use kippu_events::approvals::{self, Approval};
use kippu_events::event::{AnyEvent, Typed};
use kippu_events::money::Minor;
use kippu_events::{Entity, EntityId, EntityKey, Principal, Time};
use serde_json::Value;

use super::sample::{BEGIN, Beat, euro, minor};
use super::shown::rows;
use super::{Running, SampleHistory, Scripted, apply, end_of, entries, seed};
use crate::approvals::books::{Entries, Ledger, Period, Statement};
use crate::fold::Fold;
use crate::queries::{Queries, QueryError};
use crate::view::{Ask, Filters, MAIN, Table as _};

/// The rows of a table in memory, as an operator sees them.
fn shown(fold: &Fold<'_>, table: &dyn crate::view::Table) -> Vec<Value> {
    let filters = Filters::default();
    let ask = Ask { own: None, hidden: &[], filters: &filters, decrypt: None };
    let of_table = fold.rows().filter_map(|(key, row)| Some((key.strip_prefix(&[MAIN])?, row)));
    of_table.map(|(key, row)| table.present(key, row, &ask).unwrap().unwrap().row.value()).collect()
}

fn units(row: &Value, member: &str) -> i64 {
    row[member].as_i64().unwrap_or_else(|| panic!("no {member} in {row}"))
}

/// The balances of all accounts, by currency, of which there is at least one.
fn balances(accounts: &[Value]) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for account in accounts {
        assert_eq!(units(account, "balance"), units(account, "debit") - units(account, "credit"));
        *sums.entry(account["currency"].as_str().unwrap().to_owned()).or_default() += units(account, "balance");
    }
    sums
}

/// Shows D42, D43.
#[test]
fn the_sum_of_all_accounts_is_zero_at_every_record_and_so_is_that_of_every_entry() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 2_000);
    let (mut ledger, mut journal) = (Fold::new(&Ledger), Fold::new(&Entries));
    let mut moved = 0;
    for partition in 0..3 {
        for entry in entries(&*log, partition) {
            apply(&mut ledger, &entry);
            apply(&mut journal, &entry);
            let accounts = shown(&ledger, &Ledger);
            assert!(balances(&accounts).values().all(|sum| *sum == 0), "{accounts:#?}");
            moved += usize::from(!accounts.is_empty());
        }
    }
    assert!(moved > 1_000, "money moved before {moved} records");
    let mut accounts: BTreeMap<String, i64> = BTreeMap::new();
    for entry in shown(&journal, &Entries) {
        let signed =
            |line: &Value| if line["side"] == "debit" { units(line, "amount") } else { -units(line, "amount") };
        let lines = entry["lines"].as_array().unwrap();
        assert!(lines.len() >= 2 && lines.iter().map(signed).sum::<i64>() == 0, "{entry}");
        lines.iter().for_each(|line| {
            *accounts.entry(line["account"].as_str().unwrap().to_owned()).or_default() += signed(line)
        });
    }
    let of_ledger = shown(&ledger, &Ledger);
    let balance = |row: &Value| (row["account"].as_str().unwrap().to_owned(), units(row, "balance"));
    assert_eq!(accounts, of_ledger.iter().map(balance).collect());
}

fn told() -> (SampleHistory, Running) {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 1_500);
    (sample, Running::over(log))
}

fn balance_of(queries: &Queries, account: &str) -> i64 {
    match queries.get("ledger", account, &Caller::OPERATOR, false) {
        Ok(found) => units(&found.row.value(), "balance"),
        Err(error) => {
            assert_eq!(error, QueryError::NotFound, "{account}");
            0
        }
    }
}

/// Shows D34, D43.
#[test]
fn accounts_say_what_users_approvals_and_settlements_say() {
    let (sample, running) = told();
    let queries = running.caught_up();
    for user in rows(&queries, "spending", &Caller::OPERATOR, &[]) {
        let account = |category: &str| format!("subscriber.{}.{category}.EUR", user["id"].as_str().unwrap());
        assert_eq!(balance_of(&queries, &account("purchases")), units(&user, "charged"));
        assert_eq!(balance_of(&queries, &account("reserved")), units(&user, "reserved"));
    }
    let kept = |row: &Value, settled: &str, back: &str| units(row, settled) - row[back].as_i64().unwrap_or(0);
    let approvals = rows(&queries, "approvals", &Caller::OPERATOR, &[("state", "settled".to_owned())]);
    let mut all = 0;
    for settler in &sample.settlers {
        let own = approvals.iter().filter(|row| row["settler"] == settler.to_string());
        let owed: i64 = own.map(|row| kept(row, "settled_amount", "refunded_amount")).sum();
        assert_eq!(balance_of(&queries, &format!("settler.{settler}.settlements.EUR")), -owed);
        all += owed;
    }
    assert!(all > 0);
    assert_eq!(balance_of(&queries, "house.clearing.EUR"), 0, "charged and settled are the same here");
    let settlements = rows(&queries, "settlements", &Caller::OPERATOR, &[("state", "settled".to_owned())]);
    assert!(!settlements.is_empty());
    for of in ["shop", "issuer"] {
        let mut owed: BTreeMap<&str, i64> = BTreeMap::new();
        for row in &settlements {
            *owed.entry(row[of].as_str().unwrap()).or_default() += kept(row, "settled_amount", "refunded");
        }
        for (owner, owed) in owed {
            let expected = if of == "shop" { ("sales", -owed) } else { ("settlements", owed) };
            assert_eq!(balance_of(&queries, &format!("{of}.{owner}.{}.EUR", expected.0)), expected.1);
        }
    }
}

/// A history that a test makes up.
struct Made {
    versions: BTreeMap<EntityKey, u64>,
    clock: i64,
    beats: Vec<Beat>,
}

impl Made {
    fn new() -> Self {
        Self { versions: BTreeMap::new(), clock: BEGIN, beats: Vec::new() }
    }

    fn one<E: Entity>(&mut self, id: EntityId, event: E::Event) -> (EntityKey, u64, Box<dyn AnyEvent>) {
        let key = EntityKey::of::<E>(id);
        let version = self.versions.entry(key).or_insert(0);
        *version += 1;
        (key, *version, Box::new(Typed::<E>(event)))
    }

    fn record(&mut self, user: Vec<(EntityId, users::Event)>, approval: Vec<(EntityId, approvals::Event)>) {
        let mut events: Vec<_> = user.into_iter().map(|(id, event)| self.one::<User>(id, event)).collect();
        events.extend(approval.into_iter().map(|(id, event)| self.one::<Approval>(id, event)).collect::<Vec<_>>());
        self.clock += 1_000_000;
        let time = Time::from_micros(self.clock);
        self.beats.push(Beat { partition: 0, time, principal: Principal::Operator, events });
    }

    /// The balances after each record, by account.
    fn balances(self) -> Vec<BTreeMap<String, i64>> {
        let log = Scripted::new(1);
        let mut ledger = Fold::new(&Ledger);
        let mut all = Vec::new();
        for beat in self.beats {
            log.write(&beat);
            apply(&mut ledger, entries(&*log, 0).last().unwrap());
            let accounts = shown(&ledger, &Ledger);
            assert!(balances(&accounts).values().all(|sum| *sum == 0));
            let account = |row: &Value| (row["account"].as_str().unwrap().to_owned(), units(row, "balance"));
            all.push(accounts.iter().map(account).filter(|(_, balance)| *balance != 0).collect());
        }
        all
    }
}

fn registered(source: LimitSource, limit: Minor) -> users::Event {
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

/// Shows D37, D43.
#[test]
fn everybody_sees_the_own_accounts_alone_and_their_statements_alone() {
    let (sample, running) = told();
    let queries = running.caught_up();
    let all = rows(&queries, "ledger", &Caller::OPERATOR, &[]);
    let auditor = Caller::of_client(sample.users[0], Role::Auditor, None);
    assert_eq!(rows(&queries, "ledger", &auditor, &[]), all);
    assert!(!rows(&queries, "ledger-entries", &auditor, &[]).is_empty());
    let user = |id: EntityId| Caller::of_user(id);
    let peer = |role| move |id: EntityId| Caller::of_peer(id, Roles::one(role));
    let terminal = |id: EntityId| Caller::of_client(sample.terminals[0], Role::Terminal, Some(id));
    let as_whom: [(&str, &dyn Fn(EntityId) -> Caller); 6] = [
        ("subscriber", &user),
        ("subscriber", &terminal),
        ("settler", &peer(Role::Settler)),
        ("settler", &|id| Caller::of_client(id, Role::Settler, None)),
        ("shop", &peer(Role::Shop)),
        ("issuer", &peer(Role::Authenticator)),
    ];
    let month: Period = "2026-12".parse().unwrap();
    for (kind, caller) in as_whom {
        let mut owners: Vec<&str> =
            all.iter().filter(|row| row["owner_kind"] == kind).filter_map(|row| row["owner"].as_str()).collect();
        owners.dedup();
        assert!(!owners.is_empty(), "{kind}");
        for owner in owners {
            let caller = caller(owner.parse().unwrap());
            let (own, others): (Vec<&Value>, Vec<&Value>) = all.iter().partition(|row| row["owner"] == owner);
            assert_eq!(rows(&queries, "ledger", &caller, &[]).iter().collect::<Vec<_>>(), own);
            for row in own {
                assert!(queries.statement(row["account"].as_str().unwrap(), &month, &caller).is_ok());
            }
            for row in others {
                let account = row["account"].as_str().unwrap();
                assert_eq!(queries.get("ledger", account, &caller, false), Err(QueryError::NotFound));
                assert_eq!(queries.statement(account, &month, &caller), Err(QueryError::NotFound));
            }
            let listed = queries.list("ledger-entries", &caller, &crate::queries::Page::default());
            assert!(matches!(listed, Err(QueryError::Forbidden(_))));
        }
    }
    let account = all[0]["account"].as_str().unwrap();
    assert_eq!(queries.statement(account, &month, &Caller::GUEST), Err(QueryError::Unauthenticated));
    let nobody = format!("subscriber.{}.purchases.EUR", EntityId::from_hash(&[99; 32]));
    assert_eq!(queries.statement(&nobody, &month, &Caller::OPERATOR), Err(QueryError::NotFound));
}

/// Shows D37.
#[test]
fn a_shop_is_told_its_offers_and_no_approvals_of_which_two_of_one_user_are_alike() {
    let (_sample, running) = told();
    let queries = running.caught_up();
    let shops = rows(&queries, "ledger", &Caller::OPERATOR, &[("owner_kind", "shop".to_owned())]);
    let at_authenticator: Vec<&Value> = shops.iter().filter(|row| row["category"] == "purchases").collect();
    assert!(!at_authenticator.is_empty() || shops.iter().all(|row| row["category"] == "sales"));
    for row in &shops {
        for (month, _) in row["months"].as_object().unwrap() {
            let statement =
                queries.statement(row["account"].as_str().unwrap(), &month.parse().unwrap(), &Caller::OPERATOR);
            let lines = statement.unwrap().lines;
            assert!(!lines.is_empty());
            assert!(lines.iter().all(|line| line.cause.family != Approval::FAMILY), "{row}");
        }
    }
}

/// Shows D43.
#[test]
fn statements_begin_with_what_the_one_before_ended_with_and_days_add_up_to_months() {
    let (_sample, running) = told();
    let queries = running.caught_up();
    let get = |account: &str, period: &str| -> Statement {
        queries.statement(account, &period.parse().unwrap(), &Caller::OPERATOR).unwrap()
    };
    let mut seen = 0;
    for row in rows(&queries, "ledger", &Caller::OPERATOR, &[]) {
        let account = row["account"].as_str().unwrap();
        let months = row["months"].as_object().unwrap();
        let mut before = 0;
        for (month, of) in months {
            let statement = get(account, month);
            assert_eq!(statement.opening, before, "{account} {month}");
            assert_eq!(
                (statement.debit, statement.credit),
                (of["debit"].as_u64().unwrap(), of["credit"].as_u64().unwrap())
            );
            assert_eq!(statement.lines.len() as u64, of["entries"].as_u64().unwrap());
            assert_eq!(statement.closing, before + units(of, "debit") - units(of, "credit"));
            assert_eq!(statement.lines.last().map(|line| line.balance), Some(statement.closing));
            assert!(statement.lines.is_sorted_by_key(|line| (line.at, line.entry)));
            seen += statement.lines.len();
            let mut of_days = Vec::new();
            for day in 1..=31 {
                let Ok(day) = format!("{month}-{day:02}").parse::<Period>() else { continue };
                let of_day = get(account, &day.to_string());
                assert_eq!(of_day.opening, before, "{account} {day}");
                before = of_day.closing;
                of_days.extend(of_day.lines);
            }
            assert_eq!(of_days, statement.lines);
            assert_eq!(before, statement.closing);
        }
        assert_eq!(before, units(&row, "balance"));
        assert_eq!((get(account, "2027-12").opening, get(account, "2026-01").closing), (before, 0));
    }
    assert!(seen > 1_000, "only {seen} lines");
}

#[test]
fn the_journal_is_narrowed_by_month_time_and_cause() {
    let (_sample, running) = told();
    let queries = running.caught_up();
    let all = rows(&queries, "ledger-entries", &Caller::OPERATOR, &[]);
    let member = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    assert!(all.iter().map(|row| member(row, "at")).is_sorted());
    let one = &all[all.len() / 2];
    let narrowed =
        |name: &'static str, value: String| rows(&queries, "ledger-entries", &Caller::OPERATOR, &[(name, value)]);
    for (name, keeps) in [
        ("month", &(|row: &Value| row["month"] == one["month"]) as &dyn Fn(&Value) -> bool),
        ("cause", &|row| row["cause"] == one["cause"]),
        ("from", &|row| row["at"].as_str() >= one["at"].as_str()),
        ("to", &|row| row["at"].as_str() < one["at"].as_str()),
    ] {
        let value = member(one, if matches!(name, "from" | "to") { "at" } else { name });
        let expected: Vec<Value> = all.iter().filter(|row| keeps(row)).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{name}");
        assert_eq!(narrowed(name, value), expected, "{name}");
    }
    let found = queries.get("ledger-entries", &member(one, "id"), &Caller::OPERATOR, false).unwrap();
    assert_eq!(&found.row.value(), one);
    for key in ["0-1", "0-01.0", "x-1.0", "0-999999.0"] {
        assert_eq!(queries.get("ledger-entries", key, &Caller::OPERATOR, false), Err(QueryError::NotFound), "{key}");
    }
}
