//! Signing keys of this node: which one signs, for each use. The keys themselves are derived (`secrets/signing.rs`); the key
//! with number 0 signs until another one is there.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::secrets::{PublicKey, SigningUse};
use crate::time::Time;

/// The entity of the keys for `of`.
#[must_use]
pub fn id_of(of: SigningUse) -> EntityId {
    let mut hash = Sha256::new();
    hash.update(b"kippu.signing-keys.1");
    hash.update(of.name());
    EntityId::from_hash(&hash.finalize().into())
}

/// What happened to the keys of one use.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// There is another key, published at once; it signs from a time on.
    #[serde(rename = "signing_key.rotated")]
    Rotated {
        /// What for.
        r#use: SigningUse,
        /// Its number.
        number: u32,
        /// The public key.
        x: PublicKey,
        /// From when it signs.
        from: Time,
    },
}

/// The state of the keys of one use: those after number 0, oldest first, and from when each signs.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct SigningKeys {
    /// Number and beginning.
    pub rotated: Vec<(u32, Time)>,
}

impl SigningKeys {
    /// The number of the key that signs at `time`.
    #[must_use]
    pub fn number_at(&self, time: Time) -> u32 {
        self.rotated.iter().rev().find(|(_, from)| *from <= time).map_or(0, |(number, _)| *number)
    }

    /// The number of the newest key.
    #[must_use]
    pub fn newest(&self) -> u32 {
        self.rotated.last().map_or(0, |(number, _)| *number)
    }
}

impl Entity for SigningKeys {
    const FAMILY: Family = Family::SigningKeys;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".parse();
        let x = x.unwrap_or_else(|_| unreachable!("a key of RFC 8037"));
        vec![Event::Rotated { r#use: SigningUse::Http, number: 1, x, from: Time::from_micros(1_795_254_300_000_000) }]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        let Event::Rotated { number, from, .. } = event;
        self.rotated.push((*number, *from));
    }
}

#[test]
fn a_key_signs_from_its_time_on_until_the_next_one_does() {
    let at = Time::from_micros;
    let keys = SigningKeys { rotated: vec![(1, at(10)), (2, at(20))] };
    assert_eq!([0, 9, 10, 19, 20].map(|time| keys.number_at(at(time))), [0, 0, 1, 1, 2]);
    assert_eq!((keys.newest(), SigningKeys::default().newest()), (2, 0));
}
