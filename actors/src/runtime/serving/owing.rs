//! What entities owe the world outside: told on once the event by which they owe it is durable.

use kippu_events::EntityKey;

use super::{Effect, Serving};
use crate::catalogue;

impl Serving {
    /// Record `number` changed `keys`: notes what they owe now.
    pub(super) fn note_owed(&mut self, keys: impl Iterator<Item = EntityKey>, number: u64) {
        for key in keys {
            if let Some(loaded) = self.entities.get(key)
                && let Some(owed) = catalogue::actor(key.family).owed(&*loaded.state, key.id)
            {
                self.owing.push_back((number, key, owed));
            }
        }
    }

    /// Tells what has become durable.
    pub(super) fn tell_owed(&mut self) {
        let durable = self.chain.durable();
        while let Some((_, key, owed)) = self.owing.pop_front_if(|(number, ..)| *number <= durable) {
            self.effects.push(Effect::Owe(key, owed));
        }
    }
}
