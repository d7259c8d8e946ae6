//! Why a log could not be created or opened.

use std::io;
use std::path::{Path, PathBuf};

use crate::log::ReadError;
use crate::log::lock::LockError;

/// Why a log could not be created or opened. No record has been changed; RocksDB may have moved what its
/// WAL holds into data files.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open, or it could not be locked. The caller may read next to that one.
    #[error(transparent)]
    Lock(#[from] LockError),
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
    #[error("partition {partition}, number 0, is not its genesis: {reason}")]
    Genesis {
        /// The partition.
        partition: u16,
        /// What is wrong with it.
        reason: String,
    },
    /// The last record of a partition is none.
    #[error("partition {partition}, number {number}: {reason}")]
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
    /// RocksDB refused.
    #[error("the store {} cannot be opened: {reason}", path.display())]
    Store {
        /// The store.
        path: PathBuf,
        /// RocksDB's words, which name the file.
        reason: String,
    },
    /// A part of the store that every start needs cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The writing thread did not come up.
    #[error("the log's thread cannot be started: {0}")]
    Thread(String),
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl OpenError {
    /// RocksDB's refusal to open the store at `path`. It does not name the file when a WAL is corrupt, and blames the
    /// manifest when the end of a data file is: then this names every file that it may be.
    pub(super) fn store(path: &Path, error: rocksdb::Error) -> Self {
        let corrupt = error.kind() == rocksdb::ErrorKind::Corruption;
        let mut reason = error.into_string();
        if corrupt && !reason.contains(".sst") {
            reason.push_str("; it is in one of the files read at a start: the manifest");
            for name in read_at_a_start(path) {
                reason.push_str(", ");
                reason.push_str(&name);
            }
        }
        Self::Store { path: path.to_owned(), reason }
    }
}

/// Whether RocksDB says with `reason` that what it read is damaged: it is so the next time, too.
#[must_use]
pub fn is_corruption(reason: &str) -> bool {
    reason.starts_with("Corruption")
}

/// The names of RocksDB's write-ahead logs and data files. None if they cannot be listed: this is for a message only.
fn read_at_a_start(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".log") || name.ends_with(".sst"))
        .collect()
}
