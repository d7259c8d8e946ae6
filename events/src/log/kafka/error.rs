//! Why a log on Kafka is not opened.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::log::{LogId, ReadError};

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The client library or the brokers said no.
    #[error("Kafka: {0}")]
    Client(String),
    /// A property that would break what a log promises, or that librdkafka does not know.
    #[error("the property {name} of librdkafka is refused: {reason}")]
    Property {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
    /// There is no such topic.
    #[error("there is no topic {0}: make it with init")]
    NoTopic(String),
    /// The topic is not a log of ours.
    #[error("the topic {topic} is not a log: {reason}")]
    NotALog {
        /// Which.
        topic: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The topic could lose history.
    #[error(
        "the topic {topic} does not keep a history: {reasons} (for trying out, every command takes --accept-single-copy)"
    )]
    Unsafe {
        /// Which.
        topic: String,
        /// What is wrong with it.
        reasons: String,
    },
    /// A topic without a single record, or with partitions that have none.
    #[error("the topic {topic} is empty{}: it was emptied, or deleted and made again; restore it, or make a log with init",
        expected.map_or_else(|| format!(" in partition {partition}"), |log| format!(" in partition {partition} and does not hold the log {log}")))]
    Empty {
        /// Which.
        topic: String,
        /// The partition that has no record.
        partition: u16,
        /// The log that it should hold, where that is known.
        expected: Option<LogId>,
    },
    /// The topic of persons' keys lacks some that it had.
    #[error("the topic {topic} has lost persons' keys: {reason}; restore it")]
    KeysLost {
        /// Which.
        topic: String,
        /// How that shows.
        reason: String,
    },
    /// Partitions were added. Those of the log are as they were.
    #[error(
        "the topic {topic} has {found} partitions, and its log {partitions}: somebody added some, and Kafka cannot take them away; \
         copy the history to a new topic with `kippu log copy --seal` and serve it there"
    )]
    Grown {
        /// Which.
        topic: String,
        /// Those of the log.
        partitions: u16,
        /// Those of the topic.
        found: u16,
    },
    /// The brokers do not allow it.
    #[error("the brokers do not allow this node to {what}: {code}")]
    NotAllowed {
        /// What, as it goes on after `to`.
        what: String,
        /// In Kafka's words.
        code: RDKafkaErrorCode,
    },
    /// The topic holds another log than it should.
    #[error("the topic {topic} holds the log {found}, not {expected}")]
    OtherLog {
        /// Which topic.
        topic: String,
        /// The log that it should hold.
        expected: LogId,
        /// The log that it holds.
        found: LogId,
    },
    /// The brokers belong to another cluster than they should.
    #[error("the brokers belong to the cluster {found}, not {expected}: a topic of the same name there is another")]
    OtherCluster {
        /// The cluster that they should belong to.
        expected: String,
        /// The cluster that they belong to.
        found: String,
    },
    /// Something is in the way of creating it.
    #[error("the topic {0} holds another log; a node joins it with that log's keyring: `kippu init --keyring`")]
    Exists(String),
    /// Its beginning could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The system gives no thread.
    #[error("no thread for the log: {0}")]
    Thread(String),
    /// A log has at least one partition.
    #[error("a log has at least one partition")]
    NoPartitions,
}

impl OpenError {
    /// Whether this says something of the topic, and not only that nobody could be asked.
    pub(super) const fn is_verdict(&self) -> bool {
        match self {
            Self::NoTopic(_)
            | Self::NotALog { .. }
            | Self::Unsafe { .. }
            | Self::OtherLog { .. }
            | Self::Empty { .. }
            | Self::KeysLost { .. }
            | Self::Grown { .. }
            | Self::OtherCluster { .. }
            | Self::Exists(_) => true,
            Self::Client(_)
            | Self::NotAllowed { .. }
            | Self::Property { .. }
            | Self::Read(_)
            | Self::Thread(_)
            | Self::NoPartitions => false,
        }
    }

    /// Whether what the topic holds is not this log, so that nobody may read on.
    pub(super) const fn is_foreign(&self) -> bool {
        self.is_verdict() && !matches!(self, Self::Unsafe { .. } | Self::Grown { .. })
    }

    /// An error of the client library, met on the way to `what`.
    pub(super) fn met(what: &str, error: KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(code) if is_not_allowed(code) => Self::NotAllowed { what: what.to_owned(), code },
            Some(_) | None => Self::Client(error.to_string()),
        }
    }

    pub(super) fn client(error: KafkaError) -> Self {
        Self::met("reach the log", error)
    }
}

/// Whether the brokers say that a right is missing.
pub(super) const fn is_not_allowed(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
            | RDKafkaErrorCode::DelegationTokenAuthorizationFailed
    )
}
