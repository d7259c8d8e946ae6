//! Bringing pages to partner sites. A page that was revised is ordered for each contract in force; the partner's node is told,
//! fetches the bytes, and tells what became of them.

pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use std::time::Duration;

use kippu_events::blobs::BlobId;
use kippu_events::partners::contracts::{Contract, PageTerms, Part};
use kippu_events::partners::page_deliveries::{Event, Known, PageDelivery, Phase};
use kippu_events::partners::pages::{Decliner, Own, Recipe};
use kippu_events::secrets::Secrets;
use kippu_events::secrets::TokenHash;
use kippu_events::{EntityId, EntityKey, Time};
use serde_json::json;

use self::refusal::Refused;
use self::request::{Became, Command, Reply, Report, Request, State};
use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

/// The number of its only capability.
const CAPABILITY: u8 = 0;

impl Actor for PageDelivery {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn target(_request: &Request, call: &Call, _secrets: &Secrets) -> Result<EntityId, Problem> {
        call.path_id()
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        Ok(match request {
            Request::Again(_) => Command::Again,
            Request::Report(Report { revision, sha256, became, by, reason }) => Command::Report {
                by: with.call.caller.party().filter(|_| with.call.caller.is_peer()),
                revision,
                sha256,
                declined: match became {
                    Became::Applied => None,
                    Became::Declined => Some(by.unwrap_or(Decliner::Manager)),
                },
                reason: reason.map(String::from),
            },
        })
    }

    fn neighbours(&self, command: &Command, _context: &Context) -> Vec<EntityKey> {
        let contract = match command {
            Command::Order { contract, .. } => Some(*contract),
            Command::Again | Command::Report { .. } | Command::CameOf { .. } | Command::TimeUp => {
                self.known().map(|known| known.contract)
            }
        };
        contract.map(EntityKey::of::<Contract>).into_iter().collect()
    }

    fn decide(
        &self,
        command: &Command,
        neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let now = context.now;
        let event = match (self, command) {
            (_, Command::Order { contract, page }) => order(self, (*contract, page), neighbours, now),
            (Self::Absent, Command::Again | Command::Report { .. }) => Err(Refused::Unknown),
            (Self::Absent, Command::CameOf { .. } | Command::TimeUp) => Err(Refused::NotDue),
            (Self::Known(known), Command::Again) => again(known, neighbours, now),
            (Self::Known(known), Command::TimeUp) => time_up(known, neighbours, now),
            (Self::Known(known), Command::CameOf { attempt, refusal }) => came_of(known, *attempt, refusal.as_ref()),
            (Self::Known(known), Command::Report { by, revision, sha256, declined, reason }) => {
                if *by != Some(known.partner) {
                    return Err(Refused::NotThePartner.into());
                }
                report(known, (*revision, *sha256), *declined, reason.clone(), neighbours, now)
            }
        };
        Ok(Decision::one(event?))
    }

    fn complete(id: EntityId, own: &mut [Event], secrets: &Secrets) {
        for event in own {
            if let Event::Ordered { capability, .. } = event {
                *capability = secrets.capability_hash(EntityKey::of::<Self>(id), CAPABILITY);
            }
        }
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        let reply = |revision: u32, state| Reply { id, revision: Some(revision), state: Some(state) };
        match own.first() {
            Some(Event::Ordered { revision, .. }) => Answer::ok(&reply(*revision, State::Pending)),
            Some(Event::Applied { revision, .. }) => Answer::ok(&reply(*revision, State::Applied)),
            Some(Event::Declined { revision, .. }) => Answer::ok(&reply(*revision, State::Declined)),
            Some(Event::Taken { .. } | Event::Refused { .. }) => Answer::ok(&Reply { id, revision: None, state: None }),
            None => Answer::unanswerable(),
        }
    }

    fn due(&self) -> Option<(Time, Command)> {
        match self.known()?.phase {
            Phase::Declined { again_at } => again_at.map(|at| (at, Command::TimeUp)),
            Phase::Ordered | Phase::Taken | Phase::Applied | Phase::Refused => None,
        }
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        let known = self.known().filter(|known| known.phase == Phase::Ordered)?;
        Some(Owed { to: known.partner, attempt: known.attempt, since: known.since })
    }

    fn work(&self, id: EntityId, secrets: &Secrets) -> Option<Work> {
        let known = self.known().filter(|known| known.phase == Phase::Ordered)?;
        let Known { contract, path, revision, content, part, capability, category, recipe, .. } = known;
        let capability = secrets.capability_token(capability.key, EntityKey::of::<Self>(id), CAPABILITY)?;
        let mut body = json!({
            "contract": contract, "delivery": id, "path": path, "revision": revision, "content": content, "part": part,
            "capability": capability,
        });
        // What is left out is as it is left out at both sites.
        if let Some(category) = category {
            body["category"] = json!(category);
        }
        if let Some(layout) = &recipe.layout {
            body["layout"] = json!(layout);
        }
        if recipe.links {
            body["links"] = json!(true);
        }
        Some(Work::Command { path: "/v1/pages/update".to_owned(), body: body.to_string().into_bytes() })
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        Ok(Command::CameOf { attempt, refusal: (!outcome.is_done()).then(|| outcome.refusal()) })
    }
}

