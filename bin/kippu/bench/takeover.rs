//! Take-over: from the SIGKILL of a node under load to the first answer of another that serves its partitions from then
//! on, compared with the time that a silent member of the group is given; with millions of events in the topic.

use std::path::Path;
use std::time::{Duration, Instant};

use kippu_actors::actor::Call;
use kippu_actors::runtime::Phase;
use kippu_actors::{Commands, NotRun};
use kippu_events::Family;
use kippu_events::log::kafka::SESSION;

use super::broker::Broker;
use super::child::{PATIENCE, Process};
use super::figure::{BenchError, Figure, Goal, median, round};
use super::load::{EVENTS_PER_TRIPLE, OPEN, Until, closed};
use super::p5::LOAD;
use super::scene::{Cast, Party};
use super::{Effort, p2, scene};
use crate::config::Config;
use crate::node::Node;

const IN_FLIGHT: usize = 1024;
/// Nobody asks the node in this process over HTTP.
const NOWHERE: &str = "http://127.0.0.1:9";

pub(super) async fn measure(dir: &Path, broker: &Broker, effort: Effort) -> Result<Figure, BenchError> {
    let first = scene::named(broker.log(scene::config(&dir.join("first")), "takeover")?, "first");
    let second = scene::joined(&first, &dir.join("second"), "second");
    let (node, cast) = scene::make(&first, effort.users).await?;
    closed(&node.commands, &cast, IN_FLIGHT, Until::Triples(effort.events / EVENTS_PER_TRIPLE), false).await?;
    node.stop().await;
    drop(node);
    scene::join(&first, &second)?;
    let (mut ours, mut tails) = (Vec::new(), Vec::new());
    for turn in 0..effort.rounds {
        let (took, tail) = one(&first, &second, &cast, effort, turn).await?;
        ours.push(took.as_secs_f64());
        tails.push(round(tail.as_secs_f64()));
    }
    let all: Vec<f64> = ours.iter().map(|seconds| round(*seconds)).collect();
    let goal = Goal::AtMost(2.0, "ratio ≤ 2, of which reading the tail < 1 s");
    Ok(Figure::new(median(ours), SESSION.as_secs_f64(), "s", goal)
        .with("events", effort.events)
        .with("ours", all)
        .with("tail_seconds", tails))
}

/// One node is killed, the other takes over: how long that took, and how long the longest of its tails was read.
async fn one(
    first: &Config,
    second: &Config,
    cast: &Cast,
    effort: Effort,
    round: usize,
) -> Result<(Duration, Duration), BenchError> {
    let mut child = Process::start(first)?;
    child.answers(cast, &format!("before-{round}")).await?;
    let node = Node::open(second, NOWHERE, false).await?;
    wait_until("the nodes do not share the partitions", || {
        let serving = serving(&node);
        let warm =
            node.runtime.phases().iter().all(|phase| matches!(phase, Phase::Serving { .. } | Phase::Standby { .. }));
        warm && serving > 0 && serving < node.runtime.phases().len()
    })
    .await?;
    scene::catch_up(&node.queries).await?;
    let theirs = others(&node.commands, cast, round).await?;
    let name = format!("load-{round}");
    let load = p2::load_until_gone(child.address, &theirs, &name);
    if actix_rt::time::timeout(LOAD.min(effort.span), load).await.is_ok() {
        return Err(BenchError::Load("the node went away under load".to_owned()));
    }
    let begun = Instant::now();
    child.kill()?;
    while open(&node.commands, &theirs.terminals[0], &format!("after-{round}")).await?.is_none() {
        if begun.elapsed() > PATIENCE {
            return Err(BenchError::Load("nobody takes over".to_owned()));
        }
        actix_rt::time::sleep(Duration::from_millis(1)).await;
    }
    let took = begun.elapsed();
    wait_until("not everything is taken over", || serving(&node) == node.runtime.phases().len()).await?;
    let tail = node.runtime.figures().await.iter().flatten().map(|figures| figures.tail_read).max();
    node.stop().await;
    Ok((took, tail.unwrap_or_default()))
}

fn serving(node: &Node) -> usize {
    node.runtime.phases().iter().filter(|phase| matches!(phase, Phase::Serving { .. })).count()
}

/// The terminals whose users are not served by the node of these commands.
async fn others(commands: &Commands, cast: &Cast, round: usize) -> Result<Cast, BenchError> {
    let mut terminals = Vec::new();
    for (nth, terminal) in cast.terminals.iter().enumerate() {
        if open(commands, terminal, &format!("whose-{round}-{nth}")).await?.is_none() {
            terminals.push(terminal.clone());
        }
    }
    if terminals.is_empty() {
        return Err(BenchError::Load("one node serves all users".to_owned()));
    }
    Ok(Cast { terminals, settlers: cast.settlers.clone() })
}

/// Opens an approval; nothing where another node serves it, or nobody does.
async fn open(commands: &Commands, terminal: &Party, key: &str) -> Result<Option<()>, BenchError> {
    let call = Call { caller: terminal.caller, key: key.to_owned(), id: None, if_match: None };
    match commands.run(Family::Approvals, "open", call, OPEN.as_bytes()).await {
        Ok(_) => Ok(Some(())),
        Err(NotRun::OtherNode { .. }) => Ok(None),
        Err(NotRun::Problem(problem)) if problem.kind.status == 503 => Ok(None),
        Err(NotRun::Problem(problem)) => Err(BenchError::Load(problem.to_string())),
    }
}

async fn wait_until(otherwise: &str, is_so: impl Fn() -> bool) -> Result<(), BenchError> {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > PATIENCE {
            return Err(BenchError::Load(otherwise.to_owned()));
        }
        actix_rt::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
