//! What members do at sites besides looking at pages: they put something into a cart, reserve, or buy. The site's node keeps it, and hands it
//! on to the central node.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::as_json::AsJson;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::time::Time;

/// As what another node knows the action `id` of this site.
#[must_use]
pub fn id_of(site: EntityId, id: EntityId) -> EntityId {
    let hash = Sha256::new().chain_update(b"kippu.member-action.1").chain_update(site.as_bytes());
    EntityId::from_hash(&hash.chain_update(id.as_bytes()).finalize().into())
}

/// What a member does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Looks at a page.
    Page,
    /// Puts something into the cart.
    Cart,
    /// Reserves something.
    Reservation,
    /// Buys something.
    Purchase,
}

impl Kind {
    /// Every name on the wire.
    pub const NAMES: [&'static str; 4] = ["page", "cart", "reservation", "purchase"];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Cart => "cart",
            Self::Reservation => "reservation",
            Self::Purchase => "purchase",
        }
    }
}

/// Something that a member did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Under which contract.
    pub contract: EntityId,
    /// At which site.
    pub site: EntityId,
    /// As whom the central node knows the member.
    pub member: EntityId,
    /// What was done.
    pub kind: Kind,
    /// On which page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// With which goods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// What was paid for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Minor>,
    /// Its currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// When.
    pub at: Time,
}

/// What happened to the record of an action.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// It is on record.
    #[serde(rename = "member_action.done")]
    Done {
        /// What was done.
        action: Action,
        /// The party that is still to be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<EntityId>,
    },
    /// The other party has it.
    #[serde(rename = "member_action.handed_over")]
    HandedOver {},
    /// The other party does not take it.
    #[serde(rename = "member_action.refused")]
    Refused {
        /// Why: a slug.
        reason: String,
    },
}

/// The state of an action.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum MemberAction {
    /// Nobody did it.
    #[default]
    Absent,
    /// It was done.
    Done {
        /// What.
        action: AsJson<Action>,
        /// Who is still to be told, and since when.
        to: Option<(EntityId, Time)>,
        /// Why the other party does not take it, where it does not.
        refused: Option<String>,
    },
}

impl MemberAction {
    /// What was done.
    #[must_use]
    pub fn action(&self) -> Option<&Action> {
        match self {
            Self::Absent => None,
            Self::Done { action, .. } => Some(action),
        }
    }
}

impl Entity for MemberAction {
    const FAMILY: Family = Family::MemberActions;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        let [contract, site, member, to] = [3, 5, 7, 9].map(|byte| EntityId::from_hash(&[byte; 32]));
        let action = Action {
            contract,
            site,
            member,
            kind: Kind::Purchase,
            page: Some("/tie-up/books".to_owned()),
            item: Some("book".to_owned()),
            amount: Minor::new(800),
            currency: Some(Currency::EUR),
            at: Time::from_micros(1_795_254_300_000_000),
        };
        let done = Event::Done { action, to: Some(to) };
        vec![done, Event::HandedOver {}, Event::Refused { reason: "forbidden".to_owned() }]
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        match (&mut *self, event) {
            (Self::Absent, Event::Done { action, to }) => {
                *self = Self::Done { action: AsJson(action.clone()), to: to.map(|to| (to, time)), refused: None };
            }
            (Self::Done { to: to @ Some(_), .. }, Event::HandedOver {}) => *to = None,
            (Self::Done { to: to @ Some(_), refused, .. }, Event::Refused { reason }) => {
                *to = None;
                *refused = Some(reason.clone());
            }
            (Self::Absent | Self::Done { .. }, Event::Done { .. } | Event::HandedOver {} | Event::Refused { .. }) => {}
        }
    }
}

#[test]
fn an_action_is_owed_until_the_other_party_took_or_refused_it() {
    let [done, handed_over, refused] = <[Event; 3]>::try_from(MemberAction::samples()).unwrap();
    let after = |events: &[Event]| crate::entity::fold::<MemberAction>(events);
    let is_owed = |state: &MemberAction| matches!(state, MemberAction::Done { to: Some(_), .. });
    assert!(is_owed(&after(std::slice::from_ref(&done))));
    for over in [&handed_over, &refused] {
        assert!(!is_owed(&after(&[done.clone(), over.clone(), done.clone()])));
    }
    assert_eq!(after(&[handed_over]), MemberAction::Absent);
    for (kind, name) in [Kind::Page, Kind::Cart, Kind::Reservation, Kind::Purchase].into_iter().zip(Kind::NAMES) {
        assert_eq!((kind.name(), serde_json::to_value(kind).unwrap()), (name, name.into()));
    }
}
