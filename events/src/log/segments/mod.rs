//! A history in plain files, for archives and for the way to another location. Export writes them as records come, import
//! reads them as a log.
//!
//! ```text
//! DIR/manifest.json                     what is whole: every segment with its SHA-256, and the head of each partition
//! DIR/3/00000000000000000017.segment    records of partition 3 from number 17 on: (length u32 big-endian ‖ record)*
//! DIR/LOCK                              held by the process that exports to here; holds its id
//! ```
//!
//! A segment counts once the manifest names it; files that it does not name are left over and are written anew.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use read::Segments;
pub use write::Export;

use super::lock::LockError;
use super::{Hash, Head, LogId};
use crate::text_file;
use crate::whole::{PLAIN, write_whole};

const MANIFEST: &str = "manifest.json";
/// The only format that this code writes.
const FORMAT: u32 = 1;

/// The one field that every format has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

/// What `manifest.json` says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    /// The log's identity.
    log: LogId,
    partitions: u16,
    /// Whether the first export to here has not come to its end: each partition is whole as far as it goes, but all of them
    /// together were never a history.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unfinished: bool,
    /// In order of partitions; none for a partition of which nothing was exported.
    heads: Vec<Option<Last>>,
    /// In order of partitions and numbers.
    segments: Vec<Segment>,
}

/// The last record of a partition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    epoch: u64,
    number: u64,
    hash: Hash,
}

/// One file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Segment {
    partition: u16,
    /// Below the directory.
    file: String,
    /// The number of its first record.
    first: u64,
    records: u64,
    bytes: u64,
    /// Of the file, hexadecimal.
    sha256: String,
}

/// Why a directory of segments is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum SegmentsError {
    /// The file system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nothing that was exported.
    #[error("{} holds no export: there is no manifest.json", .0.display())]
    NoExport(PathBuf),
    /// The first export to there was interrupted.
    #[error("{} holds an export that has not come to its end; go on with it by `kippu log export` first", .0.display())]
    Unfinished(PathBuf),
    /// A file is not what it was when it was exported, or none of ours.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A later version of kippu has made the export, and reads it.
    #[error("{} has format {format}, and this version of kippu reads {FORMAT}; use the version that wrote it", path.display())]
    Newer {
        /// Its manifest.
        path: PathBuf,
        /// As written.
        format: u32,
    },
    /// Another process exports to there. What both wrote would be one damaged archive.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// There is another log's export.
    #[error("{} holds the log {found}, not {log}", dir.display())]
    OtherLog {
        /// Where.
        dir: PathBuf,
        /// What is there.
        found: LogId,
        /// What was to be exported.
        log: LogId,
    },
}

impl SegmentsError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.into() }
    }
}

impl Last {
    const fn of(head: Head) -> Self {
        Self { epoch: head.epoch, number: head.number, hash: head.hash }
    }

    const fn head(&self) -> Head {
        Head { epoch: self.epoch, number: self.number, hash: self.hash, sealed: false }
    }
}

impl Manifest {
    /// The manifest in `dir`, if there is one. Whole in itself: every partition's segments follow one another.
    fn read(dir: &Path) -> Result<Option<Self>, SegmentsError> {
        let path = dir.join(MANIFEST);
        let wrong = |reason: String| SegmentsError::damaged(&path, reason);
        let text = match text_file::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(match text_file::not_text(&error) {
                    Some(reason) => wrong(reason.to_string()),
                    None => SegmentsError::Io { path, source: error },
                });
            }
        };
        // Of a later format no more than this is known.
        let AnyFormat { format } = text_file::json(&text).map_err(wrong)?;
        if format > FORMAT {
            return Err(SegmentsError::Newer { path, format });
        }
        let manifest: Self = text_file::json(&text).map_err(wrong)?;
        if manifest.format != FORMAT {
            return Err(wrong(format!("format {format} is not {FORMAT}, which this version reads")));
        }
        if manifest.heads.len() != usize::from(manifest.partitions) {
            return Err(wrong("it does not have a head for each partition".to_owned()));
        }
        for (partition, last) in (0..).zip(&manifest.heads) {
            let mut next = 0;
            for segment in manifest.of(partition) {
                if segment.first != next || segment.file != file_name(partition, next) {
                    return Err(wrong(format!("{} does not begin with record {next}", segment.file)));
                }
                next += segment.records;
            }
            if last.as_ref().map_or(0, |last| last.number + 1) != next {
                return Err(wrong(format!("the segments of partition {partition} do not end with its head")));
            }
        }
        Ok(Some(manifest))
    }

    fn of(&self, partition: u16) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(move |segment| segment.partition == partition)
    }

    fn write(&self, dir: &Path) -> Result<(), SegmentsError> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| SegmentsError::io(dir)(error.into()))?;
        let path = dir.join(MANIFEST);
        write_whole(&path, &text, PLAIN).map_err(SegmentsError::io(&path))
    }
}

fn file_name(partition: u16, first: u64) -> String {
    format!("{partition}/{first:020}.segment")
}
