//! What approvals are asked, before and after the secrets are dealt with.

use std::time::Duration;

use kippu_events::access::peers::PeerKey;
use kippu_events::approvals::offer_content::{MOST_ITEMS, MOST_NAME_CHARS};
use kippu_events::approvals::{Channel, Named, Offered, Purchase, Told};
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::{PinVerifier, TokenHash};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::access::users::pin::Pin;
use crate::access::users::request::{Login, Realm};
use crate::approvals::offer::{self, Statement};
use crate::text::{Text, named};

/// A quarter of an hour: long enough to walk to the counter.
pub const DEFAULT_EXPIRES_IN_SECS: u32 = 900;
/// A year of 365 days: what is approved today should not surprise anybody much later.
pub const MOST_EXPIRES_IN_SECS: u32 = 31_536_000;
/// A line or two on a receipt.
pub const MOST_DESCRIPTION_CHARS: usize = 256;
/// Several times the longest token.
pub const MOST_TOKEN_CHARS: usize = 512;
/// SHA-256 in hexadecimal digits.
pub const SHA256_CHARS: usize = 64;

commands! {
    /// A terminal, or the user, asks for a purchase to be approved.
    Open = "open" New [Terminal, Subscriber] "Asks for a purchase to be approved within its user's limit, and answers a one-time token." {
        /// Up to how much may be settled, in minor units. Zero is an amount too. MUST be there unless an offer says it.
        #[serde(default)]
        amount: Option<Minor>,
        /// The currency of the user's limit. MUST be there unless an offer says it.
        #[serde(default)]
        currency: Option<Currency>,
        /// What is bought, unless an offer says it.
        #[serde(default)]
        purchase: Option<Purchase>,
        /// The offer of a shop, as the shop signed it.
        #[serde(default)]
        #[schemars(schema_with = "offer::schema")]
        offer: Option<Statement>,
        /// An offer that its shop has pushed.
        #[serde(default)]
        pushed: Option<PushedOffer>,
        /// For how long the token is good, in seconds: 1 to 31,536,000, and 900 where it is left out. Never longer than the offer.
        #[serde(default = "default_expires_in_secs")]
        #[schemars(range(min = 1, max = MOST_EXPIRES_IN_SECS))]
        expires_in_secs: u32,
        /// Who buys. MUST be left out by a terminal that stores its user's identification and by a user who is signed in, and given by every
        /// other.
        #[serde(default)]
        identification: Option<Identification>,
        /// By which channel the token reaches the user: with `collect` it is not in the answer to this request.
        #[serde(default, deserialize_with = "named")]
        answer: Channel,
    }
    /// Somebody who stands for the user wants the token.
    Collect = "collect" Id [Terminal, Subscriber] "Gives the token of an approval to who stands for its user, any number of times until it is used." {}
    /// A settler presents the token of an approval: is the payment permitted?
    Redeem = "redeem" Token [Settler] "Uses a token, once: the payment is permitted to the settler that asks." {
        /// As the approval's answer named it.
        #[schemars(schema_with = "token_schema")]
        token: Text<MOST_TOKEN_CHARS>,
        /// What the offer hashes to that is to be settled; another one is refused.
        #[serde(default)]
        offer_sha256: Option<Text<SHA256_CHARS>>,
        /// How much is to be settled; another amount than was approved is refused.
        #[serde(default)]
        amount: Option<Minor>,
        /// In which currency; another one than was approved is refused.
        #[serde(default)]
        currency: Option<Currency>,
    }
    /// The settler it is bound to reports the price.
    Settle = "settle" Id [Settler] "Settles a redeemed approval at a price up to the approved amount." {
        /// How much, at most what was approved.
        amount: Minor,
        /// As approved.
        currency: Currency,
        /// When it was settled, as the settler has it.
        #[serde(default)]
        settled_at: Option<Time>,
        /// What was delivered, by its names.
        #[serde(default)]
        #[schemars(length(max = MOST_ITEMS))]
        contents: Vec<Text<MOST_NAME_CHARS>>,
    }
    /// A part of what was settled is given back.
    Refund = "refund" Id [Settler, Operator] "Gives a part of what was settled back, in as many parts as there are up to all of it." {
        /// How much.
        #[schemars(extend("minimum" = 1))]
        amount: Minor,
        /// As approved.
        currency: Currency,
    }
    /// A settler lets go of an approval.
    Release = "release" Token [Settler] "Ends an approval that its settler will not settle, redeemed or not, and frees what it holds of the limit." {
        /// As the approval's answer named it.
        #[schemars(schema_with = "token_schema")]
        token: Text<MOST_TOKEN_CHARS>,
    }
    /// The approval is taken back, and what it holds of the limit is free again.
    Revoke = "revoke" Id [Operator, Terminal, Settler] "Takes back an approval that is not settled, and frees what it holds of the limit." {}
}

