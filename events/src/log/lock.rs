//! The lock on a directory: one process writes there, and whoever else tries learns which.

mod holder;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

pub use holder::Holder;

/// The lock's file.
pub const NAME: &str = "LOCK";
/// A reader tests the lock for an instant. An opener that meets one tries again, this often, before it gives up.
const TRIES: usize = 10_000;

/// Held as long as this is kept; the operating system frees it when the process ends, however that happens.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it, or this one already does. The caller should stop that one, or only read.
    #[error("{} is in use by {holder}", dir.display())]
    Held {
        /// The directory.
        dir: PathBuf,
        /// Who.
        holder: Holder,
    },
    /// The file system knows no locks, as some network file systems. Two processes could write there at once.
    #[error("{}: the file system gives no lock ({source}), without which two processes could write there: name a directory on another", path.display())]
    NoLocks {
        /// The lock's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The lock's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Lock {
    /// Locks `dir` and leaves this process's id there.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join(NAME);
        let io = |source| LockError::Io { path: path.clone(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => {
                    file.set_len(0).map_err(io)?;
                    file.rewind().map_err(io)?;
                    writeln!(file, "{}", std::process::id()).map_err(io)?;
                    return Ok(Self { file });
                }
                Err(TryLockError::WouldBlock) => match holder(&mut file).map_err(io)? {
                    Some(holder) => return Err(LockError::Held { dir: dir.to_owned(), holder }),
                    None => std::thread::yield_now(),
                },
                Err(TryLockError::Error(source)) => return Err(LockError::NoLocks { path, source }),
            }
        }
        Err(LockError::Held { dir: dir.to_owned(), holder: Holder::Unnamed })
    }

    /// Who holds `dir`, if anybody. Read access is enough: an auditor need not be able to write.
    ///
    /// # Errors
    /// [`LockError::Io`].
    pub fn holder(dir: &Path) -> Result<Option<Holder>, LockError> {
        let path = dir.join(NAME);
        let found = match File::open(&path) {
            Ok(mut file) => holder(&mut file),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        found.map_err(|source| LockError::Io { path, source })
    }
}

impl Drop for Lock {
    /// Takes the process's id away, so that nobody takes another process for this one later.
    fn drop(&mut self) {
        // It is only for people, and wrong after every crash.
        let _gone = self.file.set_len(0);
    }
}

/// Who holds `file` exclusively. Takes a shared lock for an instant.
fn holder(file: &mut File) -> io::Result<Option<Holder>> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| None),
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            file.read_to_string(&mut pid)?;
            Ok(Some(Holder::of(file, &pid)))
        }
        Err(TryLockError::Error(source)) => Err(source),
    }
}
