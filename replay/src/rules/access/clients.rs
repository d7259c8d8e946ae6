//! The auditor's API client: opened once, its keys counted without gaps, nothing after its revocation.

use kippu_events::access::clients::Event;

use crate::rules::{Rule, Seen};

/// What is remembered of a client.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) enum Facts {
    #[default]
    Absent,
    Active {
        counter: u32,
    },
    Revoked,
}

impl Facts {
    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        let (holds, next) = match (*self, event) {
            (before, Event::Opened { .. }) => (before == Self::Absent, Self::Active { counter: 0 }),
            (Self::Active { counter: before }, Event::KeyRolled { counter, .. }) => {
                (before.checked_add(1) == Some(*counter), Self::Active { counter: *counter })
            }
            (Self::Absent | Self::Revoked, Event::KeyRolled { .. }) => (false, *self),
            (before, Event::Revoked {}) => (matches!(before, Self::Active { .. }), Self::Revoked),
        };
        if !holds {
            seen.breach(Rule::Client, format!("clients/{} was {self:?} and became {next:?}", seen.id));
        }
        *self = next;
    }
}
