//! What a partition holds, as any reader makes it out of the topic.

use std::fmt;

use super::KafkaLog;
use crate::log::Log as _;
use crate::log::suite::writer::{body_of, walked};
use crate::log::walk::Skip;

/// The valid records of a partition, and what does not count.
pub(super) struct History {
    valid: Vec<Vec<u8>>,
    skipped: Vec<Skip>,
}

impl History {
    /// Reads all of `partition`, and looks whether the log knows where each record is.
    pub(super) fn of(log: &KafkaLog, partition: u16) -> Self {
        let (valid, skipped, _) = walked(log, partition);
        log.resume(partition, None).unwrap();
        let writer = log.shared.places[usize::from(partition)].wait_for((valid.len() + skipped.len()) as u64).unwrap();
        assert!((0..).zip(&valid).all(|(number, entry)| writer.skips.offset_of(number) == entry.offset));
        drop(writer);
        Self { valid: valid.into_iter().map(|entry| entry.stored).collect(), skipped }
    }

    /// The body of the commit `number`.
    pub(super) fn body(&self, number: u64) -> Option<Vec<u8>> {
        body_of(&self.valid[usize::try_from(number).unwrap()])
    }

    /// The bodies of all commits, in order.
    pub(super) fn bodies(&self) -> Vec<Vec<u8>> {
        self.valid.iter().filter_map(|stored| body_of(stored)).collect()
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [stale, repeated, orphaned] = [Skip::Stale, Skip::Duplicate, Skip::Orphan]
            .map(|skip| self.skipped.iter().filter(|skipped| **skipped == skip).count());
        write!(f, "{} valid, {stale} stale, {repeated} repeated, {orphaned} orphaned", self.valid.len())
    }
}
