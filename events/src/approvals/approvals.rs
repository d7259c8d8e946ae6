//! Purchase approvals: asked for within a user's limit, redeemed once by one settler, then settled.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::TokenHash;
use crate::time::Time;

/// Why an approval was not given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestRefusal {
    /// Reserved, charged and asked for together exceed the limit.
    LimitExceeded,
    /// The limit is in another currency.
    CurrencyMismatch,
    /// The identification did not hold: no such user, no PIN, or a wrong one.
    NotIdentified,
    /// Too many wrong PINs; none is accepted for a while.
    PinLocked,
}

/// Why a redemption was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RedeemRefusal {
    /// It was redeemed before.
    AlreadyRedeemed,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

/// What is bought, as far as the approval cares.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Purchase {
    /// Kind or name of the content; no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[schemars(regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"))]
    pub description: Option<String>,
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u32>,
}

/// What happened to an approval.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A purchase was approved. Names the inputs of the decision.
    #[serde(rename = "approval.issued")]
    Issued {
        /// Whose limit it reserves.
        user: EntityId,
        /// The API client that asked for it.
        terminal: EntityId,
        /// Up to how much may be settled.
        amount: Minor,
        /// Currency of the limit.
        currency: Currency,
        /// What is bought.
        purchase: Purchase,
        /// From then on it admits nobody.
        expires_at: Time,
        /// What the token hashes to.
        token: TokenHash,
        /// The limit as it was.
        limit: Minor,
        /// What was reserved and charged before.
        used: Minor,
    },
    /// A purchase was not approved; there is no token.
    #[serde(rename = "approval.refused")]
    Refused {
        /// Whose limit it would have reserved.
        user: EntityId,
        /// How much was asked for.
        amount: Minor,
        /// In which currency.
        currency: Currency,
        /// What was to be bought.
        purchase: Purchase,
        /// Why not.
        reason: RequestRefusal,
    },
    /// The token was used: the payment is permitted to this settler.
    #[serde(rename = "approval.redeemed")]
    Redeemed {
        /// The API client that may settle.
        settler: EntityId,
        /// Up to how much.
        amount: Minor,
        /// In which currency.
        currency: Currency,
    },
    /// Somebody tried the token when it was no longer good.
    #[serde(rename = "approval.redeem_refused")]
    RedeemRefused {
        /// The API client that tried.
        settler: EntityId,
        /// Why not.
        reason: RedeemRefusal,
    },
    /// The price was settled.
    #[serde(rename = "approval.settled")]
    Settled {
        /// By whom.
        settler: EntityId,
        /// How much, at most what was approved.
        amount: Minor,
        /// In which currency.
        currency: Currency,
    },
    /// Its time passed before anybody redeemed it.
    #[serde(rename = "approval.expired")]
    Expired {},
    /// It was taken back before it was settled.
    #[serde(rename = "approval.revoked")]
    Revoked {},
}

/// What an approval was given for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// Whose limit it reserves.
    pub user: EntityId,
    /// The API client that asked for it.
    pub terminal: EntityId,
    /// Up to how much may be settled.
    pub amount: Minor,
    /// In which currency.
    pub currency: Currency,
    /// From then on it admits nobody.
    pub expires_at: Time,
    /// The root key that its token was made with; a token made with another is not its token.
    pub root_key: u32,
}

/// The state of an approval.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Approval {
    /// Nobody asked for it.
    #[default]
    Absent,
    /// Asked for and not given.
    Refused,
    /// Given; its token admits once.
    Issued(Terms),
    /// Its token was used; the payment is permitted to one settler.
    Redeemed {
        /// As given.
        terms: Terms,
        /// The settler.
        settler: EntityId,
    },
    /// Paid.
    Settled {
        /// As given.
        terms: Terms,
        /// The settler.
        settler: EntityId,
        /// How much.
        amount: Minor,
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
}

impl Approval {
    /// What it was given for, where it was given.
    #[must_use]
    pub const fn terms(&self) -> Option<&Terms> {
        match self {
            Self::Absent | Self::Refused => None,
            Self::Issued(terms)
            | Self::Redeemed { terms, .. }
            | Self::Settled { terms, .. }
            | Self::Expired(terms)
            | Self::Revoked { terms, .. } => Some(terms),
        }
    }

    /// The settler that it is bound to, where its token was used.
    #[must_use]
    pub const fn settler(&self) -> Option<EntityId> {
        match self {
            Self::Absent | Self::Refused | Self::Issued(_) | Self::Expired(_) => None,
            Self::Redeemed { settler, .. } | Self::Settled { settler, .. } => Some(*settler),
            Self::Revoked { settler, .. } => *settler,
        }
    }
}

