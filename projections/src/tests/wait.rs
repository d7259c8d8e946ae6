//! Reading one's own writes, and what is not there yet.

use std::sync::Arc;
use std::time::Duration;

use kippu_events::EntityId;
use kippu_events::access::clients::Role;
use kippu_events::log::{Cut, Position};

use super::{PATIENCE, Running, SampleHistory, Scripted, end_of, engine, entries, runtime, seed};
use crate::queries::{Moment, QueryError};
use crate::runner::{Limits, Published, Runner, Signal};
use kippu_events::access::Caller;

const NOW: Duration = Duration::ZERO;

/// Shows F20.
#[test]
fn a_position_is_readable_as_soon_as_it_was_waited_for_and_after_a_restart() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 20);
    let mut running = Running::over(log.clone());
    for round in 0..6 {
        let beat = sample.register();
        let position = log.write(&beat);
        if round % 2 == 1 {
            running.stop();
            running.start();
        }
        let user = *sample.users.last().expect("a user");
        let queries = running.queries();
        runtime().block_on(queries.wait_for("users", &Moment::Position(position), None, PATIENCE)).expect("reflected");
        let found = queries.get("users", &user.to_string(), &Caller::OPERATOR, false).expect("found");
        assert_eq!(found.version, 2);
        assert!(found.cut.expect("a cut").reaches(&position));
        assert_eq!(found.position, Some(position));
    }
}

/// Shows F20.
#[test]
fn what_is_not_there_yet_is_told_with_the_present_cut() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 20);
    let queries = Running::over(log.clone());
    let queries = queries.caught_up();
    let head = log.head(1);
    let ahead = Moment::Position(Position::new(1, head.number + 1, &head.hash));
    let cut = end_of(&*log);
    let behind = |asked: &Moment| Err(QueryError::Behind { asked: asked.to_string(), cut: cut.clone() });
    assert_eq!(runtime().block_on(queries.wait_for("users", &ahead, None, NOW)), behind(&ahead));
    let ahead = Moment::Cut(Cut(vec![0, head.number + 1]));
    assert_eq!(runtime().block_on(queries.wait_for("users", &ahead, None, NOW)), behind(&ahead));
    assert_eq!(runtime().block_on(queries.wait_for("users", &Moment::Cut(cut.clone()), None, NOW)), Ok(()));
}

/// Shows F20.
#[test]
fn a_position_of_another_history_is_told_apart() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 20);
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    let head = log.head(0);
    let right = Position::new(0, head.number, &head.hash);
    for wrong in [
        Position { mark: [0; 8], ..right },
        Position { number: right.number - 1, ..right },
        Position { partition: 9, ..right },
        Position { number: 0, ..right },
    ] {
        let answer = runtime().block_on(queries.wait_for("users", &Moment::Position(wrong), None, NOW));
        assert_eq!(answer, Err(QueryError::OtherHistory(wrong.to_string())));
    }
    // A claim is a record too, although its hash is not in it.
    let claim = Scripted::new(2).head(0);
    let claim = Moment::Position(Position::new(0, 1, &claim.hash));
    assert_eq!(runtime().block_on(queries.wait_for("users", &claim, None, NOW)), Ok(()));
    let short = Moment::Cut(Cut(vec![1]));
    assert!(matches!(
        runtime().block_on(queries.wait_for("users", &short, None, NOW)),
        Err(QueryError::OtherHistory(_))
    ));
}

/// Shows F20.
#[test]
fn a_position_behind_entries_that_do_not_count_is_checked_at_a_single_look() {
    let mut sample = SampleHistory::new(seed(), 1);
    let log = Scripted::telling(&mut sample, 20);
    let entries = entries(&*log, 0);
    // What was there before comes again, as from a client library that repeats it.
    log.push(0, entries.last().expect("an entry").1.clone());
    let last = log.tell(&mut sample);
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    log.fail_reads(0, 0..last.number, u32::MAX);
    let at = |position| runtime().block_on(queries.wait_for("users", &Moment::Position(position), None, NOW));
    assert_eq!(at(last), Ok(()));
    let before = Position { number: last.number - 1, ..last };
    assert!(
        matches!(at(before), Err(QueryError::Log(_))),
        "it is found from the beginning on, which cannot be read now"
    );
}

#[test]
fn a_client_is_found_by_its_id() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 10);
    let running = Running::over(log);
    let queries = running.caught_up();
    let row = queries.client(sample.terminals[0]).expect("an answer").expect("a client");
    assert_eq!((row.role, row.user, row.counter, row.active), (Role::Terminal, Some(sample.users[0]), 0, true));
    assert_eq!(queries.client(EntityId::from_hash(&[1; 32])), Ok(None));
}

#[test]
fn a_runner_that_was_dropped_is_not_waited_for() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 10);
    let mut running = Running::over(log.clone());
    let queries = running.caught_up();
    running.stop();
    let next = Moment::Position(log.tell(&mut sample));
    assert_eq!(runtime().block_on(queries.wait_for("users", &next, None, PATIENCE)), Err(QueryError::Stopped));
    assert!(queries.status().is_stalled());
}

#[test]
fn a_view_has_caught_up_once_it_has_read_what_was_there_at_the_start_and_not_before() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 20);
    log.fail_reads(1, 0..u64::MAX, u32::MAX);
    let running = Running::over(log.clone());
    let queries = running.queries();
    let now = runtime().block_on(queries.caught_up_in("clients", NOW));
    assert!(matches!(now, Err(QueryError::Filling(_))), "{now:?}");
    assert!(!queries.has_caught_up("clients"));
    log.fail_reads(1, 0..0, 0);
    assert_eq!(runtime().block_on(queries.caught_up_in("clients", PATIENCE)), Ok(()));
    assert!(queries.has_caught_up("clients"));
}

#[test]
fn a_view_that_halts_before_the_end_has_not_caught_up() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 20);
    log.commit(1, b"{}");
    let running = Running::over(log);
    let queries = running.caught_up();
    let now = runtime().block_on(queries.caught_up_in("clients", NOW));
    assert!(matches!(now, Err(QueryError::Stalled { partition: 1, .. })), "{now:?}");
    assert!(!queries.has_caught_up("clients"));
}

/// Shows F18.
#[test]
fn views_follow_the_log_although_nobody_asks_for_anything() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 20);
    let dir = tempfile::tempdir().expect("a folder");
    let engine = engine(log.clone(), dir.path(), Limits::default());
    let mut published = engine.subscribe();
    let _runner = Runner::start(engine, &*log, Arc::new(Signal::new(2))).expect("started");
    for _ in 0..20 {
        let position = log.tell(&mut sample);
        let is_there = |published: &Published| {
            let live = published.view("users").and_then(|view| view.live.as_ref());
            live.is_some_and(|(_, reached)| reached.reaches(position.partition, position.number))
        };
        let followed = async { tokio::time::timeout(PATIENCE, published.wait_for(is_there)).await.map(drop) };
        runtime().block_on(followed).expect("followed");
    }
}
