//! Ending a history here, by the node that serves it: each partition's own writer writes the last record.

use kippu_events::log::AppendError;

use super::partition::SealUp;
use super::serving::not_appended;
use super::{Phase, Runtime};
use crate::problem::{Problem, ProblemType};

/// Why a partition was not sealed. Where another node serves one, or none does, none is; otherwise those before it are.
#[derive(Debug, thiserror::Error)]
#[error("partition {partition} is not sealed: {reason}")]
pub struct NotSealed {
    /// Which.
    pub partition: u16,
    /// Why.
    pub reason: String,
    kind: &'static ProblemType,
}

impl NotSealed {
    fn new(partition: u16, error: AppendError) -> Self {
        let kind = not_appended(&error).kind;
        let reason = match error {
            AppendError::Unavailable(reason) => reason,
            error => error.to_string(),
        };
        Self { partition, reason, kind }
    }
}

impl From<NotSealed> for Problem {
    fn from(not_sealed: NotSealed) -> Self {
        Self::later(not_sealed.kind, not_sealed.to_string())
    }
}

impl Runtime {
    /// Ends every partition here; the history goes on at `next`. When this returns, the seals are durable and nothing is
    /// decided any more. Once more with the same `next`, nothing is done.
    ///
    /// # Errors
    /// [`NotSealed`], where another node serves a partition, or none does, or it goes on at another place already.
    pub async fn seal(&self, next: &str) -> Result<(), NotSealed> {
        // A seal is for ever: one partition that is not served here leaves all others as they are.
        for (partition, phase) in (0..).zip(self.phases()) {
            let not_sealed = |error| Err(NotSealed::new(partition, error));
            let unavailable = |reason: &str| not_sealed(AppendError::Unavailable(reason.to_owned()));
            match phase {
                Phase::Serving { .. } => {}
                Phase::Moved { next: there } if there == next => {}
                Phase::Moved { next } => return not_sealed(AppendError::Sealed { next }),
                Phase::Standby { .. } | Phase::Warming => {
                    return unavailable(
                        "several nodes serve the history, and this one does not serve all of it; nothing was sealed. \
                         `kippu log copy FROM TO --seal` seals all of it by claims of its own",
                    );
                }
                Phase::Opening => return unavailable("it is being opened; nothing was sealed, try again"),
                Phase::Halted(reason) => return unavailable(&format!("nothing was sealed, it is halted: {reason}")),
            }
        }
        for (partition, actor) in (0..).zip(&*self.partitions) {
            let told = actor.send(SealUp(next.to_owned())).await;
            told.unwrap_or_else(|_| Err(stopping())).map_err(|error| NotSealed::new(partition, error))?;
        }
        for (partition, phase) in (0..).zip(&*self.phases) {
            let mut phase = phase.clone();
            let ended = phase.wait_for(|phase| !matches!(phase, Phase::Serving { .. })).await;
            let error = match ended.as_deref() {
                Ok(Phase::Moved { next: there }) if there == next => continue,
                Ok(Phase::Moved { next }) => AppendError::Sealed { next: next.clone() },
                Ok(Phase::Halted(reason)) => AppendError::Unavailable(reason.clone()),
                Ok(_) => AppendError::Unavailable("it was taken over meanwhile".to_owned()),
                Err(_) => stopping(),
            };
            return Err(NotSealed::new(partition, error));
        }
        Ok(())
    }
}

fn stopping() -> AppendError {
    AppendError::Unavailable("the node is stopping".to_owned())
}
