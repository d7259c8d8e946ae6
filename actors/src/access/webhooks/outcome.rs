//! What comes of sending an event to an endpoint, as whoever sends it tells the endpoint's rules.

use kippu_events::access::webhooks::{Endpoint, Event};
use serde::{Deserialize, Serialize};

use crate::activity::Outcome;

/// What came of an event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Came {
    /// The endpoint has taken it.
    Delivered {
        /// The event.
        event: String,
        /// What was sent so far; nothing where the event was sent once more.
        cursor: Option<String>,
    },
    /// It has not, and will be sent it again.
    Failing {
        /// The event.
        event: String,
        /// Why: a slug.
        reason: String,
    },
    /// It has not for so long that it is not sent it any more.
    DeadLettered {
        /// The event.
        event: String,
        /// Why: a slug.
        reason: String,
        /// What is over so far; nothing where the event was sent once more.
        cursor: Option<String>,
    },
    /// It can be sent nothing, or wants nothing.
    Disabled {
        /// Why: a slug.
        reason: String,
    },
}

impl Came {
    /// As outcomes of activities are told.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        // An enum of strings, whose serialisation cannot fail.
        Outcome { status: 200, body: serde_json::to_vec(self).unwrap_or_default() }
    }

    /// What was told so.
    pub(super) fn of(outcome: &Outcome) -> Option<Self> {
        outcome.answer()
    }

    /// What is on record of it, if it is an outcome of the activity number `attempt` that `endpoint` owes.
    pub(super) fn event(&self, endpoint: &Endpoint, attempt: u32) -> Option<Event> {
        let is_owed = |event: &String, cursor: &Option<String>| {
            cursor.is_some() || endpoint.again.iter().any(|again| again.event == *event)
        };
        match self.clone() {
            Self::Delivered { event, cursor } => {
                is_owed(&event, &cursor).then_some(Event::Delivered { attempt, event, cursor })
            }
            Self::Failing { event, reason } => {
                endpoint.failing_since.is_none().then_some(Event::Failing { attempt, event, reason })
            }
            Self::DeadLettered { event, reason, cursor } => {
                is_owed(&event, &cursor).then_some(Event::DeadLettered { attempt, event, reason, cursor })
            }
            Self::Disabled { reason } => Some(Event::Disabled { attempt, reason }),
        }
    }
}
