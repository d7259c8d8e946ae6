//! The one way in: every command, whether it comes over HTTP or from a file, is checked, prepared and submitted here.

use std::sync::Arc;
use std::time::Duration;

use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, Family};
use tokio::sync::Semaphore;

use crate::actor::{Call, CommandSpec, Target};
use crate::catalogue;
use crate::erased::{Preparation, Ready};
use crate::problem::{self, Problem};
use crate::runtime::{Outcome, Runtime, Submission};

/// The longest idempotency key, as Stripe's.
pub const MOST_KEY_CHARS: usize = 255;

/// Preparations that are slow on purpose and under way at once, per core: each takes 19 MiB and a core, so more of them
/// would only take both from everybody else.
const SLOW_PER_CORE: usize = 2;
/// How long a command waits for its turn to be slow.
const SLOW_PATIENCE: Duration = Duration::from_secs(10);

/// Why a command was not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRun {
    /// What its caller is told.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// Another node serves the partition of its entity. Nothing was begun here.
    #[error("another node serves partition {0}")]
    Elsewhere(u16),
}

impl From<NotRun> for Problem {
    /// For those who cannot ask another node.
    fn from(not_run: NotRun) -> Self {
        match not_run {
            NotRun::Problem(problem) => problem,
            NotRun::Elsewhere(_) => Self::later(&problem::UNAVAILABLE, not_run.to_string()),
        }
    }
}

/// Takes commands. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    runtime: Runtime,
    secrets: Arc<Secrets>,
    slow: Arc<Semaphore>,
}

impl Commands {
    /// Commands into `runtime`.
    #[must_use]
    pub fn new(runtime: Runtime, secrets: Arc<Secrets>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { runtime, secrets, slow: Arc::new(Semaphore::new(cores * SLOW_PER_CORE)) }
    }

    /// The command `name` of `family`, if there is one with an id (or none) in its path.
    #[must_use]
    pub fn spec(family: Family, name: &str, id: Option<EntityId>) -> Option<&'static CommandSpec> {
        catalogue::actor(family).commands().iter().find(|spec| {
            spec.name == name
                && matches!((spec.target, id), (Target::Id, Some(_)) | (Target::New | Target::Token, None))
        })
    }

    /// Runs one command to its durable answer.
    ///
    /// # Errors
    /// Why it was not done here. After [`problem::UNKNOWN_OUTCOME`] a retry with the same key finds out.
    pub async fn run(&self, family: Family, name: &str, call: Call, body: &[u8]) -> Result<Outcome, NotRun> {
        let spec = Self::spec(family, name, call.id)
            .ok_or_else(|| Problem::new(&problem::NOT_FOUND, format!("{} have no command {name:?}", family.name())))?;
        if !spec.roles.contains(&call.caller.role) {
            let roles: Vec<_> = spec.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
            let detail = format!("this command is for keys of the role {}", roles.join(" or "));
            return Err(Problem::new(&problem::FORBIDDEN, detail).into());
        }
        if call.key.is_empty() || call.key.len() > MOST_KEY_CHARS || call.key.bytes().any(|b| b.is_ascii_control()) {
            let detail = "an idempotency key has 1 to 255 printable characters";
            return Err(Problem::new(&problem::INVALID_REQUEST, detail).into());
        }
        let preparation = catalogue::actor(family).prepare(name, body, &call, &self.secrets)?;
        let partition = self.runtime.partition_of(preparation.entity());
        if self.runtime.is_elsewhere(partition) {
            return Err(NotRun::Elsewhere(partition));
        }
        let ready = match preparation {
            Preparation::Ready(ready) => ready,
            Preparation::Slow(_, prepare) => self.slowly(prepare).await?,
        };
        let command = self.secrets.command(&call.caller.principal, &call.key, ready.entity);
        let submission = Submission { ready, command, caller: call.caller, if_match: call.if_match };
        Ok(self.runtime.submit(submission).await?)
    }

    async fn slowly(
        &self,
        prepare: impl FnOnce() -> Result<Ready, Problem> + Send + 'static,
    ) -> Result<Ready, Problem> {
        let turn = tokio::time::timeout(SLOW_PATIENCE, Arc::clone(&self.slow).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Problem::later(&problem::OVERLOADED, "too many commands with a PIN or a name are under way"));
        };
        // The turn goes with the work: a caller that hangs up does not make room for another before it is done.
        let work = move || {
            let ready = prepare();
            drop(turn);
            ready
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| Problem::new(&problem::INTERNAL, "preparing the command failed"))?
    }
}
