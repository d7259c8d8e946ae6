//! Where a node's history lies, and how it is made and opened there.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kippu_events::log::kafka::{self, Address, KafkaLog, KeysTopic, NewTopic};
use kippu_events::log::restore::Restore;
use kippu_events::log::rocks::{self, RocksLog};
use kippu_events::log::{Log, LogId, ReadLog};
use kippu_events::secrets::SharedKeys;

use super::{DataDir, DataDirError, Found, GroupCommits, Label};
use crate::config::{self, Config};
use crate::exit::Exit;
use crate::limits;
use crate::telemetry;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum LogLocation {
    /// In the data directory, for one node.
    Embedded(PathBuf),
    /// In a topic, for several.
    Kafka(Topic),
}

/// A topic, and the cluster that it lies in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Topic {
    address: Address,
    /// Kafka's id of it, once that is known; no other is opened then.
    cluster: Option<String>,
    /// The log that it holds, once that is known; no other is opened then.
    log: Option<LogId>,
}

impl Topic {
    /// Whether these are one topic, as far as their clusters are known.
    fn is(&self, other: &Self) -> bool {
        let clusters = self.cluster.as_ref().zip(other.cluster.as_ref());
        self.address.topic == other.address.topic && clusters.is_none_or(|(here, there)| here == there)
    }

    fn settings(&self, config: &Config) -> kafka::Settings {
        let config::Kafka { accept_single_copy, properties, check_secs, .. } = &config.kafka;
        kafka::Settings {
            log: self.log,
            cluster: self.cluster.clone(),
            check_every: Duration::from_secs((*check_secs).into()),
            accept_single_copy: *accept_single_copy,
            properties: properties.0.clone(),
            ..kafka::Settings::default()
        }
    }
}

