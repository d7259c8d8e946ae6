//! Roles that see rows by a line each, of a view that says no more than whose a row is.

use std::sync::Arc;

use kippu_events::access::{Caller, Role, Roles};
use kippu_events::log::ReadLog as _;
use kippu_events::{EntityId, Family, NotAnEvent, Recorded};

use super::{PATIENCE, SampleHistory, Scripted, end_of, runtime, seed};
use crate::access::clients::{ClientRow, Clients};
use crate::error::{NotARow, QueryError};
use crate::grants::{Grant, Owner, Owners};
use crate::json::Json;
use crate::queries::{Moment, Page};
use crate::rows::Rows;
use crate::runner::Limits;
use crate::view::{Ask, Filter, Presented, Table, View, entity_of};
use crate::{Projections, Queries};

/// As `clients`, shown to others: a client sees itself, a terminal those of its user.
struct Shared;

impl View for Shared {
    fn name(&self) -> &'static str {
        "clients"
    }

    fn revision(&self) -> u32 {
        Clients.revision()
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        Clients.apply(event, rows)
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

const NAME: &str = "name";
const USER: &str = "user";

impl Table for Shared {
    fn summary(&self) -> &'static str {
        Clients.summary()
    }

    fn subject(&self) -> Option<Family> {
        Clients.subject()
    }

    fn grants(&self) -> &'static [Grant] {
        const {
            &[
                Grant::all(Role::Operator),
                Grant::own(Role::Settler, Owner::Client).without(&[NAME]),
                Grant::own(Role::Terminal, Owner::User),
            ]
        }
    }

    fn owners(&self, key: &[u8], row: &[u8]) -> Result<Owners, NotARow> {
        Ok(Owners { user: ClientRow::decode(row)?.user, client: Some(entity_of(key)?), requester: None })
    }

    fn filters(&self) -> &'static [Filter] {
        const { &[Filter::any(NAME, "what it is called"), Filter::owner(USER, "whose it is", Owner::User)] }
    }

    fn schema(&self) -> schemars::Schema {
        Clients.schema()
    }

    fn present(&self, key: &[u8], row: &[u8], _ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        Ok(Some(Presented { row: Json::of(&entity_of(key)?)?, version: u64::from(ClientRow::decode(row)?.counter) }))
    }
}

struct Scene {
    sample: SampleHistory,
    queries: Queries,
    at: Moment,
    _running: (Projections, tempfile::TempDir),
}

impl Scene {
    fn new() -> Self {
        let mut sample = SampleHistory::new(seed(), 2);
        let log = Scripted::telling(&mut sample, 300);
        let dir = tempfile::tempdir().expect("a folder");
        let views: Vec<Arc<dyn View>> = vec![Arc::new(Shared), Arc::new(crate::history::History)];
        let running =
            Projections::start_with(log.clone(), dir.path(), None, views, Limits::default()).expect("started");
        let (queries, at) = (running.queries(), Moment::Cut(end_of(&*log)));
        assert_eq!(log.partitions(), 2);
        runtime().block_on(queries.reach("clients", &at, PATIENCE)).expect("reflected");
        Self { sample, queries, at, _running: (running, dir) }
    }

    /// What `caller` is shown: in a list, and of each client by its id, as it is and as it was.
    fn shown(&self, caller: &Caller) -> Vec<String> {
        let everybody = self.queries.list("clients", &Caller::OPERATOR, &Page::default()).expect("listed").rows;
        let listed = self.queries.list("clients", caller, &Page::default()).expect("listed").rows;
        let shown: Vec<_> = listed.iter().map(|row| row.value().as_str().expect("an id").to_owned()).collect();
        for id in everybody.iter().map(|row| row.value().as_str().expect("an id").to_owned()) {
            for found in [
                self.queries.get("clients", &id, caller, false),
                self.queries.as_of("clients", &id, caller, false, &self.at),
            ] {
                match found {
                    Ok(_) => assert!(shown.contains(&id), "{id}"),
                    Err(error) => assert!(error == QueryError::NotFound && !shown.contains(&id), "{id}: {error}"),
                }
            }
        }
        shown
    }

