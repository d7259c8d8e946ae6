//! The keys of persons, one each, on disk only encrypted under a wrapping key. The one place that makes them; [`super::forgetting`]
//! destroys them.
//!
//! ```text
//! person 15 B               → number of the wrapping key u32 ‖ nonce 24 B ‖ XChaCha20-Poly1305 of the key, bound to the person;
//!                             empty where the person is forgotten
//! "destroyed" ‖ person 15 B → number of the newest wrapping key when the person's was destroyed u32
//! ```
//!
//! One node keeps them here; several nodes share them ([`super::shared`]) and keep a copy here.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use rocksdb::{DB, IteratorMode, WriteOptions};
use zeroize::Zeroizing;

use super::copy::{is_copy, options};
use super::following::Following;
use super::keyring::{Key, make_dir};
use super::numbered::Numbered;
use super::secondary::Secondary;
use super::shared::{SharedError, SharedKeys};
use super::{SecretsError, damaged};
use crate::EntityId;
use crate::log_id::LogId;

const NONCE: usize = 24;
/// So many persons' keys are made at once; their synced writes share an fsync.
const SHARDS: usize = 64;

/// Persons' keys.
pub(super) struct Persons {
    /// Held for reading while a key is wrapped and kept, or read and opened, so that its wrapping key is there meanwhile.
    pub(super) wrapping: RwLock<Numbered<Key>>,
    pub(super) kept: Kept,
    /// Taken for making a key, so that two who make one for the same person at once get the same; and for destroying it.
    making: [Mutex<()>; SHARDS],
    /// Taken for changing keys that are there: one that is wrapped anew MUST NOT come back after it was destroyed.
    pub(super) changing: Mutex<()>,
    /// Taken while the wrapping key is replaced.
    pub(super) replacing: Mutex<()>,
}

pub(super) enum Kept {
    OnDisk(DB),
    InMemory(Mutex<HashMap<EntityId, Vec<u8>>>),
    Shared(Box<Following>),
    Secondary(Box<Secondary>),
}

impl Persons {
    /// A new store in `dir`, which MUST NOT hold keys. From here on no second process gets in.
    pub(super) fn create(dir: &Path, wrapping: Numbered<Key>) -> Result<Self, SecretsError> {
        make_dir(dir).map_err(|source| SecretsError::Io { path: dir.to_owned(), source })?;
        let mut options = options();
        options.create_if_missing(true);
        let db = DB::open(&options, dir).map_err(|error| damaged(dir, &error))?;
        let holds_keys = db.iterator(IteratorMode::Start).next().is_some();
        if holds_keys {
            return Err(damaged(dir, &"there are keys here that another keyring made"));
        }
        Ok(Self::new(wrapping, Kept::OnDisk(db)))
    }

    /// The store in `dir`, which MUST be there: an empty one in its place would look as if everybody was forgotten.
    pub(super) fn open(dir: &Path, wrapping: Numbered<Key>) -> Result<Self, SecretsError> {
        let db = DB::open(&options(), dir).map_err(|error| damaged(dir, &error))?;
        // A key made here would be one that the other nodes do not know.
        if is_copy(&db).map_err(|error| damaged(dir, &error))? {
            return Err(damaged(dir, &"these keys are a copy of keys that nodes share"));
        }
        Ok(Self::new(wrapping, Kept::OnDisk(db)))
    }

    /// The first use of `keys`, which MUST be empty, with a copy in `dir`.
    pub(super) fn create_shared(
        dir: &Path,
        log: LogId,
        keys: Arc<dyn SharedKeys>,
        wrapping: Numbered<Key>,
    ) -> Result<Self, SecretsError> {
        let shared = Following::open(dir, log, keys)?;
        if shared.keys().end()? > 0 {
            return Err(damaged(Path::new(shared.keys().name()), &"there are keys here that another keyring made"));
        }
        Ok(Self::new(wrapping, Kept::Shared(Box::new(shared))))
    }

    /// `keys`, with the copy of them in `dir`, which is made where there is none.
    pub(super) fn open_shared(
        dir: &Path,
        log: LogId,
        keys: Arc<dyn SharedKeys>,
        wrapping: Numbered<Key>,
    ) -> Result<Self, SecretsError> {
        Ok(Self::new(wrapping, Kept::Shared(Box::new(Following::open(dir, log, keys)?))))
    }

