//! The entity store: states and command outcomes on disk, per partition, lagging behind the log with a cursor that
//! moves with them. A cache: deleting it changes no answer.
//!
//! ```text
//! partition u16 ‖ 'b'                            → bookmark of the log: from where it reads on after a restart
//! partition u16 ‖ 'c'                            → cursor
//! partition u16 ‖ 'e' ‖ entity 16 B              → stored entity
//! partition u16 ‖ 'o' ‖ entity 16 B ‖ command    → body u64, number u64
//! partition u16 ‖ 'd' ‖ due i64 ‖ entity 16 B    → nothing: a deadline
//! partition u16 ‖ 'a' ‖ to 15 B ‖ entity 16 B    → attempt u32, since i64: what is owed, by whom it concerns
//! partition u16 ‖ 'k' ‖ source u16               → how far reactions to events of that partition have come
//! partition u16 ‖ 's' ‖ family u8                → nothing: entities of this family are stale, and folded anew
//! 0xffff ‖ 'about'                               → what the store was made from
//! 0xffff ‖ 'r' ‖ family u8                       → revision u32 of the states of this family
//! ```

mod due;
mod owed;
mod reacted;
mod stale;
mod stored;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kippu_events::event::Mac;
use kippu_events::files::{is_about_environment, most_open_files};
use kippu_events::log::{Hash, Head, LogId};
use kippu_events::{EntityKey, Family, Time};
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompactionStyle, ErrorKind, FlushOptions, Options, ReadOptions, ReadTier,
    WriteBatch, WriteOptions,
};
use serde::{Deserialize, Serialize};

use crate::activity::Owed;

pub use self::due::{Due, Rest};
use self::owed::owed_key;
use self::stale::revision_of;
pub use self::stored::{Kept, StoredEntities};
use super::loaded_entity::{Done, LoadedEntity, StoredEntity};

/// Changes with the layout above.
const LAYOUT: u32 = 3;
const ABOUT: &[u8] = b"\xff\xffabout";
/// Memory for blocks, filters and indexes of the whole node.
const CACHE_BYTES: usize = 256 << 20;
/// Two of these may fill while one is written out. What is in them is folded again after a crash.
const MEMTABLE_BYTES: usize = 8 << 20;
/// Handed to the disk as it is written: a large piece at once would hold up the log's next sync.
const SMOOTH_BYTES: u64 = 512 << 10;
/// The longest that what is stored stays in memory alone while there are commands.
const WRITE_OUT_EVERY: Duration = Duration::from_secs(60);
/// Deadlines that one look brings at most: the rest comes with the next look.
pub const MOST_DUE: usize = 1024;

/// How far a partition's entities have been folded into the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor {
    /// The last record that is folded in.
    pub head: Head,
    /// Its time.
    pub time: Time,
}

/// The store could not be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("entity store: {0}")]
pub struct StoreError(String);

impl From<rocksdb::Error> for StoreError {
    fn from(error: rocksdb::Error) -> Self {
        Self(error.to_string())
    }
}

/// What a look that must not wait for the disk finds.
pub enum Lookup<T> {
    /// It is there.
    Found(T),
    /// It is certainly not there.
    Absent,
    /// Only the disk knows.
    Blocked,
}

/// Everything that changes in one step.
pub struct Batch {
    cursor: Cursor,
    writes: WriteBatch,
    partition: u16,
}

impl Batch {
    /// A batch that brings `partition` to `cursor`.
    pub fn new(partition: u16, cursor: Cursor) -> Self {
        Self { cursor, writes: WriteBatch::default(), partition }
    }

    /// The record up to which it folds.
    pub const fn number(&self) -> u64 {
        self.cursor.head.number
    }

    /// Puts an entity, and moves its deadline and what it owes.
    pub fn put(
        &mut self,
        key: EntityKey,
        loaded: &LoadedEntity,
        due: Option<Time>,
        owed: Option<Owed>,
    ) -> Result<(), StoreError> {
        let stored =
            postcard::to_allocvec(&StoredEntity::of(loaded, due, owed)).map_err(|e| StoreError(e.to_string()))?;
        self.writes.put(entity_key(self.partition, key), stored);
        if loaded.stored_due != due {
            if let Some(before) = loaded.stored_due {
                self.writes.delete(due_key(self.partition, before, key));
            }
            if let Some(due) = due {
                self.writes.put(due_key(self.partition, due, key), []);
            }
        }
        if loaded.stored_owed != owed {
            if let Some(before) = loaded.stored_owed {
                self.writes.delete(owed_key(self.partition, before.to, key));
            }
            if let Some(owed) = owed {
                let value = postcard::to_allocvec(&owed).map_err(|e| StoreError(e.to_string()))?;
                self.writes.put(owed_key(self.partition, owed.to, key), value);
            }
        }
        Ok(())
    }

