//! `page-deliveries`: which page stands where at which partner site.

use kippu_events::access::Role;
use kippu_events::blobs::BlobId;
use kippu_events::partners::page_deliveries::{Event, PageDelivery, Phase};
use kippu_events::partners::pages::{Decliner, PagePath};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;
use crate::view::{Filter, Filters};

/// See the module.
pub struct PageDeliveries;

/// What the state forgets.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    declined_by: Option<Decliner>,
    reason: Option<String>,
}

const STATES: [&str; 5] = ["pending", "taken", "applied", "declined", "refused"];
const STATE: &str = "state";
const CONTRACT: &str = "contract";
const PARTNER: &str = "partner";
const PATH: &str = "path";

/// The bringing of a page to a partner site.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    /// When it is brought once more, where that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    again_at: Option<Time>,
    /// The revision that the partner site shows, as it said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<u32>,
    changed_at: Time,
    /// The contract by which it is brought.
    contract: EntityId,
    /// Who declined the newest revision, where somebody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    declined_by: Option<Decliner>,
    id: EntityId,
    /// The party of the partner site.
    partner: EntityId,
    /// Where the page lies below both sites.
    path: PagePath,
    /// Why the newest revision was declined or refused, where that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The newest revision.
    revision: u32,
    /// What its bytes hash to.
    sha256: BlobId,
    /// Where it stands: the partner's node is to be told, knows, shows it, does not show it, or wants nothing of it.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    version: u64,
}

impl EntityTable for PageDeliveries {
    type Entity = PageDelivery;
    type Kept = Kept;
    type Shown = Shown;

    const NAME: &'static str = "page-deliveries";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "Which page stands where at which partner site.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] = &[
        Filter::of(STATE, "where it stands", &STATES),
        Filter::any(CONTRACT, "the contract by which it is brought"),
        Filter::any(PARTNER, "the party of the partner site"),
        Filter::any(PATH, "where the page lies below both sites"),
    ];

    fn keep(kept: &mut Kept, event: &Event) {
        *kept = match event {
            Event::Ordered { .. } | Event::Taken { .. } | Event::Applied { .. } => Kept::default(),
            Event::Refused { reason, .. } => Kept { declined_by: None, reason: Some(reason.clone()) },
            Event::Declined { by, reason, .. } => Kept { declined_by: Some(*by), reason: reason.clone() },
        };
    }

    fn show(id: EntityId, row: Row<PageDelivery, Kept>) -> Option<Shown> {
        let Row { state, kept: Kept { declined_by, reason }, changed_at, version, .. } = row;
        let PageDelivery::Known(known) = state else { return None };
        let (state, again_at) = match known.phase {
            Phase::Ordered => (STATES[0], None),
            Phase::Taken => (STATES[1], None),
            Phase::Applied => (STATES[2], None),
            Phase::Declined { again_at } => (STATES[3], again_at),
            Phase::Refused => (STATES[4], None),
        };
        Some(Shown {
            again_at,
            applied: known.applied.map(|(revision, _)| revision),
            changed_at,
            contract: known.contract,
            declined_by,
            id,
            partner: known.partner,
            path: known.path,
            reason,
            revision: known.revision,
            sha256: known.content.sha256,
            state,
            version,
        })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state)
            && filters.admits(CONTRACT, &shown.contract.to_string())
            && filters.admits(PARTNER, &shown.partner.to_string())
            && filters.admits(PATH, shown.path.as_str())
    }
}
