//! One entity in memory: its state and what it has answered lately.

use kippu_events::entity::AnyEntity;
use kippu_events::event::Mac;
use kippu_events::{EntityKey, Family, Time};
use serde::{Deserialize, Serialize};

use crate::activity::Owed;

/// Commands whose outcome an entity keeps with its state; older ones are found in the entity store, for ever.
pub const RECENT: usize = 16;

/// Where the outcome of a command is on record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Done {
    /// The command.
    pub command: Mac,
    /// The first bytes of the MAC of what it asked for: enough to tell another body from the same.
    pub body: u64,
    /// The record.
    pub number: u64,
}

impl Done {
    /// The command `command` with `body`, on record as `number`.
    pub fn new(command: Mac, body: Mac, number: u64) -> Self {
        let mut first = [0; 8];
        first.copy_from_slice(&body.0[..8]);
        Self { command, body: u64::from_be_bytes(first), number }
    }

    /// Whether it asked for the same.
    pub fn asked_for(&self, body: Mac) -> bool {
        Self::new(self.command, body, self.number).body == self.body
    }
}

/// An entity in memory, ahead of what is durable by what is under way.
pub struct LoadedEntity {
    /// The fold of its events.
    pub state: Box<dyn AnyEntity>,
    /// How many events that are.
    pub version: u64,
    /// Its latest commands, oldest first.
    pub done: Vec<Done>,
    /// Whether it has had more commands than `done` holds.
    pub more: bool,
    /// The record of its last event.
    pub changed: u64,
    /// Its deadline, as the entity store has it.
    pub stored_due: Option<Time>,
    /// What it owes, as the entity store has it.
    pub stored_owed: Option<Owed>,
    /// The batch for the entity store before which it was last asked something.
    pub used: u64,
    /// Whether the entity store lags behind it.
    pub dirty: bool,
}

impl LoadedEntity {
    /// An entity without history.
    pub fn fresh(family: Family) -> Self {
        Self {
            state: family.fresh(),
            version: 0,
            done: Vec::new(),
            more: false,
            changed: 0,
            stored_due: None,
            stored_owed: None,
            used: 0,
            dirty: false,
        }
    }

    /// What became of `command`, if it was one of the latest.
    pub fn recent(&self, command: Mac) -> Option<Done> {
        self.done.iter().rev().find(|done| done.command == command).copied()
    }

    /// Notes a command; gives back the one that it pushed out.
    pub fn note(&mut self, done: Done) -> Option<Done> {
        let pushed_out = (self.done.len() >= RECENT).then(|| self.done.remove(0));
        self.more |= pushed_out.is_some();
        if self.done.len() == self.done.capacity() {
            // Most entities are asked once or twice in their life: space for four would cost more than their state.
            self.done.reserve_exact(self.done.len().clamp(1, RECENT));
        }
        self.done.push(done);
        pushed_out
    }
}

/// The stored form of a loaded entity, in the entity store.
#[derive(Serialize, Deserialize)]
pub struct StoredEntity {
    /// See [`LoadedEntity::version`].
    pub version: u64,
    /// See [`LoadedEntity::changed`].
    pub changed: u64,
    /// See [`LoadedEntity::done`].
    pub done: Vec<Done>,
    /// See [`LoadedEntity::more`].
    pub more: bool,
    /// Its deadline.
    pub due: Option<Time>,
    /// What it owes.
    pub owed: Option<Owed>,
    /// [`AnyEntity::encode`].
    pub state: Vec<u8>,
}

impl StoredEntity {
    /// The stored form of `loaded`, whose deadline is `due`, and which owes `owed`.
    pub fn of(loaded: &LoadedEntity, due: Option<Time>, owed: Option<Owed>) -> Self {
        Self {
            version: loaded.version,
            changed: loaded.changed,
            done: loaded.done.clone(),
            more: loaded.more,
            due,
            owed,
            state: loaded.state.encode(),
        }
    }

    /// The loaded entity again; nothing where the state is none of the family's.
    pub fn wake(self, key: EntityKey) -> Option<LoadedEntity> {
        Some(LoadedEntity {
            state: key.family.decode(&self.state)?,
            version: self.version,
            done: self.done,
            more: self.more,
            changed: self.changed,
            stored_due: self.due,
            stored_owed: self.owed,
            used: 0,
            dirty: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_commands_are_kept_and_the_oldest_pushed_out() {
        let mut loaded = LoadedEntity::fresh(Family::Users);
        let done = |n: u8| Done::new(Mac([n; 16]), Mac([n; 16]), u64::from(n));
        let pushed: Vec<Done> = (0..20).filter_map(|n| loaded.note(done(n))).collect();
        assert_eq!(pushed, (0..4).map(done).collect::<Vec<_>>());
        assert!(loaded.more);
        assert_eq!(loaded.recent(Mac([19; 16])), Some(done(19)));
        assert_eq!(loaded.recent(Mac([3; 16])), None);
    }

    #[test]
    fn the_same_command_with_another_body_is_told_apart() {
        let done = Done::new(Mac([1; 16]), Mac([2; 16]), 3);
        assert!(done.asked_for(Mac([2; 16])));
        assert!(!done.asked_for(Mac([3; 16])));
    }
}
