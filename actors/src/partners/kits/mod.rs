//! Kits: the main site makes one for each new partner site, whose node joins by it once. What follows for the peers and contracts
//! of the main site, its node sees to.

pub mod refusal;
pub mod request;
#[cfg(test)]
mod tests;

use kippu_events::access::Role;
use kippu_events::access::peers::{Peer, PeerKey};
use kippu_events::access::signing_keys::{self, SigningKeys};
use kippu_events::blobs::BlobId;
use kippu_events::partners::contracts;
use kippu_events::partners::kits::{Event, Joined, Kit, Standing};
use kippu_events::secrets::{PublicKey, Secrets, SigningUse, TokenHash};
use kippu_events::statement::{self, Unverified};
use kippu_events::{EntityId, EntityKey, Time};
use serde::{Deserialize, Serialize};

use self::refusal::Refused;
use self::request::{Command, Join, Open, Reply, Request};
use crate::access::peers::{self, MOST_KEYS, MOST_NAME_CHARS, MOST_URL_CHARS};
use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{self, Problem, ProblemType};

/// The number of its only capability.
const CAPABILITY: u8 = 0;
/// The type of the statement that goes before the files of a kit.
pub const KIT: &str = "kippu-kit";
/// The type of the statement by which a party names itself.
pub const CARD: &str = "kippu-card";

/// What the main site signs of a kit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The kit.
    pub kit: EntityId,
    /// What its files hash to.
    pub contents: BlobId,
    /// Until when somebody may join.
    pub until: Time,
    /// What lets a party join.
    pub capability: String,
}

/// A card, as a party signs it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Card {
    party: EntityId,
    name: String,
    url: String,
    keys: Vec<CardKey>,
}

/// A key on a card.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardKey {
    r#use: SigningUse,
    x: PublicKey,
}

