//! Records that do not count, records that end a partition, and records that cannot be read for a while.

use std::ops::Range;

use kippu_events::log::{Claim, Commit, Content, Hash, Head, Position, ReadLog as _};

use super::{PATIENCE, Running, SampleHistory, Scripted, end_of, engine, folded, runtime, seed};
use crate::access::users::Users;
use crate::queries::{Moment, QueryError};
use crate::runner::Limits;

/// Reads from everywhere.
const EVERY: Range<u64> = 0..u64::MAX;

fn commit(epoch: u64, number: u64, prev: Hash, acked: u64) -> Vec<u8> {
    Content::Commit(Commit { epoch, number, prev, acked, body: b"[]" }).encode().0
}

#[test]
fn entries_that_do_not_count_are_skipped_before_and_after_a_restart() {
    let mut sample = SampleHistory::new(seed(), 1);
    let log = Scripted::telling(&mut sample, 30);
    let early = log.read(0, 5, Default::default()).expect("read").entries[0].stored.clone();
    let mut running = Running::over(log.clone());
    running.caught_up();
    for round in 0..3 {
        let Head { epoch, number, hash, .. } = log.head(0);
        log.push(0, commit(epoch - 1, number + 1, hash, number));
        log.push(
            0,
            Content::Claim(Claim { epoch, nonce: [9; 16], node: String::new(), url: String::new() }).encode().0,
        );
        log.push(0, commit(epoch, number + 2, hash, number));
        if round == 0 {
            log.push(0, early.clone());
        } else {
            running.stop();
            running.start();
        }
        let position = log.tell(&mut sample);
        let queries = running.queries();
        runtime().block_on(queries.reach("users", &Moment::Position(position), PATIENCE)).expect("reflected");
        let status = queries.status();
        assert!(!status.is_stalled(), "{status:?}");
        assert_eq!(status.views[0].partitions[0].skipped, 4 + 3 * round);
        assert_eq!(status.views[0].partitions[0].position, Some(position.to_string()));
    }
    running.stop();
    running.start();
    // A repeated record is known again although the runner that took it is gone.
    log.push(0, early);
    let last = log.tell(&mut sample);
    runtime().block_on(running.queries().reach("users", &Moment::Position(last), PATIENCE)).expect("reflected");
}

/// Shows F18.
#[test]
fn damage_halts_its_partition_alone_and_says_so() {
    for what in ["a flipped bit", "another chain", "a missing record", "a second genesis", "no events"] {
        let mut sample = SampleHistory::new(seed(), 3);
        let log = Scripted::telling(&mut sample, 60);
        let good = log.head(1);
        let Head { epoch, number, hash, .. } = good;
        let end = log.end(1).expect("an end");
        match what {
            "a flipped bit" => {
                log.commit(1, b"[]");
                log.tamper(1, usize::try_from(end).expect("small"), |stored| stored[30] ^= 4);
            }
            "another chain" => log.push(1, commit(epoch, number + 1, Hash::ZERO, number)),
            "a missing record" => log.push(1, commit(epoch, number + 2, hash, number + 1)),
            "a second genesis" => {
                let genesis = log.read(1, 0, Default::default()).expect("read").entries[0].stored.clone();
                log.push(1, genesis);
            }
            _ => drop(log.commit(1, b"{}")),
        }
        log.commit(1, b"[]");
        let mut running = Running::over(log.clone());
        for restart in [false, true] {
            if restart {
                running.stop();
                running.start();
            }
            let queries = running.caught_up();
            let status = queries.status();
            assert!(status.is_stalled(), "{what}");
            for view in &status.views {
                let halted: Vec<_> = view.partitions.iter().map(|partition| partition.halted.is_some()).collect();
                assert_eq!(halted, [false, true, false], "{what}");
                assert_eq!(view.partitions[1].number, number, "{what}");
                assert!(view.partitions[1].halted.as_ref().expect("a reason").starts_with(&format!("offset {end}:")));
            }
            let found = queries.digest("users").expect("a digest");
            let mut cut = end_of(&*log);
            cut.0[1] = number;
            assert_eq!((&found.cut, found.digest), (&cut, folded(&*log, &Users, &cut).digest()), "{what}");
            let beyond = Moment::Position(Position::new(1, number + 1, &hash));
            let waited = runtime().block_on(queries.reach("users", &beyond, PATIENCE));
            assert!(matches!(waited, Err(QueryError::Stalled { partition: 1, offset, .. }) if offset == end));
            let here = Moment::Position(Position::new(1, number, &hash));
            assert_eq!(runtime().block_on(queries.reach("users", &here, PATIENCE)), Ok(()));
            let other = Moment::Position(log.commit(2, b"[]"));
            runtime().block_on(queries.reach("users", &other, PATIENCE)).expect("the others go on");
        }
    }
}

