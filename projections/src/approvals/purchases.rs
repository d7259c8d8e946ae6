//! `purchases`: purchase information that shops have pushed. A shop sees its own.

use kippu_events::access::Role;
use kippu_events::approvals::offer_content::OfferItem;
use kippu_events::approvals::purchases::{Event, Information, Pushed};
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::entity_table::{EntityTable, Row};
use crate::grants::{Grant, Owner, Owners};
use crate::view::{Filter, Filters};

/// See the module.
pub struct Purchases;

/// What the state forgets.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    pushes: u64,
}

const SHOP: &str = "shop";

/// An offer that its shop has pushed.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    changed_at: Time,
    /// Of every price here.
    currency: Currency,
    /// From then on it is none.
    expires_at: Time,
    id: EntityId,
    /// What is offered.
    items: Vec<OfferItem>,
    /// The offer, by its id at the shop.
    offer: EntityId,
    pushed_at: Time,
    /// How often the shop pushed it.
    pushes: u64,
    /// The parties that may settle it.
    settlers: Vec<EntityId>,
    /// What its text hashes to: SHA-256 in hexadecimal digits.
    sha256: String,
    /// The shop.
    shop: EntityId,
    /// What all items cost.
    total: Minor,
    version: u64,
}

impl EntityTable for Purchases {
    type Entity = Information;
    type Kept = Kept;
    type Shown = Shown;

    const NAME: &'static str = "purchases";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "Purchase information that shops have pushed.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator), Grant::own(Role::Shop, Owner::Client)];
    const FILTERS: &'static [Filter] = &[Filter::owner(SHOP, "the party that pushed it", Owner::Client)];

    fn keep(kept: &mut Kept, event: &Event) {
        let Event::Pushed(_) = event;
        kept.pushes += 1;
    }

    fn show(id: EntityId, row: Row<Information, Kept>) -> Option<Shown> {
        let Row { state, kept: Kept { pushes }, begun_at: pushed_at, changed_at, version } = row;
        let pushed = match state {
            Information::Absent => return None,
            Information::Pushed(pushed) => *pushed,
        };
        let Pushed { shop, offer, sha256, expires_at, total, currency, settlers, items, .. } = pushed;
        Some(Shown {
            changed_at,
            currency,
            expires_at,
            id,
            items,
            offer,
            pushed_at,
            pushes,
            settlers,
            sha256,
            shop,
            total,
            version,
        })
    }

    fn owners(_id: EntityId, state: &Information, _kept: &Kept) -> Owners {
        match state {
            Information::Absent => Owners::default(),
            Information::Pushed(pushed) => Owners::client(pushed.shop),
        }
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(SHOP, &shown.shop.to_string())
    }
}
