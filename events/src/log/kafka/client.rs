//! How librdkafka's clients are set up: once, for all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::AdminClient;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, DeliveryResult, ProducerContext};
use rdkafka::{ClientConfig, Statistics};
use tracing::Level;

use super::address::Address;
use super::figures::Tap;
use super::properties::{most_message_bytes, objection};
use super::{OpenError, Settings};

/// A broker that does not answer within this is taken for gone.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How often a client tells its figures: tests do not wait for long.
const FIGURES_EVERY_MS: &str = if cfg!(test) { "200" } else { "5000" };

/// The brokers of a log, and how its clients reach them.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) address: Address,
    properties: BTreeMap<String, String>,
}

impl Access {
    /// Refuses properties with which the log could not keep its promises.
    pub(super) fn new(address: &Address, settings: &Settings) -> Result<Self, OpenError> {
        check_properties(&settings.properties)?;
        Ok(Self { address: address.clone(), properties: settings.properties.clone() })
    }

    /// The most that a client writes at once.
    pub(super) fn most_message_bytes(&self) -> i64 {
        most_message_bytes(&self.properties)
    }

    /// The same brokers, and the topic of persons' keys.
    pub(super) fn keys(&self) -> Self {
        Self { address: self.address.keys(), ..self.clone() }
    }

    /// The same brokers, and the topic over which partitions are shared out.
    pub(super) fn owners(&self) -> Self {
        Self { address: self.address.owners(), ..self.clone() }
    }

    pub(super) fn consumer(&self) -> ClientConfig {
        consumer(&self.address.brokers, &self.properties)
    }

    /// The one that reads all partitions. No answer waits for it in the ordinary case, so it reads more at once, less often.
    pub(super) fn follower(&self) -> ClientConfig {
        let mut config = telling(self.consumer());
        config.set("fetch.min.bytes", "65536").set("fetch.wait.max.ms", "10");
        config
    }

    pub(super) fn producer(&self) -> ClientConfig {
        producer(&self.address.brokers, &self.properties)
    }

    /// One of those that write records.
    pub(super) fn writer(&self) -> ClientConfig {
        telling(self.producer())
    }

    /// A client that asks about topics.
    pub(super) fn admin(&self) -> Result<AdminClient<Traced>, OpenError> {
        common(&self.address.brokers, &self.properties)
            .create_with_context(Traced::default())
            .map_err(OpenError::client)
    }
}

/// A client that tells its figures.
fn telling(mut config: ClientConfig) -> ClientConfig {
    config.set("statistics.interval.ms", FIGURES_EVERY_MS);
    config
}

/// How often a client asks who leads which partition, in milliseconds. The library's own five minutes are for how long a
/// partition would not be read whose leader it did not learn after a broker came back.
const REFRESH_MS: &str = "5000";

/// What every client has in common. What an operator gave comes first, so that it never replaces what is set here.
fn common(brokers: &str, properties: &BTreeMap<String, String>) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.extend(properties.clone());
    let level = if properties.contains_key("debug") { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Warning };
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "kippu")
        // A topic is made by `create` alone.
        .set("allow.auto.create.topics", "false")
        .set("socket.nagle.disable", "true")
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "1000")
        .set("topic.metadata.refresh.interval.ms", REFRESH_MS)
        .set_log_level(level);
    config
}

/// A client that reads given partitions from given offsets.
pub(super) fn consumer(brokers: &str, properties: &BTreeMap<String, String>) -> ClientConfig {
    let mut config = common(brokers, properties);
    config
        // Never subscribed, but librdkafka wants a name.
        .set("group.id", "kippu")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_uncommitted")
        .set("check.crcs", "true")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.error.backoff.ms", "20")
        .set("fetch.queue.backoff.ms", "5");
    config
}

/// A client that writes, idempotently, and never gives a message up: who waits gives up the wait.
pub(super) fn producer(brokers: &str, properties: &BTreeMap<String, String>) -> ClientConfig {
    let mut config = common(brokers, properties);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", "0")
        // Long enough that records of many callers go together, and short compared with what a broker takes for one.
        .set("linger.ms", "1")
        .set("compression.codec", "none")
        .set("queue.buffering.max.messages", "100000")
        .set("queue.buffering.max.kbytes", "262144");
    config
}

/// Says whether clients can be made with these properties. Connects to nobody.
///
/// # Errors
/// [`OpenError::Property`] names the one that is refused, and why; [`OpenError::Client`] where they do not go together.
pub fn check_properties(properties: &BTreeMap<String, String>) -> Result<(), OpenError> {
    for (name, value) in properties {
        if let Some(reason) = objection(name, value) {
            return Err(OpenError::Property { name: name.clone(), reason });
        }
    }
    // Two clients that know of no broker: librdkafka looks at each property, and at all of them together.
    let consumer = consumer("", properties).create_with_context(Traced::default());
    let consumer: BaseConsumer<Traced> = consumer.map_err(complaint)?;
    let producer = producer("", properties).create_with_context(Traced::default());
    let producer: BaseProducer<Traced> = producer.map_err(complaint)?;
    drop((consumer, producer));
    Ok(())
}

/// What librdkafka says. The value, which its error would show too, may be a secret.
fn complaint(error: KafkaError) -> OpenError {
    match error {
        KafkaError::ClientConfig(_, reason, name, _) => OpenError::Property { name, reason: reason.trim().to_owned() },
        error => OpenError::client(error),
    }
}

/// Librdkafka's own words into our traces, and its figures to where they are wanted.
#[derive(Default)]
pub(super) struct Traced {
    pub(super) tap: Option<Tap>,
}

/// What a line of librdkafka's log is to us. It goes on by itself after what it calls an error, such as a broker that is
/// gone; what is worse is rare, and a fatal error is among it.
const fn level_of(level: RDKafkaLogLevel) -> Level {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => Level::ERROR,
        RDKafkaLogLevel::Error => Level::WARN,
        RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            Level::DEBUG
        }
    }
}

impl ClientContext for Traced {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level_of(level) {
            Level::ERROR => tracing::error!(target: "kafka", facility, "{message}"),
            Level::WARN => tracing::warn!(target: "kafka", facility, "{message}"),
            _ => tracing::debug!(target: "kafka", facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(target: "kafka", %error, "{reason}");
    }

    fn stats(&self, statistics: Statistics) {
        if let Some(tap) = &self.tap {
            tap.take(&statistics);
        }
    }
}

impl ConsumerContext for Traced {}

impl ProducerContext for Traced {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_librdkafka_recovers_from_is_a_warning_and_what_it_does_not_an_error() {
        use RDKafkaLogLevel as Theirs;
        let levels = [Theirs::Emerg, Theirs::Alert, Theirs::Critical, Theirs::Error, Theirs::Warning, Theirs::Debug];
        let expected = [Level::ERROR, Level::ERROR, Level::ERROR, Level::WARN, Level::DEBUG, Level::DEBUG];
        assert_eq!(levels.map(level_of), expected);
    }
}
