//! `placements`: which server holds which data.

use kippu_events::access::Role;
use kippu_events::placement::placements::{Event, Placement};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;
use crate::view::{Filter, Filters};

/// See the module.
pub struct Placements;

/// What the state forgets.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    label: String,
    moves: u64,
}

const STATES: [&str; 3] = ["opened", "placed", "closed"];
const STATE: &str = "state";
const SERVER: &str = "server";

/// A placement of a data replica.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    changed_at: Time,
    id: EntityId,
    /// Which data.
    label: String,
    /// How often it moved.
    moves: u64,
    opened_at: Time,
    /// Where it lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    /// Where it is in its life.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    version: u64,
}

impl EntityTable for Placements {
    type Entity = Placement;
    type Kept = Kept;
    type Shown = Shown;

    const NAME: &'static str = "placements";
    const REVISION: u32 = 3;
    const SUMMARY: &'static str = "Placements of data replicas, and the server that holds each.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] = &[
        Filter::of(STATE, "where it is in its life", &STATES),
        Filter::any(SERVER, "the server that holds the replica"),
    ];

    fn keep(kept: &mut Kept, event: &Event) {
        match event {
            Event::Opened { label } => kept.label.clone_from(label),
            Event::Moved { .. } => kept.moves += 1,
            Event::Placed { .. } | Event::Closed {} => {}
        }
    }

    fn show(id: EntityId, row: Row<Placement, Kept>) -> Option<Shown> {
        let Row { state, kept: Kept { label, moves }, begun_at: opened_at, changed_at, version } = row;
        let (state, server) = match state {
            Placement::Absent => return None,
            Placement::Opened => ("opened", None),
            Placement::Placed { server } => ("placed", Some(server)),
            Placement::Closed => ("closed", None),
        };
        Some(Shown { changed_at, id, label, moves, opened_at, server, state, version })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state) && filters.admits(SERVER, shown.server.as_deref().unwrap_or_default())
    }
}
