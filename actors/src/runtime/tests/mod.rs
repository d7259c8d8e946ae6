//! The runtime from outside: real families on a memory log whose durability and faults the test decides.

mod deadlines;
mod memory;
mod once;
mod open;
mod order;
mod reactions;
mod seal;
mod standby;
mod upkeep;
mod writers;

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kippu_events::access::clients::Role;
use kippu_events::log::memory::MemoryLog;
use kippu_events::log::{Log, LogId};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, Family, Principal, Time};
use serde_json::{Value, json};

use super::clock::ManualClock;
use super::{Outcome, Phase, Runtime, RuntimeConfig, Serves};
use crate::actor::{Answer, Call};
use crate::commands::Commands;
use crate::problem::Problem;
use kippu_events::access::Caller;

const LOG: LogId = LogId([7; 16]);
const NOON: Time = Time::from_micros(1_795_253_400_000_000);

/// No test waits for time to pass; one that waits this long for others has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks, with others running in between, until the answer `is_so`; gives it.
#[track_caller]
fn until<T: Debug>(ask: impl AsyncFn() -> T, is_so: impl Fn(&T) -> bool) -> impl Future<Output = T> {
    let asker = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        loop {
            let answer = ask().await;
            if is_so(&answer) {
                return answer;
            }
            assert!(begun.elapsed() < PATIENCE, "{asker}: still {answer:?}");
            tokio::task::yield_now().await;
        }
    }
}

/// A log, a key store, a clock and a folder, which outlive the runtimes that a test starts on them.
struct Stage {
    log: Arc<MemoryLog>,
    secrets: Arc<Secrets>,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
    most_loaded: usize,
}

/// Runs a test on a fresh stage.
fn on_stage<F: Future<Output = ()>>(test: impl FnOnce(Stage) -> F) {
    actix::System::new().block_on(test(Stage {
        log: MemoryLog::new(LOG, 2),
        secrets: Arc::new(Secrets::ephemeral(1, LOG)),
        clock: Arc::new(ManualClock::new(NOON)),
        folder: tempfile::tempdir().unwrap(),
        most_loaded: 1_000,
    }));
}

impl Stage {
    /// A runtime whose entity store is in the folder `cache`.
    async fn start(&self, cache: &str) -> Play {
        self.start_with(cache, Serves::All).await
    }

    /// The same, for a node that shares the partitions with others.
    async fn join(&self, cache: &str) -> Play {
        self.start_with(cache, Serves::Assigned).await
    }

    async fn start_with(&self, cache: &str, serves: Serves) -> Play {
        let config = RuntimeConfig {
            serves,
            most_loaded: self.most_loaded,
            threads: 1,
            ..RuntimeConfig::new(self.folder.path().join(cache))
        };
        let log: Arc<dyn Log> = self.log.clone();
        let runtime = Runtime::start(config, log, Arc::clone(&self.secrets), self.clock.clone()).await.unwrap();
        Play { commands: Commands::new(runtime.clone(), Arc::clone(&self.secrets)), runtime }
    }
}

/// A runtime and the way into it.
#[derive(Clone)]
struct Play {
    commands: Commands,
    runtime: Runtime,
}

impl Play {
    /// Waits until every command that was sent from here has come to its partition.
    async fn all_arrived(&self) {
        // What is asked later in the same mailboxes is answered later.
        self.runtime.figures().await;
        actix::spawn(async {}).await.unwrap();
        self.runtime.figures().await;
    }

    async fn run(
        &self,
        caller: Caller,
        family: Family,
        id: Option<EntityId>,
        name: &str,
        key: &str,
        body: Value,
    ) -> Result<Outcome, Problem> {
        let call = Call { caller, key: key.to_owned(), id, if_match: None };
        Ok(self.commands.run(family, name, call, body.to_string().as_bytes()).await?)
    }

    /// Opens a placement.
    async fn open(&self, key: &str) -> Result<Outcome, Problem> {
        self.run(Caller::OPERATOR, Family::Placements, None, "open", key, json!({ "label": key })).await
    }

    /// Places or moves the placement `id`.
    async fn place(&self, id: EntityId, name: &str, key: &str, server: &str) -> Result<Outcome, Problem> {
        let field = if name == "place" { "server" } else { "to" };
        self.run(Caller::OPERATOR, Family::Placements, Some(id), name, key, json!({ field: server })).await
    }

    /// Places the placement `id`, once its partition has claimed anew.
    async fn placed(&self, id: EntityId) -> Outcome {
        let answer = until(async || self.place(id, "place", "p", "a").await, |answer| slug(answer) != "unavailable");
        answer.await.unwrap()
    }

    /// Registers a user with a limit of 10.00 EUR; gives a terminal that stores the user's identification.
    async fn terminal(&self, login: &str) -> Caller {
        let body = json!({ "login": login, "limit": { "source": "fixed", "amount": 1000, "currency": "EUR" } });
        let user = self.run(Caller::OPERATOR, Family::Users, None, "open", login, body).await.unwrap().entity.id;
        Caller::of_client(EntityId::from_hash(&[9; 32]), Role::Terminal, Some(user))
    }

    /// Asks for an approval that is good for a minute.
    async fn approve(&self, terminal: Caller, key: &str, amount: u64) -> Result<Outcome, Problem> {
        let body = json!({ "amount": amount, "currency": "EUR", "expires_in_secs": 60 });
        self.run(terminal, Family::Approvals, None, "open", key, body).await
    }

    async fn redeem(&self, key: &str, token: &str) -> Result<Outcome, Problem> {
        let settler = Caller::of_client(EntityId::from_hash(&[8; 32]), Role::Settler, None);
        self.run(settler, Family::Approvals, None, "redeem", key, json!({ "token": token })).await
    }
}

fn body(outcome: &Outcome) -> Value {
    match &outcome.answer {
        Answer::Done { body, .. } => serde_json::from_slice(body).unwrap(),
        Answer::Refused(problem) => json!({ "refused": problem.kind.slug }),
    }
}

fn slug(result: &Result<Outcome, Problem>) -> &'static str {
    match result {
        Ok(Outcome { answer: Answer::Refused(problem), .. }) | Err(problem) => problem.kind.slug,
        Ok(Outcome { answer: Answer::Done { .. }, .. }) => "done",
    }
}
