//! One partition being served: the path of a command from its entity to the log and back. No actor framework here, and
//! no waiting: what needs either comes out as an [`Effect`].

mod deciding;
mod figures;
mod owing;
mod peek;
mod refused;
mod returns;
mod upkeep;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kippu_events::event::{BodyWriter, Cause, Mac, Place};
use kippu_events::log::{AppendError, LogId, Position, Progress};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityKey, Time};

use super::chain::Chain;
use super::clock::{Clock, Drift, Timekeeper};
use super::entity_cache::EntityCache;
use super::entity_store::{Batch, Lookup, Rest, StoreError};
use super::loaded_entity::Done;
use super::open::Opened;
use super::release::{Release, Reply};
use super::{Outcome, Submission};
use crate::activity::Owed;
use crate::actor::{Answer, Context};
use crate::erased::Decided;
use crate::problem::{self, Problem};
pub use figures::Figures;
pub use peek::PeekReply;
use peek::Peeked;
pub use refused::moved;
pub(super) use refused::not_appended;
pub(super) use refused::store_failed;
use refused::{set_aside, tell};
use upkeep::LookingForDue;

/// Answers that may be under way in one partition: several group commits' worth, beyond which a caller is better told
/// to come back.
pub const MOST_WAITING: usize = 16_384;
/// Entities that the store may lag behind before a batch is made for it.
const FLUSH_AT: usize = 1_024;

/// Something that has to be done on a blocking pool, because it may wait.
pub enum Effect {
    /// Fetch an entity from the store, then call [`Serving::fetched`].
    Fetch(EntityKey),
    /// Look for an old outcome of this command in the store, then call [`Serving::looked_up`].
    LookUp(Job),
    /// Read the record of a command that was done before, and answer with it.
    Recall(EntityKey, Done, Reply),
    /// Write a batch to the store, then call [`Serving::flushed`].
    Flush(Batch),
    /// Tell who does what is owed that this entity owes something, durably.
    Owe(EntityKey, Owed),
    /// Look for deadlines in the store, from there and up to this time, then call [`Serving::due`].
    Due(Option<Rest>, Time),
}

/// A command and where its answer goes.
pub struct Job {
    /// The command.
    pub submission: Submission,
    /// Nowhere, for the node's own commands.
    pub reply: Option<Reply>,
    /// Whether the store has been asked for an old outcome already.
    pub looked_up: bool,
}

/// What becomes of a command next.
enum Step {
    /// Its entity, or its neighbour, has to be fetched.
    Fetch(EntityKey),
    /// Only the disk knows whether it was done before.
    LookUp,
    /// It was done before.
    Repeat(Done),
    /// Yes, or a refusal that goes on record, at this time.
    Accept(Decided, Time),
}

enum Parked {
    /// In a box: the others are small.
    Job(Box<Job>),
    Deadline,
    Peek(PeekReply),
}

/// What the parts of one partition share.
pub struct Environment {
    /// The log.
    pub log: LogId,
    /// The partition.
    pub partition: u16,
    /// The key store.
    pub secrets: Arc<Secrets>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Entities that may stay in memory.
    pub most_loaded: usize,
}

/// A partition under one claim.
pub struct Serving {
    env: Arc<Environment>,
    chain: Chain,
    entities: EntityCache,
    release: Release,
    keeper: Timekeeper,
    parked: HashMap<EntityKey, Vec<Parked>>,
    quarantined: HashSet<EntityKey>,
    flushing: Option<Flushing>,
    looking_for_due: LookingForDue,
    /// Commands whose old outcomes are looked for on disk.
    looking_up: usize,
    /// Commands that wait for an entity from the disk.
    parked_jobs: usize,
    peeked: Vec<Peeked>,
    /// What is owed once its record is durable.
    owing: VecDeque<(u64, EntityKey, Owed)>,
    /// Where the history goes on, once the seal is handed over.
    next: Option<String>,
    effects: Vec<Effect>,
    tail_read: Duration,
    /// The record up to which the store has everything.
    stored: u64,
    /// Counts towards the next proof of ownership.
    ticks: u32,
}

enum Flushing {
    /// Waits for its record to become durable.
    Held(Batch),
    /// Is being written.
    Writing,
    /// Could not be written, and is tried again.
    Failed(Batch),
}

