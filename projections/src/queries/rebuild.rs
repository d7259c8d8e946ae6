//! Rebuilding a view next to the live one, which answers until the new one has proved to be the same.

use std::sync::Arc;

use kippu_events::log::Cut;
use tokio::sync::oneshot;

use super::{Queries, QueryError};
use crate::cursor::cut;
use crate::digest::Digest;
use crate::runner::{Request, Signal};
use crate::view_store::{StoreError, ViewStore};

/// The digest of a view's rows at a cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ViewDigest {
    /// What the rows reflect.
    pub cut: Cut,
    /// How many there are, indexes included.
    pub rows: u64,
    /// Over all of them.
    pub digest: Digest,
}

/// Why a view was not rebuilt; the old one goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// The rows that are live are not what the log says. Delete the store to have them filled anew.
    #[error("at the cut {cut} the live rows have the digest {live}, and the rebuilt ones {rebuilt}")]
    Differs {
        /// Where they were compared.
        cut: Cut,
        /// The digest of the live rows.
        live: Digest,
        /// The digest of the rebuilt rows.
        rebuilt: Digest,
    },
    /// The rebuilt view cannot get to where the live one is.
    #[error("the rebuilt view does not catch up: {0}")]
    NotCaughtUp(String),
    /// The store or the runner does not work.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl From<StoreError> for RebuildError {
    fn from(error: StoreError) -> Self {
        Self::Query(error.into())
    }
}

/// Deletes a rebuilt instance that nobody let take over.
struct Unwanted {
    signal: Arc<Signal>,
    instance: u32,
}

impl Drop for Unwanted {
    fn drop(&mut self) {
        // Comes to nothing where the instance has taken over.
        self.signal.request(Request::Discard { instance: self.instance });
    }
}

impl Queries {
    /// Fills `view` anew next to the live one, and lets it take over if its rows are the same at an equal cut. Queries
    /// are answered all the while. Gives what both had in common.
    ///
    /// # Errors
    /// [`RebuildError`].
    pub async fn rebuild(&self, view: &str) -> Result<ViewDigest, RebuildError> {
        let signal = self.0.signal.clone();
        let (reply, caught_up) = oneshot::channel();
        signal.request(Request::Rebuild { view: view.to_owned(), reply });
        let instance = caught_up.await.map_err(|_| QueryError::Stopped)?.map_err(RebuildError::NotCaughtUp)?;
        let unwanted = Unwanted { signal: signal.clone(), instance };
        let (store, name) = (self.0.store.clone(), view.to_owned());
        let compared = tokio::task::spawn_blocking(move || compare(&store, &name, instance)).await;
        let rebuilt = compared.map_err(|_| QueryError::Stopped)??;
        let (reply, done) = oneshot::channel();
        signal.request(Request::Swap { instance, reply });
        done.await.map_err(|_| QueryError::Stopped)?;
        drop(unwanted);
        Ok(rebuilt)
    }

    /// The digest of the rows of `view`.
    #[cfg(test)]
    pub(crate) fn digest(&self, view: &str) -> Result<ViewDigest, QueryError> {
        let known = self.0.views.iter().find(|known| known.name() == view);
        let known = known.ok_or_else(|| QueryError::NoView(view.to_owned()))?;
        let snap = self.0.store.snapshot();
        let (instance, cursors) = self.live(&**known, &snap)?;
        let (rows, digest) = snap.digest(instance)?;
        Ok(ViewDigest { cut: cut(&cursors), rows, digest })
    }
}

/// Compares the rows of `instance` with the live ones. Both are fed together by now, so every snapshot shows them at
/// the same cut.
fn compare(store: &ViewStore, view: &str, instance: u32) -> Result<ViewDigest, RebuildError> {
    let snap = store.snapshot();
    let (live, live_is) = snap.live(view)?.ok_or_else(|| RebuildError::NotCaughtUp("no rows answer yet".to_owned()))?;
    let rebuilt_is = snap.instance(instance)?;
    if rebuilt_is.is_none_or(|rebuilt| rebuilt.track != live_is.track) {
        return Err(RebuildError::NotCaughtUp("it does not stand at the cut of the live one".to_owned()));
    }
    let cut = cut(&snap.track(live_is.track)?);
    let (_, live) = snap.digest(live)?;
    let (rows, rebuilt) = snap.digest(instance)?;
    if live == rebuilt {
        Ok(ViewDigest { cut, rows, digest: rebuilt })
    } else {
        Err(RebuildError::Differs { cut, live, rebuilt })
    }
}
