//! Ending a history here, by the node that serves it: each partition's own writer writes the last record.

use kippu_events::log::AppendError;

use super::partition::SealUp;
use super::{Phase, Runtime};

/// Why a partition was not sealed. Where another node serves one, or none does, none is; otherwise those before it are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("partition {partition} is not sealed: {reason}")]
pub struct NotSealed {
    /// Which.
    pub partition: u16,
    /// Why.
    pub reason: String,
}

impl Runtime {
    /// Ends every partition here; the history goes on at `next`. When this returns, the seals are durable and nothing is
    /// decided any more. Once more with the same `next`, nothing is done.
    ///
    /// # Errors
    /// [`NotSealed`], where another node serves a partition, or none does, or it goes on elsewhere already.
    pub async fn seal(&self, next: &str) -> Result<(), NotSealed> {
        // A seal is for ever: one partition that is not served here leaves all others as they are.
        for (partition, phase) in (0..).zip(self.phases()) {
            let not_sealed = |reason: &str| Err(NotSealed { partition, reason: reason.to_owned() });
            match phase {
                Phase::Serving { .. } => {}
                Phase::Moved { next: there } if there == next => {}
                Phase::Moved { next } => return not_sealed(&AppendError::Sealed { next }.to_string()),
                Phase::Standby { .. } | Phase::Warming => {
                    return not_sealed(
                        "several nodes serve the history, and this one does not serve all of it; nothing was sealed. \
                         `kippu log copy FROM TO --seal` seals all of it by claims of its own",
                    );
                }
                Phase::Opening => return not_sealed("it is being opened; nothing was sealed, try again"),
                Phase::Halted(reason) => return not_sealed(&format!("nothing was sealed, it is halted: {reason}")),
            }
        }
        for (partition, actor) in (0..).zip(&*self.partitions) {
            let not_sealed = |reason: String| NotSealed { partition, reason };
            match actor.send(SealUp(next.to_owned())).await {
                Ok(Ok(())) => {}
                Ok(Err(error @ (AppendError::Sealed { .. } | AppendError::Unavailable(_)))) => {
                    return Err(not_sealed(error.to_string()));
                }
                Ok(Err(error)) => return Err(not_sealed(format!("the log did not take the seal: {error}"))),
                Err(_) => return Err(not_sealed("the node is stopping".to_owned())),
            }
        }
        for (partition, phase) in (0..).zip(&*self.phases) {
            let mut phase = phase.clone();
            let ended = phase.wait_for(|phase| !matches!(phase, Phase::Serving { .. })).await;
            let not_sealed = |reason: &str| Err(NotSealed { partition, reason: reason.to_owned() });
            match ended.as_deref() {
                Ok(Phase::Moved { .. }) => {}
                Ok(Phase::Halted(reason)) => return not_sealed(reason),
                Ok(_) => return not_sealed("it was taken over meanwhile"),
                Err(_) => return not_sealed("the node is stopping"),
            }
        }
        Ok(())
    }
}
