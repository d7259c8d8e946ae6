//! P9: the shipped defaults at 1, 64 and 1,024 in flight, plainly.

use std::path::Path;

use serde_json::json;

use super::figure::{BenchError, Figure, Goal, round};
use super::load::{Until, closed};
use super::{Effort, scene};

/// What another event store reached on this workload with 1,024 in flight, in commands a second.
const ANOTHER: f64 = 6_000.0;

pub(super) async fn measure(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let (node, cast) = scene::open(&dir.join("node"), effort.users).await?;
    let Effort { warm, span, .. } = effort;
    let mut plain = Vec::new();
    let mut best = 0.0;
    for in_flight in [1, 64, 1024] {
        let measured = closed(&node.commands, &cast, in_flight, Until::Time { warm, span }, false).await?;
        let (lag, caught_up) = scene::catch_up(&node.queries).await?;
        best = measured.per_second();
        plain.push(json!({
            "in_flight": in_flight, "commands_per_second": best.round(), "p50_micros": measured.micros(0.5),
            "p99_micros": measured.micros(0.99), "view_lag_records": lag, "view_lag_seconds": round(caught_up),
        }));
    }
    node.stop().await;
    Ok(Figure::new(best, ANOTHER, "commands/s", Goal::Told).with("plain", plain))
}
