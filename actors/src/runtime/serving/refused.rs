//! What callers are told where nothing was decided, or nothing written.

use kippu_events::EntityKey;
use kippu_events::log::AppendError;

use crate::problem::{self, Problem};
use crate::runtime::entity_store::StoreError;
use crate::runtime::release::Reply;

/// What everybody is told once the history goes on at `next`.
pub fn moved(next: &str) -> Problem {
    Problem::later(&problem::MOVED, format!("the history goes on at {next}"))
}

/// What the caller is told of an entity whose rules have panicked.
pub(super) fn set_aside(key: EntityKey) -> Problem {
    Problem::new(&problem::QUARANTINED, format!("{key} is set aside"))
}

/// What the caller is told of an append that was not handed over.
pub fn not_appended(error: &AppendError) -> Problem {
    match error {
        AppendError::TooLarge { .. } => Problem::new(&problem::TOO_LARGE, error.to_string()),
        AppendError::NoSpace { .. } => Problem::later(&problem::INSUFFICIENT_STORAGE, error.to_string()),
        AppendError::Unavailable(_) | AppendError::Conflict { .. } | AppendError::Deposed { .. } => {
            Problem::later(&problem::UNAVAILABLE, error.to_string())
        }
        AppendError::Sealed { next } => moved(next),
        AppendError::Unknown(_) => Problem::later(&problem::UNKNOWN_OUTCOME, error.to_string()),
    }
}

/// Answers, without waiting for anything.
pub(super) fn tell(reply: Option<Reply>, problem: Problem) {
    if let Some(reply) = reply {
        // A caller that has gone away needs no answer.
        drop(reply.send(Err(problem)));
    }
}

/// What the caller is told of an entity store that failed.
pub fn store_failed(error: &StoreError) -> Problem {
    tracing::error!(%error, "the entity store failed");
    Problem::later(&problem::UNAVAILABLE, "the entity could not be read")
}
