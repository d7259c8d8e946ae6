//! The producers: two per node, each for fixed partitions, so that one fault does not hold up all of them. Not more, since the
//! thread of a client that has as much on its way as it may have does not rest until the brokers answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::Statistics;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig};

use super::OpenError;
use super::client::{self, Access, Traced};
use super::fetch::offset_of;
use super::figures::{Board, Tap};
use super::message::Message;
use super::partition_state::Delivered;
use crate::log::AppendError;

const PRODUCERS: u16 = 2;
/// How often a producer's thread looks whether it is to end, and whether its client is still of use.
const POLL: Duration = Duration::from_millis(100);
/// A client that fails at once, as one without permission to write does, is not made anew more often than this.
const LEAST_LIFE: Duration = Duration::from_secs(1);

/// Told of a message that librdkafka gave up, by partition.
pub(super) type OnFailure = Arc<dyn Fn(u16, String) + Send + Sync>;

/// See the module.
pub(super) struct Producers {
    topic: String,
    lines: Vec<Arc<Line>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

type Client = BaseProducer<Reports>;

/// What a message is, for the report of what became of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) partition: u16,
    /// Epoch and number of a writer's record, whose place is of interest.
    pub(super) record: Option<(u64, u64)>,
}

/// One producer, whose client is replaced after a fatal error.
struct Line {
    access: Access,
    /// As each of its clients is made with.
    reports: Reports,
    /// Those that it writes.
    partitions: Vec<u16>,
    client: RwLock<Arc<Client>>,
}

/// What becomes of a client's messages.
struct Reports {
    on_failure: OnFailure,
    delivered: Option<Sender<Delivered>>,
    traced: Traced,
    /// Its writers have ended; what becomes of its messages is nobody's concern any more.
    retired: AtomicBool,
}

impl Reports {
    /// A client with the same listeners.
    fn connect(&self, access: &Access) -> Result<Client, OpenError> {
        let (on_failure, delivered) = (Arc::clone(&self.on_failure), self.delivered.clone());
        let traced = Traced { tap: self.traced.tap.clone() };
        let fresh = Self { on_failure, delivered, traced, retired: AtomicBool::new(false) };
        access.writer().create_with_context(fresh).map_err(OpenError::client)
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.traced.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.traced.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        self.traced.stats(statistics);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Sent>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<Sent>) {
        let Sent { partition, record } = *sent;
        match (result, record, &self.delivered) {
            (Ok(message), Some((epoch, number)), Some(delivered)) => {
                // Nobody hears it where the log is closed.
                let _closed = delivered.send(Delivered { partition, epoch, number, offset: offset_of(message) });
            }
            (Err((error, _)), ..) if !self.retired.load(Ordering::Acquire) => {
                (self.on_failure)(partition, error.to_string());
            }
            _ => {}
        }
    }
}

impl Line {
    fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn run(&self, stop: &AtomicBool) {
        let mut born = Instant::now();
        while !stop.load(Ordering::Acquire) {
            let client = self.client();
            client.poll(POLL);
            if let Some((_, reason)) = client.client().fatal_error() {
                self.retire(&client, &reason);
                if born.elapsed() >= LEAST_LIFE {
                    born = Instant::now();
                    self.replace();
                }
            }
        }
    }

    /// Ends the writers whose messages `client` has. It takes no more of them, so what comes after this is only what it
    /// had on the wire.
    ///
    /// Such a message may still be written, late: after the next claim, where it is stale; or before it, where it is
    /// what its writer handed over, in order or with a gap, and so valid or an orphan. None of that was ever answered:
    /// it was neither confirmed nor read back before its writer ended. A claim that comes late is not the next one any
    /// more, or nobody waits for it and the next claim follows it. That is what [`crate::log::judge`] holds against
    /// late, lost and repeated messages of any writer.
    fn retire(&self, client: &Client, reason: &str) {
        client.context().retired.store(true, Ordering::Release);
        for partition in &self.partitions {
            (self.reports.on_failure)(*partition, format!("Kafka's client failed for good: {reason}"));
        }
    }

    fn replace(&self) {
        match self.reports.connect(&self.access) {
            Ok(next) => *self.client.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next),
            Err(error) => tracing::warn!(%error, "Kafka's client cannot be made anew"),
        }
    }
}

impl Producers {
    /// Producers for all partitions of the topic of `access`. Where records lie is told to `delivered`.
    pub(super) fn new(
        access: &Access,
        partitions: u16,
        on_failure: &OnFailure,
        delivered: Option<&Sender<Delivered>>,
        board: &Arc<Board>,
    ) -> Result<Self, OpenError> {
        let topic = access.address.topic.clone();
        let stop = Arc::new(AtomicBool::new(false));
        let mut producers = Self { topic, lines: Vec::new(), stop, threads: Vec::new() };
        for index in 0..PRODUCERS {
            let partitions = (index..partitions).step_by(usize::from(PRODUCERS)).collect();
            let traced = Traced { tap: Some(Tap::new(board, format!("producer-{index}"))) };
            let (on_failure, delivered) = (Arc::clone(on_failure), delivered.cloned());
            let reports = Reports { on_failure, delivered, traced, retired: AtomicBool::new(false) };
            let client = RwLock::new(Arc::new(reports.connect(access)?));
            let line = Arc::new(Line { access: access.clone(), reports, partitions, client });
            let (runs, stop) = (Arc::clone(&line), Arc::clone(&producers.stop));
            let thread = std::thread::Builder::new().name("kafka-reports".to_owned()).spawn(move || runs.run(&stop));
            producers.lines.push(line);
            producers.threads.push(thread.map_err(|error| OpenError::Thread(error.to_string()))?);
        }
        Ok(producers)
    }

    /// Hands a message over to librdkafka, which keeps the order within a partition.
    ///
    /// # Errors
    /// Certainly not handed over.
    pub(super) fn send(&self, sent: Sent, message: &Message<'_>) -> Result<(), AppendError> {
        let partition = sent.partition;
        let mut record = BaseRecord::with_opaque_to(&self.topic, Box::new(sent))
            .partition(i32::from(partition))
            .payload(message.value)
            .headers(message.owned_headers());
        if let Some(key) = &message.key {
            record = record.key(&key[..]);
        }
        let client = self.line(partition).client();
        client.send::<[u8], [u8]>(record).map_err(|(error, _)| match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => {
                AppendError::Unavailable("the queue before the brokers is full".to_owned())
            }
            Some(_) | None => AppendError::Unavailable(error.to_string()),
        })
    }

    /// Waits until everything that was handed over to the producer of `partition` is confirmed or given up.
    ///
    /// # Errors
    /// Some of it is still under way.
    pub(super) fn flush(&self, partition: u16) -> Result<(), KafkaError> {
        self.line(partition).client().flush(client::PATIENCE)
    }

    fn line(&self, partition: u16) -> &Line {
        &self.lines[usize::from(partition % PRODUCERS)]
    }

    /// Lets go of everything that is under way. Every writer MUST have ended.
    pub(super) fn purge(&self) {
        for line in &self.lines {
            let client = line.client();
            client.context().retired.store(true, Ordering::Release);
            client.purge(PurgeConfig::default().queue().inflight());
        }
    }
}

impl Drop for Producers {
    /// Waits for what is under way as long as a healthy broker needs, and lets go of the rest: whoever wrote it was told
    /// that nobody knows.
    fn drop(&mut self) {
        let until = Instant::now() + client::PATIENCE;
        for line in &self.lines {
            if let Err(error) = line.client().flush(until.saturating_duration_since(Instant::now())) {
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