impl Entity for Approval {
    const FAMILY: Family = Family::Approvals;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let purchase = || Purchase { description: Some("disc".to_owned()), quantity: Some(1) };
        let [terminal, user, settler] = [1, 2, 5].map(|n| EntityId::from_hash(&[n; 32]));
        let minor = |units| Minor::new(units).unwrap_or(Minor::ZERO);
        let (amount, currency) = (minor(1_177), Currency::EUR);
        vec![
            Event::Issued {
                user,
                terminal,
                amount,
                currency,
                purchase: purchase(),
                expires_at: Time::from_micros(1_795_254_300_000_000),
                token: TokenHash { key: 1, sha256: "q".repeat(43) },
                limit: minor(10_000),
                used: Minor::ZERO,
            },
            Event::Refused { user, amount, currency, purchase: purchase(), reason: RequestRefusal::LimitExceeded },
            Event::Redeemed { settler, amount, currency },
            Event::RedeemRefused { settler, reason: RedeemRefusal::AlreadyRedeemed },
            Event::Settled { settler, amount, currency },
            Event::Expired {},
            Event::Revoked {},
        ]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        let before = std::mem::take(self);
        *self = match (before, event) {
            (Self::Absent, Event::Issued { user, terminal, amount, currency, expires_at, token, .. }) => {
                Self::Issued(Terms {
                    user: *user,
                    terminal: *terminal,
                    amount: *amount,
                    currency: *currency,
                    expires_at: *expires_at,
                    root_key: token.key,
                })
            }
            (Self::Absent, Event::Refused { .. }) => Self::Refused,
            (Self::Issued(terms), Event::Redeemed { settler, .. }) => Self::Redeemed { terms, settler: *settler },
            (Self::Redeemed { terms, .. }, Event::Settled { settler, amount, .. }) => {
                Self::Settled { terms, settler: *settler, amount: *amount }
            }
            (Self::Issued(terms), Event::Expired {}) => Self::Expired(terms),
            (Self::Issued(terms), Event::Revoked {}) => Self::Revoked { terms, settler: None },
            (Self::Redeemed { terms, settler }, Event::Revoked {}) => Self::Revoked { terms, settler: Some(settler) },
            (
                before,
                Event::Issued { .. }
                | Event::Refused { .. }
                | Event::Redeemed { .. }
                | Event::RedeemRefused { .. }
                | Event::Settled { .. }
                | Event::Expired {}
                | Event::Revoked {},
            ) => before,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[Event]) -> Approval {
        crate::entity::fold(events)
    }

    fn id(n: u8) -> EntityId {
        EntityId::from_hash(&[n; 32])
    }

    fn minor(units: u64) -> Minor {
        Minor::new(units).unwrap()
    }

    fn euro() -> Currency {
        "EUR".parse().unwrap()
    }

    fn issued() -> Event {
        Event::Issued {
            user: id(2),
            terminal: id(1),
            amount: minor(1_177),
            currency: euro(),
            purchase: Purchase::default(),
            expires_at: Time::from_micros(9),
            token: TokenHash { key: 3, sha256: "q".repeat(43) },
            limit: minor(10_000),
            used: Minor::ZERO,
        }
    }

    fn terms() -> Terms {
        let (amount, currency, expires_at) = (minor(1_177), euro(), Time::from_micros(9));
        Terms { user: id(2), terminal: id(1), amount, currency, expires_at, root_key: 3 }
    }

    fn redeemed(settler: u8) -> Event {
        Event::Redeemed { settler: id(settler), amount: minor(1_177), currency: euro() }
    }

    fn settled(settler: u8, amount: u64) -> Event {
        Event::Settled { settler: id(settler), amount: minor(amount), currency: euro() }
    }

    fn refused() -> Event {
        let (amount, purchase, reason) = (minor(1), Purchase::default(), RequestRefusal::LimitExceeded);
        Event::Refused { user: id(2), amount, currency: euro(), purchase, reason }
    }

    fn redeem_refused() -> Event {
        Event::RedeemRefused { settler: id(6), reason: RedeemRefusal::AlreadyRedeemed }
    }

    /// One of each.
    fn any() -> [Event; 7] {
        [issued(), refused(), redeemed(6), redeem_refused(), settled(6, 1), Event::Expired {}, Event::Revoked {}]
    }

    #[test]
    fn an_issued_approval_is_redeemed_then_settled_by_one_settler() {
        assert_eq!(after(&[]), Approval::Absent);
        assert_eq!(after(&[issued()]), Approval::Issued(terms()));
        let bound = after(&[issued(), redeemed(5)]);
        assert_eq!(bound, Approval::Redeemed { terms: terms(), settler: id(5) });
        let paid = after(&[issued(), redeemed(5), settled(5, 1_000)]);
        assert_eq!(paid, Approval::Settled { terms: terms(), settler: id(5), amount: minor(1_000) });
        assert_eq!((paid.terms(), paid.settler()), (Some(&terms()), Some(id(5))));
    }

    #[test]
    fn a_redeemed_approval_stays_with_its_first_settler_whatever_comes_after() {
        let bound = after(&[issued(), redeemed(5)]);
        for late in [redeemed(6), redeem_refused(), issued(), refused(), Event::Expired {}] {
            assert_eq!(after(&[issued(), redeemed(5), late]), bound);
        }
    }

    #[test]
    fn an_approval_that_is_over_says_how_and_what_for() {
        assert_eq!(after(&[refused()]), Approval::Refused);
        assert_eq!(after(&[issued(), Event::Expired {}]), Approval::Expired(terms()));
        let unused = after(&[issued(), Event::Revoked {}]);
        assert_eq!(unused, Approval::Revoked { terms: terms(), settler: None });
        let used = after(&[issued(), redeemed(5), Event::Revoked {}]);
        assert_eq!(used, Approval::Revoked { terms: terms(), settler: Some(id(5)) });
    }

    #[test]
    fn what_is_over_is_over_for_every_event() {
        for over in [
            vec![refused()],
            vec![issued(), Event::Expired {}],
            vec![issued(), Event::Revoked {}],
            vec![issued(), redeemed(5), Event::Revoked {}],
            vec![issued(), redeemed(5), settled(5, 1_000)],
        ] {
            let state = after(&over);
            for late in any() {
                assert_eq!(after(&[&over[..], &[late]].concat()), state);
            }
        }
        for early in [redeemed(5), redeem_refused(), settled(5, 1), Event::Expired {}, Event::Revoked {}] {
            assert_eq!(after(&[early]), Approval::Absent);
        }
        assert_eq!(after(&[issued(), settled(5, 1)]), Approval::Issued(terms()), "settled without being redeemed");
    }
}
