//! A view with one row for each entity of a family, which is most of them: what the row keeps, what it shows, and to whom.

use std::marker::PhantomData;

use kippu_events::{Entity, EntityId, Family, NotAnEvent, Recorded, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{NotARow, QueryError};
use crate::grants::{Grant, Owners};
use crate::json::Json;
use crate::row::{Dated, decode, fold_row, revision_with};
use crate::rows::Rows;
use crate::view::{Ask, Filter, Filters, Presented, Table, View, entity_of};

/// What there is to say of such a view.
pub trait EntityTable: Send + Sync + 'static {
    /// Whose entities.
    type Entity: Entity;
    /// What a row keeps beyond the state: whatever its events say and the state forgets.
    type Kept: Serialize + DeserializeOwned + Default;
    /// A row as it is shown. Its members are declared in the order of their names.
    type Shown: Serialize + schemars::JsonSchema;

    /// A plural noun, and the path of its queries.
    const NAME: &'static str;
    /// Raised when `keep` or `Kept` changes.
    const REVISION: u32;
    /// What the view answers, in a sentence.
    const SUMMARY: &'static str;
    /// Who may see which rows.
    const GRANTS: &'static [Grant];
    /// What lists can be narrowed by.
    const FILTERS: &'static [Filter] = &[];

    /// Keeps what is wanted of an event that is not in the state. MUST be pure.
    fn keep(kept: &mut Self::Kept, event: &<Self::Entity as Entity>::Event);

    /// The row as it is shown; nothing for an entity that nobody opened.
    fn show(id: EntityId, row: Row<Self::Entity, Self::Kept>) -> Option<Self::Shown>;

    /// Whose the row is. Asked where a grant is about rows of one's own.
    fn owners(_id: EntityId, _state: &Self::Entity, _kept: &Self::Kept) -> Owners {
        Owners::default()
    }

    /// Whether the filters leave the row in.
    fn admits(_shown: &Self::Shown, _filters: &Filters) -> bool {
        true
    }
}

/// A row: the state of an entity, and what else is kept of it.
pub struct Row<E, K> {
    /// The state.
    pub state: E,
    /// See [`EntityTable::keep`].
    pub kept: K,
    /// When its history began.
    pub begun_at: Time,
    /// When it changed last.
    pub changed_at: Time,
    /// Its version.
    pub version: u64,
}

/// The view of `T`.
pub struct OfEntities<T>(PhantomData<fn() -> T>);

impl<T> OfEntities<T> {
    /// The view.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for OfEntities<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: EntityTable> View for OfEntities<T> {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn revision(&self) -> u32 {
        revision_with::<T::Entity>(T::REVISION)
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let next = |(state, kept): &mut (T::Entity, T::Kept), decoded: &<T::Entity as Entity>::Event| {
            state.evolve(decoded, event.time);
            T::keep(kept, decoded);
        };
        let first = |decoded: &<T::Entity as Entity>::Event| {
            (event.version == 1).then(|| {
                let mut row = <(T::Entity, T::Kept)>::default();
                next(&mut row, decoded);
                row
            })
        };
        fold_row::<T::Entity, _>(event, rows, first, next)
    }

    fn table(&self) -> Option<&dyn Table> {
        Some(self)
    }
}

impl<T: EntityTable> Table for OfEntities<T> {
    fn summary(&self) -> &'static str {
        T::SUMMARY
    }

    fn subject(&self) -> Option<Family> {
        Some(T::Entity::FAMILY)
    }

    fn grants(&self) -> &'static [Grant] {
        T::GRANTS
    }

    fn owners(&self, key: &[u8], row: &[u8]) -> Result<Owners, NotARow> {
        let Dated { row: (state, kept), .. }: Dated<(T::Entity, T::Kept)> = decode(row)?;
        Ok(T::owners(entity_of(key)?, &state, &kept))
    }

    fn filters(&self) -> &'static [Filter] {
        T::FILTERS
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(T::Shown)
    }

    fn present(&self, key: &[u8], row: &[u8], ask: &Ask<'_>) -> Result<Option<Presented>, QueryError> {
        let Dated { begun_at, changed_at, version, row: (state, kept) }: Dated<(T::Entity, T::Kept)> = decode(row)?;
        let shown = T::show(entity_of(key)?, Row { state, kept, begun_at, changed_at, version });
        let Some(shown) = shown.filter(|shown| T::admits(shown, ask.filters)) else { return Ok(None) };
        Ok(Some(Presented { row: Json::of(&shown)?, version }))
    }
}
