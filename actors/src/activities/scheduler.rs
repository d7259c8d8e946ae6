//! Does what the entities of this node's partitions owe: takes it from the index, lane by lane, and brings outcomes back.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use kippu_events::event::Mac;
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, EntityKey, Principal, Time};
use std::panic::AssertUnwindSafe;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::lane::{End, Held, Lane};
use crate::activity::{Executor, NoOutcome, Outcome, Owed, Progress, Task};
use crate::catalogue;
use crate::erased::Ready;
use crate::problem::{self, Problem};
use crate::runtime::{Runtime, Submission};
use kippu_events::access::Caller;

/// How often the index is looked through for what is not held.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Where a lane has room again for what the last look has left, the next one follows after this.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Of one lane and partition, one look takes so many.
const MOST_LOOKED: usize = 256;
/// What becomes owed while so much else does is found by the next look.
const MOST_TOLD: usize = 8_192;

/// How much is done at once.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Tries at once for one party.
    pub parallel: usize,
    /// Tries a second for one party.
    pub per_second: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { parallel: 32, per_second: 5_000 }
    }
}

/// The activities of this node. Cheap to clone.
#[derive(Clone)]
pub struct Activities(Arc<Shared>);

struct Shared {
    runtime: Runtime,
    secrets: Arc<Secrets>,
    settings: Settings,
    lanes: Mutex<HashMap<EntityId, Lane>>,
    wake: Notify,
}

/// Something that is owed, for operators.
#[derive(Clone, Debug, serde::Serialize, schemars::JsonSchema)]
pub struct Listed {
    /// Which of the entity's activities it is.
    pub attempt: u32,
    /// The entity that owes it.
    pub entity: String,
    /// Why the last try had no outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Since when it is owed.
    pub since: Time,
    /// The peer, or the webhook, that it is owed to.
    pub to: EntityId,
    /// Tries without an outcome, since the node started.
    pub tries: u32,
}

impl Activities {
    /// Does with `executor` what is owed in the partitions that `runtime` serves, until the last clone is dropped.
    #[must_use]
    pub fn start(runtime: Runtime, secrets: Arc<Secrets>, executor: Arc<dyn Executor>, settings: Settings) -> Self {
        let (tell, told) = mpsc::channel(MOST_TOLD);
        runtime.tell_owed(tell);
        let shared = Shared { runtime, secrets, settings, lanes: Mutex::default(), wake: Notify::new() };
        let activities = Self(Arc::new(shared));
        tokio::spawn(run(Arc::downgrade(&activities.0), executor, told));
        activities
    }

    /// What is owed, at most `most`; to one party alone where `to` is given.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub async fn list(&self, to: Option<EntityId>, most: usize) -> Result<Vec<Listed>, Problem> {
        let runtime = self.0.runtime.clone();
        let found = tokio::task::spawn_blocking(move || {
            let mut found = BTreeMap::new();
            for partition in runtime.served() {
                let lanes = to.map_or_else(|| runtime.owed_to(partition), |to| Ok(vec![to]))?;
                for to in lanes {
                    found.extend(runtime.owed(partition, to, None, most.saturating_sub(found.len()))?);
                }
            }
            Ok::<_, Problem>(found)
        });
        let mut found: BTreeMap<EntityKey, Owed> =
            found.await.map_err(|_| Problem::internal("the index was not read"))??;
        let lanes = self.0.lanes();
        let held = lanes.iter().filter(|(lane, _)| to.is_none_or(|to| to == **lane)).flat_map(|(_, lane)| lane.held());
        // One that is not owed any more may be held still, for another party.
        let held = held.filter(|(key, held)| found.get(*key).is_none_or(|owed| owed.attempt <= held.owed.attempt));
        let mut held: Vec<(EntityKey, &Held)> = held.map(|(key, held)| (*key, held)).collect();
        held.sort_by_key(|(_, held)| held.owed.attempt);
        let held: HashMap<EntityKey, &Held> = held.into_iter().collect();
        found.extend(held.iter().map(|(key, held)| (*key, held.owed)));
        found.retain(|key, _| is_due(*key, held.get(key).copied()));
        let listed = |(key, owed): (EntityKey, Owed)| {
            let held = held.get(&key);
            let (tries, last_error) = held.map_or((0, None), |held| (held.tries, held.last_error.clone()));
            let since = held.and_then(|held| held.found).unwrap_or(owed.since);
            Listed { entity: key.to_string(), to: owed.to, attempt: owed.attempt, since, tries, last_error }
        };
        Ok(found.into_iter().take(most).map(listed).collect())
    }

    /// Tries everything at once that waits for its time, or what is owed to one party.
    pub fn hurry(&self, to: Option<EntityId>) {
        let now = Instant::now();
        let mut lanes = self.0.lanes();
        lanes.iter_mut().filter(|(lane, _)| to.is_none_or(|to| to == **lane)).for_each(|(_, lane)| lane.hurry(now));
        drop(lanes);
        self.0.wake.notify_one();
    }

    /// How many activities are held, and how many parties do not answer now.
    #[must_use]
    pub fn figures(&self) -> (usize, usize) {
        let (lanes, now) = (self.0.lanes(), Instant::now());
        let due = |lane: &Lane| lane.held().iter().filter(|(key, held)| is_due(**key, Some(held))).count();
        let held = lanes.values().map(due).sum();
        (held, lanes.values().filter(|lane| lane.open_until(now).is_some()).count())
    }
}

