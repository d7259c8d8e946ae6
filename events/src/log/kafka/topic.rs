//! The topic: how it is made, and what it has to be.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminOptions, NewTopic as Request, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::client::{Access, PATIENCE, Traced};
use super::error::is_not_allowed;
use super::fetch::Fetch;
use super::message::Message;
use super::{Address, OpenError, Settings, check};
use crate::log::LogId;
use crate::log::record::{Content, Genesis, Record};

/// Kafka's own default.
const MESSAGE_BYTES: i64 = 1_048_588;

/// How a topic is made.
#[derive(Clone, Copy, Debug)]
pub struct NewTopic {
    /// Partitions, for ever.
    pub partitions: u16,
    /// Copies of each.
    pub replicas: u16,
}

impl NewTopic {
    /// Copies that must have a record before it counts: all but one, so that one broker may be away; of two, both.
    pub(super) const fn in_sync(&self) -> u16 {
        if self.replicas < 3 { self.replicas } else { self.replicas - 1 }
    }
}

/// Makes sure of the topic over which the nodes of `log` share its partitions out. It holds nothing, so it may be made
/// anew; but a smaller one would leave partitions to nobody. Partitions that were added to it stand for none of the log's.
pub(super) fn owners(log: &Fetch, new: &NewTopic) -> Result<(), OpenError> {
    let owners = Fetch::new(log.access.owners());
    match count(&owners) {
        Ok(found) if found >= new.partitions => Ok(()),
        Ok(found) => {
            let there_are = format!("it has {found} partitions, and the log has {}", new.partitions);
            Err(not_a_log(&owners, &format!("{there_are}: delete it, and it is made anew")))
        }
        Err(OpenError::NoTopic(_)) => {
            make(&owners, new)?;
            wait_until_there(&owners, new.partitions)
        }
        Err(error) => Err(error),
    }
}

/// Refuses to make the log `id` where its topic holds something else, or would not keep a history, or where the brokers
/// would not make one of the three topics. Nothing is made by this.
pub(super) fn check_new(log: &Fetch, settings: &Settings, id: LogId, new: &NewTopic) -> Result<(), OpenError> {
    check::check_new(log.topic(), new, settings)?;
    match identify(log, settings) {
        Ok(found) if found.log == id => {}
        Ok(_) => return Err(OpenError::Exists(log.topic().to_owned())),
        // It was made and not begun, by an earlier attempt or by an operator.
        Err(OpenError::Empty { partition: 0, .. }) => check::check(log, settings)?,
        Err(OpenError::Empty { .. } | OpenError::NoTopic(_)) => {}
        Err(error) => return Err(error),
    }
    for (access, partitions) in
        [(log.access.keys(), 1), (log.access.clone(), new.partitions), (log.access.owners(), new.partitions)]
    {
        request(&Fetch::new(access), &NewTopic { partitions, ..*new }, Make::Nothing)?;
    }
    Ok(())
}

/// Writes the genesis of every partition that has none.
pub(super) fn begin(fetch: &Fetch, id: LogId, partitions: u16) -> Result<(), OpenError> {
    let producer: BaseProducer<Traced> =
        fetch.access.producer().create_with_context(Traced::default()).map_err(OpenError::client)?;
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

pub(super) fn make(fetch: &Fetch, new: &NewTopic) -> Result<(), OpenError> {
    request(fetch, new, Make::Topic)
}

/// Whether the brokers are to make a topic, or only to say whether they would.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Make {
    Topic,
    Nothing,
}

