//! Who acted: the caller that an event names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::EntityId;

/// The name of a reaction: 1 to 32 lower-case letters and hyphens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReactionName {
    length: u8,
    /// Zeros behind the name.
    bytes: [u8; Self::MOST_BYTES],
}

impl ReactionName {
    /// As long as a family's name and a verb need.
    const MOST_BYTES: usize = 32;

    /// The name, or nothing where the text is none.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        let mut bytes = [0; Self::MOST_BYTES];
        bytes.get_mut(..name.len()).filter(|_| is_plain && !name.is_empty())?.copy_from_slice(name.as_bytes());
        Some(Self { length: u8::try_from(name.len()).ok()?, bytes })
    }
}

impl ReactionName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.length.into()).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }
}

impl fmt::Display for ReactionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The author of a command, as events name it. Holds no personal data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// An API client: `clients/{id}`.
    Client(EntityId),
    /// An end user, signed in: `users/{id}`.
    User(EntityId),
    /// Another party, by its signature: `peers/{id}`.
    Peer(EntityId),
    /// Somebody with the data folder in hand, at the command line: `operator`.
    Operator,
    /// The node itself, for a deadline that passed: `deadline`.
    Deadline,
    /// The node itself, because of an event of another entity: `reactions/{name}`.
    Reaction(ReactionName),
    /// The node itself, for an activity that came to an end: `activity`.
    Activity,
    /// Somebody who does not say who they are: `guest`.
    Guest,
}

impl Principal {
    /// The API client or the other party, where it is one.
    #[must_use]
    pub const fn party(&self) -> Option<EntityId> {
        match self {
            Self::Client(id) | Self::Peer(id) => Some(*id),
            Self::User(_) | Self::Operator | Self::Deadline | Self::Reaction(_) | Self::Activity | Self::Guest => None,
        }
    }

    /// The same, or the end user, where it is one.
    #[must_use]
    pub const fn asker(&self) -> Option<EntityId> {
        match self {
            Self::User(id) => Some(*id),
            Self::Client(_) | Self::Peer(_) => self.party(),
            Self::Operator | Self::Deadline | Self::Reaction(_) | Self::Activity | Self::Guest => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(id) => write!(f, "clients/{id}"),
            Self::User(id) => write!(f, "users/{id}"),
            Self::Peer(id) => write!(f, "peers/{id}"),
            Self::Reaction(name) => write!(f, "reactions/{name}"),
            Self::Operator => f.write_str("operator"),
            Self::Deadline => f.write_str("deadline"),
            Self::Activity => f.write_str("activity"),
            Self::Guest => f.write_str("guest"),
        }
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that names no principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a principal: {0:?}")]
pub struct NotAPrincipal(String);

impl FromStr for Principal {
    type Err = NotAPrincipal;

    fn from_str(text: &str) -> Result<Self, NotAPrincipal> {
        let parse = || match text.split_once('/') {
            None if text == "operator" => Some(Self::Operator),
            None if text == "deadline" => Some(Self::Deadline),
            None if text == "activity" => Some(Self::Activity),
            None if text == "guest" => Some(Self::Guest),
            Some(("clients", id)) => id.parse().ok().map(Self::Client),
            Some(("users", id)) => id.parse().ok().map(Self::User),
            Some(("peers", id)) => id.parse().ok().map(Self::Peer),
            Some(("reactions", name)) => ReactionName::new(name).map(Self::Reaction),
            Some(_) | None => None,
        };
        parse().ok_or_else(|| NotAPrincipal(text.to_owned()))
    }
}

impl Serialize for Principal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::parse(deserializer, "a principal")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_principal_has_one_text_and_other_texts_are_no_principals() {
        let id = EntityId::from_hash(&[7; 32]);
        let reaction = ReactionName::new("approvals-settled").map(Principal::Reaction);
        let named = [Principal::Client, Principal::User, Principal::Peer].map(|of| of(id));
        let plain = [Principal::Operator, Principal::Deadline, Principal::Activity, Principal::Guest];
        for principal in plain.into_iter().chain(named).chain(reaction) {
            assert_eq!(principal.to_string().parse(), Ok(principal));
        }
        let long = "a".repeat(33);
        for name in ["", "Upper", "with_underscore", "with/slash", &long] {
            assert!(format!("reactions/{name}").parse::<Principal>().is_err(), "{name}");
        }
        for text in ["", "nobody", "operator/", "clients", "clients/", "guests/aaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert!(text.parse::<Principal>().is_err(), "{text}");
        }
    }
}
