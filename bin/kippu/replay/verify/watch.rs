//! `--watch`: verifies on as the history grows, from where it was, with every rule.

use std::time::Duration;

use kippu_events::log::Cut;
use kippu_replay::Report;
use kippu_replay::verify::Verified;
use serde_json::json;

use super::super::{History, NotRead};
use crate::output::Output;

/// How often a live history is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Goes on until something is found, the process is interrupted, or nobody reads what it tells. A line says how far it has come, whenever that
/// is further.
///
/// # Errors
/// Where the history cannot be read on.
pub(super) fn on(history: &History, verified: &mut Verified<'_>, output: &Output) -> Result<Report, NotRead> {
    let mut before = cut(&verified.report());
    loop {
        std::thread::sleep(LOOK);
        history.refresh()?;
        verified.go_on();
        let report = verified.report();
        if !report.sound {
            output.result(&report, &report);
            return Ok(report);
        }
        let now = cut(&report);
        if now != before {
            let (records, events) = (report.totals.records, report.totals.events);
            let text = format!("{records} records, {events} events: sound up to the cut {now}");
            let value = json!({ "sound": true, "records": records, "events": events, "cut": now.to_string() });
            output.result(&value, text);
            before = now;
        }
        if !output.is_whole() {
            return Ok(report);
        }
    }
}

/// How far it has come.
fn cut(report: &Report) -> Cut {
    let last = |partition: &kippu_replay::verify::Partition| partition.head.as_ref().map_or(0, |head| head.number);
    Cut(report.partitions.iter().map(last).collect())
}
