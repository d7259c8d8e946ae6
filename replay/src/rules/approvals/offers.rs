//! The auditor's offer: made once at what its items cost together, and delivered once, in time, to a settler that it names, for
//! what the delivered items cost, of which that settler gives back no more.

use std::time::Duration;

use kippu_events::approvals::offers::{Event, Item, Taken};
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Time};

use crate::rules::{Rule, Seen};

/// So long after its end an offer is delivered at the latest.
const GRACE: Duration = Duration::from_secs(86_400);

/// What is remembered of an offer.
#[derive(Default)]
pub(crate) struct Facts {
    made: Option<Made>,
    delivered: Option<Delivered>,
}

struct Delivered {
    settler: EntityId,
    amount: u64,
    refunded: u64,
}

struct Made {
    /// Product, quantity and price of each item.
    items: Vec<(EntityId, u32, Minor)>,
    currency: Currency,
    settlers: Vec<EntityId>,
    expires_at: Time,
}

impl Facts {
    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        match event {
            Event::Made { items, total, currency, settlers, expires_at, .. } => {
                if self.made.is_some() {
                    seen.breach(Rule::OfferOnce, format!("offers/{} was made before", seen.id));
                }
                let items: Vec<_> =
                    items.iter().map(|Item { product, quantity, price, .. }| (*product, *quantity, *price)).collect();
                let cost = cost(items.iter().map(|(_, quantity, price)| (*quantity, *price)));
                if cost != u128::from(total.units()) {
                    seen.breach(Rule::Amount, format!("{total} {currency} offered for items that cost {cost}"));
                }
                let (currency, settlers, expires_at) = (*currency, settlers.clone(), *expires_at);
                self.made = Some(Made { items, currency, settlers, expires_at });
            }
            Event::Delivered { .. } => self.delivered(event, seen),
            Event::Refunded { settler, amount, currency, total } => {
                self.refunded(*settler, (amount.units(), total.units()), *currency, seen);
            }
            Event::PushAsked { .. } | Event::PushDone { .. } | Event::PushFailed { .. } => {}
        }
    }

    fn delivered(&mut self, event: &Event, seen: &mut Seen<'_>) {
        let Event::Delivered { settler, items, amount, currency, .. } = event else { return };
        done_by(*settler, seen);
        let Some(made) = &self.made else {
            return seen.breach(Rule::DeliverOnce, format!("offers/{} was delivered and never made", seen.id));
        };
        if !made.settlers.contains(settler) {
            seen.breach(Rule::Settler, format!("delivered to {settler}, whom the offer does not name"));
        }
        if self.delivered.is_some() {
            seen.breach(Rule::DeliverOnce, format!("offers/{} was delivered before", seen.id));
        } else if seen.time >= made.expires_at.after(GRACE) {
            let late = format!("delivered at {}, a day or more after its end {}", seen.time, made.expires_at);
            seen.breach(Rule::Expiry, late);
        }
        let cost = cost(items.iter().map(|Taken { quantity, price, .. }| (*quantity, *price)));
        if cost != u128::from(amount.units()) || *currency != made.currency {
            seen.breach(Rule::Amount, format!("{amount} {currency} for items that cost {cost} {}", made.currency));
        }
        let is_offered = |taken: &Taken| {
            made.items.get(usize::from(taken.place)) == Some(&(taken.product, taken.quantity, taken.price))
        };
        let is_once = items.windows(2).all(|pair| pair[0].place < pair[1].place);
        if !is_once || !items.iter().all(is_offered) {
            seen.breach(Rule::Items, "delivered is something else than what was offered");
        }
        self.delivered = Some(Delivered { settler: *settler, amount: amount.units(), refunded: 0 });
    }

    fn refunded(&mut self, settler: EntityId, (amount, total): (u64, u64), currency: Currency, seen: &mut Seen<'_>) {
        done_by(settler, seen);
        let Some(delivered) = self.delivered.as_mut().filter(|delivered| delivered.settler == settler) else {
            return seen.breach(Rule::Refund, format!("given back by {settler}, to whom it was not delivered"));
        };
        let before = std::mem::replace(&mut delivered.refunded, total);
        let adds_up = amount > 0 && before.checked_add(amount) == Some(total);
        let is_same = self.made.as_ref().is_some_and(|made| made.currency == currency);
        if !adds_up || total > delivered.amount || !is_same {
            let of = delivered.amount;
            seen.breach(
                Rule::Refund,
                format!("{amount} {currency} more given back, {total} in all, of {of}; {before} before"),
            );
        }
    }
}

fn done_by(settler: EntityId, seen: &mut Seen<'_>) {
    if seen.principal.party() != Some(settler) {
        seen.breach(Rule::Principal, format!("done by {}, where only {settler} can have done it", seen.principal));
    }
}

/// What pieces at prices cost together.
fn cost(items: impl Iterator<Item = (u32, Minor)>) -> u128 {
    items.map(|(quantity, price)| u128::from(quantity) * u128::from(price.units())).sum()
}
