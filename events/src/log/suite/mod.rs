//! The contract suite: one list of cases, stated in outcomes. `log_suite!(name, fixture)` expands to one `#[test]` per
//! case, so that `name::case` is in the output of every backend. A backend that cannot pass a case is not a log.

mod records;
mod refusals;
pub(super) mod writer;
mod writers;

use std::sync::Arc;
use std::time::Duration;

use super::{Log, LogId};

pub use records::*;
pub use refusals::*;
pub use writers::*;

/// Partitions that a fixture MUST have.
pub const PARTITIONS: u16 = 4;
/// No case waits for time to pass; one that waits this long for a message, through a restart of a broker, has failed.
const PATIENCE: Duration = Duration::from_secs(90);
/// Enough for several group commits.
const MANY: u64 = 2000;

/// A fresh log, and what surrounds it.
pub trait Fixture {
    /// The log. Two calls give two views of the same log, as two nodes would have; an embedded log gives one twice.
    fn log(&self) -> Arc<dyn Log>;

    /// The log as after a restart: everything before is closed, and nothing but its medium is left. The case has
    /// dropped all that it got before.
    fn restart(&mut self);
}

/// Expands to one test per case for the backend `$name`, whose `$fixture` expression makes a [`Fixture`].
#[macro_export]
macro_rules! log_suite {
    ($name:ident, $fixture:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $crate::log_suite!(@cases $fixture;
                a_new_log_holds_one_genesis_per_partition
                an_answered_append_is_read_by_every_later_reader
                numbers_are_dense_and_the_chain_is_whole
                progress_only_grows_and_reaches_the_last_record
                no_reader_sees_a_record_before_its_writer_may_be_told
                a_claim_returns_itself_as_head
                a_claim_follows_what_was_handed_over_before
                a_deposed_writer_is_told_so_and_its_record_never_counts
                two_writers_never_both_get_an_answer_for_one_number
                at_most_one_of_many_claimants_wins_each_epoch
                an_owner_proves_its_ownership
                a_deposed_writer_proves_nothing
                a_record_that_does_not_follow_ends_its_writer
                a_record_of_another_epoch_ends_its_writer
                bytes_that_are_no_record_end_their_writer
                a_record_that_is_too_large_is_refused_and_its_writer_goes_on
                the_largest_record_is_taken
                a_seal_ends_the_partition_for_ever
                a_restart_keeps_everything
                a_restart_deposes_the_writers_before_it
                a_page_keeps_to_its_bounds
                who_is_lent_an_entry_may_read_the_same_partition
                a_page_behind_the_end_is_empty
                a_partition_that_does_not_exist_is_refused
                a_watch_hears_of_every_move_of_the_end
                partitions_do_not_disturb_each_other
            );
        }
    };
    (@cases $fixture:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::log::suite::$case(&mut $fixture);
            }
        )*
    };
}

/// A seed for a random test: `KIPPU_SEED`, or any. Printed, so that a failure can be repeated.
#[cfg(test)]
pub(crate) fn seed() -> u64 {
    let given = std::env::var("KIPPU_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    println!("KIPPU_SEED={seed}");
    seed
}

/// An identity for a fixture's log.
#[must_use]
pub fn log_id() -> LogId {
    LogId::random().expect("randomness")
}
