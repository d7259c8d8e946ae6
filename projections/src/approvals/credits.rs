//! `credits`: what this node, as a financial reference, knows of its customers, and how often somebody asked.

use kippu_events::access::Role;
use kippu_events::approvals::credits::{Credit, Event, Standing, Told};
use kippu_events::money::{Currency, Minor};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;
use crate::view::{Filter, Filters};

/// See the module.
pub struct Credits;

/// What the state forgets.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    inquiries: u64,
    last: Option<(EntityId, Told)>,
}

const STANDINGS: [&str; 2] = ["good", "bad"];
const STANDING: &str = "standing";

/// What is known of a customer.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    changed_at: Time,
    /// The currency of the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    id: EntityId,
    /// How often somebody asked about the customer.
    inquiries: u64,
    /// The peer that asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_asked_by: Option<EntityId>,
    /// What it was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_told: Option<Told>,
    /// Up to how much this node vouches for the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Minor>,
    /// How the customer pays.
    #[schemars(extend("enum" = STANDINGS))]
    standing: &'static str,
    version: u64,
}

impl EntityTable for Credits {
    type Entity = Credit;
    type Kept = Kept;
    type Shown = Shown;

    const NAME: &'static str = "credits";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "Customers of this financial reference, how they pay, and who asked about them.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] = &[Filter::of(STANDING, "how the customer pays", &STANDINGS)];

    fn keep(kept: &mut Kept, event: &Event) {
        match event {
            Event::Opened { .. } | Event::Changed { .. } => {}
            Event::Inquired { by, told, .. } => {
                kept.inquiries += 1;
                kept.last = Some((*by, *told));
            }
        }
    }

    fn show(id: EntityId, row: Row<Credit, Kept>) -> Option<Shown> {
        let Row { state, kept: Kept { inquiries, last }, changed_at, version, .. } = row;
        let known = match state {
            // Somebody asked about a number that is nobody's.
            Credit::Absent => return None,
            Credit::Known(known) => known,
        };
        let standing = match known.standing {
            Standing::Good => STANDINGS[0],
            Standing::Bad => STANDINGS[1],
        };
        let (limit, currency) = (known.limit.map(|limit| limit.0), known.limit.map(|limit| limit.1));
        let (last_asked_by, last_told) = (last.map(|last| last.0), last.map(|last| last.1));
        Some(Shown { changed_at, currency, id, inquiries, last_asked_by, last_told, limit, standing, version })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STANDING, shown.standing)
    }
}
