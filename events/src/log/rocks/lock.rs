//! The lock on a log's directory: one process writes it, and whoever else tries learns which.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use super::OpenError;

const NAME: &str = "LOCK";
/// A reader tests the lock for an instant. An opener that meets one tries again, this often, before it gives up.
const TRIES: usize = 10_000;

/// Held as long as the log is open; the operating system frees it when the process ends, however that happens.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks `dir` and leaves this process's id there.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(NAME);
        let io = |source| OpenError::Io { path: path.clone(), source };
        let mut file = open(&path).map_err(io)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => {
                    file.set_len(0).map_err(io)?;
                    file.rewind().map_err(io)?;
                    write!(file, "{}", std::process::id()).map_err(io)?;
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) if is_held(&file).map_err(io)? => {
                    let mut holder = String::new();
                    file.read_to_string(&mut holder).map_err(io)?;
                    return Err(OpenError::Locked { dir: dir.to_owned(), pid: holder.trim().parse().ok() });
                }
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
        }
        Err(OpenError::Locked { dir: dir.to_owned(), pid: None })
    }

    /// Whether some process holds `dir`.
    pub(super) fn is_taken(dir: &Path) -> Result<bool, OpenError> {
        let path = dir.join(NAME);
        let io = |source| OpenError::Io { path: path.clone(), source };
        if !path.try_exists().map_err(io)? {
            return Ok(false);
        }
        // Read access is enough: an auditor need not be able to write.
        is_held(&File::open(&path).map_err(io)?).map_err(io)
    }
}

/// Whether another holds `file` exclusively. Takes a shared lock for an instant.
fn is_held(file: &File) -> std::io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(source),
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}
