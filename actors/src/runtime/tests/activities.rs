//! What entities owe is done: settlements whose issuers and shops answer as a test has it.

mod parties;
mod webhooks;

use kippu_events::log::{Bound, ReadLog as _};

use self::parties::{Fate, Parties};
use super::*;
use crate::activities::{Activities, Settings};

const ISSUER: u8 = 11;
const OTHER_ISSUER: u8 = 12;
const SHOP: u8 = 13;

/// What is owed for one settlement: the permission, an offer, the delivery and the payment notice.
const ACTIVITIES: usize = 4;

fn party(n: u8) -> EntityId {
    EntityId::from_hash(&[n; 32])
}

impl Play {
    async fn meet(&self) {
        let x = Secrets::ephemeral(9, LogId([9; 16])).public_key(kippu_events::secrets::SigningUse::Http, 0);
        for (n, role) in [(ISSUER, "authenticator"), (OTHER_ISSUER, "authenticator"), (SHOP, "shop")] {
            let body = json!({"party": party(n), "name": role, "url": "http://a", "roles": [role],
                "keys": [{"use": "http", "x": x}]});
            let key = n.to_string();
            self.run(Caller::OPERATOR, Family::Peers, None, "open", &key, body).await.unwrap();
        }
    }

    /// Presents an approval of this issuer for something that costs 10.
    async fn present(&self, issuer: u8, n: usize) -> EntityId {
        let items = json!([{"product": party(1), "quantity": 1, "price": 10}]);
        let body = json!({"issuer": party(issuer), "token": format!("kpa_{issuer}_{n}"),
            "purchase": {"shop": party(SHOP), "currency": "EUR", "items": items}});
        let key = format!("{issuer:016}-{n:032}");
        self.run(Caller::GUEST, Family::Settlements, None, "open", &key, body).await.unwrap().entity.id
    }

    fn perform(&self, stage: &Stage, parties: &Arc<Parties>) -> Activities {
        let executor: Arc<dyn crate::activity::Executor> = parties.clone();
        Activities::start(self.runtime.clone(), Arc::clone(&stage.secrets), executor, Settings::default())
    }
}

/// How many events of settlements of this kind are on record.
fn count(stage: &Stage, kind: &str) -> usize {
    count_all(stage, &format!("settlement.{kind}"))
}

/// How many events of this kind are on record.
fn count_all(stage: &Stage, kind: &str) -> usize {
    let (all, kind) = (Bound { entries: usize::MAX, bytes: usize::MAX }, format!("\"type\":\"{kind}\""));
    let read = |partition| stage.log.read(partition, 0, all).unwrap().entries;
    let entries = (0..stage.log.partitions()).flat_map(read);
    entries.map(|entry| String::from_utf8_lossy(&entry.stored).matches(&kind).count()).sum()
}

/// Waits until there are so many events of this kind. Nobody waits for pauses.
#[track_caller]
fn recorded<'a>(
    stage: &'a Stage,
    activities: &'a Activities,
    kind: &'a str,
    wanted: usize,
) -> impl Future<Output = ()> + 'a {
    let counted = async || {
        activities.hurry(None);
        count(stage, kind)
    };
    let reached = until(counted, move |count| *count >= wanted);
    async move {
        reached.await;
    }
}

/// Everything that so many settlements owe was done once, and is on record once.
fn done_once(stage: &Stage, parties: &Parties, settlements: usize) {
    for kind in ["permitted", "offered", "contents_named", "settled", "noticed"] {
        assert_eq!(count(stage, kind), settlements, "{kind}");
    }
    assert_eq!(parties.effects(), settlements * ACTIVITIES);
}

/// Shows F44.
#[test]
fn each_outcome_is_recorded_once_although_tries_fail() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        play.meet().await;
        let parties = Parties::new(|_, tries| [Fate::Lost, Fate::Failed].get(tries).copied().unwrap_or(Fate::Done));
        let activities = play.perform(&stage, &parties);
        for n in 0..20 {
            play.present(ISSUER, n).await;
        }
        recorded(&stage, &activities, "noticed", 20).await;
        done_once(&stage, &parties, 20);
        assert!(parties.tries() >= 3 * 20 * ACTIVITIES);
        until(async || activities.list(None, 9).await.unwrap().len(), |owed| *owed == 0).await;
    });
}

