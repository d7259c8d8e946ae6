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
pub(crate) mod tests;

use std::time::{Duration, Instant};

use kippu_events::log::{self, ReadLog};

use crate::evidence::Cut;
use crate::named_blobs::Names;
use crate::partitions;
pub use crate::rules::{Breach, Rules};
pub use blobs::{BlobFault, Blobs};
pub use report::{Damage, Head, Partition, Report, Skipped, Totals};

/// How to verify.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Partitions that are walked at once.
    pub threads: usize,
    /// Whether an entry's offset is its record's number, and nothing is ever stale, repeated or orphaned, because the
    /// only writer checks before it writes. True of the embedded backends. What a shared log skips is damage here.
    pub embedded: bool,
    /// The rules that are held against what happened.
    pub rules: Rules,
    /// Breaches that are told in full, per partition; all are counted.
    pub most_breaches: usize,
    /// Records that do not count and are told in full, per partition; all are counted.
    pub most_skipped: usize,
    /// Look only into what lies behind this cut, and hold no rules, which look back: bytes, chain, numbers, and whether events can be
    /// read.
    pub behind: Option<&'a log::Cut>,
    /// What an earlier checkpoint states: a history that does not begin with it, or ends before, is damage.
    pub since: Option<&'a Cut>,
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
            rules: Rules::ALL,
            most_breaches: 20,
            most_skipped: 20,
            behind: None,
            since: None,
            blobs: None,
            progress: &|_| {},
        }
    }
}

/// Walks the whole log as it stands when each partition is begun.
#[must_use]
pub fn verify(log: &dyn ReadLog, options: &Options<'_>) -> Report {
    Verified::new(log, options).report()
}

/// A log as far as it was verified, which goes on as that grows.
pub struct Verified<'a> {
    log: &'a dyn ReadLog,
    options: &'a Options<'a>,
    partitions: Vec<partition::Verifier<'a>>,
    threads: usize,
    took: Duration,
}

impl<'a> Verified<'a> {
    /// Walks the whole log as it stands when each partition is begun.
    #[must_use]
    pub fn new(log: &'a dyn ReadLog, options: &'a Options<'a>) -> Self {
        let begun = Instant::now();
        let threads = partitions::threads(options.threads, log.partitions());
        let partitions = partitions::each(log.partitions(), threads, |partition| {
            let mut verifier = partition::begin(log, partition, options);
            verifier.go_on();
            verifier
        });
        Self { log, options, partitions, threads, took: begun.elapsed() }
    }

    /// Walks on to where the log ends by now. What was found stays found.
    pub fn go_on(&mut self) {
        let begun = Instant::now();
        self.partitions.iter_mut().for_each(partition::Verifier::go_on);
        self.took += begun.elapsed();
    }

    /// What was found so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let walked = self.partitions.iter().map(partition::Verifier::found).collect();
        Report::new(self.log.id(), walked, self.options, self.threads, self.took)
    }
}
