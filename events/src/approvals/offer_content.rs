//! What a shop says with an offer: the purchase information that it signs, as the content of a statement.

use serde::{Deserialize, Serialize};

use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::time::Time;

/// The type of such a statement.
pub const OFFER: &str = "kippu-offer";
/// As many as fit on a page, and in a record many times over.
pub const MOST_ITEMS: usize = 100;
/// A shop is related to a few settlement servers.
pub const MOST_SETTLERS: usize = 32;
/// Of a name, as of the description of a purchase: a line or two on a receipt.
pub const MOST_NAME_CHARS: usize = 256;

/// One line of an offer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "OfferedItem")]
pub struct OfferItem {
    /// What kind of content, goods or service it is.
    pub kind: String,
    /// What the shop calls it.
    pub name: String,
    /// The price of one piece.
    pub price: Minor,
    /// The product, by its id at the shop.
    pub product: EntityId,
    /// How many pieces.
    pub quantity: u32,
}

impl OfferItem {
    /// The price of all pieces, where it is one that an amount can be.
    #[must_use]
    pub fn amount(&self) -> Option<Minor> {
        self.price.units().checked_mul(self.quantity.into()).and_then(Minor::new)
    }
}

/// An offer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OfferContent {
    /// The shop: the party that signs it.
    pub iss: EntityId,
    /// The offer, by its id at the shop.
    pub id: EntityId,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// From then on it is none, in seconds since 1970.
    pub exp: i64,
    /// Of every price here.
    pub currency: Currency,
    /// What all items cost.
    pub total: Minor,
    /// What is offered.
    pub items: Vec<OfferItem>,
    /// The parties that may settle it.
    pub settlers: Vec<EntityId>,
    /// Whether the shop delivers by itself.
    pub direct: bool,
}

impl OfferContent {
    /// From then on it is none.
    #[must_use]
    pub const fn expires_at(&self) -> Time {
        Time::from_micros(self.exp.saturating_mul(1_000_000))
    }

    /// Whether it is an offer at all: something of a price that adds up to the total, to be settled by somebody, in bounds.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let is_text = |text: &String| {
            let chars = text.chars().take(MOST_NAME_CHARS + 1).count();
            (1..=MOST_NAME_CHARS).contains(&chars) && !text.chars().any(char::is_control)
        };
        let is_plain = |item: &OfferItem| is_text(&item.name) && is_text(&item.kind) && item.quantity > 0;
        let sum = self.items.iter().try_fold(Minor::ZERO, |sum, item| sum.plus(item.amount()?));
        (1..=MOST_ITEMS).contains(&self.items.len())
            && (1..=MOST_SETTLERS).contains(&self.settlers.len())
            && self.items.iter().all(is_plain)
            && sum == Some(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> EntityId {
        EntityId::from_hash(&[n; 32])
    }

    fn minor(units: u64) -> Minor {
        Minor::new(units).unwrap()
    }

    fn offer() -> OfferContent {
        let item = |n, quantity, price| OfferItem {
            product: id(n),
            name: "film".to_owned(),
            kind: "video".to_owned(),
            quantity,
            price: minor(price),
        };
        OfferContent {
            iss: id(1),
            id: id(2),
            iat: 1_800_000_000,
            exp: 1_800_000_900,
            currency: Currency::EUR,
            total: minor(1_200),
            items: vec![item(3, 2, 500), item(4, 1, 200)],
            settlers: vec![id(5)],
            direct: false,
        }
    }

    #[test]
    fn an_offer_has_items_that_add_up_and_somebody_who_settles() {
        assert!(offer().is_whole());
        assert_eq!(offer().expires_at(), Time::from_micros(1_800_000_900_000_000));
        type Change = fn(&mut OfferContent);
        let changes: [Change; 9] = [
            |offer| offer.total = minor(1_199),
            |offer| offer.items[0].price = minor(499),
            |offer| offer.items[0].quantity = 0,
            |offer| offer.items.clear(),
            |offer| offer.settlers.clear(),
            |offer| offer.settlers = vec![id(5); MOST_SETTLERS + 1],
            |offer| offer.items[1].name = "a\nb".to_owned(),
            |offer| offer.items[1].kind.clear(),
            |offer| (offer.items[0].price, offer.items[0].quantity) = (minor(Minor::MOST), u32::MAX),
        ];
        for (which, change) in changes.into_iter().enumerate() {
            let mut changed = offer();
            change(&mut changed);
            assert!(!changed.is_whole(), "change {which}");
        }
    }
}
