//! The runtime: one actix actor per partition, which owns the partition's writer and its entities of all families.
//!
//! ```text
//! submit ─▶ mailbox ─▶ find entity ─▶ done before? ─▶ decide ─▶ record ─▶ log
//!                        │ fetch           │ repeat      │ refuse     │ evolve at once
//!                        ▼                 ▼             ▼            ▼
//!                    entity store        log        released in order, once durable and owned
//! ```

mod chain;
pub mod clock;
mod entity_cache;
mod entity_store;
mod index;
mod loaded_entity;
mod open;
mod partition;
mod peek;
mod recall;
mod release;
mod seal;
mod serving;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use actix::prelude::*;
use kippu_events::etag::Tags;
use kippu_events::event::{EventId, Mac};
use kippu_events::log::{Claimant, Log, Position, ReadError};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityKey, Time};
use tokio::sync::{mpsc, oneshot, watch};

use self::clock::{Clock, MOST_DRIFT};
use self::entity_store::EntityStore;
pub use self::entity_store::{Kept, StoreError, StoredEntities};
use self::index::resume;
pub use self::index::walk_behind;
use self::partition::{AskFigures, Assignment, Partition, Shared, Tell};
pub use self::seal::NotSealed;
use self::serving::Environment;
pub use self::serving::Figures;
use crate::activity::Owed;
use crate::actor::Answer;
use crate::erased::Ready;
use crate::problem::{self, Problem};
use kippu_events::access::Caller;

/// A command on its way to its entity.
pub struct Submission {
    /// The entity and what it is asked.
    pub ready: Ready,
    /// Identity of the command.
    pub command: Mac,
    /// Who asks.
    pub caller: Caller,
    /// Decided on one of these versions.
    pub if_match: Option<Tags>,
    /// The event that a reaction answers with it.
    pub causation: Option<EventId>,
    /// The first command of the flow that it belongs to.
    pub correlation: Option<Mac>,
}

impl Submission {
    /// A command by itself, decided on any version.
    #[must_use]
    pub const fn new(ready: Ready, command: Mac, caller: Caller) -> Self {
        Self { ready, command, caller, if_match: None, causation: None, correlation: None }
    }
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

/// How the runtime is set up.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// The node's name, as its claims say it.
    pub node: String,
    /// Where it answers.
    pub url: String,
    /// Folder of the entity store; a cache.
    pub entities: PathBuf,
    /// Entities of all partitions that may stay in memory.
    pub most_loaded: usize,
    /// Threads that partitions are spread over.
    pub threads: usize,
    /// Serve although the log is ahead of the wall clock.
    pub accept_clock: bool,
    /// Which partitions it serves.
    pub serves: Serves,
}

/// Which partitions a runtime serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// All of them, from the start.
    All,
    /// Those that it is told to, by [`Runtime::assign`] and [`Runtime::revoke`]. It stands by for the rest.
    Assigned,
}

impl RuntimeConfig {
    /// A million entities, and a thread per core.
    #[must_use]
    pub fn new(entities: PathBuf) -> Self {
        Self {
            node: "node".to_owned(),
            url: String::new(),
            entities,
            most_loaded: 1_000_000,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            accept_clock: false,
            serves: Serves::All,
        }
    }
}

/// What a partition is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Folds what it has missed, to stand by.
    Warming,
    /// Another node is to serve it; its entities are kept ready here.
    Standby {
        /// The time of the last record that was folded.
        last: Time,
    },
    /// Claims and folds.
    Opening,
    /// Takes commands.
    Serving {
        /// The time of its last record when it was opened.
        last: Time,
    },
    /// Takes none: the history goes on at another place.
    Moved {
        /// Where.
        next: String,
    },
    /// Takes none, for this reason.
    Halted(String),
}

impl Phase {
    /// Whether the partition is on its way to another phase.
    const fn is_beginning(&self) -> bool {
        matches!(self, Self::Warming | Self::Opening)
    }
}