const fn default_expires_in_secs() -> u32 {
    DEFAULT_EXPIRES_IN_SECS
}

/// An offer that its shop has pushed.
#[derive(Clone, Copy, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushedOffer {
    /// The shop.
    pub shop: EntityId,
    /// The offer, by its id at the shop.
    pub offer: EntityId,
}

/// Who buys, as typed at the terminal: a login, or a challenge that was asked for with one, and the PIN.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identification {
    /// Whose name for the user the login is.
    #[serde(default)]
    pub realm: Option<Realm>,
    /// Name or number. MUST be there unless a challenge is.
    #[serde(default)]
    pub login: Option<Login>,
    /// The challenge that names the user.
    #[serde(default)]
    pub challenge: Option<EntityId>,
    /// The PIN fixed at contract.
    pub pin: Pin,
}

fn token_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let pattern = "^kpa_[A-Za-z0-9_-]+$";
    schemars::json_schema!({ "type": "string", "maxLength": MOST_TOKEN_CHARS, "pattern": pattern, "writeOnly": true })
}

/// A request without its secrets, a deadline, or the outcome of an inquiry.
#[derive(Clone)]
pub enum Command {
    /// A purchase is to be approved.
    Open(Box<Asked>),
    /// The token is wanted.
    Collect,
    /// A genuine token of this approval was presented.
    Redeem {
        /// The token.
        token: Presented,
        /// What else was named.
        named: Named,
    },
    /// The price is reported.
    Settle(Settlement),
    /// A part of it is given back.
    Refund {
        /// How much.
        amount: Minor,
        /// In which currency.
        currency: Currency,
    },
    /// The settler lets go of it.
    Release(Presented),
    /// It is taken back.
    Revoke,
    /// Its time is over. Only the node's own deadlines ask this.
    Expire,
    /// The reference did not answer in time. Only the node's own deadlines ask this.
    GiveUp,
    /// The reference answered. Only the node's own activities say this.
    Inquired {
        /// Which question this is the answer to.
        attempt: u32,
        /// What it told: good, bad, unknown, or nothing that can be used.
        told: Told,
        /// Up to how much it vouches for the user.
        limit: Option<(Minor, Currency)>,
    },
}

/// A genuine token.
#[derive(Clone, Copy)]
pub struct Presented {
    /// The root key that it was made with.
    pub root_key: u32,
    /// Which of the approval's tokens it is.
    pub counter: u32,
}

/// What a settler reports.
#[derive(Clone)]
pub struct Settlement {
    /// How much.
    pub amount: Minor,
    /// In which currency.
    pub currency: Currency,
    /// When, as the settler has it.
    pub settled_at: Option<Time>,
    /// What was delivered.
    pub contents: Vec<String>,
}

/// A purchase that is to be approved.
#[derive(Clone)]
pub struct Asked {
    /// Whose limit it would reserve; perhaps nobody's.
    pub user: EntityId,
    /// What the PIN that was typed comes to; nothing where the terminal stores the user's identification.
    pub pin: Option<PinVerifier>,
    /// The challenge with which it was typed.
    pub challenge: Option<EntityId>,
    /// Up to how much may be settled.
    pub amount: Minor,
    /// In which currency.
    pub currency: Currency,
    /// What is bought.
    pub purchase: Purchase,
    /// The offer of a shop.
    pub offer: Option<Box<Offered>>,
    /// The key that signed the offer, where the shop has not pushed it.
    pub signed_with: Option<PeerKey>,
    /// By which channel the token is to reach the user.
    pub channel: Channel,
    /// For how long the token would be good.
    pub expires_in: Duration,
    /// What its token would hash to.
    pub token: TokenHash,
}
