//! Which feeds are open: so many of one caller, so many in all. Each may be told that it is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kippu_events::Principal;
use tokio::sync::watch;

use crate::error::QueryError;

/// Feeds of one caller. The next one ends its oldest, which may be that of a connection that nobody reads any more.
pub(crate) const MOST_OF_ONE: usize = 16;
/// Feeds in all: each holds a page and a connection.
pub(crate) const MOST_IN_ALL: usize = 256;

/// See the module.
#[derive(Default)]
pub(super) struct OpenFeeds(Mutex<State>);

#[derive(Default)]
struct State {
    /// In the order in which they were opened.
    feeds: Vec<OpenFeed>,
    next: u64,
    /// Whether there are to be no more.
    closed: bool,
}

struct OpenFeed {
    number: u64,
    /// Nobody for one of the node's own, which counts against no limit.
    of: Option<Principal>,
    over: watch::Sender<bool>,
}

/// The place of one feed, which is free again once this is dropped.
pub(super) struct Place {
    all: Arc<OpenFeeds>,
    number: u64,
    over: watch::Receiver<bool>,
}

impl OpenFeeds {
    /// A place for a feed of `of`, or for one of the node's own.
    ///
    /// # Errors
    /// `TooManyFeeds` where there are so many of others, `Stopped` where there are to be no more.
    pub(super) fn enter(self: &Arc<Self>, of: Option<Principal>) -> Result<Place, QueryError> {
        let mut state = self.lock();
        if state.closed {
            return Err(QueryError::Stopped);
        }
        let of_one = state.feeds.iter().filter(|feed| feed.of == of).count();
        if of.is_some()
            && of_one >= MOST_OF_ONE
            && let Some(oldest) = state.feeds.iter().position(|feed| feed.of == of)
        {
            state.feeds.remove(oldest).over.send_replace(true);
        }
        if of.is_some() && state.feeds.iter().filter(|feed| feed.of.is_some()).count() >= MOST_IN_ALL {
            return Err(QueryError::TooManyFeeds);
        }
        let number = state.next;
        state.next += 1;
        let (sender, over) = watch::channel(false);
        state.feeds.push(OpenFeed { number, of, over: sender });
        Ok(Place { all: Arc::clone(self), number, over })
    }

    /// Ends every feed, and lets nobody open one any more.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.closed = true;
        for feed in state.feeds.drain(..) {
            feed.over.send_replace(true);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whether the feed is over.
    pub(super) fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Waits until it is.
    pub(super) async fn over(&mut self) {
        // A sender that is gone has said so before.
        let _over = self.over.wait_for(|over| *over).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.lock().feeds.retain(|feed| feed.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use kippu_events::EntityId;

    use super::*;

    fn client(n: usize) -> Principal {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&n.to_be_bytes());
        Principal::Client(EntityId::from_hash(&hash))
    }

    /// Shows F48.
    #[test]
    fn one_more_than_a_caller_may_have_ends_its_oldest_and_nobody_elses() {
        let all = Arc::new(OpenFeeds::default());
        let other = all.enter(Some(client(2))).unwrap();
        let mut own: Vec<Place> = (0..MOST_OF_ONE).map(|_| all.enter(Some(client(1))).unwrap()).collect();
        assert!(own.iter().all(|place| !place.is_over()));
        own.push(all.enter(Some(client(1))).unwrap());
        assert_eq!(own.iter().map(Place::is_over).filter(|over| *over).count(), 1);
        assert!(own[0].is_over() && !other.is_over());
        // One that ended by itself leaves its place.
        drop(own.pop());
        own.push(all.enter(Some(client(1))).unwrap());
        assert_eq!(own.iter().map(Place::is_over).filter(|over| *over).count(), 1);
    }

    /// Shows F48.
    #[test]
    fn there_are_so_many_in_all_and_none_once_the_node_stops() {
        let all = Arc::new(OpenFeeds::default());
        let mut open: Vec<Place> =
            (0..MOST_IN_ALL).map(|n| all.enter(Some(client(n / MOST_OF_ONE))).unwrap()).collect();
        assert_eq!(all.enter(Some(client(MOST_IN_ALL))).map(|_| ()), Err(QueryError::TooManyFeeds));
        let own = all.enter(None).unwrap();
        open.pop();
        open.push(all.enter(Some(client(MOST_IN_ALL))).unwrap());
        all.end();
        assert!(open.iter().all(Place::is_over) && own.is_over());
        assert_eq!(all.enter(Some(client(0))).map(|_| ()), Err(QueryError::Stopped));
    }
}
