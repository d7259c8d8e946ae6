//! Answers from the views: one row, a list, a row as it was, what is reflected, and waiting until enough is.

mod as_of;
pub(crate) mod fees;
mod forgotten;
mod list;
mod members;
mod opened;
mod rebuild;
mod seen;
mod statement;
mod status;
pub(crate) mod visible;
mod wait;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use kippu_events::access::Caller;
use kippu_events::access::clients::Role;
use kippu_events::access::sessions::Sessions;
use kippu_events::fair_queue::FairQueue;
use kippu_events::log::{Cut, Position, ReadLog};
use kippu_events::{EntityId, Time};
use tokio::sync::watch;

pub use crate::error::{KINDS, QueryError};
pub use fees::FoundFees;
pub use forgotten::Told;
pub use list::{DEFAULT_ROWS, Listed, MOST_ROWS, Page};
pub use rebuild::{RebuildError, ViewDigest};
pub use status::{PartitionStatus, StalledAt, Status, ViewStatus};

use self::opened::Opened;
use crate::access::clients::{ClientRow, Clients};
use crate::access::sessions;
use crate::cursor::{Cursor, cut};
use crate::json::Json;
use crate::pages::{Held, Pages};
use crate::runner::{Engine, Published, Signal};
use crate::view::{Ask, Decrypt, Filters, Table, View, entity_of, main_key, row_key};
use crate::view_store::{Snap, ViewStore};

/// Answers from the views. Cheap to clone.
#[derive(Clone)]
pub struct Queries(Arc<Inner>);

struct Inner {
    log: Arc<dyn ReadLog>,
    store: Arc<ViewStore>,
    views: Vec<Arc<dyn View>>,
    published: watch::Receiver<Published>,
    /// Where each partition ended when the runner started.
    goal: Vec<(u16, u64)>,
    signal: Arc<Signal>,
    decrypt: Option<Arc<dyn Decrypt>>,
    /// At reads that are slow.
    queue: FairQueue,
    /// Not taken yet.
    pages: Arc<Pages>,
}

/// Tells whenever views have moved on.
pub struct Moves(watch::Receiver<Published>);

impl Moves {
    /// Waits until they have, since this was told last; false once they do not any more.
    pub async fn next(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

/// One row and what it reflects.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// As this caller may see it.
    pub row: Json,
    /// Its ETag: the version of its entity, where it is about one.
    pub version: u64,
    /// The last record of the entity's partition that is reflected; nothing where the row is not about one entity.
    pub position: Option<Position>,
    /// What the whole view reflects; nothing for an answer as of an earlier position, which is about one partition.
    pub cut: Option<Cut>,
    /// Whose personal fields it shows. The access log MUST have them before anybody is answered.
    pub opened: Vec<EntityId>,
}

/// A point in history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Moment {
    /// Right after a record: `3-17-5f0c9a1b22d07e44`.
    Position(Position),
    /// Right after one record of each partition: `17.3.0`.
    Cut(Cut),
    /// Right after the last record that was decided at or before a time: RFC 3339.
    Time(Time),
}

impl FromStr for Moment {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        if let Ok(position) = text.parse() {
            return Ok(Self::Position(position));
        }
        if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            && let Ok(cut) = text.parse()
        {
            return Ok(Self::Cut(cut));
        }
        let reason =
            "neither a position or cut that this service gave out, nor a time in RFC 3339 (whose + is %2B here)";
        text.parse().map(Self::Time).map_err(|_| QueryError::parameter("as_of", reason))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => position.fmt(f),
            Self::Cut(cut) => cut.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

impl Queries {
    pub(crate) fn new(
        log: Arc<dyn ReadLog>,
        views: Vec<Arc<dyn View>>,
        engine: &Engine,
        signal: Arc<Signal>,
        decrypt: Option<Arc<dyn Decrypt>>,
    ) -> Self {
        let (store, published) = (engine.store(), engine.subscribe());
        Self(Arc::new(Inner {
            log,
            store,
            views,
            published,
            goal: engine.goal(),
            signal,
            decrypt,
            queue: FairQueue::new(),
            pages: Arc::default(),
        }))
    }

    /// What the views are folded from.
    pub(crate) fn log(&self) -> &Arc<dyn ReadLog> {
        &self.0.log
    }

    /// Where rows and cursors lie.
    pub(crate) fn store(&self) -> &ViewStore {
        &self.0.store
    }

    /// What is told after each batch.
    pub(crate) fn published(&self) -> watch::Receiver<Published> {
        self.0.published.clone()
    }

    /// Tells whenever views have moved on.
    #[must_use]
    pub fn moves(&self) -> Moves {
        Moves(self.published())
    }

    /// Takes an answer of so many bytes into account until it is taken.
    ///
    /// # Errors
    /// `Overloaded` where `caller` has too many on their way.
    pub(crate) fn hold(&self, caller: Option<EntityId>, bytes: usize) -> Result<Held, QueryError> {
        self.0.pages.hold(caller, bytes).ok_or(QueryError::Overloaded)
    }

    /// Every view, with its documentation.
    #[must_use]
    pub fn views(&self) -> &[Arc<dyn View>] {
        &self.0.views
    }

