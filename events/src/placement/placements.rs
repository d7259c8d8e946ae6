//! Placements of data replicas: which server holds one.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::family::Family;
use crate::time::Time;

/// What happened to a placement.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A replica is to be placed.
    #[serde(rename = "placement.opened")]
    Opened {
        /// Which data; no personal data.
        label: String,
    },
    /// It got its first server.
    #[serde(rename = "placement.placed")]
    Placed {
        /// The server.
        server: String,
    },
    /// It went to another server.
    #[serde(rename = "placement.moved")]
    Moved {
        /// From where.
        from: String,
        /// To where.
        to: String,
    },
    /// The replica is gone.
    #[serde(rename = "placement.closed")]
    Closed {},
}

/// The state of a placement.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Placement {
    /// Nobody opened it.
    #[default]
    Absent,
    /// Has no server yet.
    Opened,
    /// Lies on a server.
    Placed {
        /// The server.
        server: String,
    },
    /// Is gone.
    Closed,
}

impl Entity for Placement {
    const FAMILY: Family = Family::Placements;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let [first, second] = ["osaka-1", "sapporo-2"].map(str::to_owned);
        vec![
            Event::Opened { label: "album 7".to_owned() },
            Event::Placed { server: first.clone() },
            Event::Moved { from: first, to: second },
            Event::Closed {},
        ]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        match (&mut *self, event) {
            (Self::Absent, Event::Opened { .. }) => *self = Self::Opened,
            (Self::Opened, Event::Placed { server }) | (Self::Placed { .. }, Event::Moved { to: server, .. }) => {
                *self = Self::Placed { server: server.clone() };
            }
            (Self::Opened | Self::Placed { .. }, Event::Closed {}) => *self = Self::Closed,
            (
                Self::Absent | Self::Opened | Self::Placed { .. } | Self::Closed,
                Event::Opened { .. } | Event::Placed { .. } | Event::Moved { .. } | Event::Closed {},
            ) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[Event]) -> Placement {
        crate::entity::fold(events)
    }

    fn opened() -> Event {
        Event::Opened { label: "album 7".to_owned() }
    }

    fn placed(server: &str) -> Event {
        Event::Placed { server: server.to_owned() }
    }

    fn moved(to: &str) -> Event {
        Event::Moved { from: "osaka-1".to_owned(), to: to.to_owned() }
    }

    #[test]
    fn a_placement_lies_where_it_was_last_put_and_is_gone_once_closed() {
        assert_eq!(after(&[]), Placement::Absent);
        assert_eq!(after(&[opened()]), Placement::Opened);
        let on = |server: &str| Placement::Placed { server: server.to_owned() };
        assert_eq!(after(&[opened(), placed("osaka-1")]), on("osaka-1"));
        assert_eq!(after(&[opened(), placed("osaka-1"), moved("nara-2"), moved("kobe-3")]), on("kobe-3"));
        assert_eq!(after(&[opened(), Event::Closed {}]), Placement::Closed);
        assert_eq!(after(&[opened(), placed("osaka-1"), Event::Closed {}]), Placement::Closed);
    }

    #[test]
    fn an_event_out_of_turn_leaves_a_placement_as_it_was() {
        for early in [placed("osaka-1"), moved("nara-2"), Event::Closed {}] {
            assert_eq!(after(&[early]), Placement::Absent);
        }
        assert_eq!(after(&[opened(), moved("nara-2")]), Placement::Opened);
        for late in [opened(), placed("osaka-1"), moved("nara-2"), Event::Closed {}] {
            assert_eq!(after(&[opened(), Event::Closed {}, late]), Placement::Closed);
        }
    }
}
