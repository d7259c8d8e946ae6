//! What if: the decisions about approvals of a whole history, taken again in recorded order from what is on record, with other
//! limits. Written apart from the decisions in `kippu-actors`, as the rules are.
//!
//! What was permitted in fact and would be again goes on as it did: settled, released, given back. What was refused in fact
//! and would have been permitted was never settled, so it counts in full as if it had been settled at once. What people
//! would have done otherwise is not known.

mod account;
mod decisions;
mod report;
mod set;
#[cfg(test)]
mod tests;

use kippu_events::EntityId;
use kippu_events::log::ReadLog;
use kippu_events::money::NotDecimal;

use crate::history::Unreadable;
use crate::partitions;
pub use report::{Change, Decided, Report, Signed, Sum, Total, Turned, UserReport};
pub use set::{NotASetting, Setting};

/// How to decide anew.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// What is otherwise; of two that say the same, the later counts.
    pub set: &'a [Setting],
    /// Partitions that are walked at once.
    pub threads: usize,
    /// Told how many more entries have been read, from any thread.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotDecided {
    /// The history cannot be read to its end.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// An amount is none in the currency of a user.
    #[error("the limit of users/{user}: {reason}")]
    Amount {
        /// Whose limit it would be.
        user: EntityId,
        /// Why not.
        reason: NotDecimal,
    },
}

/// Decides anew over the whole log as it stands when each partition is begun.
///
/// # Errors
/// [`NotDecided`].
pub fn what_if(log: &dyn ReadLog, options: &Options<'_>) -> Result<Report, NotDecided> {
    let threads = partitions::threads(options.threads, log.partitions());
    let walked = partitions::each(log.partitions(), threads, |partition| decisions::again(log, partition, options));
    Ok(Report::new(log.id(), options.set, walked.into_iter().collect::<Result<Vec<_>, _>>()?))
}
