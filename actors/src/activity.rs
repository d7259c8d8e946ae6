//! An activity: what an entity owes the world outside its log, such as a signed command to another party. It is a part of the
//! entity's state until its outcome is an event. The module `activities` sees that it is done.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use kippu_events::{EntityId, EntityKey, Time};
use serde::{Deserialize, Serialize};

/// That an entity owes something, as the index of what is owed has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Owed {
    /// Whom it concerns: a peer, or a webhook. What concerns one holds up nobody else's.
    pub to: EntityId,
    /// Which of the entity's activities it is: each has a number of its own, greater than those before it.
    pub attempt: u32,
    /// Since when.
    pub since: Time,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Work {
    /// A command to the peer to whom it is owed, signed.
    Command {
        /// Its path.
        path: String,
        /// A JSON object.
        body: Vec<u8>,
    },
    /// Bytes to be fetched from that peer, and kept as a blob.
    Fetch {
        /// Where.
        path: String,
        /// What opens it.
        capability: String,
        /// What they hash to, SHA-256 in hexadecimal digits: other bytes are no outcome.
        sha256: String,
        /// How many they are.
        size: u64,
    },
    /// The next event that the webhook is to be sent, once there is one.
    Push,
}

/// Some work, and under which key.
#[derive(Clone, Debug)]
pub struct Task {
    /// Who owes it.
    pub entity: EntityKey,
    /// To whom, and which.
    pub owed: Owed,
    /// The idempotency key: the same at every try.
    pub key: String,
    /// What is to be done.
    pub work: Work,
    /// Where [`crate::actor::Actor::WAITS`] says so, whether there is something to do is told here.
    pub progress: Progress,
}

/// Whether there is something to do for what is owed.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(Option<Time>) + Send + Sync>);

impl Progress {
    /// Lets `tell` know.
    pub fn new(tell: impl Fn(Option<Time>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// There is, since then.
    pub fn found(&self, since: Time) {
        (self.0)(Some(since));
    }

    /// There is nothing.
    pub fn waits(&self) {
        (self.0)(None);
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

/// What came of an activity: a genuine answer that will not change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// HTTP status: done below 300, refused from 400 on.
    pub status: u16,
    /// What was answered: a JSON object, or a problem.
    pub body: Vec<u8>,
}

impl Outcome {
    /// Whether it was done.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.status < 300
    }

    /// The answer, where it was done and answers this.
    #[must_use]
    pub fn answer<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        self.is_done().then(|| serde_json::from_slice(&self.body).ok()).flatten()
    }

    /// Why it was refused: the name of the problem.
    #[must_use]
    pub fn refusal(&self) -> String {
        #[derive(Deserialize)]
        struct Problem {
            r#type: String,
        }
        let problem = serde_json::from_slice::<Problem>(&self.body).ok();
        let slug = problem.and_then(|problem| problem.r#type.strip_prefix("/problems/").map(str::to_owned));
        slug.filter(|slug| slug.len() <= 64).unwrap_or_else(|| format!("status-{}", self.status))
    }
}

/// A try that came to nothing: nobody knows whether it took effect, and the same is tried again.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct NoOutcome {
    /// Why.
    pub reason: String,
    /// How long whom it is owed to wants to be left alone.
    pub retry_after: Option<Duration>,
    /// What the entity is told of it all the same, once for each activity, which stays owed.
    pub noted: Option<Outcome>,
}

/// Does what is owed. Given by whoever starts the node.
pub trait Executor: Send + Sync {
    /// One try.
    ///
    /// # Errors
    /// Where there is no outcome yet.
    fn perform(&self, task: Task) -> BoxFuture<'static, Result<Outcome, NoOutcome>>;
}
