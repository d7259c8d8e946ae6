//! Webhooks: endpoints of API clients that run no node of their own. What happens is sent to each, one event after the other.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::time::Time;

/// The first of the events that are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    /// What happens after the endpoint was added.
    #[default]
    Now,
    /// The first of the history.
    Beginning,
}

/// What happened to an endpoint.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// Events are sent to it from now on.
    #[serde(rename = "webhook.added")]
    Added {
        /// The API client that is told: it is sent what it may see.
        client: EntityId,
        /// Where.
        url: String,
        /// Only events of these families; of all where there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        families: Vec<String>,
        /// The first event.
        from: Begin,
    },
    /// It answers elsewhere, or is sent other events.
    #[serde(rename = "webhook.changed")]
    Changed {
        /// Where.
        url: String,
        /// Only events of these families; of all where there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        families: Vec<String>,
    },
    /// It has another secret.
    #[serde(rename = "webhook.secret_rolled")]
    SecretRolled {
        /// The number of the secret.
        secret: u32,
        /// Until then the one before signs too.
        both_until: Time,
    },
    /// It has taken an event.
    #[serde(rename = "webhook.delivered")]
    Delivered {
        /// Which activity that was.
        attempt: u32,
        /// The event.
        event: String,
        /// What was sent so far, as the feed has it; absent where the event was sent once more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// It has not taken an event, the first since the last that it took.
    #[serde(rename = "webhook.failing")]
    Failing {
        /// Which activity that is.
        attempt: u32,
        /// The event.
        event: String,
        /// Why: a slug.
        reason: String,
    },
    /// It has not taken an event for so long that this one is not sent any more.
    #[serde(rename = "webhook.dead_lettered")]
    DeadLettered {
        /// Which activity that was.
        attempt: u32,
        /// The event.
        event: String,
        /// Why: a slug.
        reason: String,
        /// What is over so far, as the feed has it; absent where the event was sent once more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// An event is to be sent once more.
    #[serde(rename = "webhook.redelivery_asked")]
    RedeliveryAsked {
        /// The event.
        event: String,
    },
    /// Nothing is sent to it until it is enabled again.
    #[serde(rename = "webhook.disabled")]
    Disabled {
        /// Which activity was owed.
        attempt: u32,
        /// Why: a slug.
        reason: String,
    },
    /// It is sent again what it has not got.
    #[serde(rename = "webhook.enabled")]
    Enabled {},
    /// Nothing is sent to it any more.
    #[serde(rename = "webhook.removed")]
    Removed {},
}

/// Behind what events are still to be sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Start {
    /// What was decided at or before this time.
    Time(Time),
    /// Nothing.
    Beginning,
    /// What a feed of events calls so.
    Cursor(String),
}

/// An event that is to be sent once more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Again {
    /// The event.
    pub event: String,
    /// Since when.
    pub asked_at: Time,
}

/// An endpoint, and what it has got.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// The API client that is told.
    pub client: EntityId,
    /// Where.
    pub url: String,
    /// Only events of these families; of all where there are none.
    pub families: Vec<String>,
    /// The number of its secret.
    pub secret: u32,
    /// Until then the one before signs too.
    pub both_until: Option<Time>,
    /// Behind what events are still to be sent.
    pub start: Start,
    /// Which activity is owed.
    pub attempt: u32,
    /// Since when that one is.
    pub since: Time,
    /// Since when it takes nothing.
    pub failing_since: Option<Time>,
    /// What is to be sent once more, before anything else.
    pub again: Vec<Again>,
}

impl Endpoint {
    /// The numbers of the secrets that sign at `time`.
    pub fn secrets_at(&self, time: Time) -> impl Iterator<Item = u32> {
        let before = self.both_until.filter(|until| time < *until).and(self.secret.checked_sub(1));
        std::iter::once(self.secret).chain(before)
    }

    /// One event is over.
    fn advance(&mut self, event: &str, cursor: Option<&String>, time: Time) {
        match cursor {
            Some(cursor) => self.start = Start::Cursor(cursor.clone()),
            None => self.again.retain(|again| again.event != event),
        }
        self.next(time);
    }

    /// Another activity is owed.
    const fn next(&mut self, time: Time) {
        self.attempt = self.attempt.saturating_add(1);
        self.since = time;
    }
}

/// The state of an endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Webhook {
    /// Nobody added it.
    #[default]
    Absent,
    /// Events are sent to it.
    Active(Endpoint),
    /// Nothing is sent to it until it is enabled again.
    Disabled(Endpoint),
    /// Nothing is sent to it any more.
    Removed,
}

impl Webhook {
    /// The endpoint, where it was not removed.
    #[must_use]
    pub const fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Active(endpoint) | Self::Disabled(endpoint) => Some(endpoint),
            Self::Absent | Self::Removed => None,
        }
    }

    /// The endpoint, where events are sent to it.
    #[must_use]
    pub const fn active(&self) -> Option<&Endpoint> {
        match self {
            Self::Active(endpoint) => Some(endpoint),
            Self::Absent | Self::Disabled(_) | Self::Removed => None,
        }
    }

    const fn endpoint_mut(&mut self) -> Option<&mut Endpoint> {
        match self {
            Self::Active(endpoint) | Self::Disabled(endpoint) => Some(endpoint),
            Self::Absent | Self::Removed => None,
        }
    }
}