/// Why a history is not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocationError {
    /// The embedded log.
    #[error(transparent)]
    Embedded(#[from] rocks::OpenError),
    /// The topic.
    #[error(transparent)]
    Kafka(#[from] kafka::OpenError),
    /// The label names something else than an address.
    #[error("the label of the data directory: {0}")]
    Address(#[from] kafka::address::NotAnAddress),
    /// The data directory does not say, or cannot.
    #[error(transparent)]
    Dir(#[from] DataDirError),
}

/// An open log, and what only one on Kafka has.
pub(crate) struct Opened {
    /// For everybody.
    pub(crate) log: Arc<dyn Log>,
    /// Where several nodes share its partitions.
    pub(crate) kafka: Option<Arc<KafkaLog>>,
}

impl LogLocation {
    /// Where the history of the node in `dir` lies: where the configuration says, or else where it did so far.
    pub(crate) fn of(config: &Config, dir: &DataDir, found: &Found) -> Result<Self, LocationError> {
        let label = match found {
            Found::Whole(label) => Some(label),
            Found::Unfinished => None,
        };
        let begun = if label.is_none() { dir.begun_for()? } else { None };
        match config.log.as_ref().or_else(|| label?.location.as_ref()).or(begun.as_ref()) {
            Some(address) => {
                let address: Address = address.parse()?;
                // What the label knows of one topic says nothing of another.
                let known = label.filter(|label| label.topic().as_ref() == Some(&address.topic));
                let cluster = known.and_then(|label| label.cluster.clone());
                // Wherever it goes on, it is the same log.
                Ok(Self::Kafka(Topic { address, cluster, log: label.map(|label| label.log) }))
            }
            None => {
                dir.check_path()?;
                Ok(Self::Embedded(dir.log()))
            }
        }
    }

    /// Notes in `dir` that it is for a log here, before it is made.
    pub(crate) fn begin(&self, dir: &DataDir) -> Result<(), DataDirError> {
        match self {
            Self::Embedded(_) => Ok(()),
            Self::Kafka(topic) => dir.begin_for(&topic.address.to_string()),
        }
    }

    /// In the topic at `address`, of whichever cluster answers there.
    pub(crate) const fn topic(address: Address) -> Self {
        Self::Kafka(Topic { address, cluster: None, log: None })
    }

    /// The same, and from now on only in the cluster that answers today.
    pub(crate) fn pin(self, config: &Config) -> Result<Self, LocationError> {
        match self {
            Self::Kafka(topic) => {
                let cluster = Some(kafka::cluster_of(&topic.address, &topic.settings(config))?);
                Ok(Self::Kafka(Topic { cluster, ..topic }))
            }
            Self::Embedded(_) => Ok(self),
        }
    }

    /// This location as it is opened in `dir`, and where `label` says that the history lay, if that was another location. Brokers
    /// may be named otherwise by now, so topics are told apart by name and cluster.
    pub(super) fn after(
        self,
        label: &Label,
        dir: &DataDir,
        config: &Config,
    ) -> Result<(Self, Option<Self>), LocationError> {
        let Self::Kafka(Topic { address, log, .. }) = &self else { return Ok((self, None)) };
        let before = match &label.location {
            None => Self::Embedded(dir.log()),
            Some(location) => {
                let (cluster, log) = (label.cluster.clone(), Some(label.log));
                Self::Kafka(Topic { address: location.parse()?, cluster, log })
            }
        };
        if matches!(&before, Self::Kafka(before) if before.address == *address) {
            return Ok((self, None));
        }
        let here = Self::Kafka(Topic { address: address.clone(), cluster: None, log: *log }).pin(config)?;
        let is_same = match (&before, &here) {
            (Self::Kafka(before), Self::Kafka(here)) => before.is(here),
            (Self::Embedded(_), _) | (_, Self::Embedded(_)) => false,
        };
        Ok(if is_same { (self, None) } else { (here, Some(before)) })
    }

    /// Whether this location, which MUST be pinned, is the topic at `address`.
    pub(crate) fn is_at(&self, address: &Address, config: &Config) -> Result<bool, LocationError> {
        match self {
            Self::Kafka(here) if here.address == *address => Ok(true),
            Self::Kafka(here) if here.address.topic == address.topic => {
                Ok(matches!(Self::topic(address.clone()).pin(config)?, Self::Kafka(there) if there.is(here)))
            }
            Self::Kafka(_) | Self::Embedded(_) => Ok(false),
        }
    }

    /// What the label of the data directory says of the log `log` here; where it is embedded, not where it lies.
    pub(crate) fn label(&self, log: LogId) -> Label {
        match self {
            Self::Embedded(_) => Label::new(log, None, None),
            Self::Kafka(Topic { address, cluster, .. }) => Label::new(log, Some(address.to_string()), cluster.clone()),
        }
    }

    /// Makes the log `id` here, or goes on making it.
    pub(crate) fn create(&self, id: LogId, config: &Config) -> Result<(), LocationError> {
        let partitions = config.node.partitions;
        match self {
            Self::Embedded(dir) => match RocksLog::create(dir, id, partitions) {
                Ok(()) | Err(rocks::OpenError::Exists(_)) => Ok(()),
                Err(error) => Err(error.into()),
            },
            Self::Kafka(topic) => {
                let new = NewTopic { partitions, replicas: config.kafka.replicas };
                Ok(KafkaLog::create(&topic.address, &topic.settings(config), id, &new)?)
            }
        }
    }

    /// Whether the log was made here, by whom ever.
    pub(crate) fn is_made(&self, config: &Config) -> Result<bool, LocationError> {
        match self {
            Self::Embedded(dir) => Ok(RocksLog::is_in(dir)),
            Self::Kafka(_) => match self.open_read_only(config) {
                Ok(_) => Ok(true),
                Err(LocationError::Kafka(
                    kafka::OpenError::NoTopic(_) | kafka::OpenError::Empty { partition: 0, .. },
                )) => Ok(false),
                Err(error) => Err(error),
            },
        }
    }

    /// Opens the log for writing.
    pub(crate) fn open(&self, config: &Config, commits: &GroupCommits) -> Result<Opened, LocationError> {
        match self {
            Self::Embedded(dir) => {
                let commits = commits.clone();
                let on_commit = Arc::new(move |committed| commits.observe(committed));
                let on_poison = Arc::new(|reason: &str| {
                    let lasts = rocks::is_corruption(reason);
                    if lasts {
                        tracing::error!(
                            "another start mends nothing: restore the file that is named, or the log, from a backup"
                        );
                    }
                    if let Some(remark) = limits::remark(reason) {
                        tracing::error!("{remark}");
                    }
                    // The last lines say why it ended.
                    telemetry::end();
                    rocks::end_process(if lasts { Exit::CouldNotRun.code().into() } else { rocks::EXIT_POISONED })
                });
                let settings = rocks::Settings { on_commit, on_poison, ..rocks::Settings::default() };
                let log = RocksLog::open_with(dir, settings)?;
                Ok(Opened { log, kafka: None })
            }
            Self::Kafka(topic) => {
                let log = KafkaLog::open(&topic.address, &topic.settings(config))?;
                Ok(Opened { log: Arc::clone(&log) as Arc<dyn Log>, kafka: Some(log) })
            }
        }
    }

    /// Opens the log to end it here, also where it does not keep a history any more.
    pub(crate) fn open_to_seal(&self, config: &Config) -> Result<Arc<dyn Log>, LocationError> {
        match self {
            Self::Embedded(_) => Ok(self.open(config, &GroupCommits::default())?.log),
            Self::Kafka(topic) => {
                let settings = kafka::Settings { accept_unsafe: true, ..topic.settings(config) };
                Ok(KafkaLog::open(&topic.address, &settings)?)
            }
        }
    }

    /// Persons' keys, where several nodes share them.
    pub(crate) fn keys(&self, config: &Config, log: LogId) -> Result<Option<Arc<dyn SharedKeys>>, LocationError> {
        match self {
            Self::Embedded(_) => Ok(None),
            Self::Kafka(topic) => Ok(Some(KeysTopic::open(&topic.address, &topic.settings(config), log)?)),
        }
    }

    /// The same, also from a topic that does not keep them any more.
    pub(crate) fn keys_to_read(
        &self,
        config: &Config,
        log: LogId,
    ) -> Result<Option<Arc<dyn SharedKeys>>, LocationError> {
        match self {
            Self::Embedded(_) => Ok(None),
            Self::Kafka(topic) => {
                let settings = kafka::Settings { accept_unsafe: true, ..topic.settings(config) };
                Ok(Some(KeysTopic::open(&topic.address, &settings, log)?))
            }
        }
    }

    /// Opens the log for reading only, next to the nodes that write it.
    pub(crate) fn open_read_only(&self, config: &Config) -> Result<ReadOnlyLog, LocationError> {
        match self {
            Self::Embedded(dir) => Ok(ReadOnlyLog::Embedded(RocksLog::open_secondary(dir)?)),
            Self::Kafka(topic) => {
                Ok(ReadOnlyLog::Kafka(kafka::ReadOnly::open(&topic.address, &topic.settings(config))?))
            }
        }
    }

    /// Opens the log for a history that comes from another location. No node may serve it.
    pub(crate) fn restore(&self, config: &Config) -> Result<Box<dyn Restore>, LocationError> {
        match self {
            Self::Embedded(dir) => Ok(Box::new(rocks::Restored::open(dir)?)),
            Self::Kafka(topic) => Ok(Box::new(kafka::Restored::open(&topic.address, &topic.settings(config))?)),
        }
    }
}

/// A log next to the nodes that write it.
pub(crate) enum ReadOnlyLog {
    /// One that shows what was there when it was refreshed last.
    Embedded(rocks::Secondary),
    /// One that shows what there is.
    Kafka(kafka::ReadOnly),
}

impl ReadOnlyLog {
    /// The log.
    pub(crate) const fn log(&self) -> &dyn ReadLog {
        match self {
            Self::Embedded(log) => log,
            Self::Kafka(log) => log,
        }
    }

    /// This, if a node may serve it as it is now.
    pub(crate) fn fit_to_serve(self) -> Result<Self, LocationError> {
        match self {
            Self::Kafka(log) => Ok(Self::Kafka(log.fit_to_serve()?)),
            Self::Embedded(_) => Ok(self),
        }
    }

    /// Why no node may serve it as it is now, for people. It can be read all the same.
    pub(crate) fn concern(&self) -> Option<String> {
        match self {
            Self::Embedded(_) => None,
            Self::Kafka(log) => log.concern().map(ToString::to_string),
        }
    }

    /// What cannot be told of it, for people.
    pub(crate) fn remark(&self) -> Result<Option<&'static str>, LocationError> {
        let Self::Embedded(log) = self else { return Ok(None) };
        Ok((!log.knows_what_was_durable()?).then_some(rocks::CUT_UNKNOWN))
    }

    /// Catches up with the nodes.
    pub(crate) fn refresh(&self) -> Result<(), LocationError> {
        match self {
            Self::Embedded(log) => Ok(log.refresh()?),
            Self::Kafka(_) => Ok(()),
        }
    }
}

impl fmt::Display for LogLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(dir) => dir.display().fmt(f),
            Self::Kafka(topic) => topic.address.fmt(f),
        }
    }
}
