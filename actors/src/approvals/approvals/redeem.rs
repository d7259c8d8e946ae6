//! Whether the payment is permitted to the settler that presents the token. No is on record too.

use kippu_events::EntityId;
use kippu_events::approvals::{Approval, Event, Named, RedeemRefusal, Terms};

use super::refusal::Refused;
use super::request::Presented;
use super::spender::Spender;
use crate::actor::{Context, Decision, Neighbours};

/// The number of an approval's only token.
pub(super) const TOKEN: u32 = 0;

/// What the token was given for, where it is this approval's.
pub(super) fn terms_of(approval: &Approval, token: Presented) -> Result<&Terms, Refused> {
    let its_own = |terms: &&Terms| terms.root_key == token.root_key && token.counter == TOKEN;
    approval.terms().filter(its_own).ok_or(Refused::TokenNotValid)
}

/// Whether the shop is related to this settler. Without an offer, every settler may.
pub(super) fn is_related(terms: &Terms, settler: EntityId) -> bool {
    terms.offer.as_ref().is_none_or(|offer| offer.settlers.contains(&settler))
}

pub(super) fn redeem(
    approval: &Approval,
    (token, named): (Presented, &Named),
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    let settler = context.caller.party().ok_or(Refused::NotAClient)?;
    let terms = terms_of(approval, token)?;
    let refused = |reason| Ok(Decision::one(Event::RedeemRefused { settler, reason, named: named.clone() }));
    if !is_related(terms, settler) {
        return refused(RedeemRefusal::OtherSettler);
    }
    match approval {
        // There is no token yet, or never was.
        Approval::Absent | Approval::Refused | Approval::Pending(_) => Err(Refused::TokenNotValid),
        Approval::Issued(terms) if context.now < terms.expires_at => {
            let mut spender = Spender::known(neighbours, terms.user, context)?;
            if spender.is_suspended {
                return refused(RedeemRefusal::UserSuspended);
            }
            if differs(terms, named) {
                return refused(RedeemRefusal::Differs);
            }
            if spender.is_charged_at_permission() {
                spender.charge(terms.amount, terms.amount);
            }
            let (amount, currency, offer) = (terms.amount, terms.currency, terms.offer.clone());
            Ok(spender.with(Event::Redeemed { settler, amount, currency, offer }))
        }
        // The deadline may be late; the time is over all the same.
        Approval::Issued(_) | Approval::Expired(_) => refused(RedeemRefusal::Expired),
        Approval::Redeemed { .. } | Approval::Settled { .. } => refused(RedeemRefusal::AlreadyRedeemed),
        Approval::Revoked { .. } => refused(RedeemRefusal::Revoked),
        Approval::Released { .. } => refused(RedeemRefusal::Released),
    }
}

/// Whether something else was approved than what is named. What is not named is not compared.
fn differs(terms: &Terms, named: &Named) -> bool {
    let offer = terms.offer.as_ref().map(|offer| &offer.sha256);
    named.offer_sha256.as_ref().is_some_and(|sha256| Some(sha256) != offer)
        || named.amount.is_some_and(|amount| amount != terms.amount)
        || named.currency.is_some_and(|currency| currency != terms.currency)
}