/// Shows F44.
#[test]
fn what_is_owed_is_found_by_a_node_that_starts_again() {
    // With the cache, where what is owed lies on disk, and without it.
    for cache in ["a", "b"] {
        on_stage(|stage| async move {
            let play = stage.start("a").await;
            play.meet().await;
            // The first node hears of nothing that it has brought about.
            let parties = Parties::new(|_, tries| if tries == 0 { Fate::Lost } else { Fate::Failed });
            let activities = play.perform(&stage, &parties);
            for n in 0..20 {
                play.present(ISSUER, n).await;
            }
            let effects = async || {
                activities.hurry(None);
                parties.effects()
            };
            until(effects, |effects| *effects == 20).await;
            drop(activities);
            play.runtime.stop().await;
            assert_eq!(count(&stage, "permitted"), 0);
            parties.decide(|_, _| Fate::Done);
            let play = stage.start(cache).await;
            let activities = play.perform(&stage, &parties);
            recorded(&stage, &activities, "noticed", 20).await;
            done_once(&stage, &parties, 20);
        });
    }
}

/// Shows F44.
#[test]
fn a_party_that_does_not_answer_holds_up_no_other() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        play.meet().await;
        let parties = Parties::new(|to, _| if to == party(OTHER_ISSUER) { Fate::Hangs } else { Fate::Done });
        let activities = play.perform(&stage, &parties);
        for n in 0..100 {
            play.present(OTHER_ISSUER, n).await;
            play.present(ISSUER, n).await;
        }
        recorded(&stage, &activities, "noticed", 100).await;
        done_once(&stage, &parties, 100);
        let left = activities.list(Some(party(OTHER_ISSUER)), 1_000).await.unwrap();
        assert!(left.len() == 100 && left.iter().all(|listed| listed.to == party(OTHER_ISSUER)));
    });
}

/// Shows F44.
#[test]
fn of_ten_thousand_activities_half_of_which_fail_at_first_each_takes_effect_once() {
    const SETTLEMENTS: usize = 10_000 / ACTIVITIES;
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        play.meet().await;
        let turn = std::sync::atomic::AtomicUsize::new(0);
        let parties = Parties::new(move |_, tries| {
            let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            match (tries, turn % 4) {
                (0, 0) => Fate::Lost,
                (0, 1) => Fate::Failed,
                _ => Fate::Done,
            }
        });
        let activities = play.perform(&stage, &parties);
        for n in 0..SETTLEMENTS {
            play.present(ISSUER, n).await;
        }
        let effects = async || {
            activities.hurry(None);
            parties.effects()
        };
        until(effects, |effects| *effects == SETTLEMENTS * ACTIVITIES).await;
        recorded(&stage, &activities, "noticed", SETTLEMENTS).await;
        done_once(&stage, &parties, SETTLEMENTS);
        let failed = parties.tries() - SETTLEMENTS * ACTIVITIES;
        assert!(failed >= SETTLEMENTS * ACTIVITIES / 3, "{failed} tries failed");
    });
}

/// Shows D28, F44.
#[test]
fn a_permission_that_comes_after_it_was_given_up_moves_nothing_and_the_release_follows_at_once() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        play.meet().await;
        let parties = Parties::new(|_, tries| if tries == 0 { Fate::Late } else { Fate::Done });
        let activities = play.perform(&stage, &parties);
        play.present(ISSUER, 0).await;
        until(async || parties.waiting(), |waiting| *waiting == 1).await;
        stage.clock.pass(Duration::from_secs(10));
        let given_up = async || {
            play.runtime.tick().await;
            count(&stage, "timed_out")
        };
        until(given_up, |count| *count == 1).await;
        parties.decide(|_, _| Fate::Done);
        parties.let_go();
        recorded(&stage, &activities, "released", 1).await;
        assert_eq!((count(&stage, "permitted"), count(&stage, "settled")), (0, 0));
        assert_eq!(parties.effects(), 2, "the permission, and its release");
    });
}

#[test]
fn a_try_that_panics_is_tried_again_and_holds_up_no_other() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        play.meet().await;
        let parties = Parties::new(|_, tries| if tries == 0 { Fate::Panics } else { Fate::Done });
        let activities = play.perform(&stage, &parties);
        for n in 0..100 {
            play.present(ISSUER, n).await;
        }
        recorded(&stage, &activities, "noticed", 100).await;
        done_once(&stage, &parties, 100);
    });
}

#[test]
fn what_the_issuer_does_not_take_stays_owed_under_the_same_key_and_is_told_why() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        play.meet().await;
        let parties = Parties::new(|_, _| Fate::Forbidden);
        let activities = play.perform(&stage, &parties);
        play.present(ISSUER, 0).await;
        let listed = async || activities.list(None, 9).await.unwrap();
        let told = until(listed, |listed| listed.iter().any(|owed| owed.last_error.is_some())).await;
        assert!(told[0].last_error.as_deref().is_some_and(|why| why.contains("no outcome")), "{told:?}");
        parties.decide(|_, _| Fate::Done);
        recorded(&stage, &activities, "noticed", 1).await;
        done_once(&stage, &parties, 1);
        assert_eq!(parties.keys(), ACTIVITIES);
    });
}
