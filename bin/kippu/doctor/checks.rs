//! Checks of the directory and the machine under it.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use kippu_events::log::lock::{Holder, LockError};
use kippu_events::secrets::Secrets;

use super::{Finding, Verdict};
use crate::node::{DataDir, Found, NodeError, free_bytes};

/// Syncs that are timed. Enough for a median; less than a second on anything that a node should run on.
const SYNCS: usize = 15;
/// A synced write that takes longer than this makes every command that waits alone as slow.
const SLOW_SYNC: Duration = Duration::from_millis(50);

/// Whether the directory is a whole one of ours.
pub(super) fn layout(dir: &DataDir) -> Finding {
    match dir.look() {
        // On Kafka persons' keys come back from their topic.
        Ok(Found::Whole(label))
            if !dir.keys().join("keyring.json").exists()
                || (label.topic().is_none() && !dir.keys().join("persons/CURRENT").exists()) =>
        {
            let detail = format!("{} is not whole: restore it from a backup", dir.keys().display());
            Finding::new("layout", Verdict::Bad, detail)
        }
        Ok(Found::Whole(label)) => {
            if let Err(error) = Secrets::check_keyring(&dir.keys(), label.log) {
                return Finding::new("layout", Verdict::Bad, error.to_string());
            }
            let detail = format!("log {}, made by {}, this is {}", label.log, label.made_by, env!("CARGO_PKG_VERSION"));
            Finding::new("layout", Verdict::Good, detail)
        }
        Ok(Found::Unfinished) if dir.log().exists() && !dir.keys().exists() => {
            let detail = format!("a history without keys: put those that belong to it at {}", dir.keys().display());
            Finding::new("layout", Verdict::Bad, detail)
        }
        Ok(Found::Unfinished) if dir.lacks_its_history() => {
            let lost = NodeError::HistoryLost(dir.path().display().to_string());
            Finding::new("layout", Verdict::Bad, lost.to_string())
        }
        Ok(Found::Unfinished) if matches!(dir.begun_for(), Ok(Some(_))) => Finding::new(
            "layout",
            Verdict::Bad,
            "not initialised to the end for its log on Kafka; `kippu init` finishes it",
        ),
        Ok(Found::Unfinished) => Finding::new(
            "layout",
            Verdict::Bad,
            "not initialised to the end; `kippu serve` or `kippu init` finishes it",
        ),
        Err(error) => Finding::new("layout", Verdict::Bad, error.to_string()),
    }
}

/// Whether secrets are their owner's alone.
pub(super) fn permissions(dir: &DataDir) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (path, mode) in dir.open_to_others() {
        let right = if path.is_dir() { 0o700 } else { 0o600 };
        let detail = format!(
            "{} has mode {mode:04o} instead of {right:04o}: the next start of the node takes it back, or `chmod`",
            path.display()
        );
        findings.push(Finding::new("permissions", Verdict::Bad, detail));
    }
    if let Some(owned) = dir.locked_out() {
        findings.push(Finding::new("permissions", Verdict::Bad, format!("{owned}, who may not read and write it")));
    }
    if findings.is_empty() {
        findings.push(Finding::new("permissions", Verdict::Good, "directory and keys are their owner's alone"));
    }
    if dir.operator_key().exists() {
        let detail = format!("{} still lies here; move it to where you keep secrets", dir.operator_key().display());
        findings.push(Finding::new("operator key", Verdict::Note, detail));
    }
    findings
}

/// What the lock says.
pub(super) fn lock(holder: &Result<Option<Holder>, LockError>) -> Finding {
    match holder {
        Ok(None) => Finding::new("lock", Verdict::Note, "no node runs here"),
        Ok(Some(holder)) => Finding::new("lock", Verdict::Good, format!("held by {holder}")),
        Err(error) => Finding::new("lock", Verdict::Unknown, error.to_string()),
    }
}

/// Whether there is space.
pub(super) fn space(dir: &DataDir, least: u64) -> Finding {
    match free_bytes(dir.path()) {
        Ok(free) if free < least => {
            Finding::new("space", Verdict::Bad, format!("{free} bytes are free, less than {least}"))
        }
        Ok(free) => Finding::new("space", Verdict::Good, format!("{free} bytes are free")),
        Err(error) => Finding::new("space", Verdict::Unknown, error.to_string()),
    }
}

/// How long a synced write takes.
pub(super) fn sync(dir: &DataDir) -> Finding {
    match time_syncs(dir.path()) {
        Ok(median) => {
            let verdict = if median > SLOW_SYNC { Verdict::Bad } else { Verdict::Good };
            Finding::new("fsync", verdict, format!("a synced write takes {median:?} in the median of {SYNCS}"))
        }
        Err(error) => Finding::new("fsync", Verdict::Unknown, error.to_string()),
    }
}

fn time_syncs(dir: &Path) -> std::io::Result<Duration> {
    // Gone when it is closed, however this ends.
    let mut probe = tempfile::tempfile_in(dir)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let started = Instant::now();
        probe.write_all(&[0; 4096])?;
        probe.sync_data()?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(SYNCS / 2).copied().unwrap_or_default())
}
