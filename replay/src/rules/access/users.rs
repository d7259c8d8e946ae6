//! The auditor's user: registered once; reserved and charged never exceed the limit at the moment of a reservation.

use kippu_events::access::users::{Charging, Event, LimitSource, Policy};
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Time};

use crate::rules::approvals::movements::{Account, Movement, Side};
use crate::rules::{Rule, Seen};

/// What is remembered of a user. In minor units.
#[derive(Default)]
pub(crate) struct Facts {
    currency: Option<Currency>,
    source: Option<LimitSource>,
    charging: Charging,
    policy: Policy,
    points_rate_bp: u16,
    limit: u64,
    reserved: u64,
    charged: u64,
    locked_until: Option<Time>,
    suspended: bool,
    has_pin: bool,
    forgotten: bool,
    /// When this period began, and when the next one does.
    period: Option<(Time, Time)>,
}

impl Facts {
    /// A currency is given at the registration and for ever.
    const fn is_registered(&self) -> bool {
        self.currency.is_some()
    }

    /// What the limit stands at; nothing before the registration.
    pub(in crate::rules) fn account(&self) -> Option<Account> {
        let Self { charging, limit, policy, points_rate_bp, suspended, has_pin, locked_until, .. } = *self;
        Some(Account {
            currency: self.currency?,
            source: self.source?,
            charging,
            policy,
            points_rate_bp,
            limit,
            used: self.used(),
            suspended: suspended || self.forgotten,
            period_began: self.period.map(|(began, _)| began),
            has_pin,
            locked_until,
        })
    }

