//! What an offer says: purchase information that a shop has signed.

use serde::{Deserialize, Serialize};

use crate::id::EntityId;
use crate::money::{Currency, Minor};

/// The type of the statement that an offer is.
pub const OFFER: &str = "kippu-offer";

/// What a shop has signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OfferContent {
    /// The shop.
    pub iss: EntityId,
    /// The offer.
    pub id: EntityId,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// From when it does not count any more, in seconds since 1970.
    pub exp: i64,
    /// The currency of every amount.
    pub currency: Currency,
    /// What all of it costs.
    pub total: Minor,
    /// What is offered.
    pub items: Vec<OfferItem>,
    /// The parties that may settle it.
    pub settlers: Vec<EntityId>,
    /// Whether the shop itself delivers to the buyer.
    pub direct: bool,
}

/// One line of an offer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OfferItem {
    /// Which product.
    pub product: EntityId,
    /// What it is called.
    pub name: String,
    /// What kind of product it is.
    pub kind: String,
    /// How many pieces.
    pub quantity: u32,
    /// What one piece costs.
    pub price: Minor,
}
