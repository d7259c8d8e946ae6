//! Copying persons' keys to another location of the same history. They stay wrapped as they are: whoever copies them cannot
//! open them, and they are of use only next to the same keyring.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::{DB, IteratorMode, WriteBatch};
use tempfile::TempDir;

use super::copy::{is_copy, label, options, secondary};
use super::forgetting::compact;
use super::keyring::{self, Key, Keyring, Use, make_dir};
use super::numbered::Numbered;
use super::persons::{durably, wrapped_under};
use super::shared::{SharedError, SharedKey, SharedKeys};
use super::{PERSONS, SecretsError, damaged};
use crate::EntityId;
use crate::log_id::LogId;

const REPLACED: &str =
    "the key that persons' keys are wrapped under was replaced since: copy the history anew, to another place";
const NEWER: &str = "the key that persons' keys are wrapped under is newer here than in the history that is copied: copy that to another place";
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
    /// The key store that it is a part of.
    dir: PathBuf,
    /// The numbers of its wrapping keys when it was opened.
    wrapping: Vec<u32>,
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
pub struct OwnStore {
    db: DB,
    /// The key store that it is a part of.
    dir: PathBuf,
}

/// Copies keys, as often as it is told to.
pub struct KeyTransfer {
    from: KeysFrom,
    to: KeysTo,
    there: Known,
}

/// What is known in one place.
#[derive(Default)]
struct Known {
    /// Persons who have a key there, and the number of the key that it is wrapped under.
    keys: HashMap<EntityId, u32>,
    /// Persons who were forgotten there.
    forgotten: HashSet<EntityId>,
}

