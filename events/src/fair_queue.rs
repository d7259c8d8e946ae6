//! A fair queue for work that is slow, so that one caller's does not keep everybody else waiting: each caller stands in a line
//! of its own, and only the first few of each line stand in the one before the work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

use crate::EntityId;

/// So many may stand in one caller's line: more could not be served before they give up, and each holds what it is to work
/// on.
const MOST_WAITING: usize = 256;

/// Why work was not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotDone {
    /// Too many of this caller's wait already.
    Full,
    /// It panicked.
    Panicked,
}

/// See the module.
pub struct FairQueue {
    all: Arc<Semaphore>,
    /// Of the places at work, those that one caller has at once.
    each: usize,
    lines: Mutex<HashMap<Option<EntityId>, Weak<Line>>>,
}

/// One caller's.
struct Line {
    /// To wait in it.
    places: Arc<Semaphore>,
    /// To stand in the one before the work.
    first: Arc<Semaphore>,
}

impl FairQueue {
    /// Two at once for each core, of which one caller has half: more would only take time from what is quick.
    #[must_use]
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { all: Arc::new(Semaphore::new(2 * cores)), each: cores, lines: Mutex::default() }
    }

    /// Runs `work` where it may block, once it is the turn of `caller`. A caller that hangs up before its turn does not get one; one
    /// that does so later does not make space for another before the work is done.
    ///
    /// # Errors
    /// [`NotDone`].
    pub async fn run<T: Send + 'static>(
        &self,
        caller: Option<EntityId>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NotDone> {
        let line = self.line(caller);
        let place = Arc::clone(&line.places).try_acquire_owned().map_err(|_| NotDone::Full)?;
        // They are never closed.
        let own = Arc::clone(&line.first).acquire_owned().await.map_err(|_| NotDone::Full)?;
        let turn = Arc::clone(&self.all).acquire_owned().await.map_err(|_| NotDone::Full)?;
        let work = move || {
            let done = work();
            drop((turn, own, place, line));
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| NotDone::Panicked)
    }

    fn line(&self, caller: Option<EntityId>) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&caller).and_then(Weak::upgrade) {
            return line;
        }
        lines.retain(|_, line| line.strong_count() > 0);
        let places = Arc::new(Semaphore::new(MOST_WAITING));
        let line = Arc::new(Line { places, first: Arc::new(Semaphore::new(self.each)) });
        lines.insert(caller, Arc::downgrade(&line));
        line
    }
}

impl Default for FairQueue {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const HEAVY: Option<EntityId> = Some(EntityId::from_bytes([1; 15]));
    const LIGHT: Option<EntityId> = Some(EntityId::from_bytes([2; 15]));

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
    }

    /// Shows F31.
    #[test]
    fn a_caller_with_much_to_do_does_not_keep_another_waiting() {
        let (runtime, queue) = (runtime(), Arc::new(FairQueue::new()));
        let (end, ends) = mpsc::channel::<()>();
        let ends = Arc::new(Mutex::new(ends));
        let heavy: Vec<_> = (0..100)
            .map(|_| {
                let (queue, ends) = (Arc::clone(&queue), Arc::clone(&ends));
                runtime.spawn(async move { queue.run(HEAVY, move || ends.lock().unwrap().recv().is_err()).await })
            })
            .collect();
        // None of the hundred can end before this one has.
        assert_eq!(runtime.block_on(queue.run(LIGHT, || "light")), Ok("light"));
        drop(end);
        for one in heavy {
            assert_eq!(runtime.block_on(one).unwrap(), Ok(true));
        }
    }

    /// Shows F31.
    #[test]
    fn a_line_has_an_end_and_others_have_their_own() {
        let (runtime, queue) = (runtime(), FairQueue::new());
        runtime.block_on(async {
            let (end, ends) = mpsc::channel::<()>();
            let ends = Arc::new(Mutex::new(ends));
            let waiting = || {
                let ends = Arc::clone(&ends);
                queue.run(HEAVY, move || ends.lock().unwrap().recv().is_err())
            };
            let line = futures_util::future::join_all((0..=MOST_WAITING).map(|_| waiting()));
            let light = async {
                assert_eq!(queue.run(LIGHT, || "light").await, Ok("light"));
                drop(end);
            };
            let (done, ()) = tokio::join!(line, light);
            assert_eq!(done.iter().filter(|one| **one == Ok(true)).count(), MOST_WAITING);
            assert_eq!(done.last(), Some(&Err(NotDone::Full)));
            assert_eq!(queue.run(HEAVY, || "again").await, Ok("again"));
        });
    }

    #[test]
    fn what_panics_gives_its_turn_back() {
        let (runtime, queue) = (runtime(), FairQueue::new());
        for _ in 0..10 * queue.each {
            assert_eq!(runtime.block_on(queue.run(HEAVY, || panic!("on purpose"))), Err::<(), _>(NotDone::Panicked));
        }
        assert_eq!(runtime.block_on(queue.run(HEAVY, || 1)), Ok(1));
        assert!(queue.lines.lock().unwrap().len() <= 1);
    }
}
