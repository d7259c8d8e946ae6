//! `kippu bench replay`: what reading a history costs, compared with a bare scan of it or with another way to the same answer. One
//! history serves all figures.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kippu_events::log::rocks::RocksLog;
use kippu_events::log::{Bound, LogId, Page, ReadError, ReadLog, Watch};
use kippu_events::{EntityKey, Family};
use kippu_projections::catalogue;
use kippu_projections::stored::StoredViews;
use kippu_replay::gate::entities;
use kippu_replay::history::{Folding, Past, as_of, rebuild};
use kippu_replay::{Options, verify};

use super::figure::{BenchError, Figure, Goal, median, round};
use super::load::{EVENTS_PER_TRIPLE, Until, closed};
use super::{Effort, Which, machine, scene};
use crate::node::{self, DataDir};

const IN_FLIGHT: usize = 1024;
/// Rounds are short here.
const ROUNDS: usize = 5;
/// The view whose rows are folded anew.
const VIEW: &str = "spending";

/// A history at rest.
struct History {
    dir: DataDir,
    scratch: tempfile::TempDir,
    threads: usize,
    events: u64,
    records: u64,
    bytes: u64,
}

/// Measures those that are wanted, on a history with so many events.
pub(super) fn measure(
    dir: &Path,
    events: u64,
    effort: Effort,
    wanted: &[Which],
) -> Result<BTreeMap<Which, Figure>, BenchError> {
    let history = node::on_a_system(History::make(dir, events, effort))?;
    let measured = |which: &Which| Ok((*which, history.figure(*which)?));
    wanted.iter().map(measured).collect()
}

impl History {
    async fn make(dir: &Path, events: u64, effort: Effort) -> Result<Self, BenchError> {
        let scratch = tempfile::Builder::new().prefix("scratch-").tempdir_in(dir)?;
        let (node, cast) = scene::open(&dir.join("node"), effort.users).await?;
        let triples = (events / EVENTS_PER_TRIPLE).max(1);
        closed(&node.commands, &cast, IN_FLIGHT, Until::Triples(triples), false).await?;
        scene::catch_up(&node.queries).await?;
        let dir = DataDir::new(&dir.join("node"));
        node.stop().await;
        drop(node);
        let threads = Options::default().threads;
        let mut history = Self { dir, scratch, threads, events: 0, records: 0, bytes: 0 };
        let report = verify(&history.log()?, &Options::default());
        if !report.sound {
            return Err(BenchError::Load(report.to_string()));
        }
        (history.events, history.records) = (report.totals.events, report.totals.records);
        history.bytes = report.totals.bytes;
        Ok(history)
    }

    fn log(&self) -> Result<kippu_events::log::rocks::Secondary, BenchError> {
        Ok(RocksLog::open_secondary(&self.dir.log())?)
    }

    fn figure(&self, which: Which) -> Result<Figure, BenchError> {
        let figure = match which {
            Which::Verify => self.verify()?,
            Which::Threads => self.threads()?,
            Which::AsOf => self.as_of()?,
            Which::Tiles => self.tiles()?,
            Which::Proof => self.proof()?,
            Which::Rebuild => self.rebuild()?,
            Which::Memory => self.memory()?,
            other => return Err(BenchError::Load(format!("{other:?} is not of a history at rest"))),
        };
        Ok(figure.with("events", self.events).with("records", self.records).with("bytes", self.bytes))
    }

