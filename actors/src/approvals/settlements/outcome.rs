//! What comes of what a settlement owed, and of time that passed. An outcome counts only while what it is the outcome of is
//! owed: a permission that comes after the wait moves nothing.

use std::time::Duration;

use kippu_events::Time;
use kippu_events::approvals::settlements::{By, Delivery, Event, Open, Phase, Settlement, Terms};
use kippu_events::money::Minor;

use super::answers::{self, Delivered, OfferMade, Permission};
use super::decide::{all, due, held, settled};
use super::owing::{Errand, owing};
use super::refusal::Refused;
use super::request::Came;
use crate::activity::Outcome;
use crate::actor::{Context, Decision};

/// The answer cannot be read.
const NOT_UNDERSTOOD: &str = "answer-not-understood";

/// Takes the outcome of what is owed.
pub(super) fn came_of(state: &Settlement, came: &Came, context: &Context) -> Result<Decision<Settlement>, Refused> {
    let owed = owing(state).filter(|owed| owed.step.attempt == came.attempt).ok_or(Refused::NotDue)?;
    let (attempt, outcome, now) = (came.attempt, &came.outcome, context.now);
    // The deadline may be late; the time is over all the same.
    if is_over(state, now) {
        return time_up(state, context).map(Decision::one);
    }
    let event = match owed.errand {
        Errand::Redeem(_) | Errand::MakeOffer(_) | Errand::Deliver(..) | Errand::Fetch(..)
            if !outcome.is_done() && !answers::is_final(outcome) =>
        {
            return Err(Refused::NotTaken);
        }
        Errand::Redeem(terms) => redeemed(terms, attempt, outcome, now),
        Errand::MakeOffer(open) => offered(open, attempt, outcome),
        Errand::Deliver(open, _) => return Ok(delivered(open, came, now)),
        Errand::Fetch(open, delivery, content) if outcome.is_done() => {
            let own = vec![Event::ContentHeld { attempt, content: content.n, sha256: content.sha256.clone() }];
            return Ok(all(own.into_iter().chain(last_held(open, delivery, now)).collect()));
        }
        Errand::Fetch(..) => refused(attempt, By::Shop, answers::slug(outcome)),
        Errand::Release(_) => released(attempt, outcome)?,
        Errand::Notice(_) => noticed(attempt, outcome)?,
        Errand::Refund(_, amount) => refunded(amount, attempt, outcome)?,
        Errand::TellShop(settled) => told(settled.refunded, attempt, outcome)?,
    };
    Ok(Decision::one(event))
}

fn is_over(state: &Settlement, now: Time) -> bool {
    due(state).is_some_and(|due| due <= now)
}

fn refused(attempt: u32, by: By, reason: impl Into<String>) -> Event {
    Event::Refused { attempt, by, reason: reason.into() }
}

fn redeemed(terms: &Terms, attempt: u32, outcome: &Outcome, now: Time) -> Event {
    if !outcome.is_done() {
        return refused(attempt, By::Issuer, answers::slug(outcome));
    }
    let Some(permission) = outcome.answer::<Permission>() else {
        return refused(attempt, By::Settler, NOT_UNDERSTOOD);
    };
    if permission.currency != terms.currency {
        return refused(attempt, By::Settler, "currency-mismatch");
    }
    if permission.amount < terms.total {
        return refused(attempt, By::Settler, "amount-not-permitted");
    }
    if permission.shop.is_some_and(|named| named != terms.shop) {
        return refused(attempt, By::Settler, "other-shop");
    }
    let Permission { id: approval, amount, currency, buyer, .. } = permission;
    let shop_until = now.after(Duration::from_secs(terms.shop_secs.into()));
    Event::Permitted { attempt, approval, amount, currency, buyer, shop_until }
}

fn offered(Open { terms, .. }: &Open, attempt: u32, outcome: &Outcome) -> Event {
    if !outcome.is_done() {
        return refused(attempt, By::Shop, answers::slug(outcome));
    }
    match outcome.answer::<OfferMade>() {
        None => refused(attempt, By::Settler, NOT_UNDERSTOOD),
        Some(made) if made.total != terms.total || made.currency != terms.currency => {
            refused(attempt, By::Settler, "price-differs")
        }
        Some(made) => Event::Offered { attempt, offer: made.id },
    }
}

