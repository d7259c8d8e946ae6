//! What an entry is, and which events are one.

mod of_parties;
mod of_users;

use kippu_events::access::users::User;
use kippu_events::approvals::Approval;
use kippu_events::approvals::offers::Offer;
use kippu_events::approvals::settlements::Settlement;
use kippu_events::money::{Currency, Minor};
use kippu_events::{Entity as _, EntityId, EntityKey, NotAnEvent, Recorded};
use serde::{Deserialize, Serialize};

use super::account::Account;
use crate::row::{decode, encode};
use crate::rows::Rows;

/// A side of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What the owner owes.
    Debit,
    /// What the owner is owed.
    Credit,
}

impl Side {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }
}

/// What an entry is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// An amount is reserved.
    Reservation,
    /// An amount is reserved no more.
    Release,
    /// A subscriber is charged.
    Charge,
    /// A charge, or a settlement, is taken back in whole or in part.
    Refund,
    /// A price is settled.
    Settlement,
    /// A shop has delivered to a settlement server.
    Delivery,
    /// A subscriber has paid in.
    Deposit,
    /// A subscriber is granted points.
    Points,
    /// Points are taken back.
    PointsBack,
}

impl What {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reservation => "reservation",
            Self::Release => "release",
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Settlement => "settlement",
            Self::Delivery => "delivery",
            Self::Deposit => "deposit",
            Self::Points => "points",
            Self::PointsBack => "points_back",
        }
    }
}

/// One line of an entry.
pub(super) struct Move {
    pub(super) account: Account,
    pub(super) side: Side,
    pub(super) amount: Minor,
    /// What caused it, by a name that the owner of the account may know.
    pub(super) cause: EntityKey,
}

/// What one event enters. Debits and credits are equal: amounts come in by [`Entry::with`] alone.
pub(super) struct Entry {
    pub(super) what: What,
    pub(super) currency: Currency,
    /// What caused it: an approval, a settlement, an offer or a user.
    pub(super) cause: EntityKey,
    /// What the operator wants to stand there.
    pub(super) note: Option<String>,
    pub(super) moves: Vec<Move>,
}

impl Entry {
    const fn new(what: What, currency: Currency, cause: EntityKey) -> Self {
        Self { what, currency, cause, note: None, moves: Vec::new() }
    }

    /// With `amount` on the debit side of one account and on the credit side of another. Nothing is entered as nothing.
    fn with(self, amount: Minor, debit: Account, credit: Account) -> Self {
        let cause = self.cause;
        self.with_causes(amount, (debit, cause), (credit, cause))
    }

    fn with_causes(mut self, amount: Minor, debit: (Account, EntityKey), credit: (Account, EntityKey)) -> Self {
        if amount > Minor::ZERO {
            for ((account, cause), side) in [(debit, Side::Debit), (credit, Side::Credit)] {
                self.moves.push(Move { account, side, amount, cause });
            }
        }
        self
    }

    fn any(self) -> Option<Self> {
        (!self.moves.is_empty()).then_some(self)
    }
}

/// What `event` enters, if anything.
pub(super) fn entry(event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<Option<Entry>, NotAnEvent> {
    let (id, family) = (event.entity.id, event.entity.family);
    Ok(if family == User::FAMILY {
        of_users::entry(id, event.decode::<User>()?, rows)
    } else if family == Approval::FAMILY {
        of_parties::of_approval(id, event.decode::<Approval>()?, rows)
    } else if family == Settlement::FAMILY {
        of_parties::of_settlement(id, event.decode::<Settlement>()?, rows)
    } else if family == Offer::FAMILY {
        of_parties::of_offer(id, event.decode::<Offer>()?, rows)
    } else {
        None
    }
    .and_then(Entry::any))
}

/// What an event does not say of its own entity is remembered from the events before it.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Of {
    /// `2 ‖ user`: in which currency, and where the limit comes from.
    User = 2,
    /// `3 ‖ approval`: who settles it, and for which shop.
    Approval = 3,
    /// `4 ‖ settlement`: who issued the approval, for which shop, and which approval it is.
    Settlement = 4,
    /// `7 ‖ offer`: that it was delivered.
    Offer = 7,
}

impl Of {
    fn key(self, id: EntityId) -> Vec<u8> {
        [&[self as u8], &id.as_bytes()[..]].concat()
    }

    fn know<T: Serialize>(self, rows: &mut Rows<'_>, id: EntityId, known: &T) {
        rows.put(&self.key(id), encode(known));
    }

    fn known<T: serde::de::DeserializeOwned>(self, rows: &mut Rows<'_>, id: EntityId) -> Option<T> {
        rows.get(&self.key(id)).and_then(|bytes| decode(bytes).ok())
    }
}
