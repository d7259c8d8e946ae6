//! Peers: another party is registered with its URL, what it is to this node, and its public keys, which change.
//!
//! The id of a peer is that of the party, so every node names it the same way.

use kippu_events::EntityId;
use kippu_events::access::Role;
use kippu_events::access::peers::{Event, Known, Peer, PeerKey};
use kippu_events::secrets::Secrets;
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Answer, Call, CommandSpec, Context, Decision, Neighbours, Preparing};
use crate::problem::{Problem, ProblemType};
use crate::text::Text;

/// Enough for the name of an organisation.
pub const MOST_NAME_CHARS: usize = 128;
/// Enough for a host name, a port and a path.
pub const MOST_URL_CHARS: usize = 512;
/// A key of each use, the next one of each, and some that are about to end.
pub const MOST_KEYS: usize = 32;

/// What operators call a peer.
pub type Name = Text<MOST_NAME_CHARS>;
/// Where a peer's node answers.
pub type Url = Text<MOST_URL_CHARS>;

commands! {
    /// Another party is to be known.
    Open = "open" New [Operator] "Registers another party with its public keys." {
        /// The party, as its card names it.
        party: EntityId,
        /// What operators call it; no personal data.
        name: Name,
        /// Where its node answers: scheme, host and port.
        url: Url,
        /// What it is to this node.
        #[schemars(length(min = 1))]
        roles: Vec<Role>,
        /// Its keys.
        #[schemars(length(min = 1, max = MOST_KEYS))]
        keys: Vec<PeerKey>,
    }
    /// It is called otherwise, answers elsewhere, or is something else to this node.
    Change = "change" Id [Operator] "Changes a peer's name, URL and roles." {
        /// What operators call it.
        name: Name,
        /// Where its node answers.
        url: Url,
        /// What it is to this node.
        #[schemars(length(min = 1))]
        roles: Vec<Role>,
    }
    /// It has one more key.
    AddKey = "add_key" Id [Operator] "Adds a key of a peer; those that it has go on to count." {
        /// The key.
        key: PeerKey,
    }
    /// One of its keys does not count any more.
    RevokeKey = "revoke_key" Id [Operator] "Ends one of a peer's keys at once." {
        /// Which: the thumbprint of its JWK.
        key: Text<64>,
    }
    /// Nothing of it counts any more.
    Revoke = "revoke" Id [Operator] "Ends a peer for ever: nothing that it signs counts from then on." {}
}

refusals! {
    shared NOT_FOUND {
        /// This id registered nothing.
        Unknown "there is no peer with this id";
        /// No key of this name.
        NoSuchKey "the peer has no key with this id";
    }
    shared ALREADY_EXISTS {
        /// This party is known.
        Exists "the peer was registered before";
        /// This key is known.
        KeyExists "the peer has this key already";
    }
    shared INVALID_BODY {
        /// Not where a node answers.
        NotAUrl "a url is http:// or https:// and a host, without a password, a query or a fragment";
        /// A role that no peer has, none, or one twice.
        NotForPeers "roles are at least one of those that peers have, each once";
        /// None, one twice, or too many.
        Keys "there are 1 to {} keys, each once", MOST_KEYS;
    }
    own PEER_REVOKED = 409 "peer-revoked" "The peer was revoked" "A revoked peer stays revoked: its node begins a new history, which is another party." {
        /// Nothing of it counts any more.
        Revoked "the peer was revoked";
    }
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The peer.
    pub id: EntityId,
}

pub(crate) fn checked(url: &Url, roles: &[Role]) -> Result<String, Refused> {
    let url = url.as_str().trim_end_matches('/');
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
    if host.is_empty() || host.contains(['@', '?', '#', ' ', '\\']) || host.starts_with('/') {
        return Err(Refused::NotAUrl);
    }
    let is_once = |(place, role): (usize, &Role)| role.is_for_peers() && !roles[..place].contains(role);
    if roles.is_empty() || !roles.iter().enumerate().all(is_once) {
        return Err(Refused::NotForPeers);
    }
    Ok(url.to_owned())
}

