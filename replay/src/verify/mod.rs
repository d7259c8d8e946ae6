//! Verify: is this history whole, in order, readable by current code, and within its own rules?
//!
//! Every partition is walked from its genesis to its end, on as many threads as there are. *Damage* – bytes, chain,
//! numbers, epochs, or an event that does not decode – halts its partition, because nothing behind it can be trusted.
//! A *breach* is a well-formed record that says something that must not be – an approval redeemed twice – and the walk
//! goes on behind it.

mod blobs;
mod entities;
mod partition;
mod report;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

use kippu_events::log::ReadLog;

use crate::checkpoint::Checkpoint;
use crate::named_blobs::Names;
pub use crate::rules::Breach;
pub use blobs::{BlobFault, Blobs};
pub use report::{Damage, Head, Partition, Report, Totals};

/// How to verify.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Partitions that are walked at once.
    pub threads: usize,
    /// Whether an entry's offset is its record's number, and nothing is ever stale, repeated or orphaned, because the
    /// only writer checks before it writes. True of the embedded backends. What a shared log skips is damage here.
    pub embedded: bool,
    /// Breaches that are told in full, per partition; all are counted.
    pub most_breaches: usize,
    /// What an earlier walk saw: a tail cut off behind it is damage.
    pub since: Option<&'a Checkpoint>,
    /// Says which blobs an event names, where they are to be collected.
    pub blobs: Option<Names>,
    /// Told how many more entries have been read, from any thread.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl Default for Options<'_> {
    /// An embedded log, on all cores.
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            embedded: true,
            most_breaches: 20,
            since: None,
            blobs: None,
            progress: &|_| {},
        }
    }
}

/// Walks the whole log as it stands when each partition is begun.
#[must_use]
pub fn verify(log: &dyn ReadLog, options: &Options<'_>) -> Report {
    let begun = Instant::now();
    let partitions = log.partitions();
    let next = AtomicU16::new(0);
    let work = || {
        let mut walked = Vec::new();
        loop {
            let partition = next.fetch_add(1, Ordering::Relaxed);
            if partition >= partitions {
                return walked;
            }
            walked.push(partition::walk(log, partition, options));
        }
    };
    let threads = options.threads.clamp(1, usize::from(partitions.max(1)));
    let mut walked = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut walked = Vec::with_capacity(usize::from(partitions));
        for worker in workers {
            match worker.join() {
                Ok(mut some) => walked.append(&mut some),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        walked
    });
    walked.sort_by_key(|partition: &Partition| partition.partition);
    Report::new(log.id(), walked, options, threads, begun.elapsed())
}
