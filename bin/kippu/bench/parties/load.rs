//! Load over HTTP: closed, with so much under way at once; or paced, each at its time whether or not those before are done, and timed
//! from when it should have begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::{join_all, try_join_all};
use futures_util::stream::FuturesUnordered;
use hdrhistogram::Histogram;
use tokio::sync::watch;

use super::super::figure::BenchError;
use super::super::load::histogram;
use super::super::{Effort, machine};
use super::lines::Lines;

/// Nothing that is done in this process has the same number as something else.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// What is done over and over.
pub(super) trait Work: Send + Sync + 'static {
    /// Does it once, with a number of its own; it was due at `due`. Gives how long each step that counts took, the first from then on.
    async fn once(&self, number: u64, due: Instant, lines: &Lines) -> Result<Vec<Duration>, BenchError>;
}

/// What ends a closed load.
#[derive(Clone, Copy)]
pub(super) enum Until {
    /// Counts from `warm` on, for `span`; goes on until something was done.
    Time { warm: Duration, span: Duration },
    /// It is done so often.
    Times(u64),
}

impl Until {
    pub(super) const fn span(effort: Effort) -> Self {
        Self::Time { warm: effort.warm, span: effort.span }
    }
}

/// Shared by the threads of one load.
struct Run {
    begun: Instant,
    until: Until,
    started: AtomicU64,
    done: AtomicU64,
    /// When the last of those was, in microseconds from the beginning on.
    last: AtomicU64,
}

/// Keeps `at_once` under way, on as many threads as there are cores; gives how many a second are done.
pub(super) async fn closed<W: Work>(work: &Arc<W>, at_once: usize, until: Until) -> Result<f64, BenchError> {
    let (started, done, last) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let run = Arc::new(Run { begun: Instant::now(), until, started, done, last });
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(at_once);
    let (stop, stopped) = watch::channel(false);
    let stop = Arc::new(stop);
    let joins = (0..threads).map(|thread| {
        let flows = at_once / threads + usize::from(thread < at_once % threads);
        let (work, run) = (Arc::clone(work), Arc::clone(&run));
        let (stop, mut stopped) = (Arc::clone(&stop), stopped.clone());
        on_a_thread(async move |lines| {
            let ended = tokio::select! {
                ended = try_join_all((0..flows).map(|_| flow(&*work, &run, &lines))) => ended.map(drop),
                _ = stopped.wait_for(|stopped| *stopped) => Ok(()),
            };
            // What went wrong here ends the others too: who waits for somebody might wait for long.
            if ended.is_err() {
                stop.send_replace(true);
            }
            ended
        })
    });
    let ended = join_all(joins.collect::<Vec<_>>()).await;
    for ended in ended {
        ended.map_err(BenchError::load)??;
    }
    let warm = match until {
        Until::Time { warm, .. } => warm,
        Until::Times(_) => Duration::ZERO,
    };
    let span = Duration::from_micros(run.last.load(Ordering::Relaxed)).saturating_sub(warm);
    Ok(machine::per_second(run.done.load(Ordering::Relaxed), span))
}

/// Runs what `work` makes on a thread and a runtime of its own, whose connections end with it.
fn on_a_thread<T, F>(work: F) -> tokio::task::JoinHandle<Result<T, BenchError>>
where
    T: Send + 'static,
    F: AsyncFnOnce(Lines) -> Result<T, BenchError> + Send + 'static,
{
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { work(Lines::new()?).await })
    })
}

impl Run {
    /// Whether there is more to do.
    fn goes_on(&self) -> bool {
        match self.until {
            Until::Time { warm, span } => self.begun.elapsed() < warm + span || self.done.load(Ordering::Relaxed) == 0,
            Until::Times(most) => self.started.fetch_add(1, Ordering::Relaxed) < most,
        }
    }

    fn count(&self) {
        let at = self.begun.elapsed();
        let counts = match self.until {
            Until::Time { warm, .. } => at > warm,
            Until::Times(_) => true,
        };
        if counts {
            self.done.fetch_add(1, Ordering::Relaxed);
            self.last.fetch_max(u64::try_from(at.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
}

async fn flow<W: Work>(work: &W, run: &Run, lines: &Lines) -> Result<(), BenchError> {
    while run.goes_on() {
        work.once(NEXT.fetch_add(1, Ordering::Relaxed), Instant::now(), lines).await?;
        run.count();
    }
    Ok(())
}

/// Begins `rate` a second at an even pace; gives the latency of each step that counts, in microseconds.
pub(super) async fn paced<W: Work>(work: &Arc<W>, rate: f64, effort: Effort) -> Result<Histogram<u64>, BenchError> {
    let work = Arc::clone(work);
    let paced = on_a_thread(async move |lines| at_a_pace(&*work, rate, effort, &lines).await);
    paced.await.map_err(BenchError::load)?
}

async fn at_a_pace<W: Work>(
    work: &W,
    rate: f64,
    Effort { warm, span, .. }: Effort,
    lines: &Lines,
) -> Result<Histogram<u64>, BenchError> {
    let begun = Instant::now();
    let (from, to) = (begun + warm, begun + warm + span);
    let every = Duration::from_secs_f64(1.0 / rate);
    let timed = async |due| work.once(NEXT.fetch_add(1, Ordering::Relaxed), due, lines).await.map(|steps| (due, steps));
    let (mut latency, mut under_way) = (histogram()?, FuturesUnordered::new());
    let (mut next, mut counted) = (begun, 0_u64);
    let mut record = |due: Instant, steps: Vec<Duration>| {
        for step in steps.iter().filter(|_| due >= from) {
            latency.saturating_record(u64::try_from(step.as_micros()).unwrap_or(u64::MAX));
        }
    };
    // Something has to be timed, however slow the pace is.
    while next < to || counted == 0 {
        // Whatever is due begins now; each is timed from when it was due.
        while next <= Instant::now() && (next < to || counted == 0) {
            counted += u64::from(next >= from);
            under_way.push(timed(next));
            next += every;
        }
        tokio::select! {
            Some(done) = under_way.next(), if !under_way.is_empty() => {
                let (due, steps) = done?;
                record(due, steps);
            }
            () = tokio::time::sleep_until(next.into()) => {}
        }
    }
    while let Some(done) = under_way.next().await {
        let (due, steps) = done?;
        record(due, steps);
    }
    Ok(latency)
}

/// A quantile in microseconds.
pub(super) fn micros(latency: &Histogram<u64>, quantile: f64) -> f64 {
    #[allow(clippy::cast_precision_loss)] // microseconds, far below 2^52
    let micros = latency.value_at_quantile(quantile) as f64;
    micros
}
