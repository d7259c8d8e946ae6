//! A log as it was when each of its partitions ended earlier.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kippu_events::log::{Bound, LogId, Page, ReadError, ReadLog, Watch};

/// See the module.
pub struct UpTo {
    log: Arc<dyn ReadLog>,
    ends: Vec<AtomicU64>,
}

impl UpTo {
    /// `log` up to the offsets `ends`, one for each partition.
    #[must_use]
    pub fn new(log: Arc<dyn ReadLog>, ends: &[u64]) -> Self {
        Self { log, ends: ends.iter().copied().map(AtomicU64::new).collect() }
    }

    /// From now on it goes on to `ends`.
    pub fn go_on(&self, ends: &[u64]) {
        for (end, new) in self.ends.iter().zip(ends) {
            end.fetch_max(*new, Ordering::AcqRel);
        }
    }
}

impl ReadLog for UpTo {
    fn id(&self) -> LogId {
        self.log.id()
    }

    fn partitions(&self) -> u16 {
        self.log.partitions()
    }

    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        let end = self.ends.get(usize::from(partition)).map_or(0, |end| end.load(Ordering::Acquire));
        Ok(self.log.end(partition)?.min(end))
    }

    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError> {
        let left = self.end(partition)?.saturating_sub(offset);
        if left == 0 {
            return Ok(Page::default());
        }
        let entries = bound.entries.min(usize::try_from(left).unwrap_or(usize::MAX));
        self.log.read(partition, offset, Bound { entries, ..bound })
    }

    fn visit(
        &self,
        partition: u16,
        offset: u64,
        bound: Bound,
        entry: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<u64, ReadError> {
        let left = self.end(partition)?.saturating_sub(offset);
        if left == 0 {
            return Ok(offset);
        }
        let entries = bound.entries.min(usize::try_from(left).unwrap_or(usize::MAX));
        self.log.visit(partition, offset, Bound { entries, ..bound }, entry)
    }

    /// It does not move by itself.
    fn watch(&self, _watch: Watch) {}
}
