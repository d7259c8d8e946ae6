//! The one way in: every command, whether it comes over HTTP or from a file, is checked, prepared and submitted here.

use std::sync::Arc;
use std::time::Duration;

use kippu_events::blobs::{BlobId, BlobStore};
use kippu_events::fair_queue::{FairQueue, NotDone};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, Family};

use kippu_events::access::Caller;

use crate::actor::{Call, CommandSpec, Target};
use crate::catalogue;
use crate::erased::{Preparation, Ready};
use crate::problem::{self, Problem};
use crate::runtime::{Outcome, Place, Runtime, Submission};

/// The longest idempotency key, as Stripe's.
const MOST_KEY_CHARS: usize = 255;

/// A UUID has 36, 32 of them random digits.
const LEAST_GUEST_KEY_CHARS: usize = 32;

/// Whether `key` can be an idempotency key, wherever it comes from: short enough, and nothing that a header cannot carry.
#[must_use]
pub fn is_key(key: &str) -> bool {
    (1..=MOST_KEY_CHARS).contains(&key.len()) && key.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether `caller` may give the command at all.
///
/// # Errors
/// What it is told otherwise: a guest, to say who calls.
pub fn may_give(spec: &CommandSpec, caller: &Caller) -> Result<(), Problem> {
    if caller.is_among(spec.roles) {
        return Ok(());
    }
    if caller.is_guest() {
        return Err(Problem::new(&problem::UNAUTHENTICATED, "this command needs an API key, a session or a signature"));
    }
    let roles: Vec<_> = spec.roles.iter().map(|role| role.name()).collect();
    let detail = format!("this command is for keys of the role {}", roles.join(" or "));
    Err(Problem::new(&problem::FORBIDDEN, detail))
}

/// How long a command waits for its turn to be slow.
const SLOW_PATIENCE: Duration = Duration::from_secs(10);

/// Why a command was not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRun {
    /// What its caller is told.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The partition of its entity is for another node, or opened here in a moment.
    #[error("another node serves partition {partition}")]
    OtherNode {
        /// Which.
        partition: u16,
        /// What its caller is told where nobody else is to be asked.
        problem: Problem,
    },
}

impl NotRun {
    /// Nothing was begun here.
    fn other_node(partition: u16) -> Self {
        let problem = Problem::later(&problem::UNAVAILABLE, format!("partition {partition} is not served here now"));
        Self::OtherNode { partition, problem }
    }
}

impl From<NotRun> for Problem {
    /// For those who cannot ask another node.
    fn from(not_run: NotRun) -> Self {
        match not_run {
            NotRun::Problem(problem) | NotRun::OtherNode { problem, .. } => problem,
        }
    }
}

/// Takes commands. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    runtime: Runtime,
    secrets: Arc<Secrets>,
    /// At preparations that are slow on purpose: each takes 19 MiB and a core.
    slow: Arc<FairQueue>,
    /// Where the blobs are that commands name; nothing where there are none.
    blobs: Option<BlobStore>,
}

impl Commands {
    /// Commands into `runtime`.
    #[must_use]
    pub fn new(runtime: Runtime, secrets: Arc<Secrets>) -> Self {
        Self { runtime, secrets, slow: Arc::default(), blobs: None }
    }

    /// The same, of which some may name blobs in `blobs`.
    #[must_use]
    pub fn with_blobs(self, blobs: BlobStore) -> Self {
        Self { blobs: Some(blobs), ..self }
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
        self.give(family, spec, call, body).await
    }

    /// As [`Commands::run`], with a command whose name was looked up already.
    ///
    /// # Errors
    /// As [`Commands::run`].
    pub async fn give(&self, family: Family, spec: &CommandSpec, call: Call, body: &[u8]) -> Result<Outcome, NotRun> {
        let prepared = self.prepare(family, spec, call, body).await?;
        self.submit(prepared).await
    }

