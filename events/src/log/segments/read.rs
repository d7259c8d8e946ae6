//! Import: a directory of segments, read as the log that it was exported from.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::{Last, Manifest, Segment, SegmentsError};
use crate::log::record::MOST_BYTES;
use crate::log::walk::{Step, Walk};
use crate::log::{Bound, Entry, Head, LogId, Page, ReadError, ReadLog, Watch};

/// A directory of segments.
pub struct Segments {
    dir: PathBuf,
    manifest: Manifest,
    /// Per partition, where the last reading stopped.
    places: Vec<Mutex<Option<Place>>>,
}

/// An open segment.
struct Place {
    reader: BufReader<File>,
    /// The number of the record that comes next.
    next: u64,
    /// The number behind its last record.
    end: u64,
}

impl Segments {
    /// The export in `dir`.
    ///
    /// # Errors
    /// [`SegmentsError`]. The segments themselves are looked at by [`Segments::check`].
    pub fn open(dir: &Path) -> Result<Self, SegmentsError> {
        let manifest = Manifest::read(dir)?.ok_or_else(|| SegmentsError::NoExport(dir.to_owned()))?;
        if manifest.unfinished {
            return Err(SegmentsError::Unfinished(dir.to_owned()));
        }
        let places = (0..manifest.partitions).map(|_| Mutex::default()).collect();
        Ok(Self { dir: dir.to_owned(), manifest, places })
    }

    /// How many bytes the segments have.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.manifest.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The last record of `partition`.
    #[must_use]
    pub fn head(&self, partition: u16) -> Option<Head> {
        self.manifest.heads.get(usize::from(partition))?.as_ref().map(Last::head)
    }

    /// Checks that every segment is what was exported; tells `progress` of bytes.
    ///
    /// # Errors
    /// [`SegmentsError::Damaged`] with the first one that is not.
    pub fn check(&self, progress: impl Fn(u64)) -> Result<(), SegmentsError> {
        self.manifest.segments.iter().try_for_each(|segment| {
            let path = self.dir.join(&segment.file);
            let mut file = File::open(&path).map_err(SegmentsError::io(&path))?;
            let mut sha = Sha256::new();
            let bytes = io::copy(&mut file, &mut sha).map_err(SegmentsError::io(&path))?;
            progress(bytes);
            let found = HEXLOWER.encode(&sha.finalize());
            if bytes != segment.bytes {
                return Err(SegmentsError::damaged(&path, format!("it has {bytes} bytes, not {}", segment.bytes)));
            }
            if found != segment.sha256 {
                return Err(SegmentsError::damaged(&path, format!("its SHA-256 is {found}, not {}", segment.sha256)));
            }
            Ok(())
        })
    }

    /// Checks that the records are a whole history, which ends as the manifest says.
    ///
    /// # Errors
    /// [`SegmentsError::Damaged`] with the first partition where they are not.
    pub fn check_history(&self) -> Result<(), SegmentsError> {
        for partition in 0..self.partitions() {
            let damaged =
                |reason: String| SegmentsError::damaged(&self.dir, format!("partition {partition}: {reason}"));
            let mut walk = Walk::new(self, partition);
            loop {
                let page = self.read(partition, walk.offset(), Bound::default());
                let entries = page.map_err(|error| damaged(error.to_string()))?.entries;
                if entries.is_empty() {
                    break;
                }
                for entry in entries {
                    match walk.take(entry.offset, &entry.stored) {
                        Ok(Step::Valid(_)) => {}
                        Ok(Step::Skipped(..)) => {
                            return Err(damaged(format!("record {} does not count", entry.offset)));
                        }
                        Err(broken) => return Err(damaged(broken.to_string())),
                    }
                }
            }
            if walk.head().is_none() {
                return Err(damaged("nothing of it was exported".to_owned()));
            }
            if walk.head() != self.head(partition) {
                return Err(damaged("its last record is not the head that the manifest names".to_owned()));
            }
        }
        Ok(())
    }

    fn segment(&self, partition: u16, number: u64) -> Option<&Segment> {
        self.manifest.of(partition).find(|segment| (segment.first..segment.first + segment.records).contains(&number))
    }

    /// Opens the segment of record `number` and stands before that record.
    fn place(&self, partition: u16, number: u64) -> io::Result<Option<Place>> {
        let Some(segment) = self.segment(partition, number) else { return Ok(None) };
        let reader = BufReader::new(File::open(self.dir.join(&segment.file))?);
        let mut place = Place { reader, next: segment.first, end: segment.first + segment.records };
        while place.next < number {
            place.record()?;
        }
        Ok(Some(place))
    }
}

impl Place {
    fn record(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.reader.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > MOST_BYTES {
            return Err(io::Error::other(format!("a record of {length} bytes")));
        }
        let mut stored = vec![0; length];
        self.reader.read_exact(&mut stored)?;
        self.next += 1;
        if self.next == self.end && !self.reader.fill_buf()?.is_empty() {
            return Err(io::Error::other("something lies behind its last record"));
        }
        Ok(stored)
    }
}

impl ReadLog for Segments {
    fn id(&self) -> LogId {
        self.manifest.log
    }

    fn partitions(&self) -> u16 {
        self.manifest.partitions
    }

    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        if partition < self.partitions() {
            return Ok(self.head(partition).map_or(0, |head| head.number + 1));
        }
        Err(ReadError::NoPartition { partition, partitions: self.partitions() })
    }

    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError> {
        let end = self.end(partition)?;
        let (mut page, mut bytes, mut next) = (Page::default(), 0, offset);
        let Some(place) = self.places.get(usize::from(partition)) else { return Ok(page) };
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        while next < end && page.entries.len() < bound.entries && (bytes < bound.bytes || page.entries.is_empty()) {
            let medium = |error: io::Error| {
                let file = self.segment(partition, next).map_or("", |segment| &segment.file);
                ReadError::Medium { partition, offset: next, reason: format!("{file}: {error}") }
            };
            if place.as_ref().is_none_or(|place| place.next != next || place.next == place.end) {
                *place = self.place(partition, next).map_err(medium)?;
            }
            let Some(place) = place.as_mut() else { break };
            let stored = place.record().map_err(medium)?;
            bytes += stored.len();
            page.entries.push(Entry { offset: next, stored });
            next += 1;
        }
        Ok(page)
    }

    /// Nothing moves here.
    fn watch(&self, _watch: Watch) {}
}
