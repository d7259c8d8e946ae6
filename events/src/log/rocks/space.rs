//! Low disk: below a floor of free space the log takes no more commits, so that what must go on (claims, flushes, reads,
//! an orderly stop) still can.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Settings;
use crate::log::AppendError;

/// Free bytes of the file system that holds a path.
pub type FreeBytes = Arc<dyn Fn(&Path) -> io::Result<u64> + Send + Sync>;

/// A second of writing at full speed is far less than any sensible floor.
pub(super) const CHECK_EVERY: Duration = Duration::from_secs(1);
/// Whatever the speed, this much is written at most between two checks.
const CHECK_BYTES: u64 = 16 << 20;

/// Watches the free space under a log.
pub(super) struct Space {
    dir: PathBuf,
    free: FreeBytes,
    floor: u64,
    every: Duration,
    low: AtomicBool,
    born: Instant,
    /// Milliseconds since `born` of the next check.
    due: AtomicU64,
    unchecked: AtomicU64,
}

impl Space {
    pub(super) fn new(dir: &Path, settings: &Settings) -> Self {
        Self {
            dir: dir.to_owned(),
            free: settings.free_bytes.clone(),
            floor: settings.floor_bytes,
            every: settings.free_check_every,
            low: AtomicBool::new(false),
            born: Instant::now(),
            due: AtomicU64::new(0),
            unchecked: AtomicU64::new(0),
        }
    }

    /// Refuses while space is low. Looks again now and then, so that freed space is noticed without any writes.
    pub(super) fn admit(&self) -> Result<(), AppendError> {
        if !self.low.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.is_due() {
            self.check();
        }
        if self.low.load(Ordering::Relaxed) { Err(AppendError::NoSpace { floor_bytes: self.floor }) } else { Ok(()) }
    }

    /// To be called before each group commit, with its size.
    pub(super) fn before(&self, bytes: usize) {
        let unchecked = self.unchecked.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if unchecked >= CHECK_BYTES || self.is_due() {
            self.check();
        }
    }

    /// Looks at the file system, unless that was done a moment ago: somebody else may have filled it.
    pub(super) fn check_if_due(&self) {
        if self.is_due() {
            self.check();
        }
    }

    fn is_due(&self) -> bool {
        self.born.elapsed().as_millis() >= u128::from(self.due.load(Ordering::Relaxed))
    }

    /// Looks at the file system.
    pub(super) fn check(&self) {
        self.unchecked.store(0, Ordering::Relaxed);
        let next = (self.born.elapsed() + self.every).as_millis();
        self.due.store(u64::try_from(next).unwrap_or(u64::MAX), Ordering::Relaxed);
        match (self.free)(&self.dir) {
            Ok(free) => {
                let low = free < self.floor;
                if self.low.swap(low, Ordering::Relaxed) != low {
                    tracing::warn!(free, floor = self.floor, low, "free space under the log crossed its floor");
                }
            }
            // A file system that does not answer says nothing about its space; a write that fails will say so.
            Err(error) => tracing::warn!(%error, "the free space under the log is not known"),
        }
    }
}

/// Free bytes of the file system that holds `path`, for a process without privileges.
///
/// # Errors
/// As the operating system says.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let answer = rustix::fs::statvfs(path)?;
    Ok(answer.f_bavail.saturating_mul(answer.f_frsize))
}
