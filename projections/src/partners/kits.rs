//! `kits`: what was handed to operators of new partner sites, and who joined by it.

use kippu_events::access::Role;
use kippu_events::partners::kits::{Event, Kit, Standing};
use kippu_events::{EntityId, Time};
use serde::Serialize;

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;
use crate::view::{Filter, Filters};

/// See the module.
pub struct Kits;

const STATES: [&str; 3] = ["open", "joined", "withdrawn"];
const STATE: &str = "state";

/// A kit.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    changed_at: Time,
    /// From when its terms count.
    from: Time,
    id: EntityId,
    /// For whom it is.
    name: String,
    /// The party that joined by it, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    party: Option<EntityId>,
    /// Whether somebody may join by it, somebody did, or it was taken back.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    /// Until when somebody may join.
    until: Time,
    /// Where the node of the party that joined answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    version: u64,
}

impl EntityTable for Kits {
    type Entity = Kit;
    type Kept = ();
    type Shown = Shown;

    const NAME: &'static str = "kits";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "Kits for new partner sites, and who joined by them.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] = &[Filter::of(STATE, "what became of it", &STATES)];

    fn keep((): &mut (), _event: &Event) {}

    fn show(id: EntityId, row: Row<Kit, ()>) -> Option<Shown> {
        let Row { state, changed_at, version, .. } = row;
        let Kit::Known(known) = state else { return None };
        let (state, joined) = match known.standing {
            Standing::Open => (STATES[0], None),
            Standing::Joined(joined) => (STATES[1], Some(joined)),
            Standing::Withdrawn => (STATES[2], None),
        };
        let (party, url) = joined.map(|joined| (joined.party, joined.url)).unzip();
        let (from, name, until) = (known.from, known.name, known.until);
        Some(Shown { changed_at, from, id, name, party, state, until, url, version })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state)
    }
}
