//! Blobs that no event names go: first out of the way of commands, and after a while for good. A command that has found its
//! blob at the very moment in which it was set aside has its event by then, and the blob is put back.
//!
//! Nothing is kept of a sweep but where the blobs lie, so that one which ended in the middle is gone on with by the next.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kippu_events::blobs::{BlobError, BlobStore, Listed};
use kippu_events::log::ReadLog;
use kippu_replay::{NamedBlobs, NotRead};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::Ledger;
use crate::config;
use crate::node::Node;

/// How long a blob lies aside at most before it is deleted: far longer than a command takes from its check to its event.
const ASIDE: Duration = Duration::from_secs(60 * 60);
/// Pages of the log that are read at once: a node that stops waits for no more.
const PAGES: usize = 16;

/// See the module.
pub(crate) struct Sweep {
    store: BlobStore,
    log: Arc<dyn ReadLog>,
    ledger: Arc<Ledger>,
    keep: Duration,
    every: Duration,
    named: NamedBlobs,
}

/// What a sweep did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Swept {
    pub(super) set_aside: usize,
    pub(super) put_back: usize,
    pub(super) deleted: usize,
}

/// Why a sweep did not come to its end. What it did before stands.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSwept {
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// Which blobs are named is not known, so none is touched.
    #[error("which blobs are named is not known: {0}")]
    Log(#[from] NotRead),
    #[error("reading the history panicked")]
    Panicked,
}

impl Sweep {
    /// Of the blobs of `node`.
    pub(crate) fn new(node: &Node, ledger: Arc<Ledger>, blobs: &config::Blobs) -> Self {
        let every = Duration::from_secs(blobs.sweep_secs.into());
        let log = Arc::clone(&node.log).as_read();
        Self { every, ..Self::of(node.blobs.clone(), log, ledger, Duration::from_secs(blobs.keep_secs.into())) }
    }

    fn of(store: BlobStore, log: Arc<dyn ReadLog>, ledger: Arc<Ledger>, keep: Duration) -> Self {
        Self { store, log, ledger, keep, every: ASIDE, named: NamedBlobs::default() }
    }

    /// Sweeps now and then, for as long as the node runs.
    pub(crate) async fn go_on(mut self) {
        let mut pace = interval_at(Instant::now() + self.every, self.every);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            match self.once().await {
                Ok(swept) if swept == Swept::default() => {}
                Ok(Swept { set_aside, put_back, deleted }) => {
                    tracing::info!(set_aside, put_back, deleted, "blobs that no event names were swept")
                }
                Err(error) => tracing::warn!(%error, "blobs could not be swept; it is tried again"),
            }
        }
    }

    /// One sweep.
    ///
    /// # Errors
    /// [`NotSwept`].
    pub(super) async fn once(&mut self) -> Result<Swept, NotSwept> {
        self.store.clear_uploads().await?;
        // Before the blobs are listed, so that one that comes meanwhile stays charged.
        let charged = self.ledger.blobs();
        let listed = self.store.list().await?;
        let now = SystemTime::now();
        let is_older = |blob: &Listed, than| now.duration_since(blob.since).is_ok_and(|age| age >= than);
        let looked_at: Vec<&Listed> = listed.iter().filter(|blob| blob.is_aside || is_older(blob, self.keep)).collect();
        let mut swept = Swept::default();
        let mut gone: HashSet<_> = charged.difference(&listed.iter().map(|blob| blob.id).collect()).copied().collect();
        if !looked_at.is_empty() {
            // After they were listed: what names one that lies aside was decided before, and is durable.
            self.read_on().await?;
        }
        for blob in looked_at {
            match (self.named.has(blob.id), blob.is_aside) {
                (true, false) => {}
                (true, true) => {
                    self.store.put_back(blob.id).await?;
                    swept.put_back += 1;
                }
                (false, false) => {
                    self.store.set_aside(blob.id).await?;
                    swept.set_aside += 1;
                }
                (false, true) if is_older(blob, ASIDE.min(self.keep)) => {
                    self.store.delete(blob.id).await?;
                    swept.deleted += 1;
                    // It may have come again meanwhile.
                    if !listed.iter().any(|other| other.id == blob.id && !other.is_aside) {
                        gone.insert(blob.id);
                    }
                }
                (false, true) => {}
            }
        }
        let ledger = Arc::clone(&self.ledger);
        match tokio::task::spawn_blocking(move || ledger.forget(&gone)).await {
            Ok(Ok(())) => Ok(swept),
            Ok(Err(error)) => {
                tracing::warn!(%error, "it is not noted that blobs are gone: they are charged until the next sweep");
                Ok(swept)
            }
            Err(_) => Err(NotSwept::Panicked),
        }
    }

    /// Reads what the history names, to where it ends now.
    async fn read_on(&mut self) -> Result<(), NotSwept> {
        loop {
            let (mut named, log) = (std::mem::take(&mut self.named), Arc::clone(&self.log));
            let read = tokio::task::spawn_blocking(move || {
                let read = named.read_on(&*log, PAGES);
                (named, read)
            });
            let (named, read) = read.await.map_err(|_| NotSwept::Panicked)?;
            self.named = named;
            if read? {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
