//! Who is told what of the books, and how statements hang together.

use kippu_events::EntityId;
use kippu_events::access::{Caller, Role, Roles};
use serde_json::Value;

use super::super::shown::rows;
use super::{told, units};
use crate::approvals::books::{Period, Statement};
use crate::queries::QueryError;

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
            let lines = statement.unwrap().statement.lines;
            assert!(!lines.is_empty());
            assert!(
                lines.iter().all(|line| line.cause.starts_with("offers/") || line.cause.starts_with("settlements/")),
                "{row}"
            );
        }
    }
}

/// Shows D43.
#[test]
fn statements_begin_with_what_the_one_before_ended_with_and_days_add_up_to_months() {
    let (_sample, running) = told();
    let queries = running.caught_up();
    let get = |account: &str, period: &str| -> Statement {
        queries.statement(account, &period.parse().unwrap(), &Caller::OPERATOR).unwrap().statement
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
            assert!(statement.lines.is_sorted_by_key(|line| line.at));
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
