//! P1: durable commands a second in process, 1,024 in flight, beside synced batches of 1,024 records of the same bytes.

use std::path::Path;

use super::figure::{BenchError, Figure, Goal, median, round};
use super::load::{Until, closed, sample};
use super::machine::Bare;
use super::{Effort, scene};

const IN_FLIGHT: usize = 1024;

pub(super) async fn measure(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let (node, cast) = scene::open(&dir.join("node"), effort.users).await?;
    let mut bare = Bare::create(&dir.join("bare"))?;
    let Effort { warm, span, .. } = effort;
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    let (mut lag, mut caught_up) = (0, 0.0);
    for _ in 0..effort.turns {
        let measured = closed(&node.commands, &cast, IN_FLIGHT, Until::Time { warm, span }, false).await?;
        ours.push(measured.per_second());
        (lag, caught_up) = scene::catch_up(&node).await?;
        let values: Vec<_> = sample(&*node.log)?.into_iter().map(|(_, value)| value).collect();
        limit.push(bare.write(&values, IN_FLIGHT, span)?);
    }
    node.stop().await;
    Ok(Figure::new(median(ours), median(limit), "commands/s", Goal::AtLeast(0.5, "ratio ≥ 0.5"))
        .with("in_flight", IN_FLIGHT)
        .with("view_lag_records", lag)
        .with("view_lag_seconds", round(caught_up)))
}
