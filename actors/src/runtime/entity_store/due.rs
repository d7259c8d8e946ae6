//! Deadlines, earliest first.

use kippu_events::{EntityKey, Time};
use rocksdb::ReadOptions;

use super::{EntityStore, MOST_DUE, StoreError, due_prefix, table};

/// What a look for deadlines brings.
#[derive(Default)]
pub struct Due {
    /// Whose deadlines have passed, at most [`MOST_DUE`].
    pub entities: Vec<EntityKey>,
    /// Where there are more.
    pub rest: Option<Rest>,
}

/// Where a look for deadlines left off.
pub struct Rest(Vec<u8>);

impl EntityStore {
    /// Entities of `partition` with a deadline up to `now`, earliest first; from the first, or where an earlier look
    /// left off. Blocks.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn due(&self, partition: u16, from: Option<Rest>, now: Time) -> Result<Due, StoreError> {
        let mut read = ReadOptions::default();
        read.set_iterate_lower_bound(from.map_or_else(|| table(partition, b'd'), |Rest(key)| key));
        read.set_iterate_upper_bound(due_prefix(partition, now.after(std::time::Duration::from_micros(1))));
        let mut due = Due::default();
        for item in self.db.iterator_opt(rocksdb::IteratorMode::Start, read) {
            let (key, _) = item?;
            if due.entities.len() == MOST_DUE {
                due.rest = Some(Rest(key.into_vec()));
                break;
            }
            due.entities.extend(key.get(11..).and_then(EntityKey::from_bytes));
        }
        Ok(due)
    }
}