/// The partner site to which `contract` brings this part now, and what its terms say of pages.
fn brings(
    contract: EntityId,
    part: Part,
    neighbours: Neighbours<'_>,
    now: Time,
) -> Result<(EntityId, &PageTerms), Refused> {
    let known = neighbours.get::<Contract>(contract).and_then(Contract::known).ok_or(Refused::NotInContract)?;
    let terms = known.at(now).map(|version| &*version.terms);
    let terms = terms.filter(|terms| terms.brings(part)).ok_or(Refused::NotInContract)?;
    Ok((known.partner, &terms.pages))
}

/// What comes to be the hash of the capability when the decision is completed.
const fn not_hashed() -> TokenHash {
    TokenHash { key: 0, sha256: String::new() }
}

fn order(
    state: &PageDelivery,
    (contract, page): (EntityId, &Own),
    neighbours: Neighbours<'_>,
    now: Time,
) -> Result<Event, Refused> {
    let shown = page.shown.as_ref().ok_or(Refused::NotDue)?;
    let is_newer = state.known().is_none_or(|known| known.revision < shown.revision);
    if !page.tie_up || !is_newer {
        return Err(Refused::NotDue);
    }
    let (partner, _) = brings(contract, page.part, neighbours, now)?;
    let Own { path, part, category, recipe, .. } = page;
    // As it was written: each site makes of it what it shows.
    let (path, content, capability) = (path.clone(), shown.source.clone(), not_hashed());
    let (revision, part, category) = (shown.revision, *part, category.clone());
    let (layout, links) = (recipe.layout.clone(), recipe.links);
    Ok(Event::Ordered { contract, partner, path, revision, content, part, capability, category, layout, links })
}

/// The newest revision once more.
fn ordered_again(known: &Known) -> Event {
    let Known { contract, partner, path, revision, content, part, category, recipe, .. } = known.clone();
    let (capability, Recipe { layout, links }) = (not_hashed(), recipe);
    Event::Ordered { contract, partner, path, revision, content, part, capability, category, layout, links }
}

fn again(known: &Known, neighbours: Neighbours<'_>, now: Time) -> Result<Event, Refused> {
    match known.phase {
        Phase::Declined { .. } | Phase::Refused => {
            brings(known.contract, known.part, neighbours, now).map(|_| ordered_again(known))
        }
        Phase::Ordered | Phase::Taken | Phase::Applied => Err(Refused::NotOver),
    }
}

fn time_up(known: &Known, neighbours: Neighbours<'_>, now: Time) -> Result<Event, Refused> {
    match known.phase {
        Phase::Declined { again_at: Some(at) } if at <= now => {
            let is_over = |_| Event::Refused { attempt: known.attempt, reason: refusal::NO_CONTRACT.slug.to_owned() };
            Ok(brings(known.contract, known.part, neighbours, now).map_or_else(is_over, |_| ordered_again(known)))
        }
        Phase::Declined { .. } | Phase::Ordered | Phase::Taken | Phase::Applied | Phase::Refused => {
            Err(Refused::NotDue)
        }
    }
}

fn came_of(known: &Known, attempt: u32, refusal: Option<&String>) -> Result<Event, Refused> {
    if known.phase != Phase::Ordered || known.attempt != attempt {
        return Err(Refused::NotDue);
    }
    Ok(match refusal {
        None => Event::Taken { attempt },
        Some(reason) => Event::Refused { attempt, reason: reason.clone() },
    })
}

fn report(
    known: &Known,
    (revision, sha256): (u32, BlobId),
    declined: Option<Decliner>,
    reason: Option<String>,
    neighbours: Neighbours<'_>,
    now: Time,
) -> Result<Event, Refused> {
    // It may come before the answer to what it is about.
    let is_open = matches!(known.phase, Phase::Ordered | Phase::Taken);
    if !is_open || known.revision != revision || known.content.sha256 != sha256 {
        return Err(Refused::OtherRevision);
    }
    let Some(by) = declined else { return Ok(Event::Applied { revision, sha256 }) };
    let terms = brings(known.contract, known.part, neighbours, now).ok();
    let again_secs = terms.and_then(|(_, terms)| terms.again_secs);
    let again_at = again_secs.map(|secs| now.after(Duration::from_secs(secs.into())));
    Ok(Event::Declined { revision, sha256, by, reason, again_at })
}