impl Serving {
    /// Serves what was opened.
    pub fn new(env: Arc<Environment>, opened: Opened, drift: Drift) -> Self {
        let mut release = Release::default();
        release.durable(opened.chain.durable());
        let keeper = Timekeeper::new(env.partition, opened.last, drift);
        Self {
            env,
            chain: opened.chain,
            entities: opened.entities,
            release,
            keeper,
            parked: HashMap::new(),
            quarantined: HashSet::new(),
            flushing: None,
            looking_for_due: LookingForDue::default(),
            looking_up: 0,
            parked_jobs: 0,
            peeked: Vec::new(),
            owing: VecDeque::new(),
            next: None,
            effects: Vec::new(),
            tail_read: opened.took,
            stored: opened.stored,
            ticks: 0,
        }
    }

    /// What has to be done on a blocking pool since this was last asked.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Takes a command.
    pub fn submit(&mut self, job: Job) {
        if let Some(next) = &self.next {
            return tell(job.reply, moved(next));
        }
        if self.release.len() + self.looking_up + self.parked_jobs >= MOST_WAITING {
            return tell(job.reply, Problem::later(&problem::OVERLOADED, "too many answers are under way"));
        }
        match self.consider(&job) {
            Ok(Step::Fetch(key)) => self.park(key, Parked::Job(Box::new(job))),
            Ok(Step::LookUp) => {
                self.looking_up += 1;
                self.effects.push(Effect::LookUp(job));
            }
            Ok(Step::Repeat(done)) => self.repeat(done, job),
            Ok(Step::Accept(decided, now)) => self.append(decided, now, job),
            Err(problem) => self.refuse(problem, job.reply),
        }
    }

    /// What to do with a command, on the state as it is now.
    ///
    /// # Errors
    /// It is refused, without a trace.
    fn consider(&mut self, job: &Job) -> Result<Step, Problem> {
        let Submission { ready, command, caller, if_match, .. } = &job.submission;
        let key = ready.entity;
        if self.quarantined.contains(&key) {
            return Err(set_aside(key));
        }
        if !self.entities.find(key).map_err(|error| store_failed(&error))? {
            return Ok(Step::Fetch(key));
        }
        match self.done_before(key, *command, job.looked_up).map_err(|error| store_failed(&error))? {
            Lookup::Absent => {}
            Lookup::Found(done) => return Ok(Step::Repeat(done)),
            Lookup::Blocked => return Ok(Step::LookUp),
        }
        let asked = ready.command.as_ref().map_err(Clone::clone)?;
        let now = self.keeper.now(&*self.env.clock);
        let now = now.map_err(|_| Problem::new(&problem::CLOCK_JUMPED, "an operator has to look at the clock"))?;
        let step = self.judged_apart(key, asked, &Context { now, caller: *caller, id: key.id, command: *command })?;
        // Only whom the rules let act on it is told its version; a refusal that goes on record does so at any.
        let version = self.entities.get(key).map_or(0, |loaded| loaded.version);
        match (&step, if_match) {
            (Step::Accept(Decided { answer: Answer::Done { .. }, .. }, _), Some(expected))
                if !expected.have_version(version) =>
            {
                let detail = format!("{key} has version {version}, which if-match does not name");
                Err(Problem::new(&problem::VERSION_MISMATCH, detail))
            }
            _ => Ok(step),
        }
    }

    /// What became of this command, if it was done before.
    fn done_before(&self, key: EntityKey, command: Mac, looked_up: bool) -> Result<Lookup<Done>, StoreError> {
        let Some(loaded) = self.entities.get(key) else { return Ok(Lookup::Absent) };
        match loaded.recent(command) {
            Some(done) => Ok(Lookup::Found(done)),
            // The disk was asked, and did not know it then; memory may know it by now.
            None if loaded.more => match self.entities.find_done(key, command)? {
                Lookup::Blocked if looked_up => Ok(Lookup::Absent),
                found => Ok(found),
            },
            None => Ok(Lookup::Absent),
        }
    }

