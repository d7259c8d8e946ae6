//! Pages: the operator of a site writes its own, and the main site of a contract brings tie-up pages. Who may write which is
//! decided here, at the node that shows the page.

mod decide;
mod making;
mod owing;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::blobs::BlobId;
use kippu_events::partners::contracts::{Contract, Known, Side};
use kippu_events::partners::pages::{Content, Event, MOST_PAGE_BYTES, Overlay, Page, Recipe, id_of};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, EntityKey, Time};

use self::refusal::Refused;
use self::request::{Brought, Command, Confirm, Decline, Open, RemoveOverlay, Reply, Request, State, Update, Written};
use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

impl Actor for Page {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn lookups(request: &Request) -> Vec<EntityKey> {
        let contract = match request {
            Request::Open(open) => open.contract,
            Request::Update(update) => Some(update.contract),
            Request::Overlay(overlay) => Some(overlay.contract),
            Request::RemoveOverlay(remove) => Some(remove.contract),
            Request::Confirm(_) | Request::Decline(_) => None,
        };
        contract.map(EntityKey::of::<Contract>).into_iter().collect()
    }

    fn named_blobs(request: &Request) -> Vec<BlobId> {
        match request {
            Request::Open(open) => vec![open.sha256],
            Request::Overlay(overlay) => vec![overlay.sha256],
            // These bytes are fetched later.
            Request::Update(_) | Request::Confirm(_) | Request::Decline(_) | Request::RemoveOverlay(_) => Vec::new(),
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(Open { path, .. }) | Request::Update(Update { path, .. }) => Ok(id_of(secrets.party, path)),
            Request::Confirm(_) | Request::Decline(_) | Request::Overlay(_) | Request::RemoveOverlay(_) => {
                call.path_id()
            }
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        match request {
            Request::Open(open) => write(open, with),
            Request::Update(update) => Ok(brought(update, with)?),
            Request::Confirm(Confirm { revision, sha256 }) => {
                Ok(Command::Answer { revision, sha256, agrees: true, reason: None })
            }
            Request::Decline(Decline { revision, sha256, reason }) => {
                Ok(Command::Answer { revision, sha256, agrees: false, reason: reason.map(String::from) })
            }
            Request::Overlay(request::Overlay { contract: id, form, sha256 }) => {
                if with.blob(sha256)? > MOST_PAGE_BYTES {
                    return Err(Refused::TooLarge.into());
                }
                Ok(Command::Overlay { contract: (id, contract(id, with)?), overlay: Some(Overlay { form, sha256 }) })
            }
            Request::RemoveOverlay(RemoveOverlay { contract: id }) => {
                Ok(Command::Overlay { contract: (id, contract(id, with)?), overlay: None })
            }
        }
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let now = context.now;
        let event = match command {
            Command::Write(written) => decide::write(self, written, now),
            Command::Update(brought) => {
                let own = decide::update(self, brought, now)?;
                return Ok(Decision { own, others: Vec::new() });
            }
            Command::Overlay { contract: (id, contract), overlay } => {
                decide::overlay(self, (*id, contract), *overlay, now)
            }
            Command::Made { revision, of, made } => making::made(self, *revision, *of, made, now),
            Command::Answer { .. } if *self == Self::Absent => Err(Refused::Unknown),
            Command::Answer { revision, sha256, agrees, reason } => {
                decide::answer(self, (*revision, *sha256), (*agrees, reason.as_ref()), now)
            }
            Command::CameOf { attempt, refusal } => decide::came_of(self, *attempt, refusal.as_deref(), now),
            Command::TimeUp => decide::time_up(self, now),
            Command::Looked { sha256, found } => decide::looked(self, *sha256, *found),
        };
        Ok(Decision::one(event?))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        let reply = |revision: u32, state| Reply { id, revision: Some(revision), state: Some(state) };
        match own.first() {
            Some(Event::Revised { revision, .. }) => Answer::created(&reply(*revision, State::Shown)),
            Some(Event::Updated { revision, .. } | Event::Repaired { revision, .. }) => {
                Answer::ok(&reply(*revision, State::Shown))
            }
            Some(Event::Offered { revision, .. } | Event::Fetched { revision, .. }) => {
                Answer::ok(&reply(*revision, State::Fetching))
            }
            Some(Event::Made { revision, until: None, .. } | Event::Linked { revision, .. }) => {
                Answer::ok(&reply(*revision, State::Shown))
            }
            Some(Event::Made { revision, until: Some(_), .. }) => Answer::ok(&reply(*revision, State::Held)),
            Some(Event::NotMade { revision, .. }) => Answer::ok(&reply(*revision, State::Declined)),
            Some(Event::Held { revision, .. }) => Answer::ok(&reply(*revision, State::Held)),
            Some(Event::Declined { revision, .. }) => Answer::ok(&reply(*revision, State::Declined)),
            Some(
                Event::Told { .. }
                | Event::NotTold { .. }
                | Event::Damaged { .. }
                | Event::Restored { .. }
                | Event::Overlaid { .. },
            ) => Answer::ok(&Reply { id, revision: None, state: None }),
            None => Answer::unanswerable(),
        }
    }

    fn due(&self) -> Option<(Time, Command)> {
        decide::due(self).map(|until| (until, Command::TimeUp))
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        let Self::TieUp(page) = self else { return None };
        owing::owes(page).map(|_| Owed { to: page.main, attempt: page.attempt, since: page.since })
    }

    fn work(&self, id: EntityId, secrets: &Secrets) -> Option<Work> {
        let Self::TieUp(page) = self else { return None };
        owing::work(id, page, secrets)
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        Ok(Command::CameOf { attempt, refusal: (!outcome.is_done()).then(|| outcome.refusal()) })
    }
}

fn contract(id: EntityId, with: &Preparing<'_>) -> Result<Box<Known>, Refused> {
    let known = with.looked_up::<Contract>(id).and_then(|(contract, _)| contract.known());
    known.cloned().map(Box::new).ok_or(Refused::NoContract)
}

fn write(open: Open, with: &Preparing<'_>) -> Result<Command, Problem> {
    let Open { path, sha256, media_type, tie_up, part, category, layout, links, contract: named } = open;
    if layout.as_ref() == Some(&path) {
        return Err(Refused::OwnLayout.into());
    }
    let recipe = Recipe { layout, links };
    let size = with.blob(sha256)?;
    if size > MOST_PAGE_BYTES {
        return Err(Refused::TooLarge.into());
    }
    let repairs = named.map(|id| Ok::<_, Refused>((id, contract(id, with)?))).transpose()?;
    let (content, category) = (Content { sha256, media_type, size }, category.map(String::from));
    Ok(Command::Write(Box::new(Written { path, content, tie_up, part, category, recipe, repairs })))
}

fn brought(update: Update, with: &Preparing<'_>) -> Result<Command, Refused> {
    let Update { contract: id, delivery, path, revision, content, part, capability, category, layout, links } = update;
    let contract = contract(id, with)?;
    let caller = with.call.caller.party().filter(|_| with.call.caller.is_peer());
    let is_for_us = contract.side(with.secrets.party) == Some(Side::Partner);
    if !is_for_us || caller != Some(contract.main) {
        return Err(Refused::NotTheMain);
    }
    if content.size > MOST_PAGE_BYTES {
        return Err(Refused::TooLarge);
    }
    if layout.as_ref() == Some(&path) {
        return Err(Refused::OwnLayout);
    }
    let key = EntityKey::of::<Page>(with.id);
    let capability = with.secrets.encrypt_here(key, owing::CAPABILITY, capability.as_str());
    let capability = capability.map_err(|_| Refused::NotEncrypted)?;
    let (contract, category, recipe) = ((id, contract), category.map(String::from), Recipe { layout, links });
    let brought = Brought { contract, delivery, path, revision, content, part, capability, category, recipe };
    Ok(Command::Update(Box::new(brought)))
}
