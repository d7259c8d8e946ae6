//! What sessions are asked, before and after the secrets are dealt with, and what they answer.

use kippu_events::secrets::PinVerifier;
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use super::refusal::Refused;
use crate::access::users::pin::Pin;
use crate::access::users::request::{Login, Realm, named_realm};

/// Half an hour, as NIST SP 800-63B has it for its middle level.
pub const MOST_IDLE_SECS: u32 = 1_800;
/// Twelve hours, as there.
pub const MOST_ENDS_IN_SECS: u32 = 43_200;
/// More devices and browsers than one person uses at a time. Who signs in once more signs out where that was longest ago.
pub const MOST_OPEN: usize = 16;

commands! {
    /// A user signs in.
    Open = "open" New [Guest, Terminal] "Signs a user in: opens a session, and answers its token." {
        /// Whose name for the user the login is.
        #[serde(default, deserialize_with = "named_realm")]
        realm: Option<Realm>,
        /// Name or number.
        login: Login,
        /// The PIN fixed at contract.
        pin: Pin,
        /// The session ends when it was not used for so many seconds: 1 to 1,800, and 1,800 where it is left out.
        #[serde(default = "most_idle_secs")]
        #[schemars(range(min = 1, max = MOST_IDLE_SECS))]
        idle_secs: u32,
        /// It ends after so many seconds in any case: 1 to 43,200, and 43,200 where it is left out.
        #[serde(default = "most_ends_in_secs")]
        #[schemars(range(min = 1, max = MOST_ENDS_IN_SECS))]
        ends_in_secs: u32,
    }
    /// A session is in use. The node gives this itself for requests with a session's token.
    Use = "use" Id [Subscriber] "Puts on record that a session is in use, as every request with its token does." {
        /// Which session of the user.
        #[schemars(range(min = 1))]
        session: u32,
    }
    /// The user signs out.
    End = "end" Id [Subscriber, Operator] "Ends a session: its token is over at once." {
        /// Which session of the user.
        #[schemars(range(min = 1))]
        session: u32,
    }
    /// The user signs out everywhere.
    EndAll = "end_all" Id [Subscriber, Operator] "Ends every session of the user: all of their tokens are over at once." {}
}

const fn most_idle_secs() -> u32 {
    MOST_IDLE_SECS
}

const fn most_ends_in_secs() -> u32 {
    MOST_ENDS_IN_SECS
}

/// Whether a session can last so long.
pub(super) fn check(idle_secs: u32, ends_in_secs: u32) -> Result<(), Refused> {
    if !(1..=MOST_IDLE_SECS).contains(&idle_secs) {
        return Err(Refused::IdleTime);
    }
    if !(1..=MOST_ENDS_IN_SECS).contains(&ends_in_secs) {
        return Err(Refused::Duration);
    }
    Ok(())
}

/// A request without its secrets, or a deadline.
#[derive(Clone)]
pub enum Command {
    /// A user signs in.
    Open {
        /// What the PIN that was typed comes to.
        pin: PinVerifier,
        /// It ends when it was not used for so long.
        idle_secs: u32,
        /// It ends after so long in any case.
        ends_in_secs: u32,
    },
    /// A session is in use.
    Use(u32),
    /// A session ends.
    End(u32),
    /// All of them end.
    EndAll,
    /// The time of one is over. Only the node's own deadlines ask this.
    Expire,
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The user.
    pub id: EntityId,
    /// The sessions of the user that the command was about, by their numbers.
    pub sessions: Vec<u32>,
    /// What names the session in requests, at its opening. Absent too once the root key that it was made with is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What the page of a browser sends along where a cookie has the token, at its opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf: Option<String>,
    /// It ends when it was not used for so many seconds, at its opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_secs: Option<u32>,
    /// It ends then in any case, at its opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,
}

impl Reply {
    /// An answer that names the sessions alone.
    #[must_use]
    pub const fn plain(id: EntityId, sessions: Vec<u32>) -> Self {
        Self { id, sessions, token: None, csrf: None, idle_secs: None, ends_at: None }
    }
}
