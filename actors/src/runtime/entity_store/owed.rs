//! The index of what is owed, by whom it concerns.

use kippu_events::{EntityId, EntityKey};
use rocksdb::ReadOptions;

use super::{EntityStore, StoreError, table};
use crate::activity::Owed;

impl EntityStore {
    /// Whom something is owed to in `partition`. Blocks.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn owed_to(&self, partition: u16) -> Result<Vec<EntityId>, StoreError> {
        let (mut lanes, mut from) = (Vec::new(), table(partition, b'a'));
        while let Some((key, _)) = self.owed_from(partition, from)?.next().transpose()? {
            let Some(to) = key.get(3..18).and_then(|to| to.try_into().ok()).map(EntityId::from_bytes) else { break };
            lanes.push(to);
            // Behind all that is owed to this one.
            from = [owed_prefix(partition, to).as_slice(), &[0xff; EntityKey::BYTES + 1]].concat();
        }
        Ok(lanes)
    }

    /// What is owed to `to` in `partition`, at most `most`; from the first, or behind the entity `after`. Blocks.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn owed(
        &self,
        partition: u16,
        to: EntityId,
        after: Option<EntityKey>,
        most: usize,
    ) -> Result<Vec<(EntityKey, Owed)>, StoreError> {
        let prefix = owed_prefix(partition, to);
        let from = after.map_or_else(|| prefix.clone(), |key| [owed_key(partition, to, key).as_slice(), &[0]].concat());
        let mut owed = Vec::new();
        for item in self.owed_from(partition, from)?.take(most) {
            let (key, value) = item?;
            let Some(entity) = key.strip_prefix(&*prefix) else { break };
            if let (Some(entity), Ok(value)) = (EntityKey::from_bytes(entity), postcard::from_bytes(&value)) {
                owed.push((entity, value));
            }
        }
        Ok(owed)
    }

    fn owed_from(&self, partition: u16, from: Vec<u8>) -> Result<rocksdb::DBIterator<'_>, StoreError> {
        let mut read = ReadOptions::default();
        read.set_iterate_lower_bound(from);
        read.set_iterate_upper_bound(table(partition, b'a' + 1));
        Ok(self.db.iterator_opt(rocksdb::IteratorMode::Start, read))
    }
}

pub(super) fn owed_prefix(partition: u16, to: EntityId) -> Vec<u8> {
    let mut key = table(partition, b'a');
    key.extend_from_slice(to.as_bytes());
    key
}

pub(super) fn owed_key(partition: u16, to: EntityId, entity: EntityKey) -> Vec<u8> {
    let mut key = owed_prefix(partition, to);
    key.extend_from_slice(&entity.to_bytes());
    key
}
