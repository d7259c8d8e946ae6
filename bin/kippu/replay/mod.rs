//! `kippu replay`: what can be told from a history alone. Every command opens it here, for reading only: in a data directory or
//! on a topic, whether nodes run there or not, or as files that were exported. Nothing is kept in the data directory.

pub(crate) mod access_log;
pub(crate) mod as_of;
pub(crate) mod check;
pub(crate) mod checkpoint;
pub(crate) mod consistency;
pub(crate) mod diff;
pub(crate) mod evidence;
pub(crate) mod export;
pub(crate) mod gate;
pub(crate) mod history;
mod past;
pub(crate) mod rebuild;
mod trust;
pub(crate) mod verify;
pub(crate) mod what_if;
pub(crate) mod why;
pub(crate) mod witness;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kippu_events::log::rocks::{self, OpenError};
use kippu_events::log::segments::{Segments, SegmentsError};
use kippu_events::log::{ReadError, ReadLog};

use crate::config::{Config, ConfigError, Flags};
use crate::exit::Exit;
use crate::limits::{self, Need, TooLow};
use crate::node::{DataDir, Found, LocationError, LogLocation, ReadOnlyLog};
use crate::output::Output;

/// The file that every export has.
const MANIFEST: &str = "manifest.json";

/// Which history.
#[derive(clap::Args)]
pub(crate) struct Where {
    /// Configuration file.
    #[arg(long, env = "KIPPU_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Read the history that `kippu log export` wrote to this folder. Keys and blobs are those of the data directory, if one is named.
    #[arg(long, value_name = "DIR")]
    exported: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// A history that can be read.
pub(crate) struct History {
    pub(crate) log: Arc<dyn ReadLog>,
    /// Whether an entry's offset is its record's number, because nothing lies there that does not count.
    pub(crate) embedded: bool,
    /// What cannot be told of it.
    pub(crate) remark: Option<&'static str>,
    refresh: Refresh,
}

/// Catches up with whoever writes a history.
type Refresh = Box<dyn Fn() -> Result<(), LocationError>>;

impl History {
    /// Catches up with the nodes that serve it.
    pub(crate) fn refresh(&self) -> Result<(), NotRead> {
        Ok((self.refresh)()?)
    }
}

/// Why a history is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRead {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("no history: name a data directory with --data, a topic with --log, or an export with --exported")]
    Nowhere,
    #[error(transparent)]
    Limits(#[from] TooLow),
    #[error(transparent)]
    Location(#[from] LocationError),
    #[error(transparent)]
    Segments(#[from] SegmentsError),
}

impl NotRead {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Config(error) => error.exit(),
            Self::Nowhere => Exit::Usage,
            _ if self.is_damage() => Exit::Found,
            Self::Limits(_) | Self::Location(_) | Self::Segments(_) => Exit::CouldNotRun,
        }
    }

    /// Whether the store itself already shows that history is lost or changed.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Location(LocationError::Embedded(error)) => shows_damage(error),
            Self::Segments(error) => matches!(error, SegmentsError::Damaged { .. }),
            Self::Location(LocationError::Kafka(_) | LocationError::Address(_) | LocationError::Dir(_))
            | Self::Config(_)
            | Self::Nowhere
            | Self::Limits(_) => false,
        }
    }
}

fn shows_damage(error: &OpenError) -> bool {
    match error {
        OpenError::Partitions { .. }
        | OpenError::Genesis { .. }
        | OpenError::Damaged { .. }
        | OpenError::Cut { .. }
        | OpenError::Format(_) => true,
        OpenError::Store { reason, .. } | OpenError::Read(ReadError::Medium { reason, .. }) => {
            rocks::is_corruption(reason)
        }
        OpenError::Read(ReadError::NoPartition { .. } | ReadError::Newer { .. })
        | OpenError::Thread(_)
        | OpenError::Lock(_)
        | OpenError::Exists(_)
        | OpenError::NotALog { .. }
        | OpenError::Newer { .. }
        | OpenError::NoPartitions
        | OpenError::Io { .. } => false,
    }
}

impl Where {
    /// The history in `dir`: an export, where there is one, or a data directory.
    pub(crate) fn history(dir: &Path) -> Self {
        let exported = dir.join(MANIFEST).exists().then(|| dir.to_owned());
        let data = exported.is_none().then(|| dir.to_owned());
        Self { config: None, exported, flags: Flags { data, ..Flags::default() } }
    }

    /// Whether it is an export.
    pub(crate) const fn is_exported(&self) -> bool {
        self.exported.is_some()
    }

    /// The configuration, under which `threads` are to read.
    pub(crate) fn config(&self, threads: usize) -> Result<Config, NotRead> {
        let config = Config::load(self.config.as_deref(), &self.flags)?;
        if config.data.is_none() && config.log.is_none() && self.exported.is_none() {
            return Err(NotRead::Nowhere);
        }
        limits::check(&Need::reading(threads))?;
        Ok(config)
    }

    /// Opens the history under `config`.
    pub(crate) fn open(&self, config: &Config, output: &Output) -> Result<History, NotRead> {
        if let Some(exported) = &self.exported {
            let (log, refresh) = (Arc::new(Segments::open(exported)?), Box::new(|| Ok(())));
            return Ok(History { log, embedded: true, remark: None, refresh });
        }
        let dir = data_dir(config);
        // A directory that does not say what it is may still hold a log.
        let found = if config.data.is_some() { dir.look().unwrap_or(Found::Unfinished) } else { Found::Unfinished };
        let reader = LogLocation::of(config, &dir, &found)?.open_read_only(config)?;
        if let Some(concern) = reader.concern() {
            output.warn(concern);
        }
        let remark = reader.remark()?;
        Ok(match reader {
            ReadOnlyLog::Embedded(log) => {
                let log = Arc::new(log);
                let behind = Arc::clone(&log);
                History { log, embedded: true, remark, refresh: Box::new(move || Ok(behind.refresh()?)) }
            }
            // It shows what there is.
            ReadOnlyLog::Kafka(log) => {
                History { log: Arc::new(log), embedded: false, remark, refresh: Box::new(|| Ok(())) }
            }
        })
    }
}

/// The data directory that `config` names; of no other is anything asked.
pub(crate) fn data_dir(config: &Config) -> DataDir {
    DataDir::new(config.data.as_deref().unwrap_or(Path::new("")))
}