/// What the shop delivers: never more than was permitted, perhaps less than was offered.
fn delivered(open: &Open, came: &Came, now: Time) -> Decision<Settlement> {
    let (attempt, outcome) = (came.attempt, &came.outcome);
    let Open { terms, phase: Phase::Permitted { permit, offer: Some(offer), .. }, .. } = open else {
        return Decision::one(refused(attempt, By::Settler, NOT_UNDERSTOOD));
    };
    if !outcome.is_done() {
        return Decision::one(refused(attempt, By::Shop, answers::slug(outcome)));
    }
    let Some(read) = Delivered::read(outcome) else {
        return Decision::one(refused(attempt, By::Settler, NOT_UNDERSTOOD));
    };
    let Delivered { offer: named, amount, names, quantity, contents, direct } = read;
    let reason = if named != *offer {
        Some("other-offer")
    } else if amount > terms.total || amount > permit.amount {
        Some("amount-not-permitted")
    } else if quantity == 0 {
        Some("nothing-delivered")
    } else if !contents.is_empty() && came.capability.is_none() {
        Some(NOT_UNDERSTOOD)
    } else {
        None
    };
    if let Some(reason) = reason {
        return Decision::one(refused(attempt, By::Settler, reason));
    }
    let capability = came.capability.clone();
    let delivery = Delivery {
        offer: named,
        amount,
        names: names.clone(),
        quantity,
        contents: contents.clone(),
        held: 0,
        received: Vec::new(),
        direct,
        capability: capability.clone(),
    };
    let mut own = vec![Event::ContentsNamed { attempt, amount, names, quantity, contents, direct, capability }];
    if delivery.next().is_none() {
        own.push(held(terms, permit, &delivery, now));
    }
    all(own)
}

/// What follows, where one more content makes it all of them.
fn last_held(open: &Open, delivery: &Delivery, now: Time) -> Option<Event> {
    let Open { terms, phase: Phase::Named { permit, .. }, .. } = open else { return None };
    (delivery.held + 1 >= delivery.contents.len()).then(|| held(terms, permit, delivery, now))
}

/// The release is owed until nothing is reserved.
fn released(attempt: u32, outcome: &Outcome) -> Result<Event, Refused> {
    if outcome.is_done() {
        Ok(Event::Released { attempt, reason: None })
    } else if answers::is_about_approval(outcome) {
        Ok(Event::Released { attempt, reason: Some(answers::slug(outcome)) })
    } else {
        Err(Refused::NotTaken)
    }
}

/// The notice is owed until the issuer has it.
fn noticed(attempt: u32, outcome: &Outcome) -> Result<Event, Refused> {
    // Only this node can settle what was permitted to it: the issuer has the notice.
    let has_it = outcome.is_done() || outcome.refusal() == "already-settled";
    if has_it { Ok(Event::Noticed { attempt }) } else { Err(Refused::NotTaken) }
}

/// A refund takes effect for each key, so it is asked for with the same one until the issuer has said what is so.
fn refunded(amount: Minor, attempt: u32, outcome: &Outcome) -> Result<Event, Refused> {
    if outcome.is_done() {
        Ok(Event::Refunded { attempt, amount })
    } else if answers::is_about_approval(outcome) {
        Ok(Event::RefundRefused { attempt, amount, reason: answers::slug(outcome) })
    } else {
        Err(Refused::NotTaken)
    }
}

/// The shop is told until it knows.
fn told(total: Minor, attempt: u32, outcome: &Outcome) -> Result<Event, Refused> {
    // It was told before, in a message that was given up for one about more.
    let knows = outcome.is_done() || outcome.refusal() == "refund-known";
    if knows { Ok(Event::RefundTold { attempt, total }) } else { Err(Refused::NotTaken) }
}

/// A time has passed.
pub(super) fn time_up(state: &Settlement, context: &Context) -> Result<Event, Refused> {
    let now = context.now;
    match state {
        Settlement::Open(Open { terms, step, phase }) if is_over(state, now) => Ok(match phase {
            Phase::Presented => Event::TimedOut { attempt: step.attempt, by: By::Issuer },
            Phase::Permitted { .. } | Phase::Named { .. } => Event::TimedOut { attempt: step.attempt, by: By::Shop },
            // Who has begun to fetch pays, and the rest stays there.
            Phase::Available { permit, delivery, .. } if !delivery.received.is_empty() => {
                settled(terms, permit, delivery, now)
            }
            Phase::Available { .. } => Event::Cancelled { by: By::Deadline },
        }),
        Settlement::Absent
        | Settlement::Open(_)
        | Settlement::Releasing(_)
        | Settlement::Settled(_)
        | Settlement::Over(_) => Err(Refused::NotDue),
    }
}
