//! Purchase information that a shop pushes to the authentication server, so that a terminal need not carry it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::approvals::offer_content::OfferItem;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::time::Time;

/// The entity of the offer `offer` of the shop `shop`.
#[must_use]
pub fn id_of(shop: EntityId, offer: EntityId) -> EntityId {
    let mut hash = Sha256::new();
    hash.update(b"kippu.purchase.1");
    hash.update(shop.as_bytes());
    hash.update(offer.as_bytes());
    EntityId::from_hash(&hash.finalize().into())
}

/// What a shop pushed: the content of its offer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Pushed {
    /// The shop, which is a peer.
    pub shop: EntityId,
    /// The version of that peer whose key counted.
    pub shop_version: u64,
    /// The offer, by its id at the shop.
    pub offer: EntityId,
    /// What its text hashes to: SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// From then on it is none.
    pub expires_at: Time,
    /// What all items cost.
    pub total: Minor,
    /// Of every price here.
    pub currency: Currency,
    /// The parties that may settle it.
    pub settlers: Vec<EntityId>,
    /// What is offered.
    pub items: Vec<OfferItem>,
}

/// What happened to purchase information.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The shop pushed it; or the same again, which changes nothing.
    #[serde(rename = "purchase.pushed")]
    Pushed(Box<Pushed>),
}

/// The state of purchase information.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Information {
    /// Nobody pushed it.
    #[default]
    Absent,
    /// The shop did.
    Pushed(Box<Pushed>),
}

impl Entity for Information {
    const FAMILY: Family = Family::Purchases;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let [shop, offer, product, settler] = [7, 10, 8, 5].map(|n| EntityId::from_hash(&[n; 32]));
        let (total, expires_at) = (Minor::new(1_177).unwrap_or(Minor::ZERO), Time::from_micros(1_795_254_300_000_000));
        let (name, kind) = ("disc".to_owned(), "music".to_owned());
        vec![Event::Pushed(Box::new(Pushed {
            shop,
            shop_version: 1,
            offer,
            sha256: "5".repeat(64),
            expires_at,
            total,
            currency: Currency::EUR,
            settlers: vec![settler],
            items: vec![OfferItem { product, name, kind, quantity: 1, price: total }],
        }))]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        let Event::Pushed(pushed) = event;
        match self {
            Self::Absent => *self = Self::Pushed(pushed.clone()),
            Self::Pushed(_) => {}
        }
    }
}

#[test]
fn what_was_pushed_first_stays() {
    let [first] = <[Event; 1]>::try_from(Information::samples()).unwrap();
    let Event::Pushed(pushed) = &first;
    let other = Event::Pushed(Box::new(Pushed { total: Minor::ZERO, ..(**pushed).clone() }));
    let state = crate::entity::fold::<Information>(&[first.clone(), other]);
    assert_eq!(state, Information::Pushed(pushed.clone()));
    assert_ne!(id_of(pushed.shop, pushed.offer), id_of(pushed.offer, pushed.shop));
}
