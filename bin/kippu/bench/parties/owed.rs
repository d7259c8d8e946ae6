//! OWED: the 99th percentile of commands that have nothing to do with it, at half load, while much is owed to a party that is down,
//! compared with the same before anything was owed. What is owed are releases of settlements that came to nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::Effort;
use super::super::figure::{BenchError, Figure, Goal, median, round};
use super::super::load::OPEN;
use super::super::scene::{self, Cast};
use super::follower::{feed, times};
use super::lines::Lines;
use super::load::{Until, Work, closed, micros, paced};
use super::party::{Party, text};
use super::present::{AT_ONCE, Present, TIMED_OUT, prepare};

pub(in super::super) async fn measure(dir: &Path, effort: Effort) -> Result<Figure, BenchError> {
    let cast = cast(dir, "settler", effort.users).await?;
    let settler = Party::start(dir, "settler").await?;
    let mut issuer = Party::start(dir, "issuer").await?;
    prepare(&settler, &issuer).await?;
    issuer.kill()?;
    let others = Arc::new(Alone { node: settler.address, cast, settles: false });
    let rate = closed(&others, AT_ONCE, Until::span(effort)).await? / 2.0;
    let (before, p50_before) = quantiles(&others, rate, effort).await?;
    let memory_before = settler.memory_bytes()?;
    closed(&Arc::new(Present::new(&settler, &issuer, Vec::new())), AT_ONCE, Until::Times(effort.owed)).await?;
    times(&mut feed(&settler.operator, TIMED_OUT, "beginning").await?, effort.owed).await?;
    let memory = settler.memory_bytes()?;
    let (with_all, p50) = quantiles(&others, rate, effort).await?;
    #[allow(clippy::cast_precision_loss)] // bytes of memory are far below 2^52
    let each = memory.saturating_sub(memory_before) as f64 / effort.owed as f64;
    Ok(Figure::new(with_all, before, "µs", Goal::AtMost(2.0, "ratio ≤ 2"))
        .with("owed", effort.owed)
        .with("commands_per_second", (rate * 3.0).round())
        .with("p50_micros_before", p50_before)
        .with("p50_micros", p50)
        .with("memory_bytes_before", memory_before)
        .with("memory_bytes", memory)
        .with("bytes_per_owed_activity", round(each)))
}

/// The medians of the 99th and the 50th percentile at `rate`.
async fn quantiles(others: &Arc<Alone>, rate: f64, effort: Effort) -> Result<(f64, f64), BenchError> {
    let (mut p99, mut p50) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        let latency = paced(others, rate, effort).await?;
        p99.push(micros(&latency, 0.99));
        p50.push(micros(&latency, 0.5));
    }
    Ok((median(p99), median(p50)))
}

/// Makes a node of this name in a folder of `dir`, which starts as a process next, and its API clients.
pub(super) async fn cast(dir: &Path, name: &str, users: usize) -> Result<Cast, BenchError> {
    let (node, cast) = scene::open(&dir.join(name), users).await?;
    node.stop().await;
    Ok(cast)
}

/// What one node does for its own API clients: approvals that are redeemed, and then settled, or presented a second time.
pub(super) struct Alone {
    pub(super) node: SocketAddr,
    pub(super) cast: Cast,
    pub(super) settles: bool,
}

impl Work for Alone {
    async fn once(&self, number: u64, due: Instant, lines: &Lines) -> Result<Vec<Duration>, BenchError> {
        let (terminals, key) = (&self.cast.terminals, &*format!("{number:032}"));
        let terminal = &*terminals[usize::try_from(number).unwrap_or(0) % terminals.len()].key;
        let [settler, other] = [0, 1].map(|nth: usize| self.cast.settlers.get(nth).map_or("", |settler| &*settler.key));
        let asked: Value = serde_json::from_str(OPEN).map_err(BenchError::load)?;
        let opened = lines.post(self.node, "/v1/approvals", (terminal, key), &asked).await?.expect(201)?.json()?;
        let mut steps = vec![due.elapsed()];
        let token = json!({ "token": text(&opened, "token")? });
        let begun = Instant::now();
        lines.post(self.node, "/v1/approvals/redeem", (settler, key), &token).await?.expect(200)?;
        steps.push(begun.elapsed());
        let begun = Instant::now();
        if self.settles {
            let (path, price) =
                (format!("/v1/approvals/{}/settle", text(&opened, "id")?), json!({ "amount": 125, "currency": "EUR" }));
            lines.post(self.node, &path, (settler, key), &price).await?.expect(200)?;
        } else {
            lines.post(self.node, "/v1/approvals/redeem", (other, key), &token).await?.expect(409)?;
        }
        steps.push(begun.elapsed());
        Ok(steps)
    }
}
