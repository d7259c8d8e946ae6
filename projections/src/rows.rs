//! The rows that a view reads and writes while it folds: one batch laid over the store, so that a row is read from the
//! store at most once per batch and written to it once.

use std::collections::HashMap;

use crate::view_store::{Source, StoreError, full_key};

/// How many rows are kept in memory between batches, so that a row that changes often is not read again each time.
const CACHED_ROWS: usize = 64 * 1024;

/// The rows of one view, as its `apply` sees them.
///
/// A row MUST be written from the events of one partition only, or by a merge that gives the same row for every order
/// of partitions: nothing else about their interleaving is fixed.
pub struct Rows<'a> {
    overlay: &'a mut Overlay,
    source: &'a dyn Source,
    keyspace: u32,
    offset: u64,
}

impl<'a> Rows<'a> {
    /// The rows of `keyspace`, while the record at `offset` is applied.
    pub(crate) fn new(overlay: &'a mut Overlay, source: &'a dyn Source, keyspace: u32, offset: u64) -> Self {
        Self { overlay, source, keyspace, offset }
    }

    /// The row under `key`.
    pub fn get(&mut self, key: &[u8]) -> Option<&[u8]> {
        let key = full_key(self.keyspace, key);
        self.overlay.get(key, self.source)
    }

    /// Writes a row that later events may [`get`](Self::get) again.
    pub fn put(&mut self, key: &[u8], value: Vec<u8>) {
        self.overlay.rows.insert(full_key(self.keyspace, key), value);
    }

    /// Writes a row for queries alone, as an index has them: `apply` MUST NOT get it.
    pub fn index(&mut self, key: &[u8], value: Vec<u8>) {
        self.overlay.index.push((full_key(self.keyspace, key), Some(value)));
    }

    /// Takes away a row that [`index`](Self::index) wrote.
    pub fn unindex(&mut self, key: &[u8]) {
        self.overlay.index.push((full_key(self.keyspace, key), None));
    }

    /// Where the record that is being applied lies in its partition of the log.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }
}

/// What a batch has written so far, and the rows of batches before it that are still at hand.
#[derive(Default)]
pub(crate) struct Overlay {
    rows: HashMap<Vec<u8>, Vec<u8>>,
    index: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    cache: Cache,
    failed: Option<StoreError>,
}

impl Overlay {
    fn get(&mut self, key: Vec<u8>, source: &dyn Source) -> Option<&[u8]> {
        // Looked up twice because a borrow that is returned on one path would last on all of them.
        if self.rows.contains_key(&key) {
            return self.rows.get(&key).map(Vec::as_slice);
        }
        if !self.cache.recall(&key) {
            match source.fetch(&key) {
                Ok(Some(value)) => self.cache.keep(key.clone(), value),
                Ok(None) => {}
                Err(error) => self.failed = Some(error),
            }
        }
        self.cache.young.get(&key).map(Vec::as_slice)
    }

    /// The first failure to read a row since the last call. What was folded since then MUST be discarded.
    pub(crate) fn failure(&mut self) -> Option<StoreError> {
        self.failed.take()
    }

    /// Forgets what the batch has written.
    pub(crate) fn discard(&mut self) {
        self.rows.clear();
        self.index.clear();
    }

    /// Hands every write of the batch to `write`, in the order of keys, each key once. The overlay then stands for the
    /// rows after the batch.
    pub(crate) fn drain(&mut self, mut write: impl FnMut(&[u8], Option<&[u8]>)) {
        let mut rows: Vec<_> = self.rows.drain().collect();
        rows.sort_unstable();
        // Stable: of several writes of one key the last one counts.
        self.index.sort_by(|a, b| a.0.cmp(&b.0));
        let mut index = self.index.drain(..).peekable();
        let mut rows = rows.into_iter().peekable();
        loop {
            let indexed_first = match (rows.peek(), index.peek()) {
                (None, None) => break,
                (Some(_), None) => false,
                (None, Some(_)) => true,
                (Some((row, _)), Some((entry, _))) => entry < row,
            };
            if indexed_first {
                let Some((key, value)) = index.next() else { break };
                if index.peek().is_none_or(|(next, _)| *next != key) {
                    write(&key, value.as_deref());
                }
            } else if let Some((key, value)) = rows.next() {
                write(&key, Some(&value));
                self.cache.keep(key, value);
            }
        }
    }
}

/// Rows of the last batches, in two generations: what is not used for a whole generation goes.
#[derive(Default)]
struct Cache {
    young: HashMap<Vec<u8>, Vec<u8>>,
    old: HashMap<Vec<u8>, Vec<u8>>,
}

impl Cache {
    /// Brings a kept row into the young generation; whether there is one.
    fn recall(&mut self, key: &[u8]) -> bool {
        if self.young.contains_key(key) {
            return true;
        }
        match self.old.remove_entry(key) {
            Some((key, value)) => {
                self.keep(key, value);
                true
            }
            None => false,
        }
    }

    fn keep(&mut self, key: Vec<u8>, value: Vec<u8>) {
        if self.young.len() >= CACHED_ROWS / 2 && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        // A row that was kept before in the old generation is older than this one.
        if !self.old.is_empty() {
            self.old.remove(&key);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Source for Nothing {
        fn fetch(&self, _key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            Ok(None)
        }
    }

    fn drained(overlay: &mut Overlay) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut out = Vec::new();
        overlay.drain(|key, value| out.push((key[4..].to_vec(), value.map(<[u8]>::to_vec))));
        out
    }

    #[test]
    fn a_batch_is_drained_in_key_order_with_the_last_write_of_each_key() {
        let mut overlay = Overlay::default();
        let mut rows = Rows::new(&mut overlay, &Nothing, 7, 0);
        rows.index(b"c", vec![1]);
        rows.put(b"b", vec![2]);
        rows.index(b"a", vec![3]);
        rows.unindex(b"c");
        rows.put(b"b", vec![4]);
        assert_eq!(rows.get(b"b"), Some(&[4][..]));
        let expected = vec![(b"a".to_vec(), Some(vec![3])), (b"b".to_vec(), Some(vec![4])), (b"c".to_vec(), None)];
        assert_eq!(drained(&mut overlay), expected);
        assert_eq!(drained(&mut overlay), vec![]);
    }

    #[test]
    fn a_discarded_batch_leaves_the_rows_before_it() {
        let mut overlay = Overlay::default();
        Rows::new(&mut overlay, &Nothing, 7, 0).put(b"a", vec![1]);
        drained(&mut overlay);
        Rows::new(&mut overlay, &Nothing, 7, 0).put(b"a", vec![2]);
        overlay.discard();
        assert_eq!(Rows::new(&mut overlay, &Nothing, 7, 0).get(b"a"), Some(&[1][..]));
    }

    #[test]
    fn rows_that_are_not_used_leave_memory() {
        let mut overlay = Overlay::default();
        for i in 0..(3 * CACHED_ROWS) {
            Rows::new(&mut overlay, &Nothing, 1, 0).put(&i.to_be_bytes(), vec![0]);
            if i % 1000 == 0 {
                overlay.drain(|_, _| {});
            }
        }
        overlay.drain(|_, _| {});
        assert!(overlay.cache.young.len() + overlay.cache.old.len() <= CACHED_ROWS);
    }
}
