//! A view whose rows are keyed by something else than an entity: how many events each family had on each day.

use std::collections::BTreeMap;
use std::sync::Arc;

use kippu_events::access::{Caller, Role};
use kippu_events::{Family, NotAnEvent, Recorded};
use serde::Serialize;

use super::{PATIENCE, SampleHistory, Scripted, end_of, folded, runtime, seed};
use crate::error::{NotARow, QueryError};
use crate::grants::Grant;
use crate::json::Json;
use crate::queries::{Moment, Page};
use crate::row::{decode, encode};
use crate::rows::Rows;
use crate::runner::Limits;
use crate::view::{Ask, Filter, Plan, Presented, Table, View, main_key};
use crate::{Projections, Queries};

/// By day and name of the family; and by name and day, for lists of one family.
struct PerDay;

const DAY: usize = "2026-11-21".len();
const BY_NAME: u8 = 1;
const NAME: &str = "name";

#[derive(Serialize)]
struct Shown {
    day: String,
    events: u64,
    name: String,
}

/// The events of each partition, so that no partition writes what another has counted.
type Row = BTreeMap<u16, u64>;

impl View for PerDay {
    fn name(&self) -> &'static str {
        "per-day"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let (day, name) = (event.time.to_string()[..DAY].to_owned(), event.entity.family.name());
        let key = main_key(format!("{day}{name}").as_bytes());
        let mut row: Row = rows.get(&key).map(|row| decode(row).expect("a row")).unwrap_or_default();
        *row.entry(event.id.partition).or_default() += 1;
        rows.put(&key, encode(&row));
        rows.index(&index(name, &day), Vec::new());
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

/// The key of the row is at its end, behind the name and how long that is.
fn index(name: &str, day: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).expect("names are short");
    [&[BY_NAME, length], name.as_bytes(), day.as_bytes(), name.as_bytes()].concat()
}

impl Table for PerDay {
    fn summary(&self) -> &'static str {
        "Events by day and family."
    }

    fn subject(&self) -> Option<Family> {
        None
    }

    fn key(&self, text: &str) -> Option<Vec<u8>> {
        let (day, name) = text.split_once('~').filter(|(day, _)| day.len() == DAY)?;
        // In whatever case: yet one of them alone is the row's text.
        Some(format!("{day}{}", name.to_lowercase()).into_bytes())
    }

    fn text(&self, key: &[u8]) -> Result<String, NotARow> {
        let text = std::str::from_utf8(key).map_err(|error| NotARow(error.to_string()))?;
        let (day, name) = text.split_at_checked(DAY).ok_or_else(|| NotARow("there is no day".to_owned()))?;
        Ok(format!("{day}~{name}"))
    }

    fn indexed<'k>(&self, index: &'k [u8]) -> Option<&'k [u8]> {
        index.get(2 + usize::from(*index.get(1)?)..)
    }

    fn grants(&self) -> &'static [Grant] {
        const { &[Grant::all(Role::Operator)] }
    }

    fn filters(&self) -> &'static [Filter] {
        const { &[Filter::any(NAME, "the family")] }
    }

    fn schema(&self) -> schemars::Schema {
        schemars::Schema::default()
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<Plan, QueryError> {
        let Some(name) = ask.filters.text(NAME) else { return Ok(Plan::all()) };
        Ok(Plan::Range { from: index(name, "")[..2 + name.len()].to_vec(), until: index(name, "~") })
    }

    fn present(&self, key: &[u8], row: &[u8], _ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let text = self.text(key)?;
        let (day, name) = text.split_once('~').ok_or_else(|| NotARow(text.clone()))?;
        let events = decode::<Row>(row)?.values().sum();
        let shown = Shown { day: day.to_owned(), events, name: name.to_owned() };
        Ok(Some(Presented { row: Json::of(&shown)?, version: events }))
    }
}