/// Shows F18.
#[test]
fn an_event_of_a_kind_that_is_not_known_stalls_the_views_that_read_its_family_and_no_other() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 60);
    let (number, beat) = (log.head(1).number + 1, sample.register());
    let body = String::from_utf8(beat.body(&log.id(), number)).expect("text");
    let body = body.replace(r#""id":"0-"#, r#""id":"1-"#).replace(r#""id":"2-"#, r#""id":"1-"#);
    log.commit(1, body.replace("user.registered", "user.reborn").as_bytes());
    log.commit(1, b"[]");
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    let end = Moment::Cut(end_of(&*log));
    for view in queries.status().views {
        let reached = runtime().block_on(queries.reach(&view.name, &end, PATIENCE));
        let of_users = ["forgotten", "users", "spending", "ledger", "ledger-entries", "trial-balances"];
        if of_users.contains(&view.name.as_str()) {
            assert!(matches!(reached, Err(QueryError::Stalled { partition: 1, .. })), "{}: {reached:?}", view.name);
        } else {
            assert_eq!(reached, Ok(()), "{}", view.name);
        }
    }
}

#[test]
fn views_go_on_by_themselves_once_the_log_can_be_read_again() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 60);
    log.fail_reads(1, EVERY, 2);
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    assert!(!queries.status().is_stalled(), "{:?}", queries.status());
    let (found, cut) = (queries.digest("users").expect("a digest"), end_of(&*log));
    assert_eq!((&found.cut, found.digest), (&cut, folded(&*log, &Users, &cut).digest()));
}

#[test]
fn who_waits_for_what_cannot_be_read_just_now_is_not_told_that_the_view_has_ended() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 60);
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    log.fail_reads(1, EVERY, 2);
    let position = log.commit(1, b"[]");
    let waited = runtime().block_on(queries.reach("users", &Moment::Position(position), PATIENCE));
    assert_eq!(waited, Ok(()));
}

#[test]
fn an_instance_that_lacks_what_cannot_be_read_does_not_answer() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 60);
    let dir = tempfile::tempdir().expect("a folder");
    log.fail_reads(1, EVERY, u32::MAX);
    let mut engine = engine(log.clone(), dir.path(), Limits::default());
    let published = engine.subscribe();
    while engine.turn().expect("a turn") {}
    assert!(engine.is_held_up());
    assert!(!published.borrow().caught_up);
    assert!(published.borrow().views.iter().all(|view| view.live.is_none()));
    log.fail_reads(1, EVERY, 0);
    assert!(!engine.turn().expect("a turn"), "it is left alone until it is to be tried again");
    engine.retry();
    while engine.turn().expect("a turn") {}
    assert!(!engine.is_held_up());
    assert!(published.borrow().caught_up);
    assert!(published.borrow().views.iter().all(|view| view.live.is_some()));
}

#[test]
fn a_repeated_record_whose_first_copy_cannot_be_read_just_now_is_no_damage() {
    let mut sample = SampleHistory::new(seed(), 1);
    let log = Scripted::telling(&mut sample, 30);
    let early = log.read(0, 5, Default::default()).expect("read").entries[0].stored.clone();
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    // The first copy is looked up from the genesis on.
    log.fail_reads(0, 0..5, 1);
    log.push(0, early);
    let last = Moment::Position(log.commit(0, b"[]"));
    assert_eq!(runtime().block_on(queries.reach("users", &last, PATIENCE)), Ok(()));
}

/// Shows F18.
#[test]
fn who_waits_is_told_that_the_store_does_not_work_and_nothing_is_lost() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 300);
    let mut running = Running::over(log.clone());
    running.caught_up();
    // What was in memory goes into a file when the store is opened again.
    running.stop();
    running.start();
    let queries = running.caught_up();
    for file in std::fs::read_dir(running.dir.path()).expect("a folder") {
        let path = file.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "sst") {
            let garbage = vec![0x55; std::fs::read(&path).expect("readable").len()];
            std::fs::write(path, garbage).expect("written");
        }
    }
    let beats: Vec<_> = sample.users.clone().into_iter().map(|user| sample.issue(user, 10)).collect();
    let positions: Vec<_> = beats.iter().map(|beat| log.write(beat)).collect();
    let last = Moment::Position(*positions.last().expect("there are users"));
    let waited = runtime().block_on(queries.reach("users", &last, PATIENCE));
    assert!(matches!(waited, Err(QueryError::Store(_))), "{waited:?}");
    let failed = queries.status().failed.expect("a reason");
    assert!(failed.contains("Corruption"), "{failed}");
    drop(queries);
    running.stop();
    std::fs::remove_dir_all(running.dir.path()).expect("deleted");
    running.start();
    assert_eq!(runtime().block_on(running.queries().reach("users", &last, PATIENCE)), Ok(()));
}