/// Who is to be asked for what lies in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// This node, which serves it, or says why nobody does.
    Here,
    /// This node, in a moment.
    Coming,
    /// Another node.
    OtherNode,
}

/// Why the runtime did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The entity store does not open.
    #[error(transparent)]
    EntityStore(#[from] StoreError),
    /// The log does not say where it ends.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// Resuming the log panicked.
    #[error("a defect was met in resuming the log")]
    Defect,
    /// The log is ahead of the wall clock.
    #[error(
        "the log's last record is of {last}, but the clock says {wall}: set the clock right, or serve with --accept-clock"
    )]
    Clock {
        /// The time of the last record.
        last: Time,
        /// The wall clock.
        wall: Time,
    },
}

/// The running partitions. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    partitions: Arc<[Addr<Partition>]>,
    phases: Arc<[watch::Receiver<Phase>]>,
    /// Open for as long as a partition is there.
    store: Weak<EntityStore>,
    owed: Arc<OnceLock<mpsc::Sender<(EntityKey, Owed)>>>,
}

impl Runtime {
    /// Starts an actor per partition of `log`, and waits until each serves, or stands by, or has said why not. MUST be
    /// called on an actix system.
    ///
    /// # Errors
    /// Why nothing can be served.
    pub async fn start(
        config: RuntimeConfig,
        log: Arc<dyn Log>,
        secrets: Arc<Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let count = log.partitions();
        let store = EntityStore::open(&config.entities, log.id(), count)?;
        let (its, from) = (Arc::clone(&log), Arc::clone(&store));
        tokio::task::spawn_blocking(move || resume(&*its, &from, count)).await.map_err(|_| StartError::Defect)??;
        let behind: Arc<[AtomicBool]> = (0..count).map(|_| AtomicBool::new(true)).collect();
        let told = Arc::clone(&behind);
        let owed = Arc::default();
        log.watch(Arc::new(move |partition| {
            if let Some(behind) = told.get(usize::from(partition)) {
                behind.store(true, Ordering::Release);
            }
        }));
        let (first, phase) = match config.serves {
            Serves::All => (Assignment::Owner, Phase::Opening),
            Serves::Assigned => (Assignment::Standby, Phase::Warming),
        };
        let arbiters: Vec<Arbiter> = (0..config.threads.clamp(1, usize::from(count))).map(|_| Arbiter::new()).collect();
        let mut partitions = Vec::with_capacity(usize::from(count));
        let mut phases = Vec::with_capacity(usize::from(count));
        for (partition, arbiter) in (0..count).zip(arbiters.iter().cycle()) {
            let env = Arc::new(Environment {
                log: log.id(),
                partition,
                secrets: Arc::clone(&secrets),
                clock: Arc::clone(&clock),
                most_loaded: config.most_loaded / usize::from(count),
            });
            let claimant = Claimant { node: config.node.clone(), url: config.url.clone() };
            let (tell_phase, phase) = watch::channel(phase.clone());
            let shared = Shared {
                log: Arc::clone(&log),
                store: Arc::clone(&store),
                behind: Arc::clone(&behind),
                owed: Arc::clone(&owed),
            };
            let actor = Partition::new(env, shared, claimant, first, tell_phase);
            partitions.push(Partition::start_in_arbiter(&arbiter.handle(), |_| actor));
            phases.push(phase);
        }
        for phase in &mut phases {
            // An error means that the actor is gone, which the phase then says.
            let _gone = phase.wait_for(|phase| !phase.is_beginning()).await;
        }
        let runtime =
            Self { partitions: partitions.into(), phases: phases.into(), store: Arc::downgrade(&store), owed };
        let (last, wall) = (runtime.newest(), clock.wall());
        if last.since(wall) > MOST_DRIFT && !config.accept_clock {
            runtime.stop().await;
            return Err(StartError::Clock { last, wall });
        }
        Ok(runtime)
    }

