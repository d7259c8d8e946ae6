//! Stores as RocksDB itself shows them: for tests that look for what must not be there, and for tests that put there what
//! must be found. Only for nodes that have stopped.

use std::path::Path;

use kippu_events::EntityId;
use rocksdb::{DB, IteratorMode, Options};

/// The store in a folder, opened without any of the wrappers.
pub(crate) struct Raw {
    db: DB,
    families: Vec<String>,
}

impl Raw {
    /// Opens the store in `folder`.
    pub(crate) fn open(folder: &Path) -> Self {
        let options = Options::default();
        let families = DB::list_cf(&options, folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let db = DB::open_cf(&options, folder, &families).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        Self { db, families }
    }

    /// The log's store of a node with this data.
    pub(crate) fn log(data: &Path) -> Self {
        Self::open(&data.join("log/store"))
    }

    /// Every key and value of every column family, decompressed.
    pub(crate) fn each(&self, mut visit: impl FnMut(&[u8], &[u8])) {
        for name in &self.families {
            let family = self.db.cf_handle(name).expect("it was opened");
            for row in self.db.iterator_cf(family, IteratorMode::Start) {
                let (key, value) = row.expect("the store is sound");
                visit(&key, &value);
            }
        }
    }

    /// The records of `partition`, from number 0.
    pub(crate) fn records(&self, partition: usize) -> Vec<Vec<u8>> {
        let rows = self.db.iterator_cf(self.partition(partition), IteratorMode::Start);
        rows.map(|row| row.expect("the store is sound").1.into_vec()).collect()
    }

    /// How many partitions there are.
    pub(crate) fn partitions(&self) -> usize {
        self.families.iter().filter(|name| name.starts_with("partition-")).count()
    }

    /// Writes a record past everything that keeps records from being changed.
    pub(crate) fn put(&self, partition: usize, number: u64, value: &[u8]) {
        self.db.put_cf(self.partition(partition), number.to_be_bytes(), value).expect("a write that RocksDB takes");
    }

    /// Removes a record likewise.
    pub(crate) fn remove(&self, partition: usize, number: u64) {
        self.db.delete_cf(self.partition(partition), number.to_be_bytes()).expect("a write that RocksDB takes");
    }

    /// Changes the row of the views that lies under the id of the entity `id` alone.
    pub(crate) fn change_row(&self, id: &str) {
        let id: EntityId = id.parse().expect("an id");
        let mut rows = self.db.iterator(IteratorMode::Start).map(|row| row.expect("the store is sound"));
        // Behind the number of a view lies the byte of rows, and then the key.
        let its = |key: &[u8]| key.get(4) == Some(&0) && key.get(5..) == Some(id.as_bytes().as_slice());
        let (key, mut row) = rows.find(|(key, _)| its(key)).expect("the entity has a row");
        let last = row.len() - 1;
        row[last] ^= 1;
        self.db.put(key, row).expect("a write that RocksDB takes");
    }

    /// Writes everything into data files.
    pub(crate) fn flush(&self) {
        for name in &self.families {
            self.db.flush_cf(self.db.cf_handle(name).expect("it was opened")).expect("a flush");
        }
    }

    fn partition(&self, partition: usize) -> &rocksdb::ColumnFamily {
        self.db.cf_handle(&format!("partition-{partition}")).expect("there is this partition")
    }
}
