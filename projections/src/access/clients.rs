//! `clients`: the API clients. The edge authenticates every request with a row of this view.

use kippu_events::access::clients::{Client, Event, Role};
use kippu_events::secrets::TokenHash;
use kippu_events::{EntityId, Family, NotAnEvent, Recorded, Time};
use serde::{Deserialize, Serialize};

use crate::error::{NotARow, QueryError};
use crate::grants::Grant;
use crate::json::Json;
use crate::row::{Dated, decode, fold_row, revision_with};
use crate::rows::Rows;
use crate::view::{Ask, Filter, Presented, Table, View, entity_of};

/// See the module.
pub struct Clients;

/// What authentication needs to know of a client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClientRow {
    /// What it is for.
    pub role: Role,
    /// What operators call it.
    pub name: String,
    /// The user whose identification is stored in this terminal.
    pub user: Option<EntityId>,
    /// Which of its keys counts.
    pub counter: u32,
    /// What that key hashes to.
    pub key: TokenHash,
    /// Whether it may call.
    pub active: bool,
}

impl ClientRow {
    /// The row that the view stored.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, NotARow> {
        decode::<Dated<Self>>(bytes).map(|dated| dated.row)
    }
}

/// An API client.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
    changed_at: Time,
    /// Which of its keys counts, from 0.
    counter: u32,
    id: EntityId,
    /// What operators call it.
    name: String,
    opened_at: Time,
    /// What it is for.
    role: Role,
    /// Whether it may call.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    /// The user whose identification is stored in this terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<EntityId>,
    version: u64,
}

impl View for Clients {
    fn name(&self) -> &'static str {
        "clients"
    }

    fn revision(&self) -> u32 {
        revision_with::<Client>(2)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let first = |decoded: &Event| match decoded {
            Event::Opened { role, name, user, key } => Some(ClientRow {
                role: *role,
                name: name.clone(),
                user: *user,
                counter: 0,
                key: key.clone(),
                active: true,
            }),
            Event::KeyRolled { .. } | Event::Revoked {} => None,
        };
        fold_row::<Client, ClientRow>(event, rows, first, |row, decoded| match decoded {
            Event::Opened { .. } => {}
            Event::KeyRolled { counter, key } => {
                row.counter = *counter;
                row.key = key.clone();
            }
            Event::Revoked {} => row.active = false,
        })
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

const ROLE: &str = "role";
const STATE: &str = "state";
const STATES: [&str; 2] = ["active", "revoked"];

impl Table for Clients {
    fn summary(&self) -> &'static str {
        "API clients and what their keys are for."
    }

    fn subject(&self) -> Option<Family> {
        Some(Family::Clients)
    }

    fn grants(&self) -> &'static [Grant] {
        const { &[Grant::all(Role::Operator)] }
    }

    fn filters(&self) -> &'static [Filter] {
        const { &[Filter::of(ROLE, "what they are for", &Role::NAMES), Filter::of(STATE, "whether they may call", &STATES)] }
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn present(&self, key: &[u8], row: &[u8], ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let Dated { begun_at, changed_at, version, row }: Dated<ClientRow> = decode(row)?;
        let state = if row.active { "active" } else { "revoked" };
        if !(ask.filters.admits(ROLE, row.role.name()) && ask.filters.admits(STATE, state)) {
            return Ok(None);
        }
        let shown = Shown {
            id: entity_of(key)?,
            role: row.role,
            name: row.name,
            user: row.user,
            state,
            counter: row.counter,
            opened_at: begun_at,
            changed_at,
            version,
        };
        Ok(Some(Presented { row: Json::of(&shown)?, version }))
    }
}