    /// The row of `view` under `key` as it is now. `decrypt` opens personal fields, for operators only, and may block.
    ///
    /// # Errors
    /// [`QueryError`]; `NotFound` also where the row is not for this caller.
    pub fn get(&self, view: &str, key: &str, caller: &Caller, decrypt: bool) -> Result<Found, QueryError> {
        let (view, table) = self.table(view, caller)?;
        let key = key_of(table, key)?;
        let filters = Filters::default();
        let opening = self.opening(table, caller, decrypt)?;
        let ask = Self::ask(table, caller, &filters, opening.as_ref())?;
        let snap = self.0.store.snapshot();
        let (instance, cursors) = self.live(view, &snap)?;
        let row = snap.row(instance, &main_key(&key))?.ok_or(QueryError::NotFound)?;
        let presented = visible::shown(table, &key, &row, &ask)?.ok_or(QueryError::NotFound)?;
        let position = match table.subject() {
            Some(_) => {
                let partition = self.partition_of(entity_of(&key)?);
                let cursor = cursors.get(usize::from(partition));
                Some(cursor.and_then(|cursor| cursor.position(partition)).ok_or(QueryError::NotFound)?)
            }
            None => None,
        };
        let (cut, opened) = (Some(cut(&cursors)), opening.map(Opened::persons).unwrap_or_default());
        Ok(Found { row: presented.row, version: presented.version, position, cut, opened })
    }

    /// The API client `id`, for the authentication of each request: one look into memory or the store, no more. Rows that are
    /// not kept up to date any more do not answer: a key that was revoked since would still count by them.
    ///
    /// # Errors
    /// [`QueryError`]; an unknown client is no error.
    pub fn client(&self, id: EntityId) -> Result<Option<ClientRow>, QueryError> {
        Ok(self.kept_up(Clients.name(), id)?.map(|row| ClientRow::decode(&row)).transpose()?)
    }

    /// The sessions of the user `id`, in the same way.
    ///
    /// # Errors
    /// [`QueryError`]; a user who never signed in is no error.
    pub fn sessions(&self, id: EntityId) -> Result<Option<Sessions>, QueryError> {
        Ok(self.kept_up(sessions::Sessions.name(), id)?.map(|row| sessions::decode_state(&row)).transpose()?)
    }

    /// The row of the entity `id` in `view`, as it was stored, if the view goes on.
    fn kept_up(&self, view: &str, id: EntityId) -> Result<Option<Vec<u8>>, QueryError> {
        loop {
            let live = self.live_as_published(view)?;
            if let Some(row) = self.0.store.row(live, &row_key(&id))? {
                return Ok(Some(row));
            }
            // A row can only be missed while another instance takes over.
            if self.live_as_published(view)? == live {
                return Ok(None);
            }
        }
    }

    /// The instance that answers for `view`, as last published, if it goes on.
    fn live_as_published(&self, view: &str) -> Result<u32, QueryError> {
        let published = self.0.published.borrow();
        published.stopped(view)?;
        let view = published.view(view).ok_or_else(|| QueryError::NoView(view.to_owned()))?;
        match &view.live {
            Some((instance, _)) => Ok(*instance),
            None => Err(QueryError::Filling(view.filling.as_ref().map_or(Cut(Vec::new()), |filling| filling.cut()))),
        }
    }

    /// Whether the view `name` answers this caller at all.
    ///
    /// # Errors
    /// `NoView` or `Forbidden` where it does not.
    pub fn may_read(&self, name: &str, caller: &Caller) -> Result<(), QueryError> {
        self.table(name, caller).map(drop)
    }

    /// The view `name`, if it answers this caller at all.
    fn table(&self, name: &str, caller: &Caller) -> Result<(&dyn View, &dyn Table), QueryError> {
        let view = self.0.views.iter().find(|view| view.name() == name);
        let (view, table) =
            view.and_then(|view| Some((&**view, view.table()?))).ok_or_else(|| QueryError::NoView(name.to_owned()))?;
        visible::grant(table, caller)?;
        Ok((view, table))
    }

    /// What opens personal fields of `table`, where that is asked for.
    fn opening(&self, table: &dyn Table, caller: &Caller, decrypt: bool) -> Result<Option<Opened<'_>>, QueryError> {
        if decrypt && !table.is_encrypted() {
            return Err(QueryError::parameter("decrypt", "this view has no personal fields"));
        }
        if decrypt && !caller.is_among(&[Role::Operator]) {
            return Err(QueryError::Forbidden("personal fields are opened for operators only"));
        }
        Ok(self.0.decrypt.as_deref().filter(|_| decrypt).map(|by| Opened::new(by, self)))
    }

    fn ask<'a>(
        table: &dyn Table,
        caller: &Caller,
        filters: &'a Filters,
        opening: Option<&'a Opened<'_>>,
    ) -> Result<Ask<'a>, QueryError> {
        let grant = visible::grant(table, caller)?;
        let own = visible::own(table, grant, caller, filters)?;
        let decrypt = opening.map(|opened| opened as &dyn Decrypt);
        Ok(Ask { own, hidden: grant.hidden, filters, decrypt })
    }

    /// The instance that answers for `view` in a snapshot, and what it reflects there.
    pub(crate) fn live(&self, view: &dyn View, snap: &Snap<'_>) -> Result<(u32, Vec<Cursor>), QueryError> {
        match snap.live(view.name())? {
            Some((id, instance)) => Ok((id, snap.track(instance.track)?)),
            None => Err(self.filling(view)),
        }
    }

    /// That nothing answers for `view` yet.
    fn filling(&self, view: &dyn View) -> QueryError {
        let published = self.0.published.borrow();
        let filling = published.view(view.name()).and_then(|view| view.filling.clone());
        QueryError::Filling(filling.map_or(Cut(Vec::new()), |filling| filling.cut()))
    }

    pub(crate) fn partition_of(&self, id: EntityId) -> u16 {
        id.slot().partition(self.0.log.partitions())
    }
}

/// The key of `table` that `text` in a path names.
fn key_of(table: &dyn Table, text: &str) -> Result<Vec<u8>, QueryError> {
    let key = table.key(text).ok_or(QueryError::NotFound)?;
    if table.text(&key)? == text { Ok(key) } else { Err(QueryError::NotFound) }
}
