//! Export: records as they come, into segments that are named in the manifest once they are whole.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::{FORMAT, Last, Manifest, Segment, SegmentsError, file_name};

use crate::log::lock::Lock;
use crate::log::restore::{Restore, RestoreError, follow};
use crate::log::{Genesis, Head, LogId};
use crate::whole::{PLAIN, begin, finish, sync_parent};

/// A segment ends with the record that reaches this: few files, and not much to do again after an interruption.
const SEGMENT_BYTES: u64 = 64 << 20;

/// A directory of segments that takes a history.
pub struct Export {
    dir: PathBuf,
    manifest: Manifest,
    parts: Vec<Part>,
    _lock: Lock,
}

/// One partition.
#[derive(Default)]
struct Part {
    head: Option<Head>,
    open: Option<Open>,
}

/// A segment that is being written.
struct Open {
    file: BufWriter<File>,
    sha: Sha256,
    segment: Segment,
}

impl Export {
    /// An export of `log` in `dir`, which is made, or gone on with. No other process exports to there meanwhile.
    ///
    /// # Errors
    /// [`SegmentsError`], `Lock` where one does.
    pub fn open(dir: &Path, log: LogId, partitions: u16) -> Result<Self, SegmentsError> {
        fs::create_dir_all(dir).map_err(SegmentsError::io(dir))?;
        // Before anything is read that another export may be writing.
        let lock = Lock::take(dir)?;
        let heads = vec![None; usize::from(partitions)];
        let fresh = Manifest { format: FORMAT, log, partitions, unfinished: true, heads, segments: Vec::new() };
        let manifest = Manifest::read(dir)?.unwrap_or_else(|| fresh.clone());
        if (manifest.log, manifest.partitions) != (log, partitions) {
            return Err(SegmentsError::OtherLog { dir: dir.to_owned(), found: manifest.log, log });
        }
        let heads = manifest.heads.iter().map(|last| last.as_ref().map(Last::head));
        let parts = heads.map(|head| Part { head, open: None }).collect();
        Ok(Self { dir: dir.to_owned(), manifest, parts, _lock: lock })
    }

    fn add(&mut self, partition: u16, head: Head, stored: &[u8]) -> Result<(), SegmentsError> {
        let Some(part) = self.parts.get_mut(usize::from(partition)) else { return Ok(()) };
        let open = match &mut part.open {
            Some(open) => open,
            None => part.open.insert(Open::begin(&self.dir, partition, head.number)?),
        };
        open.push(stored).map_err(SegmentsError::io(&self.dir.join(&open.segment.file)))?;
        part.head = Some(head);
        if open.segment.bytes >= SEGMENT_BYTES { self.close(partition) } else { Ok(()) }
    }

    /// Names the open segment of `partition` in the manifest.
    fn close(&mut self, partition: u16) -> Result<(), SegmentsError> {
        let Some(part) = self.parts.get_mut(usize::from(partition)) else { return Ok(()) };
        let (Some(open), Some(head)) = (part.open.take(), part.head) else { return Ok(()) };
        let segment = open.finish(&self.dir)?;
        let at = self.manifest.segments.partition_point(|known| known.partition <= partition);
        self.manifest.segments.insert(at, segment);
        if let Some(last) = self.manifest.heads.get_mut(usize::from(partition)) {
            *last = Some(Last::of(head));
        }
        self.manifest.write(&self.dir)
    }
}

impl Restore for Export {
    fn id(&self) -> LogId {
        self.manifest.log
    }

    fn partitions(&self) -> u16 {
        self.manifest.partitions
    }

    fn head(&self, partition: u16) -> Option<Head> {
        self.parts.get(usize::from(partition))?.head
    }

    fn append(&mut self, partition: u16, records: &[Vec<u8>]) -> Result<(), RestoreError> {
        let genesis = Genesis { log: self.id(), partition, partitions: self.partitions() };
        for stored in records {
            let head = follow(&genesis, self.head(partition), stored)?;
            self.add(partition, head, stored).map_err(|error| RestoreError::Failed(error.to_string()))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), RestoreError> {
        let mut partitions = 0..self.partitions();
        let finished = partitions.try_for_each(|partition| self.close(partition)).and_then(|()| {
            if !std::mem::take(&mut self.manifest.unfinished) {
                return Ok(());
            }
            let written = self.manifest.write(&self.dir);
            self.manifest.unfinished = written.is_err();
            written
        });
        finished.map_err(|error| RestoreError::Failed(error.to_string()))
    }
}

impl Open {
    fn begin(dir: &Path, partition: u16, first: u64) -> Result<Self, SegmentsError> {
        let file = file_name(partition, first);
        let path = dir.join(&file);
        let folder = path.parent().unwrap_or(dir);
        fs::create_dir_all(folder).and_then(|()| sync_parent(folder)).map_err(SegmentsError::io(folder))?;
        let segment = Segment { partition, file, first, records: 0, bytes: 0, sha256: String::new() };
        Ok(Self {
            file: BufWriter::new(begin(&path, PLAIN).map_err(SegmentsError::io(&path))?),
            sha: Sha256::new(),
            segment,
        })
    }

    fn push(&mut self, stored: &[u8]) -> std::io::Result<()> {
        // A record has at most 256 KiB.
        let length = u32::try_from(stored.len()).unwrap_or(u32::MAX).to_be_bytes();
        for part in [&length[..], stored] {
            self.sha.update(part);
            self.file.write_all(part)?;
            self.segment.bytes += part.len() as u64;
        }
        self.segment.records += 1;
        Ok(())
    }

    fn finish(self, dir: &Path) -> Result<Segment, SegmentsError> {
        let Self { file, sha, mut segment } = self;
        let path = dir.join(&segment.file);
        let file = file.into_inner().map_err(|error| SegmentsError::io(&path)(error.into_error()))?;
        finish(&file, &path).map_err(SegmentsError::io(&path))?;
        segment.sha256 = HEXLOWER.encode(&sha.finalize());
        Ok(segment)
    }
}
