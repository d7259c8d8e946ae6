//! An embedded log that takes a history over from another location. It holds the log's lock, so nobody serves it meanwhile.

use std::path::Path;

use rocksdb::{WriteBatch, WriteOptions};

use super::durable::Publisher;
use super::space::Space;
use super::store::{LogStore, synced};
use super::{OpenError, Settings, Taken};
use crate::log::lock::Lock;
use crate::log::restore::{Restore, RestoreError, follow};
use crate::log::{AppendError, Genesis, Head, LogId};

/// See the module. The fields are dropped in order: the lock outlives the store.
pub struct Restored {
    store: LogStore,
    heads: Vec<Head>,
    cut: Publisher,
    space: Space,
    sync: WriteOptions,
    _lock: Lock,
}

impl Restored {
    /// The log in `dir`, which was created for this.
    ///
    /// # Errors
    /// As [`super::RocksLog::open`].
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let Taken { lock, store, tails, cut, space } = Taken::take(dir, &Settings::default())?;
        let heads = tails.into_iter().map(|tail| tail.head).collect();
        Ok(Self { store, heads, cut, space, sync: synced(), _lock: lock })
    }
}

impl Restore for Restored {
    fn id(&self) -> LogId {
        self.store.id()
    }

    fn partitions(&self) -> u16 {
        self.store.partitions()
    }

    fn head(&self, partition: u16) -> Option<Head> {
        self.heads.get(usize::from(partition)).copied()
    }

    fn append(&mut self, partition: u16, records: &[Vec<u8>]) -> Result<(), RestoreError> {
        let failed = |reason: String| RestoreError::Failed(reason);
        self.space.admit().map_err(|error| match error {
            AppendError::NoSpace { floor_bytes } => RestoreError::NoSpace { floor_bytes },
            error => failed(error.to_string()),
        })?;
        let genesis = Genesis { log: self.id(), partition, partitions: self.partitions() };
        let family = self.store.family(partition).map_err(|error| failed(error.to_string()))?;
        let (mut head, mut batch) = (self.head(partition), WriteBatch::default());
        for stored in records {
            let next = follow(&genesis, head, stored)?;
            batch.put_cf(family, next.number.to_be_bytes(), stored);
            head = Some(next);
        }
        self.space.before(batch.size_in_bytes());
        self.store.db().write_opt(batch, &self.sync).map_err(|error| failed(error.into_string()))?;
        if let (Some(place), Some(head)) = (self.heads.get_mut(usize::from(partition)), head) {
            *place = head;
        }
        let ends = self.heads.iter().map(|head| head.number + 1);
        self.cut.publish(ends).map_err(|error| failed(error.to_string()))
    }
}
