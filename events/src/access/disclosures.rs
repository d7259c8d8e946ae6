//! Disclosures: the access log. Who was shown personal fields of whom, and by which query, is on record before anybody is answered.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::time::Time;

/// What happened to a disclosure. Who was shown it is who caused the event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// Personal fields were opened.
    #[serde(rename = "disclosure.made")]
    Made {
        /// By which query, or how otherwise; no personal data.
        query: String,
        /// Whose.
        persons: Vec<EntityId>,
    },
}

/// The state of a disclosure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Disclosure {
    /// There was none.
    #[default]
    Absent,
    /// It was made.
    Made,
}

impl Entity for Disclosure {
    const FAMILY: Family = Family::Disclosures;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let persons = [1, 2].map(|n| EntityId::from_hash(&[n; 32])).to_vec();
        vec![Event::Made { query: "/v1/users?decrypt=true".to_owned(), persons }]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        match event {
            Event::Made { .. } => *self = Self::Made,
        }
    }
}
