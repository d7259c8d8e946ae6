//! Purchase approvals: asked for within a user's limit, redeemed once by one settler, then settled.

mod event;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::event::{Channel, Event, Inquiry, Named, Offered, Purchase, RedeemRefusal, RequestRefusal, Told};
use crate::approvals::offer_content::OfferItem;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::{EncryptedField, TokenHash};
use crate::principal::Principal;
use crate::time::Time;

/// What an approval was given for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// Whose limit it reserves.
    pub user: EntityId,
    /// The API client that asked for it; the user, who did so without one.
    pub terminal: EntityId,
    /// Up to how much may be settled.
    pub amount: Minor,
    /// In which currency.
    pub currency: Currency,
    /// From then on it admits nobody.
    pub expires_at: Time,
    /// The root key that its token was made with; a token made with another is not its token.
    pub root_key: u32,
    /// The offer of a shop, where it is for one.
    pub offer: Option<Box<Offered>>,
}

/// An approval whose user a financial reference is asked about.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// What it would be given for; its time is that for the answer.
    pub terms: Terms,
    /// What kind of content is bought.
    pub description: Option<String>,
    /// How many.
    pub quantity: Option<u32>,
    /// For how long the token would be good, in seconds.
    pub expires_in_secs: u32,
    /// What the token would hash to.
    pub token: TokenHash,
    /// How much of it is reserved already.
    pub reserved: Minor,
    /// The peer that is asked.
    pub reference: EntityId,
    /// The user's number there, encrypted under the person's key.
    pub number: EncryptedField,
    /// Since when.
    pub asked_at: Time,
}

/// The state of an approval.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Approval {
    /// Nobody asked for it.
    #[default]
    Absent,
    /// Asked for and not given.
    Refused,
    /// A financial reference is asked first.
    Pending(Box<Pending>),
    /// Given; its token admits once.
    Issued(Terms),
    /// Its token was used; the payment is permitted to one settler.
    Redeemed {
        /// As given.
        terms: Terms,
        /// The settler.
        settler: EntityId,
        /// When it was used.
        at: Time,
    },
    /// Paid.
    Settled {
        /// As given.
        terms: Terms,
        /// The settler.
        settler: EntityId,
        /// How much.
        amount: Minor,
        /// How much of that was given back.
        refunded: Minor,
        /// When the token was used.
        redeemed_at: Time,
        /// When it was paid.
        at: Time,
    },
    /// Over before anybody used it.
    Expired(Terms),
    /// Taken back.
    Revoked {
        /// As given.
        terms: Terms,
        /// The settler, where its token had been used.
        settler: Option<EntityId>,
    },
    /// Its settler let go of it.
    Released {
        /// As given.
        terms: Terms,
        /// The settler.
        settler: EntityId,
    },
}

impl Approval {
    /// What it was given for, or would be, where it was given or is pending.
    #[must_use]
    pub const fn terms(&self) -> Option<&Terms> {
        match self {
            Self::Absent | Self::Refused => None,
            Self::Pending(pending) => Some(&pending.terms),
            Self::Issued(terms)
            | Self::Redeemed { terms, .. }
            | Self::Settled { terms, .. }
            | Self::Expired(terms)
            | Self::Revoked { terms, .. }
            | Self::Released { terms, .. } => Some(terms),
        }
    }

    /// The settler that it is bound to, where its token was used.
    #[must_use]
    pub const fn settler(&self) -> Option<EntityId> {
        match self {
            Self::Absent | Self::Refused | Self::Pending(_) | Self::Issued(_) | Self::Expired(_) => None,
            Self::Redeemed { settler, .. } | Self::Settled { settler, .. } | Self::Released { settler, .. } => {
                Some(*settler)
            }
            Self::Revoked { settler, .. } => *settler,
        }
    }
}

