//! Waiting until a view reflects what was asked for.

use std::time::Duration;

use kippu_events::EntityId;
use kippu_events::fair_queue::NotDone;
use kippu_events::log::{Cut, Position};

use super::{Moment, Queries, QueryError};
use crate::runner::{Published, Reached};

/// How long a query waits for its turn: its caller has more under way than can be answered.
const TURN_PATIENCE: Duration = Duration::from_secs(10);

impl Queries {
    /// Waits until `view` reflects `at`, which MUST be a position or a cut, of this history: a time is reflected at once, as
    /// far as anything was decided until then.
    ///
    /// # Errors
    /// `Behind` after `timeout`, `Stalled` where the partition halts before it.
    pub async fn reach(&self, view: &str, at: &Moment, timeout: Duration) -> Result<(), QueryError> {
        self.wait(view, &Wanted::new(at, self.0.log.partitions())?, timeout).await
    }

    /// The same where `caller` may have made it up.
    ///
    /// # Errors
    /// As [`Queries::reach`], and `OtherHistory` where the position was given out by another.
    pub async fn wait_for(
        &self,
        view: &str,
        at: &Moment,
        caller: Option<EntityId>,
        timeout: Duration,
    ) -> Result<(), QueryError> {
        self.reach(view, at, timeout).await?;
        let Moment::Position(position) = *at else { return Ok(()) };
        let (queries, its) = (self.clone(), view.to_owned());
        let look = tokio::task::spawn_blocking(move || queries.is_where_last_ones_lie(&its, &position));
        if look.await.map_err(|_| QueryError::Stopped)? {
            return Ok(());
        }
        let queries = self.clone();
        if self.in_turn(caller, move || queries.is_of_this_history(&position)).await? {
            Ok(())
        } else {
            Err(QueryError::OtherHistory(position.to_string()))
        }
    }

    /// Runs reads that may take milliseconds, or wait for a person's key, where they hold up nobody else's.
    ///
    /// # Errors
    /// Those of `read`; `Overloaded` where too many of this caller's wait.
    pub async fn in_turn<T: Send + 'static>(
        &self,
        caller: Option<EntityId>,
        read: impl FnOnce() -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, QueryError> {
        match tokio::time::timeout(TURN_PATIENCE, self.0.queue.run(caller, read)).await {
            Ok(Ok(read)) => read,
            Ok(Err(NotDone::Panicked)) => Err(QueryError::Stopped),
            Ok(Err(NotDone::Full)) | Err(_) => Err(QueryError::Overloaded),
        }
    }

    /// Waits until `view` has read each of these partitions up to the offset next to it, as [`kippu_events::log::ReadLog::end`] gives it.
    ///
    /// # Errors
    /// As [`Queries::wait_for`].
    pub async fn wait_until_read(&self, view: &str, ends: &[(u16, u64)], timeout: Duration) -> Result<(), QueryError> {
        self.wait(view, &Wanted::read_up_to(ends), timeout).await
    }

    async fn wait(&self, view: &str, wanted: &Wanted, timeout: Duration) -> Result<(), QueryError> {
        let mut published = self.0.published.clone();
        let settled = |published: &Published| wanted.settled(published, view);
        if !settled(&published.borrow()) {
            self.0.signal.hurry();
        }
        let settled = tokio::time::timeout(timeout, published.wait_for(settled)).await;
        match settled {
            Ok(Ok(published)) => wanted.outcome(&published, view),
            Ok(Err(_)) => Err(QueryError::Stopped),
            Err(_) => wanted.outcome(&self.0.published.borrow(), view),
        }
    }

    /// Waits until the views reflect the log as it was when the runner started, so that nothing that was answered
    /// before a restart is missing after it. A partition that halts at what lies there is not waited for; one that could
    /// not be read is.
    ///
    /// # Errors
    /// `Behind` after `timeout`; `Stopped` where the runner has ended.
    pub async fn caught_up(&self, timeout: Duration) -> Result<(), QueryError> {
        let mut published = self.0.published.clone();
        let settled = published.wait_for(|published| published.caught_up || published.failed.is_some());
        match tokio::time::timeout(timeout, settled).await {
            Ok(Ok(published)) => published.failed.clone().map_or(Ok(()), |ended| Err(ended.into())),
            Ok(Err(_)) => Err(QueryError::Stopped),
            Err(_) => Err(QueryError::Filling(Cut(Vec::new()))),
        }
    }

