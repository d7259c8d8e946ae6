//! What the broker can do with nothing of ours in the way: a bare idempotent producer of librdkafka. Only this file of the
//! bench names `rdkafka`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kippu_events::log::LogId;
use kippu_events::log::kafka::{Address, KafkaLog, NewTopic, Settings};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};

use super::figure::{BenchError, median};
use super::machine::per_second;
use crate::config::Config;

/// No broker that is worth measuring needs longer for one message.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

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
        let replicas = self.replicas();
        let in_sync = replicas.div_ceil(2);
        let new = NewTopic { partitions, replicas, in_sync };
        let made = KafkaLog::create(&topic, &Settings::default(), random()?, &new);
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

#[derive(Default)]
struct Delivered {
    messages: AtomicUsize,
    failed: AtomicUsize,
}

struct Reports(Arc<Delivered>);

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let count = if result.is_ok() { &self.0.messages } else { &self.0.failed };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// See the module.
pub(super) struct Bare {
    topic: String,
    producer: BaseProducer<Reports>,
    sent: usize,
    delivered: Arc<Delivered>,
}

impl Bare {
    /// Writes `values` over and over to their partitions for `span`, `in_flight` at once; gives values a second.
    pub(super) fn write(
        &mut self,
        values: &[(u16, Vec<u8>)],
        in_flight: usize,
        span: Duration,
    ) -> Result<f64, BenchError> {
        let begun = Instant::now();
        let before = self.delivered.messages.load(Ordering::Relaxed);
        let mut values = values.iter().cycle();
        while begun.elapsed() < span {
            while self.under_way()? < in_flight
                && let Some((partition, value)) = values.next()
            {
                self.send(*partition, value)?;
            }
            self.producer.poll(POLL);
        }
        let written = self.delivered.messages.load(Ordering::Relaxed) - before;
        let span = begun.elapsed();
        self.producer.flush(PATIENCE)?;
        Ok(per_second(written as u64, span))
    }

    /// The median of one produce after the other, from handing it over to its delivery.
    pub(super) fn one_by_one(&mut self, values: &[(u16, Vec<u8>)], rounds: usize) -> Result<Duration, BenchError> {
        let mut seconds = Vec::with_capacity(rounds);
        for (partition, value) in values.iter().cycle().take(rounds) {
            let begun = Instant::now();
            self.send(*partition, value)?;
            while self.under_way()? > 0 {
                self.producer.poll(POLL);
                if begun.elapsed() > PATIENCE {
                    return Err(BenchError::Bare("the brokers do not answer".to_owned()));
                }
            }
            seconds.push(begun.elapsed().as_secs_f64());
        }
        Ok(Duration::from_secs_f64(median(seconds)))
    }

    fn send(&mut self, partition: u16, value: &[u8]) -> Result<(), BenchError> {
        let record = BaseRecord::<[u8], [u8]>::to(&self.topic).partition(i32::from(partition)).payload(value);
        self.producer.send(record).map_err(|(error, _)| error)?;
        self.sent += 1;
        Ok(())
    }

    fn under_way(&self) -> Result<usize, BenchError> {
        if self.delivered.failed.load(Ordering::Relaxed) > 0 {
            return Err(BenchError::Bare("a message was given up".to_owned()));
        }
        Ok(self.sent - self.delivered.messages.load(Ordering::Relaxed))
    }
}
