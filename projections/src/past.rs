//! A view as it was: folded by the engine that keeps views up to date, from a log that ends earlier, into a store of its own.

use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;

use kippu_events::log::{Cut, ReadLog};

use crate::digest::Digest;
use crate::error::NotARow;
use crate::runner::{Engine, Limits, OpenError};
use crate::view::View;
use crate::view_store::{KeyValue, Snap, StoreError, ViewStore};

/// See the module.
pub struct PastView {
    engine: Engine,
    view: Arc<dyn View>,
    partitions: u16,
}

/// The store that a view was folded into.
pub struct PastStore {
    store: Arc<ViewStore>,
    instance: u32,
}

/// The rows of one view at one moment. Later folding does not move them.
pub struct RowsAt<'a> {
    pub(crate) snap: Snap<'a>,
    pub(crate) instance: u32,
}

/// Why a view was not folded.
#[derive(Debug, thiserror::Error)]
pub enum NotFolded {
    /// There is no store for it, or no log.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry cannot be taken.
    #[error("partition {partition} halts at offset {offset}: {reason}")]
    Halted {
        /// The partition.
        partition: u16,
        /// The entry.
        offset: u64,
        /// What is wrong with it.
        reason: String,
        /// Whether the log did not answer, rather than that the history is what it is.
        transient: bool,
    },
}

/// A key with different rows in two stores.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The key within the view.
    pub key: Box<[u8]>,
    /// In the one, if there is a row.
    pub before: Option<Box<[u8]>>,
    /// In the other.
    pub after: Option<Box<[u8]>>,
}

impl PastView {
    /// Folds `view` from `log`, up to where that ends now, into a store in `dir`, which MUST be empty. `progress` is told of
    /// entries that were read.
    ///
    /// # Errors
    /// [`NotFolded`].
    pub fn fold(
        log: Arc<dyn ReadLog>,
        dir: &Path,
        view: Arc<dyn View>,
        progress: &dyn Fn(u64),
    ) -> Result<Self, NotFolded> {
        let partitions = log.partitions();
        let engine = Engine::open(log, dir, vec![view.clone()], Limits::default())?;
        let mut past = Self { engine, view, partitions };
        past.run(progress)?;
        Ok(past)
    }

    /// Goes on to where the log ends by now.
    ///
    /// # Errors
    /// As [`PastView::fold`].
    pub fn go_on(&mut self, progress: &dyn Fn(u64)) -> Result<(), NotFolded> {
        let all: Vec<u16> = (0..self.partitions).collect();
        self.engine.mark(&all);
        self.run(progress)
    }

    fn run(&mut self, progress: &dyn Fn(u64)) -> Result<(), NotFolded> {
        let published = self.engine.subscribe();
        let mut read = 0;
        loop {
            let more = self.engine.turn()?;
            let published = published.borrow();
            let Some(view) = published.view(self.view.name()) else { return Ok(()) };
            let Some(reached) = view.live.as_ref().map(|(_, reached)| reached).or(view.filling.as_ref()) else {
                return Ok(());
            };
            if let Some(stall) = &reached.stall {
                let reason = format!("event {}: {}", stall.event, stall.reason);
                let (partition, offset) = (stall.event.partition, stall.offset);
                return Err(NotFolded::Halted { partition, offset, reason, transient: false });
            }
            if let Some((partition, halt)) = (0..).zip(&reached.halts).find_map(|(i, halt)| Some((i, halt.as_ref()?))) {
                let (offset, reason, transient) = (halt.offset, halt.reason.clone(), halt.transient);
                return Err(NotFolded::Halted { partition, offset, reason, transient });
            }
            let now = reached.cursors.iter().map(|cursor| cursor.offset).sum();
            progress(now - read);
            read = now;
            if !more {
                return Ok(());
            }
        }
    }

    /// What the rows reflect.
    #[must_use]
    pub fn cut(&self) -> Cut {
        let published = self.engine.subscribe();
        let reached = published.borrow();
        let live = reached.view(self.view.name()).and_then(|view| view.live.as_ref());
        live.map_or(Cut(Vec::new()), |(_, reached)| reached.cut())
    }

    /// Where the rows lie.
    #[must_use]
    pub fn store(&self) -> PastStore {
        let published = self.engine.subscribe();
        let live = published.borrow().view(self.view.name()).and_then(|view| view.live.as_ref().map(|live| live.0));
        // Every instance has a number, and the first is 1: none is the rows of none.
        PastStore { store: self.engine.store(), instance: live.unwrap_or_default() }
    }
}

impl PastStore {
    /// The rows as they are now.
    #[must_use]
    pub fn rows(&self) -> RowsAt<'_> {
        RowsAt { snap: self.store.snapshot(), instance: self.instance }
    }
}

impl RowsAt<'_> {
    /// What lies under `key`.
    ///
    /// # Errors
    /// Where the store does not work.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.snap.row(self.instance, key)
    }

    /// Hands each row with a key from `from` up to but without `until` to `each`.
    ///
    /// # Errors
    /// Where the store does not work, and the first of `each`.
    pub fn each<E: From<StoreError>>(
        &self,
        from: &[u8],
        until: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.snap.rows(self.instance, from, until, |key, row| each(key, row).map(|()| true))
    }

    /// How many rows there are, indexes included, and their digest.
    ///
    /// # Errors
    /// Where the store does not work.
    pub fn digest(&self) -> Result<(u64, Digest), StoreError> {
        self.snap.digest(self.instance)
    }

    /// Hands each key, of rows and indexes, under which `after` has something else to `each`.
    ///
    /// # Errors
    /// Where a store does not work, and the first of `each`.
    pub fn compare<E: From<StoreError>>(
        &self,
        after: &RowsAt<'_>,
        mut each: impl FnMut(Difference) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut ours, mut theirs) = (self.snap.all(self.instance), after.snap.all(after.instance));
        let (mut one, mut other) = (next(&mut ours)?, next(&mut theirs)?);
        loop {
            let order = match (&one, &other) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((key, _)), Some((other, _))) => key.cmp(other),
            };
            let before = if order.is_le() { std::mem::replace(&mut one, next(&mut ours)?) } else { None };
            let after = if order.is_ge() { std::mem::replace(&mut other, next(&mut theirs)?) } else { None };
            let Some(key) = before.as_ref().or(after.as_ref()).map(|(key, _)| key.clone()) else { return Ok(()) };
            let (before, after) = (before.map(|(_, row)| row), after.map(|(_, row)| row));
            if before != after {
                each(Difference { key, before, after })?;
            }
        }
    }
}

fn next(rows: &mut impl Iterator<Item = Result<KeyValue, StoreError>>) -> Result<Option<KeyValue>, StoreError> {
    rows.next().transpose()
}

/// The key of a row, where `key` is what it lies under; nothing of an index.
///
/// # Errors
/// Where it is no key of any view.
pub fn row_of(key: &[u8]) -> Result<Option<&[u8]>, NotARow> {
    match key.split_first() {
        Some((&crate::view::MAIN, key)) => Ok(Some(key)),
        Some(_) => Ok(None),
        None => Err(NotARow("it has an empty key".to_owned())),
    }
}
