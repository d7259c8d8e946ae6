//! Why a log could not be created or opened.

use std::io;
use std::path::PathBuf;

use crate::log::ReadError;

/// Why a log could not be created or opened. Nothing has been changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open. The caller should stop that one, or read beside it.
    #[error("{} is in use by {}", dir.display(), pid.map_or("another process".to_owned(), |pid| format!("process {pid}")))]
    Locked {
        /// The log's directory.
        dir: PathBuf,
        /// The holder, unless it has just come.
        pid: Option<u32>,
    },
    /// There is a log already.
    #[error("{} holds a log already", .0.display())]
    Exists(PathBuf),
    /// There is no log, or not a whole one.
    #[error("{} holds no log", dir.display())]
    NotALog {
        /// The directory.
        dir: PathBuf,
    },
    /// Written by a later version of this software, which must be used to read it.
    #[error("field format: the store's format {found} is newer than {newest}, the newest that this version reads")]
    Newer {
        /// As found.
        found: u32,
        /// What this version reads.
        newest: u32,
    },
    /// The file that says what the store is does not say it.
    #[error("the FORMAT file is damaged: {0}")]
    Format(String),
    /// A log has at least one partition.
    #[error("a log has at least one partition")]
    NoPartitions,
    /// The store has other partitions than its FORMAT file says.
    #[error("the store does not have exactly the {expected} partitions that its FORMAT file names")]
    Partitions {
        /// As its FORMAT file says.
        expected: u16,
    },
    /// A partition does not begin as it should.
    #[error("partition {partition} has another genesis: {reason}")]
    Genesis {
        /// The partition.
        partition: u16,
        /// What is wrong with it.
        reason: String,
    },
    /// The last record of a partition is none.
    #[error("partition {partition}, record {number}: {reason}")]
    Damaged {
        /// The partition.
        partition: u16,
        /// The record's number.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Records are gone that were durable. What was answered is lost; a backup has it.
    #[error("partition {partition} ends before record {end}, but was durable up to before record {durable}")]
    Cut {
        /// The partition.
        partition: u16,
        /// Where it ends now.
        end: u64,
        /// Where it ended.
        durable: u64,
    },
    /// RocksDB refused; its words name the file.
    #[error("the store cannot be opened: {0}")]
    Store(String),
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<rocksdb::Error> for OpenError {
    fn from(error: rocksdb::Error) -> Self {
        Self::Store(error.into_string())
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        Self::Store(error.to_string())
    }
}
