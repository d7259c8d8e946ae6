//! Members: users who are registered once, at the central node, and are identified there for every site. What a site is told of a
//! member is a ticket that the central node has signed. A partner may keep what identifies a member here for a while, where the contract says so.

mod event;
mod said;
mod samples;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::event::{Event, Refusal};
pub use self::said::{ALLOWANCE, Allowance, CONFIRMATION, Confirmation, TICKET, Ticket};
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::opaque::PinVerifier;
use crate::time::Time;

/// The class of members whom nobody has put into another one.
pub const PLAIN: &str = "plain";

/// In which realm the logins of members are.
#[must_use]
pub fn realm() -> String {
    "members".to_owned()
}

/// In which realm the logins are of those whom a partner may identify under `contract` while the central node is away.
#[must_use]
pub fn realm_of_copies(contract: EntityId) -> String {
    format!("copies of members, {contract}")
}

/// Whether a member was registered here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// Here.
    Registered,
    /// At the central node, and may be identified here for a while.
    Copied {
        /// As whom the central node knows the member.
        member: EntityId,
        /// Until then.
        until: Time,
    },
}

/// Wrong answers in a row, and until when none is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tries {
    /// Wrong ones in a row.
    pub wrong: u32,
    /// None is accepted before this time.
    pub locked_until: Option<Time>,
}

impl Tries {
    /// Whether none is looked at now.
    #[must_use]
    pub fn is_locked(&self, now: Time) -> bool {
        self.locked_until.is_some_and(|until| now < until)
    }

    const fn wrong(&mut self, locked_until: Option<Time>) {
        self.wrong = self.wrong.saturating_add(1);
        self.locked_until = locked_until;
    }
}

/// A member.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// Whether the member was registered here.
    pub kind: Kind,
    /// What checks the password.
    pub password: PinVerifier,
    /// The class, on which prices depend.
    pub class: String,
    /// Whether the member agreed to be written to.
    pub marketing: bool,
    /// Whether the member has one-time codes.
    pub factor: bool,
    /// The newest step of time whose code was used.
    pub used_step: u64,
    /// Wrong passwords.
    pub passwords: Tries,
    /// Wrong codes.
    pub codes: Tries,
    /// So many tickets were given out.
    pub tickets: u32,
}

/// The state of a member.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Member {
    /// Nobody is registered.
    #[default]
    Absent,
    /// Somebody is.
    Known(Box<Known>),
    /// Somebody was, and is forgotten.
    Forgotten,
}

impl Member {
    /// The member, where there is one.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Known(known) => Some(known),
            Self::Absent | Self::Forgotten => None,
        }
    }
}

impl Entity for Member {
    const FAMILY: Family = Family::Members;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        samples::all()
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        let fresh = |kind, password: &PinVerifier, class: &str| Known {
            kind,
            password: password.clone(),
            class: class.to_owned(),
            marketing: false,
            factor: false,
            used_step: 0,
            passwords: Tries::default(),
            codes: Tries::default(),
            tickets: 0,
        };
        match (&mut *self, event) {
            (Self::Forgotten, _) | (Self::Absent, Event::Forgotten {}) => {}
            (_, Event::Registered { password, marketing, factor, .. }) => {
                let known = fresh(Kind::Registered, password, PLAIN);
                *self = Self::Known(Box::new(Known { marketing: *marketing, factor: *factor, ..known }));
            }
            (before, Event::Copied { member, password, class, until }) => {
                // A ticket of before is no ticket of now.
                let tickets = before.known().map_or(0, |known| known.tickets);
                let known = fresh(Kind::Copied { member: *member, until: *until }, password, class);
                *self = Self::Known(Box::new(Known { tickets, ..known }));
            }
            (Self::Known(_), Event::Forgotten {}) => *self = Self::Forgotten,
            (Self::Known(known), event) => known.evolve(event),
            (
                Self::Absent,
                Event::Identified { .. }
                | Event::Refused { .. }
                | Event::ConsentChanged { .. }
                | Event::ClassSet { .. }
                | Event::Confirmed { .. }
                | Event::CodeRefused { .. },
            ) => {}
        }
    }
}

impl Known {
    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Identified { ticket, .. } => {
                self.tickets = self.tickets.max(*ticket);
                self.passwords = Tries::default();
            }
            Event::Refused { reason: Refusal::WrongPassword, locked_until, .. } => self.passwords.wrong(*locked_until),
            Event::ConsentChanged { marketing } => self.marketing = *marketing,
            Event::ClassSet { class } => self.class.clone_from(class),
            Event::Confirmed { step, .. } => {
                self.used_step = self.used_step.max(*step);
                self.codes = Tries::default();
            }
            Event::CodeRefused { locked_until, .. } => self.codes.wrong(*locked_until),
            Event::Refused { .. } | Event::Registered { .. } | Event::Copied { .. } | Event::Forgotten {} => {}
        }
    }
}
