//! An entity: something whose whole state is the fold of its events. Typed here, erased for everything that holds
//! entities of all families at once.

use std::any::Any;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::blobs::BlobId;
use crate::decoding::{self, FIRST_SCHEMA, NotAnEvent};
use crate::family::Family;
use crate::id::EntityId;
use crate::time::Time;

/// The state of one kind of entity, and what its history means.
///
/// The default value MUST be the state before the first event. `evolve` MUST be total, synchronous and pure (no clock,
/// no randomness, no I/O): history cannot be refused.
pub trait Entity: Default + Clone + PartialEq + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The family whose entities have this state.
    const FAMILY: Family;
    /// Changes when the layout of the state or the meaning of `evolve` changes: cached states of another revision are
    /// dropped and folded anew.
    const REVISION: u32;
    /// Facts about one entity, past tense. MUST be `#[serde(tag = "type", content = "data")]`, each variant named by
    /// its stable kind.
    type Event: Serialize + DeserializeOwned + schemars::JsonSchema + Clone + PartialEq + Debug + Send + Sync + 'static;

    /// The version of the schema that `event` is written with. A kind whose data changes gets the next one.
    fn schema(_event: &Self::Event) -> u32 {
        FIRST_SCHEMA
    }

    /// Events of every kind, in an order in which they can happen to one entity. Golden files, random histories and the
    /// documentation are made of them.
    fn samples() -> Vec<Self::Event>;

    /// What `event`, recorded at `time`, does to the state.
    fn evolve(&mut self, event: &Self::Event, time: Time);

    /// The blobs that `event` names. MUST be all of them: one that no event names is deleted.
    fn blobs(_event: &Self::Event) -> Vec<BlobId> {
        Vec::new()
    }

    /// The event that was stored as `kind` with schema version `schema`. A family that changes a schema keeps the old
    /// one readable here for ever.
    ///
    /// # Errors
    /// [`NotAnEvent`] where no released version of this code wrote such an event.
    fn decode(kind: &str, schema: u32, data: &str) -> Result<Self::Event, NotAnEvent> {
        decoding::decode_current(kind, schema, data, Self::schema)
    }
}

/// An [`Entity`] of any family.
pub trait AnyEntity: Any + Send + Sync {
    /// The family it belongs to.
    #[cfg(test)]
    fn family(&self) -> Family;

    /// Folds a stored event into the state.
    ///
    /// # Errors
    /// [`NotAnEvent`] where the event cannot be decoded; the state is then unchanged.
    fn evolve_stored(&mut self, kind: &str, schema: u32, data: &str, time: Time) -> Result<(), NotAnEvent>;

    /// The state in the compact form of caches.
    fn encode(&self) -> Vec<u8>;

    /// The state as JSON, for people.
    fn to_json(&self) -> serde_json::Value;

    /// A copy.
    fn boxed(&self) -> Box<dyn AnyEntity>;

    /// For typed access.
    fn as_any(&self) -> &dyn Any;

    /// For typed access.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<E: Entity> AnyEntity for E {
    #[cfg(test)]
    fn family(&self) -> Family {
        E::FAMILY
    }

    fn evolve_stored(&mut self, kind: &str, schema: u32, data: &str, time: Time) -> Result<(), NotAnEvent> {
        let event = E::decode(kind, schema, data)?;
        self.evolve(&event, time);
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        // Postcard fails only where a sink is full or a type has no length, and neither is so here.
        #[allow(clippy::expect_used)]
        postcard::to_allocvec(self).expect("states have a compact form")
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or(serde_json::Value::Null)
    }

    fn boxed(&self) -> Box<dyn AnyEntity> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Family and id: the name of an entity among all entities. Written `approvals/{id}`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityKey {
    /// The family.
    pub family: Family,
    /// The id within the family.
    pub id: EntityId,
}

impl EntityKey {
    /// Bytes of the stored form.
    pub const BYTES: usize = 1 + EntityId::BYTES;

    /// The entity `id` of the family that has the state `E`.
    #[must_use]
    pub const fn of<E: Entity>(id: EntityId) -> Self {
        Self { family: E::FAMILY, id }
    }

    /// The stored form: a byte for the family, then the id. Caches only; the log names families in words.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0] = self.family.code();
        bytes[1..].copy_from_slice(self.id.as_bytes());
        bytes
    }

    /// The key that [`EntityKey::to_bytes`] wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (code, id) = bytes.split_first()?;
        Some(Self { family: Family::from_code(*code)?, id: EntityId::from_bytes(id.try_into().ok()?) })
    }
}

impl std::fmt::Display for EntityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.family.name(), self.id)
    }
}

impl Debug for EntityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for EntityKey {
    type Err = NotAnEvent;

    fn from_str(text: &str) -> Result<Self, NotAnEvent> {
        let wrong = || NotAnEvent::Subject(text.to_owned());
        let (family, id) = text.split_once('/').ok_or_else(wrong)?;
        let id = id.parse().map_err(|_| wrong())?;
        let is_name = !family.is_empty() && family.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        match Family::from_name(family) {
            Some(family) => Ok(Self { family, id }),
            None if is_name => Err(NotAnEvent::Family(text.to_owned())),
            None => Err(wrong()),
        }
    }
}

/// What `events`, all at one time, make of nothing.
#[cfg(test)]
pub(crate) fn fold<E: Entity>(events: &[E::Event]) -> E {
    let mut state = E::default();
    for event in events {
        state.evolve(event, Time::default());
    }
    state
}

#[cfg(test)]
mod histories;
