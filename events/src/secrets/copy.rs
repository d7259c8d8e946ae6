//! What a node has read of shared keys, so that a start does not read all of them again. A cache: deleted, it comes back
//! the same. Not synced: after a power cut it is what it was a while before, rows and cursor alike.
//!
//! ```text
//! "copy"      → format u8 = 1 ‖ log 16 B
//! "cursor"    → number of the next entry u64 ‖ person 15 B ‖ wrapped key: the entry before it
//! person 15 B → wrapped key, empty where the person is forgotten
//! ```

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;

use rocksdb::{DB, DBRecoveryMode, IteratorMode, Options, WriteBatch};
use tempfile::TempDir;

use super::keyring::make_dir;
use super::shared::{SharedError, SharedKey};
use super::{SecretsError, damaged};
use crate::EntityId;
use crate::files::{all_of, most_open_files, scratch};
use crate::log_id::LogId;

const FORMAT: u8 = 1;
/// Keys are few and small: a memtable of this size holds tens of thousands.
const MEMTABLE_BYTES: usize = 4 << 20;
/// RocksDB's own info log.
const INFO_LOGS: usize = 2;
const INFO_LOG_BYTES: usize = 1 << 20;
// Neither has the length of a person's id.
const LABEL: &[u8] = b"copy";
const CURSOR: &[u8] = b"cursor";

/// See the module.
pub(super) struct KeysCopy(DB);

/// How far was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Cursor {
    /// The number of the next entry.
    pub(super) next: u64,
    /// The entry before it, to be known again.
    pub(super) last: Option<SharedKey>,
}

/// How a store of persons' keys, or a copy of one, is opened.
pub(super) fn options() -> Options {
    let mut options = Options::default();
    options.set_paranoid_checks(true);
    // A torn end was never answered. Anything else that does not read would be somebody's key, so it stops the start.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_write_buffer_size(MEMTABLE_BYTES);
    options.set_keep_log_file_num(INFO_LOGS);
    options.set_max_log_file_size(INFO_LOG_BYTES);
    options.set_max_open_files(most_open_files());
    options
}

/// The store of persons' keys in `dir` as it is now, next to the process that has it open. RocksDB's info log lies in what comes
/// with it.
pub(super) fn secondary(dir: &Path) -> Result<(DB, TempDir), SecretsError> {
    all_of(dir).map_err(|source| SecretsError::Io { path: dir.to_owned(), source })?;
    let scratch = scratch().map_err(|source| SecretsError::Io { path: std::env::temp_dir(), source })?;
    let mut options = options();
    // A secondary opens every file once, and reads them on even when the primary has removed them.
    options.set_max_open_files(-1);
    let db = DB::open_as_secondary(&options, dir, scratch.path()).map_err(|error| damaged(dir, &error))?;
    Ok((db, scratch))
}

/// Whether a store of persons' keys is a copy of shared ones.
pub(super) fn is_copy(db: &DB) -> Result<bool, rocksdb::Error> {
    Ok(db.get(LABEL)?.is_some())
}

/// What says that a store is a copy of the shared keys of `log`.
pub(super) fn label(log: LogId) -> (&'static [u8], Vec<u8>) {
    (LABEL, [&[FORMAT][..], &log.0].concat())
}

impl KeysCopy {
    /// The copy in `dir`; an empty one where there is none, or where it is one of another log or format.
    pub(super) fn open(dir: &Path, log: LogId) -> Result<Self, SecretsError> {
        make_dir(dir).map_err(|source| SecretsError::Io { path: dir.to_owned(), source })?;
        let wrong = |error: rocksdb::Error| damaged(dir, &error);
        let (_, label) = label(log);
        let db = open_any(dir).map_err(wrong)?;
        match db.get(LABEL).map_err(wrong)? {
            Some(found) if found == label => return Ok(Self(db)),
            Some(_) => tracing::warn!(dir = %dir.display(), "persons' keys of another log or format: copied anew"),
            None if db.iterator(IteratorMode::Start).next().is_none() => {
                db.put(LABEL, label).map_err(wrong)?;
                return Ok(Self(db));
            }
            // Keys that were made without sharing them: there may be no others.
            None => return Err(damaged(dir, &"there are keys here that this node alone has made")),
        }
        drop(db);
        DB::destroy(&options(), dir).map_err(wrong)?;
        let db = open_any(dir).map_err(wrong)?;
        db.put(LABEL, label).map_err(wrong)?;
        Ok(Self(db))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    fn failed(&self, reason: &dyn Display) -> SharedError {
        SharedError::Copy { path: self.path().to_owned(), reason: reason.to_string() }
    }

    /// The person's wrapped key, empty where the person is forgotten.
    pub(super) fn get(&self, person: EntityId) -> Result<Option<Vec<u8>>, SharedError> {
        self.0.get(person.as_bytes()).map_err(|error| self.failed(&error))
    }

    /// Any person's wrapped key.
    pub(super) fn any(&self) -> Result<Option<SharedKey>, SharedError> {
        for row in self.0.iterator(IteratorMode::Start) {
            let (key, wrapped) = row.map_err(|error| self.failed(&error))?;
            if let Ok(person) = <[u8; EntityId::BYTES]>::try_from(&*key)
                && !wrapped.is_empty()
            {
                return Ok(Some(SharedKey { person: EntityId::from_bytes(person), wrapped: wrapped.into_vec() }));
            }
        }
        Ok(None)
    }

    pub(super) fn cursor(&self) -> Result<Cursor, SharedError> {
        let Some(row) = self.0.get(CURSOR).map_err(|error| self.failed(&error))? else { return Ok(Cursor::default()) };
        let read = || {
            let (next, rest) = row.split_first_chunk::<8>()?;
            let (person, wrapped) = rest.split_first_chunk::<{ EntityId::BYTES }>()?;
            let last = SharedKey { person: EntityId::from_bytes(*person), wrapped: wrapped.to_vec() };
            Some(Cursor { next: u64::from_be_bytes(*next), last: Some(last) })
        };
        read().ok_or_else(|| self.failed(&"the cursor is cut off"))
    }

    /// Takes `entries`, the first of which has the number `next`; the number of the entry behind them.
    pub(super) fn take(&self, next: u64, entries: &[SharedKey]) -> Result<u64, SharedError> {
        let mut taken: HashMap<EntityId, &[u8]> = HashMap::with_capacity(entries.len());
        for entry in entries {
            let is_known = taken.contains_key(&entry.person) || self.get(entry.person)?.is_some();
            // The first key counts, and forgetting counts more.
            if !is_known || entry.wrapped.is_empty() {
                taken.insert(entry.person, &entry.wrapped);
            }
        }
        let mut batch = WriteBatch::default();
        for (person, wrapped) in taken {
            batch.put(person.as_bytes(), wrapped);
        }
        let next = next + entries.len() as u64;
        if let Some(last) = entries.last() {
            batch.put(CURSOR, [&next.to_be_bytes()[..], last.person.as_bytes(), &last.wrapped].concat());
        }
        self.0.write(batch).map_err(|error| self.failed(&error))?;
        Ok(next)
    }
}

fn open_any(dir: &Path) -> Result<DB, rocksdb::Error> {
    let mut options = options();
    options.create_if_missing(true);
    DB::open(&options, dir)
}
