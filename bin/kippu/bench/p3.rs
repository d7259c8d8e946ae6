//! P3: events verified a second – chain, decoding, rules, fold – compared with a bare scan of the same store that hashes every
//! value, on the same number of threads.

use std::path::Path;
use std::time::Duration;

use kippu_events::log::rocks::RocksLog;

use super::figure::{BenchError, Figure, Goal, median};
use super::load::{Until, closed};
use super::{Effort, machine, scene};

const IN_FLIGHT: usize = 1024;
/// Rounds are short here.
const ROUNDS: usize = 5;

pub(super) async fn measure(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let dir = dir.join("node");
    let (node, cast) = scene::open(&dir, effort.users).await?;
    closed(&node.commands, &cast, IN_FLIGHT, Until::Triples(effort.triples), false).await?;
    scene::catch_up(&node.queries).await?;
    let log = node.dir.log();
    node.stop().await;
    drop(node);
    let options = kippu_replay::Options::default();
    let (mut ours, mut limit, mut events, mut records, mut bytes) = (Vec::new(), Vec::new(), 0, 0, 0);
    for _ in 0..ROUNDS {
        let report = {
            let reader = RocksLog::open_secondary(&log)?;
            kippu_replay::verify(&reader, &options)
        };
        if !report.sound {
            return Err(BenchError::Load(report.to_string()));
        }
        (events, records, bytes) = (report.totals.events, report.totals.records, report.totals.bytes);
        ours.push(machine::per_second(events, Duration::from_secs_f64(report.seconds)));
        limit.push(machine::per_second(events, machine::scan_and_hash(&log.join("store"), options.threads)?));
    }
    Ok(Figure::new(median(ours), median(limit), "events/s", Goal::AtLeast(0.5, "ratio ≥ 0.5"))
        .with("threads", options.threads)
        .with("events", events)
        .with("records", records)
        .with("bytes", bytes))
}
