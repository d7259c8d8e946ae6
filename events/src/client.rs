//! API clients: who may call, in which role, with which key.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::secrets::TokenHash;
use crate::time::Time;

/// What a client is for, and so what its key may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the service.
    Operator,
    /// Sells, and hands purchase information over.
    Shop,
    /// Settles what is approved.
    Settler,
    /// Asks for approvals, for one user or for those who identify themselves.
    Terminal,
}

/// What happened to a client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The client's history begins.
    #[serde(rename = "client.opened")]
    Opened {
        /// What it is for.
        role: Role,
        /// What operators call it; no personal data.
        name: String,
        /// The user whose identification is stored in this terminal.
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<EntityId>,
        /// What its key hashes to.
        key: TokenHash,
    },
    /// It got another key; the one before is over.
    #[serde(rename = "client.key_rolled")]
    KeyRolled {
        /// Which key counts from now on.
        counter: u32,
        /// What it hashes to.
        key: TokenHash,
    },
    /// Its key is over.
    #[serde(rename = "client.revoked")]
    Revoked {},
}

/// An active client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Active {
    /// What it is for.
    pub role: Role,
    /// The user whose identification is stored in this terminal.
    pub user: Option<EntityId>,
    /// Which of its keys counts.
    pub counter: u32,
}

/// The state of a client.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Client {
    /// Nobody opened it.
    #[default]
    Absent,
    /// May call.
    Active(Active),
    /// May not call any more.
    Revoked,
}

impl Entity for Client {
    const FAMILY: Family = Family::Clients;
    const REVISION: u32 = 1;
    type Event = Event;

    fn evolve(&mut self, event: &Event, _time: Time) {
        match (&mut *self, event) {
            (Self::Absent, Event::Opened { role, user, .. }) => {
                *self = Self::Active(Active { role: *role, user: *user, counter: 0 });
            }
            (Self::Active(active), Event::KeyRolled { counter, .. }) => active.counter = *counter,
            (Self::Active(_), Event::Revoked {}) => *self = Self::Revoked,
            (
                Self::Absent | Self::Active(_) | Self::Revoked,
                Event::Opened { .. } | Event::KeyRolled { .. } | Event::Revoked {},
            ) => {}
        }
    }
}
