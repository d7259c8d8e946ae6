//! Reactions: an event of one entity becomes commands to entities of other slots. They are pulled by who serves the target's
//! partition, which reads every partition in order anyway, so no node has to call another.
//!
//! A command of a reaction has an id that follows from the reaction, the event and its place among the event's commands. Outcomes are
//! kept for ever, so one that comes again, from whatever cursor, finds that it was done: the effect is there once, even with every
//! cache deleted. Those of one source partition to one target go one after the other, so none overtakes another.

mod runner;

use kippu_events::{EntityId, EntityKey, NotAnEvent, Recorded};

pub use self::runner::Reactions;
use crate::actor::Actor;
use crate::erased::AnyCommand;

/// What follows from events for other entities. MUST be pure: the same event gives the same commands, in the same order.
pub trait Reaction: Send + Sync {
    /// 1 to 32 lower-case letters and hyphens, and MUST stay: ids of commands follow from it.
    fn name(&self) -> &'static str;

    /// The kinds of events that it looks at.
    fn kinds(&self) -> &'static [&'static str];

    /// The commands that follow from `event`. A target MUST take each at any time: where its rules say no, that has to be an event of
    /// its own, since nobody waits for the answer.
    ///
    /// # Errors
    /// [`NotAnEvent`] where the event does not decode.
    fn react(&self, event: &Recorded<'_>) -> Result<Vec<Given>, NotAnEvent>;
}

/// A command that follows from an event.
pub struct Given {
    /// Whom it is given.
    pub target: EntityKey,
    /// What; made anew for each time that it is given.
    pub command: Box<dyn Fn() -> AnyCommand + Send + Sync>,
}

impl Given {
    /// `command` to the entity `id`.
    #[must_use]
    pub fn to<A: Actor<Command: Clone + Sync>>(id: EntityId, command: A::Command) -> Self {
        Self { target: EntityKey::of::<A>(id), command: Box::new(move || Box::new(command.clone())) }
    }
}
