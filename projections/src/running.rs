//! The views while they run: the runner that keeps them up to date, and the queries that answer from them.

use std::path::Path;
use std::sync::Arc;

use kippu_events::log::ReadLog;

use crate::catalogue;
use crate::queries::Queries;
use crate::runner::{Engine, Limits, OpenError, Runner, Signal};
use crate::view::{Decrypt, View};

/// The running views. Ends them when it is dropped.
pub struct Projections {
    queries: Queries,
    _runner: Runner,
}

impl Projections {
    /// Opens the store in `dir` and follows `log` with every view. `decrypt` opens personal fields for operators.
    ///
    /// # Errors
    /// [`OpenError`]; a store that is damaged or of another log or history is no error, but filled anew.
    pub fn start(log: Arc<dyn ReadLog>, dir: &Path, decrypt: Option<Arc<dyn Decrypt>>) -> Result<Self, OpenError> {
        Self::start_with(log, dir, decrypt, catalogue::views(), Limits::default())
    }

    /// As [`Projections::start`], with these views.
    pub(crate) fn start_with(
        log: Arc<dyn ReadLog>,
        dir: &Path,
        decrypt: Option<Arc<dyn Decrypt>>,
        views: Vec<Arc<dyn View>>,
        limits: Limits,
    ) -> Result<Self, OpenError> {
        let engine = Engine::open(log.clone(), dir, views.clone(), limits)?;
        let signal = Arc::new(Signal::new(log.partitions()));
        let queries = Queries::new(log.clone(), views, &engine, signal.clone(), decrypt);
        let runner = Runner::start(engine, &*log, signal)?;
        Ok(Self { queries, _runner: runner })
    }

    /// What answers from the views.
    #[must_use]
    pub fn queries(&self) -> Queries {
        self.queries.clone()
    }
}
