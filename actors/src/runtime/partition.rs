//! The actix actor of one partition: opens it, feeds it one message at a time, and does elsewhere what may wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use kippu_events::event::{Recorded, read_body};
use kippu_events::log::{AppendError, Bound, Claimant, Content, Log, Position, Progress, Record};
use kippu_events::{EntityKey, Time};
use tokio::sync::{oneshot, watch};

use super::open::{OpenError, Opened, open};
use super::release::Reply;
use super::resident::{Done, Resident};
use super::serving::{Effect, Figures, Job, Serving, Surroundings};
use super::store::{Store, StoreError};
use super::{Outcome, Phase, Submission};
use crate::catalogue;
use crate::problem::{self, Problem};

/// Commands that may wait for a partition's attention; more are told to come back.
pub const MAILBOX: usize = 4_096;
/// How often deadlines are looked for, and the longest that the entity store lags behind a quiet partition.
const TICK: Duration = Duration::from_millis(500);
/// How long to wait before a partition that could not be opened is tried again.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// A partition's actor.
pub struct Partition {
    around: Arc<Surroundings>,
    log: Arc<dyn Log>,
    store: Arc<Store>,
    claimant: Claimant,
    /// Counts claims, so that what was begun under one is not taken for the next one's.
    term: u64,
    serving: Option<Serving>,
    phase: watch::Sender<Phase>,
    /// Dropped with the actor, after everything else: whoever holds the other end then knows that all of it is gone.
    stopping: Option<oneshot::Sender<()>>,
}

impl Partition {
    /// An actor that opens its partition once it is started, and tells its phase to `phase`.
    pub fn new(
        around: Arc<Surroundings>,
        log: Arc<dyn Log>,
        store: Arc<Store>,
        claimant: Claimant,
        phase: watch::Sender<Phase>,
    ) -> Self {
        Self { around, log, store, claimant, term: 0, serving: None, phase, stopping: None }
    }

    fn open(&mut self, ctx: &mut Context<Self>) {
        self.term += 1;
        let term = self.term;
        let told = ctx.address();
        let listener = Arc::new(move |progress| told.do_send(Told { term, progress }));
        let (log, store, claimant) = (Arc::clone(&self.log), Arc::clone(&self.store), self.claimant.clone());
        let partition = self.around.partition;
        let opening = move || open(&*log, &store, partition, &claimant, listener);
        self.elsewhere(ctx, opening, move |this, ctx, opened| {
            if term == this.term {
                this.opened(opened, ctx);
            }
        });
    }

    fn opened(&mut self, opened: Result<Opened, OpenError>, ctx: &mut Context<Self>) {
        match opened {
            Ok(opened) => {
                tracing::debug!(partition = self.around.partition, folded = opened.folded, "partition open");
                self.phase.send_replace(Phase::Serving { last: opened.last });
                self.serving = Some(Serving::new(Arc::clone(&self.around), opened));
            }
            Err(error) => {
                tracing::error!(partition = self.around.partition, %error, "partition does not open");
                self.phase.send_replace(Phase::Halted(error.to_string()));
                if error.is_passing() {
                    ctx.run_later(REOPEN_AFTER, |this, ctx| this.open(ctx));
                }
            }
        }
    }

    /// Ends this claim. What comes next is a new one, unless somebody else has taken over.
    fn end(&mut self, error: &AppendError, ctx: &mut Context<Self>) {
        tracing::error!(partition = self.around.partition, %error, "the writer has ended");
        if let Some(serving) = self.serving.take() {
            serving.fail();
        }
        self.phase.send_replace(Phase::Halted(error.to_string()));
        self.term += 1;
        match error {
            AppendError::Deposed { .. } | AppendError::Sealed { .. } => {}
            AppendError::Conflict { .. }
            | AppendError::Unavailable(_)
            | AppendError::NoSpace { .. }
            | AppendError::Unknown(_)
            | AppendError::TooLarge { .. } => {
                ctx.run_later(REOPEN_AFTER, |this, ctx| this.open(ctx));
            }
        }
    }

