//! Time for the runtime: a clock that can be swapped for one that a test moves, and the rule that makes of its readings
//! into the times of records.

#[cfg(test)]
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kippu_events::Time;
use rustix::time::{ClockId, clock_gettime};

/// The wall clock may drift from the monotonic one by this much – leap smearing, a stepped NTP – before it counts as a
/// jump, whether in one step or in many.
pub const MOST_DRIFT: Duration = Duration::from_secs(300);
/// Drift at this rate, in parts per million, does not add up: a bad quartz is off by a few hundred, and a clock that is set
/// right once a day is stepped by what it was off. 43 seconds a day.
const FORGIVEN_PPM: i64 = 500;

/// Where the runtime gets its time from.
pub trait Clock: Send + Sync {
    /// What the wall clock says.
    fn wall(&self) -> Time;
    /// Time since some fixed moment; never goes back, and goes on while the machine is suspended.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> Time {
        Time::now()
    }

    fn monotonic(&self) -> Duration {
        // A machine that sleeps for an hour has a wall clock that is right when it wakes up.
        #[cfg(target_os = "linux")]
        const CLOCK: ClockId = ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        const CLOCK: ClockId = ClockId::Monotonic;
        Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
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

/// How far the wall clock has drifted from the monotonic one since the node was started.
#[derive(Clone, Copy, Debug)]
pub struct Drift {
    wall: Time,
    monotonic: Duration,
    /// Less what is forgiven.
    micros: i64,
    /// The monotonic time up to which it is.
    forgiven: Duration,
    jumped: bool,
}

impl Drift {
    /// None so far.
    pub fn new(clock: &dyn Clock) -> Self {
        let (wall, monotonic) = (clock.wall(), clock.monotonic());
        Self { wall, monotonic, micros: 0, forgiven: monotonic, jumped: false }
    }

    /// What the wall clock says.
    ///
    /// # Errors
    /// Where it has drifted by more than [`MOST_DRIFT`], now or ever before.
    fn read(&mut self, clock: &dyn Clock) -> Result<Time, Jumped> {
        let (wall, monotonic) = (clock.wall(), clock.monotonic());
        let passed = i64::try_from(monotonic.saturating_sub(self.monotonic).as_micros()).unwrap_or(i64::MAX);
        let stepped = (wall.micros() - self.wall.micros()).saturating_sub(passed);
        (self.wall, self.monotonic) = (wall, monotonic);
        // In whole seconds, so that nothing is lost between readings that follow each other quickly.
        let seconds = monotonic.saturating_sub(self.forgiven).as_secs();
        self.forgiven += Duration::from_secs(seconds);
        let forgiven = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(FORGIVEN_PPM);
        let left = self.micros.saturating_abs().saturating_sub(forgiven).max(0);
        self.micros = (left * self.micros.signum()).saturating_add(stepped);
        if Duration::from_micros(self.micros.unsigned_abs()) > MOST_DRIFT {
            self.jumped = true;
        }
        if self.jumped { Err(Jumped) } else { Ok(wall) }
    }
}

/// Gives each record its time: never before the record before it, and none at all once the wall clock has jumped.
pub struct Timekeeper {
    /// The time of the last record.
    last: Time,
    drift: Drift,
    /// Whose records these are.
    partition: u16,
}

impl Timekeeper {
    /// Goes on after a record of time `last`, under a clock that has drifted so far.
    pub const fn new(partition: u16, last: Time, drift: Drift) -> Self {
        Self { last, drift, partition }
    }

    /// The time for what is decided now.
    ///
    /// # Errors
    /// Where the wall clock drifted by more than [`MOST_DRIFT`] from the monotonic one, now or ever before.
    pub fn now(&mut self, clock: &dyn Clock) -> Result<Time, Jumped> {
        let had_jumped = self.drift.jumped;
        let read = self.drift.read(clock);
        if self.drift.jumped && !had_jumped {
            tracing::error!(
                partition = self.partition,
                micros = self.drift.micros,
                "the wall clock jumped: this partition takes no commands until the node is started again"
            );
        }
        Ok(read?.max(self.last))
    }

    /// A record of this time was appended.
    pub fn recorded(&mut self, time: Time) {
        self.last = self.last.max(time);
    }

    /// The time of the last record.
    pub const fn last(&self) -> Time {
        self.last
    }

    /// How far the wall clock has drifted, for who keeps time after this.
    pub const fn drift(&self) -> Drift {
        self.drift
    }

    /// The same, for people.
    pub const fn drifted_micros(&self) -> i64 {
        self.drift.micros
    }

    /// Whether the wall clock jumped.
    pub const fn jumped(&self) -> bool {
        self.drift.jumped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn at_noon() -> ManualClock {
        ManualClock::new(Time::from_micros(1_795_253_400_000_000))
    }

    fn keeper(clock: &ManualClock) -> Timekeeper {
        Timekeeper::new(0, Time::default(), Drift::new(clock))
    }

    /// A clock that is set back does not make history run backwards.
    #[test]
    fn a_record_is_never_earlier_than_the_one_before() {
        let clock = at_noon();
        let mut keeper = keeper(&clock);
        let first = keeper.now(&clock).unwrap();
        keeper.recorded(first);
        clock.step_micros(-120 * SECOND);
        assert_eq!(keeper.now(&clock), Ok(first));
    }

    #[test]
    fn a_jump_of_the_wall_clock_stops_time_for_good() {
        for jump in [3_600 * SECOND, -3_600 * SECOND] {
            let clock = at_noon();
            let mut keeper = keeper(&clock);
            clock.step_micros(jump);
            assert_eq!(keeper.now(&clock), Err(Jumped));
            clock.step_micros(-jump);
            assert_eq!(keeper.now(&clock), Err(Jumped));
        }
    }

    /// The steps until time stops, of `steps` that are `apart`.
    fn stops_at(step: i64, apart: Duration, steps: usize) -> Option<usize> {
        let clock = at_noon();
        let mut keeper = keeper(&clock);
        (1..=steps).find(|_| {
            clock.pass(apart);
            clock.step_micros(step);
            keeper.now(&clock).is_err()
        })
    }

    #[test]
    fn steps_that_are_small_by_themselves_add_up_to_a_jump() {
        for step in [200 * SECOND, -200 * SECOND] {
            assert_eq!(stops_at(step, Duration::from_secs(1), 7), Some(2), "{step}");
            assert_eq!(stops_at(step, Duration::from_secs(3_600), 7), Some(2), "{step}");
        }
        assert_eq!(stops_at(SECOND, Duration::from_millis(10), 400), Some(301));
        assert_eq!(
            stops_at(60 * SECOND, Duration::from_secs(86_400), 60),
            Some(16),
            "a minute a day, of which 43 s count not"
        );
    }

    #[test]
    fn a_clock_that_runs_slow_or_fast_stops_time_once_it_is_five_minutes_off() {
        for rate in [0.9, 1.1] {
            let clock = at_noon();
            let mut keeper = keeper(&clock);
            let stopped = (0..10_000_i64).find(|_| {
                clock.pass(Duration::from_secs(1));
                #[allow(clippy::cast_possible_truncation)]
                clock.step_micros(((rate - 1.0) * 1e6) as i64);
                keeper.now(&clock).is_err()
            });
            assert!(stopped.is_some_and(|seconds| (3_000..3_030).contains(&seconds)), "{rate}: {stopped:?}");
        }
    }

    #[test]
    fn steps_there_and_back_and_a_daily_correction_are_no_jump() {
        let clock = at_noon();
        let mut keeper = keeper(&clock);
        for _ in 0..10 {
            for step in [200 * SECOND, -200 * SECOND] {
                clock.step_micros(step);
                assert!(keeper.now(&clock).is_ok());
            }
        }
        assert_eq!(stops_at(40 * SECOND, Duration::from_secs(86_400), 1_000), None);
    }

    #[test]
    fn drift_is_not_forgotten_by_who_keeps_time_next() {
        let clock = at_noon();
        let mut first = keeper(&clock);
        clock.step_micros(200 * SECOND);
        assert!(first.now(&clock).is_ok());
        let mut second = Timekeeper::new(0, Time::default(), first.drift());
        clock.step_micros(200 * SECOND);
        assert_eq!(second.now(&clock), Err(Jumped));
    }

    #[test]
    fn readings_in_quick_succession_forgive_as_much_as_one() {
        let clock = at_noon();
        let mut keeper = keeper(&clock);
        clock.step_micros(200 * SECOND);
        assert!(keeper.now(&clock).is_ok());
        for jitter in [1, -1].into_iter().cycle().take(86_400 * 2) {
            clock.pass(Duration::from_millis(500));
            clock.step_micros(jitter);
            assert!(keeper.now(&clock).is_ok());
        }
        assert_eq!(keeper.drifted_micros(), 200 * SECOND - 86_400 * FORGIVEN_PPM);
    }

    #[test]
    fn a_long_quiet_time_is_no_jump() {
        let clock = at_noon();
        let mut keeper = keeper(&clock);
        clock.pass(Duration::from_secs(86_400));
        assert!(keeper.now(&clock).is_ok());
    }

    #[test]
    fn the_machines_monotonic_clock_goes_on() {
        let before = SystemClock.monotonic();
        assert!(before > Duration::ZERO && SystemClock.monotonic() >= before);
    }
}
