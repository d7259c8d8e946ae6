//! Open files: how many of them a store may keep, so that stores and connections share what the process may open, however
//! long the history gets; and which errors are about the process's environment rather than about what is stored.

use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;

use rustix::process::{Resource, getrlimit};
use tempfile::TempDir;

/// Stores that a node has open: log, persons' keys, entities, views.
pub const STORES: u64 = 4;
/// Files that a store opens next to its data files: its log, manifest, info log, lock and directory, and new ones before the old
/// ones of these are closed.
pub const PER_STORE: u64 = 12;
/// What RocksDB keeps open at least, whatever it is told.
const LEAST: u64 = 20;
/// From here on a store may keep all of its files open, which finds damaged ones at the start.
const PLENTY: u64 = 65_536;
/// A store's share of what the process may open: all stores together have a quarter.
const SHARE: u64 = 16;

/// Data files that one store keeps open at most, where the process may open `most` files. None where it may keep all.
#[must_use]
pub const fn kept_of(most: Option<u64>) -> Option<u64> {
    match most {
        Some(most) if most < PLENTY => {
            let share = most / SHARE;
            Some(if share < LEAST { LEAST } else { share })
        }
        Some(_) | None => None,
    }
}

/// The same for this process, as RocksDB's option `max_open_files`.
#[must_use]
pub fn most_open_files() -> i32 {
    kept_of(getrlimit(Resource::Nofile).current).and_then(|kept| i32::try_from(kept).ok()).unwrap_or(-1)
}

/// How many of `wanted` more files this process can open now. It is tried out: limits lie in several places, and others use up
/// what they grant.
#[must_use]
pub fn left(wanted: u64) -> u64 {
    let (stream, mut open) = (io::stderr(), Vec::new());
    let mut left = 0;
    while left < wanted {
        match stream.as_fd().try_clone_to_owned() {
            Ok(file) => open.push(file),
            Err(_) => break,
        }
        left += 1;
    }
    left
}

/// Refuses a store in `dir` that is only read where this process cannot have all of its files open. RocksDB would leave those
/// out that it cannot open, and show a store that lacks what they hold.
///
/// # Errors
/// As the operating system says of too many open files, or of the directory.
pub fn all_of(dir: &Path) -> io::Result<()> {
    let files = u64::try_from(std::fs::read_dir(dir)?.count()).unwrap_or(u64::MAX).saturating_add(PER_STORE);
    if left(files) < files { Err(rustix::io::Errno::MFILE.into()) } else { Ok(()) }
}

/// A directory for what RocksDB writes of a store that it only reads; gone with what this gives.
///
/// # Errors
/// Where there is no directory for temporary files, or none that a store can be given.
pub fn scratch() -> io::Result<TempDir> {
    let names_it = |error: io::Error| {
        io::Error::new(error.kind(), format!("{error}; TMPDIR names a directory for temporary files"))
    };
    let scratch = tempfile::Builder::new().prefix("kippu-reader-").tempdir().map_err(names_it)?;
    if scratch.path().to_str().is_none() {
        return Err(names_it(io::Error::new(io::ErrorKind::InvalidInput, "its path is not in UTF-8")));
    }
    Ok(scratch)
}

/// Whether an error in RocksDB's words comes from what surrounds a store – limits, rights, space, another process – and
/// says nothing of what is in it.
#[must_use]
pub fn is_about_environment(error: &str) -> bool {
    [
        "Too many open files",
        "Cannot allocate memory",
        "File too large",
        "No space left on device",
        "Disk quota exceeded",
        "Permission denied",
        "Operation not permitted",
        "Read-only file system",
        "Resource temporarily unavailable",
        "No locks available",
        "lock hold by current process",
    ]
    .iter()
    .any(|words| error.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_stores_together_keep_a_quarter_of_the_files_and_no_store_less_than_it_can_work_with() {
        assert_eq!(kept_of(Some(64)), Some(20));
        assert_eq!(kept_of(Some(1024)), Some(64));
        assert_eq!(kept_of(Some(20_000)), Some(1_250));
        assert_eq!((kept_of(Some(65_536)), kept_of(None)), (None, None));
    }

    #[test]
    fn a_limit_is_told_from_damage() {
        assert!(is_about_environment("IO error: While open a file for appending: /d/5.log: Too many open files"));
        assert!(!is_about_environment("Corruption: bad magic number in /d/5.sst"));
    }
}