/// Whether there is something to do for what `key` owes, as far as it shows.
fn is_due(key: EntityKey, held: Option<&Held>) -> bool {
    !catalogue::actor(key.family).waits() || held.is_some_and(|held| held.found.is_some())
}

impl Shared {
    fn lanes(&self) -> std::sync::MutexGuard<'_, HashMap<EntityId, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was room for it.
    fn take(&self, key: EntityKey, owed: Owed) -> bool {
        self.lanes().entry(owed.to).or_default().take(key, owed, Instant::now())
    }

    /// Whether a lane has room for a part of what the last look has left in the index.
    fn is_hungry(&self, left: &Cursors) -> bool {
        let lanes = self.lanes();
        left.keys().any(|(_, to)| lanes.get(to).is_none_or(Lane::is_half_empty))
    }

    /// What is to be tried now, and when something is next.
    fn begin(&self, now: Instant) -> (Vec<(EntityKey, Owed)>, Option<Instant>) {
        let Settings { parallel, per_second } = self.settings;
        let mut lanes = self.lanes();
        lanes.retain(|_, lane| !lane.is_empty());
        let begun = lanes.values_mut().flat_map(|lane| lane.start(now, parallel, per_second)).collect();
        (begun, lanes.values().filter_map(|lane| lane.next(parallel, per_second)).min())
    }

    fn end(&self, key: EntityKey, owed: Owed, end: End, jitter: u8) {
        if let End::Unanswered { reason, .. } | End::HeldUp { reason } = &end {
            tracing::debug!(%key, to = %owed.to, reason, "an activity has no outcome yet");
        }
        if let Some(lane) = self.lanes().get_mut(&owed.to) {
            lane.ended(key, end, Instant::now(), jitter);
        }
    }

    /// As [`Shared::attempt`]. What panics is tried again like everything else, and holds up no other.
    async fn attempt_apart(self: &Arc<Self>, key: EntityKey, owed: Owed, executor: &dyn Executor) -> End {
        let tried = AssertUnwindSafe(self.attempt(key, owed, executor)).catch_unwind().await;
        // The panic hook has logged where.
        tried.unwrap_or_else(|_| End::HeldUp { reason: "a defect was met".to_owned() })
    }

    /// Tries what is owed once, and brings back what came of it.
    async fn attempt(self: &Arc<Self>, key: EntityKey, owed: Owed, executor: &dyn Executor) -> End {
        const NOT_OWED: End = End::Over { answered: false };
        if !self.runtime.serves(key) {
            return NOT_OWED;
        }
        let found = match self.runtime.peek(key).await {
            Ok(found) => found,
            Err(problem) => return End::HeldUp { reason: problem.to_string() },
        };
        let actor = catalogue::actor(key.family);
        if actor.owed(&*found.state, key.id).is_none_or(|now| now.attempt != owed.attempt) {
            return NOT_OWED;
        }
        let secrets = Arc::clone(&self.secrets);
        // The key that opens a part of it may have to be asked for.
        let work = tokio::task::spawn_blocking(move || actor.work(&*found.state, key.id, &secrets));
        let Ok(Some(work)) = work.await else {
            return End::HeldUp { reason: "what is to be done cannot be told".to_owned() };
        };
        let progress = self.progress(key, owed);
        let task = Task { entity: key, owed, key: self.secrets.activity_key(key, owed.attempt), work, progress };
        let outcome = match executor.perform(task).await {
            Ok(outcome) => outcome,
            Err(NoOutcome { reason, retry_after, noted }) => {
                if let Some(noted) = noted
                    && let Err(problem) = self.record(key, owed, noted, &format!("{}-noted", owed.attempt)).await
                {
                    tracing::debug!(%key, %problem, "that an activity has no outcome is not on record yet");
                }
                return End::Unanswered { reason, wanted: retry_after };
            }
        };
        let refused = (!outcome.is_done()).then(|| outcome.refusal());
        let told = format!("{} {}", outcome.status, refused.unwrap_or_default());
        match self.record(key, owed, outcome, &owed.attempt.to_string()).await {
            Ok(()) => End::Over { answered: true },
            // It answers, and may go on answering so until somebody has looked.
            Err(problem) if problem.kind == &problem::NO_OUTCOME => {
                End::HeldUp { reason: format!("{}: {told}", problem.detail) }
            }
            // What is not owed any more is not taken by the rules.
            Err(problem) if problem.kind == &problem::NOT_DUE => End::Over { answered: true },
            Err(problem) => End::HeldUp { reason: problem.to_string() },
        }
    }

