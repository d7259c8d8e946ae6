//! Taking a history over from another location, record for record: bytes, numbers and hashes stay as they are.
//!
//! This is no writer. It makes no claim, so nothing is ever answered from it, and a location that a node serves does not lend
//! itself to it: the embedded log is locked, and on a topic whatever somebody else has written shows in the chain.

#[cfg(test)]
mod tests;

use super::judge::{begin, judge};
use super::record::{Genesis, NotARecord, Record};
use super::{Head, LogId, Verdict};

/// A location that takes records of a history. A seal is never among them: it ends a location, not the history.
pub trait Restore: Send {
    /// The identity of the log.
    fn id(&self) -> LogId;

    /// How many partitions it has.
    fn partitions(&self) -> u16;

    /// The last record of `partition` here, if there is one.
    fn head(&self, partition: u16) -> Option<Head>;

    /// Adds the stored bytes of the records that follow the head of `partition`, which MUST be valid one after the
    /// other. Blocks.
    ///
    /// # Errors
    /// [`RestoreError`]. After `Failed` the location MUST be opened again: only then its heads are known.
    fn append(&mut self, partition: u16, records: &[Vec<u8>]) -> Result<(), RestoreError>;

    /// Makes everything that was added durable. Nothing to do where it is so at once.
    ///
    /// # Errors
    /// As [`Restore::append`].
    fn finish(&mut self) -> Result<(), RestoreError> {
        Ok(())
    }
}

/// Why records were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Certainly not written: it does not follow.
    #[error("partition {partition} does not take record {number}: {reason}")]
    Refused {
        /// The partition.
        partition: u16,
        /// The record.
        number: u64,
        /// Why not.
        reason: String,
    },
    /// Certainly not written: too little space is left.
    #[error("too little space is left: less than {floor_bytes} bytes")]
    NoSpace {
        /// What has to stay free.
        floor_bytes: u64,
    },
    /// Somebody else has written there.
    #[error(
        "partition {partition} of the target has gone another way at record {number}: somebody else has written there"
    )]
    Diverged {
        /// The partition.
        partition: u16,
        /// The first record that is another one.
        number: u64,
    },
    /// Perhaps written.
    #[error("the records were perhaps not written: {0}")]
    Failed(String),
}

/// The head after `stored`, if it may be added after `head` as a record of `genesis`'s partition.
pub(super) fn follow(genesis: &Genesis, head: Option<Head>, stored: &[u8]) -> Result<Head, RestoreError> {
    let number = head.map_or(0, |head| head.number + 1);
    let refused = |reason: String| RestoreError::Refused { partition: genesis.partition, number, reason };
    let record = Record::decode(stored).map_err(|error: NotARecord| refused(error.to_string()))?;
    let Some(head) = head else {
        return begin(genesis, &record).map_err(|damage| refused(damage.to_string()));
    };
    match judge(&head, &record, |_| None) {
        Verdict::Valid(next) if !next.sealed => Ok(next),
        Verdict::Valid(_) => Err(refused("a seal ends a location, not the history".to_owned())),
        Verdict::Damage(damage) => Err(refused(damage.to_string())),
        Verdict::Stale | Verdict::Duplicate | Verdict::Orphan => Err(refused("it does not follow".to_owned())),
    }
}
