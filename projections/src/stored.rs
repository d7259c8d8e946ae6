//! The store of views of a node, read next to the node as it was when this was opened. What is folded anew is compared with
//! it, and it knows where in the log each event of an entity lies.

use std::path::Path;

use kippu_events::files::{all_of, scratch};
use kippu_events::log::walk::Walk;
use kippu_events::log::{Cut, Genesis, LogId, Position, ReadLog, Record};
use kippu_events::partners::fees::{Month, Tariff};
use kippu_events::{EntityId, EntityKey};
use tempfile::TempDir;

use crate::cursor::{self, Cursor};
use crate::error::{NotARow, NotOpened, QueryError};
use crate::history::{self, History, Place};
use crate::locate;
use crate::partners::access_batches::AccessBatches;
use crate::partners::fee_reports::FeeReports;
use crate::partners::statement::FeeStatement;
use crate::past::RowsAt;
use crate::queries::fees;
use crate::view::View;
use crate::view_store::{Snap, StoreError, ViewStore};

/// See the module.
pub struct StoredViews {
    store: ViewStore,
    log: LogId,
    /// Removed at the end.
    _scratch: TempDir,
}

/// The rows by which a node answers for a view.
pub struct StoredRows<'a> {
    /// The rows.
    pub rows: RowsAt<'a>,
    /// The revision of the view that wrote them.
    pub revision: u32,
    /// Up to which offset of each partition they reflect the log.
    pub ends: Vec<u64>,
    /// The same in numbers of records.
    pub cut: Cut,
}

/// Where the events of each entity of one partition lie.
pub struct Index<'a> {
    snap: Snap<'a>,
    instance: u32,
    partition: u16,
    cursor: Cursor,
}

impl StoredViews {
    /// The store in `dir`; nothing where there is none that this version reads.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(dir: &Path) -> Result<Option<Self>, NotOpened> {
        let told = |reason: String| NotOpened(format!("{}: {reason}", dir.display()));
        if !dir.join("CURRENT").exists() {
            return Ok(None);
        }
        all_of(dir).map_err(|error| told(error.to_string()))?;
        let scratch = scratch().map_err(|error| told(error.to_string()))?;
        let opened = ViewStore::open_secondary(dir, scratch.path()).map_err(|error| told(error.to_string()))?;
        Ok(opened.map(|(store, log)| Self { store, log, _scratch: scratch }))
    }

    /// The log whose events it was filled with.
    #[must_use]
    pub const fn log(&self) -> LogId {
        self.log
    }

    /// The rows of `view`; nothing where none answer.
    ///
    /// # Errors
    /// Where the store does not work.
    pub fn rows(&self, view: &dyn View) -> Result<Option<StoredRows<'_>>, StoreError> {
        let snap = self.store.snapshot();
        let Some((instance, is)) = snap.live(view.name())? else { return Ok(None) };
        let cursors = snap.track(is.track)?;
        let ends = cursors.iter().map(|cursor| cursor.offset).collect();
        let cut = cursor::cut(&cursors);
        Ok(Some(StoredRows { rows: RowsAt { snap, instance }, revision: is.revision, ends, cut }))
    }

    /// What the partner of `contract` would owe for `month` by `tariff`, or owes by the terms where it is none, and what of the history
    /// that reflects.
    ///
    /// # Errors
    /// As `Queries::fee_statement`.
    pub fn fee_statement(
        &self,
        contract: EntityId,
        month: &Month,
        tariff: Option<&Tariff>,
    ) -> Result<(FeeStatement, Cut), QueryError> {
        let snap = self.store.snapshot();
        let live = |view: &str| match snap.live(view)? {
            Some((instance, is)) => Ok((instance, is)),
            None => Err(QueryError::Filling(Cut(Vec::new()))),
        };
        let (batches, is) = live(AccessBatches.name())?;
        let (of_contracts, _) = live(fees::CONTRACTS)?;
        let (reports, _) = live(FeeReports.name())?;
        let cut = cursor::cut(&snap.track(is.track)?);
        let state = fees::contract_in(&snap, of_contracts, contract)?;
        let known = state.known().ok_or(QueryError::NotFound)?;
        Ok((fees::stated(&snap, batches, reports, (contract, known, month, tariff))?, cut))
    }

    /// Where the events of `partition` lie in `log`; nothing where that is not known, or of another history than this.
    ///
    /// # Errors
    /// Where the store does not work.
    pub fn index(&self, log: &dyn ReadLog, partition: u16) -> Result<Option<Index<'_>>, StoreError> {
        let snap = self.store.snapshot();
        let Some((instance, is)) = snap.live(History.name())? else { return Ok(None) };
        if is.revision != History.revision() || self.log != log.id() {
            return Ok(None);
        }
        let Some(cursor) = snap.track(is.track)?.get(usize::from(partition)).copied() else { return Ok(None) };
        let index = Index { snap, instance, partition, cursor };
        Ok(index.is_of(log).then_some(index))
    }
}

impl Index<'_> {
    /// Whether the record that it has taken last lies in `log`.
    fn is_of(&self, log: &dyn ReadLog) -> bool {
        let Some(taken) = self.cursor.taken else { return false };
        let Ok(entry) = locate::entry(log, self.partition, taken.at) else { return false };
        Record::decode(&entry.stored).is_ok_and(|record| record.digest == taken.digest)
    }

    /// A walk that stands where the index ends.
    #[must_use]
    pub fn end(&self, log: &dyn ReadLog) -> Option<Walk> {
        let taken = self.cursor.taken?;
        let genesis = Genesis::of(log, self.partition);
        Some(Walk::resume(genesis, self.cursor.offset, taken.head, None, [taken.digest]))
    }

    /// Where the events of `entity` lie, in the order of its versions, until `each` says no.
    ///
    /// # Errors
    /// Where the store does not work, and the first of `each`.
    pub fn places<E: From<StoreError> + From<NotARow>>(
        &self,
        entity: EntityKey,
        mut each: impl FnMut(Place) -> Result<bool, E>,
    ) -> Result<(), E> {
        let (from, until) = history::range(entity);
        self.snap.rows(self.instance, &from, &until, |_, value| each(Place::decode(value)?))
    }

    /// Where the record `number` lies, and its position; nothing where it is not there, or comes behind the end.
    #[must_use]
    pub fn find(&self, log: &dyn ReadLog, number: u64) -> Option<(u64, Position)> {
        let head = self.cursor.taken.filter(|taken| number <= taken.head.number)?.head;
        let cursor = if number == head.number {
            self.cursor
        } else {
            locate::number(log, &self.snap, self.partition, number).ok()?
        };
        Some((cursor.taken?.at, cursor.position(self.partition)?))
    }
}
