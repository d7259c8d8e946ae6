//! Entries that are not in memory any more: read from the topic at any offset.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::OpenError;
use super::client::{Access, PATIENCE, Traced};
use super::error::is_not_allowed;
use super::figures::Tap;
use super::message::{self, Foreign};
use super::pool::{Lent, Pool};
use super::topic;
use crate::log::{Bound, Entry, Page, ReadError};

/// Clients that read: enough for everybody who reads on at once, one per partition of a usual log.
const MOST_READING: usize = 16;
/// Clients that ask.
const MOST_ASKING: usize = 8;

pub(super) type Reader = BaseConsumer<Traced>;

/// Readers of one topic, made when they are needed.
pub(super) struct Fetch {
    pub(super) access: Access,
    reading: Pool<Idle>,
    /// Clients that only ask. They stand nowhere, so that no question waits behind what is fetched ahead.
    asking: Pool<Reader>,
    /// Why what the topic holds now is not this log.
    closed: RwLock<Option<String>>,
}

/// A reader that nobody uses now. It has fetched ahead of where it stands, so the next page costs no wait.
struct Idle {
    reader: Reader,
    /// The partition and offset that it would read next.
    stands: Option<(u16, u64)>,
}

/// Why a page was not read.
struct Fault {
    offset: u64,
    reason: String,
    kind: FaultKind,
}

enum FaultKind {
    /// The brokers do not give it.
    NotGiven,
    /// They do not allow it to be given.
    NotAllowed(Code),
    /// Something else lies there.
    Foreign,
    /// A record that a later version of kippu has written.
    Newer,
}

impl Fault {
    fn not_given(offset: u64, reason: impl ToString) -> Self {
        Self { offset, reason: reason.to_string(), kind: FaultKind::NotGiven }
    }

    fn of_brokers(offset: u64, error: &KafkaError) -> Self {
        let kind = match error.rdkafka_error_code() {
            Some(code) if is_not_allowed(code) => FaultKind::NotAllowed(code),
            Some(_) | None => FaultKind::NotGiven,
        };
        Self { offset, reason: error.to_string(), kind }
    }

    fn foreign(offset: u64, foreign: &Foreign) -> Self {
        let kind = if matches!(foreign, Foreign::Newer(_)) { FaultKind::Newer } else { FaultKind::Foreign };
        Self { offset, reason: format!("a message that is no record: {foreign}"), kind }
    }

    fn into_error(self, partition: u16) -> ReadError {
        let Self { offset, reason, kind } = self;
        match kind {
            FaultKind::NotGiven | FaultKind::NotAllowed(_) | FaultKind::Foreign => {
                ReadError::Medium { partition, offset, reason }
            }
            FaultKind::Newer => ReadError::Newer { partition, offset, reason },
        }
    }
}

impl Fetch {
    pub(super) fn new(access: Access) -> Self {
        Self { access, reading: Pool::new(MOST_READING), asking: Pool::new(MOST_ASKING), closed: RwLock::default() }
    }

    pub(super) fn topic(&self) -> &str {
        &self.access.address.topic
    }

    /// A client that nobody else uses.
    pub(super) fn reader(&self) -> Result<Reader, OpenError> {
        self.access.consumer().create_with_context(Traced::default()).map_err(OpenError::client)
    }

    /// The client that reads all partitions.
    pub(super) fn follower(&self, tap: Tap) -> Result<Reader, OpenError> {
        self.access.follower().create_with_context(Traced { tap: Some(tap) }).map_err(OpenError::client)
    }

