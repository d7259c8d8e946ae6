//! How a node goes by shared keys: what it has read of them lies in a copy, and it reads on before it says that somebody
//! has none.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::SecretsError;
use super::copy::KeysCopy;
use super::shared::{SharedError, SharedKey, SharedKeys};
use crate::EntityId;
use crate::log_id::LogId;

/// Shared keys, and what this node has read of them.
pub(super) struct Following {
    keys: Arc<dyn SharedKeys>,
    copy: KeysCopy,
    /// Catch-ups that have begun.
    begun: AtomicU64,
    /// The number of the last catch-up that has ended, and how. Held while one is under way.
    ended: Mutex<(u64, Result<(), SharedError>)>,
    /// What the last attempt to reach the keys came to, if it failed.
    away: Mutex<Option<Away>>,
}

/// Keys that could not be reached.
struct Away {
    error: SharedError,
    /// What could not be appended. Only appending shows that it can be again; a key more changes nothing for anybody.
    unwritten: Option<SharedKey>,
}

impl Following {
    /// `keys` of `log`, with the copy in `dir`, which is made where there is none.
    pub(super) fn open(dir: &Path, log: LogId, keys: Arc<dyn SharedKeys>) -> Result<Self, SecretsError> {
        let (begun, ended, away) = (AtomicU64::new(0), Mutex::new((0, Ok(()))), Mutex::default());
        let shared = Self { copy: KeysCopy::open(dir, log)?, keys, begun, ended, away };
        shared.follows()?;
        Ok(shared)
    }

    /// Where the copy lies.
    pub(super) fn path(&self) -> &Path {
        self.copy.path()
    }

    /// What is shared.
    pub(super) fn keys(&self) -> &dyn SharedKeys {
        &*self.keys
    }

    /// Any person's wrapped key, if one was read.
    pub(super) fn any(&self) -> Result<Option<SharedKey>, SecretsError> {
        Ok(self.copy.any()?)
    }

    /// The person's wrapped key, as far as this node has read. Asks nobody.
    pub(super) fn known(&self, person: EntityId) -> Result<Option<Vec<u8>>, SecretsError> {
        match self.copy.get(person)? {
            Some(wrapped) if wrapped.is_empty() => Err(SecretsError::Forgotten(person)),
            known => Ok(known),
        }
    }

    /// The person's wrapped key. Says that there is none only after everything was read that was there when it was
    /// called.
    pub(super) fn find(&self, person: EntityId) -> Result<Option<Vec<u8>>, SecretsError> {
        if let Some(wrapped) = self.known(person)? {
            return Ok(Some(wrapped));
        }
        let caught_up = self.catch_up();
        match self.known(person)? {
            // A first key stays the first, whatever could not be read behind it.
            Some(wrapped) => Ok(Some(wrapped)),
            None => Ok(caught_up.map(|()| None)?),
        }
    }

    /// Offers `wrapped` as the person's key; the one that counts, perhaps another node's.
    pub(super) fn put_first(&self, person: EntityId, wrapped: Vec<u8>) -> Result<Vec<u8>, SecretsError> {
        self.append(SharedKey { person, wrapped })?;
        self.catch_up()?;
        self.known(person)?.ok_or_else(|| {
            let reason = format!("the key of person {person} was written and is not there");
            SharedError::Damaged { place: self.keys.name().to_owned(), reason }.into()
        })
    }

    /// Says to everybody that the person is forgotten, once.
    pub(super) fn forget(&self, person: EntityId) -> Result<(), SecretsError> {
        let is_forgotten = || matches!(self.known(person), Err(SecretsError::Forgotten(_)));
        if is_forgotten() {
            return Ok(());
        }
        self.catch_up()?;
        if is_forgotten() {
            return Ok(());
        }
        self.append(SharedKey { person, wrapped: Vec::new() })?;
        Ok(self.catch_up()?)
    }

    /// Reads on to an end that was asked for after this was called. One catch-up serves all who wait for one to begin,
    /// in its failure too: a thousand who waited for brokers one after the other would wait for hours.
    pub(super) fn catch_up(&self) -> Result<(), SharedError> {
        let wanted = self.begun.load(Ordering::SeqCst) + 1;
        // Rows and cursor move together, so a panic while it was held left a copy to go on from.
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.0 < wanted {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let read = self.read_on();
            // Before anybody is told.
            self.note(read.as_ref().err(), None);
            *ended = (number, read);
        }
        ended.1.clone()
    }

    /// Why the last attempt to reach the keys failed, if it did.
    pub(super) fn away(&self) -> Option<SharedError> {
        self.lock().as_ref().map(|away| away.error.clone())
    }

    /// Tries again what failed last.
    pub(super) fn try_again(&self) -> Result<(), SharedError> {
        let unwritten = self.lock().as_ref().and_then(|away| away.unwritten.clone());
        unwritten.map_or(Ok(()), |entry| self.append(entry))?;
        self.catch_up()
    }

    fn append(&self, entry: SharedKey) -> Result<(), SharedError> {
        let appended = self.keys.append(&entry);
        if appended.is_ok() {
            *self.lock() = None;
        }
        self.note(appended.as_ref().err(), Some(entry));
        appended
    }

    fn lock(&self) -> MutexGuard<'_, Option<Away>> {
        // It is replaced as a whole.
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers how an attempt to reach the keys ended, of which this may not have been written.
    fn note(&self, failed: Option<&SharedError>, unwritten: Option<SharedKey>) {
        let mut away = self.lock();
        let before = away.take().and_then(|away| away.unwritten.map(|entry| (away.error, entry)));
        *away = match (failed, before) {
            (Some(error), before) => {
                Some(Away { error: error.clone(), unwritten: unwritten.or(before.map(|(_, entry)| entry)) })
            }
            // Reading does not show that one may write.
            (None, Some((error, entry))) => Some(Away { error, unwritten: Some(entry) }),
            (None, None) => None,
        };
    }

    fn read_on(&self) -> Result<(), SharedError> {
        let end = self.keys.end()?;
        let mut next = self.copy.cursor()?.next;
        if end < next {
            return Err(self.lost(&format!("there are {end} entries, but this node has read {next}")));
        }
        while next < end {
            let entries = self.keys.read(next, end)?;
            if entries.is_empty() {
                return Err(SharedError::Unavailable(format!("entry {next} of {} does not come", self.keys.name())));
            }
            next = self.copy.take(next, &entries)?;
        }
        Ok(())
    }

    /// Refuses keys that lack what this node has read of them. The copy may then be all that is left of a person's key,
    /// so it is not made anew of its own accord.
    fn follows(&self) -> Result<(), SharedError> {
        let cursor = self.copy.cursor()?;
        let Some(last) = cursor.last else { return Ok(()) };
        let end = self.keys.end()?;
        if end < cursor.next {
            return Err(self.lost(&format!("there are {end} entries, but this node has read {}", cursor.next)));
        }
        let at = cursor.next - 1;
        if self.keys.read(at, cursor.next)?.first() != Some(&last) {
            return Err(self.lost(&format!("entry {at} is another one than this node has read")));
        }
        Ok(())
    }

    fn lost(&self, what: &str) -> SharedError {
        let reason = format!("{what}; restore them, or delete {} to do without", self.copy.path().display());
        SharedError::Damaged { place: self.keys.name().to_owned(), reason }
    }
}
