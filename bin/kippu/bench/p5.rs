//! P5: from the start of the node after a SIGKILL, with millions of events in its log, to its first durable answer,
//! compared with opening a copy of the log's RocksDB alone.

use std::path::Path;
use std::time::{Duration, Instant};

use super::child::Process;
use super::figure::{BenchError, Figure, Goal, median, round};
use super::load::{EVENTS_PER_TRIPLE, Until, closed};
use super::{Effort, machine, p2, scene};

const IN_FLIGHT: usize = 1024;
/// How long the node is under load before it is killed: long enough that its caches lag as they do in service.
pub(super) const LOAD: Duration = Duration::from_secs(3);

pub(super) async fn measure(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let data = dir.join("node");
    let (node, cast) = scene::open(&data, effort.users).await?;
    closed(&node.commands, &cast, IN_FLIGHT, Until::Triples(effort.events / EVENTS_PER_TRIPLE), false).await?;
    scene::catch_up(&node.queries).await?;
    node.stop().await;
    drop(node);
    let config = scene::config(&data);
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for round in 0..effort.rounds {
        let mut child = Process::start(&config)?;
        child.answers(&cast, &format!("before-{round}")).await?;
        let name = format!("load-{round}");
        let load = p2::load_until_gone(child.address, &cast, &name);
        let killed = actix_rt::time::timeout(LOAD.min(effort.span), load).await.is_err();
        child.kill()?;
        if !killed {
            return Err(BenchError::Load("the node went away under load".to_owned()));
        }
        let copy = dir.join("copy");
        copy_all(&data.join("log").join("store"), &copy)?;
        limit.push(machine::open(&copy)?.as_secs_f64());
        std::fs::remove_dir_all(&copy)?;

        let begun = Instant::now();
        let child = Process::start(&config)?;
        child.answers(&cast, &format!("after-{round}")).await?;
        ours.push(begun.elapsed().as_secs_f64());
        drop(child);
    }
    let seconds = |values: &[f64]| values.iter().map(|value| round(*value)).collect::<Vec<_>>();
    let (all_ours, all_limit) = (seconds(&ours), seconds(&limit));
    Ok(Figure::new(median(ours), median(limit), "s", Goal::AtMost(2.0, "ratio ≤ 2"))
        .with("events", effort.events)
        .with("ours", all_ours)
        .with("rocksdb_alone", all_limit))
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
