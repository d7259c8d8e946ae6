//! One activity, model-checked: every order in which what a settlement owes its issuer can be sent, lost, repeated, refused,
//! answered late, given up and begun anew after a crash. The settlement is the real one, with its real rules.
//!
//! A safeguard that is taken out must show: the checker then finds a history in which money moves that must not.

mod issuer;
mod state;

use std::sync::atomic::{AtomicU64, Ordering};

use kippu_events::secrets::Secrets;
use stateright::{Checker as _, HasDiscoveries, Model, Property};

use issuer::Holds;
use state::{LOG, State};

/// How far the default run goes: some seconds.
const DEPTH: Depth = Depth { sent: 4, repeats: 2, deaf: 1 };

/// A safeguard that is left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Without {
    /// The real thing.
    Nothing,
    /// The same key at every try of an activity: the issuer takes each try for another command.
    Key,
    /// The number of the activity: an outcome is taken for that of whatever is owed now.
    Number,
    /// The end of the wait: a permission counts whenever it comes.
    Wait,
    /// The release: what was given up is over at once.
    Release,
}

/// Which histories are checked.
#[derive(Clone, Copy, Debug)]
struct Depth {
    /// Requests that are sent.
    sent: u8,
    /// Messages of which the network delivers a second copy.
    repeats: u8,
    /// Requests that an issuer refuses that does not listen to this party at the time.
    deaf: u8,
}

struct Activity {
    without: Without,
    depth: Depth,
    secrets: Secrets,
    /// Outcomes that were taken, and those that came too late.
    taken: AtomicU64,
    late: AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Action {
    /// What is owed is tried.
    Send,
    /// A request reaches the issuer; a copy is left if it will come again.
    Reach(usize, bool),
    /// A request reaches the issuer, which does not listen to this party now.
    Refuse(usize),
    /// An answer reaches the node; a copy is left if it will come again.
    Answer(usize, bool),
    /// The node crashes: no answer to what it asked before reaches it.
    Crash,
    /// The shop, which is not at fault here, says what it delivers.
    Deliver,
    /// An operator calls it off.
    Cancel,
    /// An operator has a part given back.
    Refund,
    /// The next time has passed that something waits for.
    Pass,
    /// The deadline is seen to.
    Deadline,
}

impl Model for Activity {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        [Holds::Reserved, Holds::Nothing].map(|holds| State::new(&self.secrets, holds)).to_vec()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.sent < self.depth.sent && state.owes_issuer() {
            actions.push(Action::Send);
        }
        for index in 0..state.requests.len() {
            actions.push(Action::Reach(index, false));
            if state.repeats < self.depth.repeats {
                actions.push(Action::Reach(index, true));
            }
            if state.deaf < self.depth.deaf {
                actions.push(Action::Refuse(index));
            }
        }
        for index in 0..state.answers.len() {
            actions.push(Action::Answer(index, false));
            if state.repeats < self.depth.repeats {
                actions.push(Action::Answer(index, true));
            }
        }
        if !state.answers.is_empty() {
            actions.push(Action::Crash);
        }
        if state.owes_shop() {
            actions.push(Action::Deliver);
        }
        if state.may_be_cancelled() {
            actions.push(Action::Cancel);
        }
        if state.may_be_refunded() {
            actions.push(Action::Refund);
        }
        if state.clock < State::LAST_CLOCK {
            actions.push(Action::Pass);
        }
        if state.is_due() {
            actions.push(Action::Deadline);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Send => state.send(&self.secrets),
            Action::Reach(index, again) => state.reach(index, again, self.without),
            Action::Refuse(index) => state.refuse(index),
            Action::Answer(index, again) => {
                let count =
                    if state.answer(index, again, self.without, &self.secrets) { &self.taken } else { &self.late };
                count.fetch_add(1, Ordering::Relaxed);
            }
            Action::Crash => state.crash(),
            Action::Deliver => state.deliver(self.without, &self.secrets),
            Action::Cancel => state.cancel(self.without),
            Action::Refund => state.refund(),
            Action::Pass => state.clock += 1,
            Action::Deadline => state.deadline(self.without),
        }
        state.tidy();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONCE, |_, state: &State| state.is_done_once()),
            Property::always(IN_TIME, |_, state: &State| !state.permitted_late),
            Property::always(PERMITTED, |_, state: &State| state.is_settled_as_permitted()),
            Property::always(FREED, |_, state: &State| state.is_freed_at_its_end()),
            Property::always(BOOKS, |_, state: &State| state.books_agree()),
            Property::sometimes("it is paid, told and partly given back", |_, state: &State| {
                state.is_paid_and_refunded()
            }),
            Property::sometimes("it is released", |_, state: &State| state.is_released()),
        ]
    }
}

const ONCE: &str = "each effect is recorded once, on both sides";
const IN_TIME: &str = "nothing is permitted after the wait";
const PERMITTED: &str = "what is settled here is permitted there, and not released";
const FREED: &str = "what came to nothing is reserved nowhere";
const BOOKS: &str = "what the issuer was told is what was settled";

impl Activity {
    fn new(without: Without) -> Self {
        let (taken, late) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { without, depth: DEPTH, secrets: Secrets::ephemeral(1, LOG), taken, late }
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Shows D28, D34, D36, F44.
/// Keeps T1, R3.
#[test]
fn whatever_is_lost_repeated_late_or_given_up_one_effect_comes_of_what_is_owed() {
    let checker = Activity::new(Without::Nothing).checker().threads(threads()).spawn_dfs().join();
    checker.assert_properties();
    let Activity { taken, late, .. } = checker.model();
    println!("{DEPTH:?}: {} different states, {taken:?} taken, {late:?} late", checker.unique_state_count());
    assert!([taken, late].iter().all(|count| count.load(Ordering::Relaxed) > 0), "the histories were too tame");
}

/// The checker finds a history after which `property` does not hold when a safeguard is left out.
#[track_caller]
fn is_not_so_without(without: Without, property: &'static str) {
    let found = HasDiscoveries::AnyOf([property].into());
    let checker = Activity::new(without).checker().threads(threads()).finish_when(found).spawn_bfs().join();
    let path = checker.discovery(property).unwrap_or_else(|| panic!("without {without:?}, still so: {property}"));
    println!("without {without:?}, after {:?}: not so: {property}", path.into_actions());
}

#[test]
fn without_the_same_key_at_every_try_something_stays_reserved() {
    is_not_so_without(Without::Key, FREED);
}

#[test]
fn without_the_number_of_the_activity_something_stays_reserved() {
    is_not_so_without(Without::Number, FREED);
}

#[test]
fn without_the_end_of_the_wait_a_late_permission_counts() {
    is_not_so_without(Without::Wait, IN_TIME);
}

#[test]
fn without_the_release_something_stays_reserved() {
    is_not_so_without(Without::Release, FREED);
}
