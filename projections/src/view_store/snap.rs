//! The store at one moment: rows, instances, tracks and anchors that later batches do not move.

use rocksdb::{DB, DBIterator, Direction, IteratorMode, ReadOptions, Snapshot};

use super::{Instance, StoreError, anchor_key, full_key, meta};
use crate::cursor::Cursor;
use crate::digest::Digest;

/// A row with its key.
pub(crate) type KeyValue = (Box<[u8]>, Box<[u8]>);

/// The store at one moment.
pub(crate) struct Snap<'a> {
    pub(super) db: &'a DB,
    /// None of a store of another process, which does not move.
    pub(super) snapshot: Option<Snapshot<'a>>,
    pub(super) partitions: u16,
}

impl Snap<'_> {
    fn get(&self, key: Vec<u8>) -> Result<Option<Vec<u8>>, rocksdb::Error> {
        self.snapshot.as_ref().map_or_else(|| self.db.get(&key), |snapshot| snapshot.get(&key))
    }

    fn iterator(&self, mode: IteratorMode<'_>, options: ReadOptions) -> DBIterator<'_> {
        match &self.snapshot {
            Some(snapshot) => snapshot.iterator_opt(mode, options),
            None => self.db.iterator_opt(mode, options),
        }
    }

    /// The instance that answers for `view`, if one does yet.
    pub(crate) fn live(&self, view: &str) -> Result<Option<(u32, Instance)>, StoreError> {
        let Some(id) = self.get(meta(b'v', view.as_bytes()))? else { return Ok(None) };
        let id = u32::from_be_bytes(id.try_into().map_err(|_| StoreError::format("a view"))?);
        Ok(self.instance(id)?.map(|instance| (id, instance)))
    }

    /// The instance `id`.
    pub(crate) fn instance(&self, id: u32) -> Result<Option<Instance>, StoreError> {
        let Some(value) = self.get(meta(b'i', &id.to_be_bytes()))? else { return Ok(None) };
        postcard::from_bytes(&value).map(Some).map_err(|_| StoreError::format("an instance"))
    }

    /// Every instance, by id.
    pub(crate) fn instances(&self) -> Result<Vec<(u32, Instance)>, StoreError> {
        let mut instances = Vec::new();
        self.scan::<StoreError>(meta(b'i', &[]), meta(b'i' + 1, &[]), |key, value| {
            let id = key.last_chunk().map(|id| u32::from_be_bytes(*id));
            let instance = postcard::from_bytes(value).map_err(|_| StoreError::format("an instance"))?;
            instances.push((id.ok_or_else(|| StoreError::format("an instance"))?, instance));
            Ok(true)
        })?;
        Ok(instances)
    }

    /// The cursors of a track.
    pub(crate) fn track(&self, track: u32) -> Result<Vec<Cursor>, StoreError> {
        let stored = self.get(meta(b't', &track.to_be_bytes()))?;
        stored
            .and_then(|stored| Cursor::decode_all(&stored, self.partitions))
            .ok_or_else(|| StoreError::format("a cursor"))
    }

    /// Every track's id.
    pub(crate) fn tracks(&self) -> Result<Vec<u32>, StoreError> {
        let mut tracks = Vec::new();
        self.scan::<StoreError>(meta(b't', &[]), meta(b't' + 1, &[]), |key, _| {
            tracks.extend(key.last_chunk().map(|id| u32::from_be_bytes(*id)));
            Ok(true)
        })?;
        Ok(tracks)
    }

    /// The last anchor of `partition` at or before record `number`.
    pub(crate) fn anchor(&self, partition: u16, number: u64) -> Result<Option<Cursor>, StoreError> {
        let from = anchor_key(partition, number);
        let lowest = anchor_key(partition, 0);
        let mut found = self.iterator(IteratorMode::From(&from, Direction::Reverse), ReadOptions::default());
        match found.next().transpose()? {
            Some((key, value)) if *key >= *lowest => {
                Ok(Some(Cursor::decode(&value).ok_or_else(|| StoreError::format("an anchor"))?.0))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// The row under `key` of an instance.
    pub(crate) fn row(&self, instance: u32, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.get(full_key(instance, key))?)
    }

    /// Hands the rows of an instance with keys from `from` up to but without `until` to `each`, until it says no.
    pub(crate) fn rows<E: From<StoreError>>(
        &self,
        instance: u32,
        from: &[u8],
        until: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<bool, E>,
    ) -> Result<(), E> {
        self.scan(full_key(instance, from), full_key(instance, until), |key, value| each(&key[4..], value))
    }

    /// How many rows an instance has, and their digest.
    pub(crate) fn digest(&self, instance: u32) -> Result<(u64, Digest), StoreError> {
        let mut digest = Digest::default();
        let mut count = 0;
        self.scan::<StoreError>(full_key(instance, &[]), full_key(instance + 1, &[]), |key, value| {
            digest.add(&key[4..], value);
            count += 1;
            Ok(true)
        })?;
        Ok((count, digest))
    }

    fn scan<E: From<StoreError>>(
        &self,
        from: Vec<u8>,
        until: Vec<u8>,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<bool, E>,
    ) -> Result<(), E> {
        for row in self.between(from, until) {
            let (key, value) = row?;
            if !each(&key, &value)? {
                break;
            }
        }
        Ok(())
    }

    fn between(&self, from: Vec<u8>, until: Vec<u8>) -> impl Iterator<Item = Result<KeyValue, StoreError>> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(until);
        self.iterator(IteratorMode::From(&from, Direction::Forward), options).map(|row| Ok(row?))
    }

    /// Every row of an instance, indexes included, in the order of their keys.
    pub(crate) fn all(&self, instance: u32) -> impl Iterator<Item = Result<KeyValue, StoreError>> {
        let rows = self.between(full_key(instance, &[]), full_key(instance + 1, &[]));
        rows.map(|row| row.map(|(key, value)| (key[4..].into(), value)))
    }
}
