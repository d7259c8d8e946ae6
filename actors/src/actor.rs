//! The trait of a family: which commands it takes, what they decide, and how the answer reads. Everything here is pure:
//! time, caller and secrets' work come in from outside.

use std::any::Any;

use kippu_events::access::{Caller, Role};
use kippu_events::blobs::BlobId;
use kippu_events::entity::AnyEntity;
use kippu_events::etag::Tags;
use kippu_events::event::{AnyEvent, Mac, Typed};
use kippu_events::secrets::Secrets;
use kippu_events::{Entity, EntityId, EntityKey, Family, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::activity::{Outcome, Owed, Work};
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

/// An entity as it was when it was looked up.
pub struct LookedUp {
    /// Which.
    pub key: EntityKey,
    /// Its state, durable; the first one where nobody opened it.
    pub state: Box<dyn AnyEntity>,
    /// Its version.
    pub version: u64,
}

/// What a request is prepared with.
pub struct Preparing<'a> {
    /// The entity that decides.
    pub id: EntityId,
    /// As it was called.
    pub call: &'a Call,
    /// The key store.
    pub secrets: &'a Secrets,
    /// What [`Actor::lookups`] named.
    pub looked_up: &'a [LookedUp],
    /// What [`Actor::named_blobs`] named: each is durable, and so large.
    pub blobs: &'a [(BlobId, u64)],
}

impl Preparing<'_> {
    /// The entity `id` of this family and its version, where it was named.
    #[must_use]
    pub fn looked_up<E: Entity>(&self, id: EntityId) -> Option<(&E, u64)> {
        let found = self.looked_up.iter().find(|found| found.key == EntityKey::of::<E>(id))?;
        Some((found.state.as_any().downcast_ref()?, found.version))
    }

    /// The size of the blob `id`, which is durable.
    ///
    /// # Errors
    /// [`problem::BLOB_MISSING`] where it is not there, or was not named by [`Actor::named_blobs`].
    pub fn blob(&self, id: BlobId) -> Result<u64, Problem> {
        let found = self.blobs.iter().find(|(there, _)| *there == id);
        found.map(|(_, size)| *size).ok_or_else(|| problem::blob_missing(id))
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
    /// Identity of the command, the same at every retry.
    pub command: Mac,
}

impl Context {
    /// The id of a child that the decision opens in the slot of the entity that decides, by an event of its own. Each
    /// `ordinal` is another child, the same at every retry.
    #[must_use]
    pub fn child(&self, family: Family, ordinal: u8) -> EntityId {
        let mut hash = Sha256::new();
        hash.update(b"kippu.child.1");
        hash.update(self.command.0);
        hash.update([family.code(), ordinal]);
        EntityId::from_hash(&hash.finalize().into()).in_slot(self.id.slot())
    }
}

/// So many neighbours a decision sees at most: each is a look into memory, and perhaps one at the disk, on the way of a
/// command.
pub const MOST_NEIGHBOURS: usize = 4;

