//! The store of rows: one RocksDB whose every value comes back from the log. The only module here that names `rocksdb`.
//!
//! ```text
//! 0000 0000 ‖ 'f'                        format, log id and partition count
//! 0000 0000 ‖ 'v' ‖ view                 the instance of a view that answers queries
//! 0000 0000 ‖ 'i' ‖ instance             an instance: view, revision, track
//! 0000 0000 ‖ 't' ‖ track                a track: the cursors that some instances share
//! 0000 0000 ‖ 'a' ‖ partition ‖ number   an anchor: the cursor right behind that record
//! instance  ‖ key                        a row
//! ```

mod snap;

use std::path::Path;

use kippu_events::files::{is_about_environment, most_open_files};
use kippu_events::log::LogId;
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompactionStyle, DBCompressionType, ErrorKind, IteratorMode, Options, WriteBatch,
    WriteOptions,
};
use serde::{Deserialize, Serialize};

use crate::cursor::Cursor;
pub(crate) use snap::{KeyValue, Snap};

/// Changes when the layout of the store changes: a store of another format is deleted and filled anew.
const FORMAT: u8 = 1;
/// The keyspace of what is not a row.
const META: u32 = 0;
/// Blocks of rows that stay in memory.
const BLOCK_CACHE_BYTES: usize = 64 << 20;
/// Rows that wait in memory for their file. The log of them is what bounds the time to open.
const MEMTABLE_BYTES: usize = 32 << 20;
const MOST_WAL_BYTES: u64 = 128 << 20;
/// Handed to the disk as it is written: a large piece at once would hold up the log's next sync.
const SMOOTH_BYTES: u64 = 512 << 10;

/// The store does not work. Queries cannot be answered from it; nothing is lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store of views does not work: {0}")]
pub struct StoreError(String);

impl From<rocksdb::Error> for StoreError {
    fn from(error: rocksdb::Error) -> Self {
        Self(error.into_string())
    }
}

impl StoreError {
    fn format(what: &str) -> Self {
        Self(format!("{what} is not as this version writes it"))
    }
}

/// Where rows come from that are not in memory.
pub(crate) trait Source {
    /// The value under a full key.
    fn fetch(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
}

/// An instance of a view: its rows of one revision.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Instance {
    /// The view.
    pub view: String,
    /// The revision that wrote the rows.
    pub revision: u32,
    /// The cursors that the rows reflect.
    pub track: u32,
}

/// The open store.
pub(crate) struct ViewStore {
    db: DB,
    partitions: u16,
    write: WriteOptions,
    /// Whether it is the store of another process, read as it was when this was opened.
    is_secondary: bool,
}

impl ViewStore {
    /// Opens the store in `dir`, or makes an empty one where there is none or where it is not a store of this log.
    pub(crate) fn open(dir: &Path, log: LogId, partitions: u16) -> Result<Self, StoreError> {
        let mut format = vec![FORMAT];
        format.extend_from_slice(&log.0);
        format.extend_from_slice(&partitions.to_be_bytes());
        match Self::open_any(dir, partitions) {
            Ok(store) => match store.fetch(&meta(b'f', &[]))? {
                Some(found) if found == format => return Ok(store),
                None if store.is_empty()? => return store.begin(&format),
                Some(_) | None => {
                    tracing::warn!(dir = %dir.display(), "views are of another log or format: filled anew")
                }
            },
            Err(error) if is_damage(&error) => {
                tracing::warn!(dir = %dir.display(), %error, "the store of views is damaged: filled anew");
            }
            Err(error) => return Err(error.into()),
        }
        Self::destroy(dir)?;
        Self::open_any(dir, partitions)?.begin(&format)
    }

    fn open_any(dir: &Path, partitions: u16) -> Result<Self, rocksdb::Error> {
        let mut write = WriteOptions::default();
        // A crash of the process loses nothing; a crash of the machine loses rows and their cursor alike.
        write.set_sync(false);
        write.set_memtable_insert_hint_per_batch(true);
        Ok(Self { db: DB::open(&options(), dir)?, partitions, write, is_secondary: false })
    }

    /// The store in `dir` as it is now, and whose log it is of, read next to the process that writes it; nothing where this
    /// version cannot read it. RocksDB writes what it has to say to `scratch`.
    pub(crate) fn open_secondary(dir: &Path, scratch: &Path) -> Result<Option<(Self, LogId)>, StoreError> {
        let mut options = options();
        // A secondary opens every file once, and reads them on even when the primary has removed them.
        options.set_max_open_files(-1);
        let db = DB::open_as_secondary(&options, dir, scratch)?;
        let Some(format) = db.get(meta(b'f', &[]))? else { return Ok(None) };
        let read = || {
            let (&version, rest) = format.split_first()?;
            let (log, partitions) = rest.split_first_chunk()?;
            let partitions = u16::from_be_bytes(partitions.try_into().ok()?);
            (version == FORMAT).then_some((LogId(*log), partitions))
        };
        let Some((log, partitions)) = read() else { return Ok(None) };
        Ok(Some((Self { db, partitions, write: WriteOptions::default(), is_secondary: true }, log)))
    }

