//! The entities of one partition that are in memory, and which of them the entity store lags behind.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kippu_events::event::{AnyEvent, Cause, Mac, Recorded};
use kippu_events::id::BuildIdHasher;
use kippu_events::{EntityKey, NotAnEvent, Time};

use super::entity_store::{Batch, Cursor, EntityStore, Lookup, StoreError};
use super::loaded_entity::{Done, LoadedEntity};
use crate::catalogue;

/// The entities of one partition.
pub struct EntityCache {
    partition: u16,
    store: Arc<EntityStore>,
    entities: HashMap<EntityKey, LoadedEntity, BuildIdHasher>,
    dirty: Vec<EntityKey>,
    /// Outcomes that no entity keeps any more and the store does not hold yet: since the last batch, and in the
    /// batch that is being written.
    fresh_done: HashMap<(EntityKey, Mac), Done, BuildIdHasher>,
    batched_done: HashMap<(EntityKey, Mac), Done, BuildIdHasher>,
    /// Deadlines that the store does not hold yet: since the last batch, and in the batch that is being written.
    fresh_due: BTreeSet<(Time, EntityKey)>,
    batched_due: BTreeSet<(Time, EntityKey)>,
    /// Counts batches: an entity that has not been used since the last one may leave.
    tick: u64,
}

impl EntityCache {
    /// An empty cache over `store`.
    pub fn new(partition: u16, store: Arc<EntityStore>) -> Self {
        Self {
            partition,
            store,
            entities: HashMap::default(),
            dirty: Vec::new(),
            fresh_done: HashMap::default(),
            batched_done: HashMap::default(),
            fresh_due: BTreeSet::new(),
            batched_due: BTreeSet::new(),
            tick: 0,
        }
    }

    /// How many entities are in memory.
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// How many of them the store lags behind.
    pub fn dirty(&self) -> usize {
        self.dirty.len()
    }

    /// Whether `key` is in memory now. Otherwise it is on disk, and has to be fetched by somebody who may wait.
    ///
    /// # Errors
    /// Where the store says no.
    pub fn find(&mut self, key: EntityKey) -> Result<bool, StoreError> {
        if let Some(loaded) = self.entities.get_mut(&key) {
            loaded.used = self.tick;
            return Ok(true);
        }
        match self.store.glance(self.partition, key)? {
            Lookup::Found(loaded) => self.admit(key, loaded),
            Lookup::Absent => self.admit(key, LoadedEntity::fresh(key.family)),
            Lookup::Blocked => return Ok(false),
        }
        Ok(true)
    }

    /// Takes in an entity that was fetched from disk, unless it has come in meanwhile.
    pub fn admit(&mut self, key: EntityKey, mut loaded: LoadedEntity) {
        loaded.used = self.tick;
        self.entities.entry(key).or_insert(loaded);
    }

    /// The entity, if it is in memory.
    pub fn get(&self, key: EntityKey) -> Option<&LoadedEntity> {
        self.entities.get(&key)
    }

    /// What became of a command that its entity no longer keeps, if that takes no wait for the disk.
    ///
    /// # Errors
    /// Where the store says no.
    pub fn find_done(&self, key: EntityKey, command: Mac) -> Result<Lookup<Done>, StoreError> {
        let named = (key, command);
        match self.fresh_done.get(&named).or_else(|| self.batched_done.get(&named)) {
            Some(done) => Ok(Lookup::Found(*done)),
            None => self.store.glance_done(self.partition, key, command),
        }
    }

    /// An event of `key`, which MUST be in memory, was appended as part of record `number`.
    pub fn evolve(&mut self, key: EntityKey, event: &dyn AnyEvent, number: u64, time: Time) {
        if let Some(loaded) = self.entities.get_mut(&key) {
            event.evolve(&mut *loaded.state, time);
            self.changed(key, number);
        }
    }

    /// A stored event is folded in. Blocks where its entity is on disk.
    ///
    /// # Errors
    /// Where the event does not decode, or the store says no.
    pub fn fold(&mut self, event: &Recorded<'_>) -> Result<(), FoldError> {
        let key = event.entity;
        if !self.entities.contains_key(&key) {
            let stored = self.store.load(self.partition, key)?;
            self.admit(key, stored.unwrap_or_else(|| LoadedEntity::fresh(key.family)));
        }
        if let Some(loaded) = self.entities.get_mut(&key) {
            loaded.state.evolve_stored(event.kind, event.schema, event.data, event.time)?;
            self.changed(key, event.id.number);
            if event.id.index == 0 {
                self.note(key, event.cause, event.id.number);
            }
        }
        Ok(())
    }

