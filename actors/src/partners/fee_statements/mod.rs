//! Statements of fees: the main site's operator signs what its node computed for a month, the partner site's operator signs the same or
//! says where its own differs. What is done at one node that node tells the other party's, with the party's signature.

mod decide;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::blobs::BlobId;
use kippu_events::partners::contracts::Contract;
use kippu_events::partners::fee_statements::{Event, FeeStatement, Phase, STATEMENT, Said, id_of};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, EntityKey};
use serde_json::{Value, json};

use self::refusal::Refused;
use self::request::{Command, Cosign, Dispute, Doing, MOST_DIFFERENCES, Open, Reply, Request, Signature};
use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::partners::signed;
use crate::problem::{Problem, ProblemType};
use crate::text::Text;

impl Actor for FeeStatement {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn lookups(request: &Request) -> Vec<EntityKey> {
        let (contract, given) = match request {
            Request::Open(Open { said, signed }) | Request::Cosign(Cosign { said, signed }) => {
                (said.contract, signed::lookup(signed.as_ref().map(Text::as_str)))
            }
            Request::Dispute(dispute) => (dispute.contract, None),
        };
        given.into_iter().chain([EntityKey::of::<Contract>(contract)]).collect()
    }

    fn named_blobs(request: &Request) -> Vec<BlobId> {
        match request {
            Request::Open(Open { said, signed: None }) | Request::Cosign(Cosign { said, signed: None }) => {
                vec![said.sha256]
            }
            // What the other party has signed, that party keeps.
            Request::Open(_) | Request::Cosign(_) | Request::Dispute(_) => Vec::new(),
        }
    }

    fn target(request: &Request, _call: &Call, _secrets: &Secrets) -> Result<EntityId, Problem> {
        Ok(match request {
            Request::Open(Open { said, .. }) | Request::Cosign(Cosign { said, .. }) => id_of(said.contract, said.month),
            Request::Dispute(Dispute { contract, month, .. }) => id_of(*contract, *month),
        })
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        let (own, caller) = (with.secrets.party, &with.call.caller);
        let here = !caller.is_peer();
        let by = if here { own } else { caller.party().ok_or(Refused::NotYours)? };
        let (contract, month) = match &request {
            Request::Open(Open { said, .. }) | Request::Cosign(Cosign { said, .. }) => (said.contract, said.month),
            Request::Dispute(Dispute { contract, month, .. }) => (*contract, *month),
        };
        let known = with.looked_up::<Contract>(contract).and_then(|(contract, _)| contract.known());
        let known = known.ok_or(Refused::NoContract)?;
        let (Some(side), Some(_)) = (known.side(by), known.side(own)) else { return Err(Refused::NotYours.into()) };
        let ends_at = known.month(month).map(|(.., whole)| whole.until).ok_or(Refused::NoTerms)?;
        let signed = |given: Option<Signature>, said: &Said| {
            let given = given.as_ref().map(Text::as_str);
            if given.is_some() == here {
                return Err(Refused::NotGenuine);
            }
            signed::statement(given, STATEMENT, said, by, with).ok_or(Refused::NotGenuine)
        };
        let (doing, key) = match request {
            Request::Open(Open { said, signed: given }) => {
                let (signed, key) = signed(given, &said)?;
                (Doing::Sign { main: known.main, partner: known.partner, said, signed, ends_at }, key)
            }
            Request::Cosign(Cosign { said, signed: given }) => {
                let (signed, key) = signed(given, &said)?;
                (Doing::Cosign { said, signed }, key)
            }
            Request::Dispute(Dispute { number, differences, reason, .. }) => {
                if differences.is_empty() || differences.len() > MOST_DIFFERENCES {
                    return Err(Refused::Differences.into());
                }
                let differences = differences.into_iter().map(Into::into).collect();
                (Doing::Dispute { number, differences, reason: reason.map(String::from) }, None)
            }
        };
        Ok(Command::Do { side, here, doing: Box::new(doing), key })
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match command {
            Command::Do { key: Some(key), .. } if !key.counts_at(context.now) => Err(Refused::NotGenuine),
            Command::Do { side, here, doing, .. } => decide::event(self, *side, *here, doing, context.now),
            Command::CameOf { attempt, refusal } => decide::came_of(self, *attempt, refusal.as_deref()),
        };
        Ok(Decision::one(event?))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Signed { said, signed, .. }) => {
                Answer::created(&Reply { id, number: Some(said.number), signed: Some(signed.clone()) })
            }
            Some(Event::Cosigned { said, signed, .. }) => {
                Answer::ok(&Reply { id, number: Some(said.number), signed: Some(signed.clone()) })
            }
            Some(Event::Disputed { number, .. }) => Answer::ok(&Reply { id, number: Some(*number), signed: None }),
            Some(Event::Told { .. } | Event::NotTold { .. }) => Answer::ok(&Reply { id, number: None, signed: None }),
            None => Answer::unanswerable(),
        }
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        let known = self.known()?;
        let (to, since) = known.untold?;
        Some(Owed { to, attempt: known.told, since })
    }

    fn work(&self, _id: EntityId, _secrets: &Secrets) -> Option<Work> {
        let known = self.known()?;
        let Said { contract, month, number, .. } = &known.said.0;
        let (path, body) = match &known.phase {
            Phase::Signed => ("/v1/fee-statements", with_signature(&known.said.0, &known.signed)?),
            Phase::Cosigned { said, signed } => ("/v1/fee-statements/cosign", with_signature(&said.0, signed)?),
            Phase::Disputed { differences, reason } => {
                let mut body =
                    json!({ "contract": contract, "month": month, "number": number, "differences": differences });
                if let Some(reason) = reason {
                    body["reason"] = json!(reason);
                }
                ("/v1/fee-statements/dispute", body)
            }
        };
        Some(Work::Command { path: path.to_owned(), body: body.to_string().into_bytes() })
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        Ok(Command::CameOf { attempt, refusal: (!outcome.is_done()).then(|| outcome.refusal()) })
    }
}

/// What was signed, with the signature, as the other party's node is sent it.
fn with_signature(said: &Said, signed: &str) -> Option<Value> {
    Some(json!({ "said": serde_json::to_value(said).ok()?, "signed": signed }))
}
