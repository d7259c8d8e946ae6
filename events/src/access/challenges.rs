//! Challenges: the first of two steps of an identification. Whoever names a user gets one, whether or not there is such a
//! user; the PIN comes with it, once.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::time::Time;

/// What happened to a challenge.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// Somebody named a user.
    #[serde(rename = "challenge.opened")]
    Opened {
        /// Whom, whether or not there is such a user.
        user: EntityId,
        /// The API client that asked, and that alone can use it; left out where a guest asked, and everybody can.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<EntityId>,
        /// From then on it is none.
        expires_at: Time,
    },
    /// A PIN was given with it, the right one or not.
    #[serde(rename = "challenge.used")]
    Used {},
}

/// A challenge that waits for its PIN.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Open {
    /// Whom it names.
    pub user: EntityId,
    /// Who alone can use it.
    pub by: Option<EntityId>,
    /// From then on it is none.
    pub expires_at: Time,
}

impl Open {
    /// Whether `party` can use it at `now`.
    #[must_use]
    pub fn admits(&self, party: Option<EntityId>, now: Time) -> bool {
        now < self.expires_at && self.by.is_none_or(|by| Some(by) == party)
    }
}

/// The state of a challenge.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Challenge {
    /// Nobody asked for it.
    #[default]
    Absent,
    /// It waits for its PIN.
    Open(Open),
    /// It had its PIN.
    Used,
}

impl Entity for Challenge {
    const FAMILY: Family = Family::Challenges;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let [user, by] = [2, 1].map(|n| EntityId::from_hash(&[n; 32]));
        let expires_at = Time::from_micros(1_795_254_300_000_000);
        vec![Event::Opened { user, by: Some(by), expires_at }, Event::Used {}]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        match (&*self, event) {
            (Self::Absent, Event::Opened { user, by, expires_at }) => {
                *self = Self::Open(Open { user: *user, by: *by, expires_at: *expires_at });
            }
            (Self::Open(_), Event::Used {}) => *self = Self::Used,
            (Self::Open(_) | Self::Used, Event::Opened { .. }) | (Self::Absent | Self::Used, Event::Used {}) => {}
        }
    }
}

#[test]
fn a_challenge_admits_who_asked_until_its_end_and_once() {
    let [opened, used] = <[Event; 2]>::try_from(Challenge::samples()).unwrap();
    let Event::Opened { by, expires_at, .. } = &opened else { panic!("it is opened first") };
    let Challenge::Open(open) = crate::entity::fold::<Challenge>(&[used.clone(), opened.clone()]) else {
        panic!("it waits")
    };
    let before = Time::from_micros(expires_at.micros() - 1);
    assert!(open.admits(*by, before) && !open.admits(*by, *expires_at));
    assert!(!open.admits(None, before) && !open.admits(Some(open.user), before));
    assert!(Open { by: None, ..open }.admits(None, before));
    assert_eq!(crate::entity::fold::<Challenge>(&[opened.clone(), used, opened]), Challenge::Used);
}
