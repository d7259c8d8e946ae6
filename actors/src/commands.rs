//! The one way in: every command, whether it comes over HTTP or from a file, is checked, prepared and submitted here.

use std::sync::Arc;

use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, Family};

use crate::actor::{Call, CommandSpec, Target};
use crate::catalogue;
use crate::erased::Preparation;
use crate::problem::{self, Problem};
use crate::runtime::{Outcome, Runtime, Submission};

/// The longest idempotency key, as Stripe's.
pub const MOST_KEY_CHARS: usize = 255;

/// Takes commands. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    runtime: Runtime,
    secrets: Arc<Secrets>,
}

impl Commands {
    /// Commands into `runtime`.
    #[must_use]
    pub const fn new(runtime: Runtime, secrets: Arc<Secrets>) -> Self {
        Self { runtime, secrets }
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
    /// Why it was not done. After [`problem::UNKNOWN_OUTCOME`] a retry with the same key finds out.
    pub async fn run(&self, family: Family, name: &str, call: Call, body: &[u8]) -> Result<Outcome, Problem> {
        let spec = Self::spec(family, name, call.id)
            .ok_or_else(|| Problem::new(&problem::NOT_FOUND, format!("{} have no command {name:?}", family.name())))?;
        if !spec.roles.contains(&call.caller.role) {
            return Err(Problem::new(&problem::FORBIDDEN, format!("{name} is not for a key of this role")));
        }
        if call.key.is_empty() || call.key.len() > MOST_KEY_CHARS || call.key.bytes().any(|b| b.is_ascii_control()) {
            return Err(Problem::new(
                &problem::INVALID_REQUEST,
                "an idempotency key has 1 to 255 printable characters",
            ));
        }
        let ready = match catalogue::actor(family).prepare(name, body, &call, &self.secrets)? {
            Preparation::Ready(ready) => ready,
            Preparation::Slow(prepare) => tokio::task::spawn_blocking(prepare)
                .await
                .map_err(|_| Problem::new(&problem::INTERNAL, "preparing the command failed"))??,
        };
        let command = self.secrets.command(&call.caller.principal, &call.key, ready.entity);
        self.runtime.submit(Submission { ready, command, caller: call.caller, if_match: call.if_match }).await
    }
}