/// The neighbours that a decision also looks at, as [`Actor::neighbours`] named them.
#[derive(Clone, Copy, Default)]
pub struct Neighbours<'a>(pub &'a [(EntityKey, &'a dyn AnyEntity)]);

impl<'a> Neighbours<'a> {
    /// The neighbour `id` of this family, where it was named. One that nobody opened is in its first state.
    #[must_use]
    pub fn get<E: Entity>(&self, id: EntityId) -> Option<&'a E> {
        let (_, state) = self.0.iter().find(|(key, _)| *key == EntityKey::of::<E>(id))?;
        state.as_any().downcast_ref()
    }
}

/// The events that a command becomes, all in one record: first those of the entity that decides, then those of neighbours
/// and of children that it opens.
pub struct Decision<E: Entity> {
    /// The entity's own; at least one, so that the record can be found by its command.
    pub own: Vec<E::Event>,
    /// Of neighbours that were named, and of children, which nobody may have opened before.
    pub others: Vec<(EntityKey, Box<dyn AnyEvent>)>,
}

impl<E: Entity> Decision<E> {
    /// One event of the deciding entity.
    #[must_use]
    pub fn one(event: E::Event) -> Self {
        Self { own: vec![event], others: Vec::new() }
    }

    /// And one of the neighbour or child `id`.
    #[must_use]
    pub fn and<N: Entity>(mut self, id: EntityId, event: N::Event) -> Self {
        self.others.push((EntityKey::of::<N>(id), Box::new(Typed::<N>(event))));
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
/// `neighbours`, `decide`, `complete`, `answer` and `due` MUST be synchronous, total and pure: no clock, randomness, I/O or logging.
/// The same state, command, neighbours and context MUST give the same decision.
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

    /// Whether there may be nothing to do for what is owed, until something happens. It is shown as owed once there is.
    const WAITS: bool = false;

    /// Whether preparing blocks: key derivation on purpose slow, or a write to the key store.
    fn is_slow(_request: &Self::Request) -> bool {
        false
    }

    /// Entities of any slot whose states [`Actor::prepare`] looks at: parameters such as a tariff or a contract. What the
    /// decision takes from one goes into its event together with the version, so that a replay needs no look-up.
    fn lookups(_request: &Self::Request) -> Vec<EntityKey> {
        Vec::new()
    }

    /// The blobs that a request names. It is prepared only where all of them are durable. An event MUST NOT name a blob that
    /// the command's request did not name, or that the node itself has not kept a moment before.
    fn named_blobs(_request: &Self::Request) -> Vec<BlobId> {
        Vec::new()
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
    fn prepare(request: Self::Request, with: &Preparing<'_>) -> Result<Self::Command, Problem>;

    /// The neighbours, born in the same slot, that deciding `command` on this state needs to see; at most
    /// [`MOST_NEIGHBOURS`].
    fn neighbours(&self, _command: &Self::Command, _context: &Context) -> Vec<EntityKey> {
        Vec::new()
    }

    /// What becomes of `command`: events, or a refusal that leaves no trace.
    ///
    /// # Errors
    /// The rule that said no. A refusal that must be on record is an event of the decision instead.
    fn decide(
        &self,
        command: &Self::Command,
        neighbours: Neighbours<'_>,
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

    /// What the entity owes the world outside now. Looked at after every event, so it MUST be cheap. Where this says
    /// something, [`Actor::work`] and [`Actor::came_of`] MUST be there too.
    fn owed(&self, _id: EntityId) -> Option<Owed> {
        None
    }

    /// What is to be done of that; nothing where it cannot be told, as where a key is gone. May block.
    fn work(&self, _id: EntityId, _secrets: &Secrets) -> Option<Work> {
        None
    }

    /// The command that says what came of the activity number `attempt`. It may come late and twice: `decide` MUST refuse
    /// the outcome of one that is not owed any more, with [`problem::NOT_DUE`]. An answer that is to be asked for again, under
    /// the same key, is refused with [`problem::NO_OUTCOME`].
    ///
    /// # Errors
    /// Of a family that owes nothing.
    fn came_of(_attempt: u32, _outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Self::Command, Problem> {
        Err(Problem::internal("this family owes nothing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_of_a_command_lie_in_the_slot_of_the_entity_and_are_the_same_at_every_retry() {
        let context = |command| Context {
            now: Time::default(),
            caller: Caller::OPERATOR,
            id: EntityId::from_hash(&[3; 32]),
            command: Mac([command; 16]),
        };
        let first = context(1).child(Family::Approvals, 0);
        assert_eq!((first.slot(), context(1).child(Family::Approvals, 0)), (context(1).id.slot(), first));
        let others = [
            context(1).child(Family::Approvals, 1),
            context(1).child(Family::Placements, 0),
            context(2).child(Family::Approvals, 0),
        ];
        assert!(!others.contains(&first));
    }
}
