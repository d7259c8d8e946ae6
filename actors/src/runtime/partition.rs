//! The actix actor of one partition: opens it, feeds it one message at a time, and does on a blocking pool what may wait.
//!
//! ```text
//!            assign            claimed              deposed, revoked and drained
//!  standby ─────────▶ opening ─────────▶ serving ──────────────────────────────▶ standby
//! ```
//!
//! Who is told to serve claims once. Whose writer another has deposed stands by: where that other is the rightful one,
//! this node is about to be told so. It claims again when it is told to serve anew, or when nobody has told it anything
//! for longer than that can take. So two nodes do not fight for a partition, and none is left without one.

mod assignment;
mod messages;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use kippu_events::EntityKey;
use kippu_events::log::{AppendError, Claimant, Log};
use tokio::sync::{mpsc, oneshot, watch};

pub use self::messages::{AskFigures, SealUp, Tell};

use super::Phase;
use super::clock::Drift;
use super::entity_store::EntityStore;
use super::recall::recall;
use super::serving::{Effect, Environment, PeekReply, Serving};
use crate::activity::Owed;

/// Commands that may wait for a partition's attention; more are told to come back.
pub const MAILBOX: usize = 4_096;
/// How often deadlines are looked for, and the longest that the entity store lags behind a quiet partition.
const TICK: Duration = Duration::from_millis(500);

/// So many ticks a node that was deposed waits to be told that it is not to serve. Longer than a group of nodes needs to
/// notice that one of them is gone, or that one to notice it itself.
pub const RECLAIM_AFTER: u32 = 16;

/// Work on the blocking pool did not come back. The panic hook has logged where.
struct Panicked;

fn panicked() -> AppendError {
    AppendError::Unknown("a defect was met".to_owned())
}

/// What all partitions stand on.
pub struct Shared {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The entity store.
    pub store: Arc<EntityStore>,
    /// Per partition, whether the store may be behind the log.
    pub behind: Arc<[AtomicBool]>,
    /// Who does what is owed, where somebody does.
    pub owed: Arc<OnceLock<mpsc::Sender<(EntityKey, Owed)>>>,
}

/// Who is to serve the partition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// Somebody else.
    Standby,
    /// This node.
    Owner,
    /// This node was told to, but another has claimed since; so many ticks it waits for word.
    Deposed(u32),
}

/// A partition's actor.
pub struct Partition {
    env: Arc<Environment>,
    shared: Shared,
    assignment: Assignment,
    claimant: Claimant,
    /// Counts claims, so that what was begun under one is not taken for the next one's.
    term: u64,
    /// The term whose batches may be written to the store; held while one is written. A batch of an ended term that
    /// came late would otherwise be folded a second time by the next.
    store_term: Arc<Mutex<u64>>,
    serving: Option<Serving>,
    /// Whether it is being opened, or the store brought up to the log.
    folding: bool,
    /// Whether the last claim was of no use, because what lies before it could not be read: it is read before the next.
    unread: bool,
    /// How far the clock has drifted under earlier claims: what has added up is for an operator to settle, not for the
    /// next claim.
    drift: Drift,
    phase: watch::Sender<Phase>,
    /// Lookups that wait until the store has what the log had when they came.
    waiting: Vec<(EntityKey, PeekReply)>,
    /// Dropped once nothing is served here any more.
    leaving: Option<oneshot::Sender<()>>,
    /// Dropped with the actor, after everything else: whoever holds the other end then knows that all of it is gone.
    stopping: Option<oneshot::Sender<()>>,
}

impl Partition {
    /// An actor that opens its partition once it is started, and tells its phase to `phase`.
    pub fn new(
        env: Arc<Environment>,
        shared: Shared,
        claimant: Claimant,
        assignment: Assignment,
        phase: watch::Sender<Phase>,
    ) -> Self {
        let drift = Drift::new(&*env.clock);
        Self {
            env,
            shared,
            assignment,
            claimant,
            term: 0,
            store_term: Arc::default(),
            serving: None,
            folding: false,
            unread: false,
            drift,
            phase,
            waiting: Vec::new(),
            leaving: None,
            stopping: None,
        }
    }

