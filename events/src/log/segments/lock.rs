//! The lock on a directory of segments: one process exports to it. Whoever reads needs none, since a segment that the
//! manifest names never changes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use super::SegmentsError;

const NAME: &str = "LOCK";

/// Held as long as the export is open; the operating system frees it when the process ends, however that happens.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks `dir` and leaves this process's id there.
    pub(super) fn take(dir: &Path) -> Result<Self, SegmentsError> {
        let path = dir.join(NAME);
        let io = SegmentsError::io;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(io(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                file.read_to_string(&mut process).map_err(io(&path))?;
                return Err(SegmentsError::Locked { dir: dir.to_owned(), process: process.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(io(&path)(source)),
        }
        let held = file.set_len(0).and_then(|()| file.rewind());
        held.and_then(|()| writeln!(file, "{}", std::process::id())).map_err(io(&path))?;
        Ok(Self { _file: file })
    }
}
