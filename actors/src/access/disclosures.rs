//! Disclosures: that somebody is shown personal fields is recorded by the node, before it answers, and by operators who show them
//! to somebody in another way.

use kippu_events::access::disclosures::{Disclosure, Event};
use kippu_events::secrets::Secrets;
use kippu_events::{Entity as _, EntityId};
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};
use crate::text::Text;

/// As many as a page of a list has.
pub const MOST_PERSONS: usize = 1_000;
/// Enough for the path and parameters of a query.
pub const MOST_QUERY_CHARS: usize = 512;

/// How they were shown.
pub type Query = Text<MOST_QUERY_CHARS>;

commands! {
    /// Personal fields are shown to the caller, or by the caller to somebody else.
    Open = "open" New [Operator] "Records that personal fields are shown. A query that opens some has that recorded by itself." {
        /// By which query, or how otherwise. MUST hold no personal data.
        query: Query,
        /// Whose, 1 to 1,000.
        #[schemars(length(min = 1, max = MOST_PERSONS))]
        persons: Vec<EntityId>,
    }
}

refusals! {
    shared ALREADY_EXISTS {
        /// This id is of one already.
        Exists "the disclosure was recorded before";
    }
    shared INVALID_BODY {
        /// Nobody, or too many for one record.
        Persons "persons are 1 to {}", MOST_PERSONS;
    }
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The disclosure.
    pub id: EntityId,
}

impl Actor for Disclosure {
    type Request = Request;
    type Command = Request;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn target(_request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        Ok(secrets.entity_id(Self::FAMILY, &call.caller.principal, &call.key))
    }

    fn prepare(request: Request, _with: &Preparing<'_>) -> Result<Request, Problem> {
        let Request::Open(Open { persons, .. }) = &request;
        if (1..=MOST_PERSONS).contains(&persons.len()) { Ok(request) } else { Err(Refused::Persons.into()) }
    }

    fn decide(
        &self,
        command: &Request,
        _neighbours: Neighbours<'_>,
        _context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let Request::Open(Open { query, persons }) = command;
        match self {
            Self::Absent => {
                Ok(Decision::one(Event::Made { query: query.as_str().to_owned(), persons: persons.clone() }))
            }
            Self::Made => Err(Refused::Exists.into()),
        }
    }

    fn answer(id: EntityId, _own: &[Event], _secrets: &Secrets) -> Answer {
        Answer::created(&Reply { id })
    }
}

#[cfg(test)]
mod tests {
    use kippu_events::Family;
    use kippu_events::access::Caller;
    use serde_json::json;

    use super::*;
    use crate::given::{given, id};
    use crate::problem;
    use crate::world::{World, id_in, slug};

    #[test]
    fn a_disclosure_says_whose_fields_were_shown_and_how_once() {
        let (query, persons) = ("/v1/users?decrypt=true", vec![id(1), id(2)]);
        let open = Open { query: query.to_owned().try_into().unwrap(), persons: persons.clone() };
        let (open, made) = (Request::Open(open), Event::Made { query: query.to_owned(), persons });
        given::<Disclosure>(&[]).when(&open).becomes(std::slice::from_ref(&made));
        given::<Disclosure>(&[made]).when(&open).refused(&problem::ALREADY_EXISTS);
    }

    #[test]
    fn a_disclosure_is_about_somebody_and_not_about_more_than_a_page_has() {
        let mut world = World::new();
        let mut ask = |count: usize| {
            let body = json!({ "query": "by telephone", "persons": vec![id(1); count] });
            world.ask(Caller::OPERATOR, (Family::Disclosures, "open", None), &body)
        };
        for count in [0, MOST_PERSONS + 1] {
            assert_eq!(slug(ask(count)), "invalid-body");
        }
        let (status, reply) = ask(MOST_PERSONS).unwrap();
        assert_eq!((status, &reply), (201, &json!({ "id": id_in(&reply) })));
        world.replays();
    }
}
