//! What the broker can do with nothing of ours in the way: a bare idempotent producer of librdkafka. Only this file of the
//! bench names `rdkafka`.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kippu_events::log::LogId;
use kippu_events::log::kafka::{Address, KafkaLog, NewTopic, Plain, Settings, plain};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};

use super::figure::{BenchError, median};
use super::load::Records;
use super::machine::per_second;
use crate::config::Config;

/// No broker that is worth measuring needs longer for one message.
const PATIENCE: Duration = Duration::from_secs(30);

impl From<KafkaError> for BenchError {
    fn from(error: KafkaError) -> Self {
        Self::Bare(error.to_string())
    }
}

/// A cluster of brokers, and the name under which topics are made there.
#[derive(Clone)]
pub(super) struct Broker {
    address: Address,
    accept_single_copy: bool,
}

impl Broker {
    /// At `address`, whose topic is the beginning of all names.
    pub(super) fn new(address: Address, accept_single_copy: bool) -> Self {
        Self { address, accept_single_copy }
    }

    /// A topic that is not there yet, for `what`.
    fn topic(&self, what: &str) -> Result<Address, BenchError> {
        let Address { brokers, topic } = &self.address;
        Ok(Address { brokers: brokers.clone(), topic: format!("{topic}-{what}-{}", random()?) })
    }

    /// `config` with a log in a topic that is not there yet.
    pub(super) fn log(&self, config: Config, what: &str) -> Result<Config, BenchError> {
        let mut config = Config { log: Some(self.topic(what)?.to_string()), ..config };
        config.kafka.accept_single_copy = self.accept_single_copy;
        config.kafka.replicas = self.replicas();
        Ok(config)
    }

    const fn replicas(&self) -> u16 {
        if self.accept_single_copy { 1 } else { 3 }
    }

    /// A bare producer for a topic like that of a log.
    pub(super) fn bare(&self, partitions: u16) -> Result<Bare, BenchError> {
        let topic = self.topic("bare")?;
        let new = NewTopic { partitions, replicas: self.replicas() };
        let made = KafkaLog::create(
            &topic,
            &Settings { accept_single_copy: self.accept_single_copy, ..Settings::default() },
            random()?,
            &new,
        );
        made.map_err(|error| BenchError::Bare(error.to_string()))?;
        let delivered = Arc::<Delivered>::default();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &topic.brokers)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", "0")
            .set("linger.ms", "0")
            .set("socket.nagle.disable", "true")
            .create_with_context(Reports(Arc::clone(&delivered)))?;
        Ok(Bare { topic: topic.topic, producer, sent: 0, delivered })
    }
}

fn random() -> Result<LogId, BenchError> {
    LogId::random().map_err(|error| BenchError::Bare(error.to_string()))
}

/// Messages that the brokers have confirmed.
struct Delivered {
    count: Mutex<Result<usize, KafkaError>>,
    more: Condvar,
}

impl Default for Delivered {
    fn default() -> Self {
        Self { count: Mutex::new(Ok(0)), more: Condvar::new() }
    }
}

impl Delivered {
    /// Waits until there are at least so many.
    fn wait_for(&self, least: usize) -> Result<usize, BenchError> {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |count: &mut Result<usize, KafkaError>| count.as_ref().is_ok_and(|count| *count < least);
        let (count, waited) =
            self.more.wait_timeout_while(count, PATIENCE, waiting).unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(BenchError::Bare("the brokers do not answer".to_owned()));
        }
        Ok(count.clone()?)
    }
}

struct Reports(Arc<Delivered>);

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut count = self.0.count.lock().unwrap_or_else(PoisonError::into_inner);
        match (result, &mut *count) {
            (Ok(_), Ok(count)) => *count += 1,
            (Err((error, _)), count) => *count = Err(error.clone()),
            (Ok(_), Err(_)) => {}
        }
        self.0.more.notify_all();
    }
}

/// The messages that hold `records`, headers and all.
fn messages(records: &Records) -> Result<Vec<(u16, Plain)>, BenchError> {
    let message = |(partition, stored): &(u16, Vec<u8>)| plain(stored).map(|message| (*partition, message));
    records.iter().map(message).collect::<Result<_, _>>().map_err(|error| BenchError::Bare(error.to_string()))
}

/// See the module.
pub(super) struct Bare {
    topic: String,
    producer: ThreadedProducer<Reports>,
    sent: usize,
    delivered: Arc<Delivered>,
}

impl Bare {
    /// Writes the messages of `records` over and over to their partitions for `span`, `in_flight` at once; gives messages a
    /// second.
    pub(super) fn write(&mut self, records: &Records, in_flight: usize, span: Duration) -> Result<f64, BenchError> {
        let messages = messages(records)?;
        let before = self.delivered.wait_for(self.sent)?;
        let begun = Instant::now();
        let mut messages = messages.iter().cycle();
        let mut written = before;
        while begun.elapsed() < span {
            while self.sent - written < in_flight
                && let Some((partition, message)) = messages.next()
            {
                self.send(*partition, message)?;
            }
            written = self.delivered.wait_for(written + 1)?;
        }
        let span = begun.elapsed();
        self.producer.flush(PATIENCE)?;
        Ok(per_second((written - before) as u64, span))
    }

    /// The median of one produce after the other, from handing it over to its delivery.
    pub(super) fn one_by_one(&mut self, records: &Records, rounds: usize) -> Result<Duration, BenchError> {
        let messages = messages(records)?;
        let mut seconds = Vec::with_capacity(rounds);
        for (partition, message) in messages.iter().cycle().take(rounds) {
            let begun = Instant::now();
            self.send(*partition, message)?;
            self.delivered.wait_for(self.sent)?;
            seconds.push(begun.elapsed().as_secs_f64());
        }
        Ok(Duration::from_secs_f64(median(seconds)))
    }

    fn send(&mut self, partition: u16, (key, headers, value): &Plain) -> Result<(), BenchError> {
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic)
            .partition(i32::from(partition))
            .headers(headers.clone())
            .payload(value);
        if let Some(key) = key {
            record = record.key(key);
        }
        self.producer.send(record).map_err(|(error, _)| error)?;
        self.sent += 1;
        Ok(())
    }
}
