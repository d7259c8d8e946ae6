//! What the entity store is told, and when: one partition being served, without the actor env it.

use std::sync::mpsc::{Receiver, channel};

use kippu_events::log::{Claimant, Progress};
use tokio::sync::oneshot;

use super::*;
use crate::catalogue;
use crate::runtime::Submission;
use crate::runtime::clock::Drift;
use crate::runtime::entity_store::EntityStore;
use crate::runtime::loaded_entity::RECENT;
use crate::runtime::open::open;
use crate::runtime::serving::{Effect, Environment, Job, Serving};

/// The only partition of a log in memory, and what its writer is told.
struct Desk {
    log: Arc<MemoryLog>,
    serving: Serving,
    told: Receiver<Progress>,
    secrets: Arc<Secrets>,
    _folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let (log, secrets) = (MemoryLog::new(LOG, 1), Arc::new(Secrets::ephemeral(1, LOG)));
        let folder = tempfile::tempdir().unwrap();
        let store = EntityStore::open(folder.path(), LOG, 1).unwrap();
        let (tell, told) = channel();
        let claimant = Claimant { node: "n".to_owned(), url: String::new() };
        let opened = open(&*log, &store, 0, &claimant, Arc::new(move |news| tell.send(news).unwrap())).unwrap();
        let (clock, its) = (Arc::new(ManualClock::new(NOON)), Arc::clone(&secrets));
        let env = Environment { log: LOG, partition: 0, secrets: its, clock, most_loaded: 1 };
        let drift = Drift::new(&*env.clock);
        Self { serving: Serving::new(Arc::new(env), opened, drift), log, told, secrets, _folder: folder }
    }

    /// Asks a placement. Gives its id, and what is to be done on a blocking pool.
    fn ask(&mut self, name: &str, key: &str, id: Option<EntityId>, body: Value) -> (EntityId, Vec<Effect>) {
        let call = Call { caller: Caller::OPERATOR, key: key.to_owned(), id, if_match: None };
        let body = body.to_string();
        let prepared = catalogue::actor(Family::Placements).prepare(name, body.as_bytes(), &call, &self.secrets);
        let ready = prepared.and_then(|prepared| prepared.finish(&[], &[])).unwrap();
        let (id, command) = (ready.entity.id, self.secrets.command(&call.caller.principal, key, ready.entity));
        let submission = Submission::new(ready, command, call.caller);
        self.serving.submit(Job { submission, reply: Some(oneshot::channel().0), looked_up: false });
        (id, self.serving.effects())
    }

    /// So many batches for the entity store, once all that was told is heard.
    fn flushes(&mut self) -> usize {
        self.told.try_iter().for_each(|news| self.serving.told(news).unwrap());
        self.serving.effects().iter().filter(|effect| matches!(effect, Effect::Flush(_))).count()
    }
}

/// Keeps E1.
#[test]
fn the_entity_store_never_runs_ahead_of_what_is_durable() {
    let mut desk = Desk::new();
    desk.log.hold();
    desk.ask("open", "one", None, json!({ "label": "one" }));
    desk.serving.tick();
    assert_eq!(desk.flushes(), 0);
    desk.log.release();
    assert_eq!(desk.flushes(), 1);
}

/// Keeps E2.
#[test]
fn what_was_answered_is_known_while_it_is_on_its_way_to_the_entity_store() {
    let mut desk = Desk::new();
    let (id, _) = desk.ask("open", "one", None, json!({ "label": "one" }));
    desk.ask("place", "first", Some(id), json!({ "server": "s" }));
    for n in 0..RECENT {
        desk.ask("move", &n.to_string(), Some(id), json!({ "to": n.to_string() }));
    }
    desk.flushes();
    desk.serving.tick();
    assert_eq!(desk.flushes(), 1, "which is not written yet");
    let (_, effects) = desk.ask("place", "first", Some(id), json!({ "server": "s" }));
    assert!(matches!(effects[..], [Effect::Recall(..)]));
}
