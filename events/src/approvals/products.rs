//! Products: what a shop sells. One is found by its SKU, so that a catalogue that is imported again finds what it made.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::blobs::BlobId;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::time::Time;

/// The product with this SKU.
#[must_use]
pub fn id_of(sku: &str) -> EntityId {
    EntityId::from_hash(&Sha256::new().chain_update(b"kippu.product.1").chain_update(sku).finalize().into())
}

/// How a product comes to its buyer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// As bytes.
    Digital,
    /// By post, or over the counter.
    Goods,
    /// By somebody who does something.
    Service,
}

impl Kind {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Digital => "digital",
            Self::Goods => "goods",
            Self::Service => "service",
        }
    }
}

/// Bytes that come with a product.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Its media type, as `audio/ogg`.
    pub media_type: String,
    /// What buyers call it: the name of a file.
    pub name: String,
    /// What it hashes to: SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Its bytes.
    pub size: u64,
}

/// What happened to a product. Holds no personal data.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// It is for sale from now on.
    #[serde(rename = "product.listed")]
    Listed {
        /// What the shop calls it, for ever.
        sku: String,
        /// What buyers call it.
        name: String,
        /// What tells it from others of that name, as an author and a year.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<String>,
        /// How it comes to its buyer.
        kind: Kind,
        /// What it is found under.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        genre: Option<String>,
        /// What one costs.
        price: Minor,
        /// In which currency.
        currency: Currency,
        /// Its picture: SHA-256 of the bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        picture: Option<String>,
        /// Bytes that come with it.
        contents: Vec<Content>,
    },
    /// It costs something else.
    #[serde(rename = "product.repriced")]
    Repriced {
        /// What one costs.
        price: Minor,
        /// What one cost before.
        before: Minor,
    },
    /// Something else is said of it.
    #[serde(rename = "product.changed")]
    Changed {
        /// What buyers call it.
        name: String,
        /// What tells it from others of that name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<String>,
        /// How it comes to its buyer.
        kind: Kind,
        /// What it is found under.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        genre: Option<String>,
        /// Its picture: SHA-256 of the bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        picture: Option<String>,
        /// Bytes that come with it.
        contents: Vec<Content>,
    },
    /// It is not for sale.
    #[serde(rename = "product.withdrawn")]
    Withdrawn {},
    /// It is for sale again.
    #[serde(rename = "product.listed_again")]
    ListedAgain {},
}

/// What is said of a product, but for its price.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Details {
    /// What buyers call it.
    pub name: String,
    /// What tells it from others of that name.
    pub about: Option<String>,
    /// How it comes to its buyer.
    pub kind: Kind,
    /// What it is found under.
    pub genre: Option<String>,
    /// Its picture: SHA-256 of the bytes.
    pub picture: Option<String>,
    /// Bytes that come with it.
    pub contents: Vec<Content>,
}

/// A product that there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Listing {
    /// What the shop calls it.
    pub sku: String,
    /// What is said of it.
    pub details: Details,
    /// What one costs.
    pub price: Minor,
    /// In which currency.
    pub currency: Currency,
}

/// The state of a product.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Product {
    /// Nobody listed it.
    #[default]
    Absent,
    /// For sale.
    Listed(Listing),
    /// Not for sale.
    Withdrawn(Listing),
}

impl Product {
    /// What is known of it, for sale or not.
    #[must_use]
    pub const fn listing(&self) -> Option<&Listing> {
        match self {
            Self::Absent => None,
            Self::Listed(listing) | Self::Withdrawn(listing) => Some(listing),
        }
    }
}

