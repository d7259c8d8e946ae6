//! A lane: everything that is owed to one party. So many tries at once and a second, pauses that grow, and a circuit that is
//! open while the party does not answer. Holds a bounded part of what is owed; the rest stays in the index until there is room.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kippu_events::{EntityKey, Time};

use crate::activity::Owed;

/// Of what is owed to one party, so much is held in memory.
pub const MOST_HELD: usize = 512;
const SECOND: Duration = Duration::from_secs(1);
/// The first pause after a try without an outcome; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause, unless the party wants more.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What a party may want at most: a year's pause would be a way not to answer.
const MOST_WANTED: Duration = Duration::from_secs(3600);
/// So many tries in a row without an outcome open the circuit.
const FAILURES: u32 = 5;
/// For how long, at first and at most; then one try goes ahead of the others.
const OPEN_FIRST: Duration = Duration::from_secs(1);
const OPEN_MOST: Duration = Duration::from_secs(30);

/// What is known of an activity that is held.
#[derive(Clone, Debug)]
pub struct Held {
    /// As it was when it was taken in.
    pub owed: Owed,
    /// Tries without an outcome.
    pub tries: u32,
    /// Why the last one had none.
    pub last_error: Option<String>,
    /// Since when there is something to do, where that was told.
    pub found: Option<Time>,
    /// Not tried before that; nothing while it is being tried.
    pub next: Option<Instant>,
    /// What became owed while it was being tried, in its place.
    later: Option<Owed>,
}

impl Held {
    const fn new(owed: Owed, now: Instant) -> Self {
        Self { owed, tries: 0, last_error: None, found: None, next: Some(now), later: None }
    }
}

/// How a try has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Its outcome is on record, or it is not owed any more, or not from here.
    Over {
        /// Whether the party answered.
        answered: bool,
    },
    /// The party gave no outcome.
    Unanswered {
        /// Why.
        reason: String,
        /// How long it wants to be left alone.
        wanted: Option<Duration>,
    },
    /// It could not be tried, or its outcome not be recorded, through no fault of the party.
    HeldUp {
        /// Why.
        reason: String,
    },
}

/// See the module.
#[derive(Default, Debug)]
pub struct Lane {
    held: BTreeMap<EntityKey, Held>,
    running: usize,
    /// Tries in a row without an outcome, whichever activity's.
    failures: u32,
    /// While the circuit is open: until when, and for how long it was opened.
    open: Option<(Instant, Duration)>,
    /// Tries of this second.
    started: u32,
    second: Option<Instant>,
}

impl Lane {
    /// Whether there is room for one more.
    pub fn has_room(&self) -> bool {
        self.held.len() < MOST_HELD
    }

    /// Whether there is room for much more.
    pub fn is_half_empty(&self) -> bool {
        2 * self.held.len() < MOST_HELD
    }

    /// What is held.
    pub const fn held(&self) -> &BTreeMap<EntityKey, Held> {
        &self.held
    }

    /// Until when the circuit is open.
    pub fn open_until(&self, now: Instant) -> Option<Instant> {
        self.open.map(|(until, _)| until).filter(|until| *until > now)
    }

    /// Takes in what `key` owes; false where there is no room.
    pub fn take(&mut self, key: EntityKey, owed: Owed, now: Instant) -> bool {
        let has_room = self.has_room();
        match self.held.get_mut(&key) {
            Some(held) if held.owed.attempt >= owed.attempt => return true,
            // What is being tried ends first.
            Some(held) if held.next.is_none() => {
                held.later = held.later.filter(|later| later.attempt > owed.attempt).or(Some(owed));
                return true;
            }
            None if !has_room => return false,
            Some(_) | None => {}
        }
        self.held.insert(key, Held::new(owed, now));
        true
    }

    /// What is to be tried now, at most `parallel` at once and `rate` a second. Each is ended by [`Lane::ended`].
    pub fn start(&mut self, now: Instant, parallel: usize, rate: u32) -> Vec<(EntityKey, Owed)> {
        let at_once = match self.open {
            Some((until, _)) if until > now => 0,
            // The circuit is half open: one try shows whether the party answers again.
            Some(_) => 1,
            None => parallel,
        };
        if self.second.is_none_or(|second| now.duration_since(second) >= SECOND) {
            (self.second, self.started) = (Some(now), 0);
        }
        let left = at_once.saturating_sub(self.running).min((rate - self.started.min(rate)) as usize);
        let ready = |held: &Held| held.next.is_some_and(|next| next <= now);
        let started: Vec<(EntityKey, Owed)> =
            self.held.iter().filter(|(_, held)| ready(held)).take(left).map(|(key, held)| (*key, held.owed)).collect();
        for (key, _) in &started {
            if let Some(held) = self.held.get_mut(key) {
                held.next = None;
            }
        }
        self.running += started.len();
        self.started += u32::try_from(started.len()).unwrap_or(u32::MAX);
        started
    }

