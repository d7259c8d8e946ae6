//! The auditor's reservations: each returns to zero, by charges and releases, before its approval is over. Those of approvals
//! that are open are all that is kept.

use std::collections::{BTreeMap, HashMap};

use kippu_events::EntityId;
use kippu_events::event::EventId;
use kippu_events::id::BuildIdHasher;
use kippu_events::money::Currency;
use serde::Serialize;

use super::movements::{Movement, Side};
use crate::rules::{Breaches, Rule};

/// Reservations of approvals that are open, in one currency.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Open {
    /// How many.
    pub reservations: u64,
    /// How much they come to, in minor units.
    pub amount: u64,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Reservations {
    held: HashMap<Key, Held, BuildIdHasher>,
    /// Of this record.
    touched: Vec<(EventId, Key)>,
}

/// User and approval.
type Key = (EntityId, EntityId);

struct Held {
    amount: u64,
    currency: Currency,
}

impl Reservations {
    /// Something happens to this approval of this user.
    pub(in crate::rules) fn touched(&mut self, place: EventId, user: EntityId, approval: EntityId) {
        self.touched.push((place, (user, approval)));
    }

    /// A user's event makes this movement.
    pub(in crate::rules) fn moved(&mut self, made: &Side<Movement>, currency: Option<Currency>) {
        let Side { place, user, approval, what } = *made;
        self.touched(place, user, approval);
        let key = (user, approval);
        match what {
            Movement::Reserved(0) => {}
            Movement::Reserved(units) => {
                let Some(currency) = currency else { return };
                let held = self.held.entry(key).or_insert(Held { amount: 0, currency });
                held.amount = held.amount.saturating_add(units);
            }
            Movement::Released(units) | Movement::Charged { reserved: units, .. } => {
                if let Some(held) = self.held.get_mut(&key) {
                    held.amount = held.amount.saturating_sub(units);
                    if held.amount == 0 {
                        self.held.remove(&key);
                    }
                }
            }
            Movement::Refunded { .. }
            | Movement::Gathered { .. }
            | Movement::TakenBack { .. }
            | Movement::Followed { .. } => {}
        }
    }

    /// Holds what the finished record touched against the approvals as they are now.
    pub(crate) fn settle(&mut self, is_open: impl Fn(EntityId) -> bool, breaches: &mut Breaches) {
        let mut found = Vec::new();
        for (place, key) in self.touched.drain(..) {
            let (user, approval) = key;
            let Some(held) = self.held.get(&key).filter(|_| !found.contains(&key) && !is_open(approval)) else {
                continue;
            };
            let left = format!("approvals/{approval} is not open, and holds {} of users/{user}", held.amount);
            breaches.add(place, Rule::Reservation, left);
            found.push(key);
        }
    }

    /// What is held by approvals that are open.
    pub(crate) fn open(&self) -> BTreeMap<Currency, Open> {
        let mut open = BTreeMap::<Currency, Open>::new();
        for Held { amount, currency } in self.held.values() {
            let of = open.entry(*currency).or_default();
            of.reservations += 1;
            of.amount = of.amount.saturating_add(*amount);
        }
        open
    }
}
