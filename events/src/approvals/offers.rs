//! Offers: what a shop would sell, at which price and through which settlers, in a statement that it signs. An offer is
//! delivered once, to one settler.
//!
//! ```text
//! (made) ── open ── delivered ── (refunded)
//!            └── pushed to an authentication server, where somebody asks for that
//! ```

use serde::{Deserialize, Serialize};

use super::offer_content::{OfferContent, OfferItem};
use super::products::{Content, Kind};
use crate::blobs::BlobId;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::TokenHash;
use crate::time::Time;

mod event;

use self::event::sum;
pub use self::event::{Event, Item, Numbered, Taken, total};

/// An offer as it was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Made {
    /// What is offered.
    pub items: Vec<Item>,
    /// What all of it costs.
    pub total: Minor,
    /// In which currency.
    pub currency: Currency,
    /// The parties that may settle it.
    pub settlers: Vec<EntityId>,
    /// Whether the shop itself sends bytes to the buyer.
    pub direct: bool,
    /// When it was made.
    pub made_at: Time,
    /// From then on nobody is to approve it.
    pub expires_at: Time,
    /// The number of the key that signs its statement.
    pub signing_key: u32,
    /// Whether an authentication server has it from the shop.
    pub push: Push,
}

/// Whether an authentication server has an offer from the shop: what was asked for last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Push {
    /// Nobody asked for that.
    #[default]
    Never,
    /// It is being sent.
    Owed {
        /// To which party.
        to: EntityId,
        /// Which time.
        attempt: u32,
        /// Since when.
        since: Time,
    },
    /// That party has it.
    Done {
        /// Which party.
        to: EntityId,
        /// Which time.
        attempt: u32,
    },
    /// That party has not.
    Failed {
        /// Which party.
        to: EntityId,
        /// Which time.
        attempt: u32,
    },
}

impl Push {
    /// How often it was asked for.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        match self {
            Self::Never => 0,
            Self::Owed { attempt, .. } | Self::Done { attempt, .. } | Self::Failed { attempt, .. } => *attempt,
        }
    }
}

/// To whom an offer was delivered, and what of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// Who settles it.
    pub settler: EntityId,
    /// Which items, by their places.
    pub items: Vec<u16>,
    /// What those cost.
    pub amount: Minor,
    /// What the token hashes to that opens their bytes.
    pub capability: TokenHash,
    /// What of it the settler gave back.
    pub refunded: Minor,
}

/// The state of an offer.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Offer {
    /// Nobody asked for it.
    #[default]
    Absent,
    /// Made.
    Open(Made),
    /// Taken by a settler.
    Delivered {
        /// As it was made.
        made: Made,
        /// What became of it.
        delivery: Delivery,
    },
}

impl Made {
    /// The bytes that come with the items at these places, numbered through the whole offer.
    #[must_use]
    pub fn contents(&self, places: &[u16]) -> Vec<Numbered> {
        let all = (0..).zip(&self.items).flat_map(|(place, item)| item.contents.iter().map(move |it| (place, it)));
        let numbered = (0..).zip(all).filter(|(_, (place, _))| places.contains(place)).map(|(n, (_, content))| {
            let Content { name, media_type, sha256, size } = content.clone();
            Numbered { n, name, media_type, sha256, size }
        });
        numbered.collect()
    }

    /// The items at these places, and what they cost together; nothing where there is no item at one of them.
    #[must_use]
    pub fn taken(&self, places: &[u16]) -> Option<(Vec<Taken>, Minor)> {
        let item = |place: &u16| Some((*place, self.items.get(usize::from(*place))?));
        let items = places.iter().map(item).collect::<Option<Vec<_>>>()?;
        let amount = sum(items.iter().map(|(_, item)| item.amount()))?;
        let taken = items.into_iter().map(|(place, item)| {
            let Item { product, name, kind, quantity, price, .. } = item.clone();
            Taken { place, product, name, kind, quantity, price }
        });
        Some((taken.collect(), amount))
    }

    /// What the statement of the offer `id` of the party `shop` says.
    #[must_use]
    pub fn content(&self, shop: EntityId, id: EntityId) -> OfferContent {
        const SECOND: i64 = 1_000_000;
        OfferContent {
            iss: shop,
            id,
            iat: self.made_at.micros().div_euclid(SECOND),
            exp: self.expires_at.micros().div_euclid(SECOND),
            currency: self.currency,
            total: self.total,
            items: self.items.iter().map(OfferItem::from).collect(),
            settlers: self.settlers.clone(),
            direct: self.direct,
        }
    }
}

impl Offer {
    /// As it was made, where it was.
    #[must_use]
    pub const fn made(&self) -> Option<&Made> {
        match self {
            Self::Absent => None,
            Self::Open(made) | Self::Delivered { made, .. } => Some(made),
        }
    }

    /// The delivered bytes with the number `n`.
    #[must_use]
    pub fn delivered(&self, n: u16) -> Option<Numbered> {
        match self {
            Self::Absent | Self::Open(_) => None,
            Self::Delivered { made, delivery } => {
                made.contents(&delivery.items).into_iter().find(|content| content.n == n)
            }
        }
    }
}

