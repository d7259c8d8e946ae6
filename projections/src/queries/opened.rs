//! Whose personal fields an answer shows: what the access log is told before anybody is answered.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use kippu_events::EntityId;
use kippu_events::secrets::EncryptedField;

use super::Queries;
use crate::error::NotOpened;
use crate::view::Decrypt;

/// Opens fields of whoever is not forgotten now, and remembers whose.
pub(super) struct Opened<'a> {
    by: &'a dyn Decrypt,
    queries: &'a Queries,
    persons: Mutex<BTreeSet<EntityId>>,
}

impl<'a> Opened<'a> {
    /// Nobody's yet.
    pub(super) fn new(by: &'a dyn Decrypt, queries: &'a Queries) -> Self {
        Self { by, queries, persons: Mutex::default() }
    }

    /// Whose fields were opened.
    pub(super) fn persons(self) -> Vec<EntityId> {
        self.persons.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
    }
}

impl Decrypt for Opened<'_> {
    fn decrypt(&self, person: EntityId, field: &str, encrypted: &EncryptedField) -> Result<Option<String>, NotOpened> {
        // Whatever is asked as of when, and however long the key is still there.
        if self.queries.when_forgotten(person).map_err(|error| NotOpened(error.to_string()))?.is_some() {
            return Ok(None);
        }
        let plain = self.by.decrypt(person, field, encrypted)?;
        if plain.is_some() {
            self.persons.lock().unwrap_or_else(PoisonError::into_inner).insert(person);
        }
        Ok(plain)
    }
}
