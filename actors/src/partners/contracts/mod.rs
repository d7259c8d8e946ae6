//! Contracts: a main site proposes terms, its partner accepts or declines them, and either of the two ends the contract. Who decides
//! something at one node has that node tell the other party's, which decides the same again with the caller's signature in place of
//! its operator's key.

mod decide;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::access::Role;
use kippu_events::access::peers::Peer;
use kippu_events::partners::contracts::{Contract, Event, News, id_of};
use kippu_events::secrets::Secrets;
use kippu_events::statement::sha256;
use kippu_events::{EntityId, EntityKey};
use serde_json::json;

use self::refusal::Refused;
use self::request::{Accept, Command, Decline, Doing, End, Open, Reply, Request};
use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{self, Problem, ProblemType};

/// What terms hash to: SHA-256 of their JSON, in hexadecimal digits.
#[must_use]
pub fn hash_of(terms: &kippu_events::partners::contracts::Terms) -> String {
    // Plain structs of strings and numbers, whose serialisation cannot fail.
    sha256(&serde_json::to_string(terms).unwrap_or_default())
}

impl Actor for Contract {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn lookups(request: &Request) -> Vec<EntityKey> {
        match request {
            Request::Open(open) => vec![EntityKey::of::<Peer>(open.partner)],
            Request::Accept(_) | Request::Decline(_) | Request::End(_) => Vec::new(),
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match (request, call.caller.party()) {
            (Request::Open(_), Some(main)) if call.caller.is_peer() => Ok(id_of(main, secrets.party)),
            (Request::Open(open), _) => Ok(id_of(secrets.party, open.partner)),
            (Request::Accept(_) | Request::Decline(_) | Request::End(_), _) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        let caller = &with.call.caller;
        let (here, own) = (!caller.is_peer(), with.secrets.party);
        let by = if here { own } else { caller.party().ok_or(Refused::NotYours)? };
        let doing = match request {
            Request::Open(Open { partner, number, from, terms }) => {
                if !here && partner != own {
                    return Err(Refused::NotYours.into());
                }
                let is_partner = |peer: &Peer| peer.known().is_some_and(|it| it.roles().has(Role::PartnerSite));
                if here && !with.looked_up::<Peer>(partner).is_some_and(|(peer, _)| is_partner(peer)) {
                    return Err(Refused::NotAPartner.into());
                }
                if let Some(wrong) = terms.wrong().into_iter().next() {
                    return Err(Problem::new(&problem::INVALID_BODY, format!("terms{wrong}")));
                }
                let sha256 = hash_of(&terms);
                Doing::Propose { partner, number, from, terms, sha256 }
            }
            Request::Accept(Accept { number, sha256 }) => Doing::Accept { number, sha256: sha256.as_str().to_owned() },
            Request::Decline(Decline { number, reason }) => Doing::Decline { number, reason: reason.map(String::from) },
            Request::End(End { at }) => Doing::End { at },
        };
        Ok(Command::Do { by, here, doing })
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        _context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match command {
            Command::Do { by, here, doing } => decide::event(self, *by, *here, doing),
            Command::CameOf { attempt, refusal } => decide::came_of(self, *attempt, refusal.as_deref()),
        };
        Ok(Decision::one(event?))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Proposed { number, sha256, .. }) => {
                Answer::created(&Reply { id, number: Some(*number), sha256: Some(sha256.clone()) })
            }
            Some(Event::Accepted { number, .. } | Event::Declined { number, .. }) => {
                Answer::ok(&Reply { id, number: Some(*number), sha256: None })
            }
            Some(Event::Ended { .. } | Event::Told { .. } | Event::NotTold { .. }) => {
                Answer::ok(&Reply { id, number: None, sha256: None })
            }
            None => Answer::unanswerable(),
        }
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        let known = self.known()?;
        let (news, since) = *known.untold.first()?;
        Some(Owed { to: known.told_to(news), attempt: known.told, since })
    }

    fn work(&self, id: EntityId, _secrets: &Secrets) -> Option<Work> {
        let known = self.known()?;
        let (news, _) = *known.untold.first()?;
        let (path, body) = match news {
            News::Proposed(number) => {
                let version = known.version(number)?;
                let terms = json!({
                    "partner": known.partner, "number": number, "from": version.from, "terms": version.terms,
                });
                ("/v1/contracts".to_owned(), terms)
            }
            News::Accepted(number) => {
                let body = json!({ "number": number, "sha256": known.version(number)?.sha256 });
                (format!("/v1/contracts/{id}/accept"), body)
            }
            News::Declined(number) => (format!("/v1/contracts/{id}/decline"), json!({ "number": number })),
            News::Ended(at, _) => (format!("/v1/contracts/{id}/end"), json!({ "at": at })),
        };
        Some(Work::Command { path, body: body.to_string().into_bytes() })
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        Ok(Command::CameOf { attempt, refusal: (!outcome.is_done()).then(|| outcome.refusal()) })
    }
}
