//! Destroying persons' keys. At once, what is in a key's place says that the person is forgotten; for good once the wrapping key is
//! replaced under which the destroyed one lay on disk.
//!
//! A replacement goes by steps. Whatever it is interrupted at, the next start goes on:
//!
//! ```text
//! 1. the keyring holds both wrapping keys; what is wrapped from now on is wrapped under the new one
//! 2. every person's key is wrapped anew
//! 3. the store is compacted, so that what was wrapped before is in none of its files
//! 4. the keyring holds the new one alone; the file that held the old one is overwritten
//! ```

use std::path::Path;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use rocksdb::{BottommostLevelCompaction, CompactOptions, DB, Direction, IteratorMode, WriteBatch};

use super::keyring::{FILE, Keyring, Use};
use super::persons::{Kept, Persons, durably, not_written, unwrap_key, wrap_key, wrapped_under};
use super::{Secrets, SecretsError, damaged};
use crate::EntityId;

/// Before the person in the key of what tells when a key was destroyed. With it, it has not the length of a person's id.
const DESTROYED: &[u8] = b"destroyed";
/// Keys that are wrapped anew in one write, so that whoever destroys one meanwhile waits for so many at most.
const AT_ONCE: usize = if cfg!(test) { 8 } else { 1_000 };

/// What became of the key of somebody who was forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Destroyed {
    /// The newest wrapping key at that time.
    pub wrapping_key: u32,
    /// Whether that one is gone too: then nothing on this disk opens what was encrypted for the person.
    pub is_final: bool,
}

impl Secrets {
    /// Destroys the person's key, and lets nobody make another, durably; what became of it. The history MUST say before that the person
    /// is forgotten, since nothing that was encrypted for the person is read again. Blocks.
    ///
    /// # Errors
    /// Where the key store cannot be written. Once more, it is tried again.
    pub fn forget(&self, person: EntityId) -> Result<Destroyed, SecretsError> {
        self.persons.forget(person)
    }

    /// Whether a key was destroyed while its wrapping key is still there, and that one is as old as this. Blocks.
    ///
    /// # Errors
    /// Where the key store cannot be read.
    pub fn wants_replacement(&self, age: Duration) -> Result<bool, SecretsError> {
        let Some(dir) = &self.dir else { return Ok(false) };
        let path = dir.join(FILE);
        // The file is written when a wrapping key is made, and at no other time.
        let written = path.metadata().and_then(|file| file.modified());
        let written = written.map_err(|source| SecretsError::Io { path, source })?;
        Ok(written.elapsed().is_ok_and(|elapsed| elapsed >= age) && self.persons.wants_replacement()?)
    }

    /// Replaces the key under which persons' keys are wrapped; the number of the new one. Then nothing on this disk brings back a key
    /// that was destroyed before. Blocks.
    ///
    /// # Errors
    /// `NotReplaced` where nodes share persons' keys. Otherwise where the key store cannot be written: the next start goes on with it.
    pub fn replace_wrapping_key(&self) -> Result<u32, SecretsError> {
        self.persons.replace_wrapping(self.dir.as_deref().ok_or(SecretsError::NotReplaced)?)
    }
}

impl Persons {
    /// Destroys the person's key, if there is one, and lets nobody make another, durably. Once more, nothing is done. Blocks.
    pub(super) fn forget(&self, person: EntityId) -> Result<Destroyed, SecretsError> {
        let _making = self.making(person);
        let _changing = self.changing();
        let wrapping = self.wrapping();
        let newest = wrapping.newest().0;
        let number = match &self.kept {
            Kept::OnDisk(db) => {
                let label = [DESTROYED, person.as_bytes()].concat();
                let known = db.get(&label).map_err(|error| damaged(db.path(), &error))?;
                // Where a copy brought the word that the person is forgotten, it did not bring when that came here.
                if let Some(number) = known.as_deref().and_then(wrapped_under) {
                    number
                } else {
                    let mut batch = WriteBatch::default();
                    batch.put(person.as_bytes(), []);
                    batch.put(label, newest.to_be_bytes());
                    db.write_opt(batch, &durably()).map_err(|error| not_written(db, error))?;
                    newest
                }
            }
            Kept::InMemory(map) => {
                map.lock().unwrap_or_else(PoisonError::into_inner).insert(person, Vec::new());
                newest
            }
            Kept::Shared(shared) => {
                shared.forget(person)?;
                newest
            }
            Kept::Secondary(secondary) => return Err(secondary.read_only()),
        };
        Ok(Destroyed { wrapping_key: number, is_final: wrapping.get(number).is_none() })
    }

