//! The share of the partitions that this node serves, where several nodes share them.
//!
//! A node joins the others once it can tell which API keys count. Before that it could answer no command, and so would
//! only keep partitions from nodes that can.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kippu_actors::runtime::Runtime;
use kippu_events::log::kafka::{Membership, OpenError, Owner};
use kippu_projections::{Queries, QueryError};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// How long partitions that go to other nodes may take to answer what is under way. Who takes them over claims them
/// anyway, and then nothing more is answered here.
const DRAIN: Duration = Duration::from_secs(4);
/// How long a node that stops waits until others take its partitions: somewhat longer.
const HAND_OVER: Duration = Duration::from_secs(6);
/// How often a node says that it still waits for its API keys.
const SAY_AGAIN: Duration = Duration::from_secs(5);

/// See the module. The node leaves the others when this is dropped.
pub(crate) struct Share {
    expelled: watch::Receiver<Option<String>>,
    held: watch::Receiver<BTreeSet<u16>>,
    troubled: watch::Receiver<Option<String>>,
    state: Arc<GroupState>,
    joining: AbortHandle,
}

/// How this node state with the others.
#[derive(Default)]
struct GroupState(Mutex<GroupMembership>);

#[derive(Default)]
enum GroupMembership {
    /// It joins them once it knows its API keys.
    #[default]
    Waiting,
    /// It is one of them.
    Member(Membership),
    /// It is none of them, and will not be.
    Out,
}

struct Told {
    runtime: Runtime,
    /// Where waiting is done: the group's thread is not one of the runtime's.
    handle: Handle,
    expelled: watch::Sender<Option<String>>,
    /// The partitions that this node is to serve.
    held: watch::Sender<BTreeSet<u16>>,
    /// Why the others do not let this node in, while they do not.
    troubled: watch::Sender<Option<String>>,
}

impl Share {
    /// Has the node whose partitions are `runtime` join the others by `join`, as soon as `queries` tell which API keys
    /// count. A node that cannot join is expelled. MUST be called on a tokio runtime.
    pub(crate) fn once_keys_are_known(
        queries: Queries,
        runtime: &Runtime,
        join: impl FnOnce(Arc<dyn Owner>) -> Result<Membership, OpenError> + Send + 'static,
    ) -> Self {
        let told = Told::new(runtime);
        let (expelled, held) = (told.expelled.subscribe(), told.held.subscribe());
        let troubled = told.troubled.subscribe();
        let state = Arc::<GroupState>::default();
        let its = Arc::clone(&state);
        let joining = tokio::spawn(async move {
            match keys_known(&queries).await {
                // The brokers may take their time, and whoever waits on this thread has nothing to do with them.
                Ok(()) => drop(tokio::task::spawn_blocking(move || its.join(told, join))),
                Err(error) => tracing::error!(%error, "this node cannot check API keys: it takes no partitions"),
            }
        });
        Self { expelled, held, troubled, state, joining: joining.abort_handle() }
    }

    /// Hands the partitions over to other nodes, as long as there are any, and serves them until then.
    pub(crate) async fn leave(&self) {
        if self.expelled.borrow().is_some() || !self.state.leave() {
            return;
        }
        let mut held = self.held.clone();
        if tokio::time::timeout(HAND_OVER, held.wait_for(BTreeSet::is_empty)).await.is_err() {
            tracing::warn!("the group of the log's nodes does not take the partitions: they are left as they are");
        }
    }

    /// Why the other nodes do not let this one in, or not any more, while that is so.
    pub(crate) fn troubled(&self) -> Option<String> {
        self.expelled.borrow().clone().or_else(|| self.troubled.borrow().clone())
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

impl Drop for Share {
    fn drop(&mut self) {
        self.joining.abort();
        // Outside the lock: its thread may have something to tell before it ends.
        let before = std::mem::replace(&mut *self.state.lock(), GroupMembership::Out);
        drop(before);
    }
}

impl GroupState {
    fn lock(&self) -> MutexGuard<'_, GroupMembership> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins, unless the node is on its way out by then.
    fn join(&self, told: Told, join: impl FnOnce(Arc<dyn Owner>) -> Result<Membership, OpenError>) {
        if !matches!(*self.lock(), GroupMembership::Waiting) {
            return;
        }
        let expelled = told.expelled.clone();
        // Outside the lock: the brokers may take their time, and the node may be told to leave meanwhile.
        let joined = join(Arc::new(told));
        let mut stand = self.lock();
        let too_late = match joined {
            joined if !matches!(*stand, GroupMembership::Waiting) => Some(joined),
            Ok(membership) => {
                *stand = GroupMembership::Member(membership);
                None
            }
            Err(error) => {
                *stand = GroupMembership::Out;
                expelled.send_replace(Some(error.to_string()));
                None
            }
        };
        drop(stand);
        drop(too_late);
    }

    /// Whether there are others who are to take what this node holds.
    fn leave(&self) -> bool {
        let mut stand = self.lock();
        match &*stand {
            GroupMembership::Member(membership) => {
                membership.leave();
                true
            }
            GroupMembership::Waiting | GroupMembership::Out => {
                *stand = GroupMembership::Out;
                false
            }
        }
    }
}

/// Waits until `queries` tell which API keys count, and says so where that takes long.
async fn keys_known(queries: &Queries) -> Result<(), QueryError> {
    loop {
        match queries.caught_up_in("clients", SAY_AGAIN).await {
            Ok(()) => return Ok(()),
            Err(error @ (QueryError::Stopped | QueryError::Store(_))) => return Err(error),
            Err(error) => tracing::warn!(%error, "this node takes no partitions until it knows its API keys"),
        }
    }
}

impl Told {
    fn new(runtime: &Runtime) -> Self {
        let (expelled, held, troubled) = (watch::Sender::default(), watch::Sender::default(), watch::Sender::default());
        Self { runtime: runtime.clone(), handle: Handle::current(), expelled, held, troubled }
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

    fn troubled(&self, reason: Option<&str>) {
        self.troubled.send_replace(reason.map(str::to_owned));
    }

    fn expelled(&self, reason: &str) {
        // Others are told to serve them by now. A partition that is still held would be claimed again in a while.
        let held: Vec<u16> = self.held.borrow().iter().copied().collect();
        if !held.is_empty() {
            self.revoked(&held);
        }
        self.expelled.send_replace(Some(reason.to_owned()));
    }
}