    fn changed(&mut self, key: EntityKey, number: u64) {
        let Some(loaded) = self.entities.get_mut(&key) else { return };
        loaded.version += 1;
        loaded.changed = number;
        if !loaded.dirty {
            loaded.dirty = true;
            self.dirty.push(key);
        }
        if let Some(due) = catalogue::actor(key.family).due(&*loaded.state)
            && loaded.stored_due != Some(due)
        {
            self.fresh_due.insert((due, key));
        }
    }

    /// The command behind `cause` was addressed to `key` and became record `number`.
    pub fn note(&mut self, key: EntityKey, cause: Cause, number: u64) {
        let Some(loaded) = self.entities.get_mut(&key) else { return };
        if let Some(pushed_out) = loaded.note(Done::new(cause.command, cause.body, number)) {
            self.fresh_done.insert((key, pushed_out.command), pushed_out);
        }
    }

    /// Everything that the store lags behind, up to `cursor`, which MUST be the head: a batch that may be written once
    /// its record is durable.
    ///
    /// # Errors
    /// Where an entity has no stored form.
    pub fn batch(&mut self, cursor: Cursor) -> Result<Batch, StoreError> {
        let mut batch = Batch::new(self.partition, cursor);
        self.tick += 1;
        for key in std::mem::take(&mut self.dirty) {
            if let Some(loaded) = self.entities.get_mut(&key) {
                let actor = catalogue::actor(key.family);
                let (due, owed) = (actor.due(&*loaded.state), actor.owed(&*loaded.state, key.id));
                batch.put(key, loaded, due, owed)?;
                (loaded.stored_due, loaded.stored_owed) = (due, owed);
                loaded.dirty = false;
            }
        }
        for ((key, _), done) in &self.fresh_done {
            batch.put_done(*key, done);
        }
        self.batched_done = std::mem::take(&mut self.fresh_done);
        self.batched_due = std::mem::take(&mut self.fresh_due);
        Ok(batch)
    }

    /// Time has passed without a batch.
    pub const fn age(&mut self) {
        self.tick += 1;
    }

    /// The batch that was made last has been written.
    pub fn written(&mut self) {
        self.batched_due.clear();
        self.batched_done.clear();
    }

    /// Entities that nobody has used lately leave, so that at most about `most` stay. One that changed after record
    /// `number`, up to which the store has all of them, stays; so does one that is `needed`: something older may be on its way
    /// to it from the disk.
    pub fn evict(&mut self, number: u64, most: usize, needed: impl Fn(&EntityKey) -> bool) {
        if self.entities.len() > most {
            let mut leaving = self.entities.len() - most + most / 10;
            let tick = self.tick;
            self.entities.retain(|key, loaded| {
                let lags = loaded.dirty || loaded.changed > number;
                let stays = leaving == 0 || lags || loaded.used == tick || needed(key);
                leaving -= usize::from(!stays);
                stays
            });
            // Hash maps keep their space; give it back once most of it is empty.
            if self.entities.capacity() > 4 * self.entities.len().max(1024) {
                self.entities.shrink_to_fit();
            }
        }
    }

    /// Entities in memory or on their way to disk whose deadline has passed at `now`, at most `most`.
    pub fn due(&self, now: Time, most: usize) -> Vec<EntityKey> {
        let passed = |set: &BTreeSet<(Time, EntityKey)>| -> Vec<EntityKey> {
            set.iter().take_while(|(due, _)| *due <= now).take(most).map(|(_, key)| *key).collect()
        };
        let mut due = passed(&self.fresh_due);
        due.extend(passed(&self.batched_due));
        due
    }

    /// Forgets deadlines whose entity has changed its mind.
    pub fn stale_due(&mut self, now: Time) {
        let entities = &self.entities;
        let still_due = |(due, key): &(Time, EntityKey)| {
            *due > now || entities.get(key).is_none_or(|r| catalogue::actor(key.family).due(&*r.state) == Some(*due))
        };
        self.fresh_due.retain(still_due);
        self.batched_due.retain(still_due);
    }
}

/// Why the tail of a log could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// An event does not decode.
    #[error(transparent)]
    Event(#[from] NotAnEvent),
    /// The store says no.
    #[error(transparent)]
    EntityStore(#[from] StoreError),
}
