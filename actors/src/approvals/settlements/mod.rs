//! Settlements: an approval is presented, the issuer is asked, the shop delivers, the price is settled, the issuer is told.
//!
//! ```text
//! presented ─(issuer: redeem)─▶ permitted ─(shop: deliver)─▶ contents named ─(shop: each content)─▶ held
//!     │                            │                              │
//!     └── no, too late, called off ┴──────────────────────────────┴──▶ releasing ─(issuer: release)─▶ over
//!
//! held ─ settle first ──▶ settled ─(issuer: payment notice)─▶ noticed ─(issuer: refund)─▶ refunded ─(shop: refunded)─▶ …
//! held ─ deliver first ─▶ available ─▶ received ─▶ settled, or not received in time: releasing
//! ```
//!
//! The id follows from the approval's token, so whoever presents it a second time meets the settlement that is there. What is
//! settled was permitted in time; what was permitted and not settled is released, until that is done.

mod answers;
mod decide;
mod outcome;
mod owing;
mod prepare;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::approvals::settlements::{Event, Settlement};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, EntityKey, Time};
use serde_json::Value;

use self::refusal::Refused;
use self::request::{Came, Command, Located, Open, Received, Refund, Reply, Request, State};
use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

/// What a token is looked up under: an approval has one settlement here, whoever presents it.
const REALM: &str = "approval";

impl Actor for Settlement {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn lookups(request: &Request) -> Vec<EntityKey> {
        match request {
            Request::Open(open) => prepare::lookups(open),
            Request::Received(_) | Request::Collect(_) | Request::Cancel(_) | Request::Refund(_) => Vec::new(),
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(Open { token, .. }) => Ok(secrets.login_id(REALM, token.as_str())),
            Request::Received(_) | Request::Collect(_) | Request::Cancel(_) | Request::Refund(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        Ok(match request {
            Request::Open(open) => Command::Open(Box::new(prepare::open(open, with)?)),
            Request::Received(Received { contents }) => Command::Received(contents),
            Request::Collect(_) => Command::Collect,
            Request::Cancel(_) => Command::Cancel,
            Request::Refund(Refund { amount }) if amount.units() == 0 => return Err(Refused::RefundOfNothing.into()),
            Request::Refund(Refund { amount }) => Command::Refund(amount),
        })
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match (self, command) {
            (Self::Absent, Command::Open(asked)) => decide::open(asked, context),
            (Self::Open(_) | Self::Releasing(_) | Self::Settled(_) | Self::Over(_), Command::Open(_)) => {
                Err(Refused::AlreadyPresented)
            }
            (state, Command::Received(named)) => return Ok(decide::received(state, named.as_deref(), context)?),
            (state, Command::Collect) => decide::collect(state, context),
            (state, Command::Cancel) => decide::cancel(state, context),
            (state, Command::Refund(amount)) => decide::refund(state, *amount),
            (state, Command::CameOf(came)) => return Ok(outcome::came_of(state, came, context)?),
            (state, Command::TimeUp) => outcome::time_up(state, context),
        };
        Ok(Decision::one(event?))
    }

    fn answer(id: EntityId, own: &[Event], secrets: &Secrets) -> Answer {
        let Some(event) = own.first() else { return Answer::unanswerable() };
        match event {
            Event::Presented { capability, .. } => Answer::created(&Reply {
                capability: secrets.capability_token(capability.key, EntityKey::of::<Self>(id), prepare::CAPABILITY),
                ..Reply::plain(id, Some(State::Presented))
            }),
            Event::Received { contents } => {
                let settled = own.get(1).is_some_and(|event| matches!(event, Event::Settled { .. }));
                let state = settled.then_some(State::Settled);
                Answer::ok(&Reply { received: Some(contents.clone()), ..Reply::plain(id, state) })
            }
            Event::HandedOver { offer, shop_url, contents, capability } => {
                let located = contents.iter().map(|content| Located {
                    url: format!("{shop_url}/v1/offers/{offer}/content/{}", content.n),
                    content: content.clone(),
                });
                Answer::ok(&Reply {
                    shop_capability: secrets
                        .decrypt_here(EntityKey::of::<Self>(id), owing::CAPABILITY, capability)
                        .ok(),
                    contents: Some(located.collect()),
                    ..Reply::plain(id, Some(State::Settled))
                })
            }
            Event::Settled { amount, currency, .. } => Answer::ok(&Reply {
                amount: Some(*amount),
                currency: Some(*currency),
                ..Reply::plain(id, Some(State::Settled))
            }),
            Event::RefundOrdered { amount } => {
                Answer::ok(&Reply { amount: Some(*amount), ..Reply::plain(id, Some(State::Settled)) })
            }
            Event::Cancelled { .. } => Answer::ok(&Reply::plain(id, Some(State::Cancelled))),
            // What the node itself has done, and nobody is told.
            Event::Permitted { .. }
            | Event::Offered { .. }
            | Event::ContentsNamed { .. }
            | Event::ContentHeld { .. }
            | Event::Available { .. }
            | Event::Noticed { .. }
            | Event::Refused { .. }
            | Event::TimedOut { .. }
            | Event::Released { .. }
            | Event::Refunded { .. }
            | Event::RefundRefused { .. }
            | Event::RefundTold { .. } => Answer::ok(&Reply::plain(id, None)),
        }
    }

    fn due(&self) -> Option<(Time, Command)> {
        decide::due(self).map(|time| (time, Command::TimeUp))
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        let owing::Owing { to, step, .. } = owing::owing(self)?;
        Some(Owed { to, attempt: step.attempt, since: step.since })
    }

    fn work(&self, id: EntityId, secrets: &Secrets) -> Option<Work> {
        owing::work(id, &owing::owing(self)?.errand, secrets)
    }

    fn came_of(attempt: u32, outcome: Outcome, id: EntityId, secrets: &Secrets) -> Result<Command, Problem> {
        let (outcome, capability) = without_capability(outcome);
        let encrypt = |text: String| {
            let encrypted = secrets.encrypt_here(EntityKey::of::<Self>(id), owing::CAPABILITY, &text);
            encrypted.map_err(|_| Problem::from(Refused::NotEncrypted))
        };
        let capability = capability.map(encrypt).transpose()?;
        Ok(Command::CameOf(Came { attempt, outcome, capability }))
    }
}

/// The answer without the capability in it, and that.
fn without_capability(outcome: Outcome) -> (Outcome, Option<String>) {
    let Some(Value::Object(mut answer)) = outcome.answer() else { return (outcome, None) };
    let Some(Value::String(capability)) = answer.remove("capability") else { return (outcome, None) };
    (Outcome { body: Value::Object(answer).to_string().into_bytes(), ..outcome }, Some(capability))
}
