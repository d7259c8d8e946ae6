//! Checkpoints: how much history there was at some time, and what it hashed to. A later walk that does not come past
//! the same heads has lost its tail, or is another history.
//!
//! Not signed: the digest tells a torn or mistyped file from a good one, and nothing else. Whoever can write both the
//! log and the file can make them agree, so keep the file on another machine.

use std::path::{Path, PathBuf};

use kippu_events::log::{Hash, LogId};
use kippu_events::text_file;
use kippu_events::whole::{PLAIN, write_whole};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The only format that this code writes.
const FORMAT: u32 = 1;

/// The heads of a log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    format: u32,
    /// The log.
    pub log: LogId,
    /// In order of partitions.
    pub heads: Vec<Head>,
    /// SHA-256 over all of the above, length-prefixed.
    digest: String,
}

/// The head of one partition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The partition.
    pub partition: u16,
    /// The number of its last record.
    pub number: u64,
    /// The hash of that record.
    pub hash: Hash,
}

/// Why a checkpoint was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system said no.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a checkpoint, or not a whole one.
    #[error("{path} is no checkpoint: {reason}")]
    Format {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Of another log.
    #[error("the checkpoint is of log {theirs}, not {ours}")]
    OtherLog {
        /// In the checkpoint.
        theirs: LogId,
        /// At hand.
        ours: LogId,
    },
}

impl Checkpoint {
    pub(crate) fn new(log: LogId, heads: Vec<Head>) -> Self {
        let digest = digest(log, &heads);
        Self { format: FORMAT, log, heads, digest }
    }

    /// The head that `partition` had.
    #[must_use]
    pub fn head(&self, partition: u16) -> Option<&Head> {
        self.heads.iter().find(|head| head.partition == partition)
    }

    /// Reads a file that [`Checkpoint::write`] wrote for the log `log`.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn read(path: &Path, log: LogId) -> Result<Self, CheckpointError> {
        let io = |source| CheckpointError::Io { path: path.to_owned(), source };
        let wrong = |reason: String| CheckpointError::Format { path: path.to_owned(), reason };
        let text = text_file::read(path).map_err(|error| match text_file::not_text(&error) {
            Some(reason) => wrong(reason.to_string()),
            None => io(error),
        })?;
        let read: Self = text_file::json(&text).map_err(wrong)?;
        if read.format != FORMAT {
            return Err(wrong(format!("format {} is not {FORMAT}", read.format)));
        }
        if read.digest != digest(read.log, &read.heads) {
            return Err(wrong("its digest is not that of its content".to_owned()));
        }
        if read.log != log {
            return Err(CheckpointError::OtherLog { theirs: read.log, ours: log });
        }
        Ok(read)
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// [`CheckpointError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let io = |source| CheckpointError::Io { path: path.to_owned(), source };
        let mut text = serde_json::to_vec_pretty(self).map_err(|e| io(e.into()))?;
        text.push(b'\n');
        write_whole(path, &text, PLAIN).map_err(io)
    }
}

fn digest(log: LogId, heads: &[Head]) -> String {
    let mut sha = Sha256::new();
    let mut put = |field: &[u8]| {
        sha.update((field.len() as u64).to_be_bytes());
        sha.update(field);
    };
    put(b"kippu.checkpoint.1");
    put(log.to_string().as_bytes());
    for head in heads {
        put(&head.partition.to_be_bytes());
        put(&head.number.to_be_bytes());
        put(head.hash.to_string().as_bytes());
    }
    data_encoding::HEXLOWER.encode(&sha.finalize())
}
