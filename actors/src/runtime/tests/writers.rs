//! Writers fail, and are succeeded.

use kippu_events::log::memory::Fault;

use super::*;

/// Shows F9.
#[test]
fn after_no_answer_the_log_says_what_became_of_it() {
    for written in [true, false] {
        on_stage(move |stage| async move {
            let play = stage.start("a").await;
            let id = play.open("one").await.unwrap().entity.id;
            let partition = id.slot().partition(2);
            stage.log.fail_append(partition, Fault::Unknown { written });
            assert_eq!(slug(&play.place(id, "place", "p", "a").await), "unknown-outcome");
            let answer = play.placed(id).await;
            assert_eq!((answer.replayed, answer.version), (written, 2));
        });
    }
}

/// Shows F3.
#[test]
fn a_deposed_runtime_never_says_done_nor_refuses() {
    // What it would do, and what it would refuse: it has not heard that the placement is placed.
    for name in ["place", "move"] {
        on_stage(async move |stage| {
            let old = stage.start("a").await;
            let id = old.open("one").await.unwrap().entity.id;
            let new = stage.start("b").await;
            assert_eq!(slug(&new.place(id, "place", "n", "a").await), "done");
            let answer = slug(&old.place(id, name, "o", "b").await);
            assert!(matches!(answer, "unavailable" | "unknown-outcome"), "{answer}");
            assert_eq!(slug(&new.place(id, "move", "m", "c").await), "done");
        });
    }
}

#[test]
fn a_writer_that_fails_before_it_wrote_says_that_nothing_happened() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let id = play.open("one").await.unwrap().entity.id;
        stage.log.fail_append(id.slot().partition(2), Fault::Unavailable);
        assert_eq!(slug(&play.place(id, "place", "p", "a").await), "unavailable");
        assert!(!play.placed(id).await.replayed);
    });
}
