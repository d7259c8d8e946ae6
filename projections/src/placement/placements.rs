//! `placements`: which server holds which data.

use kippu_events::access::clients::Role;
use kippu_events::placement::placements::{Event, Placement};
use kippu_events::{Entity as _, EntityId, Family, NotAnEvent, Recorded, Time};
use serde::{Deserialize, Serialize};

use crate::error::QueryError;
use crate::grants::Grant;
use crate::json::Json;
use crate::row::{Dated, decode, fold_row, revision_with};
use crate::rows::Rows;
use crate::view::{Ask, Filter, Presented, Table, View, entity_of};

/// See the module.
pub struct Placements;

#[derive(Serialize, Deserialize)]
struct Row {
    state: Placement,
    label: String,
    moves: u64,
}

const STATES: [&str; 3] = ["opened", "placed", "closed"];

/// A placement of a data replica.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
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

impl View for Placements {
    fn name(&self) -> &'static str {
        "placements"
    }

    fn revision(&self) -> u32 {
        revision_with::<Placement>(2)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let first = |decoded: &Event| match decoded {
            Event::Opened { label } => {
                let mut state = Placement::default();
                state.evolve(decoded, event.time);
                Some(Row { state, label: label.clone(), moves: 0 })
            }
            Event::Placed { .. } | Event::Moved { .. } | Event::Closed {} => None,
        };
        fold_row::<Placement, Row>(event, rows, first, |row, decoded| {
            row.state.evolve(decoded, event.time);
            match decoded {
                Event::Moved { .. } => row.moves += 1,
                Event::Opened { .. } | Event::Placed { .. } | Event::Closed {} => {}
            }
        })
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

const STATE: &str = "state";
const SERVER: &str = "server";

impl Table for Placements {
    fn summary(&self) -> &'static str {
        "Placements of data replicas, and the server that holds each."
    }

    fn subject(&self) -> Option<Family> {
        Some(Family::Placements)
    }

    fn grants(&self) -> &'static [Grant] {
        const { &[Grant::all(Role::Operator)] }
    }

    fn filters(&self) -> &'static [Filter] {
        const {
            &[
                Filter::of(STATE, "where it is in its life", &STATES),
                Filter::any(SERVER, "the server that holds the replica"),
            ]
        }
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn present(&self, key: &[u8], row: &[u8], ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let Dated { begun_at, changed_at, version, row }: Dated<Row> = decode(row)?;
        let (state, server) = match row.state {
            Placement::Absent => return Ok(None),
            Placement::Opened => ("opened", None),
            Placement::Placed { server } => ("placed", Some(server)),
            Placement::Closed => ("closed", None),
        };
        if !(ask.filters.admits(STATE, state) && ask.filters.admits(SERVER, server.as_deref().unwrap_or_default())) {
            return Ok(None);
        }
        let shown = Shown {
            id: entity_of(key)?,
            state,
            label: row.label,
            server,
            moves: row.moves,
            opened_at: begun_at,
            changed_at,
            version,
        };
        Ok(Some(Presented { row: Json::of(&shown)?, version }))
    }
}
