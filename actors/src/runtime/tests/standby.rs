//! Nodes that share partitions: who is told to serve does, who is not stands by, and nobody fights.

use kippu_events::log::ReadLog as _;
use kippu_events::log::memory::Fault;

use super::*;
use crate::runtime::partition::RECLAIM_AFTER;

const BOTH: [u16; 2] = [0, 1];

impl Play {
    /// Waits until every partition is as `wanted`.
    async fn all(&self, wanted: fn(&Phase) -> bool) {
        until(async || self.runtime.phases(), |phases| phases.iter().all(wanted)).await;
    }

    /// Waits until the partition of `id` is as `wanted`.
    async fn reaches(&self, id: EntityId, wanted: fn(&Phase) -> bool) {
        self.is_at(id.slot().partition(2), wanted).await;
    }

    /// Waits until `partition` is as `wanted`.
    pub(super) async fn is_at(&self, partition: u16, wanted: fn(&Phase) -> bool) {
        until(async || self.runtime.phases(), |phases| wanted(&phases[usize::from(partition)])).await;
    }

    async fn ticks(&self, count: u32) {
        for _ in 0..count {
            self.runtime.tick().await;
        }
    }

    /// The phases after a tick.
    async fn ticked(&self) -> Vec<Phase> {
        self.ticks(1).await;
        self.runtime.phases()
    }

    async fn serve(&self) {
        self.runtime.assign(&BOTH);
        self.all(is_serving).await;
    }
}

pub(super) fn is_serving(phase: &Phase) -> bool {
    matches!(phase, Phase::Serving { .. })
}

fn is_halted(phase: &Phase) -> bool {
    matches!(phase, Phase::Halted(_))
}

fn stands_by(phase: &Phase) -> bool {
    matches!(phase, Phase::Standby { .. })
}

#[test]
fn who_is_not_told_to_serve_stands_by_and_says_that_another_node_serves() {
    on_stage(|stage| async move {
        let play = stage.join("a").await;
        assert!(play.runtime.phases().iter().all(stands_by));
        let body = json!({ "label": "one" }).to_string();
        let call = Call { caller: Caller::OPERATOR, key: "one".to_owned(), id: None, if_match: None };
        let ran = play.commands.run(Family::Placements, "open", call, body.as_bytes()).await;
        assert!(matches!(ran, Err(crate::NotRun::OtherNode { .. })), "{ran:?}");
        assert_eq!((stage.log.end(0).unwrap(), stage.log.end(1).unwrap()), (1, 1), "nothing was claimed");
        play.serve().await;
        assert_eq!(slug(&play.open("one").await), "done");
    });
}

/// Shows F12, F36.
#[test]
fn partitions_that_move_take_their_history_with_them() {
    on_stage(|stage| async move {
        let (one, two) = (stage.join("a").await, stage.join("b").await);
        one.serve().await;
        let id = one.open("one").await.unwrap().entity.id;
        let before = one.place(id, "place", "p", "a").await.unwrap();
        one.runtime.revoke(&BOTH).await;
        assert!(one.runtime.phases().iter().all(stands_by), "who was asked to leave has left when it is told so");
        two.serve().await;
        let again = two.place(id, "place", "p", "a").await.unwrap();
        assert!(again.replayed);
        assert_eq!((again.answer, again.position), (before.answer, before.position));
        two.runtime.revoke(&BOTH).await;
        one.serve().await;
        assert_eq!(one.place(id, "move", "m", "b").await.unwrap().version, 3);
    });
}

/// Shows F36. Keeps L1.
#[test]
fn what_was_answered_by_another_node_is_looked_up_at_once() {
    on_stage(|stage| async move {
        let (owner, other) = (stage.join("a").await, stage.join("b").await);
        owner.serve().await;
        for n in 0..20 {
            let key = owner.open(&n.to_string()).await.unwrap().entity;
            let moves = [("place", "p", "a"), ("move", "m", "b")];
            for (version, (command, by, to)) in (2..).zip(moves) {
                owner.place(key.id, command, &format!("{by}{n}"), to).await.unwrap();
                let (found, again) = tokio::join!(other.runtime.peek_now(key), other.runtime.peek_now(key));
                assert_eq!([found, again].map(|found| found.unwrap().version), [version; 2]);
            }
            assert_eq!(owner.runtime.peek_now(key).await.unwrap().version, 3);
        }
    });
}

/// A placement whose partition was served by the first node until the second claimed it, which the first has found out.
async fn taken_over(stage: &Stage) -> (Play, Play, EntityId) {
    let (old, new) = (stage.join("a").await, stage.join("b").await);
    old.serve().await;
    let id = old.open("one").await.unwrap().entity.id;
    new.serve().await;
    // Asking is what lets it find out.
    let asked = old.place(id, "place", "o", "a").await;
    assert!(matches!(slug(&asked), "unavailable" | "unknown-outcome"), "{asked:?}");
    old.reaches(id, stands_by).await;
    (old, new, id)
}

