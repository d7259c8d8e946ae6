//! Users: subscribers, the limit on what they may spend, and how much of it is reserved or charged.

mod account;
mod event;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::account::{Account, Running};
pub use self::event::{Category, Charging, Event, LimitSource, Period, Policy, Reference};
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::{EncryptedField, PinVerifier};
use crate::time::Time;

/// The state of a user.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum User {
    /// Nobody has registered under this id.
    #[default]
    Absent,
    /// A subscriber.
    Registered(Account),
    /// A subscriber to whom nothing is approved for now.
    Suspended(Account),
    /// Somebody who was forgotten. To everybody else as one who is suspended.
    Forgotten(Account),
}

impl User {
    /// The account, where somebody registered.
    #[must_use]
    pub const fn account(&self) -> Option<&Account> {
        match self {
            Self::Absent => None,
            Self::Registered(account) | Self::Suspended(account) | Self::Forgotten(account) => Some(account),
        }
    }

    /// Suspends who is registered, and the other way round.
    fn turn(&mut self) {
        *self = match std::mem::take(self) {
            Self::Absent => Self::Absent,
            Self::Registered(account) => Self::Suspended(account),
            Self::Suspended(account) => Self::Registered(account),
            Self::Forgotten(account) => Self::Forgotten(account),
        };
    }
}

impl Entity for User {
    const FAMILY: Family = Family::Users;
    const REVISION: u32 = 3;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let encrypted = || EncryptedField { xchacha20poly1305: "AQ".repeat(32) };
        let [approval, party] = [3, 4].map(|n| EntityId::from_hash(&[n; 32]));
        let (currency, minor) = (Currency::EUR, |units| Minor::new(units).unwrap_or(Minor::ZERO));
        let time = Time::from_micros(1_795_254_300_000_000);
        vec![
            Event::Registered {
                login: encrypted(),
                name: Some(encrypted()),
                pin: Some(PinVerifier { pepper: 1, argon2id: "z".repeat(43) }),
                source: LimitSource::Points,
                limit: minor(10_000),
                currency,
                charging: Charging::AtSettlement,
                policy: Policy::Both,
                reference: Some(Box::new(Reference { party, number: encrypted() })),
                points_rate_bp: 100,
                period: Period::Month,
            },
            Event::PeriodBegun { charged_before: Minor::ZERO, next: time },
            Event::LimitChanged { limit: minor(20_000), before: minor(10_000), currency, approval: Some(approval) },
            Event::Credited { amount: minor(500), limit: minor(10_500), currency, approval: Some(approval) },
            Event::AmountReserved { approval, amount: minor(1_177) },
            Event::AmountReleased { approval, amount: minor(1_177) },
            Event::AmountCharged { approval, reserved: minor(1_177), amount: minor(1_000) },
            Event::AmountRefunded { approval, amount: minor(177), of_earlier_period: true },
            Event::PointsTakenBack { approval, amount: minor(1), limit: minor(10_499), currency },
            Event::Charged {
                category: Category::Line,
                amount: minor(1_990),
                currency,
                note: Some("November".to_owned()),
                takes_back: true,
            },
            Event::PinRefused { locked_until: Some(time) },
            Event::PinAccepted {},
            Event::Suspended {},
            Event::Resumed {},
            Event::Forgotten {},
        ]
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        match (&mut *self, event) {
            (
                Self::Absent,
                Event::Registered { pin, source, limit, currency, charging, policy, reference, points_rate_bp, .. },
            ) => {
                *self = Self::Registered(Account {
                    source: *source,
                    limit: *limit,
                    currency: *currency,
                    charging: *charging,
                    reserved: Minor::ZERO,
                    charged: Minor::ZERO,
                    pin: pin.clone(),
                    wrong_pins: 0,
                    locked_until: None,
                    policy: *policy,
                    reference: reference.clone(),
                    points_rate_bp: *points_rate_bp,
                    period: None,
                });
            }
            (Self::Registered(_), Event::Suspended {}) | (Self::Suspended(_), Event::Resumed {}) => self.turn(),
            (Self::Registered(_) | Self::Suspended(_), Event::Forgotten {}) => {
                if let Self::Registered(account) | Self::Suspended(account) = std::mem::take(self) {
                    *self = Self::Forgotten(account.forgotten());
                }
            }
            // There is no PIN any more that could be right or wrong.
            (Self::Forgotten(_), Event::PinRefused { .. } | Event::PinAccepted {}) => {}
            (Self::Registered(account) | Self::Suspended(account) | Self::Forgotten(account), event) => {
                account.evolve(event, time);
            }
            (
                Self::Absent,
                Event::LimitChanged { .. }
                | Event::Credited { .. }
                | Event::PointsTakenBack { .. }
                | Event::AmountReserved { .. }
                | Event::AmountReleased { .. }
                | Event::AmountCharged { .. }
                | Event::AmountRefunded { .. }
                | Event::Charged { .. }
                | Event::PeriodBegun { .. }
                | Event::Suspended {}
                | Event::Resumed {}
                | Event::Forgotten {}
                | Event::PinRefused { .. }
                | Event::PinAccepted {},
            ) => {}
        }
    }
}