impl KeysFrom {
    /// The store in the key store `store`.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn store(store: &Path) -> Result<Self, SecretsError> {
        let wrapping = wrapping_keys(store)?;
        let (db, scratch) = secondary(&store.join(PERSONS))?;
        Ok(Self::Store(SecondaryKeyStore { db, dir: store.to_owned(), wrapping, _scratch: scratch }))
    }

    /// What this has not told yet; where all of it is told each time, all of it.
    fn news(&mut self) -> Result<Vec<SharedKey>, SecretsError> {
        match self {
            Self::Store(store) => {
                store.db.try_catch_up_with_primary().map_err(|error| damaged(store.db.path(), &error))?;
                let news = rows(&store.db)?;
                // What was wrapped since under another key is of no use next to the keyring that was copied.
                if wrapping_keys(&store.dir)? != store.wrapping {
                    return Err(damaged(&store.dir, &REPLACED));
                }
                Ok(news)
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
    /// The store in the key store `store`, which is made where there is none.
    ///
    /// # Errors
    /// Where it cannot be opened, or a node has it open.
    pub fn store(store: &Path) -> Result<Self, SecretsError> {
        let dir = store.join(PERSONS);
        make_dir(&dir).map_err(|source| SecretsError::Io { path: dir.clone(), source })?;
        let mut options = options();
        options.create_if_missing(true);
        let db = DB::open(&options, &dir).map_err(|error| damaged(&dir, &error))?;
        if is_copy(&db).map_err(|error| damaged(&dir, &error))? {
            return Err(damaged(&dir, &"these keys are a copy of keys that nodes share"));
        }
        Ok(Self::Store(OwnStore { db, dir: store.to_owned() }))
    }

    fn known(&self) -> Result<Vec<SharedKey>, SecretsError> {
        match self {
            Self::Store(own) => rows(&own.db),
            Self::Shared(keys) => Ok(read(&**keys, 0)?),
        }
    }

    /// Adds `entries`, durably.
    fn add(&self, entries: &[SharedKey]) -> Result<(), SecretsError> {
        match self {
            Self::Store(OwnStore { db, .. }) => {
                let mut batch = WriteBatch::default();
                for SharedKey { person, wrapped } in entries {
                    batch.put(person.as_bytes(), wrapped);
                }
                db.write_opt(batch, &durably()).map_err(|error| damaged(db.path(), &error))
            }
            Self::Shared(keys) => Ok(append(&**keys, entries)?),
        }
    }
}

impl OwnStore {
    /// Lets the keyring next to it, which may have older ones too, have these wrapping keys alone, once all keys are wrapped under them.
    fn go_by(&self, wrapping: &[u32]) -> Result<(), SecretsError> {
        if !Keyring::exists(&self.dir) {
            return Ok(());
        }
        let keyring = Keyring::open(&self.dir)?;
        let is_among = |number| wrapping.contains(&number);
        if keyring.keys(Use::Wrapping).oldest_first().all(|(number, _)| is_among(number)) {
            return Ok(());
        }
        if rows(&self.db)?.iter().filter_map(|key| wrapped_under(&key.wrapped)).any(|number| !is_among(number)) {
            // Without its wrapping key nobody would open it again.
            return Err(damaged(&self.dir, &NEWER));
        }
        compact(&self.db)?;
        keyring.with_wrapping(is_among).ok_or_else(|| damaged(&self.dir, &REPLACED))?.replace(&self.dir)
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
        if let KeysFrom::Store(from) = &self.from {
            // In a node's own store they come to be wrapped as they are here.
            let oldest = from.wrapping.iter().min().copied().unwrap_or_default();
            let is_older = |number: &mut u32| *number < oldest;
            match &self.to {
                KeysTo::Store(_) => self.there.keys.retain(|_, number| !is_older(number)),
                KeysTo::Shared(keys) if self.there.keys.values_mut().any(is_older) => {
                    return Err(damaged(Path::new(keys.name()), &REPLACED));
                }
                KeysTo::Shared(_) => {}
            }
        }
        news.retain(|key| self.there.note(key));
        // Whoever was forgotten since needs no key there for a moment.
        news.retain(|key| key.wrapped.is_empty() || !self.there.forgotten.contains(&key.person));
        self.to.add(&news)?;
        if let (KeysFrom::Store(from), KeysTo::Store(to)) = (&self.from, &self.to) {
            to.go_by(&from.wrapping)?;
        }
        Ok(news.len() as u64)
    }

    /// How many of `persons` have no key there and were not forgotten: what is encrypted under it is never read again.
    #[must_use]
    pub fn lacks(&self, persons: &HashSet<EntityId>) -> usize {
        persons
            .iter()
            .filter(|person| !self.there.keys.contains_key(person) && !self.there.forgotten.contains(person))
            .count()
    }
}

impl Known {
    /// Whether `key` says something that was not known there. The first key of a person counts, and forgetting more.
    fn note(&mut self, key: &SharedKey) -> bool {
        if key.wrapped.is_empty() {
            self.forgotten.insert(key.person)
        } else {
            let number = wrapped_under(&key.wrapped).unwrap_or_default();
            let is_first = self.keys.insert(key.person, number).is_none();
            is_first && !self.forgotten.contains(&key.person)
        }
    }
}

/// The numbers of the wrapping keys in the key store `dir`.
fn wrapping_keys(dir: &Path) -> Result<Vec<u32>, SecretsError> {
    Ok(Keyring::open(dir)?.keys(Use::Wrapping).oldest_first().map(|(number, _)| number).collect())
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
/// Keys there that were wrapped under none of `wrapping` are refused: the copy is older than the wrapping key.
pub(super) fn go_over(
    dir: &Path,
    log: LogId,
    keys: &Arc<dyn SharedKeys>,
    wrapping: &Numbered<Key>,
) -> Result<(), SecretsError> {
    let dir: PathBuf = dir.join(PERSONS);
    let wrong = |error: rocksdb::Error| damaged(&dir, &error);
    let db = DB::open(&options(), &dir).map_err(wrong)?;
    let mut there = Known::default();
    for key in read(&**keys, 0)? {
        if wrapped_under(&key.wrapped).is_some_and(|number| wrapping.get(number).is_none()) {
            return Err(damaged(Path::new(keys.name()), &REPLACED));
        }
        there.note(&key);
    }
    let mut missing = rows(&db)?;
    missing.retain(|key| there.note(key));
    append(&**keys, &missing)?;
    let mut batch = WriteBatch::default();
    for row in db.iterator(IteratorMode::Start) {
        batch.delete(row.map_err(wrong)?.0);
    }
    let (name, label) = label(log);
    batch.put(name, label);
    db.write_opt(batch, &durably()).map_err(wrong)
}

/// Puts the keyring in `file` into the key store `dir`, which has the same one or none. Where there is an older one, whose wrapping key
/// was replaced since, both wrapping keys are there until the keys are transferred.
///
/// # Errors
/// Where the file is not the keyring of `log`, or another one is there.
pub fn copy_keyring(file: &Path, dir: &Path, log: LogId) -> Result<(), SecretsError> {
    let keyring = Keyring::read(file)?.of(log, file)?;
    if Keyring::exists(dir) {
        let there = Keyring::open(dir)?;
        if keyring.is(&there) {
            return Ok(());
        }
        if there.key(Use::Wrapping).0 > keyring.key(Use::Wrapping).0 {
            return Err(damaged(&dir.join(keyring::FILE), &NEWER));
        }
        let other = || damaged(&dir.join(keyring::FILE), &"this is another keyring than the history's");
        return there.with_wrapping_of(&keyring).ok_or_else(other)?.replace(dir);
    }
    make_dir(dir).map_err(|source| SecretsError::Io { path: dir.to_owned(), source })?;
    keyring.create(dir)
}
