//! Batches of access-log lines: a node's operator has some certified, and the node hands them to the other party of the contract,
//! which checks the certificate, line by line, before it keeps them.

mod prepare;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::partners::access_batches::{AccessBatch, Batch, Event, NAMES, key_of, unmask};
use kippu_events::partners::contracts::Contract;
use kippu_events::secrets::Secrets;
use kippu_events::{Entity as _, EntityId, EntityKey};
use serde_json::json;

use self::refusal::Refused;
use self::request::{Command, Open, Reply, Request};
use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::partners::signed;
use crate::problem::{Problem, ProblemType};
use crate::text::Text;

/// A batch is handed over once.
const ATTEMPT: u32 = 0;

impl Actor for AccessBatch {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    // Names are encrypted under a key that may have to be made.
    fn is_slow(_request: &Request) -> bool {
        true
    }

    fn lookups(request: &Request) -> Vec<EntityKey> {
        let Request::Open(Open { contract, certificate, .. }) = request;
        let key = signed::lookup(certificate.as_ref().map(Text::as_str));
        key.into_iter().chain([EntityKey::of::<Contract>(*contract)]).collect()
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        let Request::Open(open) = request;
        Ok(prepare::id(open, prepare::writer(call, secrets)?)?)
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        let Request::Open(open) = request;
        prepare::certified(open, with)
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match (self, command) {
            (Self::Absent, Command::Certify { batch, to, key }) => {
                if key.as_ref().is_some_and(|key| !key.counts_at(context.now)) {
                    return Err(Refused::NotGenuine.into());
                }
                Event::Certified { batch: batch.clone(), to: *to }
            }
            (Self::Owed { .. } | Self::Kept { .. }, Command::Certify { .. }) => return Err(Refused::Known.into()),
            (Self::Owed { .. }, Command::CameOf { attempt: ATTEMPT, refusal }) => match refusal {
                None => Event::HandedOver {},
                Some(reason) => Event::Refused { reason: reason.clone() },
            },
            (Self::Absent | Self::Owed { .. } | Self::Kept { .. }, Command::CameOf { .. }) => {
                return Err(Refused::NotDue.into());
            }
        };
        Ok(Decision::one(event))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Certified { batch, .. }) => {
                let (certificate, root) = (batch.signed.clone(), batch.certificate.root.clone());
                Answer::created(&Reply { id, root: Some(root), certificate: Some(certificate) })
            }
            Some(Event::HandedOver {} | Event::Refused { .. }) => {
                Answer::ok(&Reply { id, root: None, certificate: None })
            }
            None => Answer::unanswerable(),
        }
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        match self {
            Self::Owed { to, since, .. } => Some(Owed { to: *to, attempt: ATTEMPT, since: *since }),
            Self::Absent | Self::Kept { .. } => None,
        }
    }

    fn work(&self, _id: EntityId, secrets: &Secrets) -> Option<Work> {
        let Self::Owed { batch, .. } = self else { return None };
        let Batch { contract, certificate, signed, format, directives, encoding, text, day, names, .. } = &***batch;
        let names = secrets.decrypt(key_of(*contract, day), NAMES, names).ok()?;
        let names: Vec<String> = serde_json::from_str(&names).ok()?;
        let body = json!({
            "contract": contract,
            "source": certificate.source,
            "segment": certificate.segment,
            "offset": certificate.offset,
            "format": format,
            "directives": directives,
            "encoding": encoding,
            "text": unmask(text, &names).ok()?,
            "certificate": signed,
        });
        let path = format!("/v1/{}", Self::FAMILY.name());
        Some(Work::Command { path, body: body.to_string().into_bytes() })
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        let refusal = (!outcome.is_done()).then(|| outcome.refusal());
        // What the other party has already, it need not be given again.
        let refusal = refusal.filter(|slug| slug != refusal::KNOWN_SLUG);
        Ok(Command::CameOf { attempt, refusal })
    }
}
