//! Whether the token is given to who asks for it.

use kippu_events::approvals::{Approval, Event};

use super::refusal::Refused;
use crate::actor::{Context, Decision};

/// It is for who stands for the user: the terminal that asked, one that stores the user's identification, and the user.
pub(super) fn collect(approval: &Approval, context: &Context) -> Result<Decision<Approval>, Refused> {
    let terms = approval.terms().ok_or(Refused::NotYours)?;
    let caller = &context.caller;
    if caller.user != Some(terms.user) && caller.party() != Some(terms.terminal) {
        return Err(Refused::NotYours);
    }
    match approval {
        Approval::Absent | Approval::Refused => Err(Refused::NotYours),
        Approval::Pending(_) => Err(Refused::Pending),
        Approval::Issued(terms) if context.now < terms.expires_at => Ok(Decision::one(Event::Collected {
            by: caller.principal,
            key: terms.root_key,
            amount: terms.amount,
            currency: terms.currency,
            expires_at: terms.expires_at,
            offer: terms.offer.clone(),
        })),
        Approval::Issued(_) | Approval::Expired(_) => Err(Refused::Expired),
        Approval::Redeemed { .. } | Approval::Settled { .. } => Err(Refused::AlreadyRedeemed),
        Approval::Revoked { .. } => Err(Refused::Revoked),
        Approval::Released { .. } => Err(Refused::Released),
    }
}
