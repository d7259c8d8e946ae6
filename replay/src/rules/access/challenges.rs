//! The auditor's challenge: opened once, used at most once, and in time.

use kippu_events::Time;
use kippu_events::access::challenges::Event;

use crate::rules::{Rule, Seen};

/// What is remembered of a challenge.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) enum Facts {
    #[default]
    Absent,
    Open {
        expires_at: Time,
    },
    Used,
}

impl Facts {
    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        let (holds, next) = match (*self, event) {
            (before, Event::Opened { expires_at, .. }) => {
                (before == Self::Absent, Self::Open { expires_at: *expires_at })
            }
            (Self::Open { expires_at }, Event::Used {}) => (seen.time < expires_at, Self::Used),
            (Self::Absent | Self::Used, Event::Used {}) => (false, Self::Used),
        };
        if !holds {
            seen.breach(Rule::Challenge, format!("challenges/{} was {self:?} and became {next:?}", seen.id));
        }
        *self = next;
    }
}
