//! The share of the partitions that this node serves, where several nodes share them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kippu_actors::runtime::Runtime;
use kippu_events::log::kafka::{KafkaLog, Membership, OpenError, Owner};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How long partitions that go to other nodes may take to answer what is under way. Who takes them over claims them
/// anyway, and then nothing more is answered here.
const DRAIN: Duration = Duration::from_secs(4);
/// How long a node that stops waits until others take its partitions: somewhat longer.
const HAND_OVER: Duration = Duration::from_secs(6);

/// See the module. The node leaves the others when this is dropped.
pub(crate) struct Share {
    expelled: watch::Receiver<Option<String>>,
    held: watch::Receiver<BTreeSet<u16>>,
    membership: Membership,
}

struct Told {
    runtime: Runtime,
    /// Where waiting is done: the group's thread is not one of the runtime's.
    handle: Handle,
    expelled: watch::Sender<Option<String>>,
    /// The partitions that this node is to serve.
    held: watch::Sender<BTreeSet<u16>>,
}

impl Share {
    /// Joins the other nodes of `log` as `name`. MUST be called on a tokio runtime.
    pub(crate) fn join(log: &KafkaLog, name: &str, runtime: &Runtime) -> Result<Self, OpenError> {
        let (told_expelled, expelled) = watch::channel(None);
        let (told_held, held) = watch::channel(BTreeSet::new());
        let told =
            Told { runtime: runtime.clone(), handle: Handle::current(), expelled: told_expelled, held: told_held };
        let membership = log.join(name, Arc::new(told))?;
        Ok(Self { expelled, held, membership })
    }

    /// Hands the partitions over to other nodes, as long as there are any, and serves them until then.
    pub(crate) async fn leave(&self) {
        if self.expelled.borrow().is_some() {
            return;
        }
        self.membership.leave();
        let mut held = self.held.clone();
        if tokio::time::timeout(HAND_OVER, held.wait_for(BTreeSet::is_empty)).await.is_err() {
            tracing::warn!("the group of the log's nodes does not take the partitions: they are left as they are");
        }
    }

    /// Waits until this node is out for good; gives the reason.
    pub(crate) async fn expelled(&self) -> String {
        let mut expelled = self.expelled.clone();
        let reason = expelled.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        match reason {
            Some(reason) => reason,
            // Nobody can tell any more: the node is stopping.
            None => std::future::pending().await,
        }
    }
}

impl Owner for Told {
    fn assigned(&self, partitions: &[u16]) {
        tracing::info!(?partitions, "partitions come to this node");
        self.runtime.assign(partitions);
        self.held.send_modify(|held| held.extend(partitions));
    }

    fn revoked(&self, partitions: &[u16]) {
        tracing::info!(?partitions, "partitions leave this node");
        let drained = async { tokio::time::timeout(DRAIN, self.runtime.revoke(partitions)).await };
        if self.handle.block_on(drained).is_err() {
            tracing::warn!(?partitions, "partitions leave this node with answers under way");
        }
        self.held.send_modify(|held| held.retain(|partition| !partitions.contains(partition)));
    }

    fn expelled(&self, reason: &str) {
        self.expelled.send_replace(Some(reason.to_owned()));
    }
}
