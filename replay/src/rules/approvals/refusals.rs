//! The auditor's refusal: what was refused, at a request or a sign-in, could not have been permitted, by the account as it
//! was.

use kippu_events::access::users::{LimitSource, Policy};
use kippu_events::event::EventId;
use kippu_events::money::Currency;
use kippu_events::{EntityId, Time};

use super::movements::Account;

/// Why something was refused, with the inputs that are on record. In minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::rules) enum Reason {
    /// Nobody is registered, there is no PIN, or a wrong one was given.
    NotIdentified,
    /// Nobody is registered, or who is is suspended.
    NotOrSuspended,
    NoPin,
    WrongPin,
    PinLocked,
    Suspended,
    /// Of an offer, where it is for one, that ends then.
    OfferOver(Option<Time>),
    OtherCurrency(Currency),
    /// So much more than others use, of which this had reserved a part itself, after a reference told this.
    OverLimit {
        amount: u64,
        reserved: u64,
        asked: bool,
        told: Option<u64>,
    },
}

/// A refusal that is to be held against the account.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    pub(super) place: EventId,
    pub(super) user: EntityId,
    pub(super) reason: Reason,
    pub(super) time: Time,
}

impl Refusal {
    /// Whether it had to be. Before this record, `used` was reserved or charged; within it, a wrong PIN was counted or not.
    pub(super) fn holds(&self, account: Option<&Account>, used: u64, wrong_pin: bool) -> bool {
        let Some(account) = account else {
            return matches!(self.reason, Reason::NotIdentified | Reason::NotOrSuspended);
        };
        match self.reason {
            Reason::NotIdentified => !account.has_pin || wrong_pin,
            Reason::NotOrSuspended | Reason::Suspended => account.suspended,
            Reason::NoPin => !account.has_pin,
            Reason::WrongPin => wrong_pin,
            Reason::PinLocked => account.locked_until.is_some_and(|until| self.time < until),
            Reason::OfferOver(end) => end.is_some_and(|end| end <= self.time),
            Reason::OtherCurrency(currency) => currency != account.currency,
            Reason::OverLimit { amount, reserved, asked, told } => {
                let by_others = used.saturating_sub(reserved);
                let limit = match told.filter(|_| account.source == LimitSource::Solvency) {
                    Some(told) => told.max(by_others),
                    None => account.limit,
                };
                (asked || account.policy != Policy::Reference) && by_others.saturating_add(amount) > limit
            }
        }
    }
}
