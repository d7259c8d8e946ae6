//! Persons' keys next to the process that has them open: they are read, and none is made or destroyed.

use std::io::ErrorKind;
use std::path::Path;

use rocksdb::DB;
use tempfile::TempDir;

use super::copy::{is_copy, secondary};
use super::shared::SharedError;
use super::{SecretsError, damaged};
use crate::EntityId;

/// A store that another process may have open, as it was when this was opened.
pub(super) struct Secondary {
    db: DB,
    /// Whether it is a copy of shared keys, which may lack some.
    is_copy: bool,
    _scratch: TempDir,
}

impl Secondary {
    /// The store in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, SecretsError> {
        let (db, scratch) = secondary(dir)?;
        let is_copy = is_copy(&db).map_err(|error| damaged(dir, &error))?;
        Ok(Self { db, is_copy, _scratch: scratch })
    }

    pub(super) fn path(&self) -> &Path {
        self.db.path()
    }

    /// The person's wrapped key.
    pub(super) fn get(&self, person: EntityId) -> Result<Option<Vec<u8>>, SecretsError> {
        match self.db.get(person.as_bytes()).map_err(|error| damaged(self.path(), &error))? {
            Some(wrapped) if wrapped.is_empty() => Err(SecretsError::Forgotten(person)),
            Some(wrapped) => Ok(Some(wrapped)),
            // Nobody looks forgotten because a key is late.
            None if self.is_copy => {
                Err(SharedError::Unavailable(format!("the copy of them here does not have that of {person}")).into())
            }
            None => Ok(None),
        }
    }

    /// Why nothing is written.
    pub(super) fn read_only(&self) -> SecretsError {
        SecretsError::Io { path: self.path().to_owned(), source: ErrorKind::ReadOnlyFilesystem.into() }
    }
}
