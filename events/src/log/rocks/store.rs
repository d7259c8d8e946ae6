//! RocksDB as the log uses it: one column family per partition, key = record number big-endian, value = the record as
//! stored. Keys only grow, so compaction moves and compresses, and never merges.

use std::path::Path;

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode,
    IteratorMode, Options, ReadOptions, WriteBatch, WriteOptions,
};

use super::OpenError;
use super::format::Format;
use crate::files::most_open_files;
use crate::log::judge::begin;
use crate::log::record::{Content, Genesis, Record, claim_hash};
use crate::log::{Bound, Entry, Head, LogId, Page, ReadError};

/// Per partition. Small, so that sixteen of them are; the total bound below counts first.
const MEMTABLE_BYTES: usize = 8 << 20;
/// All memtables together.
const MEMTABLES_BYTES: usize = 64 << 20;
/// What a start has to read again at most.
const WAL_BYTES: u64 = 128 << 20;
/// Shared by all partitions. Readers follow the tail, which lies in memtables, or scan, which needs no cache.
const CACHE_BYTES: usize = 32 << 20;
/// Records are read in runs; larger blocks compress better.
const BLOCK_BYTES: usize = 32 << 10;
/// What a scan asks the disk for at once.
const READAHEAD_BYTES: usize = 1 << 20;
/// Files on level 0 never overlap here, so many of them do not slow reads; stalling writes for them would help nobody.
const LEVEL_0_SLOWDOWN: i32 = 64;
const LEVEL_0_STOP: i32 = 128;
/// Files of tables are handed to the disk as they are written: a large piece at once would hold up the next sync.
const SMOOTH_BYTES: u64 = 512 << 10;
/// RocksDB's own info log.
const INFO_LOG_BYTES: usize = 4 << 20;
const INFO_LOGS: usize = 4;

/// An open store.
pub(super) struct LogStore {
    db: DB,
    id: LogId,
    partitions: u16,
}

/// Where a partition ends.
pub(super) struct Tail {
    pub(super) head: Head,
    /// Where the history goes on, if it is sealed.
    pub(super) next: Option<String>,
}

impl LogStore {
    /// A new store of nothing but genesis records, synced.
    pub(super) fn create(path: &Path, id: LogId, partitions: u16) -> Result<(), OpenError> {
        let refused = |error| OpenError::store(path, error);
        let mut options = database().map_err(refused)?;
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_error_if_exists(true);
        let db = DB::open_cf_descriptors(&options, path, families(partitions)).map_err(refused)?;
        let mut batch = WriteBatch::default();
        for partition in 0..partitions {
            let (stored, _) = Content::Genesis(Genesis { log: id, partition, partitions }).encode();
            let family = db.cf_handle(&name(partition)).ok_or(OpenError::Partitions { expected: partitions })?;
            batch.put_cf(family, 0_u64.to_be_bytes(), stored);
        }
        db.write_opt(batch, &synced()).map_err(refused)?;
        Ok(())
    }

    /// The store at `path`, to be written by this process alone.
    pub(super) fn open(path: &Path, format: &Format) -> Result<Self, OpenError> {
        let refused = |error| OpenError::store(path, error);
        let options = database().map_err(refused)?;
        same_families(&options, path, format.partitions)?;
        let db = DB::open_cf_descriptors(&options, path, families(format.partitions)).map_err(refused)?;
        Self { db, id: format.log, partitions: format.partitions }.checked()
    }

    /// The store at `path`, which another process may be writing. RocksDB keeps its info log in `scratch`.
    pub(super) fn open_secondary(path: &Path, scratch: &Path, format: &Format) -> Result<Self, OpenError> {
        let refused = |error| OpenError::store(path, error);
        let mut options = database().map_err(refused)?;
        // A secondary opens every file once, and reads them on even when the primary has removed them.
        options.set_max_open_files(-1);
        same_families(&options, path, format.partitions)?;
        let db = DB::open_cf_descriptors_as_secondary(&options, path, scratch, families(format.partitions))
            .map_err(refused)?;
        Self { db, id: format.log, partitions: format.partitions }.checked()
    }

