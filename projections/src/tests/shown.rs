//! Who sees what, and what lists can be narrowed by.

use std::collections::BTreeSet;

use kippu_events::access::Caller;
use kippu_events::access::clients::Role;
use kippu_events::secrets::EncryptedField;
use kippu_events::{EntityId, Time};
use serde_json::Value;

use super::sample::BEGIN;
use super::{Running, SampleHistory, Scripted, end_of, folded, seed};
use crate::access::users::Users;
use crate::catalogue;
use crate::error::NotOpened;
use crate::grants::Scope;
use crate::json::Json;
use crate::queries::{Page, Queries, QueryError};
use crate::view::Decrypt;

/// The views that answer queries.
pub(super) fn all_views() -> Vec<&'static str> {
    // Views are few and named for good.
    let shown = catalogue::views().into_iter().filter(|view| view.table().is_some());
    shown.map(|view| view.name()).collect()
}

pub(super) fn page(filters: &[(&str, String)]) -> Page {
    let filters = filters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Page { filters, limit: 1000, ..Page::default() }
}

pub(super) fn rows(queries: &Queries, view: &str, caller: &Caller, filters: &[(&str, String)]) -> Vec<Value> {
    queries.list(view, caller, &page(filters)).expect("listed").rows.iter().map(Json::value).collect()
}

fn settler(sample: &SampleHistory) -> Caller {
    Caller::of_client(sample.settlers[0], Role::Settler, None)
}

fn terminal(sample: &SampleHistory) -> Caller {
    Caller::of_client(sample.terminals[0], Role::Terminal, Some(sample.users[0]))
}

pub(super) fn told(seed: u64) -> (SampleHistory, Running) {
    let mut sample = SampleHistory::new(seed, 3);
    let log = Scripted::telling(&mut sample, 1_400);
    (sample, Running::over(log))
}

/// Shows D37.
#[test]
fn a_settler_sees_its_own_approvals_and_never_whose_they_are() {
    let (sample, running) = told(seed());
    let queries = running.caught_up();
    let caller = settler(&sample);
    let own = caller.party().expect("a client").to_string();
    let all = rows(&queries, "approvals", &Caller::OPERATOR, &[]);
    let (mine, others): (Vec<_>, Vec<_>) = all.iter().partition(|row| row["settler"] == own.as_str());
    assert!(!mine.is_empty() && !others.is_empty());
    let shown = rows(&queries, "approvals", &caller, &[]);
    assert_eq!(ids(&shown), mine.iter().map(|row| row["id"].to_string()).collect());
    let text = serde_json::to_string(&shown).expect("text");
    let terminals = sample.terminals.iter();
    assert!(sample.users.iter().chain(terminals).all(|id| !text.contains(&id.to_string())));
    for row in mine {
        let found =
            queries.get("approvals", row["id"].as_str().expect("an id"), &caller, false).expect("found").row.value();
        assert!(found.get("user").is_none() && found.get("requester").is_none());
    }
    for row in others {
        let found = queries.get("approvals", row["id"].as_str().expect("an id"), &caller, false);
        assert_eq!(found, Err(QueryError::NotFound));
    }
    for filter in [("user", sample.users[0].to_string()), ("settler", sample.settlers[1].to_string())] {
        assert!(matches!(queries.list("approvals", &caller, &page(&[filter])), Err(QueryError::Forbidden(_))));
    }
    for view in
        all_views().into_iter().filter(|view| !["approvals", "ledger"].contains(view) && !is_granted(view, Role::Guest))
    {
        assert!(matches!(queries.list(view, &caller, &page(&[])), Err(QueryError::Forbidden(_))), "{view}");
        let user = sample.users[0].to_string();
        assert!(matches!(queries.get(view, &user, &caller, false), Err(QueryError::Forbidden(_))), "{view}");
    }
}

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["id"].to_string()).collect()
}