    /// Makes a record of what was decided, hands it over, and moves the state ahead of it.
    fn append(&mut self, decided: Decided, now: Time, job: Job) {
        let Job { submission: Submission { ready, command, caller, causation, correlation, .. }, reply, .. } = job;
        let cause = Cause { command, body: ready.body, principal: caller.principal, causation, correlation };
        let number = self.chain.head().number + 1;
        let place = Place { log: &self.env.log, partition: self.env.partition, number, time: now, cause: &cause };
        let mut body = BodyWriter::new(place);
        let mut versions: Vec<(EntityKey, u64)> = Vec::with_capacity(2);
        for (key, event) in &decided.events {
            let version = match versions.iter_mut().find(|(known, _)| known == key) {
                Some((_, version)) => {
                    *version += 1;
                    *version
                }
                None => {
                    let version = self.entities.get(*key).map_or(0, |loaded| loaded.version) + 1;
                    versions.push((*key, version));
                    version
                }
            };
            body.push(*key, version, &**event);
        }
        let (number, hash) = match self.chain.append(&body.finish()) {
            Ok(placed) => placed,
            Err(error) => return self.refuse(not_appended(&error), reply),
        };
        self.keeper.recorded(now);
        for (key, event) in &decided.events {
            self.entities.evolve(*key, &**event, number, now);
        }
        self.entities.note(ready.entity, cause, number);
        self.note_owed(decided.events.iter().map(|(key, _)| *key), number);
        let outcome = Outcome {
            answer: decided.answer,
            entity: ready.entity,
            version: self.entities.get(ready.entity).map_or(0, |loaded| loaded.version),
            position: Position::new(self.env.partition, number, &hash),
            replayed: false,
        };
        self.release.accept(number, outcome, reply);
        if self.entities.dirty() >= FLUSH_AT {
            self.flush();
        }
    }

    /// Refuses a command, unless it is the node's own and nobody waits.
    fn refuse(&mut self, problem: Problem, reply: Option<Reply>) {
        let Some(reply) = reply else { return };
        if let Some(ticket) = self.release.refuse(self.chain.head().number, problem, reply) {
            self.chain.prove(ticket);
        }
    }

    /// Answers a command that was done before: with the answer that is under way, or from the record.
    fn repeat(&mut self, done: Done, job: Job) {
        if !done.asked_for(job.submission.ready.body) {
            let reused = Problem::new(&problem::KEY_REUSED, "the same key came with another command or body before");
            return self.refuse(reused, job.reply);
        }
        let Some(reply) = job.reply else { return };
        let left = if done.number > self.chain.durable() { self.release.join(done.number, reply) } else { Some(reply) };
        if let Some(reply) = left {
            self.effects.push(Effect::Recall(job.submission.ready.entity, done, reply));
        }
    }

    fn park(&mut self, key: EntityKey, parked: Parked) {
        let queue = self.parked.entry(key).or_default();
        if queue.is_empty() {
            self.effects.push(Effect::Fetch(key));
        }
        self.parked_jobs += usize::from(matches!(parked, Parked::Job(_)));
        queue.push(parked);
    }

    /// The log tells how far it has come.
    ///
    /// # Errors
    /// The writer has ended, and this claim with it.
    pub fn told(&mut self, progress: Progress) -> Result<(), AppendError> {
        match progress {
            Progress::Durable(number) => {
                self.chain.advance(number);
                self.release.durable(number);
                self.tell_peeked();
                self.tell_owed();
                self.write_held();
                Ok(())
            }
            Progress::Owned(ticket) => {
                if let Some(next) = self.release.owned(ticket) {
                    self.chain.prove(next);
                }
                Ok(())
            }
            Progress::Ended(error) => Err(error),
        }
    }

    /// This claim is over: nobody knows what became of what is under way.
    pub fn fail(mut self) {
        self.release.fail();
        for parked in self.parked.into_values().flatten() {
            if let Parked::Job(job) = parked {
                tell(job.reply, Problem::later(&problem::UNAVAILABLE, "the partition is being taken over"));
            }
        }
    }

    /// The time of the last record.
    pub const fn last(&self) -> Time {
        self.keeper.last()
    }

    /// Whether nothing is under way. A proof of ownership that nobody waits for is nothing.
    pub fn is_idle(&self) -> bool {
        // A batch that could not be written is no reason to stay: the log has everything.
        let flushing = matches!(self.flushing, Some(Flushing::Held(_) | Flushing::Writing));
        let looking = self.looking_up > 0 || matches!(self.looking_for_due, LookingForDue::Now);
        self.release.len() == 0 && self.parked.is_empty() && !flushing && !looking
    }
}
