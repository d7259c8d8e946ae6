//! What happens to an offer, in events.

use serde::{Deserialize, Serialize};

use crate::approvals::offer_content::OfferItem;
use crate::approvals::products::{Content, Kind};
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::TokenHash;
use crate::time::Time;

/// Some of a product.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Item {
    /// The product.
    pub product: EntityId,
    /// Its version, from which the rest is.
    pub version: u64,
    /// What buyers call it.
    pub name: String,
    /// How it comes to its buyer.
    pub kind: Kind,
    /// How many.
    pub quantity: u32,
    /// What one costs.
    pub price: Minor,
    /// Bytes that come with it.
    pub contents: Vec<Content>,
}

impl Item {
    /// What all of it costs, where that is within bounds.
    #[must_use]
    pub fn amount(&self) -> Option<Minor> {
        self.price.units().checked_mul(self.quantity.into()).and_then(Minor::new)
    }
}

impl From<&Item> for OfferItem {
    fn from(item: &Item) -> Self {
        let Item { product, name, kind, quantity, price, .. } = item;
        let (name, kind) = (name.clone(), kind.name().to_owned());
        Self { product: *product, name, kind, quantity: *quantity, price: *price }
    }
}

/// What `amounts` are together; nothing where one is not there, or the sum is out of bounds.
pub(super) fn sum(amounts: impl IntoIterator<Item = Option<Minor>>) -> Option<Minor> {
    amounts.into_iter().try_fold(Minor::ZERO, |sum, amount| sum.plus(amount?))
}

/// What `items` cost together, where that is within bounds.
#[must_use]
pub fn total(items: &[Item]) -> Option<Minor> {
    sum(items.iter().map(Item::amount))
}

/// An item that was delivered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Taken {
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
}

/// Bytes that were delivered, by their number in the offer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Numbered {
    /// The number: counted from 0 through the contents of all items of the offer.
    pub n: u16,
    /// What buyers call it: the name of a file.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// What it hashes to: SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Its bytes.
    pub size: u64,
}

/// What happened to an offer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// It was made. Names the inputs of the decision, and all that its statement says.
    #[serde(rename = "offer.made")]
    Made {
        /// What is offered.
        items: Vec<Item>,
        /// What all of it costs.
        total: Minor,
        /// In which currency.
        currency: Currency,
        /// The parties that may settle it.
        settlers: Vec<EntityId>,
        /// Whether the shop itself sends bytes to the buyer.
        direct: bool,
        /// When it was made.
        made_at: Time,
        /// From then on nobody is to approve it.
        expires_at: Time,
        /// The version of the shop's terms.
        terms_version: u64,
        /// The number of the key that signs its statement.
        signing_key: u32,
    },
    /// A settler takes it: the payment is permitted.
    #[serde(rename = "offer.delivered")]
    Delivered {
        /// Who settles it.
        settler: EntityId,
        /// Which items are delivered.
        items: Vec<Taken>,
        /// What those cost.
        amount: Minor,
        /// In which currency.
        currency: Currency,
        /// The bytes that come with those.
        contents: Vec<Numbered>,
        /// Whether the shop itself sends them to the buyer.
        direct: bool,
        /// What the token hashes to that opens them.
        capability: TokenHash,
    },
    /// The settler gave back a part of the price of what was delivered.
    #[serde(rename = "offer.refunded")]
    Refunded {
        /// Who settled it.
        settler: EntityId,
        /// How much more than was known before.
        amount: Minor,
        /// In which currency.
        currency: Currency,
        /// How much that is in all.
        total: Minor,
    },
    /// It is to be sent to an authentication server.
    #[serde(rename = "offer.push_asked")]
    PushAsked {
        /// To which party.
        to: EntityId,
        /// Which time, from 1.
        attempt: u32,
    },
    /// That server has it.
    #[serde(rename = "offer.push_done")]
    PushDone {
        /// Which time.
        attempt: u32,
    },
    /// That server does not take it, or was not reached in time.
    #[serde(rename = "offer.push_failed")]
    PushFailed {
        /// Which time.
        attempt: u32,
        /// The name of the problem that it answered, or `gave-up`.
        reason: String,
    },
}
