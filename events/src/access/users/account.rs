//! The account of a user: the limit, and how much of it is reserved or charged.

use serde::{Deserialize, Serialize};

use super::event::{Charging, Event, LimitSource, Policy, Reference};
use crate::money::{Currency, Minor};
use crate::opaque::PinVerifier;
use crate::time::Time;

/// A period in which charges add up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Running {
    /// When it began.
    pub began: Time,
    /// When the next one begins.
    pub next: Time,
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
    /// Charged so far, in this period where there are some.
    pub charged: Minor,
    /// What checks the PIN.
    pub pin: Option<PinVerifier>,
    /// Wrong PINs in a row.
    pub wrong_pins: u32,
    /// No PIN is accepted before this time.
    pub locked_until: Option<Time>,
    /// Whose word an approval takes.
    pub policy: Policy,
    /// The financial reference that is asked, where one is.
    pub reference: Option<Box<Reference>>,
    /// How many points a settled amount generates, in ten thousandths of it.
    pub points_rate_bp: u16,
    /// The period in which charges add up; nothing where that is all time.
    pub period: Option<Running>,
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

    /// The points that a settled amount generates, rounded down.
    #[must_use]
    pub fn points_of(&self, settled: Minor) -> Minor {
        let points = u128::from(settled.units()) * u128::from(self.points_rate_bp) / 10_000;
        u64::try_from(points).ok().and_then(Minor::new).unwrap_or(Minor::ZERO)
    }

    /// Without what only the person needs.
    pub(super) fn forgotten(self) -> Self {
        Self { pin: None, wrong_pins: 0, locked_until: None, ..self }
    }

    pub(super) fn evolve(&mut self, event: &Event, time: Time) {
        // Sums stay within bounds because `decide` let nothing past the limit; a history that says otherwise is found
        // by verify, and must not panic here.
        let plus = |a: Minor, b: Minor| a.plus(b).unwrap_or(a);
        let minus = |a: Minor, b: Minor| a.minus(b).unwrap_or(Minor::ZERO);
        match event {
            Event::Registered { .. }
            | Event::Charged { .. }
            | Event::Suspended {}
            | Event::Resumed {}
            | Event::Forgotten {} => {}
            Event::LimitChanged { limit, .. }
            | Event::Credited { limit, .. }
            | Event::PointsTakenBack { limit, .. } => self.limit = *limit,
            Event::AmountReserved { amount, .. } => self.reserved = plus(self.reserved, *amount),
            Event::AmountReleased { amount, .. } => self.reserved = minus(self.reserved, *amount),
            Event::AmountCharged { reserved, amount, .. } => {
                self.reserved = minus(self.reserved, *reserved);
                self.charged = plus(self.charged, *amount);
            }
            Event::AmountRefunded { of_earlier_period: true, .. } => {}
            Event::AmountRefunded { amount, of_earlier_period: false, .. } => {
                self.charged = minus(self.charged, *amount);
            }
            Event::PeriodBegun { next, .. } => {
                self.charged = Minor::ZERO;
                self.period = Some(Running { began: time, next: *next });
            }
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