fn told(beats: usize) -> (Arc<Scripted>, Projections, tempfile::TempDir) {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, beats);
    let dir = tempfile::tempdir().expect("a folder");
    let views: Vec<Arc<dyn View>> = vec![Arc::new(PerDay), Arc::new(crate::access::users::Users)];
    let running = Projections::start_with(log.clone(), dir.path(), None, views, Limits::default()).expect("started");
    let end = Moment::Cut(end_of(&*log));
    runtime().block_on(running.queries().reach("per-day", &end, PATIENCE)).expect("reflected");
    (log, running, dir)
}

/// Every row, in pages of three.
fn all(queries: &Queries, filters: &[(&str, &str)]) -> Vec<serde_json::Value> {
    let filters = filters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut page = Page { filters, limit: 3, ..Page::default() };
    let mut rows = Vec::new();
    loop {
        let listed = queries.list("per-day", &Caller::OPERATOR, &page).expect("listed");
        rows.extend(listed.rows.iter().map(Json::value));
        page.cursor = listed.next;
        if page.cursor.is_none() {
            return rows;
        }
    }
}

/// Shows F20.
#[test]
fn a_row_that_is_keyed_by_day_and_name_is_found_by_the_text_of_its_key_and_names_a_cut() {
    let (log, running, _dir) = told(300);
    let queries = running.queries();
    let rows = all(&queries, &[]);
    assert!(rows.len() > 10 && rows.is_sorted_by_key(|row| row["day"].to_string()));
    for row in &rows {
        let (day, name) = (row["day"].as_str().expect("a day"), row["name"].as_str().expect("a name"));
        let get = |text: &str| queries.get("per-day", text, &Caller::OPERATOR, false);
        let found = get(&format!("{day}~{name}")).expect("found");
        assert_eq!((&found.row.value(), Some(found.version)), (row, row["events"].as_u64()));
        assert_eq!((found.position, found.cut), (None, Some(end_of(&*log))));
        for wrong in [format!("{day}~{}", name.to_uppercase()), format!("{day}{name}"), format!("{day}~{name}s")] {
            assert_eq!(get(&wrong), Err(QueryError::NotFound), "{wrong}");
        }
    }
    let events: u64 = rows.iter().filter_map(|row| row["events"].as_u64()).sum();
    let history = folded(&*log, &crate::history::History, &end_of(&*log));
    assert_eq!(events, history.rows().count() as u64);
}

#[test]
fn an_index_leads_to_rows_with_keys_of_any_length() {
    let (_log, running, _dir) = told(300);
    let queries = running.queries();
    let rows = all(&queries, &[]);
    for name in ["users", "approvals", "clients", "placements", "nothing"] {
        let expected: Vec<_> = rows.iter().filter(|row| row["name"] == name).cloned().collect();
        assert_eq!(all(&queries, &[(NAME, name)]), expected, "{name}");
    }
}

#[test]
fn a_row_that_is_not_of_one_entity_is_not_shown_as_it_was() {
    let (log, running, _dir) = told(30);
    let queries = running.queries();
    let rows = all(&queries, &[]);
    let text = format!("{}~{}", rows[0]["day"].as_str().expect("a day"), rows[0]["name"].as_str().expect("a name"));
    let at = Moment::Cut(end_of(&*log));
    let told = queries.as_of("per-day", &text, &Caller::OPERATOR, false, &at);
    assert!(matches!(told, Err(QueryError::NoAsOf(_))), "{told:?}");
}

#[test]
fn rows_that_several_partitions_add_to_are_the_same_for_every_order_of_them() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 100);
    let end = end_of(&*log);
    let expected = folded(&*log, &PerDay, &end).digest();
    for order in [[0_u16, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut fold = crate::fold::Fold::new(&PerDay);
        for partition in order {
            super::entries(&*log, partition).iter().for_each(|entry| super::apply(&mut fold, entry));
        }
        assert_eq!(fold.digest(), expected);
    }
}