    /// Puts a command's outcome that its entity no longer keeps.
    pub fn put_done(&mut self, key: EntityKey, done: &Done) {
        let mut value = [0; 16];
        value[..8].copy_from_slice(&done.body.to_be_bytes());
        value[8..].copy_from_slice(&done.number.to_be_bytes());
        self.writes.put(done_key(self.partition, key, done.command), value);
    }
}

/// The store of all partitions. It has no write-ahead log: the log has everything, so a crash costs no more than folding
/// what was still in memory. RocksDB writes that out when the store is closed.
pub struct EntityStore {
    db: DB,
    written_out: Mutex<Instant>,
}

/// What the store was made from and by; another value means that it has to be made anew.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct About {
    layout: u32,
    log: [u8; 16],
    partitions: u16,
}

impl EntityStore {
    /// The store in `dir`, empty where it was of another log or layout. Families whose states have another revision than
    /// they had are stale.
    ///
    /// # Errors
    /// Where the file system or RocksDB says no.
    pub fn open(dir: &Path, log: LogId, partitions: u16) -> Result<Arc<Self>, StoreError> {
        Self::open_with(dir, log, partitions, Family::revision)
    }

    /// As [`EntityStore::open`], with these revisions.
    ///
    /// # Errors
    /// As [`EntityStore::open`].
    pub fn open_with(
        dir: &Path,
        log: LogId,
        partitions: u16,
        revision: impl Fn(Family) -> u32,
    ) -> Result<Arc<Self>, StoreError> {
        let about = About { layout: LAYOUT, log: log.0, partitions };
        let about = postcard::to_allocvec(&about).map_err(|e| StoreError(e.to_string()))?;
        let db = match DB::open(&options(), dir) {
            Ok(db) if db.get(ABOUT)?.as_deref() == Some(&about[..]) => db,
            // What is in the way now says nothing of the cache, which would be in the way of a new one, too.
            Err(error) if is_about_environment(error.as_ref()) => return Err(error.into()),
            outcome => {
                // A cache that is foreign, old or broken is made anew; the log has everything.
                if let Err(error) = &outcome {
                    tracing::warn!(%error, "the entity store does not open and is made anew");
                }
                drop(outcome);
                DB::destroy(&options(), dir)?;
                let db = DB::open(&options(), dir)?;
                db.put(ABOUT, &about)?;
                db
            }
        };
        let store = Self { db, written_out: Mutex::new(Instant::now()) };
        store.mark_stale(partitions, revision)?;
        Ok(Arc::new(store))
    }

