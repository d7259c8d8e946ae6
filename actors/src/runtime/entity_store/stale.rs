//! Families whose states another version had otherwise: they are stale, and folded anew, while all others stay.

use kippu_events::{EntityKey, Family};
use rocksdb::{DB, ReadOptions, WriteBatch};

use super::{Batch, EntityStore, StoreError, table};

impl Batch {
    /// The entities of these families are as this version folds them.
    pub fn not_stale(&mut self, families: &[Family]) {
        families.iter().for_each(|family| self.writes.delete(stale_key(self.partition, *family)));
    }
}

impl EntityStore {
    /// Marks families whose revision has changed. One that was not there before has no entities yet.
    pub(super) fn mark_stale(&self, partitions: u16, revision: impl Fn(Family) -> u32) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for family in Family::ALL {
            let (key, now) = (revision_key(family), revision(family).to_be_bytes());
            let before = self.db.get_pinned(&key)?;
            if before.as_deref().is_some_and(|before| *before != now) {
                (0..partitions).for_each(|partition| batch.put(stale_key(partition, family), []));
            }
            batch.put(key, now);
        }
        self.write_unlogged(batch)
    }

    /// The families of `partition` whose entities are to be folded anew.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn stale(&self, partition: u16) -> Result<Vec<Family>, StoreError> {
        let mut stale = Vec::new();
        for family in Family::ALL {
            if self.db.get_pinned(stale_key(partition, family))?.is_some() {
                stale.push(family);
            }
        }
        Ok(stale)
    }

    /// Forgets the entities of these families of `partition`.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn clear_families(&self, partition: u16, families: &[Family]) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        for family in families {
            for rows in [b'e', b'o'] {
                let of = |code: u8| [&table(partition, rows)[..], &[code]].concat();
                batch.delete_range(of(family.code()), of(family.code() + 1));
            }
        }
        // Deadlines and what is owed lie under a time and a party: each entity is behind these.
        for (rows, before) in [(b'd', 11), (b'a', 18)] {
            let mut read = ReadOptions::default();
            read.set_iterate_lower_bound(table(partition, rows));
            read.set_iterate_upper_bound(table(partition, rows + 1));
            for item in self.db.iterator_opt(rocksdb::IteratorMode::Start, read) {
                let (key, _) = item?;
                let entity = key.get(before..).and_then(EntityKey::from_bytes);
                if entity.is_some_and(|entity| families.contains(&entity.family)) {
                    batch.delete(&key);
                }
            }
        }
        self.write_unlogged(batch)
    }
}

fn stale_key(partition: u16, family: Family) -> Vec<u8> {
    let mut key = table(partition, b's');
    key.push(family.code());
    key
}

/// The revision of the states of `family` that `db` was last opened for; nothing of one that was not there.
pub(super) fn revision_of(db: &DB, family: Family) -> Result<Option<u32>, StoreError> {
    let stored = db.get_pinned(revision_key(family))?;
    Ok(stored.and_then(|stored| stored.as_ref().try_into().ok()).map(u32::from_be_bytes))
}

fn revision_key(family: Family) -> Vec<u8> {
    [b"\xff\xffr", &[family.code()][..]].concat()
}
