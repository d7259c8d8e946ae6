//! The movements of money in one record: those that its approvals' events call for, and those that its users' events
//! make. They must be the same, one for one.

use kippu_events::EntityId;
use kippu_events::access::users::Charging;
use kippu_events::event::EventId;
use kippu_events::money::Currency;

use crate::rules::Breaches;

/// What happens to a part of a user's limit. In minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::rules) enum Movement {
    Reserved(u64),
    Released(u64),
    Charged { reserved: u64, amount: u64 },
    Refunded(u64),
}

/// What an approval's event calls for. In minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::rules) enum Call {
    /// Issued, having found this limit and this much used of it.
    Issue { amount: u64, currency: Currency, limit: u64, used: u64 },
    /// Redeemed.
    Permit { amount: u64 },
    /// Settled with `amount` of what was approved.
    Settle { approved: u64, amount: u64 },
    /// Over before it was redeemed.
    Drop { approved: u64 },
    /// Taken back after it was redeemed.
    Undo { approved: u64 },
}

impl Call {
    const fn movement(self, charging: Charging) -> Option<Movement> {
        let movement = match (self, charging) {
            (Self::Issue { amount, .. }, _) => Movement::Reserved(amount),
            (Self::Permit { amount }, Charging::AtPermission) => Movement::Charged { reserved: amount, amount },
            (Self::Permit { .. }, Charging::AtSettlement) => return None,
            (Self::Settle { approved, amount }, Charging::AtPermission) => {
                Movement::Refunded(approved.saturating_sub(amount))
            }
            (Self::Settle { approved, amount }, Charging::AtSettlement) => {
                Movement::Charged { reserved: approved, amount }
            }
            (Self::Drop { approved }, _) | (Self::Undo { approved }, Charging::AtSettlement) => {
                Movement::Released(approved)
            }
            (Self::Undo { approved }, Charging::AtPermission) => Movement::Refunded(approved),
        };
        if movement.is_nothing() { None } else { Some(movement) }
    }
}

impl Movement {
    /// Nothing moves, so that an event may say so and need not.
    const fn is_nothing(self) -> bool {
        matches!(
            self,
            Self::Reserved(0) | Self::Released(0) | Self::Refunded(0) | Self::Charged { reserved: 0, amount: 0 }
        )
    }
}

/// One side of a movement: which approval moves whose limit.
#[derive(Clone, Copy)]
pub(in crate::rules) struct Side<T> {
    pub(in crate::rules) place: EventId,
    pub(in crate::rules) user: EntityId,
    pub(in crate::rules) approval: EntityId,
    pub(in crate::rules) what: T,
}

/// A user's limit, and what is used of it. In minor units.
pub(crate) struct Account {
    pub(in crate::rules) currency: Currency,
    pub(in crate::rules) charging: Charging,
    pub(in crate::rules) limit: u64,
    /// Reserved or charged.
    pub(in crate::rules) used: u64,
}

/// Of one record; kept from record to record for its memory.
#[derive(Default)]
pub(crate) struct Movements {
    calls: Vec<Side<Call>>,
    made: Vec<Side<Movement>>,
    /// What each account that moved had in use before this record.
    used_before: Vec<(EntityId, u64)>,
}

impl Movements {
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        self.made.clear();
        self.used_before.clear();
    }

    pub(in crate::rules) fn call(&mut self, call: Side<Call>) {
        self.calls.push(call);
    }

    /// A user's event makes this movement; before it, `used` was reserved or charged.
    pub(in crate::rules) fn made(&mut self, made: Side<Movement>, used: u64) {
        if !self.used_before.iter().any(|(known, _)| *known == made.user) {
            self.used_before.push((made.user, used));
        }
        if !made.what.is_nothing() {
            self.made.push(made);
        }
    }

    /// Holds the two sides of the finished record against each other, and decisions against the accounts they name.
    pub(crate) fn settle(&mut self, account: impl Fn(EntityId) -> Option<Account>, breaches: &mut Breaches) {
        for Side { place, user, approval, what: call } in &self.calls {
            let Some(known) = account(*user) else {
                breaches.add(*place, "user", format!("users/{user} was never registered"));
                continue;
            };
            if let Call::Issue { currency, limit, used, .. } = *call {
                self.decided(*place, *user, (limit, used), &known, breaches);
                if known.currency != currency {
                    breaches.add(*place, "currency", format!("{currency} is not the currency of users/{user}"));
                }
            }
            let Some(movement) = call.movement(known.charging) else { continue };
            let same = |made: &Side<Movement>| (made.user, made.approval, made.what) == (*user, *approval, movement);
            match self.made.iter().position(same) {
                Some(index) => {
                    self.made.swap_remove(index);
                }
                None => breaches.add(
                    *place,
                    "money",
                    format!("approvals/{approval} calls for {movement:?} of users/{user}, which this record has not"),
                ),
            }
        }
        for Side { place, user, approval, what } in &self.made {
            let uncalled = format!("{what:?} of users/{user}, which approvals/{approval} does not call for here");
            breaches.add(*place, "money", uncalled);
        }
    }

    /// Holds the limit and the use of it that a decision names against those of the account before this record.
    fn decided(
        &self,
        place: EventId,
        user: EntityId,
        (limit, used): (u64, u64),
        known: &Account,
        breaches: &mut Breaches,
    ) {
        let before = self.used_before.iter().find(|(moved, _)| *moved == user);
        let before = before.map_or(known.used, |(_, used)| *used);
        if (limit, used) != (known.limit, before) {
            let found = format!("limit {} with {before} used", known.limit);
            breaches.add(place, "inputs", format!("decided on limit {limit} with {used} used, but it was {found}"));
        }
    }
}
