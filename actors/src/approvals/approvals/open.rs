//! Whether a purchase is approved. No is on record too.

use std::time::Duration;

use kippu_events::EntityId;
use kippu_events::access::challenges::{self, Challenge};
use kippu_events::access::users::{Policy, Reference};
use kippu_events::approvals::{Approval, Event, RequestRefusal};
use kippu_events::money::Minor;

use super::refusal::Refused;
use super::request::Asked;
use super::spender::Spender;
use crate::access::users::pin::{self, Check};
use crate::actor::{Context, Decision, Neighbours};

/// How long a financial reference has to answer: as long as somebody waits at a counter.
pub const REFERENCE_TIME: Duration = Duration::from_secs(10);

pub(super) fn open(
    asked: &Asked,
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    let terminal = context.caller.principal.asker().ok_or(Refused::NotAClient)?;
    if asked.signed_with.as_ref().is_some_and(|key| !key.counts_at(context.now)) {
        return Err(Refused::OfferNotGenuine);
    }
    if let Some(id) = asked.challenge {
        let admits = match neighbours.get::<Challenge>(id) {
            Some(Challenge::Open(open)) => open.user == asked.user && open.admits(context.caller.party(), context.now),
            Some(Challenge::Absent | Challenge::Used) | None => false,
        };
        if !admits {
            return Err(Refused::ChallengeNotValid);
        }
    }
    let decision = identified(asked, terminal, neighbours, context);
    // Used up, whatever the PIN was.
    Ok(match asked.challenge {
        Some(id) => decision.and::<Challenge>(id, challenges::Event::Used {}),
        None => decision,
    })
}

fn identified(asked: &Asked, terminal: EntityId, neighbours: Neighbours<'_>, context: &Context) -> Decision<Approval> {
    // An unknown user, one without a PIN and a wrong PIN are one case to the caller: who is registered is nobody's business.
    let Some(mut spender) = Spender::of(neighbours, asked.user, context) else {
        return Decision::one(refused(asked, RequestRefusal::NotIdentified));
    };
    let checked = asked.pin.as_ref().map(|offered| pin::check(spender.account, offered, context.now));
    let (reason, pin_event) = match checked {
        None => (None, None), // the terminal stores the identification
        Some(Check::Right(event)) => (None, event),
        Some(Check::Wrong(event)) => (Some(RequestRefusal::NotIdentified), Some(event)),
        Some(Check::NoPin) => (Some(RequestRefusal::NotIdentified), None),
        Some(Check::Locked) => (Some(RequestRefusal::PinLocked), None),
    };
    let own = match reason.map_or_else(|| permitted(&spender, asked, context), Err) {
        Err(reason) => refused(asked, reason),
        Ok(()) => approved(&mut spender, asked, terminal, context),
    };
    pin_event.into_iter().for_each(|event| spender.also(event));
    spender.with(own)
}

fn refused(asked: &Asked, reason: RequestRefusal) -> Event {
    Event::Refused {
        user: asked.user,
        amount: asked.amount,
        currency: asked.currency,
        purchase: asked.purchase.clone(),
        offer: asked.offer.clone(),
        reason,
        inquiry: None,
    }
}

/// The policy, as far as nobody else is asked: the user's own limit, counting what is reserved like what is charged, so that
/// approvals that are open at the same time cannot exceed it together.
fn permitted(spender: &Spender<'_>, asked: &Asked, context: &Context) -> Result<(), RequestRefusal> {
    if spender.is_suspended {
        return Err(RequestRefusal::UserSuspended);
    }
    if asked.offer.as_ref().is_some_and(|offer| offer.expires_at <= context.now) {
        return Err(RequestRefusal::OfferExpired);
    }
    if asked.currency != spender.account.currency {
        return Err(RequestRefusal::CurrencyMismatch);
    }
    match spender.account.policy {
        Policy::Own | Policy::Both if asked.amount > spender.available() => Err(RequestRefusal::LimitExceeded),
        Policy::Own | Policy::Both | Policy::Reference => Ok(()),
    }
}

/// It is given; or a financial reference is asked first.
fn approved(spender: &mut Spender<'_>, asked: &Asked, terminal: EntityId, context: &Context) -> Event {
    let (limit, used) = (spender.limit, spender.used());
    let Some(Reference { party, number }) = spender.account.reference.as_deref() else {
        spender.reserve(asked.amount);
        let lasts = context.now.after(asked.expires_in);
        return Event::Issued {
            user: asked.user,
            terminal,
            amount: asked.amount,
            currency: asked.currency,
            purchase: asked.purchase.clone(),
            offer: asked.offer.clone(),
            channel: asked.channel,
            expires_at: asked.offer.as_ref().map_or(lasts, |offer| lasts.min(offer.expires_at)),
            token: asked.token.clone(),
            limit,
            used,
            inquiry: None,
        };
    };
    let reserved = match spender.account.policy {
        Policy::Own | Policy::Both => {
            spender.reserve(asked.amount);
            asked.amount
        }
        // The limit may be another one once the reference has answered.
        Policy::Reference => Minor::ZERO,
    };
    Event::Pending {
        user: asked.user,
        terminal,
        amount: asked.amount,
        currency: asked.currency,
        purchase: asked.purchase.clone(),
        offer: asked.offer.clone(),
        channel: asked.channel,
        expires_in_secs: u32::try_from(asked.expires_in.as_secs()).unwrap_or(u32::MAX),
        token: asked.token.clone(),
        reserved,
        limit,
        used,
        reference: *party,
        number: number.clone(),
        until: context.now.after(REFERENCE_TIME),
    }
}
