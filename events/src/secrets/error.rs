//! Why the key store does not work, and that a token is not genuine.

use std::path::{Path, PathBuf};

use super::SharedError;
use crate::{EntityId, log_id::LogId};

/// The token was not made here, not for this log, or not for this purpose. Deliberately says no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this service")]
pub struct Forged;

/// Why the key store does not work.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file system said no.
    #[error("key store {path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not as this code writes it.
    #[error("key store {path}: {reason}")]
    Format {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The keys were made for another log.
    #[error("key store {path}: made for the log {owner}, not for {log}")]
    OtherLog {
        /// Where.
        path: PathBuf,
        /// The log that it was made for.
        owner: LogId,
        /// The log that it was to be opened for.
        log: LogId,
    },
    /// The person's key is not there: forgotten, or another key store's.
    #[error("there is no key for person {0}")]
    NoPerson(EntityId),
    /// The person was forgotten, and has no key for ever.
    #[error("person {0} was forgotten")]
    Forgotten(EntityId),
    /// The keys that nodes share.
    #[error(transparent)]
    Shared(#[from] SharedError),
    /// The wrapping key is shared with other nodes by hand, or is gone with the process.
    #[error("the wrapping key is replaced only where one node alone keeps persons' keys")]
    NotReplaced,
    /// The operating system gave no randomness.
    #[error("no randomness to be had")]
    Entropy,
    /// The ciphertext is not what was encrypted.
    #[error("an encrypted field does not open")]
    Undecryptable,
}

/// What lies at `path` is not as this code writes it.
pub(super) fn damaged(path: &Path, reason: &dyn std::fmt::Display) -> SecretsError {
    SecretsError::Format { path: path.to_owned(), reason: reason.to_string() }
}
