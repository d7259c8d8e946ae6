//! P1: durable commands a second in process, 1,024 in flight, compared with synced batches of 1,024 records of the same bytes; P7:
//! the same on Kafka, compared with a bare producer of the same bytes to as many partitions of the same brokers.

use std::path::Path;

use super::broker::Broker;
use super::figure::{BenchError, Figure, Goal, median, round};
use super::load::{Records, Until, closed, sample};
use super::machine::Bare;
use super::scene::Cast;
use super::{Effort, scene};
use crate::node::Node;

const IN_FLIGHT: usize = 1024;

pub(super) async fn embedded(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let (node, cast) = scene::open(&dir.join("node"), effort.users).await?;
    let mut bare = Bare::create(&dir.join("bare"))?;
    let goal = Goal::AtLeast(0.5, "ratio ≥ 0.5");
    measure(node, cast, effort, goal, |records| {
        let values: Vec<_> = records.into_iter().map(|(_, value)| value).collect();
        bare.write(&values, IN_FLIGHT, effort.span)
    })
    .await
}

pub(super) async fn on_kafka(dir: &Path, broker: &Broker, effort: Effort) -> Result<Figure, BenchError> {
    let config = broker.log(scene::config(&dir.join("node")), "p7")?;
    let (node, cast) = scene::make(&config, effort.users).await?;
    let mut bare = broker.bare(node.log.partitions())?;
    let goal = Goal::AtLeast(0.7, "ratio ≥ 0.7");
    measure(node, cast, effort, goal, |records| bare.write(&records, IN_FLIGHT, effort.span)).await
}

/// ReadOnlyLog what writes records of the same bytes, so many a second.
async fn measure(
    node: Node,
    cast: Cast,
    effort: Effort,
    goal: Goal,
    mut limit_of: impl FnMut(Records) -> Result<f64, BenchError>,
) -> Result<Figure, BenchError> {
    let Effort { warm, span, .. } = effort;
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    let (mut lag, mut caught_up) = (0, 0.0);
    for _ in 0..effort.rounds {
        let measured = closed(&node.commands, &cast, IN_FLIGHT, Until::Time { warm, span }, false).await?;
        ours.push(measured.per_second());
        (lag, caught_up) = scene::catch_up(&node.queries).await?;
        limit.push(limit_of(sample(&*node.log)?)?);
    }
    node.stop().await;
    Ok(Figure::new(median(ours), median(limit), "commands/s", goal)
        .with("in_flight", IN_FLIGHT)
        .with("view_lag_records", lag)
        .with("view_lag_seconds", round(caught_up)))
}
