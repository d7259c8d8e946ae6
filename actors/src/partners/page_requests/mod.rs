//! Requests of visitors to pages. The site that shows the page decides step after step; what the terms entrust to the main site is told
//! there with a signed command, and what came of it is told back. A request lies beside the stock of its article, so that one record
//! holds both.

mod course;
mod decide;
mod owing;
mod prepare;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::partners::contracts::{Contract, Mode};
use kippu_events::partners::page_requests::{Event, PageRequest, Phase, entrusted_id};
use kippu_events::partners::pages::Page;
use kippu_events::partners::stocks::{self, Stock};
use kippu_events::secrets::{Secrets, TokenHash};
use kippu_events::{Entity as _, EntityId, EntityKey, Time};

use self::request::{Command, Reply, Request};
use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

/// The number of its only capability: that of the visitor.
const CAPABILITY: u8 = 0;
/// In place of a step's place, for the question which steps to take.
const CONSULTED: u8 = u8::MAX;

impl Actor for PageRequest {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn lookups(request: &Request) -> Vec<EntityKey> {
        match request {
            Request::Open(open) => {
                let contract = open.contract.map(EntityKey::of::<Contract>);
                contract.into_iter().chain([EntityKey::of::<Page>(open.page)]).collect()
            }
            Request::Consult(consult) => vec![EntityKey::of::<Contract>(consult.contract)],
            Request::Entrust(entrust) => vec![EntityKey::of::<Contract>(entrust.contract)],
            Request::Answer(_) | Request::Report(_) | Request::Settle(_) | Request::Release(_) => Vec::new(),
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        let own = secrets.party;
        Ok(match request {
            Request::Open(open) => {
                let id = secrets.entity_id(Self::FAMILY, &call.caller.principal, &call.key);
                id.in_slot(stocks::id_of(own, open.article.as_str()).slot())
            }
            Request::Consult(consult) => entrusted_id(own, &consult.wanted.article, consult.request, CONSULTED),
            Request::Entrust(entrust) => {
                let first = u8::try_from(entrust.taken.len()).unwrap_or(u8::MAX);
                entrusted_id(own, &entrust.wanted.article, entrust.request, first)
            }
            Request::Answer(_) | Request::Report(_) | Request::Settle(_) | Request::Release(_) => call.path_id()?,
        })
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        prepare::command(request, with)
    }

    fn neighbours(&self, command: &Command, _context: &Context) -> Vec<EntityKey> {
        let stock = match command {
            Command::Open(asked) => Some(asked.stock),
            Command::Consult(entrusted) | Command::Entrust(entrusted) => Some(entrusted.stock),
            Command::Answer { .. }
            | Command::Report { .. }
            | Command::Settle { .. }
            | Command::Release
            | Command::CameOf { .. }
            | Command::TimeUp => self.known().map(|known| known.stock),
        };
        stock.map(EntityKey::of::<Stock>).into_iter().collect()
    }

    fn decide(
        &self,
        command: &Command,
        neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        Ok(decide::decide(self, command, neighbours, context)?)
    }

    fn complete(id: EntityId, own: &mut [Event], secrets: &Secrets) {
        for event in own {
            if let Event::Opened { capability, .. } = event {
                *capability = secrets.capability_hash(EntityKey::of::<Self>(id), CAPABILITY);
            }
        }
    }

    fn answer(id: EntityId, own: &[Event], secrets: &Secrets) -> Answer {
        let reply = Reply { id, capability: None, steps: None };
        match own.first() {
            Some(Event::Opened { capability, .. }) => {
                let capability = secrets.capability_token(capability.key, EntityKey::of::<Self>(id), CAPABILITY);
                Answer::created(&Reply { capability, ..reply })
            }
            Some(Event::Commanded { steps, .. }) => Answer::ok(&Reply { steps: Some(steps.clone()), ..reply }),
            Some(Event::Entrusted { .. }) => Answer::created(&reply),
            Some(
                Event::StepsNamed { .. }
                | Event::StepBegun { .. }
                | Event::StepDone { .. }
                | Event::StepRefused { .. }
                | Event::Told { .. }
                | Event::NotTold { .. }
                | Event::Settled { .. },
            ) => Answer::ok(&reply),
            None => Answer::unanswerable(),
        }
    }

    fn due(&self) -> Option<(Time, Command)> {
        match self.known()?.phase {
            Phase::Waiting { until } | Phase::Held { until } => Some((until, Command::TimeUp)),
            Phase::Asking
            | Phase::Ready
            | Phase::Entrusting
            | Phase::Entrusted
            | Phase::Settling { .. }
            | Phase::Reporting
            | Phase::Over => None,
        }
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        let known = self.known().filter(|known| owing::owes(known))?;
        Some(Owed { to: known.other()?, attempt: known.attempt, since: known.since })
    }

    fn work(&self, id: EntityId, _secrets: &Secrets) -> Option<Work> {
        owing::work(id, self.known()?)
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        let refusal = (!outcome.is_done()).then(|| outcome.refusal());
        let steps = outcome.answer::<Reply>().and_then(|reply| reply.steps);
        Ok(Command::CameOf { attempt, refusal, steps })
    }
}

/// Takes the place of a hash until [`Actor::complete`] puts it there.
const fn not_hashed() -> TokenHash {
    TokenHash { key: 0, sha256: String::new() }
}

/// Whether the terms have the main site do something of a request.
const fn is_of_main(mode: Mode) -> bool {
    match mode {
        Mode::Main => true,
        Mode::Partner | Mode::Commanded => false,
    }
}
