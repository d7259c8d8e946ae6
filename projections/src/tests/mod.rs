//! Tests of the whole crate, over logs with a seeded sample in them.

mod as_of;
mod books;
mod damage;
mod feed;
mod grants;
mod http;
mod instances;
mod keys;
mod once;
mod purchases;
mod rebuild;
mod sample;
mod scripted;
mod settlements;
mod shops;
mod shown;
mod stalls;
mod wait;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kippu_events::event::read_body;
use kippu_events::log::{Content, Cut, ReadLog, Record};
use serde_json::Value;
use tempfile::TempDir;

use crate::catalogue;
use crate::fold::Fold;
use crate::json::Json;
use crate::runner::{Engine, Limits};
use crate::view::{Decrypt, View};
use crate::{Projections, Queries};

pub(super) use sample::SampleHistory;
pub(super) use scripted::Scripted;

/// No test waits for time to pass; one that waits this long for news has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A seed for a random test: `KIPPU_SEED`, or a fixed one. Printed, so that a failure can be repeated.
pub(super) fn seed() -> u64 {
    let seed = std::env::var("KIPPU_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_121);
    println!("KIPPU_SEED={seed}");
    seed
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime")
}

/// Running views over `log`, in a folder of their own.
pub(super) struct Running {
    pub projections: Option<Projections>,
    pub log: Arc<dyn ReadLog>,
    pub dir: TempDir,
}

impl Running {
    pub(super) fn over(log: Arc<dyn ReadLog>) -> Self {
        let mut running = Self { projections: None, log, dir: tempfile::tempdir().expect("a folder") };
        running.start();
        running
    }

    /// The same, with encrypted fields opened by `decrypt`.
    pub(super) fn decrypting(log: Arc<dyn ReadLog>, decrypt: impl Decrypt + 'static) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let projections = Projections::start(log.clone(), dir.path(), Some(Arc::new(decrypt))).expect("started");
        Self { projections: Some(projections), log, dir }
    }

    pub(super) fn start(&mut self) {
        self.projections = Some(Projections::start(self.log.clone(), self.dir.path(), None).expect("started"));
    }

    pub(super) fn stop(&mut self) {
        self.projections = None;
    }

    pub(super) fn queries(&self) -> Queries {
        self.projections.as_ref().expect("running").queries()
    }

    /// Queries that reflect all that was in the log when the views were started.
    pub(super) fn caught_up(&self) -> Queries {
        let queries = self.queries();
        runtime().block_on(queries.caught_up(PATIENCE)).expect("caught up");
        queries
    }
}

impl Json {
    pub(super) fn value(&self) -> Value {
        serde_json::from_slice(self.as_bytes()).expect("JSON")
    }
}

/// The runner without its thread, over small batches.
pub(super) fn engine(log: Arc<dyn ReadLog>, dir: &Path, limits: Limits) -> Engine {
    Engine::open(log, dir, catalogue::views(), limits).expect("opened")
}

/// The rows of `view` after all valid records of `log` up to `cut`, folded in memory. The log MUST be honest and
/// embedded: every entry counts.
pub(super) fn folded<'a>(log: &dyn ReadLog, view: &'a dyn View, cut: &Cut) -> Fold<'a> {
    let mut fold = Fold::new(view);
    for (partition, last) in (0..).zip(&cut.0) {
        for entry in entries(log, partition).into_iter().take_while(|(offset, _)| offset <= last) {
            apply(&mut fold, &entry);
        }
    }
    fold
}

pub(super) fn apply(fold: &mut Fold<'_>, (offset, stored): &(u64, Vec<u8>)) {
    if let Content::Commit(commit) = Record::decode(stored).expect("a record").content {
        for event in read_body(commit.body).expect("events") {
            fold.apply(&event, *offset).expect("applied");
        }
    }
}

/// Every entry of a partition, with its offset.
pub(super) fn entries(log: &dyn ReadLog, partition: u16) -> Vec<(u64, Vec<u8>)> {
    let mut entries: Vec<(u64, Vec<u8>)> = Vec::new();
    loop {
        let page = log.read(partition, entries.len() as u64, Default::default()).expect("read");
        if page.entries.is_empty() {
            return entries;
        }
        entries.extend(page.entries.into_iter().map(|entry| (entry.offset, entry.stored)));
    }
}

/// What the whole of an embedded log is.
pub(super) fn end_of(log: &dyn ReadLog) -> Cut {
    Cut((0..log.partitions()).map(|partition| log.end(partition).expect("an end") - 1).collect())
}
