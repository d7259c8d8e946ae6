//! P7: durable commands a second on Kafka, 1,024 in flight, beside a bare producer of the same bytes to as many
//! partitions of the same brokers.

use std::path::Path;

use super::broker::Broker;
use super::figure::{BenchError, Figure, Goal, median, round};
use super::load::{Until, closed, sample};
use super::{Effort, scene};

const IN_FLIGHT: usize = 1024;

pub(super) async fn measure(dir: &Path, broker: &Broker, effort: Effort) -> Result<Figure, BenchError> {
    let config = broker.log(scene::config(&dir.join("node")), "p7")?;
    let (node, cast) = scene::make(&config, effort.users).await?;
    let mut bare = broker.bare(node.log.partitions())?;
    let Effort { warm, span, .. } = effort;
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    let (mut lag, mut caught_up) = (0, 0.0);
    for _ in 0..effort.turns {
        let measured = closed(&node.commands, &cast, IN_FLIGHT, Until::Time { warm, span }, false).await?;
        ours.push(measured.per_second());
        (lag, caught_up) = scene::catch_up(&node).await?;
        limit.push(bare.write(&sample(&*node.log)?, IN_FLIGHT, span)?);
    }
    node.stop().await;
    Ok(Figure::new(median(ours), median(limit), "commands/s", Goal::AtLeast(0.7, "ratio ≥ 0.7"))
        .with("in_flight", IN_FLIGHT)
        .with("view_lag_records", lag)
        .with("view_lag_seconds", round(caught_up)))
}
