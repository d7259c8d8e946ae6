//! API clients: opened by an operator with a role and a key, given another key, revoked.
//!
//! A key is a token that names the client and the number of the key. It is computed anew for every answer, so a retry is
//! told the same key, and nothing secret is stored. The edge takes a key only where the client is active and the number
//! is the one that counts: rolling a key and revoking a client take effect with their records.

pub mod refusal;
#[cfg(test)]
mod tests;

use kippu_events::access::clients::{Client, Event, Role};
use kippu_events::access::users::User;
use kippu_events::secrets::{Purpose, Secrets, TokenHash};
use kippu_events::{Entity as _, EntityId, EntityKey};
use serde::{Deserialize, Serialize};

use self::refusal::Refused;
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};
use crate::text::{Text, named};

/// Enough to tell two shops of one chain apart in a list.
pub const MOST_NAME_CHARS: usize = 128;

/// The number of a client's first key.
const FIRST_KEY: u32 = 0;

commands! {
    /// A client is to get a key.
    #[schemars(extend("if" = { "properties": { "role": { "enum": ["terminal"] } } }))]
    #[schemars(extend("else" = { "properties": { "user": { "type": "null" } } }))]
    Open = "open" New [Operator] "Opens an API client and answers its key." {
        /// What it is for.
        #[serde(deserialize_with = "named")]
        role: Role,
        /// What operators call it; no personal data.
        name: Text<MOST_NAME_CHARS>,
        /// The user whose identification is stored in this terminal. MUST be left out by every other role.
        #[serde(default)]
        user: Option<EntityId>,
    }
    /// It gets another key; the one before is over at once.
    RollKey = "roll_key" Id [Operator] "Gives a client another key; the one before is over at once." {}
    /// Its key is over, and it gets no other.
    Revoke = "revoke" Id [Operator] "Ends a client's key for ever." {}
}

/// A request, ready to be decided.
pub enum Command {
    /// A client is to get a key.
    Open {
        /// What it is for.
        role: Role,
        /// What operators call it.
        name: String,
        /// The user whose identification is stored in this terminal.
        user: Option<EntityId>,
        /// What its key hashes to.
        key: TokenHash,
    },
    /// It gets another key.
    RollKey,
    /// Its key is over.
    Revoke,
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The client.
    pub id: EntityId,
    /// What it is for, at its opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What operators call it, at its opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The user whose identification is stored in this terminal, at its opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<EntityId>,
    /// Its API key, where it got one. Absent too once the root key that the key was made with is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Actor for Client {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(Open { user, .. }) => {
                let id = secrets.entity_id(Self::FAMILY, &call.caller.principal, &call.key);
                // In the slot of its user, so that opening it can see whether there is one.
                Ok(user.map_or(id, |user| id.in_slot(user.slot())))
            }
            Request::RollKey(_) | Request::Revoke(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        match request {
            Request::Open(Open { role, name, user }) => {
                if !role.is_for_clients() {
                    return Err(Refused::NotForClients.into());
                }
                if role != Role::Terminal && user.is_some() {
                    return Err(Refused::OnlyTerminals.into());
                }
                let key = with.secrets.token_hash(Purpose::ApiKey, with.id, FIRST_KEY);
                Ok(Command::Open { role, name: name.into(), user, key })
            }
            Request::RollKey(RollKey {}) => Ok(Command::RollKey),
            Request::Revoke(Revoke {}) => Ok(Command::Revoke),
        }
    }

    fn neighbours(&self, command: &Command, _context: &Context) -> Vec<EntityKey> {
        match command {
            Command::Open { user, .. } => user.map(EntityKey::of::<User>).into_iter().collect(),
            Command::RollKey | Command::Revoke => Vec::new(),
        }
    }

    fn decide(
        &self,
        command: &Command,
        neighbours: Neighbours<'_>,
        _context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match (self, command) {
            (Self::Absent, Command::Open { role, name, user, key }) => {
                let is_known = |user| neighbours.get::<User>(user).is_some_and(|user| user.account().is_some());
                if user.is_some_and(|user| !is_known(user)) {
                    return Err(Refused::NoSuchUser.into());
                }
                Event::Opened { role: *role, name: name.clone(), user: *user, key: key.clone() }
            }
            (Self::Active(active), Command::RollKey) => Event::KeyRolled {
                counter: active.counter.checked_add(1).ok_or(Refused::OutOfKeys)?,
                key: TokenHash { key: 0, sha256: String::new() }, // until `complete`
            },
            (Self::Active(_), Command::Revoke) => Event::Revoked {},
            (Self::Active(_) | Self::Revoked, Command::Open { .. }) => return Err(Refused::Exists.into()),
            (Self::Absent, Command::RollKey | Command::Revoke) => return Err(Refused::Unknown.into()),
            (Self::Revoked, Command::RollKey | Command::Revoke) => return Err(Refused::Revoked.into()),
        };
        Ok(Decision::one(event))
    }

    fn complete(id: EntityId, own: &mut [Event], secrets: &Secrets) {
        for event in own {
            match event {
                Event::KeyRolled { counter, key } => *key = secrets.token_hash(Purpose::ApiKey, id, *counter),
                Event::Opened { .. } | Event::Revoked {} => {}
            }
        }
    }

    fn answer(id: EntityId, own: &[Event], secrets: &Secrets) -> Answer {
        let Some(event) = own.first() else { return Answer::unanswerable() };
        let plain = Reply { id, role: None, name: None, user: None, key: None };
        match event {
            Event::Opened { role, name, user, key } => Answer::created(&Reply {
                role: Some(*role),
                name: Some(name.clone()),
                user: *user,
                key: secrets.token(Purpose::ApiKey, key.key, id, FIRST_KEY),
                ..plain
            }),
            Event::KeyRolled { counter, key } => {
                Answer::ok(&Reply { key: secrets.token(Purpose::ApiKey, key.key, id, *counter), ..plain })
            }
            Event::Revoked {} => Answer::ok(&plain),
        }
    }
}
