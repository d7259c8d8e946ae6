//! Purchase approvals: a terminal asks within its user's limit, one settler redeems the token once, the price is settled.
//!
//! ```text
//!            ┌─ refused
//! (asked) ───┤              ┌─ expired
//!            └─ issued ─────┼─ revoked
//!                           └─ redeemed ──┬─ revoked
//!                            (one settler)└─ settled
//! ```
//!
//! An approval is born in its user's slot, so that "within the limit" and "only once" are one decision and one record.

mod decide;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use std::time::Duration;

use kippu_events::access::users::User;
use kippu_events::approvals::{Approval, Event, Purchase};
use kippu_events::secrets::{Bearer, Purpose, Secrets};
use kippu_events::{Entity as _, EntityId, EntityKey, Time};

use self::refusal::Refused;
use self::request::{
    Asked, Command, MOST_DESCRIPTION_CHARS, MOST_EXPIRES_IN_SECS, Open, Redeem, Reply, Request, Revoke, Settle, State,
};
use crate::access::users;
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};
use crate::text::Text;

impl Actor for Approval {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn is_slow(request: &Request) -> bool {
        match request {
            // A PIN is hashed slowly on purpose.
            Request::Open(open) => open.identification.is_some(),
            Request::Redeem(_) | Request::Settle(_) | Request::Revoke(_) => false,
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(open) => {
                let user = user_of(open, call, secrets)?;
                // In the slot of its user, so that limit and one-time are one decision.
                Ok(secrets.entity_id(Self::FAMILY, &call.caller.principal, &call.key).in_slot(user.slot()))
            }
            Request::Redeem(Redeem { token }) => Ok(bearer_of(token.as_str(), secrets)?.entity),
            Request::Settle(_) | Request::Revoke(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        match request {
            Request::Open(open) => Ok(prepare_open(open, with)?),
            Request::Redeem(Redeem { token }) => {
                let bearer = bearer_of(token.as_str(), with.secrets)?;
                Ok(Command::Redeem { root_key: bearer.key, counter: bearer.counter })
            }
            Request::Settle(Settle { amount, currency }) => Ok(Command::Settle { amount, currency }),
            Request::Revoke(Revoke {}) => Ok(Command::Revoke),
        }
    }

    fn neighbours(&self, command: &Command, _context: &Context) -> Vec<EntityKey> {
        let user = match command {
            Command::Open(asked) => Some(asked.user),
            Command::Redeem { .. } | Command::Settle { .. } | Command::Revoke | Command::Expire => {
                self.terms().map(|terms| terms.user)
            }
        };
        user.map(EntityKey::of::<User>).into_iter().collect()
    }

    fn decide(
        &self,
        command: &Command,
        neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let decided = match (self, command) {
            (Self::Absent, Command::Open(asked)) => decide::open(asked, neighbours, context),
            (
                Self::Refused
                | Self::Issued(_)
                | Self::Redeemed { .. }
                | Self::Settled { .. }
                | Self::Expired(_)
                | Self::Revoked { .. },
                Command::Open(_),
            ) => Err(Refused::Exists),
            (approval, Command::Redeem { root_key, counter }) => {
                decide::redeem(approval, (*root_key, *counter), neighbours, context)
            }
            (approval, Command::Settle { amount, currency }) => {
                decide::settle(approval, (*amount, *currency), neighbours, context)
            }
            (approval, Command::Revoke) => decide::revoke(approval, neighbours, context),
            (approval, Command::Expire) => decide::expire(approval, context),
        };
        Ok(decided?)
    }

    fn answer(id: EntityId, own: &[Event], secrets: &Secrets) -> Answer {
        let Some(event) = own.first() else { return Answer::unanswerable() };
        match event {
            Event::Issued { amount, currency, purchase, expires_at, token, .. } => Answer::created(&Reply {
                amount: Some(*amount),
                currency: Some(*currency),
                purchase: Some(purchase.clone()),
                expires_at: Some(*expires_at),
                token: secrets.token(Purpose::Approval, token.key, id, decide::TOKEN),
                ..Reply::plain(id, State::Issued)
            }),
            Event::Refused { reason, .. } => Answer::Refused(Refused::from(*reason).into()),
            Event::Redeemed { settler, amount, currency } => Answer::ok(&Reply {
                amount: Some(*amount),
                currency: Some(*currency),
                settler: Some(*settler),
                ..Reply::plain(id, State::Redeemed)
            }),
            Event::RedeemRefused { reason, .. } => Answer::Refused(Refused::from(*reason).into()),
            Event::Settled { settler, amount, currency } => Answer::ok(&Reply {
                settled_amount: Some(*amount),
                currency: Some(*currency),
                settler: Some(*settler),
                ..Reply::plain(id, State::Settled)
            }),
            Event::Expired {} => Answer::ok(&Reply::plain(id, State::Expired)),
            Event::Revoked {} => Answer::ok(&Reply::plain(id, State::Revoked)),
        }
    }

    fn due(&self) -> Option<(Time, Command)> {
        match self {
            Self::Issued(terms) => Some((terms.expires_at, Command::Expire)),
            Self::Absent
            | Self::Refused
            | Self::Redeemed { .. }
            | Self::Settled { .. }
            | Self::Expired(_)
            | Self::Revoked { .. } => None,
        }
    }
}

/// What a genuine token says.
fn bearer_of(token: &str, secrets: &Secrets) -> Result<Bearer, Refused> {
    secrets.verify(Purpose::Approval, token).map_err(|_| Refused::TokenNotValid)
}

/// Whose limit is asked for: the caller's own user, or the one who is identified.
fn user_of(open: &Open, call: &Call, secrets: &Secrets) -> Result<EntityId, Refused> {
    match (call.caller.user, &open.identification) {
        (Some(user), None) => Ok(user),
        (Some(_), Some(_)) => Err(Refused::IdentificationStored),
        (None, None) => Err(Refused::IdentificationMissing),
        (None, Some(typed)) => Ok(users::id_of(typed.realm.as_ref(), &typed.login, secrets)),
    }
}

fn prepare_open(open: Open, with: &Preparing<'_>) -> Result<Command, Refused> {
    let Preparing { id, call, secrets, .. } = *with;
    let user = user_of(&open, call, secrets)?;
    let Open { amount, currency, purchase, expires_in_secs, identification } = open;
    if !(1..=MOST_EXPIRES_IN_SECS).contains(&expires_in_secs) {
        return Err(Refused::Expiry);
    }
    let purchase = checked(purchase)?;
    // Whether or not there is such a user, so that the time it takes tells nothing.
    let pin = identification.map(|typed| secrets.pin_verifier(user, typed.pin.as_str()));
    let token = secrets.token_hash(Purpose::Approval, id, decide::TOKEN);
    let expires_in = Duration::from_secs(expires_in_secs.into());
    Ok(Command::Open(Asked { user, pin, amount, currency, purchase, expires_in, token }))
}

fn checked(purchase: Purchase) -> Result<Purchase, Refused> {
    match purchase.description.map(Text::<MOST_DESCRIPTION_CHARS>::try_from).transpose() {
        Ok(description) => Ok(Purchase { description: description.map(String::from), ..purchase }),
        Err(_) => Err(Refused::Description),
    }
}
