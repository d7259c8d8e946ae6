//! What views have in common: a row with the times and the version of its entity, and its stored form.

use kippu_events::{Entity, EntityId, NotAnEvent, Recorded, Time};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::NotARow;
use crate::rows::Rows;
use crate::view::row_key;

/// The revision of a view whose rows contain states of `E`: it changes with either.
pub(crate) const fn revision_with<E: Entity>(own: u32) -> u32 {
    own * 1000 + E::REVISION
}

/// A row's stored form.
pub(crate) fn encode<T: Serialize>(row: &T) -> Vec<u8> {
    // Postcard fails only where a sink is full or a type has no length, and neither is so here.
    #[allow(clippy::expect_used)]
    postcard::to_allocvec(row).expect("rows have a compact form")
}

/// The row that [`encode`] wrote.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotARow> {
    postcard::from_bytes(bytes).map_err(|error| NotARow(error.to_string()))
}

/// The row of an entity, with what every row has.
#[derive(Serialize, Deserialize)]
pub(crate) struct Dated<T> {
    pub(crate) begun_at: Time,
    pub(crate) changed_at: Time,
    pub(crate) version: u64,
    pub(crate) row: T,
}

/// Folds one event of the family `E` into the row of its entity. `first` makes the row of the first event that has
/// one, `next` changes it.
pub(crate) fn fold_row<E: Entity, T: Serialize + DeserializeOwned>(
    event: &Recorded<'_>,
    rows: &mut Rows<'_>,
    first: impl FnOnce(&E::Event) -> Option<T>,
    next: impl FnOnce(&mut T, &E::Event),
) -> Result<(), NotAnEvent> {
    if event.entity.family != E::FAMILY {
        return Ok(());
    }
    let decoded = event.decode::<E>()?;
    let row = match first(decoded) {
        Some(row) => Some(Dated { begun_at: event.time, changed_at: event.time, version: event.version, row }),
        None => main_row::<Dated<T>>(rows, &event.entity.id).map(|mut dated| {
            next(&mut dated.row, decoded);
            Dated { changed_at: event.time, version: event.version, ..dated }
        }),
    };
    if let Some(row) = row {
        rows.put(&row_key(&event.entity.id), encode(&row));
    }
    Ok(())
}

/// The main row of an entity. One that does not decode counts as missing: it was written by this very code, and a
/// store whose bytes change by themselves is found by its checksums.
pub(crate) fn main_row<T: DeserializeOwned>(rows: &mut Rows<'_>, id: &EntityId) -> Option<T> {
    rows.get(&row_key(id)).and_then(|bytes| decode(bytes).ok())
}
