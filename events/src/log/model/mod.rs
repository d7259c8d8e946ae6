//! The rule of validity, model-checked: every order in which three writers' records can be built, lost, repeated,
//! delayed, overtaken, and reported on, up to a number of records, with the real `judge` over real records.
//!
//! A safeguard that is taken out must show: the checker then finds a history in which an answer is lost.

mod message;
mod state;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering};

use stateright::{Checker as _, HasDiscoveries, Model, Property};

use state::{State, Verdicts, WRITERS};

/// How far the default run goes: about ten seconds. One record more with repeats takes many minutes and gigabytes.
const DEFAULT: [Depth; 2] = [Depth { records: 5, repeats: 2 }, Depth { records: 6, repeats: 0 }];
/// How far `KIPPU_MODEL_DEPTH=RECORDS` goes.
const ASKED_REPEATS: u8 = 2;
/// A writer has so many records unproven.
const WINDOW: usize = 3;

/// A safeguard that is left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Without {
    /// The real thing.
    Nothing,
    /// Judges an orphan as damage.
    OrphanRule,
    /// Answers on any offset.
    Contiguity,
    /// Answers on a report without an offset.
    ReadBack,
    /// Serves without having read to its claim.
    ReadToClaim,
    /// Hands another record over with the number of one that failed.
    EndOnFailure,
}

/// Which histories are checked.
#[derive(Clone, Copy, Debug)]
struct Depth {
    /// Records that are built.
    records: u8,
    /// Messages of which the client library writes a second copy.
    repeats: u8,
}

struct Log {
    without: Without,
    depth: Depth,
    seen: Verdicts,
    answers: AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Action {
    /// A writer claims, wherever it stood before.
    Claim(usize),
    /// A writer hands over the next record.
    Build(usize),
    /// A writer takes its unproven records for failed, and hands over another in place of the first.
    Rebuild(usize),
    /// A message on its way is appended; a copy is left if it will be written again.
    Append(usize, bool),
    /// A message on its way is reported as written, without an offset.
    Acknowledge(usize),
    /// A report reaches its writer.
    Report(usize),
}

impl Model for Log {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.lost || state.twice || state.damaged {
            return;
        }
        for index in 0..state.in_flight.len() {
            // Two copies of one message are one choice.
            if index > 0 && state.in_flight[index] == state.in_flight[index - 1] {
                continue;
            }
            actions.push(Action::Append(index, false));
            if state.repeats < self.depth.repeats {
                actions.push(Action::Append(index, true));
            }
            if state.may_acknowledge(index) {
                actions.push(Action::Acknowledge(index));
            }
        }
        actions.extend((0..state.reports.len()).map(Action::Report));
        if state.built == self.depth.records {
            return;
        }
        for writer in 0..WRITERS {
            // Writers that have done nothing yet are alike: the first of them stands for all.
            if writer == 0 || state.writers[writer - 1].term > 0 {
                actions.push(Action::Claim(writer));
            }
            if state.writers[writer].unproven().is_some_and(|unproven| unproven < WINDOW) {
                actions.push(Action::Build(writer));
            }
            if self.without == Without::EndOnFailure && state.writers[writer].unproven().is_some_and(|some| some > 0) {
                actions.push(Action::Rebuild(writer));
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Claim(writer) => state.claim(writer),
            Action::Build(writer) => state.build(writer),
            Action::Rebuild(writer) => state.rebuild(writer),
            Action::Append(index, again) => state.append(index, again, self.without, &self.seen),
            Action::Acknowledge(index) => state.acknowledge(index),
            Action::Report(index) => {
                let answers = state.report(index, self.without);
                self.answers.fetch_add(answers, Ordering::Relaxed);
            }
        }
        state.tidy();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing answered is lost", |_, state: &State| !state.lost),
            Property::always("no number is answered twice", |_, state: &State| !state.twice),
            Property::always("no honest history is judged damage", |_, state: &State| !state.damaged),
        ]
    }
}

impl Log {
    fn new(without: Without, depth: Depth) -> Self {
        Self { without, depth, seen: Verdicts::default(), answers: AtomicU64::new(0) }
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Shows F3.
/// Keeps L1, L4.
#[test]
fn no_history_of_three_writers_loses_an_answer_or_is_judged_damage() {
    let depths = match std::env::var("KIPPU_MODEL_DEPTH") {
        Ok(asked) => {
            let records = asked.parse().expect("KIPPU_MODEL_DEPTH is a number of records");
            vec![Depth { records, repeats: ASKED_REPEATS }]
        }
        Err(_) => DEFAULT.to_vec(),
    };
    let mut times = [0_u64; 5];
    for depth in depths {
        let checker = Log::new(Without::Nothing, depth).checker().threads(threads()).spawn_dfs().join();
        checker.assert_properties();
        let Log { seen, answers, .. } = checker.model();
        println!("{depth:?}: {} different states, {answers:?} answers, {seen:?}", checker.unique_state_count());
        for (times, count) in times.iter_mut().zip([&seen.valid, &seen.stale, &seen.duplicate, &seen.orphan, answers]) {
            *times += count.load(Ordering::Relaxed);
        }
    }
    assert!(times.iter().all(|count| *count > 0), "a verdict never came up, so the histories were too tame");
}

/// The checker finds a history after which `property` does not hold when a safeguard is left out, at a depth at which it
/// does with it.
#[track_caller]
fn is_not_so_without(without: Without, property: &'static str) {
    let found = HasDiscoveries::AnyOf([property].into());
    let checker = Log::new(without, DEFAULT[0]).checker().threads(threads()).finish_when(found).spawn_bfs().join();
    let path = checker.discovery(property).unwrap_or_else(|| panic!("without {without:?}, still so: {property}"));
    println!("without {without:?}, after {:?}: not so: {property}", path.into_actions());
}

#[test]
fn without_the_orphan_rule_an_honest_history_is_judged_damage() {
    is_not_so_without(Without::OrphanRule, "no honest history is judged damage");
}

#[test]
fn without_the_proof_by_contiguous_offsets_an_answer_is_lost() {
    is_not_so_without(Without::Contiguity, "nothing answered is lost");
}

#[test]
fn without_reading_back_an_answer_is_lost() {
    is_not_so_without(Without::ReadBack, "nothing answered is lost");
}

#[test]
fn without_reading_to_the_own_claim_an_answer_is_lost() {
    is_not_so_without(Without::ReadToClaim, "nothing answered is lost");
}

#[test]
fn without_ending_on_a_failure_an_honest_history_is_judged_damage() {
    is_not_so_without(Without::EndOnFailure, "no honest history is judged damage");
}