    /// Refuses a partition that another log, or another partition of this one, began.
    fn checked(self) -> Result<Self, OpenError> {
        for partition in 0..self.partitions {
            let genesis = |reason: String| OpenError::Genesis { partition, reason };
            let page = self.page(partition, 0, 1, Bound { entries: 1, bytes: 0 });
            let page = page.map_err(|error| genesis(error.to_string()))?;
            let first = page.entries.first().ok_or_else(|| genesis("it is missing".to_owned()))?;
            let record = Record::decode(&first.stored).map_err(|error| genesis(error.to_string()))?;
            let expected = Genesis { log: self.id, partition, partitions: self.partitions };
            begin(&expected, &record).map_err(|damage| genesis(damage.to_string()))?;
        }
        Ok(self)
    }

    pub(super) fn id(&self) -> LogId {
        self.id
    }

    pub(super) fn partitions(&self) -> u16 {
        self.partitions
    }

    pub(super) fn db(&self) -> &DB {
        &self.db
    }

    /// The column family of `partition`.
    pub(super) fn family(&self, partition: u16) -> Result<&ColumnFamily, ReadError> {
        let no_partition = ReadError::NoPartition { partition, partitions: self.partitions };
        if partition >= self.partitions {
            return Err(no_partition);
        }
        self.db.cf_handle(&name(partition)).ok_or(no_partition)
    }

    /// The offset behind the last record.
    pub(super) fn end(&self, partition: u16) -> Result<u64, ReadError> {
        let medium = |reason: String| ReadError::Medium { partition, offset: 0, reason };
        match self.db.iterator_cf(self.family(partition)?, IteratorMode::End).next() {
            None => Ok(0),
            Some(Ok((key, _))) => Ok(number(&key).map_err(medium)? + 1),
            Some(Err(error)) => Err(medium(error.into_string())),
        }
    }

    /// The last record, as head. A claim's hash needs that of the record before, so this reads back over claims.
    pub(super) fn tail(&self, partition: u16) -> Result<Tail, OpenError> {
        let mut claims = Vec::new();
        let backwards = self.db.iterator_cf(self.family(partition)?, IteratorMode::End);
        for found in backwards {
            let wrong = |at, reason: String| OpenError::Damaged { partition, number: at, reason };
            let (key, stored) = found.map_err(|error| {
                let offset = claims.last().map_or(0, |(at, _, _)| *at);
                ReadError::Medium { partition, offset, reason: error.into_string() }
            })?;
            let at = number(&key).map_err(|reason| wrong(0, reason))?;
            let record = Record::decode(&stored).map_err(|error| wrong(at, error.to_string()))?;
            let (epoch, stored_number, sealed, next) = match record.content {
                Content::Claim(claim) => {
                    claims.push((at, claim.epoch, record.digest));
                    continue;
                }
                Content::Genesis(_) => (0, 0, false, None),
                Content::Commit(commit) => (commit.epoch, commit.number, false, None),
                Content::Seal(seal) => (seal.epoch, seal.number, true, Some(seal.next)),
            };
            if stored_number != at {
                return Err(wrong(at, format!("field number: {stored_number}")));
            }
            let mut head = Head { epoch, number: at, hash: record.digest, sealed };
            for (at, epoch, digest) in claims.into_iter().rev() {
                head = Head { epoch, number: at, hash: claim_hash(digest, at, head.hash), sealed: false };
            }
            return Ok(Tail { head, next });
        }
        Err(OpenError::Genesis { partition, reason: "it is missing".to_owned() })
    }

    /// Records from `offset` on that lie before `end`.
    pub(super) fn page(&self, partition: u16, offset: u64, end: u64, bound: Bound) -> Result<Page, ReadError> {
        let mut page = Page::default();
        self.visit(partition, offset, end, bound, &mut |offset, stored| {
            page.entries.push(Entry { offset, stored: stored.to_vec() });
        })?;
        Ok(page)
    }