/// The party that has signed `text` as its own card.
fn joined(text: &str) -> Option<Joined> {
    let unverified = Unverified::parse(text).ok()?;
    let claimed: Card = unverified.claimed()?;
    let its = claimed.keys.iter().find(|key| key.r#use == SigningUse::Statements && key.x.id() == unverified.key);
    let Card { party, name, url, keys } = unverified.verify(its.map(|key| key.x), CARD).ok()?;
    let is_once = |(place, key): (usize, &CardKey)| keys.iter().take(place).all(|other| other.x != key.x);
    let is_short = |text: &str, most: usize| {
        !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
    };
    let is_url = |url: &str| {
        let url = peers::Url::try_from(url.to_owned());
        url.is_ok_and(|url| peers::checked(&url, &[Role::PartnerSite]).is_ok())
    };
    let fits = party == unverified.signer
        && keys.len() <= MOST_KEYS
        && keys.iter().enumerate().all(is_once)
        && is_short(&name, MOST_NAME_CHARS)
        && is_short(&url, MOST_URL_CHARS)
        && is_url(&url);
    let keys = keys.into_iter().map(|CardKey { r#use, x }| PeerKey { r#use, x, from: None, until: None }).collect();
    fits.then_some(Joined { party, name, url, keys })
}

impl Actor for Kit {
    type Request = Request;
    type Command = Command;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = request::COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = refusal::TYPES;

    fn lookups(request: &Request) -> Vec<EntityKey> {
        match request {
            Request::Open(_) => vec![EntityKey::of::<SigningKeys>(signing_keys::id_of(SigningUse::Statements))],
            Request::Join(Join { card }) => {
                let claimed = Unverified::parse(card.as_str()).ok().map(|card| card.signer);
                claimed.map(EntityKey::of::<Peer>).into_iter().collect()
            }
            Request::Withdraw(_) => Vec::new(),
        }
    }

    fn target(request: &Request, call: &Call, secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(_) => {
                Ok(secrets.entity_id(<Self as kippu_events::Entity>::FAMILY, &call.caller.principal, &call.key))
            }
            Request::Join(_) | Request::Withdraw(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, with: &Preparing<'_>) -> Result<Command, Problem> {
        match request {
            Request::Open(Open { name, from, terms, until, contents }) => {
                if let Some(wrong) = terms.wrong().into_iter().next() {
                    return Err(Problem::new(&problem::INVALID_BODY, format!("terms{wrong}")));
                }
                let keys = with.looked_up::<SigningKeys>(signing_keys::id_of(SigningUse::Statements));
                let keys = keys.map(|(keys, _)| keys.clone()).unwrap_or_default();
                Ok(Command::Make { name: name.into(), from, terms, until, contents, keys })
            }
            Request::Join(Join { card }) => {
                if with.call.caller.holds != Some(EntityKey::of::<Self>(with.id)) {
                    return Err(Refused::NotTheHolder.into());
                }
                let joined = joined(card.as_str()).ok_or(Refused::NotACard)?;
                // A card proves whose keys it has, and not whose name: a name that stands for somebody here is not given away.
                let peer = with.looked_up::<Peer>(joined.party);
                if joined.party == with.secrets.party || peer.is_some_and(|(peer, _)| *peer != Peer::default()) {
                    return Err(Refused::Known.into());
                }
                Ok(Command::Join(joined))
            }
            Request::Withdraw(_) => Ok(Command::Withdraw),
        }
    }

    fn decide(
        &self,
        command: &Command,
        _neighbours: Neighbours<'_>,
        context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        Ok(Decision::one(decide(self, command, context.now)?))
    }

    fn complete(id: EntityId, own: &mut [Event], secrets: &Secrets) {
        for event in own {
            if let Event::Made { capability, .. } = event {
                *capability = secrets.capability_hash(EntityKey::of::<Self>(id), CAPABILITY);
            }
        }
    }

    fn answer(id: EntityId, own: &[Event], secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Made { until, contents, key, capability, .. }) => {
                let token = secrets.capability_token(capability.key, EntityKey::of::<Self>(id), CAPABILITY);
                let statement = token.map(|capability| {
                    let signed = Signed { kit: id, contents: *contents, until: *until, capability };
                    statement::sign(secrets, *key, KIT, &signed)
                });
                Answer::created(&Reply { id, statement, contract: None })
            }
            Some(Event::Joined(joined)) => {
                let contract = Some(contracts::id_of(secrets.party, joined.party));
                Answer::ok(&Reply { id, statement: None, contract })
            }
            Some(Event::Withdrawn {}) => Answer::ok(&Reply { id, statement: None, contract: None }),
            None => Answer::unanswerable(),
        }
    }
}

fn decide(kit: &Kit, command: &Command, now: Time) -> Result<Event, Problem> {
    match (kit, command) {
        (Kit::Absent, Command::Make { name, from, terms, until, contents, keys }) => {
            if *until <= now {
                return Err(Refused::Until.into());
            }
            let (name, terms, key) = (name.clone(), terms.clone(), keys.number_at(now));
            // It comes to be the hash of the capability when the decision is completed.
            let capability = TokenHash { key: 0, sha256: String::new() };
            let (from, until, contents) = (*from, *until, *contents);
            Ok(Event::Made { name, from, terms, until, contents, key, capability })
        }
        (Kit::Known(_), Command::Make { .. }) => Err(Problem::new(&problem::ALREADY_EXISTS, "the kit was made before")),
        (Kit::Absent, Command::Join(_) | Command::Withdraw) => Err(Refused::Unknown.into()),
        (Kit::Known(known), Command::Join(_) | Command::Withdraw) => match (&known.standing, command) {
            (Standing::Joined(_), _) => Err(Refused::Used.into()),
            (Standing::Withdrawn, _) => Err(Refused::Withdrawn.into()),
            (Standing::Open, Command::Join(_)) if known.until <= now => Err(Refused::Late.into()),
            (Standing::Open, Command::Join(joined)) => Ok(Event::Joined(joined.clone())),
            (Standing::Open, Command::Withdraw | Command::Make { .. }) => Ok(Event::Withdrawn {}),
        },
    }
}
