//! The rules of approvals. What an approval holds of its user's limit is in every phase either reserved, charged or free
//! again, and the event that moves it lies in the same record as the approval's own.

use kippu_events::EntityId;
use kippu_events::access::clients::Role;
use kippu_events::access::users::{self, Account, Charging, User};
use kippu_events::approvals::{Approval, Event, RedeemRefusal, RequestRefusal, Terms};
use kippu_events::money::{Currency, Minor};

use super::refusal::Refused;
use super::request::Asked;
use crate::access::users::pin::{self, Check};
use crate::actor::{Context, Decision, Neighbours};

/// The number of an approval's only token.
pub(super) const TOKEN: u32 = 0;

/// Whether the purchase is approved. No is on record too.
pub(super) fn open(
    asked: &Asked,
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    let terminal = context.caller.party().ok_or(Refused::NotAClient)?;
    let refused = |reason| {
        Decision::one(Event::Refused {
            user: asked.user,
            amount: asked.amount,
            currency: asked.currency,
            purchase: asked.purchase.clone(),
            reason,
        })
    };
    // An unknown user, one without a PIN and a wrong PIN are one case to the caller: who is registered is nobody's business.
    let Some(User::Registered(account)) = neighbours.get::<User>(asked.user) else {
        return Ok(refused(RequestRefusal::NotIdentified));
    };
    let pin_event = match asked.pin.as_ref().map(|offered| pin::check(account, offered, context.now)) {
        None => None, // the terminal stores the identification
        Some(Check::Right(event)) => event,
        Some(Check::Wrong(event)) => {
            return Ok(refused(RequestRefusal::NotIdentified).and::<User>(asked.user, event));
        }
        Some(Check::NoPin) => return Ok(refused(RequestRefusal::NotIdentified)),
        Some(Check::Locked) => return Ok(refused(RequestRefusal::PinLocked)),
    };
    let decision = match permitted(account, asked) {
        Err(reason) => refused(reason),
        Ok(()) => Decision::one(Event::Issued {
            user: asked.user,
            terminal,
            amount: asked.amount,
            currency: asked.currency,
            purchase: asked.purchase.clone(),
            expires_at: context.now.after(asked.expires_in),
            token: asked.token.clone(),
            limit: account.limit,
            used: account.used(),
        })
        .and::<User>(asked.user, users::Event::AmountReserved { approval: context.id, amount: asked.amount }),
    };
    Ok(match pin_event {
        None => decision,
        Some(event) => decision.and::<User>(asked.user, event),
    })
}

/// The policy: the user's own limit, counting what is reserved like what is charged, so that approvals that are open at
/// the same time cannot exceed it together.
fn permitted(account: &Account, asked: &Asked) -> Result<(), RequestRefusal> {
    if asked.currency != account.currency {
        return Err(RequestRefusal::CurrencyMismatch);
    }
    if asked.amount > account.available() {
        return Err(RequestRefusal::LimitExceeded);
    }
    Ok(())
}

/// Whether the payment is permitted to the settler that presents the token. No is on record too.
pub(super) fn redeem(
    approval: &Approval,
    (root_key, counter): (u32, u32),
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    let settler = context.caller.party().ok_or(Refused::NotAClient)?;
    let its_token = approval.terms().is_some_and(|terms| terms.root_key == root_key && counter == TOKEN);
    if !its_token {
        return Err(Refused::TokenNotValid);
    }
    let refused = |reason| Ok(Decision::one(Event::RedeemRefused { settler, reason }));
    match approval {
        Approval::Absent | Approval::Refused => Err(Refused::TokenNotValid),
        Approval::Issued(terms) if context.now < terms.expires_at => {
            let redeemed = Decision::one(Event::Redeemed { settler, amount: terms.amount, currency: terms.currency });
            Ok(match account(neighbours, terms)?.charging {
                Charging::AtSettlement => redeemed,
                Charging::AtPermission => redeemed.and::<User>(terms.user, charged(context.id, terms, terms.amount)),
            })
        }
        // The deadline may be late; the time is over all the same.
        Approval::Issued(_) | Approval::Expired(_) => refused(RedeemRefusal::Expired),
        Approval::Redeemed { .. } | Approval::Settled { .. } => refused(RedeemRefusal::AlreadyRedeemed),
        Approval::Revoked { .. } => refused(RedeemRefusal::Revoked),
    }
}