    /// When something is to be tried next, if nothing else happens, with at most `rate` a second.
    pub fn next(&self, parallel: usize, rate: u32) -> Option<Instant> {
        // One try decides about the others where the circuit was open.
        if self.running >= if self.open.is_some() { 1 } else { parallel } {
            return None;
        }
        let first = self.held.values().filter_map(|held| held.next).min()?;
        let next_second = self.second.filter(|_| self.started >= rate).map(|second| second + SECOND);
        let bounds = [self.open.map(|(until, _)| until), next_second];
        Some(bounds.into_iter().flatten().fold(first, Instant::max))
    }

    /// Whether there is something to do for `key`, which is being tried, and since when.
    pub fn tell(&mut self, key: EntityKey, found: Option<Time>) {
        if let Some(held) = self.held.get_mut(&key) {
            held.found = found;
        }
    }

    /// A try of `key` has ended. What had no outcome pauses for as long as `jitter`, from 0 to 255, makes of it.
    pub fn ended(&mut self, key: EntityKey, end: End, now: Instant, jitter: u8) {
        self.running = self.running.saturating_sub(1);
        let (reason, wanted) = match end {
            End::Over { answered } => {
                if answered {
                    (self.failures, self.open) = (0, None);
                }
                let later = self.held.remove(&key).and_then(|held| held.later);
                if let Some(owed) = later {
                    self.held.insert(key, Held::new(owed, now));
                }
                return;
            }
            End::Unanswered { reason, wanted } => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= FAILURES && self.open.is_none_or(|(until, _)| until <= now) {
                    let long = self.open.map_or(OPEN_FIRST, |(_, long)| (long * 2).min(OPEN_MOST));
                    self.open = Some((now + spread(long, jitter), long));
                }
                (reason, wanted)
            }
            End::HeldUp { reason } => (reason, None),
        };
        let Some(held) = self.held.get_mut(&key) else { return };
        // What was tried is not owed any more.
        if let Some(owed) = held.later {
            *held = Held::new(owed, now);
            return;
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << held.tries.min(20)).min(LONGEST_PAUSE);
        let pause = spread(pause, jitter).max(wanted.unwrap_or_default().min(MOST_WANTED));
        (held.tries, held.last_error, held.next) = (held.tries.saturating_add(1), Some(reason), Some(now + pause));
    }

    /// Tries everything at once that waits for its time.
    pub fn hurry(&mut self, now: Instant) {
        self.open = None;
        self.failures = 0;
        self.held.values_mut().for_each(|held| held.next = held.next.map(|_| now));
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.running == 0
    }
}

/// Three quarters of `pause` to five quarters, so that what failed together is not tried together.
fn spread(pause: Duration, jitter: u8) -> Duration {
    pause * 3 / 4 + pause * u32::from(jitter) / 512
}

#[cfg(test)]
mod tests {
    use kippu_events::{EntityId, Family};

    use super::*;

    const PARALLEL: usize = 4;

    fn key(n: u8) -> EntityKey {
        EntityKey { family: Family::Approvals, id: EntityId::from_hash(&[n; 32]) }
    }

    fn owed(attempt: u32) -> Owed {
        Owed { to: EntityId::from_hash(&[9; 32]), attempt, since: Time::default() }
    }

    fn lane(count: u8, now: Instant) -> Lane {
        let mut lane = Lane::default();
        (0..count).for_each(|n| assert!(lane.take(key(n), owed(1), now)));
        lane
    }

    fn failed() -> End {
        End::Unanswered { reason: "no answer".to_owned(), wanted: None }
    }

    const DONE: End = End::Over { answered: true };

    #[test]
    fn so_many_are_tried_at_once_and_a_second_and_the_others_follow() {
        let now = Instant::now();
        let mut lane = lane(10, now);
        let first = lane.start(now, PARALLEL, 100);
        assert_eq!((first.len(), lane.start(now, PARALLEL, 100).len()), (4, 0));
        lane.ended(first[0].0, DONE, now, 0);
        assert_eq!(lane.start(now, PARALLEL, 100).len(), 1);
        lane.ended(first[1].0, DONE, now, 0);
        assert_eq!(lane.start(now, PARALLEL, 5).len(), 0, "five were begun in this second");
        assert_eq!(lane.next(PARALLEL + 1, 5), Some(now + SECOND));
        assert_eq!(lane.start(now + Duration::from_secs(1), PARALLEL, 5).len(), 1);
    }