fn request(fetch: &Fetch, new: &NewTopic, make: Make) -> Result<(), OpenError> {
    let (admin, name) = (fetch.access.admin()?, fetch.topic());
    let in_sync = new.in_sync().to_string();
    let most_bytes = fetch.access.most_message_bytes().max(MESSAGE_BYTES).to_string();
    let topic = Request::new(name, i32::from(new.partitions), TopicReplication::Fixed(i32::from(new.replicas)))
        .set("cleanup.policy", "delete")
        .set("retention.ms", "-1")
        .set("retention.bytes", "-1")
        .set("min.insync.replicas", &in_sync)
        .set("unclean.leader.election.enable", "false")
        .set("max.message.bytes", &most_bytes)
        .set("message.timestamp.type", "LogAppendTime");
    let mut options = AdminOptions::new().request_timeout(Some(PATIENCE)).validate_only(make == Make::Nothing);
    if make == Make::Topic {
        options = options.operation_timeout(Some(PATIENCE));
    }
    let made = futures_executor::block_on(admin.create_topics([&topic], &options)).map_err(OpenError::client)?;
    for one in made {
        match one {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) if is_not_allowed(code) => {
                return Err(OpenError::NotAllowed { what: format!("make the topic {name}"), code });
            }
            Err((_, code)) => {
                let NewTopic { partitions, replicas } = new;
                let asked = format!("the topic {name}, of {partitions} partitions with {replicas} copies each,");
                return Err(OpenError::Client(format!("{asked} could not be made: {code}")));
            }
        }
    }
    Ok(())
}

/// How long brokers may take to know a topic that was made, of hundreds of partitions and while they have other work.
const KNOWN: Duration = Duration::from_secs(60);

/// A new topic is known to the brokers one after the other.
pub(super) fn wait_until_there(fetch: &Fetch, partitions: u16) -> Result<(), OpenError> {
    let until = Instant::now() + KNOWN;
    while Instant::now() < until {
        match see(fetch)? {
            Seen::Whole(found)
                if found == partitions && (0..partitions).all(|partition| fetch.end(partition).is_ok()) =>
            {
                return Ok(());
            }
            Seen::Whole(found) if found > partitions => return Err(OpenError::Exists(fetch.topic().to_owned())),
            Seen::Whole(_) | Seen::Passing(_) | Seen::Nothing => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    Err(OpenError::NoTopic(fetch.topic().to_owned()))
}

/// What the brokers say of the topic.
enum Seen {
    /// It is there, with so many partitions.
    Whole(u16),
    /// Nobody can say now.
    Passing(RDKafkaErrorCode),
    /// There is none.
    Nothing,
}

fn see(fetch: &Fetch) -> Result<Seen, OpenError> {
    let metadata = fetch.ask(|reader| reader.fetch_metadata(Some(fetch.topic()), PATIENCE))?;
    let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == fetch.topic()) else {
        return Ok(Seen::Nothing);
    };
    match topic.error().map(RDKafkaErrorCode::from) {
        None if topic.partitions().is_empty() => Ok(Seen::Nothing),
        None => match u16::try_from(topic.partitions().len()) {
            Ok(partitions) => Ok(Seen::Whole(partitions)),
            Err(_) => Err(not_a_log(fetch, "it has more partitions than a log can have")),
        },
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => Ok(Seen::Nothing),
        Some(code) if is_not_allowed(code) => {
            Err(OpenError::NotAllowed { what: format!("describe the topic {}", fetch.topic()), code })
        }
        Some(code) => Ok(Seen::Passing(code)),
    }
}

/// How many partitions the topic has.
pub(super) fn count(fetch: &Fetch) -> Result<u16, OpenError> {
    match see(fetch)? {
        Seen::Whole(partitions) => Ok(partitions),
        Seen::Passing(code) => Err(OpenError::Client(format!("the topic {}: {code}", fetch.topic()))),
        Seen::Nothing => Err(OpenError::NoTopic(fetch.topic().to_owned())),
    }
}

fn write(producer: &BaseProducer<Traced>, topic: &str, partition: u16, genesis: &Genesis) -> Result<(), OpenError> {
    let (stored, _) = Content::Genesis(*genesis).encode();
    let message = Message::of(&stored).map_err(|error| OpenError::Client(error.to_string()))?;
    let record: BaseRecord<'_, [u8], [u8]> =
        BaseRecord::to(topic).partition(i32::from(partition)).payload(message.value).headers(message.owned_headers());
    producer.send(record).map_err(|(error, _)| OpenError::client(error))
}

fn begins_with(fetch: &Fetch, partition: u16) -> Result<Genesis, OpenError> {
    match Record::decode(&fetch.first(partition)?.stored).map(|record| record.content) {
        Ok(Content::Genesis(genesis)) => Ok(genesis),
        Ok(_) => Err(not_a_log(fetch, "a partition begins with another record than its genesis")),
        Err(error) => Err(not_a_log(fetch, &error.to_string())),
    }
}

/// Whose log the topic is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    pub(super) log: LogId,
    /// Those of the log.
    pub(super) partitions: u16,
    /// Those of the topic: more, where some were added.
    pub(super) found: u16,
    /// Kafka's id of the cluster.
    pub(super) cluster: String,
}

