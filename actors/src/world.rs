//! A world for tests: every family's entities in memory, asked with JSON as from outside, one record per command. The
//! records are the real bytes, so that the whole history can be folded anew from them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kippu_events::blobs::BlobId;
use kippu_events::entity::AnyEntity;
use kippu_events::event::{BodyWriter, Cause, Mac, Place, Recorded, read_body};
use kippu_events::log::LogId;
use kippu_events::secrets::Secrets;
use kippu_events::{Entity, EntityId, EntityKey, Family, Time};
use serde_json::Value;

use kippu_events::access::Caller;

use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Answer, Call, Context, LookedUp, Neighbours};
use crate::catalogue;
use crate::commands::Commands;
use crate::erased::{AnyCommand, Ready};
use crate::given::NOW;
use crate::problem::{self, Problem};

const LOG: LogId = LogId([7; 16]);

pub(crate) type Entities = BTreeMap<EntityKey, (u64, Box<dyn AnyEntity>)>;

pub(crate) struct World {
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) now: Time,
    /// Those that are there, with their sizes.
    pub(crate) blobs: Vec<(BlobId, u64)>,
    entities: Entities,
    records: Vec<Vec<u8>>,
    keys: u64,
}

/// A command of a family, with the id in its path if there is one.
pub(crate) type Asked = (Family, &'static str, Option<EntityId>);

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Secrets::ephemeral(1, LOG))
    }

    /// That of another party.
    pub(crate) fn of(party: u8) -> Self {
        Self::with(Secrets::ephemeral(u64::from(party), LogId([party; 16])))
    }

    fn with(secrets: Secrets) -> Self {
        let secrets = Arc::new(secrets);
        Self { secrets, now: NOW, blobs: Vec::new(), entities: BTreeMap::new(), records: Vec::new(), keys: 0 }
    }

    pub(crate) fn after(&mut self, secs: u64) {
        self.now = self.now.after(Duration::from_secs(secs));
    }

    /// Whether a command is prepared where it may block.
    pub(crate) fn is_slow(&self, caller: Caller, (family, name, id): Asked, body: &Value) -> bool {
        let call = Call { caller, key: "key".to_owned(), id, if_match: None };
        let body = serde_json::to_vec(body).unwrap();
        catalogue::actor(family).prepare(name, &body, &call, &self.secrets).is_ok_and(|prepared| prepared.is_slow)
    }

    /// A command with a fresh key: the status and body of its answer, or the problem, on record or not.
    pub(crate) fn ask(
        &mut self,
        caller: Caller,
        (family, name, id): Asked,
        body: &Value,
    ) -> Result<(u16, Value), Problem> {
        let spec = Commands::spec(family, name, id).unwrap();
        if !caller.is_among(spec.roles) {
            return Err(Problem::new(&problem::FORBIDDEN, name));
        }
        self.keys += 1;
        let call = Call { caller, key: format!("key-{:032}", self.keys), id, if_match: None };
        let body = serde_json::to_vec(body).unwrap();
        let prepared = catalogue::actor(family).prepare(name, &body, &call, &self.secrets)?;
        let looked_up: Vec<LookedUp> = prepared.lookups.iter().map(|key| self.look_up(*key)).collect();
        let Ready { entity, body, command } = prepared.finish(&looked_up, &self.blobs)?;
        assert_eq!(entity.family, family);
        let command_id = self.secrets.command(&caller.principal, &call.key, entity);
        let cause = Cause::new(command_id, body, caller.principal);
        self.decide(entity, &command?, &cause, caller)
    }

    fn look_up(&self, key: EntityKey) -> LookedUp {
        match self.entities.get(&key) {
            Some((version, state)) => LookedUp { key, state: state.boxed(), version: *version },
            None => LookedUp { key, state: key.family.fresh(), version: 0 },
        }
    }

    /// Fires every deadline that has passed.
    pub(crate) fn fire(&mut self) {
        let now = self.now;
        let due = |key: &EntityKey, state: &dyn AnyEntity| {
            let actor = catalogue::actor(key.family);
            actor.due(state).filter(|due| *due <= now).and_then(|_| actor.when_due(state))
        };
        let due: Vec<(EntityKey, AnyCommand)> = self
            .entities
            .iter()
            .filter_map(|(key, (_, state))| due(key, &**state).map(|command| (*key, command)))
            .collect();
        for (key, command) in due {
            let caller = Caller::DEADLINE;
            let cause = Cause::new(Mac::default(), Mac::default(), caller.principal);
            let before = self.records.len();
            // What a deadline refuses is on record, and its answer is nobody's.
            let answered = self.decide(key, &command, &cause, caller);
            assert_eq!(self.records.len(), before + 1, "{answered:?}");
        }
    }

    /// What an entity owes now.
    pub(crate) fn owed(&self, key: EntityKey) -> Option<(Owed, Work)> {
        let (_, state) = self.entities.get(&key)?;
        let actor = catalogue::actor(key.family);
        Some((actor.owed(&**state, key.id)?, actor.work(&**state, key.id, &self.secrets)?))
    }

    /// An activity came to an end.
    pub(crate) fn came_of(
        &mut self,
        key: EntityKey,
        attempt: u32,
        status: u16,
        body: &Value,
    ) -> Result<(u16, Value), Problem> {
        let outcome = Outcome { status, body: serde_json::to_vec(body).unwrap() };
        let command = catalogue::actor(key.family).came_of(attempt, outcome, key.id, &self.secrets)?;
        let caller = Caller::ACTIVITY;
        let id = self.secrets.command(&caller.principal, &attempt.to_string(), key);
        self.decide(key, &command, &Cause::new(id, Mac::default(), caller.principal), caller)
    }

    /// A command that the node itself gives `entity`.
    pub(crate) fn give(&mut self, entity: EntityKey, command: &AnyCommand) -> Result<(u16, Value), Problem> {
        let caller = Caller::ACTIVITY;
        self.decide(entity, command, &Cause::new(Mac::default(), Mac::default(), caller.principal), caller)
    }

    fn decide(
        &mut self,
        entity: EntityKey,
        command: &AnyCommand,
        cause: &Cause,
        caller: Caller,
    ) -> Result<(u16, Value), Problem> {
        let actor = catalogue::actor(entity.family);
        let context = Context { now: self.now, caller, id: entity.id, command: cause.command };
        let fresh = entity.family.fresh();
        let state = self.entities.get(&entity).map_or(&*fresh, |(_, state)| &**state);
        let named = actor.neighbours(state, command, &context);
        assert!(named.iter().all(|other| other.id.slot() == entity.id.slot()), "neighbours are born in the same slot");
        let found = |key: &EntityKey| Some((*key, &*self.entities.get(key)?.1));
        let seen: Vec<(EntityKey, &dyn AnyEntity)> = named.iter().filter_map(found).collect();
        let decided = actor.decide(state, command, Neighbours(&seen), &context, &self.secrets)?;

        let number = self.records.len() as u64;
        let mut body = BodyWriter::new(Place { log: &LOG, partition: 0, number, time: self.now, cause });
        for (key, event) in &decided.events {
            let (version, state) = self.entities.entry(*key).or_insert_with(|| (0, key.family.fresh()));
            *version += 1;
            body.push(*key, *version, &**event);
            event.evolve(&mut **state, self.now);
        }
        let body = body.finish();
        let recorded = read_body(&body).unwrap();
        let own: Vec<&Recorded<'_>> = recorded.iter().filter(|event| event.entity == entity).collect();
        let again = actor.answer(entity.id, &own, &self.secrets).unwrap();
        assert_eq!(decided.answer, again, "a retry is answered from the record as the first call was");
        self.records.push(body);
        match decided.answer {
            Answer::Done { status, body } => Ok((status, serde_json::from_slice(&body).unwrap())),
            Answer::Refused(problem) => Err(problem),
        }
    }

    pub(crate) fn state<E: Entity>(&self, id: EntityId) -> E {
        let state = self.entities.get(&EntityKey::of::<E>(id));
        state.and_then(|(_, state)| state.as_any().downcast_ref::<E>().cloned()).unwrap_or_default()
    }

    /// How many records there are.
    pub(crate) fn records(&self) -> usize {
        self.records.len()
    }

    /// Everything that is stored, as text.
    pub(crate) fn text(&self) -> String {
        self.records.iter().map(|body| std::str::from_utf8(body).unwrap()).collect()
    }

    /// How many events of `kind` are about the entity `id`.
    pub(crate) fn count(&self, id: EntityId, kind: &str) -> usize {
        let events = self.records.iter().flat_map(|body| read_body(body).unwrap());
        events.filter(|event| event.entity.id == id && event.kind == kind).count()
    }

    /// Asserts that folding the stored bytes anew gives the states that are there.
    pub(crate) fn replays(&self) {
        let mut folded: BTreeMap<EntityKey, Box<dyn AnyEntity>> = BTreeMap::new();
        for body in &self.records {
            for event in read_body(body).unwrap() {
                let state = folded.entry(event.entity).or_insert_with(|| event.entity.family.fresh());
                state.evolve_stored(event.kind, event.schema, event.data, event.time).unwrap();
            }
        }
        let folded: Vec<_> = folded.iter().map(|(key, state)| (*key, state.encode())).collect();
        let live: Vec<_> = self.entities.iter().map(|(key, (_, state))| (*key, state.encode())).collect();
        assert_eq!(folded, live);
    }
}

/// The id that an answer names.
pub(crate) fn id_in(body: &Value) -> EntityId {
    body["id"].as_str().unwrap().parse().unwrap()
}

/// The slug of the refusal.
pub(crate) fn slug(outcome: Result<(u16, Value), Problem>) -> &'static str {
    outcome.map_or_else(|problem| problem.kind.slug, |done| panic!("should have been refused, and was {done:?}"))
}
