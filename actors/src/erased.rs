//! Families without their types: what the runtime and the edge work with.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use kippu_events::blobs::BlobId;
use kippu_events::decoding::{culprit, from_tagged};
use kippu_events::entity::AnyEntity;
use kippu_events::event::{AnyEvent, Mac, Recorded, Typed};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, EntityKey, NotAnEvent, Time};

use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, LookedUp, Neighbours, Preparing};
use crate::problem::{self, Problem, ProblemType};

/// A command of any family, as [`AnyActor::decide`] takes it.
pub type AnyCommand = Box<dyn Any + Send>;

/// A command that is ready for its entity.
pub struct Ready {
    /// The entity that decides.
    pub entity: EntityKey,
    /// Keyed hash of what was asked.
    pub body: Mac,
    /// What was asked; or why it cannot be decided, which is told to who has not asked it before.
    pub command: Result<AnyCommand, Problem>,
}

/// A request that was read.
pub struct Preparation {
    /// The entity that decides.
    pub entity: EntityKey,
    /// Keyed hash of what was asked.
    pub body: Mac,
    /// What is to be looked up first.
    pub lookups: Vec<EntityKey>,
    /// Which blobs are to be there.
    pub blobs: Vec<BlobId>,
    /// Whether [`Preparation::finish`] blocks, and MUST be called where that is allowed.
    pub is_slow: bool,
    /// See [`Preparation::finish`].
    rest: Rest,
}

type Rest = Box<dyn FnOnce(&[LookedUp], &[(BlobId, u64)]) -> Result<Ready, Problem> + Send>;

impl Preparation {
    /// Deals with the secrets in the request, with what was looked up and the sizes of the blobs.
    ///
    /// # Errors
    /// What is wrong with the request, a blob that is not there first of all.
    pub fn finish(self, looked_up: &[LookedUp], blobs: &[(BlobId, u64)]) -> Result<Ready, Problem> {
        match self.blobs.iter().find(|id| !blobs.iter().any(|(there, _)| there == *id)) {
            Some(missing) => Err(problem::blob_missing(*missing)),
            None => (self.rest)(looked_up, blobs),
        }
    }
}

/// What a command became.
pub struct Decided {
    /// The events, each with its entity; the first is of the entity that decided.
    pub events: Vec<(EntityKey, Box<dyn AnyEvent>)>,
    /// What its caller is told once they are durable.
    pub answer: Answer,
}