    fn narrowed(&self, caller: &Caller, name: &str, value: &str) -> Result<usize, QueryError> {
        let page = Page { filters: vec![(name.to_owned(), value.to_owned())], ..Page::default() };
        self.queries.list("clients", caller, &page).map(|listed| listed.rows.len())
    }
}

#[test]
fn a_role_sees_the_rows_of_its_grant_in_lists_by_key_and_as_they_were() {
    let scene = Scene::new();
    let (settler, user) = (scene.sample.settlers[0], scene.sample.users[0]);
    let all = scene.shown(&Caller::OPERATOR);
    assert!(all.len() > 3);
    assert_eq!(scene.shown(&Caller::of_client(settler, Role::Settler, None)), [settler.to_string()]);
    let terminal = scene.sample.terminals[0];
    let own = scene.shown(&Caller::of_client(terminal, Role::Terminal, Some(user)));
    assert!(own.contains(&terminal.to_string()) && own.len() < all.len(), "{own:?}");
    let nobody = EntityId::from_hash(&[1; 32]);
    assert_eq!(scene.shown(&Caller::of_client(nobody, Role::Settler, None)), [""; 0]);
}

#[test]
fn an_auditor_sees_the_rows_that_an_operator_sees() {
    let scene = Scene::new();
    let auditor = Caller::of_client(EntityId::from_hash(&[1; 32]), Role::Auditor, None);
    assert_eq!(scene.shown(&auditor), scene.shown(&Caller::OPERATOR));
    for view in crate::catalogue::views() {
        let Some(table) = view.table() else { continue };
        let readers = table.readers();
        assert_eq!(readers.contains(&Role::Operator), readers.contains(&Role::Auditor), "{}", view.name());
    }
}

#[test]
fn a_role_without_a_grant_and_a_caller_who_stands_for_nobody_are_refused() {
    let scene = Scene::new();
    let terminal = scene.sample.terminals[0];
    for caller in [
        Caller::of_client(terminal, Role::Shop, None),
        Caller::of_client(terminal, Role::Terminal, None),
        Caller { roles: Roles::one(Role::Settler), ..Caller::OPERATOR },
        Caller::DEADLINE,
    ] {
        let listed = scene.queries.list("clients", &caller, &Page::default());
        assert!(matches!(listed, Err(QueryError::Forbidden(_))), "{caller:?}");
        let id = terminal.to_string();
        let found = scene.queries.get("clients", &id, &caller, false);
        assert!(matches!(found, Err(QueryError::Forbidden(_))), "{caller:?}");
        let was = scene.queries.as_of("clients", &id, &caller, false, &scene.at);
        assert!(matches!(was, Err(QueryError::Forbidden(_))), "{caller:?}");
    }
}

#[test]
fn a_list_is_not_narrowed_by_what_is_hidden_nor_to_the_rows_of_others() {
    let scene = Scene::new();
    let user = scene.sample.users[0];
    let settler = Caller::of_client(scene.sample.settlers[0], Role::Settler, None);
    let terminal = Caller::of_client(scene.sample.terminals[0], Role::Terminal, Some(user));
    assert!(matches!(scene.narrowed(&settler, NAME, "a phone"), Err(QueryError::Forbidden(_))));
    assert!(scene.narrowed(&terminal, NAME, "a phone").is_ok());
    assert!(scene.narrowed(&terminal, USER, &user.to_string()).is_ok_and(|rows| rows > 0));
    let other = scene.sample.users[1].to_string();
    assert!(matches!(scene.narrowed(&terminal, USER, &other), Err(QueryError::Forbidden(_))));
    assert!(matches!(scene.narrowed(&terminal, USER, "nobody"), Err(QueryError::Parameter { .. })));
    assert!(scene.narrowed(&Caller::OPERATOR, USER, &other).is_ok());
}
