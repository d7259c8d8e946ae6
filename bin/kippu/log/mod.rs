//! `kippu log`: a history as records – shown, exported, imported, and copied from one location to another.

mod blobs;
pub(crate) mod copy;
mod ends;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod inspect;
mod sealing;
mod show;
mod transfer;

use std::path::{Path, PathBuf};

use kippu_events::NotAnEvent;
use kippu_events::log::kafka::address::NotAnAddress;
use kippu_events::log::restore::RestoreError;
use kippu_events::log::segments::SegmentsError;
use kippu_events::log::walk::Broken;
use kippu_events::log::{AppendError, LogId, ReadError};
use kippu_events::secrets::SecretsError;

use crate::config::{Config, Flags};
use crate::exit::Exit;
use crate::limits::{self, Need};
use crate::node::blobs::BlobsError;
use crate::node::{DataDir, DataDirError, LocationError, LogLocation};
use crate::output::Output;
use crate::remote::RemoteError;

/// Which history, or where to.
#[derive(clap::Args)]
pub(crate) struct Where {
    /// Configuration file.
    #[arg(long, env = "KIPPU_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// Why it was not done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("no history: name a data directory with --data, or a topic with --log")]
    Nowhere,
    #[error("{0} is neither a data directory nor a topic: {1}")]
    Place(String, NotAnAddress),
    #[error("the way to {0} begins and ends there")]
    Same(String),
    #[error("a data directory needs the history's keyring: name a copy of keys/keyring.json with --keyring")]
    NoKeyring,
    #[error(
        "{0} would hold a history without its persons' keys, which are not part of an export: import to a data directory, put \
         the history's keys/ next to its log/, and bring both there with `kippu log copy DIR {0}`; or say --without-keys, \
         and no name is ever read again"
    )]
    WithoutKeys(String),
    #[error(
        "{0} holds a node already, whose keys know nobody in this export: import to another directory, or bring what is new \
         with `kippu log copy` from where it was exported"
    )]
    HasNode(String),
    #[error(
        "the keys of {0} persons are missing, whose names are encrypted in the history: put them back where it comes from and copy \
         again, or say --without-keys, and these names are never read again"
    )]
    PersonsMissing(usize),
    #[error(
        "{0} blobs that the history names are not where it comes from, or have other bytes than they are named by (`kippu replay \
         verify --blobs` names them): put them back, or say where they are with --blobs-dir, and give the command again; or say \
         --without-blobs, and all of them stay behind"
    )]
    BlobsLacking(u64),
    /// A topic has none, and nobody said where they go.
    #[error(
        "{0} blobs that its events name would stay where they are: say where they go with --blobs-to, or leave them with --without-blobs"
    )]
    BlobsLeft(u64),
    #[error(
        "partition {partition}, number {number}: {error}: which blobs it names is not known; use the version that wrote it, or say \
         --without-blobs"
    )]
    NamesUnknown { partition: u16, number: u64, error: NotAnEvent },
    #[error("blobs are not copied: {0}")]
    Runtime(std::io::Error),
    #[error(transparent)]
    Blobs(#[from] BlobsError),
    #[error("there is no partition {0}")]
    NoPartition(u16),
    #[error(transparent)]
    Dir(#[from] DataDirError),
    #[error(transparent)]
    LogLocation(#[from] LocationError),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error(transparent)]
    Segments(#[from] SegmentsError),
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("the target holds the log {found}, with {} partitions; this is {log}, with {}", partitions.0, partitions.1)]
    OtherLog { log: LogId, found: LogId, partitions: (u16, u16) },
    #[error("partition {partition} is sealed already, and goes on at {next}")]
    SealedTo { partition: u16, next: String },
    #[error("partition {0} does not end with a seal")]
    NoSeal(u16),
    #[error("partition {partition} was not sealed: {error}")]
    Seal { partition: u16, error: AppendError },
    #[error("a node serves the history: name an operator's key with --key-file, by which it is asked, or stop it: {0}")]
    Served(String),
    #[error("no claim says where the node answers: name it with --server")]
    NoServer,
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

impl LogError {
    const fn exit(&self) -> Exit {
        match self {
            Self::Nowhere
            | Self::Place(..)
            | Self::Same(_)
            | Self::NoKeyring
            | Self::NoPartition(_)
            | Self::WithoutKeys(_) => Exit::Usage,
            // It was looked at, and is not as it should be.
            Self::Broken(_)
            | Self::Segments(SegmentsError::Damaged { .. })
            | Self::OtherLog { .. }
            | Self::PersonsMissing(_)
            | Self::BlobsLacking(_)
            | Self::BlobsLeft(_)
            | Self::Restore(RestoreError::Diverged { .. })
            | Self::SealedTo { .. }
            | Self::Remote(RemoteError::Call(kippu_client::Error::Problem(_))) => Exit::Found,
            Self::Dir(_)
            | Self::LogLocation(_)
            | Self::Secrets(_)
            | Self::Read(_)
            | Self::Restore(_)
            | Self::Segments(_)
            | Self::HasNode(_)
            | Self::NamesUnknown { .. }
            | Self::Runtime(_)
            | Self::Blobs(_)
            | Self::NoSeal(_)
            | Self::Seal { .. }
            | Self::Served(_)
            | Self::NoServer
            | Self::Remote(_) => Exit::CouldNotRun,
        }
    }
}

/// Runs `work` under the configuration that `place` names.
fn run(place: &Where, output: &Output, work: impl FnOnce(Config) -> Result<Exit, LogError>) -> Exit {
    if let Err(too_low) = limits::check(&Need::reading(1)) {
        return output.failed(Exit::CouldNotRun, too_low);
    }
    match Config::load(place.config.as_deref(), &place.flags) {
        Ok(config) => work(config).unwrap_or_else(|error| output.failed(error.exit(), error)),
        Err(error) => output.failed(error.exit(), error),
    }
}

/// The history that `config` names.
fn location(config: &Config) -> Result<LogLocation, LogError> {
    if config.data.is_none() && config.log.is_none() {
        return Err(LogError::Nowhere);
    }
    let dir = DataDir::new(config.data.as_deref().unwrap_or(Path::new("")));
    let found = if config.data.is_some() { dir.look()? } else { crate::node::Found::Unfinished };
    Ok(LogLocation::of(config, &dir, &found)?)
}
