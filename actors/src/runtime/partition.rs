//! The actix actor of one partition: opens it, feeds it one message at a time, and does elsewhere what may wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use kippu_events::event::{Recorded, read_body};
use kippu_events::log::{AppendError, Bound, Claimant, Content, Log, Position, Progress, Record};
use kippu_events::{EntityKey, Time};
use tokio::sync::{oneshot, watch};

use super::open::{OpenError, Opened, open};
use super::release::Reply;
use super::resident::Done;
use super::serving::{Effect, Figures, Job, Serving, Surroundings};
use super::store::Store;
use super::{Outcome, Phase, Submission};
use crate::catalogue;
use crate::problem::{self, Problem};

/// Commands that may wait for a partition's attention; more are told to come back.
pub const MAILBOX: usize = 4_096;
/// How often deadlines are looked for, and the longest that the entity store lags behind a quiet partition.
const TICK: Duration = Duration::from_millis(500);
/// How long to wait before a partition that could not be opened is tried again.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// A piece of work that was done elsewhere did not come back. The panic hook has logged where.
struct Panicked;

fn panicked() -> AppendError {
    AppendError::Unknown("a defect was met".to_owned())
}

/// A partition's actor.
pub struct Partition {
    around: Arc<Surroundings>,
    log: Arc<dyn Log>,
    store: Arc<Store>,
    claimant: Claimant,
    /// Counts claims, so that what was begun under one is not taken for the next one's.
    term: u64,
    /// The term whose batches may be written to the store; held while one is written. A batch of an ended term that
    /// came late would otherwise be folded a second time by the next.
    store_term: Arc<Mutex<u64>>,
    serving: Option<Serving>,
    opening: bool,
    /// Whether the clock jumped under an earlier claim: that is for an operator to settle, not for the next claim.
    clock_jumped: bool,
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
        Self {
            around,
            log,
            store,
            claimant,
            term: 0,
            store_term: Arc::default(),
            serving: None,
            opening: false,
            clock_jumped: false,
            phase,
            stopping: None,
        }
    }

    fn open(&mut self, ctx: &mut Context<Self>) {
        if self.opening || self.stopping.is_some() {
            return;
        }
        self.opening = true;
        self.term += 1;
        let term = self.term;
        let told = ctx.address();
        let listener = Arc::new(move |progress| told.do_send(Told { term, progress }));
        let (log, store, claimant) = (Arc::clone(&self.log), Arc::clone(&self.store), self.claimant.clone());
        let (partition, store_term) = (self.around.partition, Arc::clone(&self.store_term));
        let opening = move || {
            *store_term.lock().unwrap_or_else(PoisonError::into_inner) = term;
            open(&*log, &store, partition, &claimant, listener)
        };
        self.elsewhere(ctx, opening, move |this, ctx, opened| {
            this.opening = false;
            match opened {
                // The claim ended before it was open.
                Ok(_) if term != this.term => this.reopen(ctx),
                Ok(Ok(opened)) => this.serve(opened),
                Ok(Err(error)) => this.not_opened(&error, ctx),
                // Folding the same history again would panic again.
                Err(Panicked) => this.halt("a defect was met in folding its history".to_owned()),
            }
        });
    }

    fn reopen(&self, ctx: &mut Context<Self>) {
        ctx.run_later(REOPEN_AFTER, |this, ctx| this.open(ctx));
    }

    fn serve(&mut self, opened: Opened) {
        tracing::debug!(partition = self.around.partition, folded = opened.folded, "partition open");
        self.phase.send_replace(Phase::Serving { last: opened.last });
        self.serving = Some(Serving::new(Arc::clone(&self.around), opened, self.clock_jumped));
    }

    fn not_opened(&mut self, error: &OpenError, ctx: &mut Context<Self>) {
        self.halt(error.to_string());
        if error.is_passing() {
            self.reopen(ctx);
        }
    }

    fn halt(&mut self, reason: String) {
        tracing::error!(partition = self.around.partition, %reason, "the partition is not served");
        self.phase.send_replace(Phase::Halted(reason));
    }

    /// Ends this claim. What comes next is a new one, unless somebody else has taken over.
    fn end(&mut self, error: &AppendError, ctx: &mut Context<Self>) {
        if let Some(serving) = self.serving.take() {
            self.clock_jumped |= serving.figures().clock_jumped;
            serving.fail();
        }
        self.halt(error.to_string());
        self.term += 1;
        if self.stopping.is_some() {
            return ctx.stop();
        }
        match error {
            AppendError::Deposed { .. } | AppendError::Sealed { .. } => {}
            AppendError::Conflict { .. }
            | AppendError::Unavailable(_)
            | AppendError::NoSpace { .. }
            | AppendError::Unknown(_)
            | AppendError::TooLarge { .. } => self.reopen(ctx),
        }
    }

    /// Runs `work` where it may block, and then `after` here.
    fn elsewhere<T: Send + 'static>(
        &self,
        ctx: &mut Context<Self>,
        work: impl FnOnce() -> T + Send + 'static,
        after: impl FnOnce(&mut Self, &mut Context<Self>, Result<T, Panicked>) + 'static,
    ) {
        let work = actix::fut::wrap_future::<_, Self>(tokio::task::spawn_blocking(work));
        ctx.spawn(work.map(move |done, this, ctx| after(this, ctx, done.map_err(|_| Panicked))));
    }

    /// As [`Partition::elsewhere`], for the claim that is being served now and no other.
    fn for_serving<T: Send + 'static>(
        &self,
        ctx: &mut Context<Self>,
        work: impl FnOnce() -> T + Send + 'static,
        after: impl FnOnce(&mut Serving, T) + 'static,
    ) {
        let term = self.term;
        self.elsewhere(ctx, work, move |this, ctx, done| {
            if term == this.term {
                this.with_serving(ctx, |serving| {
                    // A claim that lost a part of itself must not go on.
                    done.map(|done| after(serving, done)).map_err(|Panicked| panicked())
                });
            }
        });
    }

    /// Acts on the claim that is being served, and does elsewhere what comes of it. An error, or a panic, ends the
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
        self.stop_if_idle(ctx);
    }

    fn perform(&self, effect: Effect, ctx: &mut Context<Self>) {
        let (store, partition) = (Arc::clone(&self.store), self.around.partition);
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
                let (log, around) = (Arc::clone(&self.log), Arc::clone(&self.around));
                // A panic drops the reply, which its caller is told; the claim has no part in it.
                self.elsewhere(ctx, move || recall(&*log, &around, key, done, reply), |_, _, _| {});
            }
            Effect::Flush(batch) => {
                let (term, store_term) = (self.term, Arc::clone(&self.store_term));
                let write = move || {
                    let current = store_term.lock().unwrap_or_else(PoisonError::into_inner);
                    let written = if *current == term { store.write(&batch) } else { Ok(()) };
                    drop(current);
                    (batch, written)
                };
                self.for_serving(ctx, write, |serving, (batch, written)| serving.flushed(batch, written));
            }
            Effect::Due(now) => {
                self.for_serving(ctx, move || store.due(partition, now), |serving, found| serving.due(found));
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
        self.with_serving(ctx, |serving| {
            serving.submit(job);
            Ok(())
        });
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
        match progress {
            // Between the claim and the end of the fold there is nothing under way that could be told durable.
            Progress::Ended(error) if self.serving.is_none() => self.end(&error, ctx),
            progress => self.with_serving(ctx, |serving| serving.told(progress)),
        }
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
    let offset = log.offset_of(around.partition, done.number).map_err(|e| e.to_string())?;
    let page =
        log.read(around.partition, offset, Bound { entries: 1, ..Bound::default() }).map_err(|e| e.to_string())?;
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
