//! The runtime: one actix actor per partition.

use kippu_events::EntityKey;
use kippu_events::event::Mac;
use kippu_events::log::Position;

use crate::actor::{Answer, Caller};
use crate::erased::Ready;
use crate::problem::Problem;

/// A command on its way to its entity.
pub struct Submission {
    /// The entity and what it is asked.
    pub ready: Ready,
    /// Identity of the command.
    pub command: Mac,
    /// Who asks.
    pub caller: Caller,
    /// Decided on this version.
    pub if_match: Option<u64>,
}

/// What became of a command, durably.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the caller is told.
    pub answer: Answer,
    /// The entity that decided.
    pub entity: EntityKey,
    /// Its version after that.
    pub version: u64,
    /// The record that holds it.
    pub position: Position,
    /// Whether this repeats an earlier answer.
    pub replayed: bool,
}

/// The running partitions. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {}

impl Runtime {
    /// Submits a command and waits for its durable answer.
    ///
    /// # Errors
    /// Why it was not done.
    #[allow(clippy::todo, clippy::unused_async)]
    pub async fn submit(&self, _submission: Submission) -> Result<Outcome, Problem> {
        todo!()
    }
}
