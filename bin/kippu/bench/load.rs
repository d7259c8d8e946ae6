//! The load: an approval is opened by a terminal that stores its user's identification, redeemed by a settler, and
//! presented a second time by another, which is refused and recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hdrhistogram::Histogram;
use kippu_actors::actor::{Answer, Call};
use kippu_actors::{Commands, Problem};
use kippu_events::Family;
use kippu_events::log::{Bound, ReadLog};
use serde::Deserialize;

use super::figure::BenchError;
use super::scene::{Cast, Party};

/// What a terminal asks.
pub(super) const OPEN: &str =
    r#"{"amount":125,"currency":"EUR","purchase":{"description":"a song","quantity":1},"expires_in_secs":86400}"#;
/// Events that the three commands become: the approval with its reservation, the redemption, the refusal.
pub(super) const EVENTS_PER_TRIPLE: u64 = 4;
/// Commits in a sample, about.
const SAMPLE: usize = 100_000;
/// Nothing here takes a minute.
const MOST_MICROS: u64 = 60_000_000;

/// Keys of different runs on one node differ by this.
static RUNS: AtomicU64 = AtomicU64::new(0);

/// What was seen.
pub(super) struct Measured {
    /// That ended within the span.
    pub(super) commands: u64,
    pub(super) seconds: f64,
    /// Of those, in microseconds.
    pub(super) latency: Histogram<u64>,
}

impl Measured {
    pub(super) fn per_second(&self) -> f64 {
        // Counts are far below 2^52.
        #[allow(clippy::cast_precision_loss)]
        let commands = self.commands as f64;
        commands / self.seconds
    }

    pub(super) fn micros(&self, quantile: f64) -> u64 {
        self.latency.value_at_quantile(quantile)
    }
}

/// An empty histogram of microseconds.
pub(super) fn histogram() -> Result<Histogram<u64>, BenchError> {
    Histogram::new_with_bounds(1, MOST_MICROS, 3).map_err(|e| BenchError::Load(e.to_string()))
}

/// What ends a load.
#[derive(Clone, Copy)]
pub(super) enum Until {
    /// Counts from `warm` on, for `span`.
    Time { warm: Duration, span: Duration },
    /// This many approvals.
    Triples(u64),
}

/// Shared by the threads of one load.
struct Work {
    commands: Commands,
    cast: Cast,
    run: u64,
    next: AtomicU64,
    most: u64,
    from: Instant,
    to: Option<Instant>,
    /// Stops after the opening.
    only_open: bool,
    stop: AtomicBool,
}

/// Keeps `in_flight` commands under way, on as many threads as there are cores.
pub(super) async fn closed(
    commands: &Commands,
    cast: &Cast,
    in_flight: usize,
    until: Until,
    only_open: bool,
) -> Result<Measured, BenchError> {
    let begun = Instant::now();
    let (from, to, most) = match until {
        Until::Time { warm, span } => (begun + warm, Some(begun + warm + span), u64::MAX),
        Until::Triples(most) => (begun, None, most),
    };
    let work = Arc::new(Work {
        commands: commands.clone(),
        cast: cast.clone(),
        run: RUNS.fetch_add(1, Ordering::Relaxed),
        next: AtomicU64::new(0),
        most,
        from,
        to,
        only_open,
        stop: AtomicBool::new(false),
    });
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(in_flight);
    let mut joins = Vec::new();
    for thread in 0..threads {
        let flows = in_flight / threads + usize::from(thread < in_flight % threads);
        let work = Arc::clone(&work);
        joins.push(tokio::task::spawn_blocking(move || on_this_thread(&work, flows)));
    }
    let mut all = Measured { commands: 0, seconds: 0.0, latency: histogram()? };
    for join in joins {
        let (commands, latency) = join.await.map_err(|e| BenchError::Load(e.to_string()))??;
        all.commands += commands;
        all.latency.add(latency).map_err(|e| BenchError::Load(e.to_string()))?;
    }
    all.seconds = to.map_or_else(|| begun.elapsed(), |to| to.saturating_duration_since(from)).as_secs_f64();
    Ok(all)
}

