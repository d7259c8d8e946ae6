//! What members do at sites: the site's node keeps it, and hands it on until it is at the central node.

use kippu_events::access::Role;
use kippu_events::partners::contracts::{Contract, Known, MemberTerms, Side};
use kippu_events::partners::member_actions::{Action, Event, Kind, MemberAction, id_of};
use kippu_events::partners::member_visits::MemberVisit;
use kippu_events::secrets::Secrets;
use kippu_events::{Entity as _, EntityId, EntityKey, Time};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};
use crate::text::{Text, named};

/// As long as the address of a page, or the name of goods.
pub const MOST_CHARS: usize = 256;
/// An action is handed over once.
const ATTEMPT: u32 = 0;
/// Of the refusal of what is known already.
const KNOWN_SLUG: &str = "member-action-known";

commands! {
    /// A member does something.
    Open = "open" New [Guest] "Records what a member does during a visit: looks at a page, puts something into the cart, or reserves it. For who holds the capability of the visit." {
        /// Under which contract the visit is.
        contract: EntityId,
        /// The visit.
        visit: EntityId,
        /// What is done: `page`, `cart` or `reservation`. A purchase is recorded when it is paid.
        #[serde(deserialize_with = "named")]
        kind: Kind,
        /// On which page.
        #[serde(default)]
        page: Option<Text<MOST_CHARS>>,
        /// With which goods.
        #[serde(default)]
        item: Option<Text<MOST_CHARS>>,
    }
    /// A site's node hands on what a member did.
    Take = "take" Token [MainSite, PartnerSite] "Takes what a member did at another site, once." {
        /// The action, as its site knows it.
        action: EntityId,
        /// What was done.
        done: Box<Action>,
    }
}

refusals! {
    shared NOT_FOUND {
        /// This id is no contract.
        NoContract "there is no contract with this id";
    }
    shared FORBIDDEN {
        /// Not the site where it was done, nor the main site.
        NotYours "a site hands on what was done there, and the main site what its partners handed on";
    }
    shared NOT_IDENTIFIED {
        /// No visit, another one, or one that ended.
        NoVisit "the visit is over, or not yours";
    }
    shared INVALID_BODY {
        /// Nobody buys without paying.
        Purchase "a purchase is recorded when it is paid";
    }
    shared NOT_DUE {
        /// An outcome of what is not owed any more.
        NotDue "nothing of this attempt is owed now";
    }
    own NO_MEMBERS = 409 "contract-without-members" "The contract has no members" "The terms of the contract say nothing of members then." {
        /// The terms have no such part.
        NoMembers "the terms of the contract say nothing of members at this time";
    }
    own KNOWN = 409 "member-action-known" "This is on record" "Nothing needs to be done: it stays as it is." {
        /// It was recorded before.
        Known "this action was recorded before";
    }
}

/// What is to be recorded, or an outcome.
pub enum Command {
    /// Something is done during a visit.
    Do {
        /// Which visit.
        visit: EntityId,
        /// What, without the member and the time.
        action: Box<Action>,
        /// To whom it is to be handed on.
        to: Option<EntityId>,
    },
    /// It was done elsewhere.
    Take {
        /// What.
        action: Box<Action>,
        /// To whom it is to be handed on.
        to: Option<EntityId>,
    },
    /// What came of handing it on.
    CameOf {
        /// Which attempt.
        attempt: u32,
        /// Why it is not taken.
        refusal: Option<String>,
    },
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The action.
    pub id: EntityId,
}

/// What the terms of `known` say of members at `time`; after their end, what the last ones said, since actions may come late.
pub(super) fn member_terms(known: &Known, time: Time) -> Option<&MemberTerms> {
    let version = known.at(time).or_else(|| known.accepted().next_back());
    version.and_then(|version| version.terms.members.as_ref())
}

/// To whom this node hands on what is for the central node.
pub(super) fn handed_to(contract: EntityId, time: Time, with: &Preparing<'_>) -> Result<Option<EntityId>, Refused> {
    let (contract, _) = with.looked_up::<Contract>(contract).ok_or(Refused::NoContract)?;
    let known = contract.known().ok_or(Refused::NoContract)?;
    let terms = member_terms(known, time).ok_or(Refused::NoMembers)?;
    Ok(known.towards_central(terms, with.secrets.party))
}