impl Entity for Webhook {
    const FAMILY: Family = Family::Webhooks;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let client = EntityId::from_hash(&[3; 32]);
        let url = |path: &str| format!("https://shop.example/{path}");
        let (one, two, three) = (|| "3-17.0".to_owned(), || "3-18.0".to_owned(), || "0-2.1".to_owned());
        let cursor = |number: u8| Some(format!("1.0.0.{number}-5f0c9a1b22d07e44"));
        let both_until = Time::from_micros(1_795_339_800_000_000);
        vec![
            Event::Added { client, url: url("one"), families: Vec::new(), from: Begin::Now },
            Event::Delivered { attempt: 1, event: one(), cursor: cursor(17) },
            Event::Failing { attempt: 2, event: two(), reason: "status-503".to_owned() },
            Event::SecretRolled { secret: 1, both_until },
            Event::DeadLettered { attempt: 2, event: two(), reason: "no-answer".to_owned(), cursor: cursor(18) },
            Event::RedeliveryAsked { event: three() },
            Event::Changed { url: url("two"), families: vec!["approvals".to_owned()] },
            Event::Disabled { attempt: 4, reason: "gone".to_owned() },
            Event::Enabled {},
            Event::Removed {},
        ]
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        if let (Self::Absent, Event::Added { client, url, families, from }) = (&*self, event) {
            let start = match from {
                Begin::Now => Start::Time(time),
                Begin::Beginning => Start::Beginning,
            };
            *self = Self::Active(Endpoint {
                client: *client,
                url: url.clone(),
                families: families.clone(),
                secret: 0,
                both_until: None,
                start,
                attempt: 1,
                since: time,
                failing_since: None,
                again: Vec::new(),
            });
            return;
        }
        let Some(endpoint) = self.endpoint_mut() else { return };
        match event {
            Event::Added { .. } => {}
            Event::Changed { url, families } => {
                endpoint.url.clone_from(url);
                endpoint.families.clone_from(families);
                endpoint.next(time);
            }
            Event::SecretRolled { secret, both_until } => {
                endpoint.secret = *secret;
                endpoint.both_until = Some(*both_until);
            }
            Event::Delivered { event, cursor, .. } => {
                endpoint.failing_since = None;
                endpoint.advance(event, cursor.as_ref(), time);
            }
            Event::Failing { .. } => endpoint.failing_since = Some(time),
            Event::DeadLettered { event, cursor, .. } => endpoint.advance(event, cursor.as_ref(), time),
            Event::RedeliveryAsked { event } => {
                endpoint.again.push(Again { event: event.clone(), asked_at: time });
            }
            Event::Disabled { .. } => *self = Self::Disabled(endpoint.clone()),
            Event::Enabled {} => {
                endpoint.failing_since = None;
                endpoint.next(time);
                *self = Self::Active(endpoint.clone());
            }
            Event::Removed {} => *self = Self::Removed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(events: &[Event]) -> Webhook {
        crate::entity::fold(events)
    }

    #[test]
    fn a_delivery_and_a_dead_letter_move_the_cursor_and_begin_another_activity() {
        let samples = Webhook::samples();
        let states: Vec<Webhook> = (1..=samples.len()).map(|count| at(&samples[..count])).collect();
        let shown = |state: &Webhook| {
            let endpoint = state.endpoint().unwrap();
            let cursor = match &endpoint.start {
                Start::Cursor(cursor) => cursor.get(..8).unwrap().to_owned(),
                Start::Time(_) | Start::Beginning => String::new(),
            };
            (endpoint.attempt, cursor, endpoint.failing_since.is_some(), endpoint.again.len())
        };
        let cursor = |text: &str| text.to_owned();
        assert_eq!(shown(&states[0]), (1, String::new(), false, 0));
        assert_eq!(shown(&states[1]), (2, cursor("1.0.0.17"), false, 0));
        assert_eq!(shown(&states[2]), (2, cursor("1.0.0.17"), true, 0));
        assert_eq!(shown(&states[4]), (3, cursor("1.0.0.18"), true, 0), "it takes nothing still");
        assert_eq!(shown(&states[5]), (3, cursor("1.0.0.18"), true, 1));
        let once_more = Event::Delivered { attempt: 4, event: "0-2.1".to_owned(), cursor: None };
        let taken = at(&[&samples[..7], &[once_more]].concat());
        assert_eq!(shown(&taken), (5, cursor("1.0.0.18"), false, 0), "what was sent once more moves no cursor");
        assert!(states[7].active().is_none() && states[7].endpoint().is_some());
        assert_eq!(states[8].active().map(|endpoint| endpoint.attempt), Some(5));
        assert_eq!(states[9], Webhook::Removed);
    }

    #[test]
    fn the_secret_before_signs_until_its_time_is_over() {
        let Webhook::Active(endpoint) = at(&Webhook::samples()[..4]) else { panic!("it is active") };
        let until = endpoint.both_until.unwrap();
        let signing = |micros: i64| endpoint.secrets_at(Time::from_micros(until.micros() + micros)).collect::<Vec<_>>();
        assert_eq!((signing(-1), signing(0)), (vec![1, 0], vec![1]));
        let Webhook::Active(fresh) = at(&Webhook::samples()[..1]) else { panic!("it is active") };
        assert_eq!(fresh.secrets_at(until).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn what_was_removed_stays_removed() {
        let samples = Webhook::samples();
        for late in &samples {
            assert_eq!(at(&[&samples[..1], &[Event::Removed {}, late.clone()]].concat()), Webhook::Removed);
        }
    }
}
