//! Checks of the history: it opens for reading, next to running nodes too, and does not lie in the future; and whom its last
//! claims name as those who serve it.

use std::collections::BTreeMap;

use kippu_actors::runtime::clock::MOST_DRIFT;
use kippu_events::Time;
use kippu_events::event::read_body;
use kippu_events::log::{Bound, Claimant, Content, LogId, ReadLog, Record};

use super::{Finding, Verdict};
use crate::config::Config;
use crate::node::{DataDir, Found, LocationError, LogLocation, NodeError, ReadOnlyLog, persons_are_missing};

/// Records at the end of a partition that are looked at; and those before the first of an epoch, among which its claim is
/// where others wrote at the same time.
const TAIL: u64 = 1024;

/// What the history says.
pub(super) struct History {
    pub(super) findings: Vec<Finding>,
    /// Which it is.
    pub(super) id: Option<LogId>,
    /// Whether several nodes may serve it.
    pub(super) is_shared: bool,
    /// Partitions by whom their last claims name.
    pub(super) owners: BTreeMap<(String, String), Vec<u16>>,
}

/// Looks at the log of the node in `dir`.
pub(super) fn look(config: &Config, dir: &DataDir) -> History {
    let mut history = History { findings: Vec::new(), id: None, is_shared: false, owners: BTreeMap::new() };
    let mut say = |verdict, detail: String| history.findings.push(Finding::new("log", verdict, detail));
    let (location, reader) = match open(config, dir) {
        Ok(opened) => opened,
        Err(error) => {
            say(Verdict::Bad, error.to_string());
            return history;
        }
    };
    let log = reader.log();
    history.id = Some(log.id());
    if let Ok(Found::Whole(label)) = dir.look()
        && label.log != log.id()
    {
        say(Verdict::Bad, format!("{location} holds the log {}, but kippu.json names {}", log.id(), label.log));
        return history;
    }
    history.is_shared = matches!(location, LogLocation::Kafka(_));
    let (mut last, mut records) = (Time::default(), 0);
    for partition in 0..log.partitions() {
        match tail(log, partition) {
            Ok(tail) => {
                records += tail.end;
                last = last.max(tail.time);
                if let Some(Claimant { node, url }) = tail.claimant {
                    history.owners.entry((node, url)).or_default().push(partition);
                }
            }
            Err(reason) => {
                say(Verdict::Bad, format!("partition {partition}: {reason}; `kippu replay verify` names the place"));
                return history;
            }
        }
    }
    say(Verdict::Good, format!("{location}: {} partitions with {records} records open for reading", log.partitions()));
    if let Some(concern) = reader.concern() {
        say(Verdict::Bad, concern);
    }
    match location.keys(config, log.id()) {
        Ok(None) => {}
        Ok(Some(keys)) => match persons_are_missing(log, &*keys) {
            Ok(false) => {}
            Ok(true) => say(Verdict::Bad, NodeError::PersonsLost(keys.name().to_owned()).to_string()),
            Err(error) => say(Verdict::Unknown, error.to_string()),
        },
        Err(error) => say(Verdict::Bad, error.to_string()),
    }
    match reader.remark() {
        Ok(None) => {}
        Ok(Some(remark)) => say(Verdict::Note, remark.to_owned()),
        Err(error) => say(Verdict::Bad, error.to_string()),
    }
    if history.is_shared && config.kafka.accept_single_copy {
        say(Verdict::Note, "one broker may take answered records with it: kafka.accept_single_copy is set".to_owned());
    }
    history.findings.push(clock(last));
    history
}

fn open(config: &Config, dir: &DataDir) -> Result<(LogLocation, ReadOnlyLog), LocationError> {
    // A directory that does not say what it is may still hold a log.
    let location = LogLocation::of(config, dir, &dir.look().unwrap_or(Found::Unfinished))?;
    let reader = location.open_read_only(config)?;
    Ok((location, reader))
}

/// The end of one partition.
struct Tail {
    end: u64,
    time: Time,
    claimant: Option<Claimant>,
}

fn tail(log: &dyn ReadLog, partition: u16) -> Result<Tail, String> {
    let end = log.end(partition).map_err(|e| e.to_string())?;
    let mut tail = Tail { end, time: Time::default(), claimant: None };
    let mut epoch = 0;
    each(log, partition, end.saturating_sub(TAIL), end, |record| {
        epoch = epoch.max(epoch_of(record));
        if let Content::Commit(commit) = &record.content {
            let events = read_body(commit.body).map_err(|e| e.to_string())?;
            tail.time = events.iter().map(|event| event.time).fold(tail.time, Time::max);
        }
        Ok(())
    })?;
    let begun = begin_of(log, partition, epoch, end)?;
    each(log, partition, begun.saturating_sub(TAIL), (begun + TAIL).min(end), |record| {
        if let Content::Claim(claim) = &record.content
            && claim.epoch == epoch
        {
            tail.claimant = Some(Claimant { node: claim.node.clone(), url: claim.url.clone() });
        }
        Ok(())
    })?;
    Ok(tail)
}

/// An offset close to the claim of `epoch`: epochs grow, but for what those who were succeeded wrote at the last.
fn begin_of(log: &dyn ReadLog, partition: u16, epoch: u64, end: u64) -> Result<u64, String> {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        let mut reached = false;
        each(log, partition, middle, middle + 1, |record| {
            reached = epoch_of(record) >= epoch;
            Ok(())
        })?;
        if reached {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

/// Calls `visit` with each record in these offsets.
fn each(
    log: &dyn ReadLog,
    partition: u16,
    from: u64,
    to: u64,
    mut visit: impl FnMut(&Record<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let mut offset = from;
    while offset < to {
        let bound = Bound { entries: usize::try_from(to - offset).unwrap_or(usize::MAX), ..Bound::default() };
        let page = log.read(partition, offset, bound).map_err(|e| e.to_string())?;
        let Some(newest) = page.entries.last() else { break };
        offset = newest.offset + 1;
        for entry in &page.entries {
            let found = Record::decode(&entry.stored).map_err(|e| e.to_string()).and_then(|record| visit(&record));
            found.map_err(|reason| format!("offset {}: {reason}", entry.offset))?;
        }
    }
    Ok(())
}

const fn epoch_of(record: &Record<'_>) -> u64 {
    match &record.content {
        Content::Genesis(_) => 0,
        Content::Claim(claim) => claim.epoch,
        Content::Commit(commit) => commit.epoch,
        Content::Seal(seal) => seal.epoch,
    }
}

fn clock(last: Time) -> Finding {
    let now = Time::now();
    let ahead = last.since(now);
    if ahead > MOST_DRIFT {
        let detail = format!("the last record is of {last}, but the clock says {now}");
        Finding::new("clock", Verdict::Bad, detail)
    } else {
        Finding::new("clock", Verdict::Good, format!("the clock says {now}, the last record is of {last}"))
    }
}