#[test]
fn a_terminal_sees_what_belongs_to_its_user_and_nothing_else() {
    let (sample, running) = told(seed());
    let queries = running.caught_up();
    let caller = terminal(&sample);
    let (own, other) = (sample.users[0].to_string(), sample.users[1].to_string());
    for view in ["users", "spending"] {
        let shown = rows(&queries, view, &caller, &[]);
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0]["id"], own.as_str());
        assert!(queries.get(view, &own, &caller, false).is_ok());
        assert_eq!(queries.get(view, &other, &caller, false), Err(QueryError::NotFound));
    }
    let all = rows(&queries, "approvals", &Caller::OPERATOR, &[("user", own.clone())]);
    assert_eq!(ids(&rows(&queries, "approvals", &caller, &[])), ids(&all));
    assert!(matches!(queries.list("approvals", &caller, &page(&[("user", other)])), Err(QueryError::Forbidden(_))));
    let anyone = Caller { user: None, ..caller };
    for view in ["users", "spending"] {
        assert!(matches!(queries.list(view, &anyone, &page(&[])), Err(QueryError::Forbidden(_))));
        assert!(matches!(queries.get(view, &own, &anyone, false), Err(QueryError::Forbidden(_))));
    }
}

/// Whether every row of `view` is shown to `role`.
fn is_granted(view: &str, role: Role) -> bool {
    let views = catalogue::views();
    let grants =
        views.iter().filter(|its| its.name() == view).filter_map(|its| its.table()).flat_map(|table| table.grants());
    grants.filter(|grant| grant.role == role).any(|grant| [Scope::All, Scope::Staff].contains(&grant.rows))
}

#[test]
fn a_shop_is_shown_what_it_sells_and_nothing_else() {
    let (sample, running) = told(seed());
    let queries = running.caught_up();
    let caller = Caller::of_client(sample.settlers[0], Role::Shop, None);
    let (own, others): (Vec<_>, Vec<_>) = all_views().into_iter().partition(|view| is_granted(view, Role::Shop));
    assert_eq!(own, ["products", "genres", "offers", "shop-terms", "page-requests", "stocks"]);
    for view in own {
        assert!(queries.list(view, &caller, &page(&[])).is_ok(), "{view}");
    }
    for view in others.into_iter().filter(|view| !["purchases", "ledger"].contains(view)) {
        assert!(matches!(queries.list(view, &caller, &page(&[])), Err(QueryError::Forbidden(_))), "{view}");
    }
    // Another party that is a shop sells something else.
    let other = Caller::of_peer(sample.settlers[0], [Role::Shop].into_iter().collect());
    assert!(matches!(queries.list("offers", &other, &page(&[])), Err(QueryError::Forbidden(_))));
    let has_files = |caller| rows(&queries, "products", caller, &[]).iter().any(|row| row.get("contents").is_some());
    assert!(has_files(&caller) && !has_files(&other));
}

#[test]
fn filters_leave_in_what_they_say() {
    let (sample, running) = told(seed());
    let queries = running.caught_up();
    let caller = &Caller::OPERATOR;
    let all = rows(&queries, "approvals", caller, &[]);
    assert_eq!(all.len(), sample.approvals.len());
    let times: Vec<_> = all.iter().map(|row| row["requested_at"].as_str().expect("a time")).collect();
    assert!(times.is_sorted());
    let (user, settler) = (sample.users[1].to_string(), sample.settlers[1].to_string());
    let (from, to) = (times[times.len() / 4].to_owned(), times[times.len() / 2].to_owned());
    let mut used = 0;
    for mask in 0_u32..32 {
        let states: &[&str] = if mask & 1 == 0 { &[""] } else { &crate::approvals::STATES };
        for state in states {
            let mut filters = Vec::new();
            if mask & 1 != 0 {
                filters.push(("state", (*state).to_owned()));
            }
            for (bit, name, value) in
                [(2, "user", &user), (4, "settler", &settler), (8, "from", &from), (16, "to", &to)]
            {
                if mask & bit != 0 {
                    filters.push((name, value.clone()));
                }
            }
            let kept = |row: &&Value| {
                let time: Time = row["requested_at"].as_str().expect("a time").parse().expect("a time");
                filters.iter().all(|(name, value)| match *name {
                    "from" => time >= value.parse().expect("a time"),
                    "to" => time < value.parse().expect("a time"),
                    name => row[name] == value.as_str(),
                })
            };
            let expected: Vec<_> = all.iter().filter(kept).cloned().collect();
            used += usize::from(!expected.is_empty());
            assert_eq!(rows(&queries, "approvals", caller, &filters), expected, "{filters:?}");
        }
    }
    assert!(used > 30, "only {used} filters leave anything in");
    let all = rows(&queries, "placements", caller, &[]);
    let server = all.iter().find_map(|row| row["server"].as_str()).expect("some are placed");
    let expected: Vec<_> = all.iter().filter(|row| row["server"] == server).cloned().collect();
    let filters = [("state", "placed".to_owned()), ("server", server.to_owned())];
    assert!(expected.len() < all.len(), "some are not shown or nowhere");
    assert_eq!(rows(&queries, "placements", caller, &filters), expected);
    assert_eq!(rows(&queries, "clients", caller, &[("role", "settler".to_owned())]).len(), sample.settlers.len());
}

