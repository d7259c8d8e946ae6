//! What wakes the runner: partitions that moved, requests, the time to read again what could not be read, and the end.
//! Under load it lets a little more gather before the next batch, unless somebody waits for it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// The least time between two batches that nobody waits for. A batch has a cost of its own, and a row that changes twice
/// within one is written once.
const GATHER: Duration = Duration::from_millis(5);

/// Something that the runner is asked to do.
pub(crate) enum Request {
    /// Fill a view anew next to the live one. Answered with the new instance once both stand at the same cut.
    Rebuild {
        /// The view.
        view: String,
        /// Takes the instance, or why it cannot catch up.
        reply: oneshot::Sender<Result<u32, String>>,
    },
    /// Let a rebuilt instance answer from now on, and delete the one that did.
    Swap {
        /// The rebuilt instance.
        instance: u32,
        /// Answered when that is done.
        reply: oneshot::Sender<()>,
    },
    /// Delete a rebuilt instance.
    Discard {
        /// The rebuilt instance.
        instance: u32,
    },
}

/// What has come in since the last wait.
pub(crate) struct Woken {
    /// Partitions that moved.
    pub moved: Vec<u16>,
    /// Requests, in order.
    pub requests: Vec<Request>,
    /// Whether to stop.
    pub stop: bool,
}

struct State {
    moved: Vec<bool>,
    any: bool,
    requests: Vec<Request>,
    stop: bool,
    /// Whether somebody waits for what has moved.
    awaited: bool,
    /// Whether the runner lets more gather, so that what moves need not wake it.
    gathering: bool,
    /// When the last batch began.
    taken: Option<Instant>,
}

/// The mailbox of the runner.
pub(crate) struct Signal {
    state: Mutex<State>,
    woken: Condvar,
}

impl Signal {
    /// A mailbox in which every partition has moved, since nobody has looked yet.
    pub(crate) fn new(partitions: u16) -> Self {
        let moved = vec![true; usize::from(partitions)];
        let state = State {
            moved,
            any: true,
            requests: Vec::new(),
            stop: false,
            awaited: false,
            gathering: false,
            taken: None,
        };
        Self { state: Mutex::new(state), woken: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `partition` has moved.
    pub(crate) fn moved(&self, partition: u16) {
        let mut state = self.lock();
        if let Some(moved) = state.moved.get_mut(usize::from(partition)) {
            *moved = true;
            state.any = true;
            if !state.gathering {
                self.woken.notify_one();
            }
        }
    }

    /// Somebody waits for what has moved, or is just moving.
    pub(crate) fn hurry(&self) {
        self.lock().awaited = true;
        self.woken.notify_one();
    }

    /// Asks for something.
    pub(crate) fn request(&self, request: Request) {
        self.lock().requests.push(request);
        self.woken.notify_one();
    }

    /// Asks the runner to end.
    pub(crate) fn stop(&self) {
        self.lock().stop = true;
        self.woken.notify_one();
    }

    /// Takes what has come in; waits for something, but not past `until`, unless there is `work` left.
    pub(crate) fn take(&self, work: bool, until: Option<Instant>) -> Woken {
        let mut state = self.lock();
        while !(work || state.any || state.has_business()) {
            let Some(until) = until else {
                state = self.woken.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.woken.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if !work {
            state = self.gather(state);
        }
        state.any = false;
        state.awaited = false;
        state.taken = Some(Instant::now());
        let moved = (0..).zip(&mut state.moved).filter_map(|(i, moved)| std::mem::take(moved).then_some(i)).collect();
        Woken { moved, requests: std::mem::take(&mut state.requests), stop: state.stop }
    }

    /// Waits until [`GATHER`] after the last batch, or until there is a reason not to.
    fn gather<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let Some(until) = state.taken.map(|taken| taken + GATHER) else { return state };
        state.gathering = true;
        while !(state.awaited || state.has_business()) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.woken.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.gathering = false;
        state
    }
}

impl State {
    /// Whether there is something to do besides reading on.
    fn has_business(&self) -> bool {
        self.stop || !self.requests.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_nothing_to_do_waits_until_it_is_time() {
        let signal = Signal::new(2);
        assert_eq!(signal.take(false, None).moved, [0, 1], "nobody has looked yet");
        let until = Instant::now() + GATHER * 4;
        let woken = signal.take(false, Some(until));
        assert!(Instant::now() >= until);
        assert!(woken.moved.is_empty() && woken.requests.is_empty() && !woken.stop);
    }

    #[test]
    fn what_nobody_waits_for_is_let_gather() {
        let signal = Signal::new(2);
        let begun = Instant::now();
        signal.take(false, None);
        signal.moved(1);
        assert_eq!(signal.take(false, None).moved, [1]);
        assert!(Instant::now() >= begun + GATHER);
    }
}
