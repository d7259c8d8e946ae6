//! An event as it is told: where and when it lies, what it is about, who did it by which command, and what it says.

use std::ops::ControlFlow;

use kippu_events::event::{EventId, Mac};
use kippu_events::log::Position;
use kippu_events::{EntityKey, Principal, Recorded, Time};
use kippu_projections::Moment;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::moment::Until;
use super::read::Told;
use super::state::nothing;
use super::{NotTold, Past};

/// See the module.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Happened {
    /// Partition, record and index within the record.
    #[serde(serialize_with = "text")]
    pub event: EventId,
    /// The position of its record, which `--at` takes.
    #[serde(serialize_with = "text")]
    pub position: Position,
    /// When it was decided.
    pub time: Time,
    /// What it is about.
    #[serde(serialize_with = "text")]
    pub entity: EntityKey,
    /// The entity's version after it.
    pub version: u64,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of the schema of its data.
    pub schema: u32,
    /// Who asked for it.
    #[serde(serialize_with = "text")]
    pub principal: Principal,
    /// By which command.
    #[serde(serialize_with = "text")]
    pub command: Mac,
    /// The event that the command answers.
    #[serde(serialize_with = "text_or_none", skip_serializing_if = "Option::is_none")]
    pub causation: Option<EventId>,
    /// The first command of the flow.
    #[serde(serialize_with = "text_or_none", skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Mac>,
    /// What it says.
    pub data: Value,
}

pub(super) fn text<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn text_or_none<T: std::fmt::Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

impl Happened {
    /// `event`, which lies in a record at `position`.
    pub(crate) fn of(past: &Past<'_>, position: Position, event: &Recorded<'_>) -> Result<Self, NotTold> {
        // A body is read only where its data are JSON, at most nested deeper than a reader of values goes.
        let data = serde_json::from_str(event.data).unwrap_or_else(|_| Value::String(event.data.to_owned()));
        Ok(Self {
            event: event.id,
            position,
            time: event.time,
            entity: event.entity,
            version: event.version,
            kind: event.kind.to_owned(),
            schema: event.schema,
            principal: event.cause.principal,
            command: event.cause.command,
            causation: event.cause.causation,
            correlation: event.cause.correlation,
            data: past.shown(event.entity, data)?,
        })
    }

    /// Every event of a record.
    pub(super) fn all_of(past: &Past<'_>, told: &Told<'_>) -> Result<Vec<Self>, NotTold> {
        told.events.iter().map(|event| Self::of(past, told.position, event)).collect()
    }
}

/// Hands each event of `entity` up to `moment` to `each`, in order, until that says no.
///
/// # Errors
/// [`NotTold`]; what was handed on before stands.
pub fn history(
    past: &Past<'_>,
    entity: EntityKey,
    moment: Option<&Moment>,
    each: &mut dyn FnMut(Happened) -> bool,
) -> Result<(), NotTold> {
    let until = Until::of(moment, past.partition_of(entity), past.log.partitions())?;
    let mut any = false;
    past.events(entity, &until, &mut |told, its| {
        for event in its.iter().filter_map(|index| told.events.get(*index)) {
            any = true;
            if !each(Happened::of(past, told.position, event)?) {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if any { Ok(()) } else { Err(nothing(entity, moment)) }
}
