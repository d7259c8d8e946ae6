//! What happens to a contract.

use serde::{Deserialize, Serialize};

use super::Terms;
use crate::id::EntityId;
use crate::time::Time;

/// One of the two parties of a contract.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The main site.
    Main,
    /// The partner site.
    Partner,
}

/// What happened to a contract. Holds no personal data.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The main site proposes terms.
    #[serde(rename = "contract.proposed")]
    Proposed {
        /// The party of the main site.
        main: EntityId,
        /// The party of the partner site.
        partner: EntityId,
        /// Which terms: 1 is the first.
        number: u32,
        /// From when they count, once they are accepted.
        from: Time,
        /// What they hash to.
        sha256: String,
        /// The terms.
        terms: Box<Terms>,
        /// Whether it was done at this node, which tells the other party.
        here: bool,
    },
    /// The partner accepts them.
    #[serde(rename = "contract.accepted")]
    Accepted {
        /// Which.
        number: u32,
        /// Whether it was done at this node, which tells the other party.
        here: bool,
    },
    /// The partner does not.
    #[serde(rename = "contract.declined")]
    Declined {
        /// Which.
        number: u32,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Whether it was done at this node, which tells the other party.
        here: bool,
    },
    /// It ends.
    #[serde(rename = "contract.ended")]
    Ended {
        /// When.
        at: Time,
        /// Who ended it.
        by: Side,
        /// Whether it was done at this node, which tells the other party.
        here: bool,
    },
    /// The other party was told.
    #[serde(rename = "contract.told")]
    Told {
        /// How many times it was told something before.
        attempt: u32,
    },
    /// The other party was told, and refused it.
    #[serde(rename = "contract.not_told")]
    NotTold {
        /// How many times it was told something before.
        attempt: u32,
        /// Why: a slug.
        reason: String,
    },
}