    /// Runs `work` where it may block, and then `after` here.
    fn on_blocking_pool<T: Send + 'static>(
        &self,
        ctx: &mut Context<Self>,
        work: impl FnOnce() -> T + Send + 'static,
        after: impl FnOnce(&mut Self, &mut Context<Self>, Result<T, Panicked>) + 'static,
    ) {
        let work = actix::fut::wrap_future::<_, Self>(tokio::task::spawn_blocking(work));
        ctx.spawn(work.map(move |done, this, ctx| after(this, ctx, done.map_err(|_| Panicked))));
    }

    /// As [`Partition::on_blocking_pool`], for the claim that is being served now and no other.
    fn for_serving<T: Send + 'static>(
        &self,
        ctx: &mut Context<Self>,
        work: impl FnOnce() -> T + Send + 'static,
        after: impl FnOnce(&mut Serving, T) + 'static,
    ) {
        let term = self.term;
        self.on_blocking_pool(ctx, work, move |this, ctx, done| {
            if term == this.term {
                this.with_serving(ctx, |serving| {
                    // A claim that lost a part of itself must not go on.
                    done.map(|done| after(serving, done)).map_err(|Panicked| panicked())
                });
            }
        });
    }

    /// Acts on the claim that is being served, and does on the blocking pool what comes of it. An error, or a panic, ends the
    /// claim: memory may be ahead of or behind the log then.
    fn with_serving(&mut self, ctx: &mut Context<Self>, act: impl FnOnce(&mut Serving) -> Result<(), AppendError>) {
        let Some(serving) = &mut self.serving else { return };
        let acted = catch_unwind(AssertUnwindSafe(|| act(serving))).unwrap_or_else(|_| Err(panicked()));
        if let Err(error) = acted {
            return self.end(&error, ctx);
        }
        for effect in serving.effects() {
            self.perform(effect, ctx);
        }
        self.leave_if_idle(ctx);
    }

    fn perform(&self, effect: Effect, ctx: &mut Context<Self>) {
        let (store, partition) = (Arc::clone(&self.shared.store), self.env.partition);
        match effect {
            Effect::Fetch(key) => {
                let fetch = move || store.load(partition, key);
                self.for_serving(ctx, fetch, move |serving, found| serving.fetched(key, found));
            }
            Effect::LookUp(job) => {
                let (key, command) = (job.submission.ready.entity, job.submission.command);
                self.for_serving(
                    ctx,
                    move || (store.load_done(partition, key, command), job),
                    |serving, (found, job)| serving.looked_up(job, found),
                );
            }
            Effect::Recall(key, done, reply) => {
                let (log, env) = (Arc::clone(&self.shared.log), Arc::clone(&self.env));
                // A panic drops the reply, which its caller is told; the claim has no part in it.
                self.on_blocking_pool(ctx, move || recall(&*log, &env, key, done, reply), |_, _, _| {});
            }
            Effect::Flush(batch) => {
                let (term, store_term) = (self.term, Arc::clone(&self.store_term));
                let log = Arc::clone(&self.shared.log);
                let write = move || {
                    let bookmark = log.bookmark(partition);
                    let current = store_term.lock().unwrap_or_else(PoisonError::into_inner);
                    let written = if *current == term { store.write(&batch, bookmark.as_deref()) } else { Ok(()) };
                    drop(current);
                    (batch, written)
                };
                self.for_serving(ctx, write, |serving, (batch, written)| serving.flushed(batch, written));
            }
            Effect::Owe(key, owed) => {
                if let Some(owing) = self.shared.owed.get() {
                    // What there is no room for now is found in the index later.
                    let _no_room = owing.try_send((key, owed));
                }
            }
            Effect::Due(from, now) => {
                self.for_serving(ctx, move || store.due(partition, from, now), |serving, found| serving.due(found));
            }
        }
    }
}

impl Actor for Partition {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.open(ctx);
        self.warm(ctx);
        // One after the other: what all of them did at the same time would hold up the commands of all of them.
        let share = TICK / u32::from(self.shared.log.partitions().max(1));
        ctx.run_later(share * u32::from(self.env.partition), |_, ctx| {
            ctx.run_interval(TICK, |_, ctx| ctx.notify(Tell::Tick));
        });
    }
}