    fn begin(self, format: &[u8]) -> Result<Self, StoreError> {
        self.db.put(meta(b'f', &[]), format)?;
        Ok(self)
    }

    fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.db.iterator(IteratorMode::Start).next().transpose()?.is_none())
    }

    /// Deletes the store in `dir`, which MUST be closed.
    pub(crate) fn destroy(dir: &Path) -> Result<(), StoreError> {
        DB::destroy(&options(), dir)?;
        Ok(())
    }

    /// The rows and cursors as they are now, unmoved by later batches.
    pub(crate) fn snapshot(&self) -> Snap<'_> {
        // What is read of another process's store does not move.
        let snapshot = (!self.is_secondary).then(|| self.db.snapshot());
        Snap { db: &self.db, snapshot, partitions: self.partitions }
    }

    /// The row under `key` of an instance, as it is now.
    pub(crate) fn row(&self, instance: u32, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.fetch(&full_key(instance, key))
    }

    /// Writes all of `batch` or nothing.
    pub(crate) fn write(&self, batch: Batch) -> Result<(), StoreError> {
        Ok(self.db.write_opt(batch.0, &self.write)?)
    }
}

impl Source for ViewStore {
    fn fetch(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get(key)?)
    }
}

/// The key of a row in the store: the view's keyspace, then the key within the view.
pub(crate) fn full_key(keyspace: u32, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(4 + key.len());
    full.extend_from_slice(&keyspace.to_be_bytes());
    full.extend_from_slice(key);
    full
}

fn options() -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_bloom_filter(10.0, false);
    table.set_block_cache(&Cache::new_lru_cache(BLOCK_CACHE_BYTES));
    // Index and filter of a file stay with it, about two bytes a row: as blocks of a cache they would be larger than what
    // one shard of it holds, and be read again with every row.
    table.set_cache_index_and_filter_blocks(false);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(MEMTABLE_BYTES);
    options.set_max_write_buffer_number(4);
    options.set_max_total_wal_size(MOST_WAL_BYTES);
    // Rows are rewritten often and read back seldom: fewer rewritings on disk for more files to look into.
    options.set_compaction_style(DBCompactionStyle::Universal);
    options.set_bytes_per_sync(SMOOTH_BYTES);
    options.set_wal_bytes_per_sync(SMOOTH_BYTES);
    options.set_keep_log_file_num(2);
    options.set_max_open_files(most_open_files());
    // One thread writes.
    options.set_allow_concurrent_memtable_write(false);
    options
}

/// Whether an open failed for what is in the folder, and not for what surrounds it (a lock, permissions, space).
fn is_damage(error: &rocksdb::Error) -> bool {
    matches!(error.kind(), ErrorKind::Corruption | ErrorKind::InvalidArgument) && !is_about_environment(error.as_ref())
}

fn meta(kind: u8, key: &[u8]) -> Vec<u8> {
    let mut full = full_key(META, &[kind]);
    full.extend_from_slice(key);
    full
}

fn anchor_key(partition: u16, number: u64) -> Vec<u8> {
    let mut key = meta(b'a', &partition.to_be_bytes());
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Writes that happen together.
#[derive(Default)]
pub(crate) struct Batch(WriteBatch);

impl Batch {
    /// Writes or takes away a row by its full key.
    pub(crate) fn row(&mut self, key: &[u8], value: Option<&[u8]>) {
        match value {
            Some(value) => self.0.put(key, value),
            None => self.0.delete(key),
        }
    }

    /// Sets the cursors of a track.
    pub(crate) fn track(&mut self, track: u32, cursors: &[Cursor]) {
        self.0.put(meta(b't', &track.to_be_bytes()), Cursor::encode_all(cursors));
    }

    /// Takes a track away.
    pub(crate) fn no_track(&mut self, track: u32) {
        self.0.delete(meta(b't', &track.to_be_bytes()));
    }

    /// Remembers the cursor right behind a record.
    pub(crate) fn anchor(&mut self, partition: u16, cursor: &Cursor) {
        let mut value = Vec::new();
        cursor.encode(&mut value);
        self.0.put(anchor_key(partition, cursor.number()), value);
    }

    /// Writes what an instance is.
    pub(crate) fn instance(&mut self, id: u32, instance: &Instance) {
        if let Ok(value) = postcard::to_allocvec(instance) {
            self.0.put(meta(b'i', &id.to_be_bytes()), value);
        }
    }

    /// Takes an instance with all its rows away.
    pub(crate) fn no_instance(&mut self, id: u32) {
        self.0.delete(meta(b'i', &id.to_be_bytes()));
        self.0.delete_range(full_key(id, &[]), full_key(id + 1, &[]));
    }

    /// From now on the instance `id` answers for its view.
    pub(crate) fn live(&mut self, view: &str, id: u32) {
        self.0.put(meta(b'v', view.as_bytes()), id.to_be_bytes());
    }

    /// From now on nothing answers for `view`.
    pub(crate) fn not_live(&mut self, view: &str) {
        self.0.delete(meta(b'v', view.as_bytes()));
    }
}