    /// The same, where it is not known yet that `wrapping` is what these keys are wrapped under.
    pub(super) fn join(
        dir: &Path,
        log: LogId,
        keys: Arc<dyn SharedKeys>,
        wrapping: Numbered<Key>,
    ) -> Result<Self, SecretsError> {
        let shared = Following::open(dir, log, keys)?;
        shared.catch_up()?;
        let any = shared.any()?;
        let persons = Self::new(wrapping, Kept::Shared(Box::new(shared)));
        if let Some(any) = any {
            persons.opened(&persons.wrapping(), any.person, &any.wrapped)?;
        }
        Ok(persons)
    }

    /// The store in `dir`, or the copy of shared keys there, next to the process that has it open. It makes no keys.
    pub(super) fn open_secondary(dir: &Path, wrapping: Numbered<Key>) -> Result<Self, SecretsError> {
        Ok(Self::new(wrapping, Kept::Secondary(Box::new(Secondary::open(dir)?))))
    }

    /// A store that is gone with the process.
    pub(super) fn in_memory(wrapping: Numbered<Key>) -> Self {
        Self::new(wrapping, Kept::InMemory(Mutex::default()))
    }

    const fn new(wrapping: Numbered<Key>, kept: Kept) -> Self {
        let making = [const { Mutex::new(()) }; SHARDS];
        Self { wrapping: RwLock::new(wrapping), kept, making, changing: Mutex::new(()), replacing: Mutex::new(()) }
    }

    /// Why persons' keys could not be reached when that was tried last, where nodes share them.
    pub(super) fn away(&self) -> Option<SharedError> {
        match &self.kept {
            Kept::Shared(following) => following.away(),
            Kept::OnDisk(_) | Kept::InMemory(_) | Kept::Secondary(_) => None,
        }
    }

    /// Tries to reach them, where nodes share them. Blocks.
    pub(super) fn try_again(&self) -> Result<(), SharedError> {
        match &self.kept {
            Kept::Shared(following) => following.try_again(),
            Kept::OnDisk(_) | Kept::InMemory(_) | Kept::Secondary(_) => Ok(()),
        }
    }

    /// The person's key. Blocks where nodes share keys and this one has not read the person's yet.
    pub(super) fn get(&self, person: EntityId) -> Result<Key, SecretsError> {
        self.find(person)?.ok_or(SecretsError::NoPerson(person))
    }

    /// The person's key, made and durable if there was none. Blocks.
    pub(super) fn get_or_make(&self, person: EntityId) -> Result<Key, SecretsError> {
        if let Some(key) = self.find(person)? {
            return Ok(key);
        }
        let _making = self.making(person);
        let wrapping = self.wrapping();
        if let Some(wrapped) = self.kept.known(person)? {
            return self.opened(&wrapping, person, &wrapped);
        }
        let key = Key::random().map_err(|_| SecretsError::Entropy)?;
        let first = self.kept.put_first(person, wrap_key(&wrapping, person, &key)?)?;
        self.opened(&wrapping, person, &first)
    }

    /// Taken while the person's key is made or destroyed.
    pub(super) fn making(&self, person: EntityId) -> MutexGuard<'_, ()> {
        // The last byte is the id's own, where the first ones are those of its slot.
        let shard = usize::from(person.as_bytes()[EntityId::BYTES - 1]) % SHARDS;
        // The lock guards no data of its own, so a panic while it was held broke nothing.
        self.making[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wrapping(&self) -> RwLockReadGuard<'_, Numbered<Key>> {
        // It is replaced as a whole.
        self.wrapping.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, person: EntityId) -> Result<Option<Key>, SecretsError> {
        let wrapping = self.wrapping();
        self.kept.find(person)?.map(|wrapped| self.opened(&wrapping, person, &wrapped)).transpose()
    }

