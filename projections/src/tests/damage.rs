//! Records that do not count, and records that end a partition.

use kippu_events::log::{Claim, Commit, Content, Hash, Head, Position, ReadLog as _};

use super::{PATIENCE, Running, Scripted, Story, end_of, folded, runtime, seed};
use crate::queries::{Moment, QueryError};
use crate::views::users::Users;

fn commit(epoch: u64, number: u64, prev: Hash, acked: u64) -> Vec<u8> {
    Content::Commit(Commit { epoch, number, prev, acked, body: b"[]" }).encode().0
}

#[test]
fn entries_that_do_not_count_are_skipped_before_and_after_a_restart() {
    let mut story = Story::new(seed(), 1);
    let log = Scripted::telling(&mut story, 30);
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
        let position = log.tell(&mut story);
        let queries = running.queries();
        runtime().block_on(queries.wait_for("users", &Moment::Position(position), PATIENCE)).expect("reflected");
        let status = queries.status();
        assert!(!status.is_stalled(), "{status:?}");
        assert_eq!(status.views[0].partitions[0].skipped, 4 + 3 * round);
    }
    running.stop();
    running.start();
    // A repeated record is known again although the runner that took it is gone.
    log.push(0, early);
    let last = log.tell(&mut story);
    runtime().block_on(running.queries().wait_for("users", &Moment::Position(last), PATIENCE)).expect("reflected");
}

/// Shows F18.
#[test]
fn damage_halts_its_partition_alone_and_says_so() {
    for what in
        ["a flipped bit", "another chain", "a missing record", "a second genesis", "no events", "an unknown kind"]
    {
        let mut story = Story::new(seed(), 3);
        let log = Scripted::telling(&mut story, 60);
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
            "no events" => drop(log.commit(1, b"{}")),
            _ => {
                let beat = story.register();
                let body = String::from_utf8(beat.body(&log.id(), number + 1)).expect("text");
                let body = body.replace(r#""id":"0-"#, r#""id":"1-"#).replace(r#""id":"2-"#, r#""id":"1-"#);
                log.commit(1, body.replace("user.registered", "user.reborn").as_bytes());
            }
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
            let waited = runtime().block_on(queries.wait_for("users", &beyond, PATIENCE));
            assert!(matches!(waited, Err(QueryError::Stalled { partition: 1, offset, .. }) if offset == end));
            let here = Moment::Position(Position::new(1, number, &hash));
            assert_eq!(runtime().block_on(queries.wait_for("users", &here, PATIENCE)), Ok(()));
            let other = Moment::Position(log.commit(2, b"[]"));
            runtime().block_on(queries.wait_for("users", &other, PATIENCE)).expect("the others go on");
        }
    }
}
