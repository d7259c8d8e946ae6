//! P5: from the start of the node after a SIGKILL, with millions of events in its log, to its first durable answer,
//! beside opening a copy of the log's RocksDB alone.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::figure::{BenchError, Figure, Goal, median, round};
use super::load::{EVENTS_PER_TRIPLE, Until, closed};
use super::scene::Cast;
use super::{Effort, machine, p2, scene};

const IN_FLIGHT: usize = 1024;
/// How long the node is under load before it is killed: long enough that its caches lag as they do in service.
const LOAD: Duration = Duration::from_secs(3);
/// No node needs longer to answer.
const PATIENCE: Duration = Duration::from_secs(600);

pub(super) async fn measure(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let data = dir.join("node");
    let (node, cast) = scene::open(&data, effort.users).await?;
    closed(&node.commands, &cast, IN_FLIGHT, Until::Triples(effort.events / EVENTS_PER_TRIPLE), false).await?;
    scene::catch_up(&node).await?;
    node.stop().await;
    drop(node);
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for turn in 0..effort.turns {
        let (mut child, address) = serve(&data)?;
        answered(address, &cast, &format!("before-{turn}")).await?;
        let name = format!("load-{turn}");
        let load = p2::load_until_gone(address, &cast, &name);
        let killed = actix_rt::time::timeout(LOAD.min(effort.span), load).await.is_err();
        child.kill()?;
        child.wait()?;
        if !killed {
            return Err(BenchError::Load("the node went away under load".to_owned()));
        }
        let copy = dir.join("copy");
        copy_all(&data.join("log").join("store"), &copy)?;
        limit.push(machine::open(&copy)?.as_secs_f64());
        std::fs::remove_dir_all(&copy)?;

        let begun = Instant::now();
        let (mut child, address) = serve(&data)?;
        answered(address, &cast, &format!("after-{turn}")).await?;
        ours.push(begun.elapsed().as_secs_f64());
        child.kill()?;
        child.wait()?;
    }
    let seconds = |values: &[f64]| values.iter().map(|value| round(*value)).collect::<Vec<_>>();
    let (all_ours, all_limit) = (seconds(&ours), seconds(&limit));
    Ok(Figure::new(median(ours), median(limit), "s", Goal::AtMost(2.0, "ratio ≤ 2"))
        .with("events", effort.events)
        .with("ours", all_ours)
        .with("rocksdb_alone", all_limit))
}

/// This program as a node on a free port.
fn serve(data: &Path) -> Result<(Child, SocketAddr), BenchError> {
    // Bound and let go, so that connecting can begin at once.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let child = Command::new(std::env::current_exe()?)
        .args([
            "serve",
            "--rate-per-second",
            "0",
            "--trace-filter",
            "error",
            "--listen",
            &address.to_string(),
            "--data",
        ])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    Ok((child, address))
}

/// Waits for the first durable answer.
async fn answered(address: SocketAddr, cast: &Cast, name: &str) -> Result<(), BenchError> {
    let begun = Instant::now();
    loop {
        match p2::first_answer(address, cast, name).await {
            Ok(()) => return Ok(()),
            // Not there yet, or there and not ready: the same key again.
            Err(BenchError::Io(_) | BenchError::Load(_)) if begun.elapsed() < PATIENCE => {
                actix_rt::time::sleep(Duration::from_millis(1)).await;
            }
            Err(error) => return Err(error),
        }
    }
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
