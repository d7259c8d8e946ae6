//! A history that ends here and goes on at another place.

use kippu_events::log::seal::seal;
use kippu_events::log::{AppendError, Claimant, ReadLog as _};

use super::super::Place;
use super::standby::is_serving;
use super::*;

const THERE: &str = "kafka://there:9092/kippu";

fn detail(result: &Result<Outcome, Problem>) -> &str {
    match result {
        Err(problem) => &problem.detail,
        Ok(_) => "done",
    }
}

/// Shows F7. Keeps E4.
#[test]
fn after_its_seal_a_runtime_decides_nothing_and_says_where_the_history_goes_on() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let id = play.open("one").await.unwrap().entity.id;
        play.runtime.seal(THERE).await.unwrap();
        let ends = [0, 1].map(|partition| stage.log.end(partition).unwrap());
        // Neither a new command, nor a retry, nor one that could only be refused.
        for answer in
            [play.place(id, "place", "p", "a").await, play.open("one").await, play.place(id, "move", "m", "b").await]
        {
            assert_eq!(slug(&answer), "moved");
            assert_eq!(detail(&answer), "the history goes on at kafka://there:9092/kippu");
        }
        play.runtime.seal(THERE).await.unwrap();
        let other = play.runtime.seal("other").await.unwrap_err();
        assert_eq!((other.partition, other.reason.contains(THERE)), (0, true), "{other}");
        assert_eq!([0, 1].map(|partition| stage.log.end(partition).unwrap()), ends);
        play.runtime.stop().await;
        let again = stage.start("a").await;
        assert_eq!(slug(&again.place(id, "place", "p", "a").await), "moved");
        let moved = Phase::Moved { next: THERE.to_owned() };
        assert_eq!(again.runtime.phases(), [moved.clone(), moved]);
    });
}

/// Shows F7.
#[test]
fn a_node_that_does_not_serve_every_partition_seals_none() {
    on_stage(|stage| async move {
        let play = stage.join("a").await;
        play.runtime.assign(&[0]);
        play.is_at(0, is_serving).await;
        let ends = [0, 1].map(|partition| stage.log.end(partition).unwrap());
        let refused = play.runtime.seal(THERE).await.unwrap_err();
        assert_eq!((refused.partition, refused.reason.contains("kippu log copy")), (1, true), "{refused}");
        assert_eq!([0, 1].map(|partition| stage.log.end(partition).unwrap()), ends);
        assert!(is_serving(&play.runtime.phases()[0]));
    });
}

/// Keeps E2, E3.
#[test]
fn what_was_decided_before_the_seal_is_answered_as_ever() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        stage.log.hold();
        let (asker, sealer) = (play.clone(), play.clone());
        let asked = actix::spawn(async move { asker.open("one").await });
        play.all_arrived().await;
        let sealed = actix::spawn(async move { sealer.runtime.seal(THERE).await });
        play.all_arrived().await;
        stage.log.release();
        sealed.await.unwrap().unwrap();
        assert_eq!(slug(&asked.await.unwrap()), "done");
    });
}

/// Shows F7.
#[test]
fn a_node_that_stands_by_says_so_too_once_another_process_has_sealed() {
    on_stage(|stage| async move {
        let play = stage.join("a").await;
        let claimant = Claimant { node: "copy".to_owned(), url: String::new() };
        for partition in [0, 1] {
            seal(&*stage.log, partition, &claimant, THERE).unwrap();
            seal(&*stage.log, partition, &claimant, THERE).unwrap();
            let other_node = seal(&*stage.log, partition, &claimant, "other");
            assert_eq!(other_node, Err(AppendError::Sealed { next: THERE.to_owned() }));
        }
        let other_node = async || {
            play.runtime.tick().await;
            [0, 1].map(|partition| play.runtime.place_of(partition) == Place::OtherNode)
        };
        until(other_node, |other| *other == [false, false]).await;
        assert_eq!(slug(&play.open("one").await), "moved");
    });
}
