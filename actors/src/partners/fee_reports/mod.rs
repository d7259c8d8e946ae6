//! Reports of what a fee depends on: the main site's operator makes one, and its node hands it to the partner's.

use kippu_events::partners::contracts::{Contract, Side};
use kippu_events::partners::fee_reports::{Event, FeeReport, Report, id_of};
use kippu_events::partners::fees::Facts;
use kippu_events::secrets::Secrets;
use kippu_events::{Entity as _, EntityId, EntityKey, Time};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};
use crate::text::Text;

/// The name of a file, or of what counted.
pub const MOST_NAME_CHARS: usize = 128;
/// So many bytes of JSON: with everything else it fits into a record.
pub const MOST_BYTES: usize = 128 * 1024;
/// A report is handed over once.
const ATTEMPT: u32 = 0;

commands! {
    /// Something is to be reported.
    Open = "open" New [Operator, MainSite] "Reports what a fee depends on and no access log says, and hands it to the partner site." {
        /// Under which contract.
        contract: EntityId,
        /// What the main site calls it: the same name is the same report.
        name: Text<MOST_NAME_CHARS>,
        /// When it was so: the terms that count then count for it.
        at: Time,
        /// What was counted.
        facts: Box<Facts>,
    }
}

refusals! {
    shared NOT_FOUND {
        /// This id is no contract.
        NoContract "there is no contract with this id";
    }
    shared FORBIDDEN {
        /// Not the main site.
        NotYours "the main site of the contract alone reports";
    }
    shared INVALID_BODY {
        /// More than fits.
        TooLong "a report is at most {} bytes of JSON", MOST_BYTES;
        /// These come from certified lines.
        Counted "accesses and visits come from access logs, the type of the partnership and its options from the contract";
    }
    shared NOT_DUE {
        /// An outcome of what is not owed any more.
        NotDue "nothing of this attempt is owed now";
    }
    own NO_TERMS = 409 "fee-report-without-terms" "No terms of the contract count then" "Report what was so while terms of the contract count." {
        /// Before the first terms, or after the end.
        NoTerms "no terms of the contract count at this time";
    }
    own KNOWN = 409 "fee-report-known" "A report with this name is on record" "A report stays as it is: what was wrong is put right by another one, under another name." {
        /// It was made before.
        Known "a report with this name was made before";
    }
}

/// Of the refusal of what is known already.
const KNOWN_SLUG: &str = "fee-report-known";

/// A report that was checked, or an outcome.
pub enum Command {
    /// It is to be on record.
    Make {
        /// What is reported.
        report: Box<Report>,
        /// To whom it is to be handed over.
        to: Option<EntityId>,
    },
    /// What came of handing it over.
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
    /// The report.
    pub id: EntityId,
}

impl Actor for FeeReport {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn lookups(request: &Request) -> Vec<EntityKey> {
        let Request::Open(open) = request;
        vec![EntityKey::of::<Contract>(open.contract)]
    }

    fn target(request: &Request, _call: &Call, _secrets: &Secrets) -> Result<EntityId, Problem> {
        let Request::Open(open) = request;
        Ok(id_of(open.contract, open.name.as_str()))
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        let Request::Open(Open { contract, name, at, facts }) = request;
        let own = with.secrets.party;
        let caller = &with.call.caller;
        let by = if caller.is_peer() { caller.party().ok_or(Refused::NotYours)? } else { own };
        let known = with.looked_up::<Contract>(contract).and_then(|(state, _)| state.known());
        let known = known.ok_or(Refused::NoContract)?;
        if known.side(by) != Some(Side::Main) || known.side(own).is_none() {
            return Err(Refused::NotYours.into());
        }
        if known.at(at).is_none() {
            return Err(Refused::NoTerms.into());
        }
        let Facts { partnership, accesses, visits, options, .. } = &*facts;
        if !(partnership.is_empty() && accesses.is_empty() && visits.is_empty() && options.is_empty()) {
            return Err(Refused::Counted.into());
        }
        if serde_json::to_vec(&facts).map_or(0, |json| json.len()) > MOST_BYTES {
            return Err(Refused::TooLong.into());
        }
        let to = (by == own).then_some(known.partner);
        let report = Report { contract, name: name.into(), at, facts: *facts };
        Ok(Command::Make { report: Box::new(report), to })
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        _context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match (self, command) {
            (Self::Absent, Command::Make { report, to }) => Event::Made { report: report.clone(), to: *to },
            (Self::Made { .. }, Command::Make { .. }) => return Err(Refused::Known.into()),
            (Self::Made { to: Some(_), .. }, Command::CameOf { attempt: ATTEMPT, refusal }) => match refusal {
                None => Event::HandedOver {},
                Some(reason) => Event::Refused { reason: reason.clone() },
            },
            (Self::Absent | Self::Made { .. }, Command::CameOf { .. }) => return Err(Refused::NotDue.into()),
        };
        Ok(Decision::one(event))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Made { .. }) => Answer::created(&Reply { id }),
            Some(Event::HandedOver {} | Event::Refused { .. }) => Answer::ok(&Reply { id }),
            None => Answer::unanswerable(),
        }
    }

    fn owed(&self, _id: EntityId) -> Option<Owed> {
        match self {
            Self::Made { to: Some((to, since)), .. } => Some(Owed { to: *to, attempt: ATTEMPT, since: *since }),
            Self::Absent | Self::Made { to: None, .. } => None,
        }
    }

    fn work(&self, _id: EntityId, _secrets: &Secrets) -> Option<Work> {
        let Report { contract, name, at, facts } = self.report()?;
        let body = json!({ "contract": contract, "name": name, "at": at, "facts": facts });
        Some(Work::Command { path: format!("/v1/{}", Self::FAMILY.name()), body: body.to_string().into_bytes() })
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        let refusal = (!outcome.is_done()).then(|| outcome.refusal());
        // What the partner has already, it need not be given again.
        Ok(Command::CameOf { attempt, refusal: refusal.filter(|slug| slug != KNOWN_SLUG) })
    }
}

#[cfg(test)]
mod tests;
