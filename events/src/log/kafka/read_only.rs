//! Reading a topic next to the nodes that write it. It cannot append, by type.

use super::address::Address;
use super::client::Access;
use super::fetch::Fetch;
use super::topic::{self, Identity};
use super::{OpenError, Settings, check};
use crate::log::{Bound, LogId, Page, ReadError, ReadLog, Watch};

/// A log on Kafka, open for reading only.
pub struct ReadOnly {
    identity: Identity,
    fetch: Fetch,
    concern: Option<OpenError>,
}

impl ReadOnly {
    /// The log at `address`, for reading only. Also one that does not keep a history any more: all the more reason to take it
    /// away from there.
    ///
    /// # Errors
    /// As [`super::KafkaLog::open`], where what the topic holds is no log, or another one.
    pub fn open(address: &Address, settings: &Settings) -> Result<Self, OpenError> {
        let fetch = Fetch::new(Access::new(address, settings)?);
        let identity = topic::identify(&fetch, settings)?;
        let checked = identity.check_size(fetch.topic()).and_then(|()| check::check(&fetch, settings));
        Ok(Self { identity, fetch, concern: checked.err() })
    }

    /// This, if a node may serve the log as the topic is now.
    ///
    /// # Errors
    /// Why not.
    pub fn fit_to_serve(mut self) -> Result<Self, OpenError> {
        self.concern.take().map_or(Ok(self), Err)
    }

    /// Why no node may serve the log as the topic is now, or why that is not known.
    #[must_use]
    pub const fn concern(&self) -> Option<&OpenError> {
        self.concern.as_ref()
    }
}

impl ReadLog for ReadOnly {
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

    /// Nothing is told: whoever reads next to the nodes asks for the end.
    fn watch(&self, _watch: Watch) {}
}
