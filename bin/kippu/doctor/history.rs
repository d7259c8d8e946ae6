//! Checks of the history: it opens for reading, beside a running node too, and does not lie in the future.

use std::time::Duration;

use kippu_events::Time;
use kippu_events::event::read_body;
use kippu_events::log::rocks::RocksLog;
use kippu_events::log::{Bound, Content, ReadLog, Record};

use super::{Finding, Verdict};
use crate::node::DataDir;

/// A node does not start where its clock is further behind than this.
const MOST_AHEAD: Duration = Duration::from_secs(300);
/// How far back the last claim is looked for; a node whose claims lie further back runs without trouble for long.
const TAIL: u64 = 4096;

/// The findings, and where the last claim says that the node answers.
pub(super) fn look(dir: &DataDir) -> (Vec<Finding>, Option<String>) {
    let log = match RocksLog::open_beside(&dir.log()) {
        Ok(log) => log,
        Err(error) => return (vec![Finding::new("log", Verdict::Bad, error.to_string())], None),
    };
    let (mut last, mut url, mut records) = (Time::default(), None, 0);
    for partition in 0..log.partitions() {
        match tail(&log, partition) {
            Ok(tail) => {
                records += tail.end;
                last = last.max(tail.time);
                url = tail.url.or(url);
            }
            Err(reason) => {
                let detail = format!("partition {partition}: {reason}; `kippu replay verify` names the place");
                return (vec![Finding::new("log", Verdict::Bad, detail)], url);
            }
        }
    }
    let detail = format!("{} partitions with {records} records open for reading", log.partitions());
    (vec![Finding::new("log", Verdict::Good, detail), clock(last)], url)
}

/// The end of one partition.
struct Tail {
    end: u64,
    time: Time,
    url: Option<String>,
}

fn tail(log: &impl ReadLog, partition: u16) -> Result<Tail, String> {
    let end = log.end(partition).map_err(|e| e.to_string())?;
    let mut tail = Tail { end, time: Time::default(), url: None };
    let mut offset = end.saturating_sub(TAIL);
    while offset < end {
        let page = log.read(partition, offset, Bound::default()).map_err(|e| e.to_string())?;
        let Some(newest) = page.entries.last() else { break };
        offset = newest.offset + 1;
        for entry in &page.entries {
            let record = Record::decode(&entry.stored).map_err(|e| format!("offset {}: {e}", entry.offset))?;
            match record.content {
                Content::Claim(claim) => tail.url = Some(claim.url),
                Content::Commit(commit) => {
                    let events = read_body(commit.body).map_err(|e| format!("offset {}: {e}", entry.offset))?;
                    tail.time = events.iter().map(|event| event.time).fold(tail.time, Time::max);
                }
                Content::Genesis(_) | Content::Seal(_) => {}
            }
        }
    }
    Ok(tail)
}

fn clock(last: Time) -> Finding {
    let now = Time::now();
    let ahead = last.since(now);
    if ahead > MOST_AHEAD {
        let detail = format!("the last record is of {last}, but the clock says {now}");
        Finding::new("clock", Verdict::Bad, detail)
    } else {
        Finding::new("clock", Verdict::Good, format!("the clock says {now}, the last record is of {last}"))
    }
}