    /// How far `partition` is folded in.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn cursor(&self, partition: u16) -> Result<Option<Cursor>, StoreError> {
        let Some(bytes) = self.db.get(cursor_key(partition))? else { return Ok(None) };
        let (epoch, number, hash, sealed, time): (u64, u64, [u8; 32], bool, i64) =
            postcard::from_bytes(&bytes).map_err(|e| StoreError(e.to_string()))?;
        Ok(Some(Cursor { head: Head { epoch, number, hash: Hash(hash), sealed }, time: Time::from_micros(time) }))
    }

    /// Forgets everything about `partition`.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn clear(&self, partition: u16) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.delete_range(partition.to_be_bytes().to_vec(), (u32::from(partition) + 1).to_be_bytes()[2..].to_vec());
        self.write_unlogged(batch)
    }

    /// From where the log reads `partition` on.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn bookmark(&self, partition: u16) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get(table(partition, b'b'))?)
    }

    /// Writes a batch: rows and cursor together, or nothing; and the log's bookmark with it.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn write(&self, batch: &Batch, bookmark: Option<&[u8]>) -> Result<(), StoreError> {
        let Cursor { head, time } = batch.cursor;
        let cursor = postcard::to_allocvec(&(head.epoch, head.number, head.hash.0, head.sealed, time.micros()))
            .map_err(|e| StoreError(e.to_string()))?;
        let mut writes = WriteBatch::from_data(batch.writes.data());
        writes.put(cursor_key(batch.partition), cursor);
        if let Some(bookmark) = bookmark {
            writes.put(table(batch.partition, b'b'), bookmark);
        }
        self.write_unlogged(writes)?;
        self.write_out_if_due()
    }

    fn write_unlogged(&self, writes: WriteBatch) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        Ok(self.db.write_opt(writes, &options)?)
    }

    /// Lets RocksDB write out what it holds in memory, in the background and not too often: a node that has little to do
    /// would otherwise keep it there, and have much to fold after a crash.
    fn write_out_if_due(&self) -> Result<(), StoreError> {
        let mut last = self.written_out.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() < WRITE_OUT_EVERY {
            return Ok(());
        }
        *last = Instant::now();
        let mut options = FlushOptions::default();
        options.set_wait(false);
        Ok(self.db.flush_opt(&options)?)
    }

    /// The entity, if that can be said without waiting for the disk.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn glance(&self, partition: u16, key: EntityKey) -> Result<Lookup<LoadedEntity>, StoreError> {
        self.look(&entity_key(partition, key), |bytes| wake(key, bytes))
    }

    /// The entity. Blocks.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn load(&self, partition: u16, key: EntityKey) -> Result<Option<LoadedEntity>, StoreError> {
        self.db.get_pinned(entity_key(partition, key))?.map(|bytes| wake(key, &bytes)).transpose()
    }

    /// An outcome that its entity no longer keeps, if that can be said without waiting for the disk.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn glance_done(&self, partition: u16, key: EntityKey, command: Mac) -> Result<Lookup<Done>, StoreError> {
        self.look(&done_key(partition, key, command), |bytes| done(command, bytes))
    }

    /// An outcome that its entity no longer keeps. Blocks.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn load_done(&self, partition: u16, key: EntityKey, command: Mac) -> Result<Option<Done>, StoreError> {
        self.db.get_pinned(done_key(partition, key, command))?.map(|bytes| done(command, &bytes)).transpose()
    }

    fn look<T>(&self, key: &[u8], read: impl FnOnce(&[u8]) -> Result<T, StoreError>) -> Result<Lookup<T>, StoreError> {
        let mut in_memory = ReadOptions::default();
        in_memory.set_read_tier(ReadTier::BlockCache);
        match self.db.get_pinned_opt(key, &in_memory) {
            Ok(Some(bytes)) => read(&bytes).map(Lookup::Found),
            Ok(None) => Ok(Lookup::Absent),
            Err(error) if error.kind() == ErrorKind::Incomplete => Ok(Lookup::Blocked),
            Err(error) => Err(error.into()),
        }
    }
}

fn options() -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_bloom_filter(10.0, false);
    table.set_block_cache(&Cache::new_lru_cache(CACHE_BYTES));
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(MEMTABLE_BYTES);
    // Most looks are for what is not there: entities and commands that are new.
    options.set_memtable_whole_key_filtering(true);
    options.set_memtable_prefix_bloom_ratio(0.1);
    options.set_max_background_jobs(2);
    // States are rewritten often and read back seldom: fewer rewritings on disk for more files to look into.
    options.set_compaction_style(DBCompactionStyle::Universal);
    options.set_bytes_per_sync(SMOOTH_BYTES);
    options.set_keep_log_file_num(4);
    options.set_max_open_files(most_open_files());
    options
}

fn wake(key: EntityKey, bytes: &[u8]) -> Result<LoadedEntity, StoreError> {
    let stored: StoredEntity = postcard::from_bytes(bytes).map_err(|e| StoreError(format!("{key}: {e}")))?;
    stored.wake(key).ok_or_else(|| StoreError(format!("{key}: its state does not decode")))
}

fn done(command: Mac, bytes: &[u8]) -> Result<Done, StoreError> {
    let (body, number) = bytes.split_first_chunk::<8>().ok_or_else(|| StoreError("a short outcome".to_owned()))?;
    let number = number.try_into().map_err(|_| StoreError("a short outcome".to_owned()))?;
    Ok(Done { command, body: u64::from_be_bytes(*body), number: u64::from_be_bytes(number) })
}

fn table(partition: u16, table: u8) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(&partition.to_be_bytes());
    key.push(table);
    key
}

fn cursor_key(partition: u16) -> Vec<u8> {
    table(partition, b'c')
}

fn entity_key(partition: u16, entity: EntityKey) -> Vec<u8> {
    let mut key = table(partition, b'e');
    key.extend_from_slice(&entity.to_bytes());
    key
}

fn done_key(partition: u16, entity: EntityKey, command: Mac) -> Vec<u8> {
    let mut key = table(partition, b'o');
    key.extend_from_slice(&entity.to_bytes());
    key.extend_from_slice(&command.0);
    key
}

fn due_prefix(partition: u16, due: Time) -> Vec<u8> {
    let mut key = table(partition, b'd');
    // The sign bit is turned, so that the bytes sort as the times do, before 1970 too.
    key.extend_from_slice(&(due.micros().cast_unsigned() ^ (1 << 63)).to_be_bytes());
    key
}

fn due_key(partition: u16, due: Time, entity: EntityKey) -> Vec<u8> {
    let mut key = due_prefix(partition, due);
    key.extend_from_slice(&entity.to_bytes());
    key
}