    /// Runs `work` where it may block, and then `after` here.
    fn elsewhere<T: Send + 'static>(
        &self,
        ctx: &mut Context<Self>,
        work: impl FnOnce() -> T + Send + 'static,
        after: impl FnOnce(&mut Self, &mut Context<Self>, T) + 'static,
    ) {
        let work = actix::fut::wrap_future::<_, Self>(tokio::task::spawn_blocking(work));
        ctx.spawn(work.map(move |done, this, ctx| match done {
            Ok(done) => after(this, ctx, done),
            // The panic hook has logged it; a claim that lost a part of itself must not go on.
            Err(_) => this.end(&AppendError::Unknown("a part of the partition panicked".to_owned()), ctx),
        }));
    }

    /// As [`Partition::elsewhere`], for the claim that is being served now and no other.
    fn for_serving<T: Send + 'static>(
        &self,
        ctx: &mut Context<Self>,
        work: impl FnOnce() -> T + Send + 'static,
        after: impl FnOnce(&mut Serving, T) -> Result<(), StoreError> + 'static,
    ) {
        let term = self.term;
        self.elsewhere(ctx, work, move |this, ctx, done| {
            if term == this.term {
                this.with_serving(ctx, |serving| after(serving, done));
            }
        });
    }

    fn with_serving(&mut self, ctx: &mut Context<Self>, act: impl FnOnce(&mut Serving) -> Result<(), StoreError>) {
        let Some(serving) = &mut self.serving else { return };
        let acted = act(serving);
        let effects = serving.effects();
        if let Err(error) = acted {
            return self.end(&AppendError::Unknown(error.to_string()), ctx);
        }
        for effect in effects {
            self.perform(effect, ctx);
        }
        self.stop_if_idle(ctx);
    }

    fn perform(&self, effect: Effect, ctx: &mut Context<Self>) {
        let (store, partition) = (Arc::clone(&self.store), self.around.partition);
        match effect {
            Effect::Fetch(key) => {
                let fetch = move || store.load(partition, key);
                let fetched = move |serving: &mut Serving, found: Result<Option<Resident>, StoreError>| {
                    serving.fetched(key, found);
                    Ok(())
                };
                self.for_serving(ctx, fetch, fetched);
            }
            Effect::LookUp(job) => {
                let (key, command) = (job.submission.ready.entity, job.submission.command);
                self.for_serving(
                    ctx,
                    move || (store.load_done(partition, key, command), job),
                    |serving, (found, job)| {
                        serving.looked_up(job, found);
                        Ok(())
                    },
                );
            }
            Effect::Recall(key, done, reply) => {
                let (log, around) = (Arc::clone(&self.log), Arc::clone(&self.around));
                self.elsewhere(ctx, move || recall(&*log, &around, key, done, reply), |_, _, ()| {});
            }
            Effect::Flush(batch) => self.for_serving(ctx, move || store.write(batch), Serving::flushed),
            Effect::Due(now) => {
                self.for_serving(
                    ctx,
                    move || store.due(partition, now),
                    |serving, found| {
                        serving.due(found);
                        Ok(())
                    },
                );
            }
        }
    }

    fn stop_if_idle(&mut self, ctx: &mut Context<Self>) {
        if self.stopping.is_some() && self.serving.as_ref().is_none_or(Serving::is_idle) {
            ctx.stop();
        }
    }
}

impl Actor for Partition {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.open(ctx);
        ctx.run_interval(TICK, |this, ctx| {
            this.with_serving(ctx, |serving| {
                serving.tick();
                Ok(())
            });
        });
    }
}

/// A command and where its answer goes.
pub struct Submit(pub Submission, pub Reply);

impl Message for Submit {
    type Result = ();
}

impl Handler<Submit> for Partition {
    type Result = ();

    fn handle(&mut self, Submit(submission, reply): Submit, ctx: &mut Context<Self>) {
        let not_serving = self.serving.is_none() || self.stopping.is_some();
        if not_serving {
            let problem = Problem::later(&problem::UNAVAILABLE, "the partition of this entity is not being served");
            // A caller that has gone away needs no answer.
            return drop(reply.send(Err(problem)));
        }
        let job = Job { submission, reply: Some(reply), looked_up: false };
        let submit = AssertUnwindSafe(|| {
            self.with_serving(ctx, |serving| {
                serving.submit(job);
                Ok(())
            });
        });
        if catch_unwind(submit).is_err() {
            // Not in a decision, which is caught where it is made: memory may be ahead of or behind the log now.
            self.end(&AppendError::Unknown("taking a command panicked".to_owned()), ctx);
        }
    }
}

