//! Answers leave in order, once what they were decided on is durable; full queues are an answer.

use futures_util::FutureExt as _;

use super::*;
use crate::runtime::serving::MOST_WAITING;

/// Shows F16.
#[test]
fn nothing_is_answered_before_what_it_rests_on_is_durable() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let id = play.open("one").await.unwrap().entity.id;
        stage.log.hold();
        let mut place = Box::pin(play.place(id, "place", "p", "a"));
        let mut refused = Box::pin(play.place(id, "place", "q", "b"));
        assert!((&mut place).now_or_never().is_none() && (&mut refused).now_or_never().is_none());
        // The second refusal is decided by now, on a state that is not durable yet.
        play.runtime.figures().await;
        assert!((&mut refused).now_or_never().is_none(), "a refusal is an answer too");
        assert!((&mut place).now_or_never().is_none());
        stage.log.release();
        assert_eq!(slug(&place.await), "done");
        assert_eq!(slug(&refused.await), "placement-already-placed");
    });
}

/// Shows F15.
#[test]
fn a_partition_with_too_much_under_way_says_so() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        stage.log.hold();
        let mut under_way = Vec::new();
        let mut turned_away = 0;
        for n in 0..4 * MOST_WAITING {
            let play = play.clone();
            let mut open = Box::pin(async move { play.open(&format!("p{n}")).await });
            match (&mut open).now_or_never() {
                None => under_way.push(open),
                Some(answer) => {
                    assert_eq!(slug(&answer), "overloaded");
                    assert_eq!(answer.err().and_then(|problem| problem.retry_after_secs), Some(1));
                    turned_away += 1;
                }
            }
        }
        stage.log.release();
        let mut done = 0;
        for open in under_way {
            match slug(&open.await) {
                "done" => done += 1,
                "overloaded" => turned_away += 1,
                other => panic!("{other}"),
            }
        }
        assert!(turned_away > 0 && done > 0, "{done} done, {turned_away} turned away");
        assert_eq!(done + turned_away, 4 * MOST_WAITING, "nobody was dropped in silence");
    });
}