/// The flows of one thread.
fn on_this_thread(work: &Work, flows: usize) -> Result<(u64, Histogram<u64>), BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut flows: FuturesUnordered<_> = (0..flows).map(|_| flow(work)).collect();
        let (mut commands, mut latency) = (0, histogram()?);
        while let Some(ended) = flows.next().await {
            match ended {
                Ok(micros) => {
                    commands += micros.len() as u64;
                    for micros in micros {
                        latency.saturating_record(u64::from(micros));
                    }
                }
                Err(problem) => {
                    work.stop.store(true, Ordering::Relaxed);
                    return Err(BenchError::Load(problem));
                }
            }
        }
        Ok((commands, latency))
    })
}

/// One approval after the other.
async fn flow(work: &Work) -> Result<Vec<u32>, String> {
    let mut micros = Vec::new();
    loop {
        let triple = work.next.fetch_add(1, Ordering::Relaxed);
        let over = work.to.is_some_and(|to| Instant::now() >= to) || triple >= work.most;
        if over || work.stop.load(Ordering::Relaxed) {
            return Ok(micros);
        }
        let key = format!("{}-{triple}", work.run);
        let terminals = &work.cast.terminals;
        let index = usize::try_from(triple).unwrap_or(0) % terminals.len();
        let opened = timed(work, &terminals[index], "open", &key, OPEN.as_bytes(), &mut micros).await?;
        if work.only_open {
            continue;
        }
        let body = redeem(&token(opened)?);
        for (settler, expected) in work.cast.settlers.iter().zip([true, false]) {
            let answer = timed(work, settler, "redeem", &key, body.as_bytes(), &mut micros).await?;
            if matches!(answer, Answer::Done { .. }) != expected {
                return Err(format!("a redemption that should give {expected} gave {answer:?}"));
            }
        }
    }
}

async fn timed(
    work: &Work,
    party: &Party,
    command: &str,
    key: &str,
    body: &[u8],
    micros: &mut Vec<u32>,
) -> Result<Answer, String> {
    let begun = Instant::now();
    let answer = call(&work.commands, party, command, key, body).await.map_err(|problem| problem.to_string())?;
    let ended = Instant::now();
    if ended >= work.from && work.to.is_none_or(|to| ended < to) {
        micros.push(u32::try_from(ended.duration_since(begun).as_micros()).unwrap_or(u32::MAX));
    }
    Ok(answer)
}

/// Runs one command on approvals as `party`.
pub(super) async fn call(
    commands: &Commands,
    party: &Party,
    command: &str,
    key: &str,
    body: &[u8],
) -> Result<Answer, Problem> {
    let call = Call { caller: party.caller, key: key.to_owned(), id: None, if_match: None };
    Ok(commands.run(Family::Approvals, command, call, body).await?.answer)
}

#[derive(Deserialize)]
struct Opened {
    token: String,
}

/// The token in the answer to an opening.
pub(super) fn token(answer: Answer) -> Result<String, String> {
    match answer {
        Answer::Done { body, .. } => token_in(&body),
        Answer::Refused(problem) => Err(problem.to_string()),
    }
}

/// The token in a JSON answer.
pub(super) fn token_in(body: &[u8]) -> Result<String, String> {
    let opened: Opened = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    Ok(opened.token)
}

/// Records as they are stored, each with its partition.
pub(super) type Records = Vec<(u16, Vec<u8>)>;

/// The first commits of each partition as they are stored, those of all partitions by rounds: as many as have every kind
/// of record in its share.
pub(super) fn sample(log: &dyn ReadLog) -> Result<Records, BenchError> {
    let each = SAMPLE / usize::from(log.partitions());
    let mut sample = Vec::new();
    for partition in 0..log.partitions() {
        let (mut offset, mut taken) = (1, 0);
        while taken < each {
            let page = log.read(partition, offset, Bound::default())?;
            let Some(last) = page.entries.last() else { break };
            offset = last.offset + 1;
            for entry in page.entries {
                sample.push((taken, partition, entry.stored));
                taken += 1;
            }
        }
    }
    sample.sort_by_key(|(round, partition, _)| (*round, *partition));
    Ok(sample.into_iter().map(|(_, partition, stored)| (partition, stored)).collect())
}

/// What a settler asks.
pub(super) fn redeem(token: &str) -> String {
    format!(r#"{{"token":"{token}"}}"#)
}
