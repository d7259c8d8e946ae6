//! What the group commits of an embedded log come to: how long each took, and how many records it made durable.

use kippu_events::log::rocks::Committed;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// Every group commit since the log was opened. Cheap to clone.
#[derive(Clone)]
pub(crate) struct GroupCommits {
    /// How long each took, sync included.
    pub(crate) seconds: Histogram,
    /// Records in each.
    pub(crate) records: Histogram,
}

/// From a tenth of a millisecond, less than any fsync, to six seconds, more than any deadline of a patient client.
pub(crate) fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 2.0, 17))
}

impl Default for GroupCommits {
    fn default() -> Self {
        // Up to as many records as a group commit takes.
        Self { seconds: seconds(), records: Histogram::new(exponential_buckets(1.0, 2.0, 14)) }
    }
}

impl GroupCommits {
    /// Counts one.
    // A group has a few thousand records at most.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn observe(&self, committed: Committed) {
        self.seconds.observe(committed.took.as_secs_f64());
        self.records.observe(committed.records as f64);
    }
}
