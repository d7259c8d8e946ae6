//! Sessions of end users: who is signed in, since when, and until when. The sessions of a user are one entity, whose id is
//! that of the user, so that signing out everywhere is one decision and one record, and one row says whether a session counts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::family::Family;
use crate::opaque::TokenHash;
use crate::time::Time;

/// Why nobody was signed in. Who tried is not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInRefusal {
    /// Nobody is registered under the login.
    UnknownUser,
    /// The user has no PIN.
    NoPin,
    /// A wrong PIN.
    WrongPin,
    /// Too many wrong PINs before.
    PinLocked,
}

/// Why a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The user signed out, or an operator ended it.
    SignedOut,
    /// All of the user's were ended at once.
    SignedOutEverywhere,
    /// Nobody used it for its idle time.
    Idle,
    /// It lasted as long as a session may.
    Over,
    /// The user has as many others as there may be.
    Displaced,
}

impl Ending {
    /// Every reason, by its name on the wire.
    pub const NAMES: [&'static str; 5] = ["signed_out", "signed_out_everywhere", "idle", "over", "displaced"];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::SignedOutEverywhere => "signed_out_everywhere",
            Self::Idle => "idle",
            Self::Over => "over",
            Self::Displaced => "displaced",
        }
    }
}

/// What happened to the sessions of a user.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The user signed in.
    #[serde(rename = "session.opened")]
    Opened {
        /// Which session of the user it is, from 1.
        session: u32,
        /// What its token hashes to.
        token: TokenHash,
        /// It ends when it was not used for so long.
        idle_secs: u32,
        /// It ends then in any case.
        ends_at: Time,
    },
    /// Somebody was not signed in as this user.
    #[serde(rename = "session.refused")]
    Refused {
        /// Why.
        reason: SignInRefusal,
    },
    /// A session was used, for the first time in a while.
    #[serde(rename = "session.used")]
    Used {
        /// Which.
        session: u32,
    },
    /// A session is over.
    #[serde(rename = "session.ended")]
    Ended {
        /// Which.
        session: u32,
        /// Why.
        reason: Ending,
    },
}

/// A session that did not end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Open {
    /// Which one of its user.
    pub session: u32,
    /// The number of the root key that its token was made with.
    pub root_key: u32,
    /// It ends when it was not used for so long.
    pub idle_secs: u32,
    /// It ends then in any case.
    pub ends_at: Time,
    /// When it was opened.
    pub opened_at: Time,
    /// The last use that is on record.
    pub used_at: Time,
}

/// A use is on record where the one before is older than this part of the idle time: an event for each request would be the
/// most of the history. So a session ends at the latest after its idle time, and at the earliest after three quarters of it.
const RECORDED_PART: u32 = 4;

impl Open {
    /// When it ends if nobody uses it, and why.
    #[must_use]
    pub fn end(&self) -> (Time, Ending) {
        let idle = self.used_at.after(Duration::from_secs(self.idle_secs.into()));
        if idle < self.ends_at { (idle, Ending::Idle) } else { (self.ends_at, Ending::Over) }
    }

    /// Whether it is over at `now`, whether or not that is on record.
    #[must_use]
    pub fn is_over(&self, now: Time) -> bool {
        self.end().0 <= now
    }

    /// Whether a use at `now` is to be on record.
    #[must_use]
    pub fn is_used_anew(&self, now: Time) -> bool {
        self.used_at.after(Duration::from_secs(self.idle_secs.into()) / RECORDED_PART) <= now
    }
}

/// The sessions of a user: those that did not end, oldest first.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Sessions {
    /// The number of the newest session; 0 where there was none.
    pub newest: u32,
    /// Those that did not end.
    pub open: Vec<Open>,
}

impl Sessions {
    /// The session with this number, if it did not end.
    #[must_use]
    pub fn get(&self, session: u32) -> Option<&Open> {
        self.open.iter().find(|open| open.session == session)
    }
}

impl Entity for Sessions {
    const FAMILY: Family = Family::Sessions;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        vec![
            Event::Refused { reason: SignInRefusal::WrongPin },
            Event::Opened {
                session: 1,
                token: TokenHash { key: 1, sha256: "q".repeat(43) },
                idle_secs: 1_800,
                ends_at: Time::from_micros(1_795_296_600_000_000),
            },
            Event::Used { session: 1 },
            Event::Ended { session: 1, reason: Ending::Idle },
        ]
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        match event {
            Event::Opened { session, token, idle_secs, ends_at } => {
                self.newest = self.newest.max(*session);
                self.open.push(Open {
                    session: *session,
                    root_key: token.key,
                    idle_secs: *idle_secs,
                    ends_at: *ends_at,
                    opened_at: time,
                    used_at: time,
                });
            }
            Event::Used { session } => {
                if let Some(open) = self.open.iter_mut().find(|open| open.session == *session) {
                    open.used_at = time;
                }
            }
            Event::Ended { session, .. } => self.open.retain(|open| open.session != *session),
            Event::Refused { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: i64) -> Time {
        Time::from_micros(secs * 1_000_000)
    }

    fn after(events: &[(i64, Event)]) -> Sessions {
        let mut state = Sessions::default();
        for (secs, event) in events {
            state.evolve(event, at(*secs));
        }
        state
    }

    fn opened(session: u32) -> Event {
        let token = TokenHash { key: 7, sha256: "q".repeat(43) };
        Event::Opened { session, token, idle_secs: 100, ends_at: at(250) }
    }

    #[test]
    fn a_session_is_over_when_it_was_not_used_for_its_idle_time_and_at_its_end_in_any_case() {
        let fresh = after(&[(0, opened(1))]);
        let open = fresh.get(1).unwrap();
        assert_eq!((open.end(), open.root_key), ((at(100), Ending::Idle), 7));
        assert!(!open.is_over(at(99)) && open.is_over(at(100)));
        let used = after(&[(0, opened(1)), (90, Event::Used { session: 1 }), (180, Event::Used { session: 1 })]);
        let open = used.get(1).unwrap();
        assert_eq!((open.end(), open.opened_at, open.used_at), ((at(250), Ending::Over), at(0), at(180)));
        assert!(!open.is_over(at(249)) && open.is_over(at(250)));
    }

    #[test]
    fn a_use_is_recorded_once_in_a_quarter_of_the_idle_time() {
        let state = after(&[(0, opened(1))]);
        let open = state.get(1).unwrap();
        assert!(!open.is_used_anew(at(24)) && open.is_used_anew(at(25)));
    }

    #[test]
    fn sessions_are_kept_apart_and_numbers_are_not_given_again() {
        let ended = Event::Ended { session: 2, reason: Ending::SignedOut };
        let state = after(&[(0, opened(1)), (1, opened(2)), (2, ended.clone()), (3, Event::Used { session: 2 })]);
        assert_eq!((state.newest, state.open.len(), state.get(2)), (2, 1, None));
        assert_eq!(state.get(1).map(|open| open.used_at), Some(at(0)));
        let refused = Event::Refused { reason: SignInRefusal::UnknownUser };
        assert_eq!(after(&[(0, refused), (1, ended)]), Sessions::default());
    }

    #[test]
    fn the_names_of_endings_are_those_on_the_wire() {
        let all = [Ending::SignedOut, Ending::SignedOutEverywhere, Ending::Idle, Ending::Over, Ending::Displaced];
        assert_eq!(all.map(Ending::name), Ending::NAMES);
        for ending in all {
            assert_eq!(serde_json::to_value(ending).unwrap(), ending.name());
        }
    }
}
