//! The terms of a shop: who settles for it, in which currency it sells, and how long what it offers stands. One entity.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::Currency;
use crate::time::Time;

/// The entity of the terms.
#[must_use]
pub fn id() -> EntityId {
    EntityId::from_hash(&Sha256::digest(b"kippu.shop-terms.1").into())
}

/// What happened to the terms.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The shop sells on these terms from now on.
    #[serde(rename = "shop_terms.set")]
    Set {
        /// The parties that settle for it.
        settlers: Vec<EntityId>,
        /// The currency that it sells in.
        currency: Currency,
        /// For how many seconds an offer stands.
        offer_secs: u32,
        /// Whether the shop itself sends bytes to buyers, once who settles asks for them.
        direct: bool,
    },
}

/// The terms.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// The parties that settle for it.
    pub settlers: Vec<EntityId>,
    /// The currency that it sells in.
    pub currency: Currency,
    /// For how many seconds an offer stands.
    pub offer_secs: u32,
    /// Whether the shop itself sends bytes to buyers.
    pub direct: bool,
}

/// The state of the terms.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum ShopTerms {
    /// The shop sells nothing yet.
    #[default]
    Absent,
    /// It sells on these.
    Set(Terms),
}

impl ShopTerms {
    /// The terms, where there are any.
    #[must_use]
    pub const fn terms(&self) -> Option<&Terms> {
        match self {
            Self::Absent => None,
            Self::Set(terms) => Some(terms),
        }
    }
}

impl Entity for ShopTerms {
    const FAMILY: Family = Family::ShopTerms;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let settlers = vec![EntityId::from_hash(&[5; 32])];
        vec![Event::Set { settlers, currency: Currency::EUR, offer_secs: 3_600, direct: false }]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        let Event::Set { settlers, currency, offer_secs, direct } = event;
        let (currency, offer_secs, direct) = (*currency, *offer_secs, *direct);
        *self = Self::Set(Terms { settlers: settlers.clone(), currency, offer_secs, direct });
    }
}

#[test]
fn the_terms_that_were_set_last_count() {
    let set = |offer_secs| Event::Set { settlers: Vec::new(), currency: Currency::EUR, offer_secs, direct: true };
    let terms: ShopTerms = crate::entity::fold(&[set(60), set(90)]);
    assert_eq!(terms.terms().map(|terms| (terms.offer_secs, terms.direct)), Some((90, true)));
    assert_eq!(ShopTerms::Absent.terms(), None);
}
