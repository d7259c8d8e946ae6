//! The producers: four per node, each for fixed partitions, so that one fault does not hold up all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};

use super::OpenError;
use super::client::{self, Access, Traced};
use super::message::Message;
use crate::log::AppendError;

const PRODUCERS: usize = 4;
/// How often a producer's thread looks whether it is to end.
const POLL: Duration = Duration::from_millis(100);

/// Told of a message that librdkafka gave up, by partition.
pub(super) type OnFailure = Arc<dyn Fn(u16, String) + Send + Sync>;

/// See the module.
pub(super) struct Producers {
    topic: String,
    producers: Vec<Arc<BaseProducer<Reports>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// What becomes of messages: only failures are of interest, since what was written is read back.
struct Reports {
    on_failure: OnFailure,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Traced.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Traced.error(error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<u16>;

    fn delivery(&self, result: &DeliveryResult<'_>, partition: Box<u16>) {
        if let Err((error, _)) = result {
            (self.on_failure)(*partition, error.to_string());
        }
    }
}

impl Producers {
    /// Producers for the topic of `access`.
    pub(super) fn new(access: &Access, on_failure: OnFailure) -> Result<Self, OpenError> {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut producers, mut threads) = (Vec::new(), Vec::new());
        for _ in 0..PRODUCERS {
            let reports = Reports { on_failure: Arc::clone(&on_failure) };
            let producer: BaseProducer<Reports> =
                access.producer().create_with_context(reports).map_err(OpenError::client)?;
            let producer = Arc::new(producer);
            let (its, end) = (Arc::clone(&producer), Arc::clone(&stop));
            let polling = move || {
                while !end.load(Ordering::Acquire) {
                    its.poll(POLL);
                }
            };
            let thread = std::thread::Builder::new().name("kafka-reports".to_owned()).spawn(polling);
            threads.push(thread.map_err(|error| OpenError::Thread(error.to_string()))?);
            producers.push(producer);
        }
        Ok(Self { topic: access.address.topic.clone(), producers, stop, threads })
    }

    /// Hands a message over to librdkafka, which keeps the order within a partition.
    ///
    /// # Errors
    /// Certainly not handed over.
    pub(super) fn send(&self, partition: u16, message: &Message<'_>) -> Result<(), AppendError> {
        let mut record = BaseRecord::with_opaque_to(&self.topic, Box::new(partition))
            .partition(i32::from(partition))
            .payload(message.value)
            .headers(message.owned_headers());
        if let Some(key) = &message.key {
            record = record.key(&key[..]);
        }
        let producer = &self.producers[usize::from(partition) % self.producers.len()];
        producer.send::<[u8], [u8]>(record).map_err(|(error, _)| match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => {
                AppendError::Unavailable("the queue before the brokers is full".to_owned())
            }
            Some(_) | None => AppendError::Unavailable(error.to_string()),
        })
    }
}

impl Drop for Producers {
    /// Waits for what is under way as long as a healthy broker needs, and lets go of the rest: whoever wrote it was told
    /// that nobody knows.
    fn drop(&mut self) {
        for producer in &self.producers {
            if let Err(error) = producer.flush(client::PATIENCE) {
                tracing::warn!(%error, "messages to Kafka were still under way");
            }
        }
        self.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that takes reports panicked");
            }
        }
    }
}