    /// Checks a command and deals with its secrets, which may take its time. Nothing is done yet.
    ///
    /// # Errors
    /// Why it cannot be submitted here.
    pub async fn prepare(
        &self,
        family: Family,
        spec: &CommandSpec,
        call: Call,
        body: &[u8],
    ) -> Result<Submission, NotRun> {
        may_give(spec, &call.caller)?;
        // Guests have no name that keeps their keys apart: one that can be guessed would be told somebody else's answer.
        if call.caller.is_guest() && call.key.len() < LEAST_GUEST_KEY_CHARS {
            let detail =
                format!("the idempotency key of a guest has at least {LEAST_GUEST_KEY_CHARS} characters, as a UUID");
            return Err(Problem::new(&problem::INVALID_REQUEST, detail).into());
        }
        if !is_key(&call.key) {
            let detail = format!("an idempotency key has 1 to {MOST_KEY_CHARS} printable characters of ASCII");
            return Err(Problem::new(&problem::INVALID_REQUEST, detail).into());
        }
        let prepared = catalogue::actor(family).prepare(spec.name, body, &call, &self.secrets)?;
        let partition = self.runtime.partition_of(prepared.entity);
        if self.runtime.place_of(partition) != Place::Here {
            return Err(NotRun::other_node(partition));
        }
        let looks_up = !prepared.lookups.is_empty() || !prepared.blobs.is_empty();
        let (entity, body) = (prepared.entity, prepared.body);
        let ready = match self.ready(prepared, &call.caller).await {
            // What is looked up may have changed since: a retry is told what it was told before.
            Err(problem) if looks_up => Ready { entity, body, command: Err(problem) },
            ready => ready?,
        };
        let command = self.secrets.command(&call.caller.principal, &call.key, ready.entity);
        Ok(Submission { if_match: call.if_match, ..Submission::new(ready, command, call.caller) })
    }

    /// Brings what was prepared to its durable answer.
    ///
    /// # Errors
    /// Why it was not done. After [`problem::UNKNOWN_OUTCOME`] a retry with the same key finds out.
    pub async fn submit(&self, prepared: Submission) -> Result<Outcome, NotRun> {
        let partition = self.runtime.partition_of(prepared.ready.entity);
        let problem = match self.runtime.submit(prepared).await {
            Ok(outcome) => return Ok(outcome),
            Err(problem) => problem,
        };
        // It left this node meanwhile: who serves it now can tell, or do it.
        let is_open = problem.kind == &problem::UNAVAILABLE || problem.kind == &problem::UNKNOWN_OUTCOME;
        if is_open && self.runtime.place_of(partition) != Place::Here {
            return Err(NotRun::OtherNode { partition, problem });
        }
        Err(problem.into())
    }

    async fn ready(&self, prepared: Preparation, caller: &Caller) -> Result<Ready, Problem> {
        let mut looked_up = Vec::with_capacity(prepared.lookups.len());
        for key in &prepared.lookups {
            let found = self.runtime.peek(*key).await?;
            // What this node has not heard of may be new at another: nobody is refused for what was answered a moment ago.
            looked_up.push(if found.version == 0 { self.runtime.peek_now(*key).await? } else { found });
        }
        let blobs = self.sizes_of(&prepared.blobs).await?;
        if prepared.is_slow {
            self.slowly(caller, move || prepared.finish(&looked_up, &blobs)).await
        } else {
            prepared.finish(&looked_up, &blobs)
        }
    }

    /// The sizes of those of these blobs that are durable.
    async fn sizes_of(&self, blobs: &[BlobId]) -> Result<Vec<(BlobId, u64)>, Problem> {
        let mut sizes = Vec::with_capacity(blobs.len());
        let Some(store) = &self.blobs else { return Ok(sizes) };
        for id in blobs {
            match store.size(*id).await {
                Ok(size) => sizes.extend(size.map(|size| (*id, size))),
                Err(error) => {
                    tracing::warn!(%error, "the store of blobs does not say what it has");
                    return Err(Problem::later(&problem::UNAVAILABLE, "blobs cannot be looked for now"));
                }
            }
        }
        Ok(sizes)
    }

    async fn slowly(
        &self,
        caller: &Caller,
        prepare: impl FnOnce() -> Result<Ready, Problem> + Send + 'static,
    ) -> Result<Ready, Problem> {
        match tokio::time::timeout(SLOW_PATIENCE, self.slow.run(caller.party(), prepare)).await {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(NotDone::Panicked)) => Err(Problem::new(&problem::INTERNAL, "preparing the command failed")),
            Ok(Err(NotDone::Full)) | Err(_) => {
                Err(Problem::later(&problem::OVERLOADED, "too many commands with a PIN or a name are under way"))
            }
        }
    }
}
