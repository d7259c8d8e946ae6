//! `peers`: other parties as this node knows them.

use kippu_events::access::peers::{Event, Peer, PeerKey};
use kippu_events::access::roles::Role;
use kippu_events::secrets::{PublicKey, SigningUse};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;
use crate::view::{Filter, Filters};

/// See the module.
pub struct Peers;

/// What the state forgets.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    name: String,
}

const STATES: [&str; 2] = ["known", "revoked"];
const STATE: &str = "state";
const ROLE: &str = "role";

/// Another party.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    changed_at: Time,
    id: EntityId,
    /// Its keys that are not revoked.
    keys: Vec<ShownKey>,
    /// What operators call it.
    name: String,
    registered_at: Time,
    /// What it is to this node.
    roles: Vec<Role>,
    /// Whether it counts.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    /// Where its node answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    version: u64,
}

/// A key of a peer.
#[derive(Serialize, schemars::JsonSchema)]
pub struct ShownKey {
    /// It does not count before.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Time>,
    /// The thumbprint of its JWK.
    id: String,
    /// It does not count from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Time>,
    /// What it is for.
    r#use: SigningUse,
    /// The key, as the `x` of its JWK.
    x: PublicKey,
}

impl EntityTable for Peers {
    type Entity = Peer;
    type Kept = Kept;
    type Shown = Shown;

    const NAME: &'static str = "peers";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "Other parties that this node knows, with their keys.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] =
        &[Filter::of(STATE, "whether it counts", &STATES), Filter::of(ROLE, "what it is to this node", &Role::NAMES)];

    fn keep(kept: &mut Kept, event: &Event) {
        match event {
            Event::Registered { name, .. } | Event::Changed { name, .. } => kept.name.clone_from(name),
            Event::KeyAdded { .. } | Event::KeyRevoked { .. } | Event::Revoked {} => {}
        }
    }

    fn show(id: EntityId, row: Row<Peer, Kept>) -> Option<Shown> {
        let Row { state, kept: Kept { name }, begun_at: registered_at, changed_at, version } = row;
        let (state, url, roles, keys) = match state {
            Peer::Absent => return None,
            Peer::Known(known) => ("known", Some(known.url), known.roles, known.keys),
            Peer::Revoked => ("revoked", None, Vec::new(), Vec::new()),
        };
        let shown = |PeerKey { r#use, x, from, until }| ShownKey { from, id: PublicKey::id(&x), until, r#use, x };
        let keys = keys.into_iter().map(shown).collect();
        Some(Shown { changed_at, id, keys, name, registered_at, roles, state, url, version })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state)
            && filters.text(ROLE).is_none_or(|role| shown.roles.iter().any(|its| its.name() == role))
    }
}
