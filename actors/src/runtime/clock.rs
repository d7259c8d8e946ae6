//! Time for the runtime: a clock that can be swapped for one that a test moves, and the rule that turns its readings
//! into the times of records.

#[cfg(test)]
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use kippu_events::Time;

/// A wall clock may differ from the monotonic one by this much between two readings – leap smearing, a stepped NTP –
/// before it counts as a jump.
pub const MOST_DRIFT: Duration = Duration::from_secs(300);

/// Where the runtime gets its time from.
pub trait Clock: Send + Sync {
    /// What the wall clock says.
    fn wall(&self) -> Time;
    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
pub struct SystemClock(Instant);

impl SystemClock {
    /// The machine's clocks.
    #[must_use]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Time {
        Time::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock that stands still until it is moved.
#[cfg(test)]
pub struct ManualClock {
    wall: AtomicI64,
    monotonic: AtomicI64,
}

#[cfg(test)]
impl ManualClock {
    /// A clock that shows `wall`.
    #[must_use]
    pub const fn new(wall: Time) -> Self {
        Self { wall: AtomicI64::new(wall.micros()), monotonic: AtomicI64::new(0) }
    }

    /// Lets `span` pass.
    pub fn pass(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.wall.fetch_add(micros, Ordering::SeqCst);
        self.monotonic.fetch_add(micros, Ordering::SeqCst);
    }

    /// Steps the wall clock, forwards or backwards, while no time passes.
    pub fn step_micros(&self, micros: i64) {
        self.wall.fetch_add(micros, Ordering::SeqCst);
    }
}

#[cfg(test)]
impl Clock for ManualClock {
    fn wall(&self) -> Time {
        Time::from_micros(self.wall.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.monotonic.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

/// The wall clock jumped: an operator has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jumped;

/// Gives each record its time: never before the record before it, and none at all once the wall clock has jumped.
pub struct Timekeeper {
    /// The time of the last record.
    last: Time,
    wall: Time,
    monotonic: Duration,
    jumped: bool,
    /// Whose records these are.
    partition: u16,
}

impl Timekeeper {
    /// Goes on after a record of time `last`, under a clock that has jumped before or not.
    pub fn new(partition: u16, last: Time, clock: &dyn Clock, jumped: bool) -> Self {
        Self { partition, last, wall: clock.wall(), monotonic: clock.monotonic(), jumped }
    }

    /// The time for what is decided now.
    ///
    /// # Errors
    /// Where the wall clock moved by more than [`MOST_DRIFT`] against the monotonic one, now or ever before.
    pub fn now(&mut self, clock: &dyn Clock) -> Result<Time, Jumped> {
        let (wall, monotonic) = (clock.wall(), clock.monotonic());
        let passed = i64::try_from(monotonic.saturating_sub(self.monotonic).as_micros()).unwrap_or(i64::MAX);
        let drift = (wall.micros() - self.wall.micros()).saturating_sub(passed);
        (self.wall, self.monotonic) = (wall, monotonic);
        if Duration::from_micros(drift.unsigned_abs()) > MOST_DRIFT && !self.jumped {
            tracing::error!(
                partition = self.partition,
                micros = drift,
                "the wall clock jumped: this partition takes no commands until the node is started again"
            );
            self.jumped = true;
        }
        if self.jumped { Err(Jumped) } else { Ok(wall.max(self.last)) }
    }

    /// A record of this time was appended.
    pub fn recorded(&mut self, time: Time) {
        self.last = self.last.max(time);
    }

    /// The time of the last record.
    pub const fn last(&self) -> Time {
        self.last
    }

    /// Whether the wall clock jumped.
    pub const fn jumped(&self) -> bool {
        self.jumped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_noon() -> ManualClock {
        ManualClock::new(Time::from_micros(1_795_253_400_000_000))
    }

    /// A clock that is set back does not make history run backwards.
    #[test]
    fn a_record_is_never_earlier_than_the_one_before() {
        let clock = at_noon();
        let mut keeper = Timekeeper::new(0, Time::default(), &clock, false);
        let first = keeper.now(&clock).unwrap();
        keeper.recorded(first);
        clock.step_micros(-120_000_000);
        assert_eq!(keeper.now(&clock), Ok(first));
    }

    #[test]
    fn a_jump_of_the_wall_clock_stops_time_for_good() {
        for jump in [3_600_000_000, -3_600_000_000] {
            let clock = at_noon();
            let mut keeper = Timekeeper::new(0, Time::default(), &clock, false);
            clock.step_micros(jump);
            assert_eq!(keeper.now(&clock), Err(Jumped));
            clock.step_micros(-jump);
            assert_eq!(keeper.now(&clock), Err(Jumped));
        }
    }

    #[test]
    fn a_long_quiet_time_is_no_jump() {
        let clock = at_noon();
        let mut keeper = Timekeeper::new(0, Time::default(), &clock, false);
        clock.pass(Duration::from_secs(86_400));
        assert!(keeper.now(&clock).is_ok());
    }
}
