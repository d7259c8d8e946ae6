//! How librdkafka's clients are set up: once, for all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use super::address::Address;
use super::properties::check_properties;
use super::{OpenError, Settings};

/// A broker that does not answer within this is taken for gone.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

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

    /// The same brokers, and the topic of persons' keys.
    pub(super) fn keys(&self) -> Self {
        Self { address: self.address.keys(), properties: self.properties.clone() }
    }

    pub(super) fn consumer(&self) -> ClientConfig {
        consumer(&self.address.brokers, &self.properties)
    }

    pub(super) fn producer(&self) -> ClientConfig {
        producer(&self.address.brokers, &self.properties)
    }

    /// A client that asks about topics.
    pub(super) fn admin(&self) -> Result<AdminClient<Traced>, OpenError> {
        common(&self.address.brokers, &self.properties).create_with_context(Traced).map_err(OpenError::client)
    }
}

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
        .set("linger.ms", "0")
        .set("compression.codec", "none")
        .set("queue.buffering.max.messages", "100000")
        .set("queue.buffering.max.kbytes", "262144");
    config
}

/// Librdkafka's own words, into our traces.
pub(super) struct Traced;

impl ClientContext for Traced {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::warn!(target: "kafka", facility, "{message}");
            }
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(target: "kafka", facility, "{message}")
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(target: "kafka", %error, "{reason}");
    }
}

impl rdkafka::consumer::ConsumerContext for Traced {}

impl rdkafka::producer::ProducerContext for Traced {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &rdkafka::producer::DeliveryResult<'_>, (): ()) {}
}
