//! What a partition does that no caller waits for: deadlines, and letting the entity store catch up.

use kippu_events::event::Mac;
use kippu_events::log::AppendError;
use kippu_events::{EntityKey, Principal, Time};

use super::{Effect, Flushing, Job, Parked, Serving};
use crate::catalogue;
use crate::erased::Ready;
use crate::runtime::Submission;
use crate::runtime::entity_store::{Batch, Cursor, Due, MOST_DUE, Rest, StoreError};
use kippu_events::access::Caller;

/// Entities that may wait to be fetched while deadlines are still looked for at once; beyond, the next tick goes on.
const MOST_PARKED_DUE: usize = 4 * MOST_DUE;

/// Every so many ticks it is asked whether the partition is still owned: nobody else may find out for long that the log does
/// not answer, or that another node has claimed.
const PROVE_EVERY: u32 = 2;

/// Whether deadlines are looked for in the store.
pub(super) enum LookingForDue {
    /// They are.
    Now,
    /// With the next tick: from the first, or where the last look left off.
    Later(Option<Rest>),
}

impl Default for LookingForDue {
    fn default() -> Self {
        Self::Later(None)
    }
}

impl Serving {
    /// Ends the partition in this location: nothing is decided after it, and the history goes on at `next`.
    ///
    /// # Errors
    /// Nothing was handed over, and everything goes on as before.
    pub fn seal(&mut self, next: &str) -> Result<(), AppendError> {
        match &self.next {
            None => self.chain.seal(next)?,
            Some(there) if there == next => {}
            Some(there) => return Err(AppendError::Sealed { next: there.clone() }),
        }
        self.next = Some(next.to_owned());
        Ok(())
    }

    /// Time has passed: looks for deadlines, lets the store catch up, and asks whether the log still answers.
    pub fn tick(&mut self) {
        if let Ok(now) = self.keeper.now(&*self.env.clock) {
            self.entities.stale_due(now);
            for key in self.entities.due(now, MOST_DUE) {
                self.deadline(key);
            }
            self.look_for_due(now);
        }
        if let Some(Flushing::Failed(batch)) = self.flushing.take_if(|flushing| matches!(flushing, Flushing::Failed(_)))
        {
            self.flushing = Some(Flushing::Writing);
            self.effects.push(Effect::Flush(batch));
        }
        if self.flushing.is_none() && self.entities.dirty() == 0 {
            self.entities.age();
            self.evict();
        }
        self.flush();
        self.ticks = (self.ticks + 1) % PROVE_EVERY;
        if self.ticks == 0
            && let Some(ticket) = self.release.ask_if_idle()
        {
            self.chain.prove(ticket);
        }
    }

    fn look_for_due(&mut self, now: Time) {
        if let LookingForDue::Later(from) = std::mem::replace(&mut self.looking_for_due, LookingForDue::Now) {
            self.effects.push(Effect::Due(from, now));
        }
    }

    /// The outcome of [`Effect::Due`]. Where there are more deadlines than one look brings, the next one follows at once:
    /// what they hold up is other people's too.
    pub fn due(&mut self, found: Result<Due, StoreError>) {
        let Due { entities, rest } = found.unwrap_or_else(|error| {
            tracing::error!(%error, "deadlines could not be read");
            Due::default()
        });
        let more = rest.is_some();
        self.looking_for_due = LookingForDue::Later(rest);
        entities.into_iter().for_each(|key| self.deadline(key));
        if more
            && self.parked.len() < MOST_PARKED_DUE
            && let Ok(now) = self.keeper.now(&*self.env.clock)
        {
            self.look_for_due(now);
        }
    }

    /// Gives the command of a deadline that has passed. Harmless where the entity has changed its mind.
    pub(super) fn deadline(&mut self, key: EntityKey) {
        match self.entities.find(key) {
            Ok(true) => {}
            Ok(false) => return self.park(key, Parked::Deadline),
            Err(error) => return tracing::error!(%error, "an entity with a deadline could not be read"),
        }
        let (Some(loaded), Ok(now)) = (self.entities.get(key), self.keeper.now(&*self.env.clock)) else { return };
        let actor = catalogue::actor(key.family);
        let (Some(due), Some(command)) = (actor.due(&*loaded.state), actor.when_due(&*loaded.state)) else {
            return;
        };
        if due > now || self.quarantined.contains(&key) {
            return;
        }
        let command_id = self.env.secrets.command(&Principal::Deadline, &due.to_string(), key);
        let ready = Ready { entity: key, body: Mac::default(), command: Ok(command) };
        let submission = Submission::new(ready, command_id, Caller::DEADLINE);
        self.submit(Job { submission, reply: None, looked_up: false });
    }

    /// Makes a batch for the store, unless one is on its way.
    pub(super) fn flush(&mut self) {
        if self.flushing.is_some() || self.entities.dirty() == 0 {
            return;
        }
        match self.entities.batch(Cursor { head: self.chain.head(), time: self.keeper.last() }) {
            Ok(batch) => {
                self.flushing = Some(Flushing::Held(batch));
                self.write_held();
            }
            Err(error) => tracing::error!(%error, "no batch for the entity store"),
        }
    }

    pub(super) fn write_held(&mut self) {
        match self.flushing.take() {
            Some(Flushing::Held(batch)) if batch.number() <= self.chain.durable() => {
                self.flushing = Some(Flushing::Writing);
                self.effects.push(Effect::Flush(batch));
            }
            other => self.flushing = other,
        }
    }

    /// Lets entities leave memory that nobody has used lately.
    fn evict(&mut self) {
        let parked = &self.parked;
        self.entities.evict(self.stored, self.env.most_loaded, |key| parked.contains_key(key));
    }

    /// The outcome of [`Effect::Flush`]. A store that cannot be written is only further behind: commands go on, nothing
    /// leaves memory, and the same batch is tried again with the next tick.
    pub fn flushed(&mut self, batch: Batch, written: Result<(), StoreError>) {
        self.flushing = None;
        match written {
            Ok(()) => {
                self.entities.written();
                self.stored = batch.number();
                self.evict();
            }
            Err(error) => {
                tracing::error!(%error, "the entity store cannot be written; it is tried again");
                self.flushing = Some(Flushing::Failed(batch));
            }
        }
    }
}
