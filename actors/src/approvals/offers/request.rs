//! What offers are asked, and what they answer.

use kippu_events::access::signing_keys::SigningKeys;
use kippu_events::approvals::offers::{Item, Numbered, Taken};
use kippu_events::approvals::products::Kind;
use kippu_events::approvals::shop_terms::Terms;
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::TokenHash;
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

/// So many lines fit on a page, and their names into one record.
pub const MOST_ITEMS: usize = 20;
/// Of all items together: who settles them keeps as many.
pub const MOST_FILES: usize = 64;
/// Four digits.
pub const MOST_QUANTITY: u32 = 9_999;
/// A day: what was approved while the offer stood is delivered by then, also where a settlement server was down for a night.
pub const GRACE_SECS: u32 = 86_400;
/// A day; the offer itself mostly ends before.
pub const PUSH_SECS: u32 = 86_400;
/// An authentication server and another one, each with a second try, and some more.
pub const MOST_PUSHES: u32 = 8;

commands! {
    /// Somebody wants to buy.
    Open = "open" New [Guest, Terminal, Shop, Settler] "Makes a signed offer: what would be sold, at which price, and who may settle it." {
        /// What is wanted.
        #[schemars(length(min = 1, max = MOST_ITEMS))]
        items: Vec<Wanted>,
        /// The currency of the prices, where the caller knows it already: another one is refused.
        #[serde(default)]
        currency: Option<Currency>,
    }
    /// A settlement server asks for what is to be delivered: the payment is permitted.
    Deliver = "deliver" Id [Settler] "Takes an offer, once: answers the files that come with its items, and what opens them." {
        /// Which items, by their places in the offer from 0; all where it is left out.
        #[serde(default)]
        #[schemars(length(min = 1, max = MOST_ITEMS))]
        items: Option<Vec<u16>>,
    }
    /// The settlement server gave back a part of the price.
    Refunded = "refunded" Id [Settler] "Says how much of the price of what was delivered was given back, in all." {
        /// How much that is in all: what was told before is a part of it.
        #[schemars(extend("minimum" = 1))]
        total: Minor,
        /// In which currency: that of the offer.
        currency: Currency,
    }
    /// The offer is to be sent to an authentication server.
    Push = "push" Id [Shop, Operator, Terminal, Guest] "Sends an offer to an authentication server, which may then be asked to approve it without being shown it." {
        /// The authentication server: a party that the shop knows.
        to: EntityId,
    }
}

/// Some of a product.
#[derive(Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The product.
    pub product: EntityId,
    /// How many: 1 to 9,999.
    #[schemars(range(min = 1, max = MOST_QUANTITY))]
    pub quantity: u32,
    /// What one costs, where the caller knows it already: another price is refused. A settlement server names it always.
    #[serde(default)]
    pub price: Option<Minor>,
}

/// A request with what was looked up, an outcome, or a deadline.
pub enum Command {
    /// An offer is to be made.
    Open(Box<Asked>),
    /// It is to be delivered.
    Deliver {
        /// Which items, in order; all where nothing is said.
        items: Option<Vec<u16>>,
        /// What the token would hash to that opens its files.
        capability: TokenHash,
    },
    /// So much was given back.
    Refunded {
        /// In all.
        total: Minor,
        /// In which currency.
        currency: Currency,
    },
    /// It is to be sent to a party.
    Push {
        /// Which.
        to: EntityId,
    },
    /// What came of that. Only the node's own activities say this.
    Pushed {
        /// Which time.
        attempt: u32,
        /// The name of the problem, where that party does not take it.
        refusal: Option<String>,
    },
    /// The time of that is over. Only the node's own deadlines ask this.
    GiveUp,
}

/// An offer that is to be made, on what was looked up.
pub struct Asked {
    /// What is wanted, as the shop has it.
    pub items: Vec<Item>,
    /// What all of it costs.
    pub total: Minor,
    /// The shop's terms.
    pub terms: Terms,
    /// Their version.
    pub terms_version: u64,
    /// The keys that sign statements.
    pub keys: SigningKeys,
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The offer.
    pub id: EntityId,
    /// What the shop signs, at its opening: a compact JWS of the type `kippu-offer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// What is offered, at its opening, or delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<Offered>>,
    /// What all of it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Minor>,
    /// What is delivered costs so much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Minor>,
    /// The currency of either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// The party that offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop: Option<EntityId>,
    /// The parties that may settle it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlers: Option<Vec<EntityId>>,
    /// From then on nobody is to approve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// The files that are delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Vec<Numbered>>,
    /// What opens them: a bearer token. Absent too once the root key that it was made with is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// Whether the shop itself sends them to the buyer, who is then to be given the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<bool>,
    /// How much of the price of what was delivered was given back, in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Minor>,
    /// The party that it is sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<EntityId>,
}

impl Reply {
    /// An answer that says no more than which offer it is.
    #[must_use]
    pub const fn plain(id: EntityId) -> Self {
        Self {
            id,
            statement: None,
            items: None,
            total: None,
            amount: None,
            currency: None,
            shop: None,
            settlers: None,
            expires_at: None,
            contents: None,
            capability: None,
            direct: None,
            refunded: None,
            to: None,
        }
    }
}

/// Some of a product, as it is offered.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Offered {
    /// Its place among the items of the offer, from 0.
    pub place: u16,
    /// The product.
    pub product: EntityId,
    /// What buyers call it.
    pub name: String,
    /// How it comes to its buyer.
    pub kind: Kind,
    /// How many.
    pub quantity: u32,
    /// What one costs.
    pub price: Minor,
    /// What all of it costs.
    pub amount: Minor,
}

impl From<Taken> for Offered {
    fn from(taken: Taken) -> Self {
        let Taken { place, product, name, kind, quantity, price } = taken;
        let amount = price.units().checked_mul(quantity.into()).and_then(Minor::new).unwrap_or(Minor::ZERO);
        Self { place, product, name, kind, quantity, price, amount }
    }
}
