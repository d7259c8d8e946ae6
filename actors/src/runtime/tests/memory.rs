//! Entities leave memory and come back.

use super::*;

/// Shows F14.
#[test]
fn idle_entities_leave_memory_and_come_back_as_they_were() {
    on_stage(|mut stage| async move {
        stage.most_loaded = 200;
        let play = stage.start("a").await;
        let mut ids = Vec::new();
        for n in 0..3_000 {
            let id = play.open(&format!("p{n}")).await.unwrap().entity.id;
            ids.push(id);
        }
        for n in (0..3_000).rev() {
            assert_eq!(slug(&play.place(ids[n], "place", "p", &format!("s{n}")).await), "done");
        }
        // Whoever was not asked since the last tick leaves with the next batch that is written.
        play.runtime.tick().await;
        for id in &ids[..50] {
            assert_eq!(slug(&play.place(*id, "move", "m", "y").await), "done");
        }
        let loaded = async || {
            play.runtime.tick().await;
            play.runtime.figures().await.into_iter().flatten().map(|figures| figures.loaded).sum::<usize>()
        };
        until(loaded, |loaded| *loaded <= 250).await;
        for n in (0..3_000).step_by(7) {
            assert_eq!(slug(&play.place(ids[n], "place", "again", "x").await), "placement-already-placed");
            assert!(play.place(ids[n], "place", "p", &format!("s{n}")).await.unwrap().replayed);
        }
    });
}

/// Keeps P3.
#[test]
fn an_entity_store_of_another_history_is_made_anew() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let id = play.open("one").await.unwrap().entity.id;
        play.place(id, "place", "p", "a").await.unwrap();
        play.runtime.stop().await;
        let other = Stage { log: MemoryLog::new(LOG, 2), ..stage };
        let play = other.start("a").await;
        let answer = play.place(id, "place", "p", "a").await;
        assert_eq!(slug(&answer), "not-found", "this history knows nothing of it");
    });
}
