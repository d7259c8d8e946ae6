//! The rules of an auditor: what a history of these families must not say, recomputed from events alone.
//!
//! Written apart from the decisions in `kippu-actors` and from `evolve` on purpose: a defect there shows here. A family
//! without rules of its own is checked for what holds of every family: its events decode, its versions are dense.

mod approvals;
mod clients;
mod movements;
mod users;

use kippu_events::approval::Approval;
use kippu_events::client::Client;
use kippu_events::event::{EventId, NotAnEvent, Recorded};
use kippu_events::user::User;
use kippu_events::{Entity, EntityId, Family, Time};

use crate::verify::Breach;
pub(crate) use movements::Movements;

/// Broken rules: all counted, the first ones told.
pub(crate) struct Breaches {
    pub(crate) most: usize,
    pub(crate) count: u64,
    pub(crate) first: Vec<Breach>,
}

/// One event's surroundings.
pub(crate) struct Seen<'a> {
    pub(crate) place: EventId,
    pub(crate) id: EntityId,
    pub(crate) time: Time,
    pub(crate) movements: &'a mut Movements,
    pub(crate) breaches: &'a mut Breaches,
}

impl Seen<'_> {
    fn breach(&mut self, rule: &'static str, detail: impl Into<String>) {
        self.breaches.add(self.place, rule, detail.into());
    }
}

/// What the rules of its family need to know of an entity.
pub(crate) enum Facts {
    Approval(approvals::Facts),
    User(users::Facts),
    Client(clients::Facts),
    /// A family without rules of its own.
    Plain,
}

impl Facts {
    /// Before the first event.
    pub(crate) fn of(family: Family) -> Self {
        if family == Approval::FAMILY {
            Self::Approval(approvals::Facts::default())
        } else if family == User::FAMILY {
            Self::User(users::Facts::default())
        } else if family == Client::FAMILY {
            Self::Client(clients::Facts::default())
        } else {
            Self::Plain
        }
    }

    /// Those of a user.
    pub(crate) const fn as_user(&self) -> Option<&users::Facts> {
        match self {
            Self::User(facts) => Some(facts),
            Self::Approval(_) | Self::Client(_) | Self::Plain => None,
        }
    }

    /// Decodes the event with current code, and holds it against the rules.
    pub(crate) fn take(&mut self, event: &Recorded<'_>, seen: &mut Seen<'_>) -> Result<(), NotAnEvent> {
        match self {
            Self::Approval(facts) => facts.take(&event.decode::<Approval>()?, seen),
            Self::User(facts) => facts.take(&event.decode::<User>()?, seen),
            Self::Client(facts) => facts.take(&event.decode::<Client>()?, seen),
            Self::Plain => {
                event.entity.family.fresh().evolve_stored(event.kind, event.schema, event.data, event.time)?;
            }
        }
        Ok(())
    }
}