impl Actor for MemberAction {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn lookups(request: &Request) -> Vec<EntityKey> {
        match request {
            Request::Open(open) => vec![EntityKey::of::<Contract>(open.contract)],
            Request::Take(take) => vec![EntityKey::of::<Contract>(take.done.contract)],
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            // In the slot of the visit, so that it sees that.
            Request::Open(open) => {
                Ok(secrets.entity_id(Self::FAMILY, &call.caller.principal, &call.key).in_slot(open.visit.slot()))
            }
            Request::Take(take) => Ok(id_of(take.done.site, take.action)),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        match request {
            Request::Open(Open { contract, visit, kind, page, item }) => {
                if kind == Kind::Purchase {
                    return Err(Refused::Purchase.into());
                }
                let (page, item) = (page.map(String::from), item.map(String::from));
                let to = handed_to(contract, Time::now(), with)?;
                // Who it was and when is known once the visit is seen.
                let (site, member, at) = (with.secrets.party, visit, Time::default());
                let action = Action { contract, site, member, kind, page, item, amount: None, currency: None, at };
                Ok(Command::Do { visit, action: Box::new(action), to })
            }
            Request::Take(Take { action: _, done }) => Ok(take(done, with)?),
        }
    }

    fn neighbours(&self, command: &Command, _context: &Context) -> Vec<EntityKey> {
        match command {
            Command::Do { visit, .. } => vec![EntityKey::of::<MemberVisit>(*visit)],
            Command::Take { .. } | Command::CameOf { .. } => Vec::new(),
        }
    }

    fn decide(
        &self,
        command: &Command,
        neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match (self, command) {
            (Self::Absent, Command::Do { visit, action, to }) => {
                let held = context.caller.holds == Some(EntityKey::of::<MemberVisit>(*visit));
                let known = neighbours.get::<MemberVisit>(*visit).and_then(MemberVisit::known).filter(|_| held);
                let known = known.filter(|known| known.contract == action.contract && context.now < known.expires_at);
                let member = known.ok_or(Refused::NoVisit)?.member;
                Event::Done { action: Action { member, at: context.now, ..(**action).clone() }, to: *to }
            }
            (Self::Absent, Command::Take { action, to }) => Event::Done { action: (**action).clone(), to: *to },
            (Self::Done { .. }, Command::Do { .. } | Command::Take { .. }) => return Err(Refused::Known.into()),
            (Self::Done { to: Some(_), .. }, Command::CameOf { attempt: ATTEMPT, refusal }) => match refusal {
                None => Event::HandedOver {},
                Some(reason) => Event::Refused { reason: reason.clone() },
            },
            (Self::Absent | Self::Done { .. }, Command::CameOf { .. }) => return Err(Refused::NotDue.into()),
        };
        Ok(Decision::one(event))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Done { .. }) => Answer::created(&Reply { id }),
            Some(Event::HandedOver {} | Event::Refused { .. }) => Answer::ok(&Reply { id }),
            None => Answer::unanswerable(),
        }
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        match self {
            Self::Done { to: Some((to, since)), .. } => Some(Owed { to: *to, attempt: ATTEMPT, since: *since }),
            Self::Absent | Self::Done { to: None, .. } => None,
        }
    }

    fn work(&self, id: EntityId, _secrets: &Secrets) -> Option<Work> {
        let done = self.action()?;
        // Where it was done elsewhere, this node knows it under another id than its site, and so does the next one.
        let body = json!({ "action": id, "done": done });
        Some(Work::Command { path: "/v1/member-actions/take".to_owned(), body: body.to_string().into_bytes() })
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        let refusal = (!outcome.is_done()).then(|| outcome.refusal());
        // What the other party has already, it need not be given again.
        Ok(Command::CameOf { attempt, refusal: refusal.filter(|slug| slug != KNOWN_SLUG) })
    }
}

/// What another site's node hands on.
fn take(done: Box<Action>, with: &Preparing<'_>) -> Result<Command, Refused> {
    let (own, caller) = (with.secrets.party, &with.call.caller);
    let by = caller.party().ok_or(Refused::NotYours)?;
    if done.site == own || (by != done.site && !caller.roles.has(Role::MainSite)) {
        return Err(Refused::NotYours);
    }
    let known = with.looked_up::<Contract>(done.contract).and_then(|(contract, _)| contract.known());
    // A central node of its own knows the parties, and none of their contracts.
    let Some(known) = known else { return Ok(Command::Take { action: done, to: None }) };
    if by != done.site || known.side(done.site) != Some(Side::Partner) {
        return Err(Refused::NotYours);
    }
    let terms = member_terms(known, done.at).ok_or(Refused::NoMembers)?;
    let to = known.towards_central(terms, own);
    Ok(Command::Take { action: done, to })
}

#[cfg(test)]
mod tests;
