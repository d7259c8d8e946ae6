//! `dead-letters`: events that webhooks were not sent any more, and whether they have taken them since.
//!
//! ```text
//! 0 ‖ webhook ‖ event   the row
//! ```

use kippu_events::access::Role;
use kippu_events::access::webhooks::{Event, Webhook};
use kippu_events::event::EventId;
use kippu_events::{Entity as _, EntityId, Family, NotAnEvent, Recorded, Time};
use serde::{Deserialize, Serialize};

use crate::error::{NotARow, QueryError};
use crate::grants::Grant;
use crate::json::Json;
use crate::row::{decode, encode};
use crate::rows::Rows;
use crate::view::{Ask, Filter, Plan, Presented, Table, View, main_key};

/// See the module.
pub struct DeadLetters;

#[derive(Serialize, Deserialize)]
struct Row {
    at: Time,
    reason: String,
    delivered_at: Option<Time>,
    version: u64,
}

/// A dead letter.
#[derive(Serialize, schemars::JsonSchema)]
struct Shown {
    /// When it was given up, the last time.
    at: Time,
    /// When it was taken after all.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<Time>,
    /// The event.
    event: String,
    id: String,
    /// Why it was not taken: a slug.
    reason: String,
    /// Whether it was taken after all.
    #[schemars(extend("enum" = STATES))]
    state: &'static str,
    /// The webhook that it was to be sent to.
    webhook: EntityId,
}

const STATES: [&str; 2] = ["dead", "delivered"];
const STATE: &str = "state";
const WEBHOOK: &str = "webhook";
const EVENT_BYTES: usize = 14;

fn key_of(webhook: EntityId, event: EventId) -> Vec<u8> {
    let EventId { partition, number, index } = event;
    let place = [&partition.to_be_bytes()[..], &number.to_be_bytes(), &index.to_be_bytes()].concat();
    [&webhook.as_bytes()[..], &place].concat()
}

fn parts_of(key: &[u8]) -> Option<(EntityId, EventId)> {
    let (webhook, place) = key.split_first_chunk::<{ EntityId::BYTES }>()?;
    let place: [u8; EVENT_BYTES] = place.try_into().ok()?;
    let partition = u16::from_be_bytes(*place.first_chunk()?);
    let number = u64::from_be_bytes(place.get(2..10)?.try_into().ok()?);
    let index = u32::from_be_bytes(*place.last_chunk()?);
    Some((EntityId::from_bytes(*webhook), EventId { partition, number, index }))
}

impl View for DeadLetters {
    fn name(&self) -> &'static str {
        "dead-letters"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        if event.entity.family != Webhook::FAMILY {
            return Ok(());
        }
        let key = |letter: &str| Ok::<_, NotAnEvent>(main_key(&key_of(event.entity.id, letter.parse()?)));
        match event.decode::<Webhook>()? {
            Event::DeadLettered { event: letter, reason, .. } => {
                let row = Row { at: event.time, reason: reason.clone(), delivered_at: None, version: event.version };
                rows.put(&key(letter)?, encode(&row));
            }
            // What was sent once more may have been a dead letter.
            Event::Delivered { event: letter, cursor: None, .. } => {
                let key = key(letter)?;
                if let Some(row) = rows.get(&key).and_then(|row| decode::<Row>(row).ok()) {
                    let row = Row { delivered_at: Some(event.time), version: event.version, ..row };
                    rows.put(&key, encode(&row));
                }
            }
            Event::Added { .. }
            | Event::Changed { .. }
            | Event::SecretRolled { .. }
            | Event::Delivered { cursor: Some(_), .. }
            | Event::Failing { .. }
            | Event::RedeliveryAsked { .. }
            | Event::Disabled { .. }
            | Event::Enabled {}
            | Event::Removed {} => {}
        }
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

impl Table for DeadLetters {
    fn summary(&self) -> &'static str {
        "Events that webhooks were not sent any more, and whether they have taken them since."
    }

    fn subject(&self) -> Option<Family> {
        None
    }

    fn key(&self, text: &str) -> Option<Vec<u8>> {
        let (webhook, event) = text.split_once('-')?;
        Some(key_of(webhook.parse().ok()?, event.parse().ok()?))
    }

    fn text(&self, key: &[u8]) -> Result<String, NotARow> {
        let (webhook, event) = parts_of(key).ok_or_else(|| NotARow("its key is no dead letter".to_owned()))?;
        Ok(format!("{webhook}-{event}"))
    }

    fn grants(&self) -> &'static [Grant] {
        const { &[Grant::all(Role::Operator)] }
    }

    fn filters(&self) -> &'static [Filter] {
        const {
            &[
                Filter::any(WEBHOOK, "the id of the webhook that they were to be sent to"),
                Filter::of(STATE, "whether they were taken after all", &STATES),
            ]
        }
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Shown)
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<Plan, QueryError> {
        let Some(webhook) = ask.filters.value::<EntityId>(WEBHOOK)? else { return Ok(Plan::all()) };
        let from = main_key(webhook.as_bytes());
        let until = [from.as_slice(), &[0xff; EVENT_BYTES + 1]].concat();
        Ok(Plan::Range { from, until })
    }

    fn present(&self, key: &[u8], row: &[u8], ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let Row { at, reason, delivered_at, version } = decode(row)?;
        let (webhook, event) = parts_of(key).ok_or_else(|| NotARow("its key is no dead letter".to_owned()))?;
        let state = if delivered_at.is_some() { "delivered" } else { "dead" };
        if !ask.filters.admits(STATE, state) {
            return Ok(None);
        }
        let (event, id) = (event.to_string(), self.text(key)?);
        Ok(Some(Presented { row: Json::of(&Shown { at, delivered_at, event, id, reason, state, webhook })?, version }))
    }
}
