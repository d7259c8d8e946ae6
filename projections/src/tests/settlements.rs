//! What is shown of a settlement, and to whom.

use std::collections::BTreeMap;

use kippu_events::access::Caller;
use kippu_events::access::clients::Role;
use kippu_events::approvals::settlements::{By, Event, Settlement};
use kippu_events::{Entity as _, EntityId, EntityKey, Time};
use serde_json::{Value, json};

use super::{Running, SampleHistory, Scripted, seed};
use crate::approvals::settlements::{Kept, Settlements};
use crate::entity_table::{EntityTable as _, Row};
use crate::queries::{Page, QueryError};

/// The samples by their kinds.
fn samples() -> BTreeMap<String, Event> {
    let kind = |event: &Event| serde_json::to_value(event).unwrap()["type"].as_str().unwrap().to_owned();
    // The first sample of each kind.
    Settlement::samples().into_iter().rev().map(|event| (kind(&event), event)).collect()
}

fn id() -> EntityId {
    EntityId::from_hash(&[5; 32])
}

/// The row after these events.
fn shown(events: &[Event]) -> Value {
    let (mut state, mut kept) = (Settlement::default(), Kept::default());
    for event in events {
        state.evolve(event, Time::default());
        Settlements::keep(&mut kept, event);
    }
    let (begun_at, changed_at, version) = (Time::default(), Time::default(), events.len() as u64);
    let shown = Settlements::show(id(), Row { state, kept, begun_at, changed_at, version });
    serde_json::to_value(shown).unwrap()
}

fn after(kinds: &[&str]) -> Value {
    let samples = samples();
    let events: Vec<Event> = kinds.iter().map(|kind| samples[&format!("settlement.{kind}")].clone()).collect();
    shown(&events)
}

const TO_SETTLED: [&str; 6] = ["presented", "permitted", "contents_named", "content_held", "available", "settled"];

/// Shows D27, D28, D29.
#[test]
fn a_row_says_where_a_settlement_is_and_why_it_came_to_nothing() {
    let states = ["presented", "permitted", "fetching", "fetching", "available", "settled"];
    for (end, state) in (1..).zip(states) {
        let row = after(&TO_SETTLED[..end]);
        assert_eq!(row["state"], state, "{row}");
        assert!(row.get("reason").is_none());
    }
    let row = after(&["presented", "refused"]);
    assert_eq!(
        (&row["state"], &row["refused_by"], &row["reason"]),
        (&json!("refused"), &json!("issuer"), &json!("approval-expired"))
    );
    assert!(row.get("owes").is_none());
    for (end, state) in [("timed_out", "timed_out"), ("cancelled", "cancelled")] {
        let row = after(&["presented", end]);
        assert_eq!((&row["state"], &row["owes"]), (&json!(state), &json!("release")));
        assert!(after(&["presented", end, "released"]).get("owes").is_none());
    }
    assert_eq!(shown(&[]), Value::Null);
}

#[test]
fn a_row_says_what_is_owed_to_whom_and_what_was_given_back() {
    assert_eq!(after(&TO_SETTLED)["owes"], "notice");
    let with = |further: &[&str]| after(&[&TO_SETTLED[..], further].concat());
    assert!(with(&["noticed"]).get("owes").is_none());
    assert_eq!(with(&["noticed", "refund_ordered"])["owes"], "refund");
    let row = with(&["noticed", "refund_ordered", "refunded"]);
    assert_eq!((&row["settled_amount"], &row["refunded"]), (&json!(1_177), &json!(177)));
    assert_eq!(row["owes"], "refund_message");
    assert!(with(&["noticed", "refund_ordered", "refunded", "refund_told"]).get("owes").is_none());
    let row = with(&["noticed", "refund_ordered", "refund_refused"]);
    assert_eq!((row.get("refunded"), &row["last_refusal"]), (None, &json!("forbidden")));
}

/// Shows D30, D31.
#[test]
fn a_content_has_an_address_while_it_is_to_be_had() {
    let url = |row: &Value| row["contents"][0].get("url").cloned();
    let here = json!(format!("/v1/settlements/{}/content/1", id()));
    assert_eq!(url(&after(&TO_SETTLED[..4])), None);
    assert_eq!(url(&after(&TO_SETTLED[..5])), Some(here.clone()));
    assert_eq!(url(&after(&TO_SETTLED)), Some(here));
    assert_eq!(url(&after(&[&TO_SETTLED[..], &["received"]].concat())), None);
    let samples = samples();
    let mut direct: Vec<Event> = ["presented", "permitted", "contents_named"]
        .map(|kind| samples[&format!("settlement.{kind}")].clone())
        .to_vec();
    if let Some(Event::ContentsNamed { direct, .. }) = direct.last_mut() {
        *direct = true;
    }
    assert_eq!(url(&shown(&direct)), None, "not paid yet");
    direct.push(samples["settlement.settled"].clone());
    let at_shop = url(&shown(&direct)).unwrap();
    assert!(at_shop.as_str().unwrap().starts_with("http://127.0.0.1:7802/v1/offers/"), "{at_shop}");
}

#[test]
fn a_row_says_who_called_it_off() {
    let by = |by| {
        let row = shown(&[samples()["settlement.presented"].clone(), Event::Cancelled { by }]);
        row["refused_by"].as_str().unwrap().to_owned()
    };
    assert_eq!([By::Buyer, By::Operator, By::Deadline].map(by), ["buyer", "operator", "deadline"]);
}

/// Shows D30. Keeps S1.
#[test]
fn who_holds_the_capability_sees_its_row_alone_and_not_what_is_owed_to_the_issuer() {
    let mut sample = SampleHistory::new(seed(), 3);
    let running = Running::over(Scripted::telling(&mut sample, 2_000));
    let queries = running.caught_up();
    let page = Page { limit: 1000, ..Page::default() };
    let all: Vec<Value> = queries
        .list("settlements", &Caller::OPERATOR, &page)
        .unwrap()
        .rows
        .iter()
        .map(crate::json::Json::value)
        .collect();
    assert!(all.len() > 2, "{all:?}");
    for row in &all {
        let id = row["id"].as_str().unwrap();
        let key = EntityKey::of::<Settlement>(id.parse().unwrap());
        let holder = Caller::holder_of(key);
        let own = queries.get("settlements", id, &holder, false).unwrap().row.value();
        let mut expected = row.as_object().unwrap().clone();
        expected.retain(|name, _| !["owes", "last_refusal"].contains(&name.as_str()));
        assert_eq!(own, Value::Object(expected));
        assert!(!row.to_string().contains("xchacha"), "{row}");
        let other = Caller::holder_of(EntityKey { family: kippu_events::Family::Approvals, ..key });
        for stranger in [Caller::GUEST, other] {
            assert_eq!(queries.get("settlements", id, &stranger, false), Err(QueryError::Unauthenticated));
        }
        let terminal = Caller::of_client(key.id, Role::Terminal, None);
        assert!(matches!(queries.get("settlements", id, &terminal, false), Err(QueryError::Forbidden(_))));
        let someone = Caller::holder_of(EntityKey::of::<Settlement>(EntityId::from_hash(&[6; 32])));
        assert_eq!(queries.get("settlements", id, &someone, false), Err(QueryError::NotFound));
    }
}
