//! Users: registered under a login with a limit, whose limit then changes by the operator's word or by what is paid in.
//!
//! How much of the limit is reserved and charged is decided by approvals, which are born in the slot of their user.

pub mod pin;
pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::EntityId;
use kippu_events::access::users::{Account, Event, LimitSource, User};
use kippu_events::money::Minor;
use kippu_events::secrets::{Secrets, SecretsError, SharedError};

use self::refusal::Refused;
use self::request::{ChangeLimit, Command, Credit, DEFAULT_REALM, Login, Open, Realm, Reply, Request};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{self, Problem, ProblemType};

/// The name of the login among a person's encrypted fields.
pub const LOGIN_FIELD: &str = "login";
/// The name of the name among a person's encrypted fields.
pub const NAME_FIELD: &str = "name";

/// The id of the user with this login in this realm, whether or not anybody is registered under it.
#[must_use]
pub fn id_of(realm: Option<&Realm>, login: &Login, secrets: &Secrets) -> EntityId {
    secrets.login_id(realm.map_or(DEFAULT_REALM, Realm::as_str), login.as_str())
}

impl Actor for User {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn is_slow(request: &Request) -> bool {
        match request {
            // Writes the person's key, and hashes the PIN.
            Request::Open(_) => true,
            Request::ChangeLimit(_) | Request::Credit(_) => false,
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(Open { realm, login, .. }) => Ok(id_of(realm.as_ref(), login, secrets)),
            Request::ChangeLimit(_) | Request::Credit(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        let (id, secrets) = (with.id, with.secrets);
        match request {
            Request::Open(Open { realm: _, login, name, pin, limit, charging }) => {
                let login = secrets.encrypt(id, LOGIN_FIELD, login.as_str()).map_err(|e| not_encrypted(id, &e))?;
                let name = name.map(|name| secrets.encrypt(id, NAME_FIELD, name.as_str())).transpose();
                let name = name.map_err(|e| not_encrypted(id, &e))?;
                let pin = pin.map(|pin| secrets.pin_verifier(id, pin.as_str()));
                Ok(Command::Open { login, name, pin, limit, charging })
            }
            Request::ChangeLimit(ChangeLimit { limit }) => Ok(Command::ChangeLimit(limit)),
            Request::Credit(Credit { amount }) => Ok(Command::Credit(amount)),
        }
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match (self, command) {
            (Self::Absent, Command::Open { login, name, pin, limit, charging }) => Event::Registered {
                login: login.clone(),
                name: name.clone(),
                pin: pin.clone(),
                source: limit.source,
                limit: limit.amount,
                currency: limit.currency,
                charging: *charging,
            },
            (Self::Registered(account), Command::ChangeLimit(limit)) => change_limit(account, *limit)?,
            (Self::Registered(account), Command::Credit(amount)) => credit(account, *amount)?,
            (Self::Registered(_), Command::Open { .. }) => return Err(Refused::Exists(context.id).into()),
            (Self::Absent, Command::ChangeLimit(_) | Command::Credit(_)) => return Err(Refused::Unknown.into()),
        };
        Ok(Decision::one(event))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        let Some(event) = own.first() else { return Answer::unanswerable() };
        match event {
            Event::Registered { source, limit, currency, charging, .. } => Answer::created(&Reply {
                id,
                limit: *limit,
                currency: *currency,
                source: Some(*source),
                charging: Some(*charging),
            }),
            Event::LimitChanged { limit, currency, .. } | Event::Credited { limit, currency, .. } => {
                Answer::ok(&Reply { id, limit: *limit, currency: *currency, source: None, charging: None })
            }
            // These are decided by approvals, whose commands they answer.
            Event::AmountReserved { .. }
            | Event::AmountReleased { .. }
            | Event::AmountCharged { .. }
            | Event::AmountRefunded { .. }
            | Event::PinRefused { .. }
            | Event::PinAccepted {} => Answer::unanswerable(),
        }
    }
}

fn change_limit(account: &Account, limit: Minor) -> Result<Event, Refused> {
    match account.source {
        LimitSource::Fixed => {}
        LimitSource::Prepaid | LimitSource::Points => return Err(Refused::LimitNotFixed),
    }
    // What is reserved may still be settled, so the sum of what is settled would pass a lower limit.
    let used = account.used();
    if limit < used {
        return Err(Refused::LimitBelowUse { used });
    }
    Ok(Event::LimitChanged { limit, before: account.limit, currency: account.currency })
}

fn credit(account: &Account, amount: Minor) -> Result<Event, Refused> {
    match account.source {
        LimitSource::Prepaid | LimitSource::Points => {}
        LimitSource::Fixed => return Err(Refused::LimitFixed),
    }
    let limit = account.limit.plus(amount).ok_or(Refused::LimitTooLarge)?;
    Ok(Event::Credited { amount, limit, currency: account.currency })
}

/// The key store did not take a field: nothing the caller sent is wrong, and nothing was decided.
fn not_encrypted(id: EntityId, error: &SecretsError) -> Problem {
    // Only who was registered is forgotten, and the registration is still there.
    if let SecretsError::Forgotten(_) = error {
        return Refused::Exists(id).into();
    }
    tracing::error!(%error, "a personal field was not encrypted");
    match error {
        SecretsError::Io { .. }
        | SecretsError::Entropy
        | SecretsError::Shared(SharedError::Unavailable(_) | SharedError::Copy { .. }) => {
            Problem::later(&problem::UNAVAILABLE, "the key store does not take writes")
        }
        SecretsError::Format { .. }
        | SecretsError::OtherLog { .. }
        | SecretsError::NoPerson(_)
        | SecretsError::Forgotten(_)
        | SecretsError::Shared(SharedError::Damaged { .. })
        | SecretsError::Undecryptable => Problem::new(&problem::INTERNAL, "the key store does not work"),
    }
}
