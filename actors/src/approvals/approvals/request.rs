//! What approvals are asked, before and after the secrets are dealt with, and what they answer.

use std::time::Duration;

use kippu_events::approvals::Purchase;
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::{PinVerifier, TokenHash};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::access::users::pin::Pin;
use crate::access::users::request::{Login, Realm};
use crate::text::Text;

/// A quarter of an hour: long enough to walk to the counter.
pub const DEFAULT_EXPIRES_IN_SECS: u32 = 900;
/// A year of 365 days: what is approved today should not surprise anybody much later.
pub const MOST_EXPIRES_IN_SECS: u32 = 31_536_000;
/// A line or two on a receipt.
pub const MOST_DESCRIPTION_CHARS: usize = 256;
/// Several times the longest token.
pub const MOST_TOKEN_CHARS: usize = 512;

commands! {
    /// A terminal asks for a purchase to be approved.
    Open = "open" New [Terminal] "Asks for a purchase to be approved within its user's limit, and answers a one-time token." {
        /// Up to how much may be settled, in minor units. Zero is an amount too.
        amount: Minor,
        /// The currency of the user's limit.
        currency: Currency,
        /// What is bought.
        #[serde(default)]
        purchase: Purchase,
        /// For how long the token is good, in seconds: 1 to 31,536,000, and 900 where it is left out.
        #[serde(default = "default_expires_in_secs")]
        #[schemars(range(min = 1, max = MOST_EXPIRES_IN_SECS))]
        expires_in_secs: u32,
        /// Who buys. MUST be left out by a terminal that stores its user's identification, and given by every other.
        #[serde(default)]
        identification: Option<Identification>,
    }
    /// A settler presents the token of an approval: is the payment permitted?
    Redeem = "redeem" Token [Settler] "Uses a token, once: the payment is permitted to the settler that asks." {
        /// As the approval's answer named it.
        #[schemars(schema_with = "token_schema")]
        token: Text<MOST_TOKEN_CHARS>,
    }
    /// The settler it is bound to reports the price.
    Settle = "settle" Id [Settler] "Settles a redeemed approval at a price up to the approved amount." {
        /// How much, at most what was approved.
        amount: Minor,
        /// As approved.
        currency: Currency,
    }
    /// The approval is taken back, and what it holds of the limit is free again.
    Revoke = "revoke" Id [Operator, Terminal, Settler] "Takes back an approval that is not settled, and frees what it holds of the limit." {}
}

const fn default_expires_in_secs() -> u32 {
    DEFAULT_EXPIRES_IN_SECS
}

/// Who buys, as typed at the terminal.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identification {
    /// Whose name for the user the login is.
    #[serde(default)]
    pub realm: Option<Realm>,
    /// Name or number.
    pub login: Login,
    /// The PIN fixed at contract.
    pub pin: Pin,
}

fn token_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let pattern = "^kpa_[A-Za-z0-9_-]+$";
    schemars::json_schema!({ "type": "string", "maxLength": MOST_TOKEN_CHARS, "pattern": pattern, "writeOnly": true })
}

/// A request without its secrets, or a deadline.
#[derive(Clone)]
pub enum Command {
    /// A purchase is to be approved.
    Open(Asked),
    /// A genuine token of this approval was presented.
    Redeem {
        /// The root key that the token was made with.
        root_key: u32,
        /// Which of the approval's tokens it is.
        counter: u32,
    },
    /// The price is reported.
    Settle {
        /// How much.
        amount: Minor,
        /// In which currency.
        currency: Currency,
    },
    /// It is taken back.
    Revoke,
    /// Its time is over. Only the node's own deadlines ask this.
    Expire,
}

/// A purchase that is to be approved.
#[derive(Clone)]
pub struct Asked {
    /// Whose limit it would reserve; perhaps nobody's.
    pub user: EntityId,
    /// What the PIN that was typed comes to; nothing where the terminal stores the user's identification.
    pub pin: Option<PinVerifier>,
    /// Up to how much may be settled.
    pub amount: Minor,
    /// In which currency.
    pub currency: Currency,
    /// What is bought.
    pub purchase: Purchase,
    /// For how long the token would be good.
    pub expires_in: Duration,
    /// What its token would hash to.
    pub token: TokenHash,
}

/// What an accepted command answers. Never names the user.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The approval.
    pub id: EntityId,
    /// Where it is in its life.
    pub state: State,
    /// Up to how much may be settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Minor>,
    /// How much was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_amount: Option<Minor>,
    /// The currency of either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// What is bought, at its opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase: Option<Purchase>,
    /// From then on it admits nobody, at its opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// What redeems it, at its opening. Absent too once the root key that it was made with is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The API client that may settle it, or did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settler: Option<EntityId>,
}

impl Reply {
    /// An answer that says no more than the state.
    #[must_use]
    pub const fn plain(id: EntityId, state: State) -> Self {
        Self {
            id,
            state,
            amount: None,
            settled_amount: None,
            currency: None,
            purchase: None,
            expires_at: None,
            token: None,
            settler: None,
        }
    }
}

/// Where an approval is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Given; its token admits once.
    Issued,
    /// Its token was used.
    Redeemed,
    /// Paid.
    Settled,
    /// Over before anybody used it.
    Expired,
    /// Taken back.
    Revoked,
}
