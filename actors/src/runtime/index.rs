//! What is kept beside the entities of the partitions that are served here: what they owe, and how far reactions have come.

use std::collections::BTreeSet;

use kippu_events::log::walk::Walk;
use kippu_events::log::{Head, Log};
use kippu_events::{EntityId, EntityKey};
use tokio::sync::{mpsc, watch};

use super::entity_store::EntityStore;
use super::{Phase, Runtime, StartError, StoreError, open, serving};
use crate::activity::Owed;
use crate::problem::{self, Problem};

impl Runtime {
    /// Who is to be told from now on what entities owe, once: what there is no room for is found by [`Runtime::owed`].
    pub fn tell_owed(&self, owing: mpsc::Sender<(EntityKey, Owed)>) {
        // Somebody does it already.
        let _already = self.owed.set(owing);
    }

    /// The partitions that are served here now.
    #[must_use]
    pub fn served(&self) -> Vec<u16> {
        let serves = |phase: &watch::Receiver<Phase>| matches!(*phase.borrow(), Phase::Serving { .. });
        (0..).zip(self.phases.iter()).filter(|(_, phase)| serves(phase)).map(|(partition, _)| partition).collect()
    }

    /// Whether the partition of `key` is served here now.
    #[must_use]
    pub fn serves(&self, key: EntityKey) -> bool {
        let phase = self.phases.get(usize::from(self.partition_of(key)));
        phase.is_some_and(|phase| matches!(*phase.borrow(), Phase::Serving { .. }))
    }

    /// Whom something is owed to in `partition`, as its store has it. Blocks.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn owed_to(&self, partition: u16) -> Result<Vec<EntityId>, Problem> {
        self.with_store(|store| store.owed_to(partition))
    }

    fn with_store<T>(&self, ask: impl FnOnce(&EntityStore) -> Result<T, StoreError>) -> Result<T, Problem> {
        let stopped = || Problem::later(&problem::UNAVAILABLE, "the node is stopping");
        ask(&*self.store.upgrade().ok_or_else(stopped)?).map_err(|error| serving::store_failed(&error))
    }

    /// How far reactions have come with the events of partition `source`, for targets in `target`. Blocks.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn reacted(&self, target: u16, source: u16) -> Result<Option<Head>, Problem> {
        self.with_store(|store| store.reacted(target, source))
    }

    /// Notes that reactions have come to `head` of partition `source`, for targets in each of `targets`. Blocks.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub fn note_reacted(&self, targets: &BTreeSet<u16>, source: u16, head: Head) -> Result<(), Problem> {
        self.with_store(|store| store.note_reacted(targets, source, head))
    }

    /// What is owed to `to` in `partition`, as its store has it: at most `most`, from the first or behind `after`. Blocks.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn owed(
        &self,
        partition: u16,
        to: EntityId,
        after: Option<EntityKey>,
        most: usize,
    ) -> Result<Vec<(EntityKey, Owed)>, Problem> {
        self.with_store(|store| store.owed(partition, to, after, most))
    }
}

/// The walk behind `head` of `partition`, if the log holds that record. Blocks.
///
/// # Errors
/// Where the log cannot be read.
pub fn walk_behind(log: &dyn Log, partition: u16, head: Head) -> Result<Option<Walk>, Problem> {
    open::resume(log, partition, head).map_err(|error| Problem::later(&problem::UNAVAILABLE, error.to_string()))
}

/// Lets the log go on where the store knows it to have been.
pub(super) fn resume(log: &dyn Log, store: &EntityStore, partitions: u16) -> Result<(), StartError> {
    (0..partitions).try_for_each(|partition| Ok(log.resume(partition, store.bookmark(partition)?.as_deref())?))
}
