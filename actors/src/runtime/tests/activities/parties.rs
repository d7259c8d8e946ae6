//! Issuers and a shop as other parties see them: each answers the same key the same way, and a test says what becomes of each
//! try.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kippu_events::EntityId;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::activity::{Executor, NoOutcome, Outcome, Task, Work};

/// What becomes of a try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It takes effect, and the answer comes.
    Done,
    /// It takes effect, and the answer is lost.
    Lost,
    /// Nothing comes of it.
    Failed,
    /// It takes effect, and the answer comes once the test lets it go.
    Late,
    /// Nothing comes of it, and nobody says so.
    Hangs,
    /// The party does not listen now.
    Forbidden,
    /// The executor has a defect.
    Panics,
}

/// What becomes of a try of what is owed to a party, by how often that was tried before.
type Script = Box<dyn Fn(EntityId, usize) -> Fate + Send + Sync>;

pub struct Parties {
    script: Mutex<Script>,
    known: Mutex<Known>,
    go: watch::Sender<bool>,
}

#[derive(Default)]
struct Known {
    /// What was done, by key.
    done: HashMap<String, Value>,
    tries: HashMap<String, usize>,
    waiting: HashSet<String>,
}

impl Parties {
    pub fn new(script: impl Fn(EntityId, usize) -> Fate + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { script: Mutex::new(Box::new(script)), known: Mutex::default(), go: watch::channel(false).0 })
    }

    /// From now on this is what becomes of a try.
    pub fn decide(&self, script: impl Fn(EntityId, usize) -> Fate + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// What took effect.
    pub fn effects(&self) -> usize {
        self.known.lock().unwrap().done.len()
    }

    pub fn tries(&self) -> usize {
        self.known.lock().unwrap().tries.values().sum()
    }

    /// Keys that were met.
    pub fn keys(&self) -> usize {
        self.known.lock().unwrap().tries.len()
    }

    /// Tries whose answer waits to be let go.
    pub fn waiting(&self) -> usize {
        self.known.lock().unwrap().waiting.len()
    }

    pub fn let_go(&self) {
        self.go.send_replace(true);
    }
}

/// Whatever is asked is done, as far as it can be from what is asked alone.
fn answered(task: &Task) -> Value {
    let Work::Command { path, body } = &task.work else { panic!("no content is to be fetched") };
    let body: Value = serde_json::from_slice(body).unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["", "v1", "approvals", "redeem"] => {
            json!({"id": task.entity.id, "amount": body["amount"], "currency": body["currency"]})
        }
        ["", "v1", "offers"] => json!({"id": task.entity.id, "total": 10, "currency": "EUR"}),
        ["", "v1", "offers", offer, "deliver"] => {
            json!({"id": offer, "items": [{"name": "disc", "quantity": 1}], "amount": 10})
        }
        ["", "v1", "approvals", "release"] | ["", "v1", "approvals", _, "settle"] => json!({}),
        _ => panic!("nobody is asked for {path}"),
    }
}

async fn none() -> Result<Outcome, NoOutcome> {
    Err(NoOutcome { reason: "no answer".to_owned(), retry_after: None, noted: None })
}

impl Executor for Parties {
    fn perform(&self, task: Task) -> BoxFuture<'static, Result<Outcome, NoOutcome>> {
        let mut known = self.known.lock().unwrap();
        let tries = known.tries.entry(task.key.clone()).or_default();
        let fate = (self.script.lock().unwrap())(task.owed.to, *tries);
        *tries += 1;
        let mut done =
            || known.done.entry(task.key.clone()).or_insert_with(|| answered(&task)).to_string().into_bytes();
        match fate {
            Fate::Done => {
                let body = done();
                async { Ok(Outcome { status: 200, body }) }.boxed()
            }
            Fate::Lost => {
                done();
                none().boxed()
            }
            Fate::Failed => none().boxed(),
            Fate::Late => {
                let body = done();
                known.waiting.insert(task.key);
                let mut go = self.go.subscribe();
                async move {
                    // An error means that the test is over.
                    let _over = go.wait_for(|go| *go).await;
                    Ok(Outcome { status: 200, body })
                }
                .boxed()
            }
            Fate::Hangs => std::future::pending().boxed(),
            Fate::Forbidden => {
                let body = json!({"type": "/problems/forbidden"}).to_string().into_bytes();
                async { Ok(Outcome { status: 403, body }) }.boxed()
            }
            Fate::Panics => async { panic!("a defect, as the test wants it") }.boxed(),
        }
    }
}