impl Entity for Approval {
    const FAMILY: Family = Family::Approvals;
    const REVISION: u32 = 2;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let purchase = || Purchase { description: Some("disc".to_owned()), quantity: Some(1) };
        let [terminal, user, reference, shop, settler] = [1, 2, 4, 7, 5].map(|n| EntityId::from_hash(&[n; 32]));
        let minor = |units| Minor::new(units).unwrap_or(Minor::ZERO);
        let (amount, currency, until) = (minor(1_177), Currency::EUR, Time::from_micros(1_795_254_300_000_000));
        let token = || TokenHash { key: 1, sha256: "q".repeat(43) };
        let item = OfferItem {
            product: EntityId::from_hash(&[8; 32]),
            name: "disc".to_owned(),
            kind: "music".to_owned(),
            quantity: 1,
            price: amount,
        };
        let offer = Some(Box::new(Offered {
            shop,
            shop_version: 1,
            buyer: EntityId::from_hash(&[9; 32]),
            id: EntityId::from_hash(&[10; 32]),
            sha256: "5".repeat(64),
            expires_at: until,
            settlers: vec![settler],
            items: vec![item],
        }));
        let inquiry = Some(Inquiry { party: reference, told: Told::Good, limit: Some(minor(50_000)) });
        vec![
            Event::Pending {
                user,
                terminal,
                amount,
                currency,
                purchase: purchase(),
                offer: offer.clone(),
                channel: Channel::Collect,
                expires_in_secs: 900,
                token: token(),
                reserved: amount,
                limit: minor(10_000),
                used: Minor::ZERO,
                reference,
                number: EncryptedField { xchacha20poly1305: "AQ".repeat(32) },
                until,
            },
            Event::Issued {
                user,
                terminal,
                amount,
                currency,
                purchase: purchase(),
                offer: offer.clone(),
                channel: Channel::Collect,
                expires_at: until,
                token: token(),
                limit: minor(10_000),
                used: Minor::ZERO,
                inquiry,
            },
            Event::Refused {
                user,
                amount,
                currency,
                purchase: purchase(),
                offer: offer.clone(),
                reason: RequestRefusal::LimitExceeded,
                inquiry,
            },
            Event::Collected {
                by: Principal::User(user),
                key: 1,
                amount,
                currency,
                expires_at: until,
                offer: offer.clone(),
            },
            Event::Redeemed { settler, amount, currency, offer },
            Event::RedeemRefused {
                settler,
                reason: RedeemRefusal::AlreadyRedeemed,
                named: Named { offer_sha256: Some("5".repeat(64)), amount: Some(amount), currency: Some(currency) },
            },
            Event::Settled { settler, amount, currency, settled_at: Some(until), contents: vec!["disc".to_owned()] },
            Event::Refunded { amount: minor(177), currency, total: minor(177) },
            Event::Expired {},
            Event::Revoked {},
            Event::Released { settler },
        ]
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        let before = std::mem::take(self);
        *self = match (before, event) {
            (
                Self::Absent,
                Event::Pending {
                    user,
                    terminal,
                    amount,
                    currency,
                    purchase,
                    offer,
                    expires_in_secs,
                    token,
                    reserved,
                    reference,
                    number,
                    until,
                    ..
                },
            ) => Self::Pending(Box::new(Pending {
                terms: Terms {
                    user: *user,
                    terminal: *terminal,
                    amount: *amount,
                    currency: *currency,
                    expires_at: *until,
                    root_key: token.key,
                    offer: offer.clone(),
                },
                description: purchase.description.clone(),
                quantity: purchase.quantity,
                expires_in_secs: *expires_in_secs,
                token: token.clone(),
                reserved: *reserved,
                reference: *reference,
                number: number.clone(),
                asked_at: time,
            })),
            (
                Self::Absent | Self::Pending(_),
                Event::Issued { user, terminal, amount, currency, offer, expires_at, token, .. },
            ) => Self::Issued(Terms {
                user: *user,
                terminal: *terminal,
                amount: *amount,
                currency: *currency,
                expires_at: *expires_at,
                root_key: token.key,
                offer: offer.clone(),
            }),
            (Self::Absent | Self::Pending(_), Event::Refused { .. }) => Self::Refused,
            (Self::Issued(terms), Event::Redeemed { settler, .. }) => {
                Self::Redeemed { terms, settler: *settler, at: time }
            }
            (Self::Redeemed { terms, at, .. }, Event::Settled { settler, amount, .. }) => Self::Settled {
                terms,
                settler: *settler,
                amount: *amount,
                refunded: Minor::ZERO,
                redeemed_at: at,
                at: time,
            },
            (Self::Settled { terms, settler, amount, redeemed_at, at, .. }, Event::Refunded { total, .. }) => {
                Self::Settled { terms, settler, amount, refunded: *total, redeemed_at, at }
            }
            (Self::Issued(terms), Event::Expired {}) => Self::Expired(terms),
            (Self::Pending(pending), Event::Revoked {}) => Self::Revoked { terms: pending.terms, settler: None },
            (Self::Issued(terms), Event::Revoked {}) => Self::Revoked { terms, settler: None },
            (Self::Redeemed { terms, settler, .. }, Event::Revoked {}) => {
                Self::Revoked { terms, settler: Some(settler) }
            }
            (Self::Issued(terms) | Self::Redeemed { terms, .. }, Event::Released { settler }) => {
                Self::Released { terms, settler: *settler }
            }
            (
                before,
                Event::Pending { .. }
                | Event::Issued { .. }
                | Event::Refused { .. }
                | Event::Collected { .. }
                | Event::Redeemed { .. }
                | Event::RedeemRefused { .. }
                | Event::Settled { .. }
                | Event::Refunded { .. }
                | Event::Expired {}
                | Event::Revoked {}
                | Event::Released { .. },
            ) => before,
        };
    }
}