    /// Serves `partitions` from now on.
    pub fn assign(&self, partitions: &[u16]) {
        for partition in partitions.iter().filter_map(|partition| self.partitions.get(usize::from(*partition))) {
            partition.do_send(Tell::Assign);
        }
    }

    /// Serves `partitions` no longer: takes no more commands for them, and returns once those under way are answered.
    pub async fn revoke(&self, partitions: &[u16]) {
        let mut leaving = Vec::with_capacity(partitions.len());
        for partition in partitions.iter().filter_map(|partition| self.partitions.get(usize::from(*partition))) {
            let (left, wait) = oneshot::channel();
            partition.do_send(Tell::Revoke(left));
            leaving.push(wait);
        }
        for left in leaving {
            // Nothing is ever sent: the other end is dropped once the partition stands by.
            let _dropped = left.await;
        }
    }

    /// The partition of an entity.
    #[must_use]
    pub fn partition_of(&self, entity: EntityKey) -> u16 {
        // A log has at most 65,535 partitions.
        #[allow(clippy::cast_possible_truncation)]
        let count = self.partitions.len() as u16;
        entity.id.slot().partition(count)
    }

    /// Who is to be asked for what lies in `partition`.
    #[must_use]
    pub fn place_of(&self, partition: u16) -> Place {
        let Some(phase) = self.phases.get(usize::from(partition)) else { return Place::Here };
        match *phase.borrow() {
            Phase::Warming | Phase::Standby { .. } => Place::OtherNode,
            Phase::Opening => Place::Coming,
            Phase::Serving { .. } | Phase::Moved { .. } | Phase::Halted(_) => Place::Here,
        }
    }

    /// Submits a command and waits for its durable answer.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn submit(&self, submission: Submission) -> Result<Outcome, Problem> {
        let partition = self.partition_of(submission.ready.entity);
        let (reply, answer) = oneshot::channel();
        self.partitions[usize::from(partition)].try_send(Tell::Submit(submission, reply)).map_err(
            |error| match error {
                SendError::Full(_) => {
                    Problem::later(&problem::OVERLOADED, "the partition of this entity has too much to do")
                }
                SendError::Closed(_) => Problem::later(&problem::UNAVAILABLE, "the node is stopping"),
            },
        )?;
        answer.await.unwrap_or_else(|_| {
            Err(Problem::later(
                &problem::UNKNOWN_OUTCOME,
                "the node stopped before it answered; ask again with the same key",
            ))
        })
    }

    /// Looks for deadlines in every partition that is served now, and lets the store of every other follow.
    pub async fn tick(&self) {
        for partition in &*self.partitions {
            // A partition that is gone has no deadlines to look for.
            let _gone = partition.send(Tell::Tick).await;
        }
    }

    /// What each partition is doing.
    #[must_use]
    pub fn phases(&self) -> Vec<Phase> {
        self.phases.iter().map(|phase| phase.borrow().clone()).collect()
    }

    /// When the last record was written.
    fn newest(&self) -> Time {
        let last = |phase| match phase {
            Phase::Serving { last } | Phase::Standby { last } => last,
            Phase::Warming | Phase::Opening | Phase::Moved { .. } | Phase::Halted(_) => Time::default(),
        };
        self.phases().into_iter().map(last).max().unwrap_or_default()
    }

    /// Figures of each partition; none where it is not being served.
    pub async fn figures(&self) -> Vec<Option<Figures>> {
        let mut figures = Vec::with_capacity(self.partitions.len());
        for partition in &*self.partitions {
            figures.push(partition.send(AskFigures).await.ok().flatten());
        }
        figures
    }

    /// Takes no more commands, answers those under way, and stops every partition.
    pub async fn stop(&self) {
        let mut stopping = Vec::with_capacity(self.partitions.len());
        for partition in &*self.partitions {
            let (stopped, wait) = oneshot::channel();
            partition.do_send(Tell::Stop(stopped));
            stopping.push(wait);
        }
        for gone in stopping {
            // Nothing is ever sent: the other end is dropped with the actor.
            let _dropped = gone.await;
        }
    }
}