/// Keeps E4.
#[test]
fn who_was_deposed_does_not_fight_and_serves_again_when_it_is_told_to() {
    on_stage(|stage| async move {
        let (old, _new, id) = taken_over(&stage).await;
        let claims = stage.log.end(id.slot().partition(2)).unwrap();
        old.ticks(3).await;
        old.reaches(id, stands_by).await;
        assert_eq!(stage.log.end(id.slot().partition(2)).unwrap(), claims, "it has not claimed again");
        old.serve().await;
        assert_eq!(slug(&old.place(id, "place", "o", "a").await), "done");
    });
}

/// Keeps E4.
#[test]
fn who_was_deposed_by_a_node_that_was_not_to_serve_claims_again_after_a_while() {
    on_stage(|stage| async move {
        let (old, new, id) = taken_over(&stage).await;
        new.runtime.revoke(&BOTH).await;
        old.ticks(RECLAIM_AFTER + 1).await;
        old.reaches(id, is_serving).await;
        assert_eq!(slug(&old.place(id, "place", "o", "a").await), "done");
    });
}

/// Keeps E4.
#[test]
fn who_was_deposed_and_is_told_that_it_is_not_to_serve_does_not_claim_again() {
    on_stage(|stage| async move {
        let (old, new, id) = taken_over(&stage).await;
        old.runtime.revoke(&BOTH).await;
        old.ticks(RECLAIM_AFTER + 1).await;
        old.reaches(id, stands_by).await;
        assert_eq!(slug(&new.place(id, "place", "n", "b").await), "done", "nobody has deposed it");
    });
}

#[test]
fn a_clock_that_jumped_stays_so_where_the_partition_is_claimed_again() {
    on_stage(|stage| async move {
        let (old, new) = (stage.join("a").await, stage.join("b").await);
        old.serve().await;
        let id = old.open("one").await.unwrap().entity.id;
        stage.clock.step_micros(3_600_000_000);
        assert_eq!(slug(&old.place(id, "place", "o", "a").await), "clock-jumped");
        new.serve().await;
        // Asking is what lets it find out.
        let asked = old.place(id, "place", "o", "a").await;
        assert!(matches!(slug(&asked), "unavailable" | "unknown-outcome"), "{asked:?}");
        old.reaches(id, stands_by).await;
        old.serve().await;
        assert_eq!(slug(&old.place(id, "place", "o", "a").await), "clock-jumped");
    });
}

/// Keeps E4.
#[test]
fn whose_claim_was_overtaken_before_it_was_open_does_not_fight_and_claims_again_after_a_while() {
    on_stage(|stage| async move {
        let play = stage.join("a").await;
        stage.log.fail_claim(0, Fault::Deposed);
        play.runtime.assign(&BOTH);
        play.is_at(1, is_serving).await;
        // Until it has claimed, the partition stands by as before.
        until(async || stage.log.end(0).unwrap(), |end| *end >= 3).await;
        play.is_at(0, stands_by).await;
        play.ticks(RECLAIM_AFTER + 1).await;
        play.is_at(0, is_serving).await;
    });
}

#[test]
fn a_partition_that_cannot_be_read_for_a_while_is_opened_once_it_can() {
    on_stage(|stage| async move {
        let id = stage.start("a").await.open("one").await.unwrap().entity.id;
        let partition = id.slot().partition(2);
        let end = stage.log.end(partition).unwrap();
        stage.log.fail_reads(partition, 2);
        let play = stage.start("b").await;
        assert!(is_halted(&play.runtime.phases()[usize::from(partition)]));
        play.reaches(id, is_serving).await;
        assert_eq!(slug(&play.place(id, "place", "p", "a").await), "done");
        assert_eq!(stage.log.end(partition).unwrap(), end + 3, "no claim was made for what could not be read");
    });
}

#[test]
fn a_partition_that_cannot_be_read_for_a_while_is_stood_by_for_once_it_can() {
    on_stage(|stage| async move {
        stage.log.fail_reads(0, 1);
        let play = stage.join("a").await;
        assert!(is_halted(&play.runtime.phases()[0]));
        until(async || play.ticked().await, |phases| phases.iter().all(stands_by)).await;
    });
}

/// Keeps P3.
#[test]
fn a_node_that_stands_by_has_folded_what_the_others_did() {
    on_stage(|stage| async move {
        let (one, two) = (stage.join("a").await, stage.join("b").await);
        one.serve().await;
        let last = one.open("one").await.unwrap().entity.id;
        let partition = usize::from(last.slot().partition(2));
        let reached = |phase: &Phase| matches!(phase, Phase::Standby { last } if *last >= NOON);
        until(async || two.ticked().await, |phases| reached(&phases[partition])).await;
    });
}
