//! Peers: other parties as this node knows them. Each has a node of its own, with its own directory, keys and log.

use serde::{Deserialize, Serialize};

use super::roles::{Role, Roles};
use crate::entity::Entity;
use crate::family::Family;

use crate::secrets::{PublicKey, SigningUse};
use crate::time::Time;

/// A public key of a party, for one use.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerKey {
    /// What it is for.
    pub r#use: SigningUse,
    /// The key, as the `x` of its JWK.
    pub x: PublicKey,
    /// It does not count before. Always written: states are kept in a form that cannot tell what was left out.
    #[serde(default)]
    pub from: Option<Time>,
    /// It does not count from then on.
    #[serde(default)]
    pub until: Option<Time>,
}

impl PeerKey {
    /// Whether it counts at `time`.
    #[must_use]
    pub fn counts_at(&self, time: Time) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time < until)
    }
}

/// What happened to a peer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The other party is known from now on.
    #[serde(rename = "peer.registered")]
    Registered {
        /// What operators call it; no personal data.
        name: String,
        /// Where its node answers.
        url: String,
        /// What it is to this node.
        roles: Vec<Role>,
        /// Its keys.
        keys: Vec<PeerKey>,
    },
    /// It is called otherwise, answers elsewhere, or is something else to this node.
    #[serde(rename = "peer.changed")]
    Changed {
        /// What operators call it.
        name: String,
        /// Where its node answers.
        url: String,
        /// What it is to this node.
        roles: Vec<Role>,
    },
    /// It has one more key.
    #[serde(rename = "peer.key_added")]
    KeyAdded {
        /// The key.
        key: PeerKey,
    },
    /// One of its keys does not count any more.
    #[serde(rename = "peer.key_revoked")]
    KeyRevoked {
        /// Which: the thumbprint of its JWK.
        key: String,
    },
    /// Nothing of it counts any more.
    #[serde(rename = "peer.revoked")]
    Revoked {},
}

/// A peer that counts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// What operators call it.
    pub name: String,
    /// Where its node answers.
    pub url: String,
    /// What it is to this node.
    pub roles: Vec<Role>,
    /// Its keys that are not revoked, oldest first.
    pub keys: Vec<PeerKey>,
}

impl Known {
    /// Its key with this id for `of`, if that counts at `time`.
    #[must_use]
    pub fn key(&self, of: SigningUse, id: &str, time: Time) -> Option<PublicKey> {
        let counts = |key: &&PeerKey| key.r#use == of && key.counts_at(time) && key.x.id() == id;
        self.keys.iter().find(counts).map(|key| key.x)
    }

    /// What it is to this node.
    #[must_use]
    pub fn roles(&self) -> Roles {
        self.roles.iter().copied().collect()
    }
}

/// The state of a peer.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Peer {
    /// Nobody registered it.
    #[default]
    Absent,
    /// It counts.
    Known(Known),
    /// It does not count any more.
    Revoked,
}

impl Peer {
    /// Itself, where it counts.
    #[must_use]
    pub const fn known(&self) -> Option<&Known> {
        match self {
            Self::Known(known) => Some(known),
            Self::Absent | Self::Revoked => None,
        }
    }
}

impl Entity for Peer {
    const FAMILY: Family = Family::Peers;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let key = |x: &str| PeerKey {
            r#use: SigningUse::Http,
            x: x.parse().unwrap_or_else(|_| unreachable!("a key of RFC 8037 or RFC 9421")),
            from: None,
            until: Some(Time::from_micros(1_795_254_300_000_000)),
        };
        let (first, second) =
            (key("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), key("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"));
        let (name, url) = (|| "Harbour Books".to_owned(), |port| format!("http://127.0.0.1:{port}"));
        vec![
            Event::Registered { name: name(), url: url(7_801), roles: vec![Role::Shop], keys: vec![first.clone()] },
            Event::Changed { name: name(), url: url(7_802), roles: vec![Role::Shop, Role::Settler] },
            Event::KeyAdded { key: second },
            Event::KeyRevoked { key: first.x.id() },
            Event::Revoked {},
        ]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        match (&mut *self, event) {
            (Self::Absent, Event::Registered { name, url, roles, keys }) => {
                let (name, url) = (name.clone(), url.clone());
                *self = Self::Known(Known { name, url, roles: roles.clone(), keys: keys.clone() });
            }
            (Self::Known(known), Event::Changed { name, url, roles }) => {
                known.name.clone_from(name);
                known.url.clone_from(url);
                known.roles.clone_from(roles);
            }
            (Self::Known(known), Event::KeyAdded { key }) => known.keys.push(key.clone()),
            (Self::Known(known), Event::KeyRevoked { key }) => known.keys.retain(|its| its.x.id() != *key),
            (Self::Known(_), Event::Revoked {}) => *self = Self::Revoked,
            (
                Self::Absent | Self::Known(_) | Self::Revoked,
                Event::Registered { .. }
                | Event::Changed { .. }
                | Event::KeyAdded { .. }
                | Event::KeyRevoked { .. }
                | Event::Revoked {},
            ) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_from_its_beginning_to_its_end_until_it_is_revoked() {
        let [registered, changed, added, key_revoked, revoked] = <[Event; 5]>::try_from(Peer::samples()).unwrap();
        let Event::KeyAdded { key } = &added else { panic!("a key is added") };
        let (id, before, until) = (key.x.id(), Time::from_micros(1), key.until.unwrap());
        let peer: Peer = crate::entity::fold(&[registered.clone(), changed.clone(), added.clone()]);
        let known = peer.known().unwrap();
        assert_eq!(known.key(SigningUse::Http, &id, before), Some(key.x));
        assert_eq!(known.key(SigningUse::Http, &id, until), None);
        assert_eq!(known.key(SigningUse::Statements, &id, before), None);
        assert!(known.roles().has(Role::Settler) && known.url.ends_with("7802") && known.keys.len() == 2);
        let peer: Peer = crate::entity::fold(&[registered.clone(), added.clone(), key_revoked]);
        assert_eq!(peer.known().unwrap().keys, std::slice::from_ref(key));
        let peer: Peer = crate::entity::fold(&[registered.clone(), revoked, registered, changed]);
        assert_eq!(peer, Peer::Revoked);
    }
}