#[test]
fn filters_that_make_no_sense_are_refused() {
    let (_story, running) = told(seed());
    let queries = running.caught_up();
    let none = || ("colour", "red".to_owned());
    for (view, filters) in [
        ("approvals", vec![none()]),
        ("users", vec![("state", "issued".to_owned())]),
        ("approvals", vec![("state", "lost".to_owned())]),
        ("approvals", vec![("user", "nobody".to_owned())]),
        ("approvals", vec![("from", "yesterday".to_owned())]),
        ("approvals", vec![("state", "issued".to_owned()), ("state", "expired".to_owned())]),
        ("clients", vec![("role", "king".to_owned())]),
    ] {
        let listed = queries.list(view, &Caller::OPERATOR, &page(&filters));
        assert!(matches!(listed, Err(QueryError::Parameter { .. })), "{filters:?}");
    }
    for limit in [0, 1001] {
        let listed = queries.list("users", &Caller::OPERATOR, &Page { limit, ..Page::default() });
        assert!(matches!(listed, Err(QueryError::Parameter { .. })));
    }
    for view in ["history", "nothing"] {
        assert!(matches!(queries.list(view, &Caller::OPERATOR, &page(&[])), Err(QueryError::NoView(_))));
    }
}

#[test]
fn pages_show_every_row_once_while_rows_come_and_go() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 600);
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    for state in [None, Some("issued")] {
        let filters: Vec<_> = state.map(|state| ("state".to_owned(), state.to_owned())).into_iter().collect();
        let whole = Page { filters, limit: 1000, ..Page::default() };
        let expected = queries.list("approvals", &Caller::OPERATOR, &whole).expect("listed").rows;
        let mut next = Page { limit: 7, ..whole };
        let mut shown = Vec::new();
        loop {
            let listed = queries.list("approvals", &Caller::OPERATOR, &next).expect("listed");
            assert!(listed.next.is_none() || listed.rows.len() == 7, "only the last page may have fewer rows");
            shown.extend(listed.rows);
            let user = sample.users[0];
            let beat = sample.issue(user, 10);
            log.write(&beat);
            next.cursor = listed.next;
            if next.cursor.is_none() || shown.len() >= expected.len() {
                break;
            }
        }
        assert_eq!(shown[..expected.len()], expected);
    }
    for cursor in ["", "AAAA", "not a cursor", "//////"] {
        let page = Page {
            cursor: Some(cursor.to_owned()),
            filters: vec![("state".to_owned(), "issued".to_owned())],
            ..Page::default()
        };
        let listed = queries.list("approvals", &Caller::OPERATOR, &page);
        assert!(matches!(listed, Err(QueryError::Parameter { .. })), "{cursor}");
    }
}

struct Opened;

impl Decrypt for Opened {
    fn decrypt(&self, _person: EntityId, field: &str, encrypted: &EncryptedField) -> Result<Option<String>, NotOpened> {
        Ok((field == "login").then(|| format!("{field} of {}", encrypted.xchacha20poly1305)))
    }
}