impl Entity for Product {
    const FAMILY: Family = Family::Products;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let minor = |units| Minor::new(units).unwrap_or(Minor::ZERO);
        let content = |name: &str, size| Content {
            name: name.to_owned(),
            media_type: "audio/ogg".to_owned(),
            sha256: "5f".repeat(32),
            size,
        };
        let some = |text: &str| Some(text.to_owned());
        vec![
            Event::Listed {
                sku: "album-7".to_owned(),
                name: "Música \"Viva\", Vol. 1".to_owned(),
                about: some("Los Ejemplos, 1999"),
                kind: Kind::Digital,
                genre: some("Latin"),
                price: minor(1_177),
                currency: Currency::EUR,
                picture: some(&"a0".repeat(32)),
                contents: vec![content("1.ogg", 5_510_424)],
            },
            Event::Repriced { price: minor(990), before: minor(1_177) },
            Event::Changed {
                name: "Música Viva".to_owned(),
                about: None,
                kind: Kind::Goods,
                genre: some("World"),
                picture: None,
                contents: vec![content("1.ogg", 5_510_424), content("2.ogg", 1)],
            },
            Event::Withdrawn {},
            Event::ListedAgain {},
        ]
    }

    fn blobs(event: &Event) -> Vec<BlobId> {
        let (picture, contents) = match event {
            Event::Listed { picture, contents, .. } | Event::Changed { picture, contents, .. } => (picture, contents),
            Event::Repriced { .. } | Event::Withdrawn {} | Event::ListedAgain {} => return Vec::new(),
        };
        let named = picture.iter().chain(contents.iter().map(|content| &content.sha256));
        named.filter_map(|sha256| sha256.parse().ok()).collect()
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        let before = std::mem::take(self);
        *self = match (before, event) {
            (Self::Absent, Event::Listed { sku, name, about, kind, genre, price, currency, picture, contents }) => {
                let details = details(name, about.as_ref(), *kind, genre.as_ref(), picture.as_ref(), contents);
                Self::Listed(Listing { sku: sku.clone(), details, price: *price, currency: *currency })
            }
            (Self::Listed(listing), Event::Withdrawn {}) => Self::Withdrawn(listing),
            (Self::Withdrawn(listing), Event::ListedAgain {}) => Self::Listed(listing),
            (Self::Listed(listing), event @ (Event::Repriced { .. } | Event::Changed { .. })) => {
                Self::Listed(changed(listing, event))
            }
            (Self::Withdrawn(listing), event @ (Event::Repriced { .. } | Event::Changed { .. })) => {
                Self::Withdrawn(changed(listing, event))
            }
            (
                before,
                Event::Listed { .. }
                | Event::Repriced { .. }
                | Event::Changed { .. }
                | Event::Withdrawn {}
                | Event::ListedAgain {},
            ) => before,
        };
    }
}

fn details(
    name: &str,
    about: Option<&String>,
    kind: Kind,
    genre: Option<&String>,
    picture: Option<&String>,
    contents: &[Content],
) -> Details {
    Details {
        name: name.to_owned(),
        about: about.cloned(),
        kind,
        genre: genre.cloned(),
        picture: picture.cloned(),
        contents: contents.to_vec(),
    }
}

/// `listing` with what is said of it since.
fn changed(listing: Listing, event: &Event) -> Listing {
    match event {
        Event::Repriced { price, .. } => Listing { price: *price, ..listing },
        Event::Changed { name, about, kind, genre, picture, contents } => {
            let details = details(name, about.as_ref(), *kind, genre.as_ref(), picture.as_ref(), contents);
            Listing { details, ..listing }
        }
        Event::Listed { .. } | Event::Withdrawn {} | Event::ListedAgain {} => listing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[Event]) -> Product {
        crate::entity::fold(events)
    }

    #[test]
    fn a_product_is_what_was_said_of_it_last_and_for_sale_until_it_is_withdrawn() {
        let [listed, repriced, changed, withdrawn, again] = <[Event; 5]>::try_from(Product::samples()).unwrap();
        let Product::Listed(first) = after(std::slice::from_ref(&listed)) else { panic!("it is listed") };
        assert_eq!((first.sku.as_str(), first.price.units()), ("album-7", 1_177));
        let all = [listed.clone(), repriced.clone(), changed.clone()];
        let Product::Listed(now) = after(&all) else { panic!("it is listed") };
        assert_eq!((now.price.units(), now.details.name.as_str(), &now.sku), (990, "Música Viva", &first.sku));
        assert_eq!((now.details.about, now.details.kind, now.currency), (None, Kind::Goods, Currency::EUR));
        let gone = after(&[listed.clone(), withdrawn.clone(), repriced, changed]);
        assert!(matches!(&gone, Product::Withdrawn(listing) if listing.price.units() == 990));
        assert_eq!(after(&[listed.clone(), withdrawn.clone(), again.clone()]), Product::Listed(first));
        for early in [withdrawn, again] {
            assert_eq!(after(&[early]), Product::Absent);
        }
        assert_eq!(after(&[listed.clone(), listed.clone()]), after(&[listed]));
    }

    #[test]
    fn a_product_is_found_by_its_sku() {
        assert_eq!(id_of("a"), id_of("a"));
        assert_ne!(id_of("a"), id_of("A"));
    }
}