    /// Where whether there is something to do is told.
    fn progress(self: &Arc<Self>, key: EntityKey, owed: Owed) -> Progress {
        let shared = Arc::downgrade(self);
        Progress::new(move |found| {
            if let Some(shared) = shared.upgrade()
                && let Some(lane) = shared.lanes().get_mut(&owed.to)
            {
                lane.tell(key, found);
            }
        })
    }

    /// Gives the command that says so, under a key that is the same each time.
    async fn record(&self, key: EntityKey, owed: Owed, outcome: Outcome, name: &str) -> Result<(), Problem> {
        let command = catalogue::actor(key.family).came_of(owed.attempt, outcome, key.id, &self.secrets);
        let ready = Ready { entity: key, body: Mac::default(), command };
        let command = self.secrets.command(&Principal::Activity, name, key);
        self.runtime.submit(Submission::new(ready, command, Caller::ACTIVITY)).await.map(drop)
    }
}

/// Where the last look has left something in the index: the last entity that was taken, by partition and lane.
type Cursors = HashMap<(u16, EntityId), Option<EntityKey>>;

async fn run(activities: Weak<Shared>, executor: Arc<dyn Executor>, mut told: mpsc::Receiver<(EntityKey, Owed)>) {
    let mut tries: JoinSet<(EntityKey, Owed, End)> = JoinSet::new();
    let mut looked: Option<Instant> = None;
    let mut left = Cursors::new();
    let jitter = RandomState::new();
    loop {
        let Some(shared) = activities.upgrade() else { return };
        let hungry = shared.is_hungry(&left);
        let wait = if hungry { LOOK_AGAIN } else { LOOK_EVERY };
        if looked.is_none_or(|at| at.elapsed() >= wait) {
            left = look(&shared, std::mem::take(&mut left)).await;
            looked = Some(Instant::now());
        }
        let now = Instant::now();
        let mut next = now + wait;
        let (begun, first) = shared.begin(now);
        next = first.map_or(next, |at| at.min(next));
        for (key, owed) in begun {
            let (shared, executor) = (Arc::clone(&shared), Arc::clone(&executor));
            tries.spawn(async move { (key, owed, shared.attempt_apart(key, owed, &*executor).await) });
        }
        let waiting = Arc::downgrade(&shared);
        drop(shared);
        tokio::select! {
            Some(ended) = tries.join_next() => {
                let (Some(shared), Ok((key, owed, end))) = (waiting.upgrade(), ended) else { continue };
                shared.end(key, owed, end, jitter.hash_one((key, Instant::now())).to_le_bytes()[0]);
            }
            owing = told.recv() => {
                let (Some(shared), Some((key, owed))) = (waiting.upgrade(), owing) else { return };
                // What there is no room for is found in the index.
                let _no_room = shared.take(key, owed);
                while let Ok((key, owed)) = told.try_recv() {
                    let _no_room = shared.take(key, owed);
                }
            }
            () = tokio::time::sleep_until(next.into()) => {}
            () = woken(&waiting) => {}
        }
    }
}

async fn woken(shared: &Weak<Shared>) {
    match shared.upgrade() {
        Some(shared) => shared.wake.notified().await,
        None => std::future::pending().await,
    }
}

/// Takes from the index what the lanes have room for, from where the last look `left` off. Gives where there is more.
async fn look(shared: &Arc<Shared>, left: Cursors) -> Cursors {
    let its = Arc::clone(shared);
    let looked = tokio::task::spawn_blocking(move || {
        let mut cursors = Cursors::new();
        for partition in its.runtime.served() {
            for to in its.runtime.owed_to(partition)? {
                let from = left.get(&(partition, to)).copied().flatten();
                let found = its.runtime.owed(partition, to, from, MOST_LOOKED)?;
                let (count, mut taken, mut last) = (found.len(), 0, from);
                for (key, _) in found.into_iter().take_while(|(key, owed)| its.take(*key, *owed)) {
                    (taken, last) = (taken + 1, Some(key));
                }
                // From the first again, once the last was taken.
                if taken < count || count == MOST_LOOKED {
                    cursors.insert((partition, to), last);
                }
            }
        }
        Ok::<_, Problem>(cursors)
    });
    let problem = match looked.await {
        Ok(Ok(cursors)) => return cursors,
        Ok(Err(problem)) if problem.is_for_later() => {
            tracing::debug!(%problem, "the index of what is owed is looked at again");
            return Cursors::new();
        }
        Ok(Err(problem)) => problem.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::error!(%problem, "the index of what is owed cannot be read; it is looked at again");
    Cursors::new()
}