    /// Whether a replacement is under way, or would end that a destroyed key's wrapping key is still there.
    pub(super) fn wants_replacement(&self) -> Result<bool, SecretsError> {
        let Kept::OnDisk(db) = &self.kept else { return Ok(false) };
        let wrapping = self.wrapping();
        if wrapping.oldest_first().count() > 1 {
            // A replacement was interrupted.
            return Ok(true);
        }
        for row in db.iterator(IteratorMode::From(DESTROYED, Direction::Forward)) {
            let (key, number) = row.map_err(|error| damaged(db.path(), &error))?;
            if !key.starts_with(DESTROYED) {
                break;
            }
            let is_its_own = key.len() == DESTROYED.len() + EntityId::BYTES;
            if is_its_own && wrapped_under(&number).is_some_and(|number| wrapping.get(number).is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Replaces the wrapping key of the keyring in `dir`; the number of the new one. One that was interrupted goes on. Blocks.
    pub(super) fn replace_wrapping(&self, dir: &Path) -> Result<u32, SecretsError> {
        let Kept::OnDisk(db) = &self.kept else { return Err(SecretsError::NotReplaced) };
        // It guards no data of its own, as below.
        let _replacing = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        self.begin(dir)?;
        self.wrap_anew(db)?;
        compact(db)?;
        self.end(dir)
    }

    /// Step 1.
    fn begin(&self, dir: &Path) -> Result<(), SecretsError> {
        let mut keyring = Keyring::open(dir)?;
        if !keyring.is_replacing() {
            keyring = keyring.with_another_wrapping()?;
            keyring.replace(dir)?;
        }
        self.go_by(&keyring);
        Ok(())
    }

    /// Step 2.
    fn wrap_anew(&self, db: &DB) -> Result<(), SecretsError> {
        let mut rows = db.iterator(IteratorMode::Start).peekable();
        while rows.peek().is_some() {
            let _changing = self.changing();
            let wrapping = self.wrapping();
            let newest = wrapping.newest().0;
            let mut batch = WriteBatch::default();
            for row in rows.by_ref().take(AT_ONCE) {
                let (key, _) = row.map_err(|error| damaged(db.path(), &error))?;
                let Ok(person) = <[u8; EntityId::BYTES]>::try_from(&*key).map(EntityId::from_bytes) else { continue };
                // As it is now: it may have been destroyed since the rows were begun.
                let wrapped = db.get(&key).map_err(|error| damaged(db.path(), &error))?.unwrap_or_default();
                if wrapped.is_empty() || wrapped_under(&wrapped) == Some(newest) {
                    continue;
                }
                // One damaged key holds up nobody else's.
                let Some(opened) = unwrap_key(&wrapping, person, &wrapped) else {
                    tracing::error!(%person, store = %db.path().display(), "a person's key is not what this keyring wrapped");
                    continue;
                };
                batch.put(&key, wrap_key(&wrapping, person, &opened)?);
            }
            db.write_opt(batch, &durably()).map_err(|error| not_written(db, error))?;
        }
        Ok(())
    }

    /// Step 4.
    fn end(&self, dir: &Path) -> Result<u32, SecretsError> {
        let keyring = Keyring::open(dir)?;
        let newest = keyring.key(Use::Wrapping).0;
        let keyring = keyring.with_wrapping(|number| number == newest).ok_or(SecretsError::NotReplaced)?;
        keyring.replace(dir)?;
        self.go_by(&keyring);
        Ok(newest)
    }

    fn go_by(&self, keyring: &Keyring) {
        *self.wrapping.write().unwrap_or_else(PoisonError::into_inner) = keyring.keys(Use::Wrapping).clone();
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Step 3. What lies in the write-ahead log goes into a file first, so that no older one is kept.
pub(super) fn compact(db: &DB) -> Result<(), SecretsError> {
    db.flush().map_err(|error| not_written(db, error))?;
    let mut all = CompactOptions::default();
    all.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    db.compact_range_opt(None::<&[u8]>, None::<&[u8]>, &all);
    Ok(())
}

#[cfg(test)]
mod tests;
