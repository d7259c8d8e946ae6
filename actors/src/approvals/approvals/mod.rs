//! Purchase approvals: a terminal asks within its user's limit, one settler redeems the token once, the price is settled.
//!
//! ```text
//!                  ┌─ refused
//! (asked) ─┬───────┤              ┌─ expired
//!          └ pending ┴─ issued ───┼─ revoked, released
//!      (reference asked)          └─ redeemed ──┬─ revoked, released
//!                                  (one settler)└─ settled (refunded in parts)
//! ```
//!
//! An approval is born in its user's slot, so that "within the limit" and "only once" are one decision and one record.

mod collect;
mod ends;
mod inquiry;
mod open;
mod prepare;
mod redeem;
pub mod refusal;
pub mod reply;
pub mod request;
mod settle;
mod spender;
#[cfg(test)]
mod tests;

use kippu_events::access::challenges::Challenge;
use kippu_events::access::users::User;
use kippu_events::approvals::offer_content::MOST_ITEMS;
use kippu_events::approvals::{Approval, Channel, Event, Named};
use kippu_events::money::Minor;
use kippu_events::secrets::{Purpose, Secrets};
use kippu_events::{Entity as _, EntityId, EntityKey, Time};

pub use self::open::REFERENCE_TIME;
use self::prepare::bearer_of;
use self::refusal::Refused;
use self::reply::{Reply, State};
use self::request::{Command, Presented, Redeem, Refund, Release, Request, Settle, Settlement};
use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

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
            Request::Collect(_)
            | Request::Redeem(_)
            | Request::Settle(_)
            | Request::Refund(_)
            | Request::Release(_)
            | Request::Revoke(_) => false,
        }
    }

    fn lookups(request: &Request) -> Vec<EntityKey> {
        match request {
            Request::Open(open) => prepare::lookups(open),
            Request::Collect(_)
            | Request::Redeem(_)
            | Request::Settle(_)
            | Request::Refund(_)
            | Request::Release(_)
            | Request::Revoke(_) => Vec::new(),
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(open) => {
                let slot = prepare::slot_of(open, call, secrets)?;
                // In the slot of its user, so that limit and one-time are one decision.
                Ok(secrets.entity_id(Self::FAMILY, &call.caller.principal, &call.key).in_slot(slot))
            }
            Request::Redeem(Redeem { token, .. }) | Request::Release(Release { token }) => {
                Ok(bearer_of(token.as_str(), secrets)?.entity)
            }
            Request::Collect(_) | Request::Settle(_) | Request::Refund(_) | Request::Revoke(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        let presented = |token: &str| {
            let bearer = bearer_of(token, with.secrets)?;
            Ok::<_, Refused>(Presented { root_key: bearer.key, counter: bearer.counter })
        };
        match request {
            Request::Open(open) => Ok(prepare::open(open, with)?),
            Request::Collect(_) => Ok(Command::Collect),
            Request::Redeem(Redeem { token, offer_sha256, amount, currency }) => {
                let named = Named { offer_sha256: offer_sha256.map(String::from), amount, currency };
                Ok(Command::Redeem { token: presented(token.as_str())?, named })
            }
            Request::Settle(Settle { amount, currency, settled_at, contents }) => {
                if contents.len() > MOST_ITEMS {
                    return Err(Refused::Contents.into());
                }
                let contents = contents.into_iter().map(String::from).collect();
                Ok(Command::Settle(Settlement { amount, currency, settled_at, contents }))
            }
            Request::Refund(Refund { amount: Minor::ZERO, .. }) => Err(Refused::Nothing.into()),
            Request::Refund(Refund { amount, currency }) => Ok(Command::Refund { amount, currency }),
            Request::Release(Release { token }) => Ok(Command::Release(presented(token.as_str())?)),
            Request::Revoke(_) => Ok(Command::Revoke),
        }
    }

    fn neighbours(&self, command: &Command, _context: &Context) -> Vec<EntityKey> {
        match command {
            Command::Open(asked) => {
                let challenge = asked.challenge.map(EntityKey::of::<Challenge>);
                std::iter::once(EntityKey::of::<User>(asked.user)).chain(challenge).collect()
            }
            Command::Collect => Vec::new(),
            Command::Redeem { .. }
            | Command::Settle(_)
            | Command::Refund { .. }
            | Command::Release(_)
            | Command::Revoke
            | Command::Expire
            | Command::GiveUp
            | Command::Inquired { .. } => {
                self.terms().map(|terms| EntityKey::of::<User>(terms.user)).into_iter().collect()
            }
        }
    }

    fn decide(
        &self,
        command: &Command,
        neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let decided = match command {
            Command::Open(_) if *self != Self::Absent => Err(Refused::Exists),
            Command::Open(asked) => open::open(asked, neighbours, context),
            Command::Collect => collect::collect(self, context),
            Command::Redeem { token, named } => redeem::redeem(self, (*token, named), neighbours, context),
            Command::Settle(settlement) => settle::settle(self, settlement, neighbours, context),
            Command::Refund { amount, currency } => settle::refund(self, (*amount, *currency), neighbours, context),
            Command::Release(token) => ends::release(self, *token, neighbours, context),
            Command::Revoke => ends::revoke(self, neighbours, context),
            Command::Expire => ends::expire(self, neighbours, context),
            Command::GiveUp => inquiry::give_up(self, neighbours, context),
            Command::Inquired { attempt, told, limit } => {
                inquiry::inquired(self, (*attempt, *told, *limit), neighbours, context)
            }
        };
        Ok(decided?)
    }

    fn answer(id: EntityId, own: &[Event], secrets: &Secrets) -> Answer {
        let Some(event) = own.first() else { return Answer::unanswerable() };
        let (plain, issuer) = (|state| Reply::plain(id, state), Some(secrets.party));
        let token = |key| secrets.token(Purpose::Approval, key, id, redeem::TOKEN);
        match event {
            Event::Pending { amount, currency, purchase, offer, .. } => Answer::created(
                &Reply {
                    issuer,
                    amount: Some(*amount),
                    currency: Some(*currency),
                    purchase: Some(purchase.clone()),
                    ..plain(State::Pending)
                }
                .of_offer(offer.as_deref()),
            ),
            Event::Issued { amount, currency, purchase, offer, channel, expires_at, token: hash, .. } => {
                Answer::created(
                    &Reply {
                        issuer,
                        amount: Some(*amount),
                        currency: Some(*currency),
                        purchase: Some(purchase.clone()),
                        expires_at: Some(*expires_at),
                        token: token(hash.key).filter(|_| *channel == Channel::Request),
                        ..plain(State::Issued)
                    }
                    .of_offer(offer.as_deref()),
                )
            }
            Event::Refused { reason, .. } => Answer::Refused(Refused::from(*reason).into()),
            Event::Collected { key, amount, currency, expires_at, offer, .. } => Answer::ok(
                &Reply {
                    issuer,
                    amount: Some(*amount),
                    currency: Some(*currency),
                    expires_at: Some(*expires_at),
                    token: token(*key),
                    ..plain(State::Issued)
                }
                .of_offer(offer.as_deref()),
            ),
            Event::Redeemed { settler, amount, currency, offer } => Answer::ok(
                &Reply {
                    amount: Some(*amount),
                    currency: Some(*currency),
                    settler: Some(*settler),
                    ..plain(State::Redeemed)
                }
                .to_settler(offer.as_deref()),
            ),
            Event::RedeemRefused { reason, .. } => Answer::Refused(Refused::from(*reason).into()),
            Event::Settled { settler, amount, currency, .. } => Answer::ok(&Reply {
                settled_amount: Some(*amount),
                currency: Some(*currency),
                settler: Some(*settler),
                ..plain(State::Settled)
            }),
            Event::Refunded { currency, total, .. } => {
                Answer::ok(&Reply { refunded_amount: Some(*total), currency: Some(*currency), ..plain(State::Settled) })
            }
            Event::Expired {} => Answer::ok(&plain(State::Expired)),
            Event::Revoked {} => Answer::ok(&plain(State::Revoked)),
            Event::Released { settler } => Answer::ok(&Reply { settler: Some(*settler), ..plain(State::Released) }),
        }
    }

    fn due(&self) -> Option<(Time, Command)> {
        match self {
            Self::Pending(pending) => Some((pending.terms.expires_at, Command::GiveUp)),
            Self::Issued(terms) => Some((terms.expires_at, Command::Expire)),
            Self::Absent
            | Self::Refused
            | Self::Redeemed { .. }
            | Self::Settled { .. }
            | Self::Expired(_)
            | Self::Revoked { .. }
            | Self::Released { .. } => None,
        }
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        match self {
            Self::Pending(pending) => Some(inquiry::owed(pending)),
            Self::Absent
            | Self::Refused
            | Self::Issued(_)
            | Self::Redeemed { .. }
            | Self::Settled { .. }
            | Self::Expired(_)
            | Self::Revoked { .. }
            | Self::Released { .. } => None,
        }
    }

    fn work(&self, _id: EntityId, secrets: &Secrets) -> Option<Work> {
        match self {
            Self::Pending(pending) => inquiry::work(pending, secrets),
            Self::Absent
            | Self::Refused
            | Self::Issued(_)
            | Self::Redeemed { .. }
            | Self::Settled { .. }
            | Self::Expired(_)
            | Self::Revoked { .. }
            | Self::Released { .. } => None,
        }
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        Ok(inquiry::came_of(attempt, &outcome))
    }
}
