//! Settlements: an approval is presented, its issuer permits the payment, the shop delivers, the price is settled, and the
//! issuer gets a notice. What the settlement owes an issuer or a shop is a part of its state, one thing after the other.
//!
//! ```text
//! presented ─▶ permitted ─▶ (offered) ─▶ named ─▶ (available) ─▶ settled ─▶ noticed ─▶ (refunded ─▶ told)
//!     │            │            │          │           │
//!     └────────────┴────────────┴──────────┴───────────┴─▶ releasing ─▶ over
//! ```

mod event;
mod evolve;
mod samples;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::event::{By, Content, Event, Item, Offer, Versions};
use super::settler_terms::Order;
use crate::blobs::BlobId;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::EncryptedField;
use crate::time::Time;

/// What is bought, as far as the shop has to be told where the terminal made the purchase information.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Wanted {
    /// Which product.
    pub product: EntityId,
    /// How many pieces.
    pub quantity: u32,
    /// What one piece costs.
    pub price: Minor,
}

/// What the settlement is about, from its presentation on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// The authentication server that issued the approval.
    pub issuer: EntityId,
    /// The shop.
    pub shop: EntityId,
    /// Where the shop's node answered.
    pub shop_url: String,
    /// What is paid for; nothing where the terminal made the purchase information.
    pub offer: Option<Offer>,
    /// What is bought, where the terminal made the purchase information; empty otherwise.
    pub wanted: Vec<Wanted>,
    /// What all of it costs.
    pub total: Minor,
    /// In which currency.
    pub currency: Currency,
    /// The approval's token.
    pub token: EncryptedField,
    /// The API client that presented it, where one did.
    pub presenter: Option<EntityId>,
    /// What comes first.
    pub order: Order,
    /// A permission that comes from then on does not count.
    pub wait_until: Time,
    /// For so many seconds the shop is waited for.
    pub shop_secs: u32,
    /// For so many seconds the buyer is waited for.
    pub deliver_secs: u32,
}

/// Which activity is owed now, where one is: each has a number of its own, greater than those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Step {
    /// Its number.
    pub attempt: u32,
    /// Since when.
    pub since: Time,
}

/// What the issuer has permitted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Permit {
    /// The approval, as the issuer names it.
    pub approval: EntityId,
    /// Up to how much.
    pub amount: Minor,
}

/// What the shop delivers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// The offer, as the shop names it.
    pub offer: EntityId,
    /// What it costs.
    pub amount: Minor,
    /// What the goods and contents are called.
    pub names: Vec<String>,
    /// How many pieces they are.
    pub quantity: u64,
    /// What is to be fetched.
    pub contents: Vec<Content>,
    /// How many of the contents, from the first on, are held here.
    pub held: usize,
    /// Numbers of the contents that the buyer has got.
    pub received: Vec<u32>,
    /// Whether the buyer fetches it from the shop.
    pub direct: bool,
    /// What opens it at the shop.
    pub capability: Option<EncryptedField>,
}

impl Delivery {
    /// What is to be fetched next; nothing once everything is held here that is to be.
    #[must_use]
    pub fn next(&self) -> Option<&Content> {
        if self.direct { None } else { self.contents.get(self.held) }
    }

    /// The content number `n`.
    #[must_use]
    pub fn content(&self, n: u32) -> Option<&Content> {
        self.contents.iter().find(|content| content.n == n)
    }

    /// Whether the buyer has got every content.
    #[must_use]
    pub fn is_received(&self) -> bool {
        self.contents.iter().all(|content| self.received.contains(&content.n))
    }
}

/// How far a settlement is that is neither settled nor over.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// The issuer is asked whether the payment is permitted.
    Presented,
    /// It is. The shop is asked for an offer, where the terminal made the purchase information, and then what it delivers.
    Permitted {
        /// What is permitted.
        permit: Permit,
        /// The offer, once there is one.
        offer: Option<EntityId>,
        /// Until when the shop is waited for.
        until: Time,
    },
    /// The shop has said what it delivers, and that is being fetched.
    Named {
        /// What is permitted.
        permit: Permit,
        /// What is delivered.
        delivery: Delivery,
        /// Until when the shop is waited for.
        until: Time,
    },
    /// The buyer may fetch it, and has not paid.
    Available {
        /// What is permitted.
        permit: Permit,
        /// What is delivered.
        delivery: Delivery,
        /// Until when the buyer is waited for.
        until: Time,
    },
}

/// A settlement that is neither settled nor over.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Open {
    /// What it is about.
    pub terms: Terms,
    /// What is owed.
    pub step: Step,
    /// How far it is.
    pub phase: Phase,
}

/// Why nothing was settled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Why {
    /// Somebody said no, with this slug.
    Refused(String),
    /// An answer did not come in time.
    TimedOut,
    /// It was called off.
    Cancelled,
}

/// Why nothing was settled, and because of whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reason {
    /// Who said no, or whose answer did not come.
    pub by: By,
    /// Why.
    pub why: Why,
}

/// A settlement that came to nothing, while something may still be reserved at the issuer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Releasing {
    /// What it was about.
    pub terms: Terms,
    /// What is owed.
    pub step: Step,
    /// Why it came to nothing.
    pub reason: Reason,
}

/// The payment notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Notice {
    /// Is owed.
    Owed,
    /// The issuer has it.
    Taken,
}

/// A price that was settled.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Settled {
    /// The authentication server that issued the approval.
    pub issuer: EntityId,
    /// The shop.
    pub shop: EntityId,
    /// Where the shop's node answered.
    pub shop_url: String,
    /// The approval, as the issuer names it.
    pub approval: EntityId,
    /// How much.
    pub amount: Minor,
    /// In which currency.
    pub currency: Currency,
    /// When.
    pub at: Time,
    /// The API client that presented the approval, where one did.
    pub presenter: Option<EntityId>,
    /// What is owed.
    pub step: Step,
    /// What was delivered.
    pub delivery: Delivery,
    /// The payment notice.
    pub notice: Notice,
    /// What was given back.
    pub refunded: Minor,
    /// What of it the shop knows.
    pub told: Minor,
    /// What is to be given back, once the issuer has the notice.
    pub refund: Option<Minor>,
}

/// The state of a settlement.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Settlement {
    /// Nobody presented its approval.
    #[default]
    Absent,
    /// Neither settled nor over.
    Open(Open),
    /// Came to nothing; a release is owed.
    Releasing(Releasing),
    /// Paid.
    Settled(Settled),
    /// Came to nothing, and nothing is reserved.
    Over(Reason),
}

impl Settlement {
    /// The content number `n`, where its bytes are held here and the buyer may have them.
    #[must_use]
    pub fn available(&self, n: u32) -> Option<&Content> {
        let delivery = match self {
            Self::Open(Open { phase: Phase::Available { delivery, .. }, .. })
            | Self::Settled(Settled { delivery, .. }) => delivery,
            Self::Absent | Self::Open(_) | Self::Releasing(_) | Self::Over(_) => return None,
        };
        delivery.content(n).filter(|_| !delivery.direct && !delivery.received.contains(&n))
    }
}

impl Entity for Settlement {
    const FAMILY: Family = Family::Settlements;
    const REVISION: u32 = 2;
    type Event = Event;

    fn samples() -> Vec<Event> {
        samples::all()
    }

    fn blobs(event: &Event) -> Vec<BlobId> {
        match event {
            Event::ContentHeld { sha256, .. } => sha256.parse().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        *self = evolve::after(std::mem::take(self), event, time);
    }
}
