//! The two ends of a copy: a data directory or a topic each, opened so that a node may go on serving the one, and none
//! can serve the other.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kippu_events::blobs::BlobStore;
use kippu_events::log::kafka::Address;
use kippu_events::log::lock::Lock;
use kippu_events::log::restore::Restore;
use kippu_events::log::{LogId, ReadLog};
use kippu_events::secrets::{KeysFrom, KeysTo, copy_keyring};

use super::{LogError, blobs};
use crate::config::Config;
use crate::node::{DataDir, Found, LogLocation, ReadOnlyLog};

/// Where a history lies, as it is written on the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Data(PathBuf),
    Topic(Address),
}

impl FromStr for Place {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        // With one slash it would be a folder of that name.
        if text.contains("://") || text.starts_with("kafka:") {
            return text.parse().map(Self::Topic).map_err(|error| LogError::Place(text.to_owned(), error));
        }
        let wrong = |source| LogError::Dir(crate::node::DataDirError::Io { path: text.into(), source });
        std::path::absolute(text).map(Self::Data).map_err(wrong)
    }
}

impl Place {
    /// Whether `location` is there, by whatever name.
    pub(super) fn is(&self, location: &LogLocation, config: &Config) -> Result<bool, LogError> {
        Ok(match (self, location) {
            (Self::Data(dir), LogLocation::Embedded(log)) => is_one_file(&DataDir::new(dir).log(), log),
            (Self::Topic(here), LogLocation::Kafka(_)) => location.clone().pin(config)?.is_at(here, config)?,
            (Self::Data(_), LogLocation::Kafka(_)) | (Self::Topic(_), LogLocation::Embedded(_)) => false,
        })
    }
}

/// Whether both paths lead to one file. What is not there is none.
fn is_one_file(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(one, other)| one == other)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Whoever reads it, in a seal, is somewhere else.
            Self::Data(dir) => std::path::absolute(dir).as_ref().unwrap_or(dir).display().fmt(f),
            Self::Topic(address) => address.fmt(f),
        }
    }
}

/// The history that is copied.
pub(super) struct Source {
    pub(super) location: LogLocation,
    pub(super) dir: Option<DataDir>,
    reader: ReadOnlyLog,
}

impl Source {
    /// Opens it, next to the nodes that serve it.
    pub(super) fn open(place: &Place, config: &Config) -> Result<Self, LogError> {
        let (location, dir) = match place {
            Place::Topic(address) => (LogLocation::topic(address.clone()), None),
            Place::Data(path) => {
                let dir = DataDir::new(path);
                let unnamed = Config { log: None, ..config.clone() };
                (LogLocation::of(&unnamed, &dir, &dir.look()?)?, Some(dir))
            }
        };
        let reader = location.open_read_only(config)?;
        Ok(Self { location, dir, reader })
    }

    pub(super) const fn log(&self) -> &dyn ReadLog {
        self.reader.log()
    }

    /// What its operator has to know of it.
    pub(super) fn concern(&self) -> Option<String> {
        self.reader.concern()
    }

    /// Catches up with the nodes.
    pub(super) fn refresh(&self) -> Result<(), LogError> {
        Ok(self.reader.refresh()?)
    }

    /// Persons' keys.
    pub(super) fn keys(&self, config: &Config) -> Result<KeysFrom, LogError> {
        match (self.location.keys_to_read(config, self.log().id())?, &self.dir) {
            (Some(shared), _) => Ok(KeysFrom::Shared(shared, 0)),
            (None, Some(dir)) => Ok(KeysFrom::store(&dir.keys())?),
            // An embedded log lies in a directory.
            (None, None) => Err(LogError::Nowhere),
        }
    }

    /// The blobs that its events name; nothing where nobody says where those of a topic are.
    pub(super) fn blobs(&self, config: &Config) -> Result<Option<BlobStore>, LogError> {
        Ok(blobs::source(config, self.dir.as_ref(), self.log().id())?)
    }

    /// The file with every other key.
    pub(super) fn keyring(&self) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.keys().join("keyring.json"))
    }
}

/// Where it is copied to.
pub(super) struct Target {
    location: LogLocation,
    dir: Option<(DataDir, Lock)>,
    log: LogId,
    /// Whether a node had it before.
    was_whole: bool,
}

impl Target {
    /// Makes it, or goes on with it. A node that has it open is in the way.
    pub(super) fn make(place: &Place, log: &dyn ReadLog, config: &Config) -> Result<Self, LogError> {
        let mut config = config.clone();
        config.node.partitions = log.partitions();
        let (location, dir, found) = match place {
            Place::Topic(address) => (LogLocation::topic(address.clone()), None, Found::Unfinished),
            Place::Data(path) => {
                let dir = DataDir::new(path);
                dir.make()?;
                let lock = dir.lock()?;
                let found = dir.begin_copy(log.id())?;
                (LogLocation::Embedded(dir.log()), Some((dir, lock)), found)
            }
        };
        location.create(log.id(), &config)?;
        Ok(Self { location, dir, log: log.id(), was_whole: matches!(found, Found::Whole(_)) })
    }

    /// Whether it is a data directory that has its keys already.
    pub(super) const fn was_whole(&self) -> bool {
        self.was_whole
    }

    /// Takes records.
    pub(super) fn restore(&self, config: &Config) -> Result<Box<dyn Restore>, LogError> {
        Ok(self.location.restore(config)?)
    }

    /// Takes persons' keys, and in a data directory the keyring too.
    pub(super) fn keys(&self, keyring: Option<&Path>, config: &Config) -> Result<KeysTo, LogError> {
        match (self.location.keys(config, self.log)?, &self.dir) {
            (Some(shared), _) => Ok(KeysTo::Shared(shared)),
            (None, Some((dir, _))) => {
                copy_keyring(keyring.ok_or(LogError::NoKeyring)?, &dir.keys(), self.log)?;
                Ok(KeysTo::store(&dir.keys())?)
            }
            (None, None) => Err(LogError::Nowhere),
        }
    }

    /// Says that the copy is whole; a data directory without its keys waits for them.
    pub(super) fn finish(&self, with_keys: bool) -> Result<(), LogError> {
        let Some((dir, _)) = &self.dir else { return Ok(()) };
        if with_keys {
            dir.finish(&self.location.label(self.log))?;
        }
        Ok(dir.end_copy()?)
    }
}
