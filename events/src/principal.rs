//! Who acted: the caller that an event names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::EntityId;

/// The author of a command, as events name it. Holds no personal data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// An API client: `clients/{id}`.
    Client(EntityId),
    /// Somebody with the data folder in hand, at the command line: `operator`.
    Operator,
    /// The node itself, for a deadline that passed: `deadline`.
    Deadline,
}

impl Principal {
    /// The API client, where it is one.
    #[must_use]
    pub const fn client(&self) -> Option<EntityId> {
        match self {
            Self::Client(id) => Some(*id),
            Self::Operator | Self::Deadline => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(id) => write!(f, "clients/{id}"),
            Self::Operator => f.write_str("operator"),
            Self::Deadline => f.write_str("deadline"),
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
        match text {
            "operator" => Ok(Self::Operator),
            "deadline" => Ok(Self::Deadline),
            _ => text
                .strip_prefix("clients/")
                .and_then(|id| id.parse().ok())
                .map(Self::Client)
                .ok_or_else(|| NotAPrincipal(text.to_owned())),
        }
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