    fn opened(&self, wrapping: &Numbered<Key>, person: EntityId, wrapped: &[u8]) -> Result<Key, SecretsError> {
        unwrap_key(wrapping, person, wrapped).ok_or_else(|| {
            damaged(self.kept.path(), &format_args!("the key of person {person} is not what this keyring wrapped"))
        })
    }
}

/// The person's key, wrapped under the newest key.
pub(super) fn wrap_key(wrapping: &Numbered<Key>, person: EntityId, key: &Key) -> Result<Vec<u8>, SecretsError> {
    let (number, wrapping) = wrapping.newest();
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|_| SecretsError::Entropy)?;
    let encrypted = XChaCha20Poly1305::new((&wrapping.0).into())
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: &key.0, aad: person.as_bytes() })
        .map_err(|_| SecretsError::Undecryptable)?;
    Ok([&number.to_be_bytes()[..], &nonce, &encrypted].concat())
}

/// The number of the key that a person's was wrapped under.
pub(super) fn wrapped_under(wrapped: &[u8]) -> Option<u32> {
    wrapped.first_chunk().map(|number| u32::from_be_bytes(*number))
}

/// The person's key, if it was wrapped under one of these.
pub(super) fn unwrap_key(wrapping: &Numbered<Key>, person: EntityId, wrapped: &[u8]) -> Option<Key> {
    let (number, rest) = wrapped.split_first_chunk::<4>()?;
    let (nonce, encrypted) = rest.split_first_chunk::<NONCE>()?;
    let wrapping = wrapping.get(u32::from_be_bytes(*number))?;
    let key = XChaCha20Poly1305::new((&wrapping.0).into())
        .decrypt(XNonce::from_slice(nonce), Payload { msg: encrypted, aad: person.as_bytes() })
        .map(Zeroizing::new)
        .ok()?;
    key.as_slice().try_into().ok().map(Key)
}

impl Kept {
    /// What this process has at hand.
    pub(super) fn known(&self, person: EntityId) -> Result<Option<Vec<u8>>, SecretsError> {
        let known = match self {
            Self::OnDisk(db) => db.get(person.as_bytes()).map_err(|error| damaged(db.path(), &error))?,
            Self::InMemory(map) => map.lock().unwrap_or_else(PoisonError::into_inner).get(&person).cloned(),
            Self::Shared(shared) => return shared.known(person),
            Self::Secondary(secondary) => secondary.get(person)?,
        };
        if known.as_ref().is_some_and(Vec::is_empty) { Err(SecretsError::Forgotten(person)) } else { Ok(known) }
    }

    /// What there is.
    fn find(&self, person: EntityId) -> Result<Option<Vec<u8>>, SecretsError> {
        match self {
            Self::OnDisk(_) | Self::InMemory(_) | Self::Secondary(_) => self.known(person),
            Self::Shared(shared) => shared.find(person),
        }
    }

    /// Keeps a key for a person who has none; the one that counts, durable when this returns. Here no other process makes
    /// any, where they are shared another node's may have come first.
    fn put_first(&self, person: EntityId, wrapped: Vec<u8>) -> Result<Vec<u8>, SecretsError> {
        match self {
            Self::OnDisk(db) => {
                db.put_opt(person.as_bytes(), &wrapped, &durably()).map_err(|error| not_written(db, error))?;
                Ok(wrapped)
            }
            Self::InMemory(map) => {
                map.lock().unwrap_or_else(PoisonError::into_inner).insert(person, wrapped.clone());
                Ok(wrapped)
            }
            Self::Shared(shared) => shared.put_first(person, wrapped),
            Self::Secondary(secondary) => Err(secondary.read_only()),
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::OnDisk(db) => db.path(),
            Self::InMemory(_) => Path::new("(in memory)"),
            Self::Shared(shared) => shared.path(),
            Self::Secondary(secondary) => secondary.path(),
        }
    }
}

/// Writes that are durable when they return.
pub(super) fn durably() -> WriteOptions {
    let mut durably = WriteOptions::default();
    durably.set_sync(true);
    durably
}

