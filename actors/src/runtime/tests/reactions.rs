//! What follows from an event of one entity for another of another slot: once, whatever is lost, repeated or restarted.

use kippu_events::access::users::User;
use kippu_events::approvals::Approval;
use kippu_events::log::ReadLog as _;
use kippu_events::money::Minor;
use kippu_events::{NotAnEvent, Recorded};

use super::*;
use crate::access::users::request::Command;
use crate::reactions::{Given, Reaction, Reactions};

/// Every approval that is given credits one and the same user, who is in another slot, with its amount and with 1.
struct Bonus(EntityId);

impl Reaction for Bonus {
    fn name(&self) -> &'static str {
        "approvals-bonus"
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["approval.issued"]
    }

    fn react(&self, event: &Recorded<'_>) -> Result<Vec<Given>, NotAnEvent> {
        let kippu_events::approvals::Event::Issued { amount, .. } = event.decode::<Approval>()? else {
            return Ok(Vec::new());
        };
        let one = Minor::new(1).unwrap();
        Ok([*amount, one].map(|amount| Given::to::<User>(self.0, Command::Credit(amount))).into())
    }
}

impl Play {
    /// Registers a user with nothing paid in yet.
    async fn saver(&self, login: &str) -> EntityId {
        let body = json!({ "login": login, "limit": { "source": "prepaid", "amount": 0, "currency": "EUR" } });
        self.run(Caller::OPERATOR, Family::Users, None, "open", login, body).await.unwrap().entity.id
    }

    fn reacting(&self, stage: &Stage, saver: EntityId) -> Reactions {
        let log: Arc<dyn Log> = stage.log.clone();
        Reactions::start(log, self.runtime.clone(), Arc::clone(&stage.secrets), vec![Arc::new(Bonus(saver))])
    }

    async fn limit(&self, user: EntityId) -> u64 {
        let found = self.runtime.peek(kippu_events::EntityKey::of::<User>(user)).await.unwrap();
        let user = found.state.as_any().downcast_ref::<User>();
        user.and_then(User::account).map_or(0, |account| account.limit.units())
    }
}

/// Keeps R2. Shows F17.
#[test]
fn what_follows_from_events_takes_effect_once_through_restarts_and_with_every_cache_deleted() {
    on_stage(|stage| async move {
        let (mut given, mut saver) = (0, None);
        for (round, cache) in ["a", "a", "b", "a", "c"].into_iter().enumerate() {
            let play = stage.start(cache).await;
            let id = match saver {
                Some(id) => id,
                None => *saver.insert(play.saver("saver").await),
            };
            let reactions = play.reacting(&stage, id);
            for n in 0..5 {
                // Users of both partitions.
                let terminal = play.terminal(&format!("user-{round}-{n}")).await;
                play.approve(terminal, &format!("key-{round}-{n}"), 10).await.unwrap();
                given += 11;
            }
            // The last round waits until all of it has come; the others stop somewhere in between.
            if round == 4 {
                assert_eq!(until(async || play.limit(id).await, |limit| *limit >= given).await, given);
            }
            drop(reactions);
            play.runtime.stop().await;
        }
        // Read once more from the beginning, with nothing remembered but the history.
        let play = stage.start("d").await;
        let reactions = play.reacting(&stage, saver.unwrap());
        let terminal = play.terminal("the last").await;
        play.approve(terminal, "the last", 10).await.unwrap();
        assert_eq!(until(async || play.limit(saver.unwrap()).await, |limit| *limit >= given + 11).await, given + 11);
        drop(reactions);
        play.runtime.stop().await;
    });
}

/// Keeps R2.
#[test]
fn a_command_of_a_reaction_says_which_event_it_answers_and_which_flow_it_belongs_to() {
    on_stage(|stage| async move {
        let play = stage.start("a").await;
        let saver = play.saver("saver").await;
        let reactions = play.reacting(&stage, saver);
        let terminal = play.terminal("ann").await;
        let approved = play.approve(terminal, "one", 10).await.unwrap();
        until(async || play.limit(saver).await, |limit| *limit == 11).await;
        let partition = saver.slot().partition(2);
        let mut found = Vec::new();
        for offset in 0..stage.log.end(partition).unwrap() {
            let Some(entry) = stage.log.entry(partition, offset).unwrap() else { continue };
            let record = kippu_events::log::Record::decode(&entry.stored).unwrap();
            let kippu_events::log::Content::Commit(commit) = record.content else { continue };
            for event in kippu_events::event::read_body(commit.body).unwrap() {
                if event.kind == "user.credited" {
                    found.push((event.cause.principal.to_string(), event.cause.causation, event.cause.correlation));
                }
            }
        }
        let caused_by = |n: usize| found[n].1.map(|event| (event.partition, event.number));
        let by = approved.position;
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|(principal, ..)| principal == "reactions/approvals-bonus"), "{found:?}");
        assert_eq!([caused_by(0), caused_by(1)], [Some((by.partition, by.number)); 2]);
        assert!(found[0].2.is_some() && found[0].2 == found[1].2);
        drop(reactions);
        play.runtime.stop().await;
    });
}