impl Identity {
    /// Refuses a topic that has more partitions than its log.
    pub(super) fn check_size(&self, topic: &str) -> Result<(), OpenError> {
        let Self { partitions, found, .. } = *self;
        if found == partitions { Ok(()) } else { Err(OpenError::Grown { topic: topic.to_owned(), partitions, found }) }
    }
}

/// Whose log the topic is, if it is the one that `settings` name.
pub(super) fn identify(fetch: &Fetch, settings: &Settings) -> Result<Identity, OpenError> {
    let cluster = cluster(fetch, settings)?;
    let found = count(fetch)?;
    is_whole(fetch, 0, settings)?;
    let genesis = begins_with(fetch, 0)?;
    if let Some(expected) = settings.log.filter(|expected| *expected != genesis.log) {
        return Err(OpenError::OtherLog { topic: fetch.topic().to_owned(), expected, found: genesis.log });
    }
    if found < genesis.partitions {
        let reason = format!("it has {found} partitions, but its genesis says {}", genesis.partitions);
        return Err(not_a_log(fetch, &reason));
    }
    for partition in 1..genesis.partitions {
        is_whole(fetch, partition, settings)?;
    }
    Ok(Identity { log: genesis.log, partitions: genesis.partitions, found, cluster })
}

/// Whether the partition still has its first record.
fn is_whole(fetch: &Fetch, partition: u16, settings: &Settings) -> Result<(), OpenError> {
    let (first, end) = fetch.ends(partition)?;
    if first > 0 {
        return Err(not_a_log(fetch, &format!("partition {partition} begins at offset {first}: records were deleted")));
    }
    if end == 0 {
        return Err(OpenError::Empty { topic: fetch.topic().to_owned(), partition, expected: settings.log });
    }
    Ok(())
}

/// Kafka's id of the cluster that `address` names, which [`Settings`] may ask for from then on.
///
/// # Errors
/// [`OpenError`].
pub fn cluster_of(address: &Address, settings: &Settings) -> Result<String, OpenError> {
    cluster(&Fetch::new(Access::new(address, settings)?), settings)
}

/// The cluster that answers, if it is the one that `settings` name: in another one, a topic of the same name is another
/// topic.
pub(super) fn cluster(fetch: &Fetch, settings: &Settings) -> Result<String, OpenError> {
    let found = fetch.ask(|reader| {
        // A client learns the id with the first metadata that it is given.
        reader.fetch_metadata(Some(fetch.topic()), PATIENCE)?;
        Ok(reader.client().fetch_cluster_id(PATIENCE))
    })?;
    let found = found.ok_or_else(|| OpenError::Client("the brokers do not tell the id of their cluster".to_owned()))?;
    match &settings.cluster {
        Some(expected) if *expected != found => Err(OpenError::OtherCluster { expected: expected.clone(), found }),
        Some(_) | None => Ok(found),
    }
}

fn not_a_log(fetch: &Fetch, reason: &str) -> OpenError {
    OpenError::NotALog { topic: fetch.topic().to_owned(), reason: reason.to_owned() }
}
