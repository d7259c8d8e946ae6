//! Users: subscribers, the limit on what they may spend, and how much of it is reserved or charged.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::{EncryptedField, PinVerifier};
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

/// When a reservation becomes a charge.
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
        /// The login name, encrypted under the person's key.
        login: EncryptedField,
        /// The person's name, encrypted under the person's key.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<EncryptedField>,
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
    /// When a reservation becomes a charge.
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

    fn samples() -> Vec<Event> {
        let encrypted = || EncryptedField { xchacha20poly1305: "AQ".repeat(32) };
        let (approval, currency, minor) =
            (EntityId::from_hash(&[3; 32]), Currency::EUR, |units| Minor::new(units).unwrap_or(Minor::ZERO));
        vec![
            Event::Registered {
                login: encrypted(),
                name: Some(encrypted()),
                pin: Some(PinVerifier { pepper: 1, argon2id: "z".repeat(43) }),
                source: LimitSource::Fixed,
                limit: minor(10_000),
                currency,
                charging: Charging::AtSettlement,
            },
            Event::LimitChanged { limit: minor(20_000), before: minor(10_000), currency },
            Event::Credited { amount: minor(500), limit: minor(10_500), currency },
            Event::AmountReserved { approval, amount: minor(1_177) },
            Event::AmountReleased { approval, amount: minor(1_177) },
            Event::AmountCharged { approval, reserved: minor(1_177), amount: minor(1_000) },
            Event::AmountRefunded { approval, amount: minor(177) },
            Event::PinRefused { locked_until: Some(Time::from_micros(1_795_254_300_000_000)) },
            Event::PinAccepted {},
        ]
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[Event]) -> User {
        crate::entity::fold(events)
    }

    fn minor(units: u64) -> Minor {
        Minor::new(units).unwrap()
    }

    fn euro() -> Currency {
        "EUR".parse().unwrap()
    }

    fn registered(limit: u64) -> Event {
        Event::Registered {
            login: EncryptedField { xchacha20poly1305: "AQ".to_owned() },
            name: None,
            pin: Some(PinVerifier { pepper: 1, argon2id: "z".repeat(43) }),
            source: LimitSource::Prepaid,
            limit: minor(limit),
            currency: euro(),
            charging: Charging::AtSettlement,
        }
    }

    /// The account of a user with a limit of 10,000 after `events`.
    fn account(events: &[Event]) -> Account {
        match after(&[&[registered(10_000)], events].concat()) {
            User::Registered(account) => account,
            User::Absent => panic!("registered before"),
        }
    }

    fn approval(n: u8) -> EntityId {
        EntityId::from_hash(&[n; 32])
    }

    fn reserved(n: u8, amount: u64) -> Event {
        Event::AmountReserved { approval: approval(n), amount: minor(amount) }
    }

    fn charged(n: u8, reserved: u64, amount: u64) -> Event {
        Event::AmountCharged { approval: approval(n), reserved: minor(reserved), amount: minor(amount) }
    }

    /// Reserved, charged, available.
    fn sums(events: &[Event]) -> [u64; 3] {
        let account = account(events);
        [account.reserved, account.charged, account.available()].map(Minor::units)
    }

    #[test]
    fn a_registered_user_has_the_whole_limit_free() {
        assert_eq!(after(&[]), User::Absent);
        let account = account(&[]);
        assert_eq!((account.source, account.currency), (LimitSource::Prepaid, euro()));
        assert_eq!((account.used(), account.available()), (Minor::ZERO, minor(10_000)));
        assert!(account.pin.is_some() && account.wrong_pins == 0 && account.locked_until.is_none());
    }

    #[test]
    fn what_is_reserved_counts_until_it_is_charged_or_released() {
        assert_eq!(sums(&[reserved(1, 3_000), reserved(2, 2_000)]), [5_000, 0, 5_000]);
        let released = Event::AmountReleased { approval: approval(2), amount: minor(2_000) };
        assert_eq!(sums(&[reserved(1, 3_000), reserved(2, 2_000), released]), [3_000, 0, 7_000]);
        // What was reserved beyond the charge is free again.
        assert_eq!(sums(&[reserved(1, 3_000), charged(1, 3_000, 2_500)]), [0, 2_500, 7_500]);
        // Charged at permission, settled for less.
        let refunded = Event::AmountRefunded { approval: approval(1), amount: minor(500) };
        assert_eq!(sums(&[reserved(1, 3_000), charged(1, 3_000, 3_000), refunded]), [0, 2_500, 7_500]);
    }

    #[test]
    fn a_limit_is_what_the_last_change_or_credit_says() {
        let changed = Event::LimitChanged { limit: minor(4_000), before: minor(10_000), currency: euro() };
        let credited = Event::Credited { amount: minor(500), limit: minor(4_500), currency: euro() };
        assert_eq!(account(&[changed.clone(), credited]).limit, minor(4_500));
        // A limit below what is used leaves nothing, and no debt.
        assert_eq!(sums(&[reserved(1, 9_000), changed]), [9_000, 0, 0]);
    }

    #[test]
    fn wrong_pins_are_counted_until_the_right_one() {
        let until = Time::from_micros(7);
        let wrong = |locked_until| Event::PinRefused { locked_until };
        let locked = account(&[wrong(None), wrong(None), wrong(Some(until))]);
        assert_eq!((locked.wrong_pins, locked.locked_until), (3, Some(until)));
        let accepted = account(&[wrong(None), wrong(Some(until)), Event::PinAccepted {}]);
        assert_eq!((accepted.wrong_pins, accepted.locked_until), (0, None));
    }

    #[test]
    fn events_before_and_a_second_registration_change_nothing() {
        for early in [reserved(1, 1), charged(1, 1, 1), Event::PinAccepted {}] {
            assert_eq!(after(&[early]), User::Absent);
        }
        assert_eq!(account(&[reserved(1, 3_000), registered(99)]), account(&[reserved(1, 3_000)]));
    }

    #[test]
    fn a_history_that_adds_up_to_nonsense_is_folded_without_a_panic() {
        let most = reserved(1, Minor::MOST);
        let released = Event::AmountReleased { approval: approval(1), amount: minor(1) };
        assert_eq!(sums(&[most.clone(), most, charged(2, 0, 1)])[2], 0);
        assert_eq!(sums(&[released]), [0, 0, 10_000]);
    }
}
