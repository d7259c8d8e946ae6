//! Webhooks: endpoints to which an operator lets events be sent, for an API client that is told what it may see.
//!
//! An active endpoint owes one activity at a time, for as long as it is active: the next event, whenever that comes. Its secret is
//! computed anew for every answer, so a retry is told the same one, and nothing secret is stored.

mod outcome;
pub mod refusal;
#[cfg(test)]
mod tests;

use std::time::Duration;

use kippu_events::access::clients::Client;
use kippu_events::access::webhooks::{Begin, Endpoint, Event, Webhook};
use kippu_events::event::EventId;
use kippu_events::secrets::Secrets;
use kippu_events::{Entity as _, EntityId, EntityKey, Family};
use serde::{Deserialize, Serialize};

pub use self::outcome::Came;
use self::refusal::Refused;
use crate::activity::{Outcome, Owed, Work};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};
use crate::text::Text;

/// Enough for a host name, a path, and a token in a query.
pub const MOST_URL_CHARS: usize = 512;
/// More than there are.
pub const MOST_FAMILIES: usize = 64;
/// Each lies in the state of its endpoint until it was sent.
pub const MOST_AGAIN: usize = 100;
/// The number of an endpoint's first secret.
const FIRST_SECRET: u32 = 0;
/// How long the secret before signs too: enough to bring the new one to where it is wanted.
const BOTH: Duration = Duration::from_secs(24 * 60 * 60);

/// Where an endpoint answers.
pub type Url = Text<MOST_URL_CHARS>;

commands! {
    /// Events are to be sent to an endpoint.
    Open = "open" New [Operator] "Adds an endpoint to which events are sent, and answers the secret that signs them." {
        /// The API client that is told: it is sent what it may see.
        client: EntityId,
        /// Where: `https://`, or `http://` where this node may call so.
        url: Url,
        /// Only events of these families; of all where they are left out.
        #[serde(default)]
        #[schemars(length(max = MOST_FAMILIES))]
        families: Vec<Text<32>>,
        /// The first event: what happens from `now` on, where it is left out, or the `beginning` of the history.
        #[serde(default)]
        from: Begin,
    }
    /// It answers elsewhere, or is sent other events.
    Change = "change" Id [Operator] "Changes where an endpoint answers, and which events are sent to it." {
        /// Where.
        url: Url,
        /// Only events of these families; of all where they are left out.
        #[serde(default)]
        #[schemars(length(max = MOST_FAMILIES))]
        families: Vec<Text<32>>,
    }
    /// It gets another secret.
    RollSecret = "roll_secret" Id [Operator] "Gives an endpoint another secret; the one before signs too for 24 hours." {}
    /// Nothing is to be sent to it any more.
    Remove = "remove" Id [Operator] "Ends an endpoint for ever." {}
    /// It was disabled, and is to be sent again what it has not got.
    Enable = "enable" Id [Operator] "Sends events to a disabled endpoint again, from where it left off." {}
    /// It is to get an event once more.
    Redeliver = "redeliver" Id [Operator] "Sends one event once more, a dead letter or another one." {
        /// Its id, as `3-17.0`.
        event: Text<40>,
    }
}

/// What the family is asked, by a caller or once an activity has come to something.
pub enum Command {
    /// By a caller.
    Asked(Request),
    /// By the node.
    Came {
        /// Which activity.
        attempt: u32,
        /// What came of it.
        came: Came,
    },
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The endpoint.
    pub id: EntityId,
    /// Its secret, where it got one: `whsec_` and base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

fn checked(url: &Url, families: &[Text<32>]) -> Result<(), Refused> {
    let url = url.as_str();
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_graphic() && !['@', '#', '\\'].contains(&c);
    if host.is_empty() || host.starts_with(['/', '?', ':']) || !host.chars().all(is_plain) {
        return Err(Refused::NotAUrl);
    }
    let is_one = |(place, name): (usize, &Text<32>)| {
        let family = Family::from_name(name.as_str()).filter(|family| *family != Webhook::FAMILY);
        family.is_some() && !families[..place].contains(name)
    };
    if families.len() > MOST_FAMILIES || !families.iter().enumerate().all(is_one) {
        return Err(Refused::NotFamilies);
    }
    Ok(())
}

fn names(families: &[Text<32>]) -> Vec<String> {
    families.iter().map(|name| name.as_str().to_owned()).collect()
}

impl Actor for Webhook {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;
    const WAITS: bool = true;

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(Open { client, .. }) => {
                let id = secrets.entity_id(Self::FAMILY, &call.caller.principal, &call.key);
                // In the slot of its client, so that adding it can see whether there is one.
                Ok(id.in_slot(client.slot()))
            }
            Request::Change(_)
            | Request::RollSecret(_)
            | Request::Remove(_)
            | Request::Enable(_)
            | Request::Redeliver(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, _with: &Preparing<'_>) -> Result<Command, Problem> {
        match &request {
            Request::Open(Open { url, families, .. }) | Request::Change(Change { url, families }) => {
                checked(url, families)?;
            }
            Request::Redeliver(Redeliver { event }) => {
                event.as_str().parse::<EventId>().map_err(|_| Refused::NotAnEvent)?;
            }
            Request::RollSecret(_) | Request::Remove(_) | Request::Enable(_) => {}
        }
        Ok(Command::Asked(request))
    }

