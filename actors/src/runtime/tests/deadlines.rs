//! Deadlines fire once, whatever clocks and restarts do.

use std::time::Duration;

use kippu_events::log::{Bound, ReadLog as _};

use super::*;
use crate::runtime::StartError;
use crate::runtime::entity_store::MOST_DUE;

/// The state in which a second redemption finds the approval.
async fn state(play: &Play, token: &str, key: &str) -> &'static str {
    slug(&play.redeem(key, token).await)
}

fn token(outcome: &Outcome) -> String {
    body(outcome)["token"].as_str().unwrap().to_owned()
}

/// Shows F17.
#[test]
fn an_approval_expires_and_frees_what_it_reserved() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let terminal = play.terminal("ann").await;
        let approval = play.approve(terminal, "a", 1000).await.unwrap();
        assert_eq!(slug(&play.approve(terminal, "b", 1).await), "limit-exceeded");
        stage.clock.pass(Duration::from_secs(60));
        until_expired(&stage, &play).await;
        assert_eq!(slug(&play.approve(terminal, "c", 1000).await), "done");
        assert_eq!(state(&play, &token(&approval), "r").await, "approval-expired");
    });
}

/// Shows F17.
#[test]
fn a_deadline_that_passed_while_the_node_was_down_fires_when_it_is_up_again() {
    // With the cache, where the deadline lies on disk, and without it.
    for cache in ["a", "b"] {
        on_stage(|stage| async move {
            let play = stage.start("a").await;
            let terminal = play.terminal("ann").await;
            play.approve(terminal, "a", 1000).await.unwrap();
            play.runtime.stop().await;
            stage.clock.pass(Duration::from_secs(60));
            let play = stage.start(cache).await;
            until_expired(&stage, &play).await;
            assert_eq!(slug(&play.approve(terminal, "b", 1000).await), "done", "cache {cache}");
            assert_eq!(expiries(&stage), 1);
        });
    }
}

/// Shows F17.
#[test]
fn deadlines_that_one_look_does_not_bring_fire_too() {
    const MANY: usize = 2 * MOST_DUE + 1;
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let terminal = play.terminal("ann").await;
        for n in 0..MANY {
            play.approve(terminal, &n.to_string(), 0).await.unwrap();
        }
        play.runtime.stop().await;
        stage.clock.pass(Duration::from_secs(60));
        let _play = stage.start("a").await;
        until(async || expiries(&stage), |expired| *expired == MANY).await;
    });
}

/// Records of the whole log in which an approval expires.
fn expiries(stage: &Stage) -> usize {
    stored(stage).filter(|stored| stored.contains("approval.expired")).count()
}

/// The records of the whole log, as far as they are text.
fn stored(stage: &Stage) -> impl Iterator<Item = String> {
    let read = |partition| stage.log.read(partition, 0, Bound { entries: usize::MAX, bytes: usize::MAX }).unwrap();
    let entries = (0..stage.log.partitions()).flat_map(move |partition| read(partition).entries);
    entries.map(|entry| String::from_utf8_lossy(&entry.stored).into_owned())
}

/// Looks for deadlines until one has fired: a deadline on disk is looked up on a blocking pool, and fires with a later message.
async fn until_expired(stage: &Stage, play: &Play) {
    let expired = async || {
        play.runtime.tick().await;
        expiries(stage)
    };
    until(expired, |expired| *expired > 0).await;
}

#[test]
fn clocks_that_step_back_and_forth_let_nothing_expire_twice_or_early() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let terminal = play.terminal("ann").await;
        let approval = play.approve(terminal, "a", 600).await.unwrap();
        stage.clock.step_micros(-30_000_000);
        play.runtime.tick().await;
        stage.clock.pass(Duration::from_secs(59));
        play.runtime.tick().await;
        assert_eq!(
            slug(&play.approve(terminal, "b", 600).await),
            "limit-exceeded",
            "by the log's time it has not expired"
        );
        stage.clock.step_micros(31_000_000);
        until_expired(&stage, &play).await;
        for _ in 0..3 {
            play.runtime.tick().await;
        }
        assert_eq!(slug(&play.approve(terminal, "c", 600).await), "done");
        assert_eq!(slug(&play.approve(terminal, "d", 600).await), "limit-exceeded", "it was freed once");
        assert_eq!(state(&play, &token(&approval), "r").await, "approval-expired");
        assert_eq!(expiries(&stage), 1);
    });
}

#[test]
fn a_clock_that_jumps_stops_commands_until_the_node_is_started_again() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        play.open("one").await.unwrap();
        stage.clock.step_micros(3_600_000_000);
        assert_eq!(slug(&play.open("two").await), "clock-jumped");
        assert!(play.open("one").await.unwrap().replayed, "what was done is still answered");
        play.runtime.stop().await;
        let play = stage.start("a").await;
        assert_eq!(slug(&play.open("two").await), "done");
        play.runtime.stop().await;
        // Now the log is ahead of a clock that was set back: somebody has to say that this is meant.
        stage.clock.step_micros(-3_600_000_000);
        let config = RuntimeConfig { threads: 1, ..RuntimeConfig::new(stage.folder.path().join("a")) };
        let log: Arc<dyn Log> = stage.log.clone();
        let refused = Runtime::start(config.clone(), log.clone(), stage.secrets.clone(), stage.clock.clone()).await;
        assert!(matches!(refused.err(), Some(StartError::Clock { .. })));
        let accepting = RuntimeConfig { accept_clock: true, ..config };
        let accepted = Runtime::start(accepting, log, stage.secrets.clone(), stage.clock.clone()).await;
        assert!(accepted.is_ok());
    });
}

#[test]
fn records_of_a_node_that_starts_with_a_clock_set_back_are_not_earlier_than_those_before() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let id = play.open("one").await.unwrap().entity.id;
        play.runtime.stop().await;
        stage.clock.step_micros(-60_000_000);
        // With the cache, where the last time lies on disk, and without it.
        for (cache, name) in [("a", "place"), ("b", "move")] {
            let play = stage.start(cache).await;
            play.place(id, name, name, cache).await.unwrap();
            play.runtime.stop().await;
        }
        let noons = stored(&stage).filter(|stored| stored.contains(&format!("\"time\":\"{NOON}\""))).count();
        assert_eq!(noons, 3);
    });
}