    /// Lends records from `offset` on that lie before `end`; gives the offset behind the last.
    pub(super) fn visit(
        &self,
        partition: u16,
        offset: u64,
        end: u64,
        bound: Bound,
        entry: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<u64, ReadError> {
        let family = self.family(partition)?;
        if offset >= end {
            return Ok(offset);
        }
        let mut options = ReadOptions::default();
        // A scan must not push out of the cache what single reads come back to.
        options.fill_cache(bound.entries == 1);
        if bound.bytes >= READAHEAD_BYTES {
            options.set_readahead_size(READAHEAD_BYTES);
        }
        let mut found = self.db.raw_iterator_cf_opt(family, options);
        found.seek(offset.to_be_bytes());
        let (mut bytes, mut next) = (0, offset);
        let most = offset.saturating_add(u64::try_from(bound.entries).unwrap_or(u64::MAX)).min(end);
        while next < most {
            let medium = |reason: String| ReadError::Medium { partition, offset: next, reason };
            let Some((key, stored)) = found.item() else {
                let reason =
                    found.status().err().map_or("the record is missing".to_owned(), |error| error.into_string());
                return Err(medium(reason));
            };
            let at = number(key).map_err(medium)?;
            if at != next {
                return Err(medium(format!("the record is missing; the next is {at}")));
            }
            bytes += stored.len();
            if bytes > bound.bytes && next > offset {
                break;
            }
            entry(at, stored);
            next += 1;
            found.next();
        }
        Ok(next)
    }
}

/// Writes that return when the disk has them.
pub(super) fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

fn number(key: &[u8]) -> Result<u64, String> {
    key.try_into().map(u64::from_be_bytes).map_err(|_| format!("a key of {} bytes", key.len()))
}

fn name(partition: u16) -> String {
    format!("partition-{partition}")
}

fn database() -> Result<Options, rocksdb::Error> {
    // The first write error ends this process: RocksDB must not repair itself behind our back and take writes again.
    let mut options = Options::default().get_options_from_string("max_bgerror_resume_count=0")?;
    options.set_paranoid_checks(true);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_max_total_wal_size(WAL_BYTES);
    options.set_db_write_buffer_size(MEMTABLES_BYTES);
    // One thread writes.
    options.set_allow_concurrent_memtable_write(false);
    options.set_max_background_jobs(2);
    options.set_max_open_files(most_open_files());
    options.set_bytes_per_sync(SMOOTH_BYTES);
    options.set_keep_log_file_num(INFO_LOGS);
    options.set_max_log_file_size(INFO_LOG_BYTES);
    Ok(options)
}

fn families(partitions: u16) -> Vec<ColumnFamilyDescriptor> {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(CACHE_BYTES));
    table.set_block_size(BLOCK_BYTES);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(MEMTABLE_BYTES);
    options.set_compression_type(DBCompressionType::None);
    options.set_bottommost_compression_type(DBCompressionType::Lz4);
    options.set_level_zero_slowdown_writes_trigger(LEVEL_0_SLOWDOWN);
    options.set_level_zero_stop_writes_trigger(LEVEL_0_STOP);
    let mut families: Vec<_> =
        (0..partitions).map(|index| ColumnFamilyDescriptor::new(name(index), options.clone())).collect();
    families.push(ColumnFamilyDescriptor::new(DEFAULT, options));
    families
}

const DEFAULT: &str = rocksdb::DEFAULT_COLUMN_FAMILY_NAME;

/// What RocksDB says of the store at `path` when it must open every file, if that is that one is damaged. Only for
/// words: next to a writer such an opening proves nothing.
pub(super) fn corruption(path: &Path) -> Option<OpenError> {
    let families = DB::list_cf(&Options::default(), path).ok()?;
    let mut options = database().ok()?;
    options.set_max_open_files(-1);
    let error = DB::open_cf_for_read_only(&options, path, families, false).err()?;
    (error.kind() == rocksdb::ErrorKind::Corruption).then(|| OpenError::store(path, error))
}

/// Refuses a store that has other partitions than it says.
fn same_families(options: &Options, path: &Path, partitions: u16) -> Result<(), OpenError> {
    let mut found = DB::list_cf(options, path).map_err(|error| OpenError::store(path, error))?;
    let mut expected: Vec<String> = (0..partitions).map(name).collect();
    expected.push(DEFAULT.to_owned());
    found.sort();
    expected.sort();
    if found == expected { Ok(()) } else { Err(OpenError::Partitions { expected: partitions }) }
}
