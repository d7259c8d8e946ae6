//! One effect per caller, key and entity, and the same answer for ever.

use kippu_events::etag::Tags;
use serde_json::json;

use super::*;
use crate::runtime::loaded_entity::RECENT;

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
        stage.log.hold();
        let [one, two] = ["one", "two"].map(|label| {
            let (play, body) = (play.clone(), json!({ "label": label }));
            actix::spawn(async move { play.run(Caller::OPERATOR, Family::Placements, None, "open", "o", body).await })
        });
        play.all_arrived().await;
        stage.log.release();
        assert_eq!([slug(&one.await.unwrap()), slug(&two.await.unwrap())], ["done", "idempotency-key-reused"]);
    });
}

#[test]
fn a_key_has_1_to_255_printable_characters_whichever_way_it_comes() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let open = async |key: &str| {
            let body = json!({ "label": "l" });
            play.run(Caller::OPERATOR, Family::Placements, None, "open", key, body).await
        };
        for key in ["", &"k".repeat(256), "a\nb"] {
            assert_eq!(slug(&open(key).await), "invalid-request", "{key:?}");
        }
        assert_eq!(slug(&open(&"k".repeat(255)).await), "done");
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
        let mut answers = Vec::new();
        for caller in callers {
            answers.push(caller.await.unwrap().unwrap());
        }
        assert!(answers.iter().all(|answer| answer.position == answers[0].position), "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| answer.replayed).count(), 3, "one of them was the first");
    });
}

#[test]
fn an_answer_is_repeated_long_after_the_entity_stopped_keeping_it() {
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
        let at = |version: u64| Call {
            caller: Caller::OPERATOR,
            key: format!("v{version}"),
            id: Some(id),
            if_match: Some(Tags::OneOf(vec![version.to_string()])),
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
fn who_may_not_act_on_an_entity_does_not_learn_its_version() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let terminal = play.terminal("ann").await;
        let approval = play.approve(terminal, "a", 10).await.unwrap().entity.id;
        let other = Caller { principal: Principal::Client(EntityId::from_hash(&[7; 32])), user: None, ..terminal };
        let revoke = async |caller, key: &str| {
            let call = Call {
                caller,
                key: key.to_owned(),
                id: Some(approval),
                if_match: Some(Tags::OneOf(vec!["99".to_owned()])),
            };
            Ok(play.commands.run(Family::Approvals, "revoke", call, b"{}").await?)
        };
        assert_eq!(slug(&revoke(other, "o").await), "not-your-approval");
        assert_eq!(slug(&revoke(terminal, "t").await), "version-mismatch");
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
        let caller = Caller::of_client(EntityId::from_hash(&[9; 32]), Role::Settler, None);
        let call =
            Call { caller, key: "another".to_owned(), id: None, if_match: Some(Tags::OneOf(vec!["99".to_owned()])) };
        let tried = json!({ "token": token }).to_string();
        let refused = play.commands.run(Family::Approvals, "redeem", call, tried.as_bytes()).await.unwrap();
        assert_eq!(body(&refused), json!({ "refused": "already-redeemed" }));
    });
}
