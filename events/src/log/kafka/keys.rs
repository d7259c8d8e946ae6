//! Persons' keys next to a log: the topic `TOPIC.keys`, which every node of the log reads and appends to. What its entries
//! mean is for [`crate::secrets`] to say; keys are wrapped before they get here.
//!
//! ```text
//! key      abcdefghijklmnopqrstuvwx                    the person
//! headers  kippu-format=1 kippu-log=<32 hex>           the log that the topic belongs to
//! value    number of the wrapping key u32 ‖ …          the wrapped key; empty where the person is forgotten
//! ```
//!
//! One partition, whatever the log has: keys are few and small, so there is one order, one cursor and one end to ask for.

#[cfg(test)]
mod tests;

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};

use super::address::Address;
use super::client::{Access, PATIENCE, Traced};
use super::fetch::{Fetch, Reader, assign, headers, is_of_the_group, is_passing, offset_of};
use super::message::{Foreign, Headers};
use super::{NewTopic, OpenError, Settings, check, topic};
use crate::EntityId;
use crate::log::LogId;
use crate::secrets::{SharedError, SharedKey, SharedKeys};

const FORMAT: u64 = 1;
const PARTITION: u16 = 0;
/// Entries that one read takes: some hundred kilobytes.
const MOST_READ: usize = 4096;
/// What librdkafka fetches ahead of a node that asks for no key for a while.
const AHEAD_KIB: &str = "1024";
const POLL: Duration = Duration::from_millis(100);

/// The topic of persons' keys next to a log, open for reading and appending.
pub struct KeysTopic {
    log: LogId,
    fetch: Fetch,
    producer: ThreadedProducer<Reports>,
    reading: Mutex<Reading>,
}

/// A client that goes on where it has stopped.
struct Reading {
    reader: Reader,
    /// The offset that it gives next; nothing before the first reading, and after one that failed.
    next: Option<u64>,
}

/// Makes the topic next to the log of `log_topic`. It is made before the log's own, so a log that has none has lost it.
pub(super) fn create(log_topic: &Fetch, settings: &Settings, log: LogId, new: &NewTopic) -> Result<(), OpenError> {
    let fetch = Fetch::new(log_topic.access.keys());
    match topic::count(&fetch) {
        Ok(_) => return Ok(()),
        Err(OpenError::NoTopic(_)) => {}
        Err(error) => return Err(error),
    }
    match topic::identify(log_topic, settings) {
        Ok(found) if found.log == log => {
            return Err(lost(&fetch, "it is gone, but the log next to it is there"));
        }
        Ok(_) => return Err(OpenError::Exists(log_topic.topic().to_owned())),
        Err(OpenError::NoTopic(_)) => {}
        // It holds no genesis so far.
        Err(OpenError::Empty { partition: 0, .. }) => {}
        Err(error) => return Err(error),
    }
    topic::make(&fetch, &NewTopic { partitions: 1, ..*new })?;
    topic::wait_until_there(&fetch, 1)
}

/// Refuses a topic of keys that is not there, that has lost some, or that could. Gives how many entries it has.
pub(super) fn inspect(keys: &Fetch, settings: &Settings) -> Result<u64, OpenError> {
    topic::cluster(keys, settings)?;
    // There is one order, that of the first partition. Nobody writes to others, which somebody may have added.
    topic::count(keys).map_err(|error| match error {
        OpenError::NoTopic(_) => lost(keys, "it is gone"),
        error => error,
    })?;
    let (first, end) = keys.ends(PARTITION)?;
    if first > 0 {
        return Err(lost(keys, &format!("it begins at offset {first}: keys were deleted")));
    }
    if !settings.accept_unsafe {
        check::check(keys, settings)?;
    }
    Ok(end)
}

/// Refuses a topic of keys that has `found` entries, where it had `before`.
pub(super) fn not_fewer(keys: &Fetch, before: u64, found: u64) -> Result<(), OpenError> {
    if found >= before {
        return Ok(());
    }
    Err(lost(keys, &format!("it has {found} entries, and had {before}: it was emptied, or deleted and made again")))
}

fn lost(keys: &Fetch, reason: &str) -> OpenError {
    OpenError::KeysLost { topic: keys.topic().to_owned(), reason: reason.to_owned() }
}

impl KeysTopic {
    /// The topic next to the log `log` at `address`, made together with it.
    ///
    /// # Errors
    /// [`OpenError`]: as for the log, nothing that could lose a key is opened.
    pub fn open(address: &Address, settings: &Settings, log: LogId) -> Result<Arc<Self>, OpenError> {
        let fetch = Fetch::new(Access::new(address, settings)?.keys());
        inspect(&fetch, settings)?;
        Ok(Arc::new(Self::over(fetch, log)?))
    }

    /// The topic of `fetch`, which was found good.
    fn over(fetch: Fetch, log: LogId) -> Result<Self, OpenError> {
        // What comes back tells what was written, so nothing hangs on order or repetition here, and a message that was
        // given up is tried again by whoever needs the key.
        let producer = fetch
            .access
            .producer()
            .set("enable.idempotence", "false")
            .set("message.timeout.ms", PATIENCE.as_millis().to_string())
            .create_with_context(Reports)
            .map_err(OpenError::client)?;
        let reader = fetch
            .access
            .consumer()
            .set("queued.max.messages.kbytes", AHEAD_KIB)
            .create_with_context(Traced::default())
            .map_err(OpenError::client)?;
        let reading = Mutex::new(Reading { reader, next: None });
        Ok(Self { log, fetch, producer, reading })
    }

