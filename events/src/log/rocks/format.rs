//! The file that says what a store is, readable before RocksDB opens anything.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::OpenError;
use crate::log::LogId;
use crate::whole::{PLAIN, write_whole};

const NAME: &str = "FORMAT";
/// The layout that this code writes, and the newest that it reads.
pub(super) const NEWEST: u32 = 1;

/// What a store is, for ever.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Format {
    /// The layout's version.
    format: u32,
    /// The log's identity.
    pub(super) log: LogId,
    /// How many partitions it has.
    pub(super) partitions: u16,
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Format {
    pub(super) const fn new(id: LogId, partitions: u16) -> Self {
        Self { format: NEWEST, log: id, partitions }
    }

    /// What the store in `dir` is.
    pub(super) fn read(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(NAME);
        let text = fs::read(&path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => OpenError::NotALog { dir: dir.to_owned() },
            _ => OpenError::Io { path: path.clone(), source },
        })?;
        let wrong = |error: serde_json::Error| OpenError::Format(error.to_string());
        let Version { format } = serde_json::from_slice(&text).map_err(wrong)?;
        if format > NEWEST {
            return Err(OpenError::Newer { found: format, newest: NEWEST });
        }
        let format: Self = serde_json::from_slice(&text).map_err(wrong)?;
        if format.partitions == 0 {
            return Err(OpenError::Format("field partitions: 0".to_owned()));
        }
        Ok(format)
    }

    /// Writes it, synced, into `dir`.
    pub(super) fn write(&self, dir: &Path) -> Result<(), OpenError> {
        let path = dir.join(NAME);
        let text = serde_json::to_vec_pretty(self).map_err(|error| OpenError::Format(error.to_string()))?;
        write_whole(&path, &text, PLAIN).map_err(|source| OpenError::Io { path, source })
    }
}
