//! The rules of offers.

use std::time::Duration;

use kippu_events::EntityId;
use kippu_events::approvals::offers::{Event, Made, Offer, Push};
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::TokenHash;

use super::GivenUp as _;
use super::refusal::Refused;
use super::request::{Asked, GRACE_SECS, MOST_PUSHES};
use crate::actor::Context;

/// Why a push failed that had no outcome in time.
const GAVE_UP: &str = "gave-up";

/// The offer is made, once.
pub(super) fn open(offer: &Offer, asked: &Asked, context: &Context) -> Result<Event, Refused> {
    match offer {
        Offer::Absent => {}
        Offer::Open(_) | Offer::Delivered { .. } => return Err(Refused::Exists),
    }
    let Asked { items, total, terms, terms_version, keys } = asked;
    Ok(Event::Made {
        items: items.clone(),
        total: *total,
        currency: terms.currency,
        settlers: terms.settlers.clone(),
        direct: terms.direct,
        made_at: context.now,
        expires_at: context.now.after(Duration::from_secs(terms.offer_secs.into())),
        terms_version: *terms_version,
        signing_key: keys.number_at(context.now),
    })
}

/// Whether the settler that asks takes the offer, or these items of it, once: a retry has the same key, and is answered before this.
pub(super) fn deliver(
    offer: &Offer,
    places: Option<&[u16]>,
    capability: &TokenHash,
    context: &Context,
) -> Result<Event, Refused> {
    let settler = context.caller.party().ok_or(Refused::NotAParty)?;
    let made = offer.made().filter(|made| made.settlers.contains(&settler)).ok_or(Refused::NotYours)?;
    let all = || (0..).take(made.items.len()).collect::<Vec<u16>>();
    let places = places.map_or_else(all, <[u16]>::to_vec);
    match offer {
        Offer::Absent => return Err(Refused::NotYours),
        Offer::Delivered { .. } => return Err(Refused::Delivered),
        Offer::Open(_) if context.now >= made.expires_at.after(Duration::from_secs(GRACE_SECS.into())) => {
            return Err(Refused::Over);
        }
        Offer::Open(_) => {}
    }
    let (items, amount) = made.taken(&places).ok_or(Refused::Places)?;
    Ok(Event::Delivered {
        settler,
        items,
        amount,
        currency: made.currency,
        contents: made.contents(&places),
        direct: made.direct,
        capability: capability.clone(),
    })
}

/// What the settler gave back. Messages may come twice and out of order, so each tells the sum.
pub(super) fn refunded(offer: &Offer, total: Minor, currency: Currency, context: &Context) -> Result<Event, Refused> {
    let settler = context.caller.party().ok_or(Refused::NotAParty)?;
    let (made, delivery) = match offer {
        Offer::Delivered { made, delivery } if delivery.settler == settler => (made, delivery),
        Offer::Absent | Offer::Open(_) | Offer::Delivered { .. } => return Err(Refused::NotYours),
    };
    if currency != made.currency {
        return Err(Refused::RefundCurrency { currency: made.currency });
    }
    if total > delivery.amount {
        return Err(Refused::RefundExceeds);
    }
    let more = total.minus(delivery.refunded).filter(|more| *more > Minor::ZERO);
    Ok(Event::Refunded { settler, amount: more.ok_or(Refused::RefundKnown)?, currency, total })
}

/// Whether the offer is sent to `to`.
pub(super) fn push(offer: &Offer, to: EntityId, context: &Context) -> Result<Event, Refused> {
    let made: &Made = offer.made().ok_or(Refused::Unknown)?;
    if context.now >= made.expires_at {
        return Err(Refused::Ended);
    }
    match made.push {
        Push::Owed { .. } => Err(Refused::PushPending),
        Push::Never | Push::Done { .. } | Push::Failed { .. } if made.push.attempts() >= MOST_PUSHES => {
            Err(Refused::PushedOften)
        }
        Push::Never | Push::Done { .. } | Push::Failed { .. } => {
            Ok(Event::PushAsked { to, attempt: made.push.attempts() + 1 })
        }
    }
}

/// What came of the push number `attempt`.
pub(super) fn pushed(offer: &Offer, attempt: u32, refusal: Option<&str>) -> Result<Event, Refused> {
    match offer.made().map(|made| made.push) {
        Some(Push::Owed { attempt: owed, .. }) if owed == attempt => Ok(match refusal {
            None => Event::PushDone { attempt },
            Some(reason) => Event::PushFailed { attempt, reason: reason.to_owned() },
        }),
        Some(Push::Never | Push::Owed { .. } | Push::Done { .. } | Push::Failed { .. }) | None => Err(Refused::NotDue),
    }
}

/// Nothing came of a push in time.
pub(super) fn give_up(offer: &Offer, context: &Context) -> Result<Event, Refused> {
    let is_due = offer.given_up_at().is_some_and(|at| context.now >= at);
    match offer.made().map(|made| made.push) {
        Some(Push::Owed { attempt, .. }) if is_due => Ok(Event::PushFailed { attempt, reason: GAVE_UP.to_owned() }),
        Some(Push::Never | Push::Owed { .. } | Push::Done { .. } | Push::Failed { .. }) | None => Err(Refused::NotDue),
    }
}
