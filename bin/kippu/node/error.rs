//! Why there is no node.

use kippu_actors::runtime::StartError;
use kippu_events::log::LogId;
use kippu_events::log::ReadError;
use kippu_events::log::kafka::OpenError;
use kippu_events::secrets::{SecretsError, SharedError};

use super::blobs::BlobsError;
use super::{DataDirError, LocationError};
use crate::limits::TooLow;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    /// The directory.
    #[error(transparent)]
    Dir(#[from] DataDirError),
    /// No directory was named.
    #[error("no data directory: name one with --data, KIPPU_DATA or `data` in the configuration file")]
    NoDir,
    /// The other nodes of the log are told of an address that leads each of them to itself.
    #[error("no other node of the log reaches {0}: say with --url (node.url) where this one answers")]
    NoUrl(std::net::SocketAddr),
    /// It is there already.
    #[error("{0} holds a node already")]
    Exists(String),
    /// The log.
    #[error(transparent)]
    Log(#[from] LocationError),
    /// The data directory has no log yet, and one on Kafka is made on purpose only.
    #[error(
        "{dir} is not initialised for {location}: make it with `kippu init`, which goes on with what was begun; for another log, \
         delete the directory or name another"
    )]
    NotInitialised {
        /// The directory.
        dir: String,
        /// The log.
        location: String,
    },
    /// A log of its own has been begun there.
    #[error(
        "{dir} holds a log that was begun there, and none of {location}: name another directory, or leave --log away to go on with it"
    )]
    BegunHere {
        /// The directory.
        dir: String,
        /// The log that was asked for.
        location: String,
    },
    /// A history that begins at a time that cannot be would be followed by one that jumps.
    #[error(
        "the clock says {now}, before this program was written: set it right, or make the node with --accept-clock"
    )]
    Clock {
        /// What it says.
        now: kippu_events::Time,
    },
    /// The machine does not let this process have what it needs.
    #[error(transparent)]
    TooLow(#[from] TooLow),
    /// Only a log on Kafka has several nodes.
    #[error("only a log on Kafka has several nodes: name it with --log")]
    NotShared,
    /// It does not lie there yet, or not all of it.
    #[error(
        "the history of this node is at {from} and has not moved to {location}: {reason}; move it with \
         `kippu log copy {from} {location} --seal`"
    )]
    NotMoved {
        /// Where it lies.
        from: String,
        /// Where it was to be served from.
        location: String,
        /// What is missing.
        reason: String,
    },
    /// Its history is lost, or only the label that says where it lies. A new one under the same keys would be a second.
    #[error(
        "{0} holds keys, but neither their history nor kippu.json: put its log/ back; if the history lies on Kafka, make \
         kippu.json again with `kippu init --data {0} --log kafka://… --keyring {0}/keys/keyring.json`"
    )]
    HistoryLost(String),
    /// A command line that names the wrong directory makes none.
    #[error("{0} holds no node; make one with `kippu init`")]
    NoNode(String),
    /// A command would take the partitions from the nodes that serve them.
    #[error("the history of {0} lies on Kafka, where nodes may serve it: ask one of them with --server")]
    OnKafka(String),
    /// Its last record.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The same where brokers were to read it.
    #[error("the log on Kafka cannot be read now: {0}")]
    Unreachable(ReadError),
    /// The key store.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The key store is gone, and with it every token and name that the log's events rest on.
    #[error("{0} holds a history but no keys: put the keys/ that belong to it next to its log/")]
    KeysLost(String),
    /// The topic of persons' keys is empty, and names in the log rest on keys.
    #[error(
        "{0} holds no keys, but the history has names that are sealed under some: bring them there with `kippu log copy` from \
         where the history came from, or say --without-keys, and these names are never read again"
    )]
    PersonsLost(String),
    /// The label names another log than the one next to it.
    #[error("{dir} belongs to the log {label}, but the log there is {found}")]
    OtherLog {
        /// The directory.
        dir: String,
        /// As labelled.
        label: LogId,
        /// As found.
        found: LogId,
    },
    /// The runtime.
    #[error(transparent)]
    Runtime(#[from] StartError),
    /// The views.
    #[error(transparent)]
    Views(#[from] kippu_projections::OpenError),
    /// The blobs.
    #[error(transparent)]
    Blobs(#[from] BlobsError),
    /// Opening the views panicked.
    #[error("a defect was met in opening the views")]
    Defect,
    /// The first operator could not be opened.
    #[error("the first operator could not be opened: {0}")]
    FirstOperator(String),
    /// The main site of a kit is not known.
    #[error("what the kit says of its main site was not taken: {0}")]
    Kit(String),
}

impl NodeError {
    /// The same, of a node whose log lies on Kafka: what does not read there is not damaged, but not to be had.
    pub(crate) fn on_kafka(self) -> Self {
        match self {
            Self::Read(error) | Self::Runtime(StartError::Log(error)) => Self::Unreachable(error),
            error => error,
        }
    }

    /// Whether the same start may do later: something else than this node and its directory was in the way.
    pub(crate) const fn is_passing(&self) -> bool {
        match self {
            Self::Log(LocationError::Kafka(error)) => is_passing(error),
            Self::Unreachable(_) | Self::Secrets(SecretsError::Shared(SharedError::Unavailable(_))) => true,
            Self::Dir(_)
            | Self::NoDir
            | Self::NoUrl(_)
            | Self::Exists(_)
            | Self::Log(LocationError::Embedded(_) | LocationError::Address(_) | LocationError::Dir(_))
            | Self::NotInitialised { .. }
            | Self::BegunHere { .. }
            | Self::Clock { .. }
            | Self::TooLow(_)
            | Self::NotShared
            | Self::NotMoved { .. }
            | Self::HistoryLost(_)
            | Self::NoNode(_)
            | Self::OnKafka(_)
            | Self::Read(_)
            | Self::Secrets(_)
            | Self::KeysLost(_)
            | Self::PersonsLost(_)
            | Self::OtherLog { .. }
            | Self::Runtime(_)
            | Self::Views(_)
            | Self::Blobs(_)
            | Self::Defect
            | Self::FirstOperator(_)
            | Self::Kit(_) => false,
        }
    }
}

/// Whether nobody could be asked.
const fn is_passing(error: &OpenError) -> bool {
    match error {
        OpenError::Client(_) | OpenError::Read(ReadError::Medium { .. }) => true,
        OpenError::Property { .. }
        | OpenError::NoTopic(_)
        | OpenError::NotALog { .. }
        | OpenError::Empty { .. }
        | OpenError::KeysLost { .. }
        | OpenError::Grown { .. }
        | OpenError::NotAllowed { .. }
        | OpenError::Unsafe { .. }
        | OpenError::OtherLog { .. }
        | OpenError::OtherCluster { .. }
        | OpenError::Exists(_)
        | OpenError::Read(ReadError::NoPartition { .. } | ReadError::Newer { .. })
        | OpenError::Thread(_)
        | OpenError::NoPartitions => false,
    }
}
