//! The trait of a family: which commands it takes, what they decide, and how the answer reads. Everything here is pure:
//! time, caller and secrets' work come in from outside.

use std::any::Any;

use kippu_events::access::{Caller, Role};
use kippu_events::entity::AnyEntity;
use kippu_events::etag::Tags;
use kippu_events::event::{AnyEvent, Typed};
use kippu_events::secrets::Secrets;
use kippu_events::{Entity, EntityId, EntityKey, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::{self, Problem};

/// One command as it was called.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who calls.
    pub caller: Caller,
    /// The idempotency key.
    pub key: String,
    /// The entity in the path, where the command has one there.
    pub id: Option<EntityId>,
    /// Decided on one of these versions of the entity, where the caller says so.
    pub if_match: Option<Tags>,
}

impl Call {
    /// The entity in the path.
    ///
    /// # Errors
    /// [`problem::NOT_FOUND`] where the path names none.
    pub fn path_id(&self) -> Result<EntityId, Problem> {
        self.id.ok_or_else(|| Problem::new(&problem::NOT_FOUND, "the path names no entity"))
    }
}

/// Where a command's entity is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// Nowhere: it opens one. `POST /v1/{family}`.
    New,
    /// In the path. `POST /v1/{family}/{id}/{command}`.
    Id,
    /// Inside a token in the body. `POST /v1/{family}/{command}`.
    Token,
}

/// What the edge, the documentation and the access check need to know of a command.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec {
    /// As in paths and in the request's tag; `open` for [`Target::New`].
    pub name: &'static str,
    /// Where its entity is named.
    pub target: Target,
    /// Who may call it.
    pub roles: &'static [Role],
    /// One line for the documentation.
    pub summary: &'static str,
}

/// What a decision is made with, besides state and command.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The time of the record, if there will be one.
    pub now: Time,
    /// Who asks.
    pub caller: Caller,
    /// The entity that decides.
    pub id: EntityId,
}

/// The neighbour that a decision also looks at.
#[derive(Clone, Copy, Default)]
pub struct Neighbour<'a>(pub Option<&'a dyn AnyEntity>);

impl<'a> Neighbour<'a> {
    /// The neighbour, where it is there and of this family.
    #[must_use]
    pub fn get<E: Entity>(&self) -> Option<&'a E> {
        self.0.and_then(|state| state.as_any().downcast_ref())
    }
}

/// The events that a command becomes, all in one record: first those of the entity that decides, then a neighbour's.
pub struct Decision<E: Entity> {
    /// The entity's own; at least one, so that the record can be found by its command.
    pub own: Vec<E::Event>,
    /// Of entities born in the same slot.
    pub neighbour: Vec<(EntityKey, Box<dyn AnyEvent>)>,
}

impl<E: Entity> Decision<E> {
    /// One event of the deciding entity.
    #[must_use]
    pub fn one(event: E::Event) -> Self {
        Self { own: vec![event], neighbour: Vec::new() }
    }

    /// And one of the neighbour `id`.
    #[must_use]
    pub fn and<N: Entity>(mut self, id: EntityId, event: N::Event) -> Self {
        self.neighbour.push((EntityKey::of::<N>(id), Box::new(Typed::<N>(event))));
        self
    }
}

/// What the caller is told once the events are durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done: status and JSON body.
    Done {
        /// 200 or 201.
        status: u16,
        /// A JSON object.
        body: Vec<u8>,
    },
    /// It was refused, and the refusal is on record.
    Refused(Problem),
}

impl Answer {
    /// 200 with `body`.
    pub fn ok(body: &impl Serialize) -> Self {
        Self::done(200, body)
    }

    /// 201 with `body`.
    pub fn created(body: &impl Serialize) -> Self {
        Self::done(201, body)
    }

    /// To a command whose events are none that a command of its family becomes: a defect, or another code's history.
    #[must_use]
    pub fn unanswerable() -> Self {
        Self::Refused(Problem::new(&problem::INTERNAL, "what this command became has no answer"))
    }

    fn done(status: u16, body: &impl Serialize) -> Self {
        // Answers are plain structs of strings and numbers, whose serialisation cannot fail.
        #[allow(clippy::expect_used)]
        let body = serde_json::to_vec(body).expect("answers serialise");
        Self::Done { status, body }
    }
}

/// A family: what its entities may be asked, and what they decide.
///
/// `neighbour`, `decide`, `complete`, `answer` and `due` MUST be synchronous, total and pure: no clock, randomness, I/O or logging.
/// The same state, command, neighbour and context MUST give the same decision.
pub trait Actor: Entity {
    /// What callers send. MUST be `#[serde(tag = "command", content = "body", rename_all = "snake_case")]` over one
    /// struct with `#[serde(deny_unknown_fields)]` per command.
    type Request: DeserializeOwned + Serialize + schemars::JsonSchema + Send + 'static;
    /// What `decide` gets: a request without its secrets.
    type Command: Any + Send;
    /// What an accepted command answers, for the documentation.
    type Reply: Serialize + schemars::JsonSchema;

    /// The commands, in the order of the documentation.
    const COMMANDS: &'static [CommandSpec];
    /// The problem types of its refusals.
    const PROBLEMS: &'static [&'static crate::problem::ProblemType];

    /// Whether preparing blocks: key derivation on purpose slow, or a write to the key store.
    fn is_slow(_request: &Self::Request) -> bool {
        false
    }

    /// The entity that decides a request. MUST be the same each time, on every node, and MUST NOT block.
    ///
    /// # Errors
    /// Where the request names none.
    fn target(request: &Self::Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem>;

    /// Deals with the secrets in a request to the entity `id`: checks tokens, encrypts names, hashes PINs. May be called
    /// more than once for one command.
    ///
    /// # Errors
    /// What is wrong with the request, whatever any entity's state.
    fn prepare(request: Self::Request, id: EntityId, call: &Call, secrets: &Secrets) -> Result<Self::Command, Problem>;

    /// The neighbour, born in the same slot, that deciding `command` on this state needs to see.
    fn neighbour(&self, _command: &Self::Command, _context: &Context) -> Option<EntityKey> {
        None
    }

    /// What becomes of `command`: events, or a refusal that leaves no trace.
    ///
    /// # Errors
    /// The rule that said no. A refusal that must be on record is an event of the decision instead.
    fn decide(
        &self,
        command: &Self::Command,
        neighbour: Neighbour<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem>;

    /// Puts into `own` what follows from the decision but takes the key store to compute, such as the hash of a token
    /// whose number was decided. MUST be a function of its arguments alone.
    fn complete(_id: EntityId, _own: &mut [Self::Event], _secrets: &Secrets) {}

    /// What the caller of the command that became `own` is told, now and at every retry.
    fn answer(id: EntityId, own: &[Self::Event], secrets: &Secrets) -> Answer;

    /// The command that the node gives once a time has passed, if nothing changes before. It may come late, and twice:
    /// `decide` MUST look at the time itself.
    fn due(&self) -> Option<(Time, Self::Command)> {
        None
    }
}
