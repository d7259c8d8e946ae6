//! P8: the 99th percentile of a durable command at half load, compared with the median of an fsync; P8K: the same on Kafka,
//! compared with the median of one bare produce.
//!
//! Half load is half of what the node reached with 1,024 in flight. Commands come at their times whether or not those
//! before them are answered, and each is timed from when it should have come.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hdrhistogram::Histogram;
use kippu_actors::Commands;

use super::broker::Broker;
use super::figure::{BenchError, Figure, Goal, median};
use super::load::{OPEN, Until, call, closed, histogram, redeem, sample, token};
use super::scene::Cast;
use super::{Effort, machine, scene};
use crate::node::Node;

const IN_FLIGHT: usize = 1024;
/// Of which the median is taken.
const ROUNDS: usize = 300;

pub(super) async fn embedded(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let (node, cast) = scene::open(&dir.join("node"), effort.users).await?;
    measure(node, cast, effort, || machine::fsync(dir, ROUNDS)).await
}

pub(super) async fn on_kafka(dir: &Path, broker: &Broker, effort: Effort) -> Result<Figure, BenchError> {
    let config = broker.log(scene::config(&dir.join("node")), "p8k")?;
    let (node, cast) = scene::make(&config, effort.users).await?;
    let mut bare = broker.bare(node.log.partitions())?;
    let values = sample(&*node.log)?;
    measure(node, cast, effort, || bare.one_by_one(&values, ROUNDS)).await
}

/// ReadOnlyLog what takes `one` step.
async fn measure(
    node: Node,
    cast: Cast,
    effort: Effort,
    mut one: impl FnMut() -> Result<Duration, BenchError>,
) -> Result<Figure, BenchError> {
    let Effort { warm, span, .. } = effort;
    let full = closed(&node.commands, &cast, IN_FLIGHT, Until::Time { warm, span }, false).await?.per_second();
    scene::catch_up(&node.queries).await?;
    let (mut ours, mut limit, mut medians) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..effort.rounds {
        limit.push(one()?.as_secs_f64() * 1e6);
        let (commands, cast) = (node.commands.clone(), cast.clone());
        let paced = tokio::task::spawn_blocking(move || paced(&commands, &cast, full / 2.0, warm, span, round));
        let latency = paced.await.map_err(|e| BenchError::Load(e.to_string()))??;
        #[allow(clippy::cast_precision_loss)] // microseconds, far below 2^52
        let quantile = |quantile: f64| latency.value_at_quantile(quantile) as f64;
        ours.push(quantile(0.99));
        medians.push(quantile(0.5));
    }
    let (lag, _) = scene::catch_up(&node.queries).await?;
    node.stop().await;
    Ok(Figure::new(median(ours), median(limit), "µs", Goal::AtMost(6.0, "ratio ≤ 6"))
        .with("commands_per_second_at_full_load", full.round())
        .with("p50_micros", median(medians))
        .with("view_lag_records", lag))
}

/// Begins an approval's three commands at an even pace of `rate` commands a second.
fn paced(
    commands: &Commands,
    cast: &Cast,
    rate: f64,
    warm: Duration,
    span: Duration,
    round: usize,
) -> Result<Histogram<u64>, BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let begun = Instant::now();
        let (from, to) = (begun + warm, begun + warm + span);
        let every = Duration::from_secs_f64(3.0 / rate);
        let mut latency = histogram()?;
        let mut under_way = FuturesUnordered::new();
        let mut next = begun;
        let mut triple = 0_u64;
        while next < to {
            // Whatever is due begins now; each is timed from when it was due.
            while next <= Instant::now() && next < to {
                under_way.push(approval(commands, cast, format!("paced-{round}-{triple}"), triple, next));
                next += every;
                triple += 1;
            }
            tokio::select! {
                Some(timed) = under_way.next(), if !under_way.is_empty() => {
                    record(timed.map_err(BenchError::Load)?, from, &mut latency);
                }
                () = tokio::time::sleep_until(next.into()) => {}
            }
        }
        while let Some(timed) = under_way.next().await {
            record(timed.map_err(BenchError::Load)?, from, &mut latency);
        }
        Ok(latency)
    })
}

fn record(timed: [(Instant, Duration); 3], from: Instant, latency: &mut Histogram<u64>) {
    for (due, took) in timed {
        if due >= from {
            latency.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
    }
}

async fn approval(
    commands: &Commands,
    cast: &Cast,
    key: String,
    triple: u64,
    due: Instant,
) -> Result<[(Instant, Duration); 3], String> {
    let terminal = &cast.terminals[usize::try_from(triple).unwrap_or(0) % cast.terminals.len()];
    let told = |problem: kippu_actors::Problem| problem.to_string();
    let opened = call(commands, terminal, "open", &key, OPEN.as_bytes()).await.map_err(told)?;
    let mut timed = [(due, due.elapsed()); 3];
    let body = redeem(&token(opened)?);
    for (settler, timed) in cast.settlers.iter().zip(&mut timed[1..]) {
        let begun = Instant::now();
        call(commands, settler, "redeem", &key, body.as_bytes()).await.map_err(told)?;
        *timed = (begun, begun.elapsed());
    }
    Ok(timed)
}
