//! `signing-keys`: the keys that this node signs with, by use.

use kippu_events::access::Role;
use kippu_events::access::signing_keys::{Event, SigningKeys};
use kippu_events::secrets::{PublicKey, SigningUse};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;

/// See the module.
pub struct Keys;

/// What the state forgets.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    of: Option<SigningUse>,
    keys: Vec<PublicKey>,
}

/// The keys of one use, after the first one.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    changed_at: Time,
    id: EntityId,
    /// The keys, oldest first.
    keys: Vec<ShownKey>,
    /// What for.
    #[serde(rename = "use")]
    of: SigningUse,
    version: u64,
}

/// A signing key.
#[derive(Serialize, schemars::JsonSchema)]
pub struct ShownKey {
    /// From when it signs.
    from: Time,
    /// The thumbprint of its JWK.
    id: String,
    /// Its number.
    number: u32,
    /// The public key.
    x: PublicKey,
}

impl EntityTable for Keys {
    type Entity = SigningKeys;
    type Kept = Kept;
    type Shown = Shown;

    const NAME: &'static str = "signing-keys";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "The keys that this node signs with after its first ones, by use.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];

    fn keep(kept: &mut Kept, event: &Event) {
        let Event::Rotated { r#use, x, .. } = event;
        kept.of = Some(*r#use);
        kept.keys.push(*x);
    }

    fn show(id: EntityId, row: Row<SigningKeys, Kept>) -> Option<Shown> {
        let Row { state, kept: Kept { of, keys }, changed_at, version, .. } = row;
        let numbered = state.rotated.into_iter().zip(keys);
        let keys = numbered.map(|((number, from), x)| ShownKey { from, id: x.id(), number, x }).collect();
        Some(Shown { changed_at, id, keys, of: of?, version })
    }
}