/// Keeps S1.
#[test]
fn personal_fields_are_opened_only_for_an_operator_who_asks() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 30);
    let running = Running::decrypting(log.clone(), Opened);
    let queries = running.caught_up();
    let user = sample.users[0].to_string();
    let asked = queries.get("users", &user, &Caller::OPERATOR, true).expect("found").row.value();
    assert_eq!((&asked["login"], asked.get("name")), (&Value::from("login of encrypted-login"), Some(&Value::Null)));
    for caller in [Caller::OPERATOR, terminal(&sample)] {
        let row = queries.get("users", &user, &caller, false).expect("found").row.value();
        assert!(row.get("login").is_none() && row.get("name").is_none());
        assert!(!row.to_string().contains("encrypted") && !row.to_string().contains("verifier"));
    }
    assert!(matches!(queries.get("users", &user, &terminal(&sample), true), Err(QueryError::Forbidden(_))));
    let kept = folded(&*log, &Users, &end_of(&*log));
    let holds = |row: &[u8], text: &str| row.windows(text.len()).any(|run| run == text.as_bytes());
    assert!(kept.rows().any(|(_, row)| holds(row, "encrypted-login")), "looked in the right place");
    assert!(!kept.rows().any(|(_, row)| holds(row, "verifier")), "what a PIN is checked with is no row's business");
}

struct Away;

impl Decrypt for Away {
    fn decrypt(&self, _person: EntityId, field: &str, _sealed: &EncryptedField) -> Result<Option<String>, NotOpened> {
        Err(NotOpened(field.to_owned()))
    }
}

#[test]
fn a_person_whose_key_is_not_to_be_had_now_does_not_look_forgotten() {
    let mut sample = SampleHistory::new(seed(), 2);
    let running = Running::decrypting(Scripted::telling(&mut sample, 30), Away);
    let queries = running.caught_up();
    let user = sample.users[0].to_string();
    let away = Err(QueryError::Encrypted(NotOpened("login".to_owned())));
    assert_eq!(queries.get("users", &user, &Caller::OPERATOR, true).map(|found| found.row), away);
    let page = Page { decrypt: true, ..Page::default() };
    assert_eq!(queries.list("users", &Caller::OPERATOR, &page).map(|listed| listed.next), away.map(|_| None));
    assert!(queries.get("users", &user, &Caller::OPERATOR, false).is_ok());
}

#[test]
fn spending_adds_up_by_month() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 2000);
    let running = Running::over(log);
    let queries = running.caught_up();
    let mut months = BTreeSet::new();
    let mut purchases = 0;
    for user in &sample.users {
        let row = queries.get("spending", &user.to_string(), &Caller::OPERATOR, false).expect("found").row.value();
        let shown = queries.get("users", &user.to_string(), &Caller::OPERATOR, false).expect("found").row.value();
        assert_eq!((&row["reserved"], &row["charged"]), (&shown["reserved"], &shown["charged"]));
        let by_month = row["months"].as_object().expect("months");
        let sum = |of: &str| by_month.values().map(|month| month[of].as_u64().expect("a sum")).sum::<u64>();
        assert_eq!(row["charged"], sum("charged") - sum("refunded"));
        months.extend(by_month.keys().cloned());
        purchases += row["purchases"].as_u64().expect("a count");
    }
    assert!(months.len() >= 3 && months.contains(&Time::from_micros(BEGIN).month()), "{months:?}");
    let settled = rows(&queries, "approvals", &Caller::OPERATOR, &[("state", "settled".to_owned())]);
    assert_eq!(purchases, settled.len() as u64);
}

#[test]
fn rows_fit_the_schemas_that_are_published() {
    let (_story, running) = told(seed());
    let queries = running.caught_up();
    for view in catalogue::views() {
        let Some(table) = view.table() else { continue };
        let schema = table.schema();
        let properties = schema.get("properties").and_then(Value::as_object).expect("properties").clone();
        let required = schema.get("required").and_then(Value::as_array).expect("required").clone();
        for row in rows(&queries, view.name(), &Caller::OPERATOR, &[]) {
            let row = row.as_object().expect("an object");
            assert!(row.keys().all(|key| properties.contains_key(key)), "{}: {row:?}", view.name());
            assert!(required.iter().all(|key| row.contains_key(key.as_str().expect("a name"))), "{}", view.name());
        }
    }
}

/// Shows F20.
#[test]
fn members_of_rows_are_written_in_the_order_of_their_names() {
    let (_sample, running) = told(seed());
    let queries = running.caught_up();
    for view in all_views() {
        for row in queries.list(view, &Caller::OPERATOR, &page(&[])).expect("listed").rows {
            // As a tree, members are in the order of their names.
            assert_eq!(format!("{row:?}"), row.value().to_string(), "{view}");
        }
    }
}