impl Actor for Peer {
    type Request = Request;
    type Command = Request;
    type Reply = Reply;

    const COMMANDS: &'static [CommandSpec] = COMMANDS;
    const PROBLEMS: &'static [&'static ProblemType] = TYPES;

    fn target(request: &Request, call: &Call, _secrets: &Secrets) -> Result<EntityId, Problem> {
        match request {
            Request::Open(Open { party, .. }) => Ok(*party),
            Request::Change(_) | Request::AddKey(_) | Request::RevokeKey(_) | Request::Revoke(_) => call.path_id(),
        }
    }

    fn prepare(request: Request, _with: &Preparing<'_>) -> Result<Request, Problem> {
        match &request {
            Request::Open(Open { url, roles, keys, .. }) => {
                checked(url, roles)?;
                let is_once = |(place, key): (usize, &PeerKey)| keys[..place].iter().all(|other| other.x != key.x);
                if keys.is_empty() || keys.len() > MOST_KEYS || !keys.iter().enumerate().all(is_once) {
                    return Err(Refused::Keys.into());
                }
            }
            Request::Change(Change { url, roles, .. }) => drop(checked(url, roles)?),
            Request::AddKey(_) | Request::RevokeKey(_) | Request::Revoke(_) => {}
        }
        Ok(request)
    }

    fn decide(
        &self,
        command: &Request,
        _neighbours: Neighbours<'_>,
        _context: &Context,
    ) -> Result<Decision<Self>, Problem> {
        let known = match (self, command) {
            (Self::Absent, Request::Open(Open { name, url, roles, keys, .. })) => {
                let (name, url) = (name.as_str().to_owned(), checked(url, roles)?);
                let (roles, keys) = (roles.clone(), keys.clone());
                return Ok(Decision::one(Event::Registered { name, url, roles, keys }));
            }
            (Self::Known(_) | Self::Revoked, Request::Open(_)) => return Err(Refused::Exists.into()),
            (Self::Absent, _) => return Err(Refused::Unknown.into()),
            (Self::Revoked, _) => return Err(Refused::Revoked.into()),
            (Self::Known(known), _) => known,
        };
        Ok(Decision::one(change(known, command)?))
    }

    fn answer(id: EntityId, own: &[Event], _secrets: &Secrets) -> Answer {
        match own.first() {
            Some(Event::Registered { .. }) => Answer::created(&Reply { id }),
            Some(Event::Changed { .. } | Event::KeyAdded { .. } | Event::KeyRevoked { .. } | Event::Revoked {}) => {
                Answer::ok(&Reply { id })
            }
            None => Answer::unanswerable(),
        }
    }
}

fn change(known: &Known, command: &Request) -> Result<Event, Refused> {
    match command {
        Request::Open(_) => Err(Refused::Exists),
        Request::Change(Change { name, url, roles }) => {
            let (name, url) = (name.as_str().to_owned(), checked(url, roles)?);
            Ok(Event::Changed { name, url, roles: roles.clone() })
        }
        Request::AddKey(AddKey { key }) => {
            if known.keys.iter().any(|its| its.x == key.x) {
                return Err(Refused::KeyExists);
            }
            if known.keys.len() >= MOST_KEYS {
                return Err(Refused::Keys);
            }
            Ok(Event::KeyAdded { key: key.clone() })
        }
        Request::RevokeKey(RevokeKey { key }) => {
            let has = known.keys.iter().any(|its| its.x.id() == key.as_str());
            if has { Ok(Event::KeyRevoked { key: key.as_str().to_owned() }) } else { Err(Refused::NoSuchKey) }
        }
        Request::Revoke(Revoke {}) => Ok(Event::Revoked {}),
    }
}