    fn neighbours(&self, command: &Command, _context: &Context) -> Vec<EntityKey> {
        match command {
            Command::Asked(Request::Open(Open { client, .. })) => vec![EntityKey::of::<Client>(*client)],
            Command::Asked(_) | Command::Came { .. } => Vec::new(),
        }
    }

    fn decide(
        &self,
        command: &Command,
        neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let event = match (self, command) {
            (_, Command::Came { attempt, came }) => {
                let owed = self.active().filter(|endpoint| endpoint.attempt == *attempt);
                owed.and_then(|endpoint| came.event(endpoint, *attempt)).ok_or(Refused::NotDue)?
            }
            (Self::Absent, Command::Asked(Request::Open(Open { client, url, families, from }))) => {
                if !matches!(neighbours.get::<Client>(*client), Some(Client::Active(_))) {
                    return Err(Refused::NoSuchClient.into());
                }
                Event::Added { client: *client, url: url.as_str().to_owned(), families: names(families), from: *from }
            }
            (Self::Active(_) | Self::Disabled(_) | Self::Removed, Command::Asked(Request::Open(_))) => {
                return Err(Refused::Exists.into());
            }
            (Self::Absent, Command::Asked(_)) => return Err(Refused::Unknown.into()),
            (Self::Removed, Command::Asked(_)) => return Err(Refused::Removed.into()),
            (Self::Active(_), Command::Asked(Request::Enable(_))) => return Err(Refused::NotDisabled.into()),
            (Self::Active(endpoint) | Self::Disabled(endpoint), Command::Asked(request)) => {
                changed(endpoint, request, context)?
            }
        };
        Ok(Decision::one(event))
    }

    fn answer(id: EntityId, own: &[Event], secrets: &Secrets) -> Answer {
        let secret = |number| Some(secrets.webhook_secret(id, number));
        match own.first() {
            Some(Event::Added { .. }) => Answer::created(&Reply { id, secret: secret(FIRST_SECRET) }),
            Some(Event::SecretRolled { secret: number, .. }) => Answer::ok(&Reply { id, secret: secret(*number) }),
            Some(
                Event::Changed { .. }
                | Event::Delivered { .. }
                | Event::Failing { .. }
                | Event::DeadLettered { .. }
                | Event::RedeliveryAsked { .. }
                | Event::Disabled { .. }
                | Event::Enabled {}
                | Event::Removed {},
            ) => Answer::ok(&Reply { id, secret: None }),
            None => Answer::unanswerable(),
        }
    }

    fn owed(&self, id: EntityId) -> Option<Owed> {
        let Endpoint { attempt, since, .. } = *self.active()?;
        Some(Owed { to: id, attempt, since })
    }

    fn work(&self, _id: EntityId, _secrets: &Secrets) -> Option<Work> {
        self.active().map(|_| Work::Push)
    }

    fn came_of(attempt: u32, outcome: Outcome, _id: EntityId, _secrets: &Secrets) -> Result<Command, Problem> {
        let came = Came::of(&outcome).ok_or_else(|| Problem::internal("this came of no event that was sent"))?;
        Ok(Command::Came { attempt, came })
    }
}

fn changed(endpoint: &Endpoint, request: &Request, context: &Context) -> Result<Event, Refused> {
    match request {
        Request::Open(_) => Err(Refused::Exists),
        Request::Change(Change { url, families }) => {
            Ok(Event::Changed { url: url.as_str().to_owned(), families: names(families) })
        }
        Request::RollSecret(RollSecret {}) => Ok(Event::SecretRolled {
            secret: endpoint.secret.checked_add(1).ok_or(Refused::OutOfSecrets)?,
            both_until: context.now.after(BOTH),
        }),
        Request::Remove(Remove {}) => Ok(Event::Removed {}),
        Request::Enable(Enable {}) => Ok(Event::Enabled {}),
        Request::Redeliver(Redeliver { event }) => {
            if endpoint.again.iter().any(|again| again.event == event.as_str()) {
                return Err(Refused::Asked);
            }
            if endpoint.again.len() >= MOST_AGAIN {
                return Err(Refused::TooManyAgain);
            }
            Ok(Event::RedeliveryAsked { event: event.as_str().to_owned() })
        }
    }
}
