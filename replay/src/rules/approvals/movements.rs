//! The movements of money in one record: those that its approvals' events call for, and those that its users' events
//! make. They must be the same, one for one.

use kippu_events::access::users::{Charging, LimitSource, Policy};
use kippu_events::event::EventId;
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Time};

use super::calls::{Call, Wanted};
use super::refusals::{Reason, Refusal};
use crate::rules::{Breaches, Rule};

/// What happens to a user's limit, or to a part of it. In minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::rules) enum Movement {
    Reserved(u64),
    Released(u64),
    Charged {
        reserved: u64,
        amount: u64,
    },
    Refunded {
        amount: u64,
        earlier: bool,
    },
    /// Points, of which there was room for so many.
    Gathered {
        amount: u64,
        room: u64,
    },
    /// Points, of which so many were not used.
    TakenBack {
        amount: u64,
        room: u64,
    },
    /// The limit is another one, while so much was used.
    Followed {
        limit: u64,
        used: u64,
    },
}

impl Movement {
    /// Nothing moves, so that an event may say so and need not.
    pub(super) const fn is_nothing(self) -> bool {
        matches!(
            self,
            Self::Reserved(0)
                | Self::Released(0)
                | Self::Refunded { amount: 0, .. }
                | Self::Charged { reserved: 0, amount: 0 }
                | Self::Gathered { amount: 0, .. }
                | Self::TakenBack { amount: 0, .. }
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
    pub(in crate::rules) source: LimitSource,
    pub(in crate::rules) charging: Charging,
    pub(in crate::rules) policy: Policy,
    pub(in crate::rules) points_rate_bp: u16,
    pub(in crate::rules) limit: u64,
    /// Reserved or charged.
    pub(in crate::rules) used: u64,
    pub(in crate::rules) suspended: bool,
    pub(in crate::rules) period_began: Option<Time>,
    pub(in crate::rules) has_pin: bool,
    pub(in crate::rules) locked_until: Option<Time>,
}

impl Account {
    /// Whether nothing had to move where `wanted` did not.
    fn has_no_room_for(&self, wanted: Wanted) -> bool {
        match wanted {
            Wanted::Exactly(movement) => movement.is_nothing(),
            Wanted::Gathered(points) => points == 0 || self.limit >= Minor::MOST,
            Wanted::TakenBack(points) => points == 0 || self.limit <= self.used,
            Wanted::Followed(told) => self.limit == told.max(self.used),
        }
    }
}

/// Of one record; kept from record to record for its memory.
#[derive(Default)]
pub(crate) struct Movements {
    calls: Vec<Side<Call>>,
    made: Vec<Side<Movement>>,
    /// What each account that moved had in use before this record.
    used_before: Vec<(EntityId, u64)>,
    refused: Vec<Refusal>,
    /// Whose PIN was wrong.
    wrong_pins: Vec<EntityId>,
}

impl Movements {
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        self.made.clear();
        self.used_before.clear();
        self.refused.clear();
        self.wrong_pins.clear();
    }

    pub(in crate::rules) fn call(&mut self, call: Side<Call>) {
        self.calls.push(call);
    }

    /// Something that this user wanted was refused.
    pub(in crate::rules) fn refused(&mut self, place: EventId, user: EntityId, reason: Reason, time: Time) {
        self.refused.push(Refusal { place, user, reason, time });
    }

    /// A wrong PIN of this user was counted.
    pub(in crate::rules) fn wrong_pin(&mut self, user: EntityId) {
        self.wrong_pins.push(user);
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
                breaches.add(*place, Rule::User, format!("users/{user} was never registered"));
                continue;
            };
            self.decided(*place, *user, *call, &known, breaches);
            for wanted in call.wanted(&known).into_iter().flatten() {
                let fits =
                    |made: &Side<Movement>| (made.user, made.approval) == (*user, *approval) && wanted.fits(made.what);
                match self.made.iter().position(fits) {
                    Some(index) => {
                        self.made.swap_remove(index);
                    }
                    None if known.has_no_room_for(wanted) => {}
                    None => breaches.add(
                        *place,
                        Rule::Money,
                        format!("approvals/{approval} calls for {wanted:?} of users/{user}, which this record has not"),
                    ),
                }
            }
        }
        for Side { place, user, approval, what } in &self.made {
            let uncalled = format!("{what:?} of users/{user}, which approvals/{approval} does not call for here");
            breaches.add(*place, Rule::Money, uncalled);
        }
        for refusal in &self.refused {
            let Refusal { place, user, reason, .. } = *refusal;
            let known = account(user);
            let used = known.as_ref().map_or(0, |known| self.used_before(user, known));
            if !refusal.holds(known.as_ref(), used, self.wrong_pins.contains(&user)) {
                let found = known.map(|known| format!("limit {} with {used} used", known.limit));
                let found = found.unwrap_or_else(|| "nobody registered".to_owned());
                breaches.add(place, Rule::Refusal, format!("users/{user} were refused as {reason:?}: {found}"));
            }
        }
    }

    /// What this account had in use before this record.
    fn used_before(&self, user: EntityId, known: &Account) -> u64 {
        let before = self.used_before.iter().find(|(moved, _)| *moved == user);
        before.map_or(known.used, |(_, used)| *used)
    }

    /// Holds what a decision names, and whether it could be made, against the account before this record.
    fn decided(&self, place: EventId, user: EntityId, call: Call, known: &Account, breaches: &mut Breaches) {
        match call {
            Call::Ask { currency, limit, used, .. } => {
                self.inputs(place, user, (currency, limit, used), known, breaches);
                if known.policy.is_own() {
                    breaches.add(
                        place,
                        Rule::Policy,
                        format!("a reference is asked about users/{user}, for whom none is"),
                    );
                }
            }
            Call::Issue { currency, limit, used, reserved, asked, .. } => {
                // What it had reserved itself while it was pending is not used by others.
                let used = used.saturating_add(reserved);
                self.inputs(place, user, (currency, limit, used), known, breaches);
                if known.policy.is_own() == asked {
                    breaches.add(
                        place,
                        Rule::Policy,
                        format!("asked: {asked}, but users/{user} are {:?}", known.policy),
                    );
                }
            }
            Call::Permit { .. } => {}
            Call::Suspended => {
                if !known.suspended {
                    breaches.add(place, Rule::Refusal, format!("users/{user} was not suspended"));
                }
                return;
            }
            Call::Withdraw { .. }
            | Call::Settle { .. }
            | Call::Drop { .. }
            | Call::Undo { .. }
            | Call::GiveBack { .. } => return,
        }
        if known.suspended {
            breaches.add(place, Rule::Suspended, format!("users/{user} was suspended"));
        }
    }

    /// Holds the limit and the use of it that a decision names against those of the account.
    fn inputs(
        &self,
        place: EventId,
        user: EntityId,
        (currency, limit, used): (Currency, u64, u64),
        known: &Account,
        breaches: &mut Breaches,
    ) {
        let before = self.used_before(user, known);
        if (limit, used) != (known.limit, before) {
            let found = format!("limit {} with {before} used", known.limit);
            breaches.add(place, Rule::Inputs, format!("decided on limit {limit} with {used} used, but it was {found}"));
        }
        if known.currency != currency {
            breaches.add(place, Rule::Currency, format!("{currency} is not the currency of users/{user}"));
        }
    }
}
