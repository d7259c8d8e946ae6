//! Reading a log next to the process that writes it. The store is opened as RocksDB's secondary, which touches nothing,
//! and is shown up to the durable cut that the writer publishes. It cannot append, by type.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::format::Format;
use super::store::LogStore;
use super::{OpenError, STORE, durable, store};
use crate::files::{all_of, scratch};
use crate::log::lock::Lock;
use crate::log::watches::Watches;
use crate::log::{Bound, LogId, Page, ReadError, ReadLog, Watch};

/// A log as it was when this was opened, or refreshed last.
pub struct Secondary {
    store: LogStore,
    dir: PathBuf,
    ends: Vec<AtomicU64>,
    watches: Watches,
    /// Removed at the end.
    _scratch: tempfile::TempDir,
}

impl Secondary {
    pub(super) fn open(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(STORE);
        let opened = Self::open_as_secondary(dir, &path);
        match &opened {
            // A secondary takes the newest state whose files all open, so a damaged file shows as records that are
            // missing. Which file it is, RocksDB says to those who want all of them.
            Err(OpenError::Genesis { .. } | OpenError::Cut { .. }) => match store::corruption(&path) {
                Some(named) => Err(named),
                None => opened,
            },
            Ok(_) | Err(_) => opened,
        }
    }

    fn open_as_secondary(dir: &Path, path: &Path) -> Result<Self, OpenError> {
        let format = Format::read(path)?;
        all_of(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        let scratch = scratch().map_err(|source| OpenError::Io { path: std::env::temp_dir(), source })?;
        let secondary = Self {
            store: LogStore::open_secondary(path, scratch.path(), &format)?,
            dir: dir.to_owned(),
            ends: (0..format.partitions).map(|_| AtomicU64::new(0)).collect(),
            watches: Watches::default(),
            _scratch: scratch,
        };
        secondary.refresh()?;
        Ok(secondary)
    }

    /// Whether the writer's durable cut can be read, so that a tail that was lost shows. A log that was never written to
    /// has none to lose.
    ///
    /// # Errors
    /// Where the file system says no.
    pub fn knows_what_was_durable(&self) -> Result<bool, OpenError> {
        let is_new = self.ends.iter().all(|end| end.load(Ordering::Acquire) <= 1);
        Ok(is_new || durable::read(&self.dir)?.is_some())
    }

    /// Catches up with the writer.
    ///
    /// # Errors
    /// Where the store cannot be read on, or lacks what its writer published as durable.
    pub fn refresh(&self) -> Result<(), OpenError> {
        // What was published before the store is read must be found there.
        let published = durable::read(&self.dir)?;
        let path = self.dir.join(STORE);
        self.store.db().try_catch_up_with_primary().map_err(|error| OpenError::store(&path, error))?;
        let mut ends: Vec<u64> =
            (0..self.store.partitions()).map(|partition| self.store.end(partition)).collect::<Result<_, _>>()?;
        if let Some(published) = &published {
            super::refuse_a_cut_tail(&ends, published)?;
        }
        // A running writer may have written what it has not synced; what it has published is synced, and it publishes
        // before it writes anything. Without a writer, what is found is what the next one will begin with.
        if Lock::holder(&self.dir)?.is_some()
            && let Some(published) = durable::read(&self.dir)?
        {
            for (end, published) in ends.iter_mut().zip(published) {
                *end = published.min(*end);
            }
        }
        for (partition, (end, new)) in (0..).zip(self.ends.iter().zip(ends)) {
            if end.fetch_max(new, Ordering::AcqRel) < new {
                self.watches.tell(partition);
            }
        }
        Ok(())
    }
}

impl ReadLog for Secondary {
    fn id(&self) -> LogId {
        self.store.id()
    }

    fn partitions(&self) -> u16 {
        self.store.partitions()
    }

    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        let found = self.ends.get(usize::from(partition)).map(|end| end.load(Ordering::Acquire));
        found.ok_or(ReadError::NoPartition { partition, partitions: self.store.partitions() })
    }

    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError> {
        self.store.page(partition, offset, self.end(partition)?, bound)
    }

    fn visit(
        &self,
        partition: u16,
        offset: u64,
        bound: Bound,
        entry: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<u64, ReadError> {
        self.store.visit(partition, offset, self.end(partition)?, bound, entry)
    }

    fn watch(&self, watch: Watch) {
        self.watches.add(watch);
    }
}
