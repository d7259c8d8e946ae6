//! Turns at work that is slow, so that one caller's does not keep everybody else waiting: each caller stands in a line
//! of its own, and only the first few of each line stand in the one before the work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

use crate::EntityId;

/// Hands out turns.
pub struct Turns {
    all: Arc<Semaphore>,
    /// Of the turns, those that one caller has at once.
    each: usize,
    lines: Mutex<HashMap<Option<EntityId>, Weak<Semaphore>>>,
}

impl Turns {
    /// Two at once for each core, of which one caller has half: more would only take time from what is quick.
    #[must_use]
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { all: Arc::new(Semaphore::new(2 * cores)), each: cores, lines: Mutex::default() }
    }

    /// Runs `work` where it may block, once it is the turn of `caller`; nothing where it panicked. A caller that hangs up
    /// before its turn has none; one that does so later does not make room for another before the work is done.
    pub async fn run<T: Send + 'static>(
        &self,
        caller: Option<EntityId>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let own = self.line(caller).acquire_owned().await.ok()?;
        let turn = Arc::clone(&self.all).acquire_owned().await.ok()?;
        let work = move || {
            let done = work();
            drop((turn, own));
            done
        };
        tokio::task::spawn_blocking(work).await.ok()
    }

    fn line(&self, caller: Option<EntityId>) -> Arc<Semaphore> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&caller).and_then(Weak::upgrade) {
            return line;
        }
        lines.retain(|_, line| line.strong_count() > 0);
        let line = Arc::new(Semaphore::new(self.each));
        lines.insert(caller, Arc::downgrade(&line));
        line
    }
}

impl Default for Turns {
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
        let (runtime, turns) = (runtime(), Arc::new(Turns::new()));
        let (end, ends) = mpsc::channel::<()>();
        let ends = Arc::new(Mutex::new(ends));
        let heavy: Vec<_> = (0..100)
            .map(|_| {
                let (turns, ends) = (Arc::clone(&turns), Arc::clone(&ends));
                runtime.spawn(async move { turns.run(HEAVY, move || ends.lock().unwrap().recv().is_err()).await })
            })
            .collect();
        // None of the hundred can end before this one has.
        assert_eq!(runtime.block_on(turns.run(LIGHT, || "light")), Some("light"));
        drop(end);
        for one in heavy {
            assert_eq!(runtime.block_on(one).unwrap(), Some(true));
        }
    }

    #[test]
    fn what_panics_gives_its_turn_back() {
        let (runtime, turns) = (runtime(), Turns::new());
        for _ in 0..10 * turns.each {
            assert_eq!(runtime.block_on(turns.run(HEAVY, || panic!("on purpose"))), None::<()>);
        }
        assert_eq!(runtime.block_on(turns.run(HEAVY, || 1)), Some(1));
        assert!(turns.lines.lock().unwrap().len() <= 1);
    }
}
