//! Kits: what a main site hands to the operator of a new partner site, so that it begins quickly. A kit lets one party join, once.
//!
//! ```text
//! made ─┬─▶ joined (by one party)
//!       └─▶ withdrawn
//! ```

use serde::{Deserialize, Serialize};

use crate::access::peers::PeerKey;
use crate::as_json::AsJson;
use crate::blobs::BlobId;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::opaque::TokenHash;
use crate::partners::contracts::Terms;
use crate::secrets::SigningUse;
use crate::time::Time;

/// A party as its own signed card names it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Joined {
    /// The party.
    pub party: EntityId,
    /// What it calls itself; no personal data.
    pub name: String,
    /// Where its node answers.
    pub url: String,
    /// Its keys.
    pub keys: Vec<PeerKey>,
}

/// What happened to a kit. Holds no personal data.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The main site made it.
    #[serde(rename = "kit.made")]
    Made {
        /// For whom it is; no personal data.
        name: String,
        /// From when the terms count that whoever joins is proposed.
        from: Time,
        /// These terms.
        terms: Box<Terms>,
        /// Until when somebody may join.
        until: Time,
        /// What its files hash to.
        // No blob of this node: whoever has the kit has these bytes.
        #[schemars(with = "String")]
        contents: BlobId,
        /// The number of the key that signs it.
        key: u32,
        /// What the capability hashes to that lets a party join.
        capability: TokenHash,
    },
    /// A party joined.
    #[serde(rename = "kit.joined")]
    Joined(Joined),
    /// The main site took it back: nobody joins by it any more.
    #[serde(rename = "kit.withdrawn")]
    Withdrawn {},
}

/// What became of a kit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Standing {
    /// Somebody may join.
    Open,
    /// This party did.
    Joined(Joined),
    /// Nobody may any more.
    Withdrawn,
}

/// A kit that there is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// For whom it is.
    pub name: String,
    /// From when its terms count.
    pub from: Time,
    /// Its terms.
    pub terms: AsJson<Terms>,
    /// Until when somebody may join.
    pub until: Time,
    /// What became of it.
    pub standing: Standing,
}

/// The state of a kit.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Kit {
    /// Nobody made it.
    #[default]
    Absent,
    /// There is one.
    Known(Box<Known>),
}

impl Kit {
    /// Itself, where there is one.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Absent => None,
            Self::Known(known) => Some(known),
        }
    }
}

impl Entity for Kit {
    const FAMILY: Family = Family::Kits;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let key = PeerKey {
            r#use: SigningUse::Statements,
            x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
                .parse()
                .unwrap_or_else(|_| unreachable!("a key of RFC 8037")),
            from: None,
            until: None,
        };
        let joined = Joined {
            party: EntityId::from_hash(&[5; 32]),
            name: "Harbour Gifts".to_owned(),
            url: "http://127.0.0.1:7702".to_owned(),
            keys: vec![key],
        };
        vec![
            Event::Made {
                name: "Harbour Gifts".to_owned(),
                from: Time::from_micros(1_795_254_300_000_000),
                terms: Box::new(Terms::sample()),
                until: Time::from_micros(1_795_859_100_000_000),
                contents: BlobId([0xc1; 32]),
                key: 0,
                capability: TokenHash { key: 1, sha256: "h".repeat(43) },
            },
            Event::Joined(joined),
            Event::Withdrawn {},
        ]
    }

    fn evolve(&mut self, event: &Event, _time: Time) {
        match (&mut *self, event) {
            (Self::Absent, Event::Made { name, from, terms, until, .. }) => {
                let (name, terms) = (name.clone(), AsJson((**terms).clone()));
                let known = Known { name, from: *from, terms, until: *until, standing: Standing::Open };
                *self = Self::Known(Box::new(known));
            }
            (Self::Known(known), Event::Joined(joined)) if known.standing == Standing::Open => {
                known.standing = Standing::Joined(joined.clone());
            }
            (Self::Known(known), Event::Withdrawn {}) if known.standing == Standing::Open => {
                known.standing = Standing::Withdrawn;
            }
            (Self::Absent | Self::Known(_), Event::Made { .. } | Event::Joined(_) | Event::Withdrawn {}) => {}
        }
    }
}

#[test]
fn a_kit_is_used_by_the_first_who_joins_and_stays_so() {
    let [made, joined, withdrawn] = <[Event; 3]>::try_from(Kit::samples()).unwrap();
    let standing = |events: &[Event]| crate::entity::fold::<Kit>(events).known().map(|known| known.standing.clone());
    assert_eq!(standing(std::slice::from_ref(&made)), Some(Standing::Open));
    assert!(matches!(
        standing(&[made.clone(), joined.clone(), withdrawn.clone()]),
        Some(Standing::Joined(Joined { .. }))
    ));
    assert_eq!(standing(&[made, withdrawn, joined]), Some(Standing::Withdrawn));
}
