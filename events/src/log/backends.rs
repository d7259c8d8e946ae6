//! The contract suite, backend by backend.

use std::sync::Arc;

use tempfile::TempDir;

use super::kafka::broker::{address, trying_out};
use super::kafka::{Address, KafkaLog, NewTopic};
use super::memory::MemoryLog;
use super::rocks::{RocksLog, Settings};
use super::suite::{Fixture, PARTITIONS, log_id};
use super::{Log, ReadLog as _};
use crate::log_suite;

/// A log in memory has no medium to restart from but itself.
struct Memory(Arc<MemoryLog>);

impl Memory {
    fn new() -> Self {
        Self(MemoryLog::new(log_id(), PARTITIONS))
    }
}

impl Fixture for Memory {
    fn log(&self) -> Arc<dyn Log> {
        self.0.clone()
    }

    fn restart(&mut self) {
        assert_eq!(self.0.partitions(), PARTITIONS);
    }
}

/// An embedded log in a directory of its own. The log is dropped before the directory.
struct Rocks {
    log: Option<Arc<RocksLog>>,
    dir: TempDir,
}

impl Rocks {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        RocksLog::create(dir.path(), log_id(), PARTITIONS).expect("created");
        let mut rocks = Self { log: None, dir };
        rocks.restart();
        rocks
    }
}

impl Fixture for Rocks {
    fn log(&self) -> Arc<dyn Log> {
        self.log.clone().expect("open")
    }

    fn restart(&mut self) {
        if let Some(log) = self.log.take() {
            assert_eq!(Arc::strong_count(&log), 1, "the case still holds the log");
        }
        let settings = Settings { on_poison: Arc::new(|reason| panic!("{reason}")), ..Settings::default() };
        self.log = Some(RocksLog::open_with(self.dir.path(), settings).expect("opened"));
    }
}

/// A topic of its own on the broker that `KAFKA_BROKERS` names. Two calls for the log give two nodes.
struct Kafka {
    address: Address,
}

impl Kafka {
    fn new() -> Self {
        let address = address("suite");
        let new = NewTopic { partitions: PARTITIONS, replicas: 1 };
        KafkaLog::create(&address, &trying_out(), log_id(), &new).expect("created");
        Self { address }
    }
}

impl Fixture for Kafka {
    fn log(&self) -> Arc<dyn Log> {
        KafkaLog::open(&self.address, &trying_out()).expect("opened")
    }

    fn restart(&mut self) {
        assert!(KafkaLog::open(&self.address, &trying_out()).is_ok(), "nothing is left of a log but its topic");
    }
}

log_suite!(kafka, Kafka::new());
log_suite!(memory, Memory::new());
log_suite!(rocksdb, Rocks::new());