/// An [`Actor`] of any family.
pub trait AnyActor: Send + Sync {
    /// Which.
    #[cfg(test)]
    fn family(&self) -> kippu_events::Family;
    /// See [`Actor::COMMANDS`].
    fn commands(&self) -> &'static [CommandSpec];
    /// See [`Actor::PROBLEMS`].
    fn problems(&self) -> &'static [&'static ProblemType];
    /// The JSON Schema of the bodies of all commands: adjacently tagged by `command`.
    fn request_schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema;
    /// The JSON Schema of what accepted commands answer.
    fn reply_schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema;
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with the request.
    fn prepare(&self, command: &str, body: &[u8], call: &Call, secrets: &Arc<Secrets>) -> Result<Preparation, Problem>;
    /// See [`Actor::neighbours`].
    fn neighbours(&self, state: &dyn AnyEntity, command: &AnyCommand, context: &Context) -> Vec<EntityKey>;
    /// See [`Actor::decide`].
    ///
    /// # Errors
    /// The rule that said no.
    fn decide(
        &self,
        state: &dyn AnyEntity,
        command: &AnyCommand,
        neighbours: Neighbours<'_>,
        context: &Context,
        secrets: &Secrets,
    ) -> Result<Decided, Problem>;
    /// The answer to a command that became `events` (of its entity) in the past.
    ///
    /// # Errors
    /// An event that does not decode.
    fn answer(&self, id: EntityId, events: &[&Recorded<'_>], secrets: &Secrets) -> Result<Answer, NotAnEvent>;
    /// The time of [`Actor::due`].
    fn due(&self, state: &dyn AnyEntity) -> Option<Time>;
    /// The command of [`Actor::due`].
    fn when_due(&self, state: &dyn AnyEntity) -> Option<AnyCommand>;
    /// See [`Actor::owed`].
    fn owed(&self, state: &dyn AnyEntity, id: EntityId) -> Option<Owed>;
    /// See [`Actor::WAITS`].
    fn waits(&self) -> bool;
    /// See [`Actor::work`].
    fn work(&self, state: &dyn AnyEntity, id: EntityId, secrets: &Secrets) -> Option<Work>;
    /// See [`Actor::came_of`].
    ///
    /// # Errors
    /// Of a family that owes nothing.
    fn came_of(&self, attempt: u32, outcome: Outcome, id: EntityId, secrets: &Secrets) -> Result<AnyCommand, Problem>;
}

/// The family with state `E`.
pub struct Of<E>(PhantomData<fn() -> E>);

impl<E> Of<E> {
    /// The family.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E> Default for Of<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Actor> AnyActor for Of<E> {
    #[cfg(test)]
    fn family(&self) -> kippu_events::Family {
        E::FAMILY
    }

    fn commands(&self) -> &'static [CommandSpec] {
        E::COMMANDS
    }

    fn problems(&self) -> &'static [&'static ProblemType] {
        E::PROBLEMS
    }

    fn request_schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<E::Request>()
    }

    fn reply_schema(&self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<E::Reply>()
    }

    fn prepare(&self, command: &str, body: &[u8], call: &Call, secrets: &Arc<Secrets>) -> Result<Preparation, Problem> {
        let raw = problem::raw_body(body)?;
        let request: E::Request = from_tagged("command", command, "body", raw.get()).map_err(|error| {
            problem::bad_member(&error, || culprit::<E::Request>("command", command, "body", raw.get()))
        })?;
        // What was asked, not how it was spelt: the same parameters in other white space are the same command.
        let canonical = serde_json::to_vec(&request).map_err(|e| problem::bad_body(&e))?;
        problem::check_lists(raw, &canonical)?;
        let mac = secrets.body(command, &canonical);
        let id = E::target(&request, call, secrets)?;
        let entity = EntityKey::of::<E>(id);
        let (lookups, blobs, is_slow) = (E::lookups(&request), E::named_blobs(&request), E::is_slow(&request));
        let (call, secrets) = (call.clone(), Arc::clone(secrets));
        let rest = move |looked_up: &[LookedUp], blobs: &[(BlobId, u64)]| {
            let command = E::prepare(request, &Preparing { id, call: &call, secrets: &secrets, looked_up, blobs })?;
            Ok(Ready { entity, body: mac, command: Ok(Box::new(command)) })
        };
        Ok(Preparation { entity, body: mac, lookups, blobs, is_slow, rest: Box::new(rest) })
    }

    fn neighbours(&self, state: &dyn AnyEntity, command: &AnyCommand, context: &Context) -> Vec<EntityKey> {
        typed::<E>(state, command).map(|(state, command)| state.neighbours(command, context)).unwrap_or_default()
    }

    fn decide(
        &self,
        state: &dyn AnyEntity,
        command: &AnyCommand,
        neighbours: Neighbours<'_>,
        context: &Context,
        secrets: &Secrets,
    ) -> Result<Decided, Problem> {
        let (state, command) = typed::<E>(state, command)
            .ok_or_else(|| Problem::new(&problem::INTERNAL, "a command reached another family's entity"))?;
        let mut decision = state.decide(command, neighbours, context)?;
        if decision.own.is_empty() {
            // The record could not be found by its command.
            return Err(Problem::new(&problem::INTERNAL, "a decision has an event of the entity that decides"));
        }
        E::complete(context.id, &mut decision.own, secrets);
        let answer = E::answer(context.id, &decision.own, secrets);
        let key = EntityKey::of::<E>(context.id);
        let mut events: Vec<(EntityKey, Box<dyn AnyEvent>)> =
            Vec::with_capacity(decision.own.len() + decision.others.len());
        events.extend(decision.own.into_iter().map(|event| (key, Box::new(Typed::<E>(event)) as Box<dyn AnyEvent>)));
        events.extend(decision.others);
        Ok(Decided { events, answer })
    }

    fn answer(&self, id: EntityId, events: &[&Recorded<'_>], secrets: &Secrets) -> Result<Answer, NotAnEvent> {
        let own = events.iter().map(|event| event.decode::<E>().cloned()).collect::<Result<Vec<_>, _>>()?;
        Ok(E::answer(id, &own, secrets))
    }

    fn due(&self, state: &dyn AnyEntity) -> Option<Time> {
        state.as_any().downcast_ref::<E>()?.due().map(|(time, _)| time)
    }

    fn when_due(&self, state: &dyn AnyEntity) -> Option<AnyCommand> {
        let (_, command) = state.as_any().downcast_ref::<E>()?.due()?;
        Some(Box::new(command))
    }

    fn owed(&self, state: &dyn AnyEntity, id: EntityId) -> Option<Owed> {
        state.as_any().downcast_ref::<E>()?.owed(id)
    }

    fn waits(&self) -> bool {
        E::WAITS
    }

    fn work(&self, state: &dyn AnyEntity, id: EntityId, secrets: &Secrets) -> Option<Work> {
        state.as_any().downcast_ref::<E>()?.work(id, secrets)
    }

    fn came_of(&self, attempt: u32, outcome: Outcome, id: EntityId, secrets: &Secrets) -> Result<AnyCommand, Problem> {
        Ok(Box::new(E::came_of(attempt, outcome, id, secrets)?))
    }
}

fn typed<'a, E: Actor>(state: &'a dyn AnyEntity, command: &'a AnyCommand) -> Option<(&'a E, &'a E::Command)> {
    Some((state.as_any().downcast_ref()?, command.downcast_ref()?))
}