pub(super) fn not_written(db: &DB, error: rocksdb::Error) -> SecretsError {
    SecretsError::Io { path: db.path().to_owned(), source: io::Error::other(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: u8) -> EntityId {
        EntityId::from_hash(&[n; 32])
    }

    fn wrapping(number: u32) -> Numbered<Key> {
        Numbered::one(number, Key([u8::try_from(number).unwrap(); 32]))
    }

    fn bytes_of(dir: &Path) -> Vec<u8> {
        std::fs::read_dir(dir).unwrap().flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    #[test]
    fn everybody_who_makes_a_persons_key_at_once_gets_the_same_and_it_is_the_stored_one() {
        let folder = tempfile::tempdir().unwrap();
        let persons = Persons::create(folder.path(), wrapping(1)).unwrap();
        let start = std::sync::Barrier::new(8);
        let made: Vec<Vec<[u8; 32]>> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        (0..32).map(|n| persons.get_or_make(person(n)).unwrap().0).collect()
                    })
                })
                .collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        drop(persons);
        let again = Persons::open(folder.path(), wrapping(1)).unwrap();
        let stored: Vec<_> = (0..32).map(|n| again.get(person(n)).unwrap().0).collect();
        assert!(made.iter().all(|keys| *keys == stored));
        assert_eq!(stored.iter().collect::<std::collections::BTreeSet<_>>().len(), 32, "a key is one person's");
    }

    /// Shows F30.
    #[test]
    fn no_persons_key_lies_on_disk_unwrapped() {
        let folder = tempfile::tempdir().unwrap();
        let persons = Persons::create(folder.path(), wrapping(1)).unwrap();
        let keys: Vec<_> = (0..20).map(|n| persons.get_or_make(person(n)).unwrap()).collect();
        drop(persons);
        let stored = bytes_of(folder.path());
        assert!(stored.windows(EntityId::BYTES).any(|run| run == person(3).as_bytes()), "looked in the right place");
        assert!(keys.iter().all(|key| stored.windows(8).all(|run| run != &key.0[..8])));
    }

    #[test]
    fn a_key_wrapped_under_an_older_key_opens_and_one_under_an_unknown_key_is_damage_not_a_forgotten_person() {
        let folder = tempfile::tempdir().unwrap();
        let key = Persons::create(folder.path(), wrapping(1)).unwrap().get_or_make(person(1)).unwrap();
        let both = Numbered::oldest_first_from(vec![(1, Key([1; 32])), (2, Key([2; 32]))]).unwrap();
        assert_eq!(Persons::open(folder.path(), both).unwrap().get(person(1)).unwrap().0, key.0);
        for other in [wrapping(2), Numbered::one(1, Key([2; 32]))] {
            let persons = Persons::open(folder.path(), other).unwrap();
            for result in [persons.get(person(1)), persons.get_or_make(person(1))] {
                assert!(matches!(result, Err(SecretsError::Format { .. })));
            }
            assert!(matches!(persons.get(person(2)), Err(SecretsError::NoPerson(_))));
        }
    }

    #[test]
    fn a_wrapped_key_that_is_put_under_another_person_is_not_taken() {
        let persons = Persons::in_memory(wrapping(1));
        persons.get_or_make(person(1)).unwrap();
        let wrapped = persons.kept.known(person(1)).unwrap().unwrap();
        // An empty one says that the person is forgotten.
        for end in 1..wrapped.len() {
            persons.kept.put_first(person(1), wrapped[..end].to_vec()).unwrap();
            assert!(matches!(persons.get(person(1)), Err(SecretsError::Format { .. })), "cut at {end}");
        }
        persons.kept.put_first(person(2), wrapped).unwrap();
        assert!(matches!(persons.get(person(2)), Err(SecretsError::Format { .. })));
    }

    #[test]
    fn a_store_that_is_missing_or_open_elsewhere_or_already_holds_keys_is_refused_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("persons");
        let refused = |result: Result<Persons, SecretsError>| {
            let error = result.map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(dir.to_str().unwrap()), "{error}");
        };
        refused(Persons::open(&dir, wrapping(1)));
        let persons = Persons::create(&dir, wrapping(1)).unwrap();
        refused(Persons::open(&dir, wrapping(1)));
        persons.get_or_make(person(1)).unwrap();
        drop(persons);
        refused(Persons::create(&dir, wrapping(1)));
    }
}