    /// Reserved and charged.
    const fn used(&self) -> u64 {
        self.reserved.saturating_add(self.charged)
    }

    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        if !self.is_registered() && !matches!(event, Event::Registered { .. }) {
            seen.breach(Rule::RegisterFirst, format!("users/{} is not registered yet", seen.id));
        }
        if self.forgotten && !outlives_the_person(event) {
            seen.breach(Rule::Forgotten, format!("users/{} was forgotten, and cannot have done this", seen.id));
        }
        match event {
            Event::Registered { source, limit, currency, charging, policy, points_rate_bp, pin, .. } => {
                if self.is_registered() {
                    seen.breach(Rule::RegisterOnce, format!("users/{} is registered already", seen.id));
                }
                *self = Self {
                    currency: Some(*currency),
                    source: Some(*source),
                    charging: *charging,
                    policy: *policy,
                    points_rate_bp: *points_rate_bp,
                    limit: limit.units(),
                    has_pin: pin.is_some(),
                    ..std::mem::take(self)
                };
            }
            Event::LimitChanged { limit, before, currency, approval } => {
                if before.units() != self.limit {
                    seen.breach(Rule::Limit, format!("the limit before was {}, not {before}", self.limit));
                }
                let source = approval.map_or(LimitSource::Fixed, |_| LimitSource::Solvency);
                let used = self.used();
                approval.inspect(|it| self.moved(*it, Movement::Followed { limit: limit.units(), used }, seen));
                self.limited(*limit, *currency, &[source], seen);
            }
            Event::Credited { amount, limit, currency, approval } => {
                if self.limit.checked_add(amount.units()) != Some(limit.units()) {
                    seen.breach(Rule::Limit, format!("{} and {amount} are not {limit}", self.limit));
                }
                let room = Minor::MOST.saturating_sub(self.limit);
                approval.inspect(|it| self.moved(*it, Movement::Gathered { amount: amount.units(), room }, seen));
                self.limited(*limit, *currency, &[LimitSource::Prepaid, LimitSource::Points], seen);
            }
            Event::PointsTakenBack { approval, amount, limit, currency } => {
                if self.limit.checked_sub(amount.units()) != Some(limit.units()) {
                    seen.breach(Rule::Limit, format!("{} less {amount} is not {limit}", self.limit));
                }
                let room = self.limit.saturating_sub(self.used());
                self.moved(*approval, Movement::TakenBack { amount: amount.units(), room }, seen);
                self.limited(*limit, *currency, &[LimitSource::Points], seen);
            }
            Event::AmountReserved { approval, amount } => self.reserved(*approval, amount.units(), seen),
            Event::AmountReleased { approval, amount } => {
                self.moved(*approval, Movement::Released(amount.units()), seen);
                self.reserved = take(self.reserved, *amount, "released", "reserved", seen);
            }
            Event::AmountCharged { approval, reserved, amount } => self.charged(*approval, *reserved, *amount, seen),
            Event::AmountRefunded { approval, amount, of_earlier_period: earlier } => {
                self.moved(*approval, Movement::Refunded { amount: amount.units(), earlier: *earlier }, seen);
                if !earlier {
                    self.charged = take(self.charged, *amount, "refunded", "charged", seen);
                }
            }
            Event::Charged { currency, .. } => {
                if self.currency.is_some_and(|own| own != *currency) {
                    seen.breach(Rule::Currency, format!("{currency} is not the currency of users/{}", seen.id));
                }
            }
            Event::PeriodBegun { charged_before, next } => self.begun(*charged_before, *next, seen),
            Event::Suspended {} => self.turned(true, seen),
            Event::Resumed {} => self.turned(false, seen),
            Event::Forgotten {} => self.forgotten = true,
            Event::PinRefused { locked_until } => {
                seen.movements.wrong_pin(seen.id);
                self.locked_until = *locked_until;
            }
            Event::PinAccepted {} => {
                if self.locked_until.is_some_and(|until| seen.time < until) {
                    seen.breach(Rule::PinLock, "a PIN was accepted while none may be");
                }
                self.locked_until = None;
            }
        }
    }

    /// The limit of users of one of `sources` moves; what is used stays within.
    fn limited(&mut self, limit: Minor, currency: Currency, sources: &[LimitSource], seen: &mut Seen<'_>) {
        if self.currency.is_some_and(|own| own != currency) {
            seen.breach(Rule::Currency, format!("{currency} is not the currency of users/{}", seen.id));
        }
        if let Some(own) = self.source.filter(|own| !sources.contains(own)) {
            seen.breach(Rule::Limit, format!("a limit that is {own:?} does not move like that"));
        }
        self.limit = limit.units();
        if self.limit < self.used() {
            seen.breach(Rule::Limit, format!("{limit} is less than the {} that are used", self.used()));
        }
    }

    fn reserved(&mut self, approval: EntityId, units: u64, seen: &mut Seen<'_>) {
        self.moved(approval, Movement::Reserved(units), seen);
        self.reserved = self.reserved.saturating_add(units);
        if units > 0 && self.used() > self.limit {
            let Self { reserved, charged, limit, .. } = self;
            seen.breach(Rule::Limit, format!("{reserved} reserved and {charged} charged exceed {limit}"));
        }
    }

    fn charged(&mut self, approval: EntityId, reserved: Minor, amount: Minor, seen: &mut Seen<'_>) {
        let charge = Movement::Charged { reserved: reserved.units(), amount: amount.units() };
        self.moved(approval, charge, seen);
        if amount > reserved {
            seen.breach(Rule::Limit, format!("{amount} charged of {reserved} reserved"));
        }
        self.reserved = take(self.reserved, reserved, "charged", "reserved", seen);
        self.charged = self.charged.saturating_add(amount.units());
    }

    /// A period begins when the one before has ended, and ends with its calendar month in UTC.
    fn begun(&mut self, charged_before: Minor, next: Time, seen: &mut Seen<'_>) {
        if self.charged != charged_before.units() {
            seen.breach(Rule::Period, format!("{} were charged before, not {charged_before}", self.charged));
        }
        if let Some((_, due)) = self.period.filter(|(_, due)| seen.time < *due) {
            seen.breach(Rule::Period, format!("a period begins at {}, before {due}", seen.time));
        }
        let last = Time::from_micros(next.micros().saturating_sub(1));
        if next <= seen.time || last.month() != seen.time.month() || next.month() == seen.time.month() {
            seen.breach(Rule::Period, format!("{next} is not when the month after {} begins", seen.time));
        }
        self.charged = 0;
        self.period = Some((seen.time, next));
    }

    fn turned(&mut self, suspended: bool, seen: &mut Seen<'_>) {
        if self.suspended == suspended {
            seen.breach(Rule::Suspended, format!("users/{} was suspended: {suspended} already", seen.id));
        }
        self.suspended = suspended;
    }

    fn moved(&self, approval: EntityId, what: Movement, seen: &mut Seen<'_>) {
        if let Some((_, due)) = self.period.filter(|(_, due)| *due <= seen.time) {
            seen.breach(Rule::Period, format!("money moves at {} in a period that ended at {due}", seen.time));
        }
        let made = Side { place: seen.place, user: seen.id, approval, what };
        seen.reservations.moved(&made, self.currency);
        seen.movements.made(made, self.used());
    }
}

/// Whether this can follow once the person is forgotten: what is reserved ends, and what was charged is put right.
const fn outlives_the_person(event: &Event) -> bool {
    match event {
        Event::LimitChanged { approval, .. } | Event::Credited { approval, .. } => approval.is_some(),
        Event::PointsTakenBack { .. }
        | Event::AmountReleased { .. }
        | Event::AmountCharged { .. }
        | Event::AmountRefunded { .. }
        | Event::Charged { .. }
        | Event::PeriodBegun { .. } => true,
        Event::Registered { .. }
        | Event::AmountReserved { .. }
        | Event::Suspended {}
        | Event::Resumed {}
        | Event::Forgotten {}
        | Event::PinRefused { .. }
        | Event::PinAccepted {} => false,
    }
}

fn take(from: u64, amount: Minor, done: &str, of: &str, seen: &mut Seen<'_>) -> u64 {
    from.checked_sub(amount.units()).unwrap_or_else(|| {
        seen.breach(Rule::Sums, format!("{amount} {done} of {from} {of}"));
        0
    })
}
