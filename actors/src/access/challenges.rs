//! Challenges: whoever names a user gets one, and gives the PIN with it only then. The answer is the same whether or not there
//! is such a user: nobody looks.

use std::time::Duration;

use kippu_events::access::challenges::{Challenge, Event};
use kippu_events::secrets::Secrets;
use kippu_events::{Entity as _, EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::access::users;
use crate::access::users::request::{Login, Realm, named_realm};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

/// Long enough to type a PIN.
pub const LASTS: Duration = Duration::from_mins(5);

commands! {
    /// Somebody names a user; the PIN comes later.
    Open = "open" New [Terminal, Guest] "Names a user, and answers a challenge with which the PIN is given, once." {
        /// Whose name for the user the login is; `default` where there is one only.
        #[serde(default, deserialize_with = "named_realm")]
        realm: Option<Realm>,
        /// The name or number by which the user is found.
        login: Login,
    }
}

refusals! {
    shared ALREADY_EXISTS {
        /// This id opened one already.
        Exists "the challenge was opened before";
    }
}

/// A user is named.
pub struct Command {
    user: EntityId,
}

/// What an accepted command answers: the same whether or not there is such a user.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The challenge.
    pub id: EntityId,
    /// From then on it is none.
    pub expires_at: Time,
}

impl Actor for Challenge {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        let Request::Open(Open { realm, login }) = request;
        let user = users::id_of(realm.as_ref(), login, secrets);
        // In the slot of its user, so that what asks with it sees both.
        Ok(secrets.entity_id(Self::FAMILY, &call.caller.principal, &call.key).in_slot(user.slot()))
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        let Request::Open(Open { realm, login }) = request;
        Ok(Command { user: users::id_of(realm.as_ref(), &login, with.secrets) })
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        match self {
            Self::Absent => Ok(Decision::one(Event::Opened {
                user: command.user,
                by: context.caller.party(),
                expires_at: context.now.after(LASTS),
            })),
            Self::Open(_) | Self::Used => Err(Refused::Exists.into()),
        }
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Opened { expires_at, .. }) => Answer::created(&Reply { id, expires_at: *expires_at }),
            // Decided by what the PIN was given for.
            Some(Event::Used {}) | None => Answer::unanswerable(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kippu_events::Family;
    use kippu_events::access::{Caller, Role};
    use serde_json::json;

    use super::*;
    use crate::given::{NOW, caller, given, id};
    use crate::problem;
    use crate::world::{World, id_in};

    fn opened(by: Option<EntityId>) -> Event {
        Event::Opened { user: id(2), by, expires_at: NOW.after(LASTS) }
    }

    #[test]
    fn a_challenge_is_bound_to_the_terminal_that_asks_and_to_nobody_where_a_guest_does() {
        let open = Command { user: id(2) };
        given::<Challenge>(&[]).by(caller(Role::Terminal, 5)).when(&open).becomes(&[opened(Some(id(5)))]);
        given::<Challenge>(&[]).by(Caller::GUEST).when(&open).becomes(&[opened(None)]);
        for history in [&[opened(None)][..], &[opened(None), Event::Used {}]] {
            given::<Challenge>(history).by(Caller::GUEST).when(&open).refused(&problem::ALREADY_EXISTS);
        }
    }

    /// Shows D8.
    #[test]
    fn known_and_unknown_users_get_answers_that_differ_in_nothing_but_the_id() {
        let mut world = World::new();
        let limit = json!({"source": "fixed", "amount": 1, "currency": "EUR"});
        let user = json!({"login": "aiko", "pin": "1234", "limit": limit});
        world.ask(Caller::OPERATOR, (Family::Users, "open", None), &user).unwrap();
        for caller in [Caller::GUEST, caller(Role::Terminal, 5)] {
            let mut ask = |login: &str| {
                let (status, answer) =
                    world.ask(caller, (Family::Challenges, "open", None), &json!({"login": login})).unwrap();
                let id = id_in(&answer);
                (status, answer.to_string().replace(&id.to_string(), "id"))
            };
            let known = ask("aiko");
            assert_eq!(known, ask("nobody"));
            assert_eq!(known.0, 201);
        }
        world.replays();
    }
}
