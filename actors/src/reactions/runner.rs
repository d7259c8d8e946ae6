//! Reads every partition behind the cursors of those that this node serves, and gives the commands that follow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use kippu_events::event::{EventId, Mac, read_body};
use kippu_events::log::walk::{Step, Walk};
use kippu_events::log::{Bound, Content, Head, Log};
use kippu_events::principal::ReactionName;
use kippu_events::secrets::Secrets;
use kippu_events::{EntityKey, Principal};
use tokio::sync::Notify;

use super::{Given, Reaction};
use crate::erased::Ready;
use crate::problem::Problem;
use crate::runtime::{Runtime, Submission, walk_behind};
use kippu_events::access::Caller;

/// Targets that are given commands at once.
const AT_ONCE: usize = 64;
/// The pause before what could not be given, or read, is tried again.
const PAUSE: Duration = Duration::from_millis(250);
/// A look without a word from the log: partitions may have come to this node meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The running reactions. They end when this is dropped.
pub struct Reactions(Arc<Shared>);

struct Shared {
    log: Arc<dyn Log>,
    runtime: Runtime,
    secrets: Arc<Secrets>,
    reactions: Vec<Arc<dyn Reaction>>,
    moved: Notify,
}

impl Drop for Reactions {
    fn drop(&mut self) {
        self.0.moved.notify_one();
    }
}

impl Reactions {
    /// Lets `reactions` follow `log`, for the partitions that `runtime` serves.
    #[must_use]
    pub fn start(
        log: Arc<dyn Log>,
        runtime: Runtime,
        secrets: Arc<Secrets>,
        reactions: Vec<Arc<dyn Reaction>>,
    ) -> Self {
        let shared = Arc::new(Shared { log, runtime, secrets, reactions, moved: Notify::new() });
        let watched = Arc::downgrade(&shared);
        shared.log.watch(Arc::new(move |_| {
            if let Some(shared) = watched.upgrade() {
                shared.moved.notify_one();
            }
        }));
        if !shared.reactions.is_empty() {
            tokio::spawn(run(Arc::downgrade(&shared)));
        }
        Self(shared)
    }
}

/// How far one source partition was read.
struct Source {
    partition: u16,
    walk: Walk,
}

/// A command on its way.
struct Sent {
    name: ReactionName,
    event: EventId,
    ordinal: usize,
    correlation: Mac,
    given: Given,
}

