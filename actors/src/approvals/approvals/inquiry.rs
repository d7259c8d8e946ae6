//! Asking a financial reference about the user of an approval: what is owed to it, and what its answer decides.

use std::time::Duration;

use kippu_events::access::users::LimitSource;
use kippu_events::approvals::{Approval, Channel, Event, Inquiry, Pending, Purchase, RequestRefusal, Told};
use kippu_events::money::{Currency, Minor};
use kippu_events::secrets::Secrets;

use super::refusal::Refused;
use super::request::Command;
use super::spender::Spender;
use crate::access::users::NUMBER_FIELD;
use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Context, Decision, Neighbours};
use crate::approvals::credits;

/// The only question of an approval.
pub(super) const ATTEMPT: u32 = 1;

/// The question is owed to the reference.
pub(super) const fn owed(pending: &Pending) -> Owed {
    Owed { to: pending.reference, attempt: ATTEMPT, since: pending.asked_at }
}

/// The question; nothing where the person's key is gone.
pub(super) fn work(pending: &Pending, secrets: &Secrets) -> Option<Work> {
    let Pending { terms, number, .. } = pending;
    let number = secrets.decrypt(terms.user, NUMBER_FIELD, number).ok()?;
    let question = credits::Question { number: &number, amount: terms.amount, currency: terms.currency };
    Some(Work::Command { path: credits::INQUIRE.to_owned(), body: serde_json::to_vec(&question).ok()? })
}

/// What the reference told.
pub(super) fn came_of(attempt: u32, outcome: &Outcome) -> Command {
    let unusable = Command::Inquired { attempt, told: Told::Unusable, limit: None };
    let Some(credits::Reply { standing, limit, currency, .. }) = outcome.answer() else { return unusable };
    if limit.is_some() != currency.is_some() {
        return unusable;
    }
    let told = match standing {
        kippu_events::approvals::credits::Told::Good => Told::Good,
        kippu_events::approvals::credits::Told::Bad => Told::Bad,
        kippu_events::approvals::credits::Told::Unknown => Told::Unknown,
    };
    Command::Inquired { attempt, told, limit: limit.zip(currency) }
}

/// The reference answered: the purchase is approved where it vouches for the user and the limit, which may follow what it told,
/// is not exceeded.
pub(super) fn inquired(
    approval: &Approval,
    (attempt, told, limit): (u32, Told, Option<(Minor, Currency)>),
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    // What comes too late is as good as nothing, even before the deadline has come.
    let counts = |pending: &&Pending| attempt == ATTEMPT && context.now < pending.terms.expires_at;
    let pending = waiting(approval).filter(counts).ok_or(Refused::NotAsked)?;
    let mut spender = Spender::known(neighbours, pending.terms.user, context)?;
    let is_other = limit.is_some_and(|(_, currency)| currency != spender.account.currency);
    let told = if is_other { Told::Unusable } else { told };
    let limit = limit.map(|(limit, _)| limit).filter(|_| told == Told::Good);
    let inquiry = Inquiry { party: pending.reference, told, limit };
    let follows = limit.filter(|_| spender.account.source == LimitSource::Solvency);
    Ok(match judged(pending, &inquiry, &spender, follows, context) {
        Err(reason) => {
            give_back(&mut spender, pending);
            follows.into_iter().for_each(|told| spender.follow(told));
            spender.with(refused(pending, reason, inquiry))
        }
        Ok(()) => {
            follows.into_iter().for_each(|told| spender.follow(told));
            let issued = issued(pending, &spender, inquiry, context);
            match pending.terms.amount.minus(pending.reserved) {
                Some(rest) if rest > Minor::ZERO => spender.reserve(rest),
                Some(_) | None => {}
            }
            spender.with(issued)
        }
    })
}

/// Nothing came in time.
pub(super) fn give_up(
    approval: &Approval,
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    let is_due = |pending: &&Pending| pending.terms.expires_at <= context.now;
    let pending = waiting(approval).filter(is_due).ok_or(Refused::NotDue)?;
    let mut spender = Spender::known(neighbours, pending.terms.user, context)?;
    give_back(&mut spender, pending);
    let inquiry = Inquiry { party: pending.reference, told: Told::Nothing, limit: None };
    Ok(spender.with(refused(pending, RequestRefusal::ReferenceFailed, inquiry)))
}

fn waiting(approval: &Approval) -> Option<&Pending> {
    match approval {
        Approval::Pending(pending) => Some(pending),
        Approval::Absent
        | Approval::Refused
        | Approval::Issued(_)
        | Approval::Redeemed { .. }
        | Approval::Settled { .. }
        | Approval::Expired(_)
        | Approval::Revoked { .. }
        | Approval::Released { .. } => None,
    }
}

/// The policy, once the reference has answered.
fn judged(
    pending: &Pending,
    inquiry: &Inquiry,
    spender: &Spender<'_>,
    follows: Option<Minor>,
    context: &Context,
) -> Result<(), RequestRefusal> {
    let amount = pending.terms.amount;
    match inquiry.told {
        Told::Unusable | Told::Nothing => return Err(RequestRefusal::ReferenceFailed),
        Told::Bad | Told::Unknown => return Err(RequestRefusal::CreditRefused),
        Told::Good => {}
    }
    if spender.is_suspended {
        return Err(RequestRefusal::UserSuspended);
    }
    if pending.terms.offer.as_ref().is_some_and(|offer| offer.expires_at <= context.now) {
        return Err(RequestRefusal::OfferExpired);
    }
    if follows.is_none() && inquiry.limit.is_some_and(|limit| amount > limit) {
        return Err(RequestRefusal::CreditRefused);
    }
    let of_others = spender.used().minus(pending.reserved).unwrap_or(Minor::ZERO);
    let limit = follows.map_or(spender.limit, |told| told.max(of_others));
    match of_others.plus(amount) {
        Some(sum) if sum <= limit => Ok(()),
        Some(_) | None => Err(RequestRefusal::LimitExceeded),
    }
}

fn give_back(spender: &mut Spender<'_>, pending: &Pending) {
    if pending.reserved > Minor::ZERO {
        spender.release(pending.reserved);
    }
}

fn purchase_of(pending: &Pending) -> Purchase {
    Purchase { description: pending.description.clone(), quantity: pending.quantity }
}

fn refused(pending: &Pending, reason: RequestRefusal, inquiry: Inquiry) -> Event {
    let terms = &pending.terms;
    Event::Refused {
        user: terms.user,
        amount: terms.amount,
        currency: terms.currency,
        purchase: purchase_of(pending),
        offer: terms.offer.clone(),
        reason,
        inquiry: Some(inquiry),
    }
}

fn issued(pending: &Pending, spender: &Spender<'_>, inquiry: Inquiry, context: &Context) -> Event {
    let Pending { terms, expires_in_secs, token, reserved, .. } = pending;
    let lasts = context.now.after(Duration::from_secs((*expires_in_secs).into()));
    Event::Issued {
        user: terms.user,
        terminal: terms.terminal,
        amount: terms.amount,
        currency: terms.currency,
        purchase: purchase_of(pending),
        offer: terms.offer.clone(),
        // Nobody waits for it any more.
        channel: Channel::Collect,
        expires_at: terms.offer.as_ref().map_or(lasts, |offer| lasts.min(offer.expires_at)),
        token: token.clone(),
        limit: spender.limit,
        used: spender.used().minus(*reserved).unwrap_or(Minor::ZERO),
        inquiry: Some(inquiry),
    }
}
