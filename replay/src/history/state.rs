//! The state of an entity as it was: the fold of its events until then.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use kippu_events::event::EventId;
use kippu_events::log::Position;
use kippu_events::{AnyEntity, EntityKey, NotAnEvent, Recorded, Time};
use kippu_projections::Moment;
use serde::Serialize;
use serde_json::Value;

use super::happened::text;
use super::moment::Until;
use super::{NotTold, Past};

/// An entity as it was.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct State {
    /// Which.
    #[serde(serialize_with = "text")]
    pub entity: EntityKey,
    /// How many events it had.
    pub version: u64,
    /// The last of them.
    #[serde(serialize_with = "text")]
    pub event: EventId,
    /// The position of its record.
    #[serde(serialize_with = "text")]
    pub position: Position,
    /// When it was decided.
    pub time: Time,
    /// What they make.
    pub state: Value,
}

/// Does to `state` what `event` means.
///
/// # Errors
/// Where the event is none that this version reads, or one that no state takes.
pub(crate) fn fold(state: &mut dyn AnyEntity, event: &Recorded<'_>) -> Result<(), NotTold> {
    let told = |reason, newer| NotTold::Event { event: event.id, reason, newer };
    // The state is not used after a panic.
    let folded = AssertUnwindSafe(|| state.evolve_stored(event.kind, event.schema, event.data, event.time));
    match catch_unwind(folded) {
        Ok(folded) => folded.map_err(|error: NotAnEvent| told(error.to_string(), error.is_newer())),
        Err(_panic) => Err(told("no state comes of it".to_owned(), false)),
    }
}

/// `entity` as it was at `moment`; as it is now, without one.
///
/// # Errors
/// [`NotTold`].
pub fn as_of(past: &Past<'_>, entity: EntityKey, moment: Option<&Moment>) -> Result<State, NotTold> {
    let until = Until::of(moment, past.partition_of(entity), past.log.partitions())?;
    let (mut state, mut last) = (entity.family.fresh(), None);
    past.events(entity, &until, &mut |told, its| {
        for event in its.iter().filter_map(|index| told.events.get(*index)) {
            fold(&mut *state, event)?;
            last = Some((event.version, event.id, told.position, event.time));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let (version, event, position, time) = last.ok_or_else(|| nothing(entity, moment))?;
    Ok(State { entity, version, event, position, time, state: past.shown(entity, state.to_json())? })
}

/// That `entity` had no event at `moment`.
pub(super) fn nothing(entity: EntityKey, moment: Option<&Moment>) -> NotTold {
    moment.map_or(NotTold::NoEntity(entity), |moment| NotTold::NotYet(entity, moment.to_string()))
}