    fn damaged(&self, offset: u64, reason: String) -> SharedError {
        SharedError::Damaged { place: format!("topic {}, offset {offset}", self.fetch.topic()), reason }
    }

    /// Adds entries from `from` on to `page`, until it is full, or `end` is reached, or the brokers fall silent.
    fn collect(&self, reader: &Reader, from: u64, end: u64, page: &mut Vec<SharedKey>) -> Result<(), SharedError> {
        let until = Instant::now() + PATIENCE;
        let mut next = from;
        while next < end && page.len() < MOST_READ {
            match reader.poll(POLL) {
                Some(Ok(message)) => {
                    let at = offset_of(&message);
                    if at < next {
                        continue;
                    }
                    if at > next {
                        return Err(self.damaged(next, format!("the topic goes on at offset {at}")));
                    }
                    let found = entry(&message, self.log);
                    page.push(found.map_err(|error| self.damaged(at, format!("a message that is no key: {error}")))?);
                    next += 1;
                }
                Some(Err(error)) if !is_passing(&error) && !is_of_the_group(&error) => {
                    return Err(self.failed(next, &error));
                }
                Some(Err(_)) | None if Instant::now() >= until => {
                    return Err(SharedError::Unavailable("the brokers do not answer".to_owned()));
                }
                Some(Err(_)) | None => {}
            }
        }
        Ok(())
    }

    fn failed(&self, offset: u64, error: &KafkaError) -> SharedError {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                self.damaged(offset, error.to_string())
            }
            Some(_) | None => SharedError::Unavailable(error.to_string()),
        }
    }
}

impl SharedKeys for KeysTopic {
    fn name(&self) -> &str {
        self.fetch.topic()
    }

    fn end(&self) -> Result<u64, SharedError> {
        self.fetch.end(PARTITION).map_err(|error| SharedError::Unavailable(error.to_string()))
    }

    fn read(&self, from: u64, end: u64) -> Result<Vec<SharedKey>, SharedError> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if reading.next != Some(from) {
            assign(&reading.reader, self.fetch.topic(), [(PARTITION, from)])
                .map_err(|error| self.failed(from, &error))?;
        }
        // Whatever ends early is begun anew.
        reading.next = None;
        let mut page = Vec::new();
        match self.collect(&reading.reader, from, end, &mut page) {
            Ok(()) => reading.next = Some(from + page.len() as u64),
            // What lies before it is told first.
            Err(_) if !page.is_empty() => {}
            Err(error) => return Err(error),
        }
        Ok(page)
    }

    fn append(&self, entry: &SharedKey) -> Result<(), SharedError> {
        let unavailable = |reason: String| SharedError::Unavailable(reason);
        let (teller, told) = sync_channel(1);
        let (person, log) = (entry.person.to_string(), self.log.to_string());
        let headers = OwnedHeaders::new_with_capacity(2)
            .insert(Header { key: "kippu-format", value: Some(&FORMAT.to_string()) })
            .insert(Header { key: "kippu-log", value: Some(&log) });
        let record = BaseRecord::with_opaque_to(self.fetch.topic(), Box::new(teller))
            .partition(i32::from(PARTITION))
            .key(&person)
            .payload(&entry.wrapped)
            .headers(headers);
        self.producer.send(record).map_err(|(error, _)| unavailable(error.to_string()))?;
        match told.recv_timeout(PATIENCE) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(unavailable(error.to_string())),
            Err(_) => Err(unavailable("the brokers do not answer".to_owned())),
        }
    }
}

/// The entry that a message is, or why it is none of this log's.
fn entry(message: &BorrowedMessage<'_>, log: LogId) -> Result<SharedKey, Foreign> {
    parsed(headers(message), message.key(), message.payload(), log)
}

fn parsed<'a>(
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    log: LogId,
) -> Result<SharedKey, Foreign> {
    let mut headers = Headers(headers);
    match headers.number("kippu-format")? {
        FORMAT => {}
        later if later > FORMAT => return Err(Foreign::Newer(later)),
        other => return Err(Foreign::Format(other)),
    }
    if headers.text("kippu-log")? != log.to_string() {
        return Err(Foreign::Wrong("kippu-log"));
    }
    headers.end()?;
    let person: Option<EntityId> = key.and_then(|key| std::str::from_utf8(key).ok()?.parse().ok());
    Ok(SharedKey { person: person.ok_or(Foreign::Key)?, wrapped: value.unwrap_or_default().to_vec() })
}

/// Tells whoever waits for a message what became of it.
struct Reports;

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Traced::default().log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Traced::default().error(error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<SyncSender<Result<(), KafkaError>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, teller: Self::DeliveryOpaque) {
        let outcome = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        if teller.try_send(outcome).is_err() {
            tracing::debug!("nobody waits any more for a person's key to be written");
        }
    }
}