    /// Events a second, verified on so many threads.
    fn verified(&self, threads: usize) -> Result<f64, BenchError> {
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            let report = verify(&self.log()?, &Options { threads, ..Options::default() });
            rates.push(machine::per_second(self.events, Duration::from_secs_f64(report.seconds)));
        }
        Ok(median(rates))
    }

    fn verify(&self) -> Result<Figure, BenchError> {
        let mut limit = Vec::new();
        for _ in 0..ROUNDS {
            let took = machine::scan_and_hash(&self.dir.log().join("store"), self.threads)?;
            limit.push(machine::per_second(self.events, took));
        }
        let ours = self.verified(self.threads)?;
        let goal = Goal::AtLeast(0.5, "ratio ≥ 0.5");
        Ok(Figure::new(ours, median(limit), "events/s", goal).with("threads", self.threads))
    }

    fn threads(&self) -> Result<Figure, BenchError> {
        Ok(Figure::new(self.verified(2)?, self.verified(1)?, "events/s", Goal::Told).with("cores", self.threads))
    }

    fn as_of(&self) -> Result<Figure, BenchError> {
        let (log, views) = (self.log()?, self.views()?);
        let user = self.busiest(&log)?;
        let told = |views: Option<&StoredViews>| -> Result<(f64, u64, u64), BenchError> {
            let (mut millis, mut counts) = (Vec::new(), (0, 0));
            for _ in 0..ROUNDS {
                let counted = Counted { log: &log, reads: AtomicU64::new(0), entries: AtomicU64::new(0) };
                let begun = Instant::now();
                let past = Past { log: &counted, embedded: true, views, secrets: None };
                as_of(&past, user, None).map_err(BenchError::load)?;
                millis.push(begun.elapsed().as_secs_f64() * 1e3);
                counts = (counted.reads.into_inner(), counted.entries.into_inner());
            }
            Ok((median(millis), counts.0, counts.1))
        };
        let (ours, reads, entries) = told(Some(&views))?;
        let (limit, scan_reads, scan_entries) = told(None)?;
        Ok(Figure::new(ours, limit, "ms, with the node's views ÷ without", Goal::Told)
            .with("log_reads", reads)
            .with("log_entries", entries)
            .with("log_reads_without", scan_reads)
            .with("log_entries_without", scan_entries))
    }

    /// The user of partition 0 with the most events.
    fn busiest(&self, log: &dyn ReadLog) -> Result<EntityKey, BenchError> {
        let folded = entities(log, 0, None, &|_| {}).map_err(BenchError::load)?;
        let users = folded.iter().filter(|(key, _)| key.family == Family::Users);
        let busiest = users.max_by_key(|(_, entity)| entity.version).map(|(key, _)| *key);
        busiest.ok_or_else(|| BenchError::Load("no user lies in partition 0".to_owned()))
    }

    fn views(&self) -> Result<StoredViews, BenchError> {
        let views = StoredViews::open(&self.dir.views()).map_err(BenchError::load)?;
        views.ok_or_else(|| BenchError::Load("the node has left no views".to_owned()))
    }

    fn rebuild(&self) -> Result<Figure, BenchError> {
        let views = self.views()?;
        let view = catalogue::views().into_iter().find(|view| view.name() == VIEW);
        let view = view.ok_or_else(|| BenchError::Load(format!("there is no view {VIEW}")))?;
        let log: Arc<dyn ReadLog> = Arc::new(self.log()?);
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            let dir = tempfile::Builder::new().prefix("rows-").tempdir_in(&self.scratch)?;
            let folding = Folding { log: Arc::clone(&log), dir: dir.path(), progress: &|_| {} };
            let begun = Instant::now();
            let rebuilt = rebuild(&folding, &views, Arc::clone(&view), &mut |_| Ok(())).map_err(BenchError::load)?;
            rates.push(machine::per_second(self.events, begun.elapsed()));
            if rebuilt.differences > 0 {
                return Err(BenchError::Load(format!("{} rows of {VIEW} differ", rebuilt.differences)));
            }
        }
        Ok(Figure::new(median(rates), self.verified(self.threads)?, "events/s, rebuilt ÷ verified", Goal::Told))
    }

    /// Runs a command on the history to its end; how long it took.
    fn run(&self, command: &[&str]) -> Result<Duration, BenchError> {
        let begun = Instant::now();
        let mut child = Command::new(std::env::current_exe()?);
        let child = child.args(["--json", "replay"]).args(command).arg("--data").arg(self.dir.path()).output()?;
        if !child.status.success() {
            return Err(BenchError::Load(String::from_utf8_lossy(&child.stderr).into_owned()));
        }
        Ok(begun.elapsed())
    }

    /// The folder with the trees, made where it is not there.
    fn trees(&self) -> Result<(String, Option<Duration>), BenchError> {
        let dir = self.scratch.path().join("trees");
        let text = dir.display().to_string();
        let took = if dir.exists() { None } else { Some(self.run(&["checkpoint", "--out", &text, "--begin"])?) };
        Ok((text, took))
    }

    fn tiles(&self) -> Result<Figure, BenchError> {
        let scan = machine::scan_and_hash(&self.dir.log().join("store"), self.threads)?;
        let _gone = std::fs::remove_dir_all(self.scratch.path().join("trees"));
        let (dir, took) = self.trees()?;
        let took = took.unwrap_or_default();
        let (ours, limit) = (machine::per_second(self.records, took), machine::per_second(self.records, scan));
        Ok(Figure::new(ours, limit, "records/s, into tiles ÷ scanned and hashed", Goal::Told)
            .with("tile_files", files(Path::new(&dir))?)
            .with("seconds", round(took.as_secs_f64())))
    }

    fn proof(&self) -> Result<Figure, BenchError> {
        let (trees, _) = self.trees()?;
        let user = self.busiest(&self.log()?)?.to_string();
        let file = self.scratch.path().join("bundle.json").display().to_string();
        let (mut ours, mut limit) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let export = ["evidence", "export", &user, "--tiles", &trees, "--out", &file];
            ours.push(self.run(&export)?.as_secs_f64() * 1e3);
            limit.push(self.run(&["history", &user, "--scan"])?.as_secs_f64() * 1e3);
        }
        let bundle = std::fs::read_to_string(&file)?;
        let bundle: serde_json::Value = serde_json::from_str(&bundle).map_err(BenchError::load)?;
        let records = bundle["records"].as_array().map_or(0, Vec::len);
        Ok(Figure::new(median(ours), median(limit), "ms, a bundle with proofs ÷ the same records alone", Goal::Told)
            .with("proofs", records))
    }

    /// The most that a process has in memory that verifies.
    fn memory(&self) -> Result<Figure, BenchError> {
        let child = Command::new(std::env::current_exe()?)
            .args(["--json", "replay", "verify", "--data"])
            .arg(self.dir.path())
            .stdout(Stdio::null())
            .spawn()?;
        let most = machine::watched(child)?;
        #[allow(clippy::cast_precision_loss)] // bytes are far below 2^52
        let (ours, limit) = (most as f64, self.bytes as f64);
        Ok(Figure::new(ours, limit, "bytes in memory ÷ bytes of the history", Goal::Told))
    }
}

/// How many files there are below `dir`.
fn files(dir: &Path) -> Result<u64, BenchError> {
    let mut count = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        count += if entry.file_type()?.is_dir() { files(&entry.path())? } else { 1 };
    }
    Ok(count)
}

/// A log that counts how often it is read.
struct Counted<'a> {
    log: &'a dyn ReadLog,
    reads: AtomicU64,
    entries: AtomicU64,
}

impl ReadLog for Counted<'_> {
    fn id(&self) -> LogId {
        self.log.id()
    }

    fn partitions(&self) -> u16 {
        self.log.partitions()
    }

    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        self.log.end(partition)
    }

    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError> {
        let page = self.log.read(partition, offset, bound)?;
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.entries.fetch_add(page.entries.len() as u64, Ordering::Relaxed);
        Ok(page)
    }

    fn visit(
        &self,
        partition: u16,
        offset: u64,
        bound: Bound,
        entry: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<u64, ReadError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.log.visit(partition, offset, bound, &mut |offset, stored| {
            self.entries.fetch_add(1, Ordering::Relaxed);
            entry(offset, stored);
        })
    }

    fn watch(&self, watch: Watch) {
        self.log.watch(watch);
    }
}
