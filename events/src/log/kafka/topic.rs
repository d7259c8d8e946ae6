//! The topic: how it is made, and what it has to be.

use std::time::Duration;

use rdkafka::admin::{AdminOptions, NewTopic as Request, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::OpenError;
use super::client::{PATIENCE, Traced};
use super::fetch::Fetch;
use super::keys;
use super::message::Message;
use crate::log::record::{Content, Genesis, Record};
use crate::log::{Bound, LogId};

/// How a topic is made.
#[derive(Clone, Copy, Debug)]
pub struct NewTopic {
    /// Partitions, for ever.
    pub partitions: u16,
    /// Copies of each.
    pub replicas: u16,
    /// Copies that must have a record before it counts.
    pub in_sync: u16,
}

/// Makes the topic and those beside it, and writes the genesis of every partition that has none.
pub(super) fn create(fetch: &Fetch, id: LogId, new: &NewTopic) -> Result<(), OpenError> {
    if new.partitions == 0 {
        return Err(OpenError::NoPartitions);
    }
    keys::create(fetch, id, new)?;
    make(fetch, fetch.topic(), new)?;
    make(fetch, &fetch.access.address.owners(), new)?;
    wait_until_there(fetch, new.partitions)?;
    begin(fetch, id, new.partitions)
}

/// Writes the genesis of every partition that has none.
pub(super) fn begin(fetch: &Fetch, id: LogId, partitions: u16) -> Result<(), OpenError> {
    let producer: BaseProducer<Traced> =
        fetch.access.producer().create_with_context(Traced).map_err(OpenError::client)?;
    for partition in 0..partitions {
        let genesis = Genesis { log: id, partition, partitions };
        if fetch.end(partition)? > 0 {
            if begins_with(fetch, partition)? == genesis {
                continue;
            }
            return Err(OpenError::Exists(fetch.topic().to_owned()));
        }
        write(&producer, fetch.topic(), partition, &genesis)?;
    }
    producer.flush(PATIENCE).map_err(OpenError::client)?;
    for partition in 0..partitions {
        if fetch.end(partition)? == 0 {
            return Err(OpenError::Client(format!("the genesis of partition {partition} was not written")));
        }
    }
    Ok(())
}

pub(super) fn make(fetch: &Fetch, name: &str, new: &NewTopic) -> Result<(), OpenError> {
    let admin = fetch.access.admin()?;
    let in_sync = new.in_sync.to_string();
    let topic = Request::new(name, i32::from(new.partitions), TopicReplication::Fixed(i32::from(new.replicas)))
        .set("cleanup.policy", "delete")
        .set("retention.ms", "-1")
        .set("retention.bytes", "-1")
        .set("min.insync.replicas", &in_sync)
        .set("unclean.leader.election.enable", "false")
        .set("message.timestamp.type", "LogAppendTime");
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
    let made = futures_executor::block_on(admin.create_topics([&topic], &options)).map_err(OpenError::client)?;
    for one in made {
        match one {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(OpenError::Client(format!("the topic {name} could not be made: {code}"))),
        }
    }
    Ok(())
}

/// A new topic is known to the brokers one after the other.
pub(super) fn wait_until_there(fetch: &Fetch, partitions: u16) -> Result<(), OpenError> {
    for _ in 0..100 {
        match count(fetch) {
            Ok(found) if found == partitions && (0..partitions).all(|partition| fetch.end(partition).is_ok()) => {
                return Ok(());
            }
            Ok(found) if found > partitions => return Err(OpenError::Exists(fetch.topic().to_owned())),
            Ok(_) | Err(OpenError::NoTopic(_)) => std::thread::sleep(Duration::from_millis(50)),
            Err(error) => return Err(error),
        }
    }
    Err(OpenError::NoTopic(fetch.topic().to_owned()))
}

/// How many partitions the topic has.
pub(super) fn count(fetch: &Fetch) -> Result<u16, OpenError> {
    let reader = fetch.reader()?;
    let metadata = reader.fetch_metadata(Some(fetch.topic()), PATIENCE).map_err(OpenError::client)?;
    let none = || OpenError::NoTopic(fetch.topic().to_owned());
    let topic = metadata.topics().iter().find(|topic| topic.name() == fetch.topic()).ok_or_else(none)?;
    if topic.error().is_some() || topic.partitions().is_empty() {
        return Err(none());
    }
    u16::try_from(topic.partitions().len()).map_err(|_| not_a_log(fetch, "it has more partitions than a log can have"))
}

fn write(producer: &BaseProducer<Traced>, topic: &str, partition: u16, genesis: &Genesis) -> Result<(), OpenError> {
    let (stored, _) = Content::Genesis(genesis.clone()).encode();
    let message = Message::of(&stored).map_err(|error| OpenError::Client(error.to_string()))?;
    let record: BaseRecord<'_, [u8], [u8]> =
        BaseRecord::to(topic).partition(i32::from(partition)).payload(message.value).headers(message.owned_headers());
    producer.send(record).map_err(|(error, _)| OpenError::client(error))
}

fn begins_with(fetch: &Fetch, partition: u16) -> Result<Genesis, OpenError> {
    let page = fetch.page(partition, 0, 1, Bound { entries: 1, bytes: 0 })?;
    let first = page.entries.first().ok_or_else(|| not_a_log(fetch, "it is empty"))?;
    match Record::decode(&first.stored).map(|record| record.content) {
        Ok(Content::Genesis(genesis)) => Ok(genesis),
        Ok(_) => Err(not_a_log(fetch, "a partition begins with another record than its genesis")),
        Err(error) => Err(not_a_log(fetch, &error.to_string())),
    }
}

/// Whose log the topic is, and how many partitions it has.
pub(super) fn identify(fetch: &Fetch) -> Result<(LogId, u16), OpenError> {
    let partitions = count(fetch)?;
    let genesis = begins_with(fetch, 0)?;
    if genesis.partitions != partitions {
        let reason = format!("it has {partitions} partitions, but its genesis says {}", genesis.partitions);
        return Err(not_a_log(fetch, &reason));
    }
    Ok((genesis.log, partitions))
}

fn not_a_log(fetch: &Fetch, reason: &str) -> OpenError {
    OpenError::NotALog { topic: fetch.topic().to_owned(), reason: reason.to_owned() }
}
