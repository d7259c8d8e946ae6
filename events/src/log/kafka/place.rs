//! A partition in this process, and those who wait for it: the follower, readers, writers, and who claims.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::client::PATIENCE;
use super::partition_state::PartitionState;
use crate::log::Genesis;

/// See the module.
pub(super) struct Place {
    state: Mutex<PartitionState>,
    /// Whether the follower reads it.
    pub(super) followed: AtomicBool,
    /// Held while that begins.
    pub(super) following: Mutex<()>,
    /// The furthest end that this process was told by the brokers.
    pub(super) told: AtomicU64,
    /// Told when entries were taken.
    pub(super) moved: Condvar,
    /// Held while news is told, so that it is told in order.
    telling: Mutex<()>,
}

impl Place {
    /// The partition that begins with `genesis`. Nothing of it has been read.
    pub(super) fn new(genesis: Genesis) -> Self {
        Self {
            state: Mutex::new(PartitionState::new(genesis)),
            followed: AtomicBool::new(false),
            following: Mutex::default(),
            told: AtomicU64::new(0),
            moved: Condvar::new(),
            telling: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, PartitionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the follower reads on: where it does not, others may read further.
    pub(super) fn is_followed(&self) -> bool {
        self.followed.load(Ordering::Acquire) && self.state().halt.is_none()
    }

    /// Tells all news, in order and outside the lock.
    pub(super) fn tell(&self) {
        let _in_order = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some((writer_end, progress)) = self.state().news() else { return };
            writer_end.tell(progress);
        }
    }

    /// Waits until everything before `offset` is taken, as long as any of it comes.
    pub(super) fn wait_for(&self, offset: u64) -> Result<MutexGuard<'_, PartitionState>, String> {
        let mut state = self.state();
        let (mut until, mut taken) = (Instant::now() + PATIENCE, state.offset);
        while state.offset < offset {
            if state.offset > taken {
                (until, taken) = (Instant::now() + PATIENCE, state.offset);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("the brokers do not give the entries before offset {offset}"));
            }
            if let Some(reason) = &state.halt {
                return Err(reason.clone());
            }
            state = self.moved.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(state)
    }
}