    /// Waits until `view` has read everything that the log held when the runner started. A halt is waited out.
    ///
    /// # Errors
    /// What it lacks after `timeout`; `Store` or `Stopped` where the runner has ended.
    pub async fn caught_up_in(&self, view: &str, timeout: Duration) -> Result<(), QueryError> {
        let wanted = Wanted::read_up_to(&self.0.goal);
        let mut published = self.0.published.clone();
        let over = |published: &Published| published.failed.is_some() || wanted.outcome(published, view).is_ok();
        match tokio::time::timeout(timeout, published.wait_for(over)).await {
            Ok(Ok(published)) => wanted.outcome(&published, view),
            Ok(Err(_)) => Err(QueryError::Stopped),
            Err(_) => wanted.outcome(&self.0.published.borrow(), view),
        }
    }

    /// Waits until no view is kept up to date any more, for as long as this process lives; why. Without a reason where the
    /// views were closed.
    pub async fn ended(&self) -> Option<String> {
        let mut published = self.0.published.clone();
        let ended = published.wait_for(|published| published.failed.is_some()).await;
        ended.ok().and_then(|published| published.failed.as_ref().map(ToString::to_string))
    }

    /// Whether what `view` has read is kept up to date.
    ///
    /// # Errors
    /// `Stalled` where it cannot take an event, in whatever partition; `Store` or `Stopped` where the runner has ended.
    pub fn may_go_by(&self, view: &str) -> Result<(), QueryError> {
        self.0.published.borrow().stopped(view)
    }

    /// The same, of what `view` says of entities in the partition of `id`.
    ///
    /// # Errors
    /// As [`Queries::may_go_by`], and where that partition cannot be read any further.
    pub fn may_go_by_of(&self, view: &str, id: EntityId) -> Result<(), QueryError> {
        self.0.published.borrow().stopped_in(view, self.partition_of(id))
    }

    /// Whether `view` has read everything that the log held when the runner started.
    #[must_use]
    pub fn has_caught_up(&self, view: &str) -> bool {
        Wanted::read_up_to(&self.0.goal).outcome(&self.0.published.borrow(), view).is_ok()
    }
}

/// What a view has to reflect.
struct Wanted {
    goals: Vec<(u16, Goal)>,
    text: String,
}

#[derive(Clone, Copy)]
enum Goal {
    /// The record with this number.
    Number(u64),
    /// Every entry before this offset.
    Offset(u64),
}

impl Wanted {
    fn new(at: &Moment, partitions: u16) -> Result<Self, QueryError> {
        let goals = match at {
            Moment::Position(Position { partition, number, .. }) if *partition < partitions => {
                vec![(*partition, Goal::Number(*number))]
            }
            Moment::Cut(cut) if cut.0.len() == usize::from(partitions) => {
                (0..).zip(cut.0.iter().copied().map(Goal::Number)).collect()
            }
            Moment::Position(_) | Moment::Cut(_) => return Err(QueryError::OtherHistory(at.to_string())),
            Moment::Time(_) => Vec::new(),
        };
        Ok(Self { goals, text: at.to_string() })
    }

    fn read_up_to(ends: &[(u16, u64)]) -> Self {
        let goals = ends.iter().map(|(partition, end)| (*partition, Goal::Offset(*end))).collect();
        Self { goals, text: "the end of the log".to_owned() }
    }

    /// Whether waiting longer changes nothing.
    fn settled(&self, published: &Published, view: &str) -> bool {
        match self.outcome(published, view) {
            Ok(()) => true,
            Err(error) => !matches!(error, QueryError::Behind { .. } | QueryError::Filling(_)),
        }
    }

    fn outcome(&self, published: &Published, view: &str) -> Result<(), QueryError> {
        if let Some(ended) = &published.failed {
            return Err(ended.clone().into());
        }
        let view = published.view(view).ok_or_else(|| QueryError::NoView(view.to_owned()))?;
        match (&view.live, &view.filling) {
            (Some((_, reached)), _) => self.reached(reached),
            (None, filling) => {
                Err(QueryError::Filling(filling.as_ref().map_or(Cut(Vec::new()), |reached| reached.cut())))
            }
        }
    }

    fn reached(&self, reached: &Reached) -> Result<(), QueryError> {
        let is_there = |partition: u16, goal: Goal| match goal {
            Goal::Number(number) => reached.reaches(partition, number),
            Goal::Offset(offset) => reached.has_read(partition, offset),
        };
        let mut missing = self.goals.iter().filter(|(partition, goal)| !is_there(*partition, *goal));
        if missing.clone().next().is_none() {
            return Ok(());
        }
        // What could not be read just now is read again: only its reader is behind.
        let for_good = |partition| reached.halt(partition).filter(|halt| !halt.transient);
        let halted = missing.find_map(|(partition, _)| for_good(*partition).map(|halt| (*partition, halt.clone())));
        match halted {
            Some((partition, halt)) => Err(QueryError::Stalled { partition, offset: halt.offset, reason: halt.reason }),
            None => Err(QueryError::Behind { asked: self.text.clone(), cut: reached.cut() }),
        }
    }
}