/// The log's progress under the claim of one term.
struct Told {
    term: u64,
    progress: Progress,
}

impl Message for Told {
    type Result = ();
}

impl Handler<Told> for Partition {
    type Result = ();

    fn handle(&mut self, Told { term, progress }: Told, ctx: &mut Context<Self>) {
        if term != self.term {
            return;
        }
        let Some(serving) = &mut self.serving else {
            // Between the claim and the end of the fold there is nothing under way that could be told durable.
            if let Progress::Ended(error) = progress {
                self.end(&error, ctx);
            }
            return;
        };
        if let Err(error) = serving.told(progress) {
            return self.end(&error, ctx);
        }
        self.with_serving(ctx, |_| Ok(()));
    }
}

/// Looks for deadlines now, rather than at the next interval.
pub struct Tick;

impl Message for Tick {
    type Result = ();
}

impl Handler<Tick> for Partition {
    type Result = ();

    fn handle(&mut self, _: Tick, ctx: &mut Context<Self>) {
        self.with_serving(ctx, |serving| {
            serving.tick();
            Ok(())
        });
    }
}

/// Asks for figures; none while the partition is not being served.
pub struct AskFigures;

impl Message for AskFigures {
    type Result = Option<Figures>;
}

impl Handler<AskFigures> for Partition {
    type Result = Option<Figures>;

    fn handle(&mut self, _: AskFigures, _: &mut Context<Self>) -> Option<Figures> {
        self.serving.as_ref().map(Serving::figures)
    }
}

/// Takes no more commands, answers those under way, lets the store catch up, and stops. The sender is dropped once
/// the actor and all that it held are gone.
pub struct Stop(pub oneshot::Sender<()>);

impl Message for Stop {
    type Result = ();
}

impl Handler<Stop> for Partition {
    type Result = ();

    fn handle(&mut self, Stop(stopped): Stop, ctx: &mut Context<Self>) {
        self.stopping = Some(stopped);
        self.with_serving(ctx, |serving| {
            serving.tick();
            Ok(())
        });
        self.stop_if_idle(ctx);
    }
}

/// Answers with what the record of a command says. Blocks.
fn recall(log: &dyn Log, around: &Surroundings, key: EntityKey, done: Done, reply: Reply) {
    let answer = reread(log, around, key, done).unwrap_or_else(|reason| {
        tracing::error!(entity = %key, number = done.number, %reason, "an earlier answer cannot be read");
        Err(Problem::later(&problem::UNAVAILABLE, "the earlier answer cannot be read"))
    });
    // A caller that has gone away needs no answer.
    drop(reply.send(answer));
}

fn reread(
    log: &dyn Log,
    around: &Surroundings,
    key: EntityKey,
    done: Done,
) -> Result<Result<Outcome, Problem>, String> {
    let page =
        log.read(around.partition, done.number, Bound { entries: 1, ..Bound::default() }).map_err(|e| e.to_string())?;
    let entry = page.entries.first().ok_or("the record is gone")?;
    let record = Record::decode(&entry.stored).map_err(|e| e.to_string())?;
    let Content::Commit(commit) = &record.content else { return Err("the record has no events".to_owned()) };
    let events = read_body(commit.body).map_err(|e| e.to_string())?;
    let own: Vec<&Recorded<'_>> =
        events.iter().filter(|event| event.entity == key && event.cause.command == done.command).collect();
    let version = own.last().ok_or("the record is of another command")?.version;
    let answer = catalogue::actor(key.family).answer(key.id, &own, &around.secrets).map_err(|e| e.to_string())?;
    let position = Position::new(around.partition, commit.number, &record.digest);
    Ok(Ok(Outcome { answer, entity: key, version, position, replayed: true }))
}

/// When the last record of a partition was written, for the check of the clock at the start.
pub fn newest(phases: &[watch::Receiver<Phase>]) -> Time {
    let last = |phase: &watch::Receiver<Phase>| match &*phase.borrow() {
        Phase::Serving { last } => *last,
        Phase::Opening | Phase::Halted(_) => Time::default(),
    };
    phases.iter().map(last).max().unwrap_or_default()
}
