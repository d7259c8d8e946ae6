//! One view folded in memory, apart from any store: for the history of one entity, and for tests to compare with.

use std::collections::BTreeMap;

use kippu_events::{NotAnEvent, Recorded};

#[cfg(test)]
use crate::digest::Digest;
use crate::rows::{Overlay, Rows};
use crate::view::View;
use crate::view_store::{Source, StoreError};

/// The rows of one view after some events.
pub struct Fold<'a> {
    view: &'a dyn View,
    overlay: Overlay,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl<'a> Fold<'a> {
    /// No rows of `view`.
    #[must_use]
    pub fn new(view: &'a dyn View) -> Self {
        Self { view, overlay: Overlay::default(), rows: BTreeMap::new() }
    }

    /// Folds `event`, whose record lies at `offset`, into the rows.
    ///
    /// # Errors
    /// As [`View::apply`]; the rows MUST NOT be used after that.
    pub fn apply(&mut self, event: &Recorded<'_>, offset: u64) -> Result<(), NotAnEvent> {
        self.view.apply(event, &mut Rows::new(&mut self.overlay, &RowsBefore(&self.rows), 0, offset))?;
        let rows = &mut self.rows;
        self.overlay.drain(|key, value| {
            let key = key[4..].to_vec();
            match value {
                Some(value) => rows.insert(key, value.to_vec()),
                None => rows.remove(&key),
            };
        });
        Ok(())
    }

    /// The row under `key`.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.rows.get(key).map(Vec::as_slice)
    }
}

#[cfg(test)]
impl Fold<'_> {
    /// Every row, by key.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.rows.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// The digest of the rows, to be compared with that of a store at an equal cut.
    pub(crate) fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (key, value) in self.rows() {
            digest.add(key, value);
        }
        digest
    }
}

/// Rows under keys without a keyspace, for keys with one.
struct RowsBefore<'a>(&'a BTreeMap<Vec<u8>, Vec<u8>>);

impl Source for RowsBefore<'_> {
    fn fetch(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(&key[4..]).cloned())
    }
}
