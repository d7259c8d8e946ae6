//! Sessions of end users: opened with login and PIN, used, and ended – one by the user or an operator, all of them at once, or by
//! its time. Where the user is forgotten, all of them end with that.
//!
//! The sessions of a user are one entity with the id of the user, so that it sees the account, whose PIN is checked, in one
//! decision. A token names the user and the number of the session; as an API key it is computed anew for every answer. Every
//! refusal of a sign-in reads the same and is on record, so that neither the answer nor the time that it takes tells who is
//! registered.

mod decide;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::access::sessions::{Ending, Event, Open as OpenSession, Sessions};
use kippu_events::access::users::User;
use kippu_events::secrets::{Purpose, Secrets};
use kippu_events::{EntityId, EntityKey, Time};

use self::refusal::Refused;
use self::request::{Command, End, Open, Reply, Request, Use};
use super::users;
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};

impl Actor for Sessions {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn is_slow(request: &Request) -> bool {
        match request {
            // A PIN is hashed slowly on purpose.
            Request::Open(_) => true,
            Request::Use(_) | Request::End(_) | Request::EndAll(_) => false,
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(Open { realm, login, .. }) => Ok(users::id_of(realm.as_ref(), login, secrets)),
            Request::Use(_) | Request::End(_) | Request::EndAll(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        match request {
            Request::Open(Open { realm: _, login: _, pin, idle_secs, ends_in_secs }) => {
                request::check(idle_secs, ends_in_secs)?;
                // Whether or not there is such a user, so that the time it takes tells nothing.
                let pin = with.secrets.pin_verifier(with.id, pin.as_str());
                Ok(Command::Open { pin, idle_secs, ends_in_secs })
            }
            Request::Use(Use { session }) => Ok(Command::Use(session)),
            Request::End(End { session }) => Ok(Command::End(session)),
            Request::EndAll(request::EndAll {}) => Ok(Command::EndAll),
        }
    }

    fn neighbours(&self, command: &Command, context: &Context) -> Vec<EntityKey> {
        match command {
            Command::Open { .. } => vec![EntityKey::of::<User>(context.id)],
            Command::Use(_) | Command::End(_) | Command::EndAll | Command::Expire => Vec::new(),
        }
    }

    fn decide(
        &self,
        command: &Command,
        neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let decided = match command {
            Command::Open { pin, idle_secs, ends_in_secs } => {
                decide::open(self, (pin, *idle_secs, *ends_in_secs), neighbours, context)
            }
            Command::Use(session) => decide::used(self, *session, context),
            Command::End(session) => decide::end(self, *session, context),
            Command::EndAll => decide::end_all(self, context),
            Command::Expire => decide::expire(self, context),
        };
        Ok(decided?)
    }

    fn complete(id: EntityId, own: &mut [Event], secrets: &Secrets) {
        for event in own {
            match event {
                Event::Opened { session, token, .. } => *token = secrets.token_hash(Purpose::Session, id, *session),
                Event::Refused { .. } | Event::Used { .. } | Event::Ended { .. } => {}
            }
        }
    }

    fn answer(id: EntityId, own: &[Event], secrets: &Secrets) -> Answer {
        // One may end to make room for the one that is opened.
        let opened = own.iter().find(|event| matches!(event, Event::Opened { .. }));
        let Some(event) = opened.or_else(|| own.first()) else { return Answer::unanswerable() };
        match event {
            Event::Opened { session, token, idle_secs, ends_at } => Answer::created(&Reply {
                token: secrets.token(Purpose::Session, token.key, id, *session),
                csrf: Some(secrets.csrf(id, *session)),
                idle_secs: Some(*idle_secs),
                ends_at: Some(*ends_at),
                ..Reply::plain(id, vec![*session])
            }),
            // Told apart from nothing else: an attacker learns neither who is registered nor whose PIN is locked.
            Event::Refused { .. } => Answer::Refused(Refused::NotIdentified.into()),
            Event::Used { session } => Answer::ok(&Reply::plain(id, vec![*session])),
            Event::Ended { .. } => Answer::ok(&Reply::plain(id, own.iter().filter_map(ended).collect())),
        }
    }

    fn due(&self) -> Option<(Time, Command)> {
        self.open.iter().map(|open| open.end().0).min().map(|time| (time, Command::Expire))
    }
}

/// The session that an event ends.
const fn ended(event: &Event) -> Option<u32> {
    match event {
        Event::Ended { session, .. } => Some(*session),
        Event::Opened { .. } | Event::Refused { .. } | Event::Used { .. } => None,
    }
}

/// How all of a user's sessions end at `now`, at once.
pub(super) fn all_ended(sessions: &Sessions, now: Time) -> impl Iterator<Item = Event> {
    sessions.open.iter().map(move |open| ending(open, now, Ending::SignedOutEverywhere))
}

/// How a session ends at `now`: by its time where that is over, or else for `reason`.
fn ending(open: &OpenSession, now: Time, reason: Ending) -> Event {
    let reason = if open.is_over(now) { open.end().1 } else { reason };
    Event::Ended { session: open.session, reason }
}
