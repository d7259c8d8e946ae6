//! Those who watch a log.

use std::sync::{PoisonError, RwLock};

use super::Watch;

/// See [`super::ReadLog::watch`].
#[derive(Default)]
pub(super) struct Watches(RwLock<Vec<Watch>>);

impl Watches {
    pub(super) fn add(&self, watch: Watch) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(watch);
    }

    /// The end of `partition` has moved.
    pub(super) fn tell(&self, partition: u16) {
        for watch in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            watch(partition);
        }
    }
}
