//! Who was forgotten: for the node, which destroys their keys, and for receipts.

use kippu_events::EntityId;

use super::{Queries, QueryError};
use crate::access::forgotten::{Forgotten, behind, person};
use crate::access::users::{self, Users};
use crate::view::View as _;

/// Of whom somebody has been told.
#[derive(Clone, Default)]
pub struct Told {
    /// The last row of each partition.
    last: Vec<Option<Vec<u8>>>,
}

impl Queries {
    /// Who was forgotten, as far as `told` does not say that this was told before. Blocks on reads.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn forgotten(&self, told: &mut Told) -> Result<Vec<EntityId>, QueryError> {
        let snap = self.0.store.snapshot();
        let (instance, _) = self.live(&Forgotten, &snap)?;
        told.last.resize(usize::from(self.0.log.partitions()), None);
        let mut persons = Vec::new();
        for (partition, last) in (0..).zip(&mut told.last) {
            let (from, until) = behind(partition, last.as_deref());
            snap.rows::<QueryError>(instance, &from, &until, |key, row| {
                persons.push(person(row)?);
                *last = Some(key.to_vec());
                Ok(true)
            })?;
        }
        Ok(persons)
    }

    /// When the user `id` was forgotten, if so.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn when_forgotten(&self, id: EntityId) -> Result<Option<users::Forgotten>, QueryError> {
        let row = self.kept_up(Users.name(), id)?;
        Ok(row.map(|row| users::forgotten(&row)).transpose()?.flatten())
    }
}