    /// A client to read with, the one that stands at `place` if there is one.
    fn borrow(&self, place: Option<(u16, u64)>) -> Result<Lent<'_, Idle>, OpenError> {
        let choose = |free: &[Idle]| {
            let there = free.iter().position(|idle| place.is_some() && idle.stands == place);
            // Otherwise one that stands nowhere, so that those who read on are not disturbed.
            there.or_else(|| free.iter().position(|idle| idle.stands.is_none()))
        };
        let make = || self.reader().map(|reader| Idle { reader, stands: None });
        self.reading.lend(PATIENCE, choose, make)?.ok_or_else(busy)
    }

    /// Asks something of the brokers.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Reader) -> Result<T, KafkaError>) -> Result<T, OpenError> {
        let any = |free: &[Reader]| (!free.is_empty()).then_some(0);
        let reader = self.asking.lend(PATIENCE, any, || self.reader())?.ok_or_else(busy)?;
        let answer = question(&reader);
        // What it was told meanwhile, such as that a broker had gone, is not for whoever asks next.
        while reader.poll(Duration::ZERO).is_some() {}
        answer.map_err(|error| self.not_asked(error))
    }

    /// Lets nobody read on.
    pub(super) fn close(&self, reason: &str) {
        *self.closed.write().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }

    fn closed(&self) -> Option<String> {
        self.closed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The offset of the first entry, and the one behind the last that every reader may see. Asks the leader.
    pub(super) fn ends(&self, partition: u16) -> Result<(u64, u64), OpenError> {
        let asked = self.ask(|reader| Ok(reader.fetch_watermarks(self.topic(), i32::from(partition), PATIENCE)))?;
        let (first, end) = asked.map_err(|error| self.explained(error))?;
        let known = |offset| u64::try_from(offset).map_err(|_| OpenError::Client("the end is not known".to_owned()));
        Ok((known(first)?, known(end)?))
    }

    /// Why the brokers do not tell of a partition: a topic that one may not see looks as if it was not there.
    fn explained(&self, error: KafkaError) -> OpenError {
        match error.rdkafka_error_code() {
            Some(Code::UnknownPartition | Code::UnknownTopic | Code::UnknownTopicOrPartition) => {
                topic::count(self).err().unwrap_or_else(|| OpenError::client(error))
            }
            Some(_) | None => self.not_asked(error),
        }
    }

    fn not_asked(&self, error: KafkaError) -> OpenError {
        let brokers = &self.access.address.brokers;
        if is_passing(&error) {
            OpenError::Client(format!("the brokers at {brokers} cannot be reached: {error}"))
        } else {
            OpenError::client(error)
        }
    }

    /// The offset behind the last entry that every reader may see. Asks the leader of the partition.
    pub(super) fn end(&self, partition: u16) -> Result<u64, ReadError> {
        let failed = |reason: String| ReadError::Medium { partition, offset: 0, reason };
        if let Some(reason) = self.closed() {
            return Err(failed(reason));
        }
        self.ends(partition).map(|(_, end)| end).map_err(|error| failed(error.to_string()))
    }

    /// Entries from `offset` on and before `end`, within `bound`.
    pub(super) fn page(&self, partition: u16, offset: u64, end: u64, bound: Bound) -> Result<Page, ReadError> {
        let failed = |offset, reason: String| ReadError::Medium { partition, offset, reason };
        if let Some(reason) = self.closed() {
            return Err(failed(offset, reason));
        }
        let mut idle = self.borrow(Some((partition, offset))).map_err(|error| failed(offset, error.to_string()))?;
        let page = self.read(&mut idle, partition, offset, end, bound);
        if page.is_err() {
            idle.discard();
        }
        page.map_err(|fault| fault.into_error(partition))
    }

    /// The first entry of a partition, as the brokers have it now.
    pub(super) fn first(&self, partition: u16) -> Result<Entry, OpenError> {
        let (topic, failed) = (self.topic().to_owned(), |reason| ReadError::Medium { partition, offset: 0, reason });
        let mut fresh = self.borrow(None)?;
        fresh.stands = None;
        let page = self.read(&mut fresh, partition, 0, 1, Bound { entries: 1, bytes: 0 });
        if page.is_err() {
            fresh.discard();
        }
        let page = page.map_err(|fault| match fault.kind {
            FaultKind::Foreign => OpenError::NotALog { topic, reason: fault.reason },
            FaultKind::NotAllowed(code) => OpenError::NotAllowed { what: format!("read the topic {topic}"), code },
            FaultKind::NotGiven | FaultKind::Newer => fault.into_error(partition).into(),
        })?;
        page.entries.into_iter().next().ok_or_else(|| failed("it is empty".to_owned()).into())
    }

    /// Reads with a client that nobody is to use again after an error.
    fn read(&self, idle: &mut Idle, partition: u16, offset: u64, end: u64, bound: Bound) -> Result<Page, Fault> {
        let failed = |error: KafkaError| Fault::not_given(offset, error);
        if idle.stands.take() != Some((partition, offset)) {
            assign(&idle.reader, self.topic(), [(partition, offset)]).map_err(failed)?;
        }
        let (page, whole) = collect(&idle.reader, offset, end, bound)?;
        let next = offset + page.entries.len() as u64;
        // Nothing is fetched ahead for nobody: whoever has come to the end goes on from memory, and whoever looks one entry
        // up does not go on.
        if whole && next < end && bound.entries > 1 {
            idle.stands = Some((partition, next));
        } else {
            idle.reader.unassign().map_err(failed)?;
        }
        Ok(page)
    }
}

