//! What the threads of one log and its writers share, and how all of its partitions are stopped at once.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};

use super::fetch::{Fetch, Reader};
use super::figures::Board;
use super::place::Place;
use super::producers::Producers;
use crate::log::watches::Watches;

/// See the module.
pub(super) struct Shared {
    pub(super) places: Arc<[Place]>,
    pub(super) fetch: Fetch,
    pub(super) follower: Reader,
    pub(super) producers: Producers,
    pub(super) board: Arc<Board>,
    pub(super) watches: Watches,
    /// Why the brokers let nobody here read, while they do not.
    pub(super) unread: Mutex<Option<String>>,
    /// How often the topics were looked at.
    pub(super) checks: AtomicU64,
    /// Whether this node is to share partitions with others.
    pub(super) joined: AtomicBool,
    pub(super) stop: AtomicBool,
    /// Wakes the inspector.
    pub(super) inspect: SyncSender<()>,
}

impl Shared {
    /// No partition goes on, and nothing more is written: the topic cannot be trusted.
    pub(super) fn halt(&self, reason: &str) {
        for place in &*self.places {
            place.state().stop(reason.to_owned());
            place.moved.notify_all();
            place.tell();
        }
        self.producers.purge();
    }

    /// Nothing is written until it is [`resumed`](Self::resume): the topic does not keep a history as it is now. Reading goes on.
    pub(super) fn suspend(&self, reason: &str) {
        for place in &*self.places {
            place.state().suspend(reason.to_owned());
            place.tell();
        }
        self.producers.purge();
    }

    /// Claims are taken again.
    pub(super) fn resume(&self) {
        for place in &*self.places {
            place.state().suspended = None;
        }
    }

    /// Has the topic looked at now.
    pub(super) fn inspect(&self) {
        // Where one was asked for already, that one does.
        if self.inspect.try_send(()).is_err() {
            tracing::trace!("the topic is about to be looked at");
        }
    }
}