impl Entity for Offer {
    const FAMILY: Family = Family::Offers;
    const REVISION: u32 = 2;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let [product, settler, to] = [3, 5, 7].map(|n| EntityId::from_hash(&[n; 32]));
        let minor = |units| Minor::new(units).unwrap_or(Minor::ZERO);
        let content = |n: u16| (format!("{n}.ogg"), "audio/ogg".to_owned(), "5f".repeat(32), 5_510_424 + u64::from(n));
        let item = |kind, quantity, price, n| {
            let (name, media_type, sha256, size) = content(n);
            let contents = vec![Content { name, media_type, sha256, size }];
            Item { product, version: 2, name: "Música".to_owned(), kind, quantity, price: minor(price), contents }
        };
        let (name, media_type, sha256, size) = content(1);
        let at = |secs: i64| Time::from_micros((1_795_253_400 + secs) * 1_000_000);
        vec![
            Event::Made {
                items: vec![item(Kind::Digital, 1, 990, 0), item(Kind::Goods, 2, 250, 1)],
                total: minor(1_490),
                currency: Currency::EUR,
                settlers: vec![settler],
                direct: false,
                made_at: at(0),
                expires_at: at(3_600),
                terms_version: 1,
                signing_key: 0,
            },
            Event::PushAsked { to, attempt: 1 },
            Event::PushDone { attempt: 1 },
            Event::PushFailed { attempt: 1, reason: "gave-up".to_owned() },
            Event::Delivered {
                settler,
                items: vec![Taken {
                    place: 1,
                    product,
                    name: "Música".to_owned(),
                    kind: Kind::Goods,
                    quantity: 2,
                    price: minor(250),
                }],
                amount: minor(500),
                currency: Currency::EUR,
                contents: vec![Numbered { n: 1, name, media_type, sha256, size }],
                direct: false,
                capability: TokenHash { key: 1, sha256: "q".repeat(43) },
            },
            Event::Refunded { settler, amount: minor(177), currency: Currency::EUR, total: minor(277) },
        ]
    }

    fn blobs(event: &Event) -> Vec<BlobId> {
        match event {
            Event::Made { items, .. } => {
                let contents = items.iter().flat_map(|item| &item.contents);
                contents.filter_map(|content| content.sha256.parse().ok()).collect()
            }
            // They are among those that it was made with.
            Event::Delivered { .. }
            | Event::Refunded { .. }
            | Event::PushAsked { .. }
            | Event::PushDone { .. }
            | Event::PushFailed { .. } => Vec::new(),
        }
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        match event {
            Event::Made {
                items,
                total,
                currency,
                settlers,
                direct,
                made_at,
                expires_at,
                terms_version: _,
                signing_key,
            } => {
                if *self == Self::Absent {
                    *self = Self::Open(Made {
                        items: items.clone(),
                        total: *total,
                        currency: *currency,
                        settlers: settlers.clone(),
                        direct: *direct,
                        made_at: *made_at,
                        expires_at: *expires_at,
                        signing_key: *signing_key,
                        push: Push::Never,
                    });
                }
            }
            Event::Delivered { settler, items, amount, capability, .. } => {
                let (settler, amount) = (*settler, *amount);
                let items = items.iter().map(|item| item.place).collect();
                let (capability, refunded) = (capability.clone(), Minor::ZERO);
                let delivery = Delivery { settler, items, amount, capability, refunded };
                *self = match std::mem::take(self) {
                    Self::Open(made) => Self::Delivered { made, delivery },
                    // What was delivered stays so.
                    before @ (Self::Absent | Self::Delivered { .. }) => before,
                };
            }
            Event::Refunded { total, .. } => match self {
                Self::Delivered { delivery, .. } => delivery.refunded = delivery.refunded.max(*total),
                Self::Absent | Self::Open(_) => {}
            },
            Event::PushAsked { .. } | Event::PushDone { .. } | Event::PushFailed { .. } => match self {
                Self::Open(made) | Self::Delivered { made, .. } => made.push = pushed(made.push, event, time),
                Self::Absent => {}
            },
        }
    }
}

/// What `event`, of the record of `time`, makes of a push.
fn pushed(before: Push, event: &Event, time: Time) -> Push {
    match (before, event) {
        (Push::Never | Push::Done { .. } | Push::Failed { .. }, Event::PushAsked { to, attempt }) => {
            Push::Owed { to: *to, attempt: *attempt, since: time }
        }
        (Push::Owed { to, attempt, .. }, Event::PushDone { attempt: ended }) if attempt == *ended => {
            Push::Done { to, attempt }
        }
        (Push::Owed { to, attempt, .. }, Event::PushFailed { attempt: ended, .. }) if attempt == *ended => {
            Push::Failed { to, attempt }
        }
        (
            Push::Never | Push::Owed { .. } | Push::Done { .. } | Push::Failed { .. },
            Event::Made { .. }
            | Event::Delivered { .. }
            | Event::Refunded { .. }
            | Event::PushAsked { .. }
            | Event::PushDone { .. }
            | Event::PushFailed { .. },
        ) => before,
    }
}

#[cfg(test)]
mod tests;