/// So many use clients now that none was free for this long.
fn busy() -> OpenError {
    OpenError::Client("all clients that read are waiting for the brokers".to_owned())
}

/// Lets `reader` read these partitions from these offsets.
pub(super) fn assign(
    reader: &Reader,
    topic: &str,
    from: impl IntoIterator<Item = (u16, u64)>,
) -> Result<(), KafkaError> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in from {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        list.add_partition_offset(topic, i32::from(partition), Offset::Offset(offset))?;
    }
    reader.assign(&list)
}

/// A page, and whether `reader` stands right behind it.
fn collect(reader: &Reader, offset: u64, end: u64, bound: Bound) -> Result<(Page, bool), Fault> {
    let until = Instant::now() + PATIENCE;
    let (mut page, mut bytes, mut next) = (Page::default(), 0, offset);
    while next < end && page.entries.len() < bound.entries {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Fault::not_given(next, "the brokers do not answer"));
        }
        match reader.poll(left.min(Duration::from_millis(100))) {
            None => {}
            Some(Err(error)) if is_passing(&error) || is_of_the_group(&error) => {}
            Some(Err(error)) => return Err(Fault::of_brokers(next, &error)),
            Some(Ok(found)) => {
                let at = offset_of(&found);
                if at < next {
                    continue;
                }
                let entry = match entry(&found) {
                    Ok(entry) if at == next => entry,
                    // What lies before it is told first.
                    _ if !page.entries.is_empty() => return Ok((page, false)),
                    Ok(_) => {
                        let (reason, kind) = (format!("the topic goes on at offset {at}"), FaultKind::Foreign);
                        return Err(Fault { offset: next, reason, kind });
                    }
                    Err(foreign) => return Err(Fault::foreign(next, &foreign)),
                };
                bytes += entry.stored.len();
                if bytes > bound.bytes && !page.entries.is_empty() {
                    return Ok((page, false));
                }
                next += 1;
                page.entries.push(entry);
            }
        }
    }
    Ok((page, true))
}

/// Whether librdkafka goes on by itself after `error`, which says nothing of what the topic holds.
pub(super) fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::Authentication
                | Code::LeaderNotAvailable
                | Code::OperationTimedOut
                | Code::Resolve
                | Code::SSL
        )
    )
}

/// Whether `error` is about the consumer group that librdkafka wants every reader to name, and that none of ours uses.
pub(super) fn is_of_the_group(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::CoordinatorLoadInProgress
                | Code::CoordinatorNotAvailable
                | Code::GroupAuthorizationFailed
                | Code::NotCoordinator
        )
    )
}

pub(super) fn offset_of(message: &BorrowedMessage<'_>) -> u64 {
    u64::try_from(message.offset()).unwrap_or(0)
}

/// The headers of `message`, in order.
pub(super) fn headers<'a>(message: &'a BorrowedMessage<'_>) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    headers.map(|header| (header.key, header.value.unwrap_or_default()))
}

/// The entry that `message` is, or why it is none of ours.
pub(super) fn entry(message: &BorrowedMessage<'_>) -> Result<Entry, Foreign> {
    let stored = message::stored(headers(message), message.payload().unwrap_or_default())?;
    Ok(Entry { offset: offset_of(message), stored })
}
