//! The entity store of a node, read next to the node as it was when this was opened: what is folded anew is compared with it.

use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use kippu_events::files::all_of;
use kippu_events::log::LogId;
use kippu_events::{EntityKey, Family};
use rocksdb::{DB, IteratorMode, ReadOptions};

use super::{ABOUT, About, EntityStore, LAYOUT, StoreError, options, revision_of, table};
use crate::runtime::loaded_entity::StoredEntity;

/// See the module.
pub struct StoredEntities {
    store: EntityStore,
    log: LogId,
    partitions: u16,
}

/// An entity as a node keeps it.
pub struct Kept {
    /// Which.
    pub entity: EntityKey,
    /// How many events it has had.
    pub version: u64,
    /// The record of the last of them.
    pub changed: u64,
    /// What they make, as caches have it.
    pub state: Vec<u8>,
}

impl StoredEntities {
    /// The store in `dir`; nothing where there is none that this version reads. RocksDB writes what it has to say to `scratch`.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(dir: &Path, scratch: &Path) -> Result<Option<Self>, StoreError> {
        if !dir.join("CURRENT").exists() {
            return Ok(None);
        }
        all_of(dir).map_err(|error| StoreError(format!("{}: {error}", dir.display())))?;
        let mut options = options();
        // A secondary opens every file once, and reads them on even when the primary has removed them.
        options.set_max_open_files(-1);
        let db = DB::open_as_secondary(&options, dir, scratch)?;
        let about = db.get(ABOUT)?;
        let about = about.and_then(|about| postcard::from_bytes::<About>(&about).ok());
        let Some(about) = about.filter(|about| about.layout == LAYOUT) else { return Ok(None) };
        let store = EntityStore { db, written_out: Mutex::new(Instant::now()) };
        Ok(Some(Self { store, log: LogId(about.log), partitions: about.partitions }))
    }

    /// The log whose events it holds the fold of.
    #[must_use]
    pub const fn log(&self) -> LogId {
        self.log
    }

    /// How many partitions that has.
    #[must_use]
    pub const fn partitions(&self) -> u16 {
        self.partitions
    }

    /// The last record of `partition` that is folded in; nothing where none is.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn last(&self, partition: u16) -> Result<Option<u64>, StoreError> {
        Ok(self.store.cursor(partition)?.map(|cursor| cursor.head.number))
    }

    /// Whether the entities of `family` in `partition` are states of the revision that this version folds.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn is_current(&self, partition: u16, family: Family) -> Result<bool, StoreError> {
        let revision = revision_of(&self.store.db, family)?;
        let is_stale = self.store.stale(partition)?.contains(&family);
        Ok(!is_stale && revision.is_none_or(|revision| revision == family.revision()))
    }

    /// Hands every entity of `partition` to `each`, in the order of their keys.
    ///
    /// # Errors
    /// Where RocksDB says no, where one is not as this version stores it, and the first of `each`.
    pub fn each<E: From<StoreError>>(
        &self,
        partition: u16,
        mut each: impl FnMut(Kept) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut read = ReadOptions::default();
        read.set_iterate_lower_bound(table(partition, b'e'));
        read.set_iterate_upper_bound(table(partition, b'e' + 1));
        for item in self.store.db.iterator_opt(IteratorMode::Start, read) {
            let (key, value) = item.map_err(StoreError::from)?;
            let entity = key.get(3..).and_then(EntityKey::from_bytes);
            let entity = entity.ok_or_else(|| StoreError("an entity without a name".to_owned()))?;
            let stored: StoredEntity =
                postcard::from_bytes(&value).map_err(|error| StoreError(format!("{entity}: {error}")))?;
            each(Kept { entity, version: stored.version, changed: stored.changed, state: stored.state })?;
        }
        Ok(())
    }
}