/// Whether the settler's price is settled.
pub(super) fn settle(
    approval: &Approval,
    (amount, currency): (Minor, Currency),
    neighbours: Neighbours<'_>,
    context: &Context,
) -> Result<Decision<Approval>, Refused> {
    let caller = context.caller.party().ok_or(Refused::NotAClient)?;
    if approval.settler() != Some(caller) {
        return Err(Refused::NotYours);
    }
    let (terms, settler) = match approval {
        Approval::Redeemed { terms, settler } => (terms, *settler),
        Approval::Settled { .. } => return Err(Refused::AlreadySettled),
        Approval::Revoked { .. } => return Err(Refused::Revoked),
        Approval::Absent | Approval::Refused | Approval::Issued(_) | Approval::Expired(_) => {
            return Err(Refused::NotYours);
        }
    };
    if currency != terms.currency {
        return Err(Refused::CurrencyMismatch);
    }
    let rest = terms.amount.minus(amount).ok_or(Refused::AmountExceedsApproval)?;
    let settled = Decision::one(Event::Settled { settler, amount, currency });
    Ok(match account(neighbours, terms)?.charging {
        Charging::AtSettlement => settled.and::<User>(terms.user, charged(context.id, terms, amount)),
        Charging::AtPermission if rest == Minor::ZERO => settled,
        Charging::AtPermission => settled.and::<User>(terms.user, refunded(context.id, rest)),
    })
}

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
        Approval::Issued(terms) => Ok(Decision::one(Event::Revoked {})
            .and::<User>(terms.user, users::Event::AmountReleased { approval: context.id, amount: terms.amount })),
        Approval::Redeemed { settler, .. } if !is(*settler) => Err(Refused::AlreadyRedeemed),
        Approval::Redeemed { terms, .. } => {
            let back = match account(neighbours, terms)?.charging {
                Charging::AtSettlement => users::Event::AmountReleased { approval: context.id, amount: terms.amount },
                Charging::AtPermission => refunded(context.id, terms.amount),
            };
            Ok(Decision::one(Event::Revoked {}).and::<User>(terms.user, back))
        }
        Approval::Settled { .. } => Err(Refused::AlreadySettled),
        Approval::Expired(_) => Err(Refused::Expired),
        Approval::Revoked { .. } => Err(Refused::Revoked),
    }
}

/// Its time is over.
pub(super) fn expire(approval: &Approval, context: &Context) -> Result<Decision<Approval>, Refused> {
    match approval {
        Approval::Issued(terms) if terms.expires_at <= context.now => Ok(Decision::one(Event::Expired {})
            .and::<User>(terms.user, users::Event::AmountReleased { approval: context.id, amount: terms.amount })),
        Approval::Absent
        | Approval::Refused
        | Approval::Issued(_)
        | Approval::Redeemed { .. }
        | Approval::Settled { .. }
        | Approval::Expired(_)
        | Approval::Revoked { .. } => Err(Refused::NotDue),
    }
}

fn account<'a>(neighbours: Neighbours<'a>, terms: &Terms) -> Result<&'a Account, Refused> {
    match neighbours.get::<User>(terms.user) {
        Some(User::Registered(account)) => Ok(account),
        Some(User::Absent) | None => Err(Refused::UserMissing),
    }
}

const fn charged(approval: EntityId, terms: &Terms, amount: Minor) -> users::Event {
    users::Event::AmountCharged { approval, reserved: terms.amount, amount }
}

const fn refunded(approval: EntityId, amount: Minor) -> users::Event {
    users::Event::AmountRefunded { approval, amount }
}
