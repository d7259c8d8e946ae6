//! Whether the settler's price is settled, and whether a part of it is given back.

use kippu_events::EntityId;
use kippu_events::access::clients::Role;
use kippu_events::approvals::{Approval, Event};
use kippu_events::money::{Currency, Minor};

use super::refusal::Refused;
use super::request::Settlement;
use super::spender::Spender;
use crate::actor::{Context, Decision, Neighbours};

pub(super) fn settle(
    approval: &Approval,
    settlement: &Settlement,
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    let caller = context.caller.party().ok_or(Refused::NotAClient)?;
    if approval.settler() != Some(caller) {
        return Err(Refused::NotYours);
    }
    let (terms, settler, redeemed_at) = match approval {
        Approval::Redeemed { terms, settler, at } => (terms, *settler, *at),
        Approval::Settled { .. } => return Err(Refused::AlreadySettled),
        Approval::Revoked { .. } => return Err(Refused::Revoked),
        Approval::Released { .. } => return Err(Refused::Released),
        Approval::Absent | Approval::Refused | Approval::Pending(_) | Approval::Issued(_) | Approval::Expired(_) => {
            return Err(Refused::NotYours);
        }
    };
    let Settlement { amount, currency, settled_at, contents } = settlement.clone();
    if currency != terms.currency {
        return Err(Refused::CurrencyMismatch);
    }
    let rest = terms.amount.minus(amount).ok_or(Refused::AmountExceedsApproval)?;
    let mut spender = Spender::known(neighbours, terms.user, context)?;
    if !spender.is_charged_at_permission() {
        spender.charge(terms.amount, amount);
    } else if rest > Minor::ZERO {
        spender.refund(rest, redeemed_at);
    }
    spender.gather(amount);
    Ok(spender.with(Event::Settled { settler, amount, currency, settled_at, contents }))
}

/// By who settled it, or the operator; in as many parts as there are, up to what was settled.
pub(super) fn refund(
    approval: &Approval,
    (amount, currency): (Minor, Currency),
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    let operator = context.caller.is_among(&[Role::Operator]);
    let caller: Option<EntityId> = context.caller.party();
    if !operator && (caller.is_none() || approval.settler() != caller) {
        return Err(Refused::NotYours);
    }
    let Approval::Settled { terms, amount: settled, refunded, redeemed_at, at, .. } = approval else {
        return Err(if *approval == Approval::Absent { Refused::Unknown } else { Refused::NotSettled });
    };
    if currency != terms.currency {
        return Err(Refused::CurrencyMismatch);
    }
    let left = settled.minus(*refunded).unwrap_or(Minor::ZERO);
    let left_after = left.minus(amount).ok_or(Refused::RefundExceedsSettlement)?;
    let total = refunded.plus(amount).ok_or(Refused::RefundExceedsSettlement)?;
    let mut spender = Spender::known(neighbours, terms.user, context)?;
    let charged_at = if spender.is_charged_at_permission() { *redeemed_at } else { *at };
    spender.refund(amount, charged_at);
    spender.take_back_points(left, left_after);
    Ok(spender.with(Event::Refunded { amount, currency, total }))
}
