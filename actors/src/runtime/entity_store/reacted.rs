//! How far reactions have come, for the targets of each partition.

use std::collections::BTreeSet;

use kippu_events::log::{Hash, Head};
use rocksdb::WriteBatch;

use super::{EntityStore, StoreError, table};

impl EntityStore {
    /// How far reactions have come with the events of partition `source`, for targets in `target`.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn reacted(&self, target: u16, source: u16) -> Result<Option<Head>, StoreError> {
        let Some(bytes) = self.db.get(reacted_key(target, source))? else { return Ok(None) };
        let (epoch, number, hash, sealed): (u64, u64, [u8; 32], bool) =
            postcard::from_bytes(&bytes).map_err(|e| StoreError(e.to_string()))?;
        Ok(Some(Head { epoch, number, hash: Hash(hash), sealed }))
    }

    /// Notes that for targets in each of `targets`.
    ///
    /// # Errors
    /// Where RocksDB says no.
    pub fn note_reacted(&self, targets: &BTreeSet<u16>, source: u16, head: Head) -> Result<(), StoreError> {
        let head = (head.epoch, head.number, head.hash.0, head.sealed);
        let head = postcard::to_allocvec(&head).map_err(|e| StoreError(e.to_string()))?;
        let mut writes = WriteBatch::default();
        targets.iter().for_each(|target| writes.put(reacted_key(*target, source), &head));
        self.write_unlogged(writes)
    }
}

fn reacted_key(target: u16, source: u16) -> Vec<u8> {
    let mut key = table(target, b'k');
    key.extend_from_slice(&source.to_be_bytes());
    key
}