async fn run(reactions: Weak<Shared>) {
    let (mut served, mut sources) = (BTreeSet::new(), Vec::new());
    loop {
        let Some(shared) = reactions.upgrade() else { return };
        let done = shared.round(&mut served, &mut sources).await;
        let waiting = Arc::downgrade(&shared);
        drop(shared);
        match done {
            Ok(true) => {}
            Ok(false) => wait(&waiting).await,
            Err(reason) => {
                tracing::error!(reason, "reactions do not go on; they are tried again");
                // From the cursors again: what was read of a page is in nobody's memory.
                served.clear();
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn wait(shared: &Weak<Shared>) {
    let Some(shared) = shared.upgrade() else { return };
    let moved = async move { shared.moved.notified().await };
    // A timeout is a look.
    let _looked = tokio::time::timeout(LOOK_EVERY, moved).await;
}

impl Shared {
    /// One page of each of the `sources`, for the partitions that are served; whether there may be more.
    async fn round(self: &Arc<Self>, served: &mut BTreeSet<u16>, sources: &mut Vec<Source>) -> Result<bool, String> {
        let now: BTreeSet<u16> = self.runtime.served().into_iter().collect();
        if !now.is_subset(served) {
            // What has come to this node may be further behind than the others.
            *sources = self.sources(now.clone()).await.map_err(|problem| problem.to_string())?;
        }
        *served = now;
        let mut more = false;
        for source in sources {
            let moved = self.turn(source, served).await;
            more |= moved.map_err(|reason| format!("partition {}: {reason}", source.partition))?;
        }
        Ok(more)
    }

    /// Every partition, from where the one of `targets` is that is furthest behind.
    async fn sources(self: &Arc<Self>, targets: BTreeSet<u16>) -> Result<Vec<Source>, Problem> {
        let shared = Arc::clone(self);
        let found = tokio::task::spawn_blocking(move || {
            let log = &*shared.log;
            let mut sources = Vec::new();
            for partition in 0..log.partitions() {
                let heads = targets.iter().map(|target| shared.runtime.reacted(*target, partition));
                let heads = heads.collect::<Result<Option<Vec<Head>>, _>>()?;
                let furthest = heads.and_then(|heads| heads.into_iter().min_by_key(|head| head.number));
                let resumed = furthest.map(|head| walk_behind(log, partition, head)).transpose()?.flatten();
                sources.push(Source { partition, walk: resumed.unwrap_or_else(|| Walk::new(log, partition)) });
            }
            Ok(sources)
        });
        found.await.map_err(|_| Problem::internal("the cursors were not read"))?
    }

    /// Reads one page of `source`, gives what follows, and moves its cursors; whether there may be more.
    async fn turn(self: &Arc<Self>, source: &mut Source, served: &BTreeSet<u16>) -> Result<bool, String> {
        let (shared, partition, offset) = (Arc::clone(self), source.partition, source.walk.offset());
        let page = tokio::task::spawn_blocking(move || shared.log.read(partition, offset, Bound::default()));
        let page = page.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        if page.entries.is_empty() {
            return Ok(false);
        }
        let mut sent: BTreeMap<EntityKey, Vec<Sent>> = BTreeMap::new();
        for entry in &page.entries {
            let step = source.walk.take(entry.offset, &entry.stored).map_err(|broken| broken.to_string())?;
            let Step::Valid(record) = step else { continue };
            if let Content::Commit(commit) = record.content {
                self.follow(commit.body, served, &mut sent).map_err(|error| error.to_string())?;
            }
        }
        let all = sent.into_iter().map(async |(target, commands)| (target, self.give(commands).await));
        let mut given = stream::iter(all).buffer_unordered(AT_ONCE);
        let mut reached = served.clone();
        while let Some((target, is_given)) = given.next().await {
            if !is_given {
                // Whoever serves it now gives it.
                reached.remove(&self.runtime.partition_of(target));
            }
        }
        if let Some(head) = source.walk.head() {
            let (shared, served) = (Arc::clone(self), reached);
            let noted = tokio::task::spawn_blocking(move || shared.runtime.note_reacted(&served, partition, head));
            if let Ok(Err(problem)) = noted.await {
                // What was given is found to be done, from whatever cursor.
                tracing::warn!(%problem, "how far reactions have come is not noted");
            }
        }
        Ok(true)
    }

    /// The commands that follow from the events in `body`, for targets in `served`.
    fn follow(
        &self,
        body: &[u8],
        served: &BTreeSet<u16>,
        sent: &mut BTreeMap<EntityKey, Vec<Sent>>,
    ) -> Result<(), kippu_events::NotAnEvent> {
        for event in read_body(body)? {
            for reaction in self.reactions.iter().filter(|reaction| reaction.kinds().contains(&event.kind)) {
                let Some(name) = ReactionName::new(reaction.name()) else { continue };
                for (ordinal, given) in reaction.react(&event)?.into_iter().enumerate() {
                    if !served.contains(&self.runtime.partition_of(given.target)) {
                        continue;
                    }
                    let correlation = event.cause.correlation.unwrap_or(event.cause.command);
                    let command = Sent { name, event: event.id, ordinal, correlation, given };
                    sent.entry(command.given.target).or_default().push(command);
                }
            }
        }
        Ok(())
    }

    /// Gives one target its commands, one after the other, until each is done; false where it is not served here any more.
    async fn give(&self, commands: Vec<Sent>) -> bool {
        for Sent { name, event, ordinal, correlation, given: Given { target, command } } in commands {
            let principal = Principal::Reaction(name);
            let id = self.secrets.command(&principal, &format!("{event}/{ordinal}"), target);
            loop {
                let ready = Ready { entity: target, body: Mac::default(), command: Ok(command()) };
                let submission = Submission {
                    causation: Some(event),
                    correlation: Some(correlation),
                    ..Submission::new(ready, id, Caller::of_reaction(name))
                };
                match self.runtime.submit(submission).await {
                    Ok(_) => break,
                    Err(problem) if !problem.is_for_later() => {
                        tracing::error!(%problem, %target, %event, "the command of a reaction was refused");
                        break;
                    }
                    Err(_) if !self.runtime.serves(target) => return false,
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
        }
        true
    }
}
