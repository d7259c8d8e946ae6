//! Copying persons' keys to another location of the same history. They stay wrapped as they are: whoever copies them cannot
//! open them, and they are of use only next to the same keyring.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::{DB, IteratorMode, WriteBatch, WriteOptions};
use tempfile::TempDir;

use super::copy::{is_copy, label, options};
use super::keyring::{self, Keyring, make_dir};
use super::shared::{SharedError, SharedKey, SharedKeys};
use super::{PERSONS, SecretsError, damaged};
use crate::EntityId;
use crate::files::{all_of, scratch};
use crate::log_id::LogId;

/// Entries that are appended at once, so that they share the brokers' acknowledgements.
const AT_ONCE: usize = 32;

/// The keys of one location, read next to the nodes that make them.
pub enum KeysFrom {
    /// One node's own.
    Store(SecondaryKeyStore),
    /// Those that nodes share, and the number of the entry that is read next.
    Shared(Arc<dyn SharedKeys>, u64),
}

/// A node's own store of persons' keys, next to the node.
pub struct SecondaryKeyStore {
    db: DB,
    /// RocksDB's info log lies there.
    _scratch: TempDir,
}

/// The keys of the location that they are copied to.
pub enum KeysTo {
    /// One node's own.
    Store(OwnStore),
    /// Those that nodes share.
    Shared(Arc<dyn SharedKeys>),
}

/// A store of persons' keys that no node has open.
pub struct OwnStore(DB);

/// Copies keys, as often as it is told to.
pub struct KeyTransfer {
    from: KeysFrom,
    to: KeysTo,
    there: Known,
}

/// What is known in one place.
#[derive(Default)]
struct Known {
    /// Persons who have a key there.
    keys: HashSet<EntityId>,
    /// Persons who were forgotten there.
    forgotten: HashSet<EntityId>,
}

impl KeysFrom {
    /// The store in the key store `dir`.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn store(dir: &Path) -> Result<Self, SecretsError> {
        let dir = dir.join(PERSONS);
        all_of(&dir).map_err(|source| SecretsError::Io { path: dir.clone(), source })?;
        let scratch = scratch().map_err(|source| SecretsError::Io { path: std::env::temp_dir(), source })?;
        let mut options = options();
        // A secondary opens every file once, and reads them on even when the primary has removed them.
        options.set_max_open_files(-1);
        let db =
            DB::open_as_secondary(&options, &dir, &scratch.path().to_owned()).map_err(|error| damaged(&dir, &error))?;
        Ok(Self::Store(SecondaryKeyStore { db, _scratch: scratch }))
    }

    /// What this has not told yet; where all of it is told each time, all of it.
    fn news(&mut self) -> Result<Vec<SharedKey>, SecretsError> {
        match self {
            Self::Store(store) => {
                store.db.try_catch_up_with_primary().map_err(|error| damaged(store.db.path(), &error))?;
                rows(&store.db)
            }
            Self::Shared(keys, next) => {
                let entries = read(&**keys, *next)?;
                *next += entries.len() as u64;
                Ok(entries)
            }
        }
    }
}

impl KeysTo {
    /// The store in the key store `dir`, which is made where there is none.
    ///
    /// # Errors
    /// Where it cannot be opened, or a node has it open.
    pub fn store(dir: &Path) -> Result<Self, SecretsError> {
        let dir = dir.join(PERSONS);
        make_dir(&dir).map_err(|source| SecretsError::Io { path: dir.clone(), source })?;
        let mut options = options();
        options.create_if_missing(true);
        let db = DB::open(&options, &dir).map_err(|error| damaged(&dir, &error))?;
        if is_copy(&db).map_err(|error| damaged(&dir, &error))? {
            return Err(damaged(&dir, &"these keys are a copy of keys that nodes share"));
        }
        Ok(Self::Store(OwnStore(db)))
    }

    fn known(&self) -> Result<Vec<SharedKey>, SecretsError> {
        match self {
            Self::Store(OwnStore(db)) => rows(db),
            Self::Shared(keys) => Ok(read(&**keys, 0)?),
        }
    }

    /// Adds `entries`, durably.
    fn add(&self, entries: &[SharedKey]) -> Result<(), SecretsError> {
        match self {
            Self::Store(OwnStore(db)) => {
                let mut batch = WriteBatch::default();
                for SharedKey { person, wrapped } in entries {
                    // One node's own store has no word for the forgotten but that they have no key.
                    if wrapped.is_empty() {
                        batch.delete(person.as_bytes());
                    } else {
                        batch.put(person.as_bytes(), wrapped);
                    }
                }
                let mut durable = WriteOptions::default();
                durable.set_sync(true);
                db.write_opt(batch, &durable).map_err(|error| damaged(db.path(), &error))
            }
            Self::Shared(keys) => Ok(append(&**keys, entries)?),
        }
    }
}

