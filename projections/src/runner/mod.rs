//! The runner: one thread that follows the log, judges every record, folds the valid ones into all views and writes
//! rows and cursors together.

mod engine;
mod published;
mod recover;
mod signal;
mod stall;
mod track;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kippu_events::log::{ReadError, ReadLog};

pub(crate) use engine::Engine;
use published::Ended;
pub use published::Halt;
pub(crate) use published::{Published, Reached};
pub(crate) use signal::{Request, Signal};
pub(crate) use track::Limits;

use crate::view_store::StoreError;

/// How long what could not be read is left alone: long enough not to be a load on a medium in trouble. It is longer where
/// reading took longer to fail, so that partitions that can be read get at least half of the time.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why the views cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the store, or its folder does not let us in. A store that is damaged is filled anew instead.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log does not say where it ends.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The system gives no thread.
    #[error("the runner of views has no thread: {0}")]
    Thread(std::io::Error),
}

/// The thread that keeps the views up to date. It ends when this is dropped, between two batches.
pub(crate) struct Runner {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Runner {
    /// Lets `engine` follow `log`, and do what `signal` asks for.
    pub(crate) fn start(engine: Engine, log: &dyn ReadLog, signal: Arc<Signal>) -> Result<Self, OpenError> {
        // The log keeps its watchers for good; this one MUST NOT keep the runner's mailbox alive.
        let watched: Weak<Signal> = Arc::downgrade(&signal);
        log.watch(Arc::new(move |partition| {
            if let Some(signal) = watched.upgrade() {
                signal.moved(partition);
            }
        }));
        let (mailbox, published) = (signal.clone(), engine.publisher());
        let thread = std::thread::Builder::new()
            .name("views".to_owned())
            .spawn(move || {
                let run = catch_unwind(AssertUnwindSafe(|| run(engine, &mailbox)));
                let ended = run.unwrap_or_else(|panic| Ended::Panicked(stall::message(&*panic)));
                if ended != Ended::Stopped {
                    tracing::error!(error = %ended, "the runner of views ends");
                }
                // However it has ended: whoever goes by rows that are not kept up to date has to know.
                published.send_modify(|published| published.failed = Some(ended));
            })
            .map_err(OpenError::Thread)?;
        Ok(Self { signal, thread: Some(thread) })
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.signal.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of views has panicked");
        }
    }
}

fn run(mut engine: Engine, signal: &Signal) -> Ended {
    let mut more = true;
    let mut retry: Option<Instant> = None;
    loop {
        let woken = signal.take(more, retry);
        if woken.stop {
            return Ended::Stopped;
        }
        let begun = Instant::now();
        if retry.is_some_and(|at| at <= begun) {
            engine.retry();
            retry = None;
        }
        engine.mark(&woken.moved);
        let done = woken.requests.into_iter().try_for_each(|request| engine.request(request));
        match done.and_then(|()| engine.turn()) {
            Ok(left) => {
                more = left;
                let later = || retry_at(begun, Instant::now());
                retry = engine.is_held_up().then(|| retry.unwrap_or_else(later));
            }
            Err(error) => return error.into(),
        }
    }
}

/// When what could not be read in a turn from `begun` to `now` is read again.
fn retry_at(begun: Instant, now: Instant) -> Instant {
    now + RETRY_AFTER.max(now - begun)
}

#[test]
fn what_cannot_be_read_is_left_alone_for_a_while_and_longer_where_it_took_longer_to_fail() {
    let begun = Instant::now();
    assert_eq!(retry_at(begun, begun), begun + RETRY_AFTER);
    let long = RETRY_AFTER * 5;
    assert_eq!(retry_at(begun, begun + long), begun + long + long);
}
