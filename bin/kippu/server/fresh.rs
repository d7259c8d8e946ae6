//! A view that authentication goes by. Nobody is let in by what it said before the node was started, nor while it is not kept
//! up to date; who is younger than it is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kippu_actors::problem::{self, Problem};
use kippu_events::EntityId;
use kippu_events::log::{Log, Position};
use kippu_projections::queries::Moment;
use kippu_projections::{Queries, QueryError};

use crate::node::Node;

/// How long a genuine token that is not known yet waits for the view, before it is told to come back.
const KNOWN_WAIT: Duration = Duration::from_secs(2);

/// See the module.
pub(crate) struct Fresh {
    view: &'static str,
    /// What is checked by it, in the plural.
    what: &'static str,
    queries: Queries,
    log: Arc<dyn Log>,
    /// Whether the view has reflected what was durable when the node started. Before that it may be an old one, in which
    /// what has ended goes on.
    trusted: AtomicBool,
}

impl Fresh {
    /// The view `view` of `node`, by which `what` are checked.
    pub(crate) fn new(node: &Node, view: &'static str, what: &'static str) -> Self {
        let (queries, log) = (node.queries.clone(), Arc::clone(&node.log));
        Self { view, what, queries, log, trusted: AtomicBool::new(false) }
    }

    /// Whether what the view says of the entity `id` may be gone by. MUST be asked before its row is read.
    ///
    /// # Errors
    /// 503 where it may not.
    pub(crate) async fn check(&self, id: EntityId) -> Result<(), Problem> {
        self.queries.may_go_by_of(self.view, id).map_err(|error| self.untold(&error))?;
        if !self.trusted.load(Ordering::Acquire) {
            self.queries.caught_up_in(self.view, KNOWN_WAIT).await.map_err(|error| self.untold(&error))?;
            self.trusted.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Waits until the view reflects everything about the entity `id` that was durable when this was called.
    ///
    /// # Errors
    /// 503 where that takes too long.
    pub(crate) async fn catch_up(&self, id: EntityId) -> Result<(), Problem> {
        let (log, partition) = (Arc::clone(&self.log), id.slot().partition(self.log.partitions()));
        // Somebody else may have to be asked.
        let asked = tokio::task::spawn_blocking(move || log.end(partition));
        let not_told = |reason: &dyn std::fmt::Display| {
            tracing::warn!(%reason, "the log does not say where it ends");
            self.later()
        };
        let end = asked.await.map_err(|error| not_told(&error))?.map_err(|error| not_told(&error))?;
        let read = self.queries.wait_until_read(self.view, &[(partition, end)], KNOWN_WAIT).await;
        read.map_err(|error| self.untold(&error))
    }

    /// Waits until the view reflects the record at `position`: what it ended is refused from then on.
    ///
    /// # Errors
    /// 503 where that takes too long.
    pub(crate) async fn reflect(&self, position: Position) -> Result<(), Problem> {
        self.queries.reach(self.view, &Moment::Position(position), KNOWN_WAIT).await.map_err(|error| {
            tracing::warn!(%error, view = self.view, "authentication does not know of a change");
            let detail = format!(
                "it was done, but {} are still checked by what was before; ask again with the same key",
                self.what
            );
            Problem::later(&problem::UNKNOWN_OUTCOME, detail)
        })
    }

    /// Whether a token counts cannot be told now. The reason is the operator's business.
    pub(crate) fn untold(&self, error: &QueryError) -> Problem {
        tracing::warn!(%error, view = self.view, "a view of authentication does not answer");
        self.later()
    }

    fn later(&self) -> Problem {
        Problem::later(&problem::UNAVAILABLE, format!("{} cannot be checked now", self.what))
    }
}
