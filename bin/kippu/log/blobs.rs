//! The blobs that a history names, on their way along with it. Each is compared with its name, and is durable before the record
//! that names it is there; what is there already is not copied again.

use std::collections::HashSet;
use std::path::PathBuf;
use std::pin::pin;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kippu_events::blobs::{BlobError, BlobId, BlobStore};
use kippu_events::event::read_body;
use kippu_events::log::LogId;
use kippu_events::{NotAnEvent, Recorded};
use kippu_replay::blobs_of;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::LogError;
use super::ends::Place;
use crate::config::Config;
use crate::node::DataDir;
use crate::node::blobs::{BlobsError, open};
use crate::output::Output;

/// So many blobs are copied at once: enough to keep two disks busy.
const AT_ONCE: usize = 8;

/// What becomes of the blobs.
#[derive(clap::Args)]
pub(super) struct BlobArgs {
    /// Where the blobs go that events name, in place of TO/blobs: a folder in which each log has its own, as for --blobs-dir.
    #[arg(long, value_name = "DIR", conflicts_with = "without_blobs")]
    blobs_to: Option<PathBuf>,
    /// Leave the blobs that events name where they are.
    #[arg(long)]
    pub(super) without_blobs: bool,
}

impl BlobArgs {
    /// Brings the blobs of `log` from `from` to where `to` has them, which is `own` where its configuration says so; nothing where they are
    /// to stay where they are.
    pub(super) fn transfer(
        &self,
        from: Option<BlobStore>,
        (to, own): (&Place, Option<BlobStore>),
        log: LogId,
        config: &Config,
    ) -> Result<Option<BlobTransfer>, LogError> {
        if self.without_blobs {
            return Ok(None);
        }
        let folder = match (&self.blobs_to, to) {
            (Some(dir), _) => Some(dir.join(log.to_string())),
            (None, Place::Data(dir)) => Some(DataDir::new(dir).blobs()),
            (None, Place::Topic(_)) => None,
        };
        let in_folder = || folder.map(|folder| BlobStore::in_folder(&folder, config.ready.least_free_bytes));
        let to = own.filter(|_| self.blobs_to.is_none()).or_else(in_folder);
        BlobTransfer::new(from, to).map(Some)
    }
}

/// The blobs of `log` where `config` has them, or `dir`; nothing where nobody says so.
pub(super) fn source(config: &Config, dir: Option<&DataDir>, log: LogId) -> Result<Option<BlobStore>, BlobsError> {
    let is_said = config.blobs.dir.is_some() || config.blobs.s3.is_some();
    let nowhere = DataDir::new("".as_ref());
    let dir = dir.or_else(|| is_said.then_some(&nowhere));
    dir.map(|dir| open(config, dir, log)).transpose()
}

/// The blobs that the body of a record names.
///
/// # Errors
/// Where it has an event that this version does not read.
pub(super) fn named_in(body: &[u8]) -> Result<Vec<BlobId>, NotAnEvent> {
    let events = read_body(body)?;
    let named: Result<Vec<Vec<BlobId>>, _> = events.iter().map(|event: &Recorded<'_>| blobs_of(event)).collect();
    Ok(named?.concat())
}

/// Blobs on their way.
pub(super) struct BlobTransfer {
    runtime: Runtime,
    from: Option<BlobStore>,
    to: Option<BlobStore>,
    seen: HashSet<BlobId>,
    count: BlobCount,
}

/// What became of the blobs that events name.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub(super) struct BlobCount {
    /// Came to be there.
    pub(super) copied: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Were there before.
    pub(super) found: u64,
    /// Are missing at the source, or have other bytes than they are named by.
    pub(super) lacking: u64,
    /// Stay where they are, since a topic has none.
    pub(super) left: u64,
}

enum Brought {
    Copied(u64),
    Found,
    Lacking,
}

impl BlobTransfer {
    /// From `from` to `to`, where there is anything.
    ///
    /// # Errors
    /// Where there can be no runtime to wait on.
    pub(super) fn new(from: Option<BlobStore>, to: Option<BlobStore>) -> Result<Self, LogError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LogError::Runtime)?;
        Ok(Self { runtime, from, to, seen: HashSet::new(), count: BlobCount::default() })
    }

    /// Brings those of `named` that were not seen before. They are durable when this returns.
    ///
    /// # Errors
    /// Where one can be neither read nor written; what was brought stays.
    pub(super) fn bring(&mut self, named: Vec<BlobId>) -> Result<(), LogError> {
        let new: Vec<BlobId> = named.into_iter().filter(|id| self.seen.insert(*id)).collect();
        let Some(to) = &self.to else {
            self.count.left += new.len() as u64;
            return Ok(());
        };
        let copies = new.into_iter().map(|id| copy(self.from.as_ref(), to, id));
        let all = stream::iter(copies).buffer_unordered(AT_ONCE).try_collect::<Vec<_>>();
        for brought in self.runtime.block_on(all).map_err(BlobsError::from)? {
            match brought {
                Brought::Copied(bytes) => {
                    (self.count.copied, self.count.bytes) = (self.count.copied + 1, self.count.bytes + bytes)
                }
                Brought::Found => self.count.found += 1,
                Brought::Lacking => self.count.lacking += 1,
            }
        }
        Ok(())
    }

    /// What was done so far.
    pub(super) const fn count(&self) -> BlobCount {
        self.count
    }
}

async fn copy(from: Option<&BlobStore>, to: &BlobStore, id: BlobId) -> Result<Brought, BlobError> {
    if to.size(id).await?.is_some() {
        return Ok(Brought::Found);
    }
    let content = match from {
        Some(from) => from.open(id).await?,
        None => None,
    };
    let Some(content) = content else { return Ok(Brought::Lacking) };
    let size = content.size();
    let mut upload = to.begin(Some(size)).await?;
    let mut bytes = pin!(content.bytes(0..size));
    loop {
        match bytes.try_next().await {
            Ok(Some(part)) => upload.write(&part).await?,
            Ok(None) => break,
            Err(BlobError::Cut(_)) => return Ok(Brought::Lacking),
            Err(error) => return Err(error),
        }
    }
    match upload.finish(Some(id)).await {
        Ok(_) => Ok(Brought::Copied(size)),
        Err(BlobError::Mismatch { .. }) => Ok(Brought::Lacking),
        Err(error) => Err(error),
    }
}

impl BlobCount {
    /// What people are told of it, behind what is told of records.
    pub(super) fn text(self) -> String {
        if self.copied + self.found == 0 {
            return String::new();
        }
        format!(", {} blobs copied, {} there already", self.copied, self.found)
    }

    /// Says what stays behind, where anything does.
    pub(super) fn note(self, output: &Output) {
        if self.left > 0 {
            let left = self.left;
            output.note(format_args!(
                "{left} blobs that its events name stay where they are; --blobs-to copies them, too"
            ));
        }
    }
}
