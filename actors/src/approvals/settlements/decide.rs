//! What people and terminals may do to a settlement.

use kippu_events::access::clients::Role;
use kippu_events::approvals::settlements::{By, Delivery, Event, Open, Permit, Phase, Settled, Settlement, Terms};
use kippu_events::approvals::settler_terms::Order;
use kippu_events::money::Minor;
use kippu_events::{EntityId, EntityKey, Time};
use std::time::Duration;

use super::refusal::Refused;
use super::request::{Presented, Signed};
use crate::actor::{Context, Decision};

/// Own events, in one record.
pub(super) fn all(own: Vec<Event>) -> Decision<Settlement> {
    Decision { own, others: Vec::new() }
}

/// Takes an approval that nobody presented before.
pub(super) fn open(asked: &Presented, context: &Context) -> Result<Event, Refused> {
    if let Some(Signed { key, expires_at, .. }) = &asked.offer {
        if !key.counts_at(context.now) {
            return Err(Refused::OfferNotValid);
        }
        if *expires_at <= context.now {
            return Err(Refused::OfferExpired);
        }
    }
    Ok(Event::Presented {
        issuer: asked.issuer,
        shop: asked.shop,
        shop_url: asked.shop_url.clone(),
        offer: asked.offer.as_ref().map(|signed| signed.offer.clone()),
        items: asked.items.clone(),
        total: asked.total,
        currency: asked.currency,
        token: asked.token.clone(),
        capability: asked.capability.clone(),
        presenter: context.caller.party(),
        order: asked.policy.order,
        wait_until: context.now.after(asked.policy.wait()),
        shop_secs: asked.policy.shop_secs,
        deliver_secs: asked.policy.deliver_secs,
        versions: asked.versions,
    })
}

/// That the price is settled, now.
pub(super) fn settled(terms: &Terms, permit: &Permit, delivery: &Delivery, now: Time) -> Event {
    Event::Settled {
        approval: permit.approval,
        amount: delivery.amount,
        currency: terms.currency,
        contents: delivery.names.clone(),
        quantity: delivery.quantity,
        at: now,
    }
}

/// What comes next, once everything is held that is to be.
pub(super) fn held(terms: &Terms, permit: &Permit, delivery: &Delivery, now: Time) -> Event {
    match terms.order {
        // Nobody but the shop would know that it was fetched.
        Order::DeliverFirst if !delivery.direct => {
            Event::Available { until: now.after(Duration::from_secs(terms.deliver_secs.into())) }
        }
        Order::SettleFirst | Order::DeliverFirst => settled(terms, permit, delivery, now),
    }
}

/// Whether the caller holds the capability of this settlement, or has presented its approval.
fn is_holder(context: &Context, presenter: Option<EntityId>) -> bool {
    let holds = context.caller.holds == Some(EntityKey::of::<Settlement>(context.id));
    holds || (presenter.is_some() && context.caller.party() == presenter)
}

const fn presenter(state: &Settlement) -> Option<EntityId> {
    match state {
        Settlement::Absent | Settlement::Over(_) => None,
        Settlement::Open(Open { terms, .. }) => terms.presenter,
        Settlement::Releasing(releasing) => releasing.terms.presenter,
        Settlement::Settled(settled) => settled.presenter,
    }
}

/// The buyer has got contents, or all that was bought. Where delivery comes first, the last of them is what settles.
pub(super) fn received(
    state: &Settlement,
    named: Option<&[u32]>,
    context: &Context,
) -> Result<Decision<Settlement>, Refused> {
    if !is_holder(context, presenter(state)) {
        return Err(Refused::NotYours);
    }
    match state {
        Settlement::Open(Open { terms, phase: Phase::Available { permit, delivery, .. }, .. }) => {
            let contents = come(delivery, named)?;
            let mut after = delivery.clone();
            after.received.extend(&contents);
            let mut own = vec![Event::Received { contents }];
            if after.is_received() {
                own.push(settled(terms, permit, delivery, context.now));
            }
            Ok(all(own))
        }
        Settlement::Settled(Settled { delivery, .. }) if !delivery.is_received() => {
            let contents = come(delivery, named)?;
            Ok(Decision::one(Event::Received { contents }))
        }
        Settlement::Absent
        | Settlement::Open(_)
        | Settlement::Releasing(_)
        | Settlement::Settled(_)
        | Settlement::Over(_) => Err(Refused::NothingToReceive),
    }
}