impl KeyTransfer {
    /// From one location to another of the same history.
    ///
    /// # Errors
    /// Where the keys that are there already cannot be read.
    pub fn new(from: KeysFrom, to: KeysTo) -> Result<Self, SecretsError> {
        let mut there = Known::default();
        to.known()?.iter().for_each(|key| {
            there.note(key);
        });
        Ok(Self { from, to, there })
    }

    /// Copies what has come to be there; how many keys that were. Everything that was durable when this was called is
    /// durable there when it returns.
    ///
    /// # Errors
    /// Where keys are not read or not written; what was copied stays.
    pub fn transfer(&mut self) -> Result<u64, SecretsError> {
        let mut news = self.from.news()?;
        news.retain(|key| self.there.note(key));
        self.to.add(&news)?;
        Ok(news.len() as u64)
    }

    /// How many of `persons` have no key there and were not forgotten: what is encrypted under it is never read again.
    #[must_use]
    pub fn lacks(&self, persons: &HashSet<EntityId>) -> usize {
        persons
            .iter()
            .filter(|person| !self.there.keys.contains(person) && !self.there.forgotten.contains(person))
            .count()
    }
}

impl Known {
    /// Whether `key` says something that was not known there. The first key of a person counts, and forgetting more.
    fn note(&mut self, key: &SharedKey) -> bool {
        if key.wrapped.is_empty() {
            self.forgotten.insert(key.person)
        } else {
            self.keys.insert(key.person) && !self.forgotten.contains(&key.person)
        }
    }
}

/// All persons' keys in a store, or in a copy.
fn rows(db: &DB) -> Result<Vec<SharedKey>, SecretsError> {
    let mut rows = Vec::new();
    for row in db.iterator(IteratorMode::Start) {
        let (key, wrapped) = row.map_err(|error| damaged(db.path(), &error))?;
        if let Ok(person) = <[u8; EntityId::BYTES]>::try_from(&*key) {
            rows.push(SharedKey { person: EntityId::from_bytes(person), wrapped: wrapped.into_vec() });
        }
    }
    Ok(rows)
}

/// All entries from `next` on.
fn read(keys: &dyn SharedKeys, mut next: u64) -> Result<Vec<SharedKey>, SharedError> {
    let end = keys.end()?;
    let mut entries = Vec::new();
    while next < end {
        let page = keys.read(next, end)?;
        if page.is_empty() {
            return Err(SharedError::Unavailable(format!("entry {next} of {} does not come", keys.name())));
        }
        next += page.len() as u64;
        entries.extend(page);
    }
    Ok(entries)
}

/// Appends entries of different persons, some at once.
fn append(keys: &dyn SharedKeys, entries: &[SharedKey]) -> Result<(), SharedError> {
    let lanes = entries.len().div_ceil(AT_ONCE).max(1);
    std::thread::scope(|scope| {
        let lanes = entries.chunks(lanes);
        let lanes: Vec<_> =
            lanes.map(|lane| scope.spawn(move || lane.iter().try_for_each(|entry| keys.append(entry)))).collect();
        lanes.into_iter().try_for_each(|lane| match lane.join() {
            Ok(appended) => appended,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

/// Lets the key store `dir`, so far one node's own or a copy of keys that were shared in another topic, go over to `keys`: every
/// person's key comes to be there, and what is here becomes a copy, which is read anew. Once more, nothing is added.
pub(super) fn go_over(dir: &Path, log: LogId, keys: &Arc<dyn SharedKeys>) -> Result<(), SecretsError> {
    let dir: PathBuf = dir.join(PERSONS);
    let wrong = |error: rocksdb::Error| damaged(&dir, &error);
    let db = DB::open(&options(), &dir).map_err(wrong)?;
    let mut there = Known::default();
    read(&**keys, 0)?.iter().for_each(|key| {
        there.note(key);
    });
    let mut missing = rows(&db)?;
    missing.retain(|key| there.note(key));
    append(&**keys, &missing)?;
    let mut batch = WriteBatch::default();
    for row in db.iterator(IteratorMode::Start) {
        batch.delete(row.map_err(wrong)?.0);
    }
    let (name, label) = label(log);
    batch.put(name, label);
    let mut durable = WriteOptions::default();
    durable.set_sync(true);
    db.write_opt(batch, &durable).map_err(wrong)
}

/// Puts the keyring in `file` into the key store `dir`, which has the same one or none.
///
/// # Errors
/// Where the file is not the keyring of `log`, or another one is there.
pub fn copy_keyring(file: &Path, dir: &Path, log: LogId) -> Result<(), SecretsError> {
    let keyring = Keyring::read(file)?.of(log, file)?;
    if Keyring::exists(dir) {
        let there = dir.join(keyring::FILE);
        return if keyring.is(&Keyring::read(&there)?) {
            Ok(())
        } else {
            Err(damaged(&there, &"this is another keyring than the history's"))
        };
    }
    make_dir(dir).map_err(|source| SecretsError::Io { path: dir.to_owned(), source })?;
    keyring.create(dir)
}
