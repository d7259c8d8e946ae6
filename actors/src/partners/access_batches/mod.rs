//! Batches of access-log lines: a node's operator has some certified, and the node hands them to the other party of the contract,
//! which checks the certificate, line by line, before it keeps them.

mod decide;
mod prepare;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::partners::access_batches::{
    AccessBatch, Batch, Call as Wanted, Due, Event, NAMES, id_of, key_of, unmask,
};
use kippu_events::partners::contracts::Contract;
use kippu_events::secrets::Secrets;
use kippu_events::{Entity as _, EntityId, EntityKey};
use serde_json::json;

use self::decide::{CALL, attempt};
use self::refusal::Refused;
use self::request::{Announce, Command, Open, Reply, Request};
use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::partners::signed;
use crate::problem::{Problem, ProblemType};
use crate::text::Text;

impl Actor for AccessBatch {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    // Names are encrypted under a key that may have to be made.
    fn is_slow(request: &Request) -> bool {
        matches!(request, Request::Open(_))
    }

    fn lookups(request: &Request) -> Vec<EntityKey> {
        let (contract, certificate) = match request {
            Request::Open(Open { contract, certificate, .. }) => (Some(*contract), certificate.as_ref()),
            Request::Announce(Announce { certificate }) => {
                let claimed = prepare::claimed(certificate.as_str()).ok();
                (claimed.map(|(_, claimed)| claimed.contract), Some(certificate))
            }
            Request::Call(_) => return Vec::new(),
        };
        let key = signed::lookup(certificate.map(Text::as_str));
        key.into_iter().chain(contract.map(EntityKey::of::<Contract>)).collect()
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(open) => Ok(prepare::id(open, prepare::writer(call, secrets)?)?),
            Request::Announce(announce) => {
                let (writer, certificate) = prepare::claimed(announce.certificate.as_str())?;
                Ok(id_of(certificate.contract, writer, &certificate))
            }
            Request::Call(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        match request {
            Request::Open(open) => prepare::certified(open, with),
            Request::Announce(announce) => Ok(prepare::announced(&announce, with)?),
            Request::Call(_) => {
                let caller = &with.call.caller;
                Ok(Command::Call { by: caller.party().filter(|_| caller.is_peer()) })
            }
        }
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let key = match command {
            Command::Certify { key, .. } | Command::Announce { key, .. } => key.as_ref(),
            Command::Call { .. } | Command::CameOf { .. } => None,
        };
        if key.is_some_and(|key| !key.counts_at(context.now)) {
            return Err(Refused::NotGenuine.into());
        }
        Ok(Decision::one(decide::event(self, command)?))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Certified { batch, .. }) => {
                let (certificate, root) = (batch.signed.clone(), batch.certificate.root.clone());
                Answer::created(&Reply { id, root: Some(root), certificate: Some(certificate) })
            }
            Some(Event::Announced { .. } | Event::Called { .. } | Event::HandedOver {} | Event::Refused { .. }) => {
                Answer::ok(&Reply { id, root: None, certificate: None })
            }
            None => Answer::unanswerable(),
        }
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        match self {
            Self::Owed { to, since, what, .. } => Some(Owed { to: *to, attempt: attempt(*what), since: *since }),
            Self::Announced { writer, call: Wanted::Owed(since), .. } => {
                Some(Owed { to: *writer, attempt: CALL, since: *since })
            }
            Self::Absent | Self::Held { .. } | Self::Announced { .. } | Self::Kept { .. } => None,
        }
    }

    fn work(&self, id: EntityId, secrets: &Secrets) -> Option<Work> {
        let family = Self::FAMILY.name();
        let (batch, what) = match self {
            Self::Owed { batch, what, .. } => (batch, what),
            Self::Announced { call: Wanted::Owed(_), .. } => {
                return Some(Work::Command { path: format!("/v1/{family}/{id}/call"), body: b"{}".to_vec() });
            }
            Self::Absent | Self::Held { .. } | Self::Announced { .. } | Self::Kept { .. } => return None,
        };
        let Batch { contract, certificate, signed, format, directives, encoding, text, day, names, .. } = &***batch;
        if *what == Due::Certificate {
            let body = json!({ "certificate": signed });
            return Some(Work::Command { path: format!("/v1/{family}/announce"), body: body.to_string().into_bytes() });
        }
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
        Some(Work::Command { path: format!("/v1/{family}"), body: body.to_string().into_bytes() })
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        let refusal = (!outcome.is_done()).then(|| outcome.refusal());
        // What the other party has already, it need not be given again.
        let refusal = refusal.filter(|slug| slug != refusal::KNOWN_SLUG);
        Ok(Command::CameOf { attempt, refusal })
    }
}
