//! What a caller may see of the events of entities: those of entities whose row is shown to it, as the row is now.

use kippu_events::access::Caller;
use kippu_events::{EntityKey, Family};

use super::{Queries, QueryError, visible};
use crate::view::{Table, View, row_key};

impl Queries {
    /// Whether `caller` is shown events as they are stored, of all entities.
    #[must_use]
    pub const fn sees_everything(caller: &Caller) -> bool {
        visible::sees_everything(caller)
    }

    /// The families of whose entities `caller` may be shown rows.
    #[must_use]
    pub fn families_shown_to(&self, caller: &Caller) -> Vec<Family> {
        let is_shown = |family: &Family| {
            self.of_family(*family).is_some_and(|(_, table)| visible::may_be_shown_rows(table, caller))
        };
        Family::ALL.into_iter().filter(is_shown).collect()
    }

    /// Whether `caller` may see the row of `entity` in the view of its family, as it is now. Blocks on reads.
    ///
    /// # Errors
    /// `Filling` while that view answers nothing, `Store` or `Row` where its rows cannot be read.
    pub fn may_see(&self, entity: EntityKey, caller: &Caller) -> Result<bool, QueryError> {
        let Some((view, table)) = self.of_family(entity.family) else { return Ok(false) };
        let snap = self.0.store.snapshot();
        let Some((instance, _)) = snap.live(view.name())? else { return Err(self.filling(view)) };
        match snap.row(instance, &row_key(&entity.id))? {
            Some(row) => visible::may_see(table, entity.id.as_bytes(), &row, caller),
            None => Ok(false),
        }
    }

    /// The view that shows the entities of `family`, each in a row.
    fn of_family(&self, family: Family) -> Option<(&dyn View, &dyn Table)> {
        let view = self.0.views.iter().find(|view| view.name() == family.name())?;
        let table = view.table().filter(|table| table.subject() == Some(family))?;
        Some((&**view, table))
    }
}
