//! `webhooks`: endpoints to which events are sent, and how far that has come.

use kippu_events::access::Role;
use kippu_events::access::webhooks::{Endpoint, Event, Start, Webhook};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;
use crate::view::{Filter, Filters};

/// See the module.
pub struct Webhooks;

/// What the state forgets.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    dead_letters: u64,
    delivered: u64,
    /// Why the last event was not taken, or nothing is sent any more.
    reason: Option<String>,
}

const STATES: [&str; 3] = ["active", "disabled", "removed"];
const STATE: &str = "state";
const CLIENT: &str = "client";

/// An endpoint.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    added_at: Time,
    changed_at: Time,
    /// The API client that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<EntityId>,
    /// What is over, as ids of the feed of events say it; absent before the first event.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    /// How often it was given up to send it an event: `/v1/dead-letters` has them.
    dead_letters: u64,
    /// How many events it has taken.
    delivered: u64,
    /// Since when it takes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<Time>,
    /// Only events of these families are sent; of all where there are none.
    families: Vec<String>,
    id: EntityId,
    /// Why it has not taken an event, or was disabled, where that is so: a slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Events that are to be sent once more, and were not yet.
    redeliveries: Vec<String>,
    /// Whether events are sent to it.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    version: u64,
}

impl EntityTable for Webhooks {
    type Entity = Webhook;
    type Kept = Kept;
    type Shown = Shown;

    const NAME: &'static str = "webhooks";
    const REVISION: u32 = 1;
    const SUMMARY: &'static str = "Endpoints to which events are sent, and how far that has come.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] = &[
        Filter::of(STATE, "whether events are sent to it", &STATES),
        Filter::any(CLIENT, "the id of the API client that is told"),
    ];

    fn keep(kept: &mut Kept, event: &Event) {
        match event {
            Event::Delivered { .. } => (kept.delivered, kept.reason) = (kept.delivered + 1, None),
            Event::Failing { reason, .. } | Event::Disabled { reason, .. } => kept.reason = Some(reason.clone()),
            Event::DeadLettered { reason, .. } => {
                (kept.dead_letters, kept.reason) = (kept.dead_letters + 1, Some(reason.clone()));
            }
            Event::Enabled {} => kept.reason = None,
            Event::Added { .. }
            | Event::Changed { .. }
            | Event::SecretRolled { .. }
            | Event::RedeliveryAsked { .. }
            | Event::Removed {} => {}
        }
    }

    fn show(id: EntityId, row: Row<Webhook, Kept>) -> Option<Shown> {
        let Row { state, kept, begun_at: added_at, changed_at, version } = row;
        let (state, endpoint) = match state {
            Webhook::Absent => return None,
            Webhook::Active(endpoint) => ("active", Some(endpoint)),
            Webhook::Disabled(endpoint) => ("disabled", Some(endpoint)),
            Webhook::Removed => ("removed", None),
        };
        let Kept { dead_letters, delivered, reason } = kept;
        let mut shown = Shown {
            added_at,
            changed_at,
            client: None,
            cursor: None,
            dead_letters,
            delivered,
            failing_since: None,
            families: Vec::new(),
            id,
            reason,
            redeliveries: Vec::new(),
            state,
            url: None,
            version,
        };
        if let Some(Endpoint { client, url, families, start, failing_since, again, .. }) = endpoint {
            (shown.client, shown.url, shown.families) = (Some(client), Some(url), families);
            shown.failing_since = failing_since;
            shown.redeliveries = again.into_iter().map(|again| again.event).collect();
            shown.cursor = match start {
                Start::Cursor(cursor) => Some(cursor),
                Start::Time(_) | Start::Beginning => None,
            };
        }
        Some(shown)
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(STATE, shown.state)
            && filters.text(CLIENT).is_none_or(|client| shown.client.is_some_and(|its| its.to_string() == client))
    }
}
