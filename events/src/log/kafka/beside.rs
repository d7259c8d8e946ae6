//! Reading a topic beside the nodes that write it. It cannot append, by type.

use super::address::Address;
use super::client::Access;
use super::fetch::Fetch;
use super::topic::{self, Identity};
use super::{OpenError, Settings, check};
use crate::log::{Bound, LogId, Page, ReadError, ReadLog, Watch};

/// A log on Kafka, open for reading only.
pub struct Beside {
    identity: Identity,
    fetch: Fetch,
}

impl Beside {
    /// The log at `address`, for reading only.
    ///
    /// # Errors
    /// As [`super::KafkaLog::open`].
    pub fn open(address: &Address, settings: &Settings) -> Result<Self, OpenError> {
        let fetch = Fetch::new(Access::new(address, settings)?);
        let identity = topic::identify(&fetch, settings)?;
        check::check(&fetch, settings)?;
        Ok(Self { identity, fetch })
    }
}

impl ReadLog for Beside {
    fn id(&self) -> LogId {
        self.identity.log
    }

    fn partitions(&self) -> u16 {
        self.identity.partitions
    }

    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        if partition < self.partitions() {
            return self.fetch.end(partition);
        }
        Err(ReadError::NoPartition { partition, partitions: self.partitions() })
    }

    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError> {
        let end = self.end(partition)?;
        if offset < end { self.fetch.page(partition, offset, end, bound) } else { Ok(Page::default()) }
    }

    /// Nothing is told: whoever reads beside the nodes asks for the end.
    fn watch(&self, _watch: Watch) {}
}
