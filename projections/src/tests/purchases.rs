//! Who sees what of approvals for offers, of what financial references told, and of what shops pushed.

use std::collections::BTreeSet;

use kippu_events::EntityId;
use kippu_events::access::{Caller, Role, Roles};
use serde_json::Value;

use super::{Running, SampleHistory, Scripted, seed};
use crate::json::Json;
use crate::queries::{Page, Queries, QueryError};

fn told() -> (SampleHistory, Running) {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 900);
    (sample, Running::over(log))
}

fn page(filters: &[(&str, String)]) -> Page {
    let filters = filters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Page { filters, limit: 1000, ..Page::default() }
}

fn rows(queries: &Queries, view: &str, caller: &Caller) -> Vec<Value> {
    queries.list(view, caller, &page(&[])).expect("listed").rows.iter().map(Json::value).collect()
}

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["id"].to_string()).collect()
}

#[test]
fn a_terminal_that_stores_nobody_sees_what_it_asked_for_without_whose_it_is() {
    let (sample, running) = told();
    let queries = running.caught_up();
    let caller = Caller::of_client(sample.terminals[0], Role::Terminal, None);
    let own = sample.terminals[0].to_string();
    let all = rows(&queries, "approvals", &Caller::OPERATOR);
    let asked: Vec<Value> = all.into_iter().filter(|row| row["requester"] == own.as_str()).collect();
    let shown = rows(&queries, "approvals", &caller);
    assert!(!shown.is_empty());
    assert_eq!(ids(&shown), ids(&asked));
    let users = sample.users.iter().map(EntityId::to_string);
    let text = serde_json::to_string(&shown).expect("text");
    assert!(users.into_iter().all(|user| !text.contains(&user)));
    let filters = page(&[("user", sample.users[0].to_string())]);
    assert!(matches!(queries.list("approvals", &caller, &filters), Err(QueryError::Forbidden(_))));
    let stranger = Caller::of_client(sample.settlers[0], Role::Terminal, None);
    assert!(rows(&queries, "approvals", &stranger).is_empty());
    let one = shown[0]["id"].as_str().expect("an id");
    assert!(queries.get("approvals", one, &caller, false).is_ok());
    assert_eq!(queries.get("approvals", one, &stranger, false), Err(QueryError::NotFound));
}

/// Shows D14, D37.
#[test]
fn what_a_reference_told_is_shown_to_operator_and_user_and_never_to_settlers() {
    let (sample, running) = told();
    let queries = running.caught_up();
    let all = rows(&queries, "approvals", &Caller::OPERATOR);
    let told: BTreeSet<&str> = all.iter().filter_map(|row| row["inquiry"]["told"].as_str()).collect();
    assert_eq!(told, BTreeSet::from(["good", "bad"]));
    assert!(all.iter().any(|row| row["state"] == "pending" && row["pending_until"].is_string()));
    for settler in &sample.settlers {
        let shown = rows(&queries, "approvals", &Caller::of_peer(*settler, Roles::one(Role::Settler)));
        assert!(!shown.is_empty());
        assert!(shown.iter().all(|row| row.get("inquiry").is_none() && row.get("user").is_none()));
        assert!(shown.iter().any(|row| row["buyer"].is_string()), "the pseudonym is what they are told");
    }
    let mut seen = 0;
    for user in &sample.users {
        let shown = rows(&queries, "approvals", &Caller::of_user(*user));
        assert!(shown.iter().all(|row| row["user"] == user.to_string() && row.get("buyer").is_none()));
        seen += shown.len();
        assert_eq!(rows(&queries, "spending", &Caller::of_user(*user)).len(), 1);
    }
    assert_eq!(seen, all.len());
}

/// Shows D33, D42.
#[test]
fn a_row_says_what_was_collected_let_go_of_and_given_back() {
    let (_sample, running) = told();
    let queries = running.caught_up();
    let all = rows(&queries, "approvals", &Caller::OPERATOR);
    let of = |state: &str| all.iter().filter(|row| row["state"] == state).collect::<Vec<_>>();
    assert!(of("released").iter().all(|row| row["settler"].is_string() && row["ended_at"].is_string()));
    assert!(!of("released").is_empty());
    let given_back = |row: &&&Value| row["refunded_amount"] == 3;
    assert!(of("settled").iter().filter(given_back).count() > 0);
    assert!(all.iter().any(|row| row["collected"].as_u64().is_some_and(|times| times > 0)));
}

/// Shows D9.
#[test]
fn a_shop_sees_what_it_pushed_and_an_operator_all_of_it() {
    let (_sample, running) = told();
    let queries = running.caught_up();
    let all = rows(&queries, "purchases", &Caller::OPERATOR);
    let shop: EntityId = all[0]["shop"].as_str().expect("a shop").parse().expect("an id");
    let peer = |id| Caller::of_peer(id, Roles::one(Role::Shop));
    assert_eq!(rows(&queries, "purchases", &peer(shop)), all);
    assert!(rows(&queries, "purchases", &peer(EntityId::from_hash(&[99; 32]))).is_empty());
    assert!(!rows(&queries, "credits", &Caller::OPERATOR).is_empty());
    assert!(matches!(queries.list("credits", &peer(shop), &page(&[])), Err(QueryError::Forbidden(_))));
}
