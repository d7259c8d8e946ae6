//! How an approval ends without being settled: taken back, let go of, or over.

use kippu_events::EntityId;
use kippu_events::access::clients::Role;
use kippu_events::approvals::{Approval, Event};
use kippu_events::money::Minor;

use super::redeem::{is_related, terms_of};
use super::refusal::Refused;
use super::request::Presented;
use super::spender::Spender;
use crate::actor::{Context, Decision, Neighbours};

/// Whether the approval is taken back: before its use by the operator or the terminal that asked for it, after its use by
/// the operator or the settler that used it.
pub(super) fn revoke(
    approval: &Approval,
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    let operator = context.caller.is_among(&[Role::Operator]);
    let caller = context.caller.party();
    let is = |party: EntityId| operator || caller == Some(party);
    let party = approval.terms().is_some_and(|terms| is(terms.terminal)) || approval.settler().is_some_and(is);
    if !operator && !party {
        return Err(Refused::NotYours);
    }
    match approval {
        Approval::Absent => Err(Refused::Unknown),
        Approval::Refused => Err(Refused::NeverIssued),
        Approval::Redeemed { settler, .. } if !is(*settler) => Err(Refused::AlreadyRedeemed),
        Approval::Pending(_) | Approval::Issued(_) | Approval::Redeemed { .. } => {
            undone(approval, Event::Revoked {}, neighbours, context)
        }
        Approval::Settled { .. } => Err(Refused::AlreadySettled),
        Approval::Expired(_) => Err(Refused::Expired),
        Approval::Revoked { .. } => Err(Refused::Revoked),
        Approval::Released { .. } => Err(Refused::Released),
    }
}

/// Whether a settler that holds the token lets go of it: before its use one that may use it, after it the one that did.
pub(super) fn release(
    approval: &Approval,
    token: Presented,
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    let settler = context.caller.party().ok_or(Refused::NotAClient)?;
    let terms = terms_of(approval, token)?;
    if !is_related(terms, settler) {
        return Err(Refused::OtherSettler);
    }
    match approval {
        Approval::Absent | Approval::Refused | Approval::Pending(_) => Err(Refused::TokenNotValid),
        Approval::Redeemed { settler: bound, .. } | Approval::Settled { settler: bound, .. } if *bound != settler => {
            Err(Refused::AlreadyRedeemed)
        }
        Approval::Issued(_) | Approval::Redeemed { .. } => {
            undone(approval, Event::Released { settler }, neighbours, context)
        }
        Approval::Settled { .. } => Err(Refused::AlreadySettled),
        Approval::Expired(_) => Err(Refused::Expired),
        Approval::Revoked { .. } => Err(Refused::Revoked),
        Approval::Released { .. } => Err(Refused::Released),
    }
}

/// Its time is over.
pub(super) fn expire(
    approval: &Approval,
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    match approval {
        Approval::Issued(terms) if terms.expires_at <= context.now => {
            undone(approval, Event::Expired {}, neighbours, context)
        }
        Approval::Absent
        | Approval::Refused
        | Approval::Pending(_)
        | Approval::Issued(_)
        | Approval::Redeemed { .. }
        | Approval::Settled { .. }
        | Approval::Expired(_)
        | Approval::Revoked { .. }
        | Approval::Released { .. } => Err(Refused::NotDue),
    }
}

/// Ends it by `event`, and frees what it holds of the limit.
fn undone(
    approval: &Approval,
    event: Event,
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    let terms = approval.terms().ok_or(Refused::Unknown)?;
    let mut spender = Spender::known(neighbours, terms.user, context)?;
    match approval {
        Approval::Pending(pending) if pending.reserved == Minor::ZERO => {}
        Approval::Redeemed { at, .. } if spender.is_charged_at_permission() => spender.refund(terms.amount, *at),
        Approval::Pending(_) | Approval::Issued(_) | Approval::Redeemed { .. } => spender.release(terms.amount),
        // These hold nothing.
        Approval::Absent
        | Approval::Refused
        | Approval::Settled { .. }
        | Approval::Expired(_)
        | Approval::Revoked { .. }
        | Approval::Released { .. } => {}
    }
    Ok(spender.with(event))
}
