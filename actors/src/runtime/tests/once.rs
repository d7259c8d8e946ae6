//! One effect per caller, key and entity, and the same answer for ever.

use serde_json::json;

use super::*;
use crate::runtime::resident::RECENT;

/// Shows F12.
#[test]
fn a_retry_gets_the_first_answer_and_no_second_effect() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let first = play.open("one").await.unwrap();
        let again = play.open("one").await.unwrap();
        assert_eq!((body(&again), again.position, again.version), (body(&first), first.position, first.version));
        assert!(again.replayed && !first.replayed);
    });
}

/// Shows F12.
#[test]
fn a_retry_gets_the_first_answer_after_a_restart_with_or_without_caches() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let terminal = play.terminal("ann").await;
        let first = play.approve(terminal, "one", 100).await.unwrap();
        play.runtime.stop().await;
        for cache in ["a", "b"] {
            let play = stage.start(cache).await;
            let again = play.approve(terminal, "one", 100).await.unwrap();
            assert_eq!((body(&again), again.position), (body(&first), first.position), "cache {cache}");
            assert!(again.replayed);
            play.runtime.stop().await;
        }
    });
}

/// Shows F12.
#[test]
fn a_key_that_comes_with_another_body_is_refused() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let id = play.open("one").await.unwrap().entity.id;
        assert_eq!(slug(&play.place(id, "place", "k", "a").await), "done");
        assert_eq!(slug(&play.place(id, "place", "k", "b").await), "idempotency-key-reused");
        assert_eq!(slug(&play.place(id, "move", "k", "a").await), "idempotency-key-reused");
    });
}

#[test]
fn the_same_parameters_in_other_spelling_are_the_same_command() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let call = || Call { caller: Caller::OPERATOR, key: "k".to_owned(), id: None, if_match: None };
        let first = play.commands.run(Family::Placements, "open", call(), br#"{"label":"x"}"#).await.unwrap();
        let again = play.commands.run(Family::Placements, "open", call(), b" { \"label\" : \"x\" }\n").await.unwrap();
        assert_eq!((first.position, again.replayed), (again.position, true));
    });
}

#[test]
fn retries_that_come_while_the_first_is_in_flight_share_its_answer() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        stage.log.hold();
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let play = play.clone();
                actix::spawn(async move { play.open("one").await })
            })
            .collect();
        play.all_arrived().await;
        stage.log.release();
        let mut positions = Vec::new();
        for caller in callers {
            positions.push(caller.await.unwrap().unwrap().position);
        }
        positions.dedup();
        assert_eq!(positions.len(), 1);
    });
}

#[test]
fn an_answer_is_repeated_long_after_the_entity_stopped_carrying_it() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let id = play.open("one").await.unwrap().entity.id;
        let first = play.place(id, "place", "first", "s").await.unwrap();
        let mut moves = Vec::new();
        for n in 0..3 * RECENT {
            moves.push(play.place(id, "move", &format!("m{n}"), &format!("s{n}")).await.unwrap());
        }
        play.runtime.stop().await;
        // With the cache, without it, and while the outcomes that were pushed out are only in memory.
        for cache in ["a", "b", "b"] {
            let play = stage.start(cache).await;
            let again = play.place(id, "place", "first", "s").await.unwrap();
            assert_eq!((again.position, again.replayed), (first.position, true));
            for (n, earlier) in moves.iter().enumerate() {
                let again = play.place(id, "move", &format!("m{n}"), &format!("s{n}")).await.unwrap();
                assert_eq!((body(&again), again.position), (body(earlier), earlier.position));
            }
            assert_eq!(slug(&play.place(id, "place", "first", "other").await), "idempotency-key-reused");
            play.runtime.stop().await;
        }
    });
}

/// Shows F13.
#[test]
fn a_command_decided_on_another_version_is_refused() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let id = play.open("one").await.unwrap().entity.id;
        let at = |version| Call {
            caller: Caller::OPERATOR,
            key: format!("v{version}"),
            id: Some(id),
            if_match: Some(version),
        };
        let body = json!({ "server": "a" }).to_string();
        let commands = &play.commands;
        let run = async |version| Ok(commands.run(Family::Placements, "place", at(version), body.as_bytes()).await?);
        assert_eq!(slug(&run(2).await), "version-mismatch");
        assert_eq!(slug(&run(1).await), "done");
        assert!(run(1).await.unwrap().replayed, "a retry is answered although the version has moved on");
    });
}

/// Shows F13.
#[test]
fn a_refusal_that_goes_on_record_does_so_at_any_version() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let terminal = play.terminal("ann").await;
        let token = body(&play.approve(terminal, "a", 10).await.unwrap())["token"].clone();
        play.redeem("one", token.as_str().unwrap()).await.unwrap();
        let settler = Principal::Client(EntityId::from_hash(&[9; 32]));
        let caller = Caller { principal: settler, role: Role::Settler, user: None };
        let call = Call { caller, key: "another".to_owned(), id: None, if_match: Some(99) };
        let tried = json!({ "token": token }).to_string();
        let refused = play.commands.run(Family::Approvals, "redeem", call, tried.as_bytes()).await.unwrap();
        assert_eq!(body(&refused), json!({ "refused": "already-redeemed" }));
    });
}