/// Those of `named` contents, or of all, that have not been received before.
fn come(delivery: &Delivery, named: Option<&[u32]>) -> Result<Vec<u32>, Refused> {
    if named.is_some_and(|named| named.iter().any(|n| delivery.content(*n).is_none())) {
        return Err(Refused::NoSuchContent);
    }
    let numbers = delivery.contents.iter().map(|content| content.n);
    let is_new = |n: &u32| !delivery.received.contains(n) && named.is_none_or(|named| named.contains(n));
    let new: Vec<u32> = numbers.filter(is_new).collect();
    // Goods have no contents, and are received as a whole.
    if new.is_empty() && !delivery.contents.is_empty() { Err(Refused::NothingToReceive) } else { Ok(new) }
}

/// The buyer is told what opens the contents at the shop, once they are paid for.
pub(super) fn collect(state: &Settlement, context: &Context) -> Result<Event, Refused> {
    if !is_holder(context, presenter(state)) {
        return Err(Refused::NotYours);
    }
    match state {
        Settlement::Settled(Settled { delivery, shop_url, .. }) if delivery.direct => Ok(Event::HandedOver {
            offer: delivery.offer,
            shop_url: shop_url.clone(),
            contents: delivery.contents.clone(),
            capability: delivery.capability.clone().ok_or(Refused::NotAtShop)?,
        }),
        Settlement::Absent
        | Settlement::Open(_)
        | Settlement::Releasing(_)
        | Settlement::Settled(_)
        | Settlement::Over(_) => Err(Refused::NotAtShop),
    }
}

/// It is called off, by an operator or by who presented the approval.
pub(super) fn cancel(state: &Settlement, context: &Context) -> Result<Event, Refused> {
    let by = if context.caller.is_among(&[Role::Operator]) {
        By::Operator
    } else if is_holder(context, presenter(state)) {
        By::Buyer
    } else {
        return Err(Refused::NotYours);
    };
    match state {
        Settlement::Absent => Err(Refused::Unknown),
        // Who has got some of it does not keep it for nothing.
        Settlement::Open(Open { phase: Phase::Available { delivery, .. }, .. })
            if by == By::Buyer && !delivery.received.is_empty() =>
        {
            Err(Refused::DeliveryBegun)
        }
        Settlement::Open(_) => Ok(Event::Cancelled { by }),
        Settlement::Settled(_) => Err(Refused::Done),
        Settlement::Releasing(_) | Settlement::Over(_) => Err(Refused::Over),
    }
}

/// A part of the price is to be given back.
pub(super) fn refund(state: &Settlement, amount: Minor) -> Result<Event, Refused> {
    match state {
        Settlement::Absent => Err(Refused::Unknown),
        Settlement::Settled(Settled { refund: Some(_), .. }) => Err(Refused::RefundPending),
        Settlement::Settled(settled) => {
            let left = settled.amount.minus(settled.refunded).unwrap_or(Minor::ZERO);
            if amount > left { Err(Refused::RefundExceeds) } else { Ok(Event::RefundOrdered { amount }) }
        }
        Settlement::Open(_) | Settlement::Releasing(_) | Settlement::Over(_) => Err(Refused::NotSettled),
    }
}

/// Until when the settlement waits for somebody.
pub(super) const fn due(state: &Settlement) -> Option<Time> {
    match state {
        Settlement::Absent | Settlement::Releasing(_) | Settlement::Settled(_) | Settlement::Over(_) => None,
        Settlement::Open(Open { terms, phase, .. }) => Some(match phase {
            Phase::Presented => terms.wait_until,
            Phase::Permitted { until, .. } | Phase::Named { until, .. } | Phase::Available { until, .. } => *until,
        }),
    }
}
