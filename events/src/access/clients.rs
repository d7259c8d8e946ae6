//! API clients: who may call, in which role, with which key.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::opaque::TokenHash;
use crate::time::Time;

pub use super::roles::Role;

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
    const REVISION: u32 = 2;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let key = || TokenHash { key: 1, sha256: "q".repeat(43) };
        let user = Some(EntityId::from_hash(&[2; 32]));
        vec![
            Event::Opened { role: Role::Terminal, name: "till 4".to_owned(), user, key: key() },
            Event::KeyRolled { counter: 1, key: key() },
            Event::Revoked {},
        ]
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[Event]) -> Client {
        crate::entity::fold(events)
    }

    fn key(root: u32) -> TokenHash {
        TokenHash { key: root, sha256: "q".repeat(43) }
    }

    fn opened(role: Role, user: Option<EntityId>) -> Event {
        Event::Opened { role, name: "till 4".to_owned(), user, key: key(1) }
    }

    #[test]
    fn a_client_keeps_its_role_and_user_and_its_first_key_counts() {
        assert_eq!(after(&[]), Client::Absent);
        for role in [Role::Operator, Role::Shop, Role::Settler, Role::Terminal] {
            for user in [None, Some(EntityId::from_hash(&[2; 32]))] {
                assert_eq!(after(&[opened(role, user)]), Client::Active(Active { role, user, counter: 0 }));
            }
        }
    }

    #[test]
    fn a_rolled_key_counts_instead_of_the_one_before() {
        let rolled = |counter| Event::KeyRolled { counter, key: key(2) };
        let state = after(&[opened(Role::Shop, None), rolled(1), rolled(2)]);
        assert_eq!(state, Client::Active(Active { role: Role::Shop, user: None, counter: 2 }));
        assert_eq!(after(&[rolled(1)]), Client::Absent);
    }

    #[test]
    fn a_revoked_client_stays_revoked() {
        let revoked = [opened(Role::Settler, None), Event::Revoked {}];
        assert_eq!(after(&revoked), Client::Revoked);
        for late in [opened(Role::Operator, None), Event::KeyRolled { counter: 1, key: key(1) }, Event::Revoked {}] {
            assert_eq!(after(&[&revoked[..], &[late]].concat()), Client::Revoked);
        }
        assert_eq!(after(&[Event::Revoked {}]), Client::Absent);
    }
}