    #[test]
    fn what_had_no_outcome_is_tried_again_after_a_pause_that_grows() {
        let mut now = Instant::now();
        let mut lane = lane(1, now);
        let mut pauses = Vec::new();
        for _ in 0..3 {
            assert_eq!(lane.start(now, PARALLEL, 100).len(), 1);
            lane.ended(key(0), failed(), now, 0);
            let next = lane.next(PARALLEL, 100).unwrap();
            assert!(lane.start(next - Duration::from_millis(1), PARALLEL, 100).is_empty());
            pauses.push(next - now);
            now = next;
        }
        assert!(pauses.is_sorted_by(|one, next| *one * 2 == *next), "{pauses:?}");
        lane.start(now, PARALLEL, 100);
        let wanted = Some(Duration::from_secs(120));
        lane.ended(key(0), End::Unanswered { reason: "busy".to_owned(), wanted }, now, 0);
        assert_eq!(lane.next(PARALLEL, 100).unwrap() - now, Duration::from_secs(120), "as long as the party wants");
    }

    #[test]
    fn a_party_that_does_not_answer_is_left_alone_until_one_try_shows_that_it_does() {
        let mut now = Instant::now();
        let mut lane = lane(40, now);
        for _ in 0..FAILURES {
            let (key, _) = lane.start(now, 1, 100)[0];
            lane.ended(key, failed(), now, 0);
        }
        assert!(lane.open_until(now).is_some() && lane.start(now, PARALLEL, 100).is_empty());
        now = lane.next(PARALLEL, 100).unwrap();
        let probe = lane.start(now, PARALLEL, 100);
        assert_eq!((probe.len(), lane.start(now, PARALLEL, 100).len(), lane.next(PARALLEL, 100)), (1, 0, None));
        lane.ended(probe[0].0, failed(), now, 0);
        assert!(lane.start(now, PARALLEL, 100).is_empty());
        now = lane.next(PARALLEL, 100).unwrap();
        let probe = lane.start(now, PARALLEL, 100);
        lane.ended(probe[0].0, DONE, now, 0);
        assert_eq!(lane.start(now, PARALLEL, 100).len(), PARALLEL);
    }

    #[test]
    fn a_bounded_part_is_held_and_each_entity_once() {
        let now = Instant::now();
        let mut lane = Lane::default();
        for n in 0..=u16::MAX {
            let key = EntityKey {
                family: Family::Users,
                id: EntityId::from_hash(&[n.to_be_bytes(); 16].concat().try_into().unwrap()),
            };
            assert_eq!(lane.take(key, owed(1), now), usize::from(n) < MOST_HELD);
        }
        assert_eq!(lane.held().len(), MOST_HELD);
    }

    #[test]
    fn a_later_activity_of_an_entity_takes_the_place_of_an_earlier_one() {
        let now = Instant::now();
        let mut lane = lane(1, now);
        assert!(lane.take(key(0), owed(3), now) && lane.take(key(0), owed(2), now));
        assert_eq!(lane.start(now, PARALLEL, 100), [(key(0), owed(3))]);
    }

    #[test]
    fn what_becomes_owed_while_something_else_is_tried_follows_at_once_however_that_ends() {
        let now = Instant::now();
        for end in [DONE, End::Over { answered: false }, failed(), End::HeldUp { reason: "full".to_owned() }] {
            let mut lane = lane(1, now);
            assert_eq!(lane.start(now, PARALLEL, 100), [(key(0), owed(1))]);
            assert!([3, 2, 1].into_iter().all(|attempt| lane.take(key(0), owed(attempt), now)));
            assert_eq!(lane.start(now, PARALLEL, 100), [], "one at a time");
            lane.ended(key(0), end, now, 0);
            assert_eq!(lane.start(now, PARALLEL, 100), [(key(0), owed(3))]);
        }
    }

    #[test]
    fn what_is_held_up_here_is_not_held_against_the_party() {
        let now = Instant::now();
        let mut lane = lane(10, now);
        for (key, _) in lane.start(now, 10, 100) {
            lane.ended(key, End::HeldUp { reason: "full".to_owned() }, now, 0);
        }
        assert_eq!((lane.open_until(now), lane.held().len()), (None, 10));
        assert!(lane.next(PARALLEL, 100).unwrap() > now);
    }
}
