//! The keys of persons, one each, on disk only encrypted under a wrapping key. The one place that makes or, one day,
//! destroys them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use rocksdb::{DB, Options, WriteOptions};

use super::SecretsError;
use super::keyring::{Key, Numbered, random_key};
use crate::EntityId;

const NONCE: usize = 24;

/// Persons' keys.
pub struct Persons {
    wrapping: Numbered,
    kept: Kept,
    /// Taken for making a key, so that two who make one for the same person at once get the same.
    making: [Mutex<()>; 64],
}

enum Kept {
    OnDisk(DB),
    InMemory(Mutex<HashMap<EntityId, Vec<u8>>>),
}

impl Persons {
    /// The store in `dir`, made if need be.
    pub fn open(dir: &Path, wrapping: Numbered) -> Result<Self, SecretsError> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_paranoid_checks(true);
        options.set_keep_log_file_num(2);
        options.set_write_buffer_size(4 << 20);
        let db = DB::open(&options, dir)
            .map_err(|e| SecretsError::Format { path: dir.to_owned(), reason: e.to_string() })?;
        Ok(Self { wrapping, kept: Kept::OnDisk(db), making: [const { Mutex::new(()) }; 64] })
    }

    /// A store that is gone with the process.
    pub fn in_memory(wrapping: Numbered) -> Self {
        Self { wrapping, kept: Kept::InMemory(Mutex::default()), making: [const { Mutex::new(()) }; 64] }
    }

    /// The person's key.
    pub fn get(&self, person: EntityId) -> Result<Key, SecretsError> {
        let wrapped = self.kept.get(person)?.ok_or(SecretsError::NoPerson(person))?;
        self.unwrap_key(person, &wrapped).ok_or(SecretsError::Unsealable)
    }

    /// The person's key, made and durable if there was none. Blocks.
    pub fn get_or_make(&self, person: EntityId) -> Result<Key, SecretsError> {
        let shard = usize::from(person.as_bytes()[0]) % self.making.len();
        // The lock guards no data of its own, so a panic while it was held broke nothing.
        let _making = self.making[shard].lock().unwrap_or_else(PoisonError::into_inner);
        match self.get(person) {
            Err(SecretsError::NoPerson(_)) => {
                let key = random_key().map_err(|_| SecretsError::Entropy)?;
                self.kept.put(person, self.wrap_key(person, &key)?)?;
                Ok(key)
            }
            found => found,
        }
    }

    /// number u32 ‖ nonce 24 B ‖ ciphertext
    fn wrap_key(&self, person: EntityId, key: &Key) -> Result<Vec<u8>, SecretsError> {
        let (number, wrapping) = self.wrapping.last().ok_or(SecretsError::Entropy)?;
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| SecretsError::Entropy)?;
        let sealed = XChaCha20Poly1305::new((&wrapping.0).into())
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: &key.0, aad: person.as_bytes() })
            .map_err(|_| SecretsError::Unsealable)?;
        Ok([&number.to_be_bytes()[..], &nonce, &sealed].concat())
    }

    fn unwrap_key(&self, person: EntityId, wrapped: &[u8]) -> Option<Key> {
        let (number, rest) = wrapped.split_first_chunk::<4>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
        let number = u32::from_be_bytes(*number);
        let (_, wrapping) = self.wrapping.iter().find(|(known, _)| *known == number)?;
        let key = XChaCha20Poly1305::new((&wrapping.0).into())
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: person.as_bytes() })
            .ok()?;
        key.try_into().ok().map(Key)
    }
}

impl Kept {
    fn get(&self, person: EntityId) -> Result<Option<Vec<u8>>, SecretsError> {
        match self {
            Self::OnDisk(db) => db.get(person.as_bytes()).map_err(|e| failed(db, &e)),
            Self::InMemory(map) => Ok(map.lock().unwrap_or_else(PoisonError::into_inner).get(&person).cloned()),
        }
    }

    fn put(&self, person: EntityId, wrapped: Vec<u8>) -> Result<(), SecretsError> {
        match self {
            Self::OnDisk(db) => {
                let mut durable = WriteOptions::default();
                durable.set_sync(true);
                db.put_opt(person.as_bytes(), wrapped, &durable).map_err(|e| failed(db, &e))
            }
            Self::InMemory(map) => {
                map.lock().unwrap_or_else(PoisonError::into_inner).insert(person, wrapped);
                Ok(())
            }
        }
    }
}

fn failed(db: &DB, error: &rocksdb::Error) -> SecretsError {
    SecretsError::Format { path: db.path().to_owned(), reason: error.to_string() }
}
