//! What wakes the runner: partitions that moved, requests, and the end. Never a clock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Something that the runner is asked to do.
pub(crate) enum Request {
    /// Fill a view anew beside the live one. Answered with the new instance once both stand at the same cut.
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
        Self { state: Mutex::new(State { moved, any: true, requests: Vec::new(), stop: false }), woken: Condvar::new() }
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
            self.woken.notify_one();
        }
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

    /// Takes what has come in; waits for something unless there is `work` left.
    pub(crate) fn take(&self, work: bool) -> Woken {
        let mut state = self.lock();
        while !(work || state.any || state.stop || !state.requests.is_empty()) {
            state = self.woken.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.any = false;
        let moved = (0..).zip(&mut state.moved).filter_map(|(i, moved)| std::mem::take(moved).then_some(i)).collect();
        Woken { moved, requests: std::mem::take(&mut state.requests), stop: state.stop }
    }
}
