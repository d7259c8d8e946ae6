//! Users: subscribers, the limit on what they may spend, and how much of it is reserved or charged.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::secrets::{PinVerifier, Sealed};
use crate::time::Time;

/// Where the upper limit of a user's purchases comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitSource {
    /// Set by the operator, for example from solvency.
    Fixed,
    /// What the user has paid in beforehand.
    Prepaid,
    /// Points that the user has gathered.
    Points,
}

/// When a reservation turns into a charge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Charging {
    /// When the payment is permitted; a smaller settlement gives the rest back.
    AtPermission,
    /// When the settlement arrives.
    #[default]
    AtSettlement,
}

/// What happened to a user.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The user's history begins.
    #[serde(rename = "user.registered")]
    Registered {
        /// The login name, sealed under the person's key.
        login: Sealed,
        /// The person's name, sealed under the person's key.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<Sealed>,
        /// What checks the PIN, if the user has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        pin: Option<PinVerifier>,
        /// Where the limit comes from.
        source: LimitSource,
        /// The upper limit at the beginning.
        limit: Minor,
        /// Its currency, for ever.
        currency: Currency,
        /// When the user is charged.
        charging: Charging,
    },
    /// The operator set another limit.
    #[serde(rename = "user.limit_changed")]
    LimitChanged {
        /// The upper limit from now on.
        limit: Minor,
        /// What it was.
        before: Minor,
        /// Currency of both.
        currency: Currency,
    },
    /// Money was paid in, or points were gathered: the limit grew.
    #[serde(rename = "user.credited")]
    Credited {
        /// By how much.
        amount: Minor,
        /// The upper limit from now on.
        limit: Minor,
        /// Currency of both.
        currency: Currency,
    },
    /// An approval reserved a part of the limit.
    #[serde(rename = "user.amount_reserved")]
    AmountReserved {
        /// The approval.
        approval: EntityId,
        /// How much.
        amount: Minor,
    },
    /// A reservation ended without a charge.
    #[serde(rename = "user.amount_released")]
    AmountReleased {
        /// The approval.
        approval: EntityId,
        /// How much.
        amount: Minor,
    },
    /// A reservation turned into a charge; what was reserved beyond it is free again.
    #[serde(rename = "user.amount_charged")]
    AmountCharged {
        /// The approval.
        approval: EntityId,
        /// The reservation that ended.
        reserved: Minor,
        /// The charge.
        amount: Minor,
    },
    /// A charge was taken back, in whole or in part.
    #[serde(rename = "user.amount_refunded")]
    AmountRefunded {
        /// The approval.
        approval: EntityId,
        /// How much.
        amount: Minor,
    },
    /// A wrong PIN was given.
    #[serde(rename = "user.pin_refused")]
    PinRefused {
        /// No PIN is accepted before this time, where too many were wrong.
        #[serde(skip_serializing_if = "Option::is_none")]
        locked_until: Option<Time>,
    },
    /// The right PIN was given after wrong ones.
    #[serde(rename = "user.pin_accepted")]
    PinAccepted {},
}

/// A registered user's account.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Where the limit comes from.
    pub source: LimitSource,
    /// The upper limit of reserved and charged together.
    pub limit: Minor,
    /// Currency of every amount here.
    pub currency: Currency,
    /// When a reservation turns into a charge.
    pub charging: Charging,
    /// Held by approvals that are neither settled nor over.
    pub reserved: Minor,
    /// Charged so far.
    pub charged: Minor,
    /// What checks the PIN.
    pub pin: Option<PinVerifier>,
    /// Wrong PINs in a row.
    pub wrong_pins: u32,
    /// No PIN is accepted before this time.
    pub locked_until: Option<Time>,
}

impl Account {
    /// Reserved and charged together.
    #[must_use]
    pub fn used(&self) -> Minor {
        self.reserved.plus(self.charged).unwrap_or(self.limit)
    }

    /// What may still be reserved.
    #[must_use]
    pub fn available(&self) -> Minor {
        self.limit.minus(self.used()).unwrap_or(Minor::ZERO)
    }
}

/// The state of a user.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum User {
    /// Nobody has registered under this id.
    #[default]
    Absent,
    /// A subscriber.
    Registered(Account),
}

impl Entity for User {
    const FAMILY: Family = Family::Users;
    const REVISION: u32 = 1;
    type Event = Event;

    fn evolve(&mut self, event: &Event, _time: Time) {
        match (self, event) {
            (this @ Self::Absent, Event::Registered { pin, source, limit, currency, charging, .. }) => {
                *this = Self::Registered(Account {
                    source: *source,
                    limit: *limit,
                    currency: *currency,
                    charging: *charging,
                    reserved: Minor::ZERO,
                    charged: Minor::ZERO,
                    pin: pin.clone(),
                    wrong_pins: 0,
                    locked_until: None,
                });
            }
            (Self::Registered(account), event) => account.evolve(event),
            (
                Self::Absent,
                Event::LimitChanged { .. }
                | Event::Credited { .. }
                | Event::AmountReserved { .. }
                | Event::AmountReleased { .. }
                | Event::AmountCharged { .. }
                | Event::AmountRefunded { .. }
                | Event::PinRefused { .. }
                | Event::PinAccepted {},
            ) => {}
        }
    }
}

impl Account {
    fn evolve(&mut self, event: &Event) {
        // Sums stay within bounds because `decide` let nothing past the limit; a history that says otherwise is found
        // by verify, and must not panic here.
        let plus = |a: Minor, b: Minor| a.plus(b).unwrap_or(a);
        let minus = |a: Minor, b: Minor| a.minus(b).unwrap_or(Minor::ZERO);
        match event {
            Event::Registered { .. } => {}
            Event::LimitChanged { limit, .. } | Event::Credited { limit, .. } => self.limit = *limit,
            Event::AmountReserved { amount, .. } => self.reserved = plus(self.reserved, *amount),
            Event::AmountReleased { amount, .. } => self.reserved = minus(self.reserved, *amount),
            Event::AmountCharged { reserved, amount, .. } => {
                self.reserved = minus(self.reserved, *reserved);
                self.charged = plus(self.charged, *amount);
            }
            Event::AmountRefunded { amount, .. } => self.charged = minus(self.charged, *amount),
            Event::PinRefused { locked_until } => {
                self.wrong_pins = self.wrong_pins.saturating_add(1);
                self.locked_until = *locked_until;
            }
            Event::PinAccepted {} => {
                self.wrong_pins = 0;
                self.locked_until = None;
            }
        }
    }
}
