//! Entries that are not in memory any more: read from the topic at any offset.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::OpenError;
use super::address::Address;
use super::client::{self, PATIENCE, Traced};
use super::message;
use crate::log::{Bound, Entry, Page, ReadError};

/// Clients that are kept for the next read.
const MOST_IDLE: usize = 4;

pub(super) type Reader = BaseConsumer<Traced>;

/// Readers of one topic, made when they are needed.
pub(super) struct Fetch {
    address: Address,
    idle: Mutex<Vec<Reader>>,
}

impl Fetch {
    pub(super) fn new(address: &Address) -> Self {
        Self { address: address.clone(), idle: Mutex::default() }
    }

    /// A client that has nothing assigned.
    pub(super) fn reader(&self) -> Result<Reader, OpenError> {
        if let Some(reader) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(reader);
        }
        client::consumer(&self.address).create_with_context(Traced).map_err(OpenError::client)
    }

    fn give_back(&self, reader: Reader) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push(reader);
        }
    }

    /// The offset behind the last entry that every reader may see. Asks the leader of the partition.
    pub(super) fn end(&self, partition: u16) -> Result<u64, ReadError> {
        let failed = |reason: String| ReadError::Medium { partition, offset: 0, reason };
        let reader = self.reader().map_err(|error| failed(error.to_string()))?;
        let asked = reader.fetch_watermarks(&self.address.topic, i32::from(partition), PATIENCE);
        self.give_back(reader);
        let (_, end) = asked.map_err(|error| failed(error.to_string()))?;
        u64::try_from(end).map_err(|_| failed("the end is not known".to_owned()))
    }

    /// Entries from `offset` on and before `end`, within `bound`.
    pub(super) fn page(&self, partition: u16, offset: u64, end: u64, bound: Bound) -> Result<Page, ReadError> {
        let failed = |reason: String| ReadError::Medium { partition, offset, reason };
        let reader = self.reader().map_err(|error| failed(error.to_string()))?;
        assign(&reader, &self.address.topic, [(partition, offset)]).map_err(|error| failed(error.to_string()))?;
        let page = collect(&reader, partition, offset, end, bound);
        if reader.unassign().is_ok() {
            self.give_back(reader);
        }
        page
    }
}

/// Lets `reader` read these partitions from these offsets.
pub(super) fn assign(
    reader: &Reader,
    topic: &str,
    from: impl IntoIterator<Item = (u16, u64)>,
) -> Result<(), rdkafka::error::KafkaError> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in from {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        list.add_partition_offset(topic, i32::from(partition), Offset::Offset(offset))?;
    }
    reader.assign(&list)
}

fn collect(reader: &Reader, partition: u16, offset: u64, end: u64, bound: Bound) -> Result<Page, ReadError> {
    let failed = |offset, reason: String| ReadError::Medium { partition, offset, reason };
    let until = Instant::now() + PATIENCE;
    let (mut page, mut bytes, mut next) = (Page::default(), 0, offset);
    while next < end && page.entries.len() < bound.entries {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(failed(next, "the brokers do not answer".to_owned()));
        }
        match reader.poll(left.min(Duration::from_millis(100))) {
            None => {}
            Some(Err(error)) if is_passing(&error) => {}
            Some(Err(error)) => return Err(failed(next, error.to_string())),
            Some(Ok(found)) => {
                let at = offset_of(&found);
                if at < next {
                    continue;
                }
                let entry = match entry(&found) {
                    Ok(entry) if at == next => entry,
                    // What lies before it is told first.
                    _ if !page.entries.is_empty() => break,
                    Ok(_) => return Err(failed(next, format!("the topic goes on at offset {at}"))),
                    Err(reason) => return Err(failed(next, reason)),
                };
                bytes += entry.stored.len();
                if bytes > bound.bytes && !page.entries.is_empty() {
                    break;
                }
                next += 1;
                page.entries.push(entry);
            }
        }
    }
    Ok(page)
}

/// Whether librdkafka goes on by itself after `error`.
pub(super) fn is_passing(error: &rdkafka::error::KafkaError) -> bool {
    use rdkafka::error::RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(Code::BrokerTransportFailure | Code::AllBrokersDown | Code::OperationTimedOut | Code::LeaderNotAvailable)
    )
}

pub(super) fn offset_of(message: &BorrowedMessage<'_>) -> u64 {
    u64::try_from(message.offset()).unwrap_or(0)
}

/// The entry that `message` is, or why it is none of ours.
pub(super) fn entry(message: &BorrowedMessage<'_>) -> Result<Entry, String> {
    let none = message.headers().map_or(0, rdkafka::message::Headers::count);
    let headers = (0..none).filter_map(|at| message.headers().map(|headers| headers.get(at)));
    let headers = headers.map(|header| (header.key, header.value.unwrap_or_default()));
    match message::stored(headers, message.payload().unwrap_or_default()) {
        Ok(stored) => Ok(Entry { offset: offset_of(message), stored }),
        Err(foreign) => Err(format!("a message that is no record: {foreign}")),
    }
}
