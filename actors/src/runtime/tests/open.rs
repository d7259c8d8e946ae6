//! Opening a partition whose log does not show what it said, and one whose entity store is of another history.

use kippu_events::log::{
    AppendError, Bound, Claimant, Claimed, Hash, Listener, Page, ReadError, ReadLog, Watch, walk::Broken,
};

use kippu_events::EntityKey;
use kippu_events::access::users::User;
use kippu_events::placement::placements::Placement;

use super::*;
use crate::runtime::entity_store::{Batch, EntityStore};
use crate::runtime::open::{OpenError, Opened, open, warm};

/// A log that confirms claims and shows something else.
struct Lying {
    log: Arc<MemoryLog>,
    /// From here on it shows nothing.
    shown: u64,
    /// What it says that the hash of a claim is.
    hash: Option<Hash>,
}

impl ReadLog for Lying {
    fn id(&self) -> LogId {
        self.log.id()
    }

    fn partitions(&self) -> u16 {
        self.log.partitions()
    }

    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        Ok(self.log.end(partition)?.min(self.shown))
    }

    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError> {
        let mut page = self.log.read(partition, offset, bound)?;
        page.entries.retain(|entry| entry.offset < self.shown);
        Ok(page)
    }

    fn watch(&self, watch: Watch) {
        self.log.watch(watch);
    }
}

impl Log for Lying {
    fn claim(&self, partition: u16, claimant: &Claimant, listener: Listener) -> Result<Claimed, AppendError> {
        let mut claimed = self.log.claim(partition, claimant, listener)?;
        claimed.head.hash = self.hash.unwrap_or(claimed.head.hash);
        Ok(claimed)
    }

    fn as_read(self: Arc<Self>) -> Arc<dyn ReadLog> {
        self
    }
}

impl Stage {
    fn store(&self, cache: &str) -> Arc<EntityStore> {
        EntityStore::open(&self.folder.path().join(cache), LOG, 2).unwrap()
    }

    /// The same with nothing in it.
    fn anew(&self) -> Self {
        let (log, folder) = (MemoryLog::new(LOG, 2), tempfile::tempdir().unwrap());
        let (secrets, clock) = (Arc::clone(&self.secrets), Arc::clone(&self.clock));
        Self { log, secrets, clock, folder, most_loaded: self.most_loaded }
    }
}

fn open_in(log: &dyn Log, store: &Arc<EntityStore>) -> Result<Opened, OpenError> {
    let claimant = Claimant { node: "n".to_owned(), url: "u".to_owned() };
    open(log, store, 0, &claimant, Arc::new(|_progress| {}))
}

/// A memory log whose partition 0 has so many placements.
async fn told(stage: &Stage, placements: usize) -> Arc<MemoryLog> {
    let play = stage.start("writer").await;
    let (mut opened, mut key) = (0, 0);
    while opened < placements {
        let id = play.open(&format!("{placements}-{key}")).await.unwrap().entity.id;
        opened += usize::from(id.slot().partition(2) == 0);
        key += 1;
    }
    stage.log.clone()
}

/// Keeps E3.
#[test]
fn a_log_that_does_not_show_what_it_confirmed_is_not_served() {
    on_stage(|stage| async move {
        let log = told(&stage, 3).await;
        let end = log.end(0).unwrap();
        let reasons = [
            (0, None, 0, "the partition has no genesis"),
            (1, None, 1, "the log ends before the claim that it confirmed"),
            (end, None, end, "the log ends before the claim that it confirmed"),
            (u64::MAX, Some(Hash::ZERO), end + 4, "the claim that was read is not the claim that was confirmed"),
        ];
        for (shown, hash, place, expected) in reasons {
            let lying = Lying { log: log.clone(), shown, hash };
            let refused = open_in(&lying, &stage.store(&format!("{shown}"))).err().expect("refused");
            assert!(!refused.is_passing(), "{refused}");
            let OpenError::Damaged(Broken { partition: 0, number, reason, .. }) = refused else { panic!("{refused}") };
            assert_eq!((number, reason.as_str()), (place, expected));
        }
        assert!(open_in(&*log, &stage.store("honest")).is_ok());
    });
}

/// Shows F14. Keeps E3.
#[test]
fn a_store_that_is_brought_up_to_date_is_gone_on_with_and_one_of_another_history_is_not() {
    on_stage(|stage| async move {
        let log = told(&stage, 3).await;
        let store = stage.store("store");
        let all = open_in(&*log, &store).unwrap().folded;
        assert_eq!(all, log.end(0).unwrap() - 1, "everything but the genesis");
        for claims in 1..4 {
            // Behind a claim too, whose hash is not in it.
            warm(&*log, &store, 0).unwrap();
            let opened = open_in(&*log, &store).unwrap();
            assert_eq!(opened.folded, 1, "its own claim, after {claims}");
        }
        warm(&*log, &store, 0).unwrap();
        for placements in [1, 5] {
            let log = told(&stage.anew(), placements).await;
            let opened = open_in(&*log, &store).unwrap();
            assert_eq!(opened.folded, log.end(0).unwrap() - 1, "all of the other history");
            warm(&*log, &store, 0).unwrap();
        }
    });
}

/// Keeps P3.
#[test]
fn only_the_family_whose_revision_changed_is_folded_anew_and_a_new_one_costs_nothing() {
    on_stage(async |stage| {
        let play = stage.start("cache").await;
        let user = play.terminal("ann").await.user.unwrap();
        let placement = play.open("music").await.unwrap().entity;
        play.runtime.stop().await;
        drop(play);
        let dir = stage.folder.path().join("cache");
        let changed = |family: Family| family.revision() + u32::from(family == Family::Users);
        let at = |key: EntityKey| key.id.slot().partition(2);
        let user = EntityKey::of::<User>(user);
        {
            // What is not folded anew keeps the version that was planted.
            let store = EntityStore::open(&dir, LOG, 2).unwrap();
            for key in [user, placement] {
                let cursor = store.cursor(at(key)).unwrap().unwrap();
                let mut batch = Batch::new(at(key), cursor);
                let mut planted = store.load(at(key), key).unwrap().unwrap();
                planted.version = 99;
                batch.put(key, &planted, None, None).unwrap();
                store.write(&batch, None).unwrap();
            }
        }
        let store = EntityStore::open_with(&dir, LOG, 2, changed).unwrap();
        assert_eq!([0, 1].map(|partition| store.stale(partition).unwrap()), [vec![Family::Users], vec![Family::Users]]);
        for partition in [0, 1] {
            warm(&*stage.log, &store, partition).unwrap();
        }
        let version = |key: EntityKey| store.load(at(key), key).unwrap().unwrap().version;
        assert_eq!((version(user), version(placement)), (1, 99));
        drop(store);
        // Folded once, and not with every start.
        let again = EntityStore::open_with(&dir, LOG, 2, changed).unwrap();
        assert_eq!([0, 1].map(|partition| again.stale(partition).unwrap()), [vec![], vec![]]);
    });
}

#[test]
fn an_entity_of_any_slot_can_be_looked_up_as_it_is_durably_and_where_another_node_serves_it() {
    on_stage(async |stage| {
        let play = stage.start("cache").await;
        let key = play.open("music").await.unwrap().entity;
        let found = play.runtime.peek(key).await.unwrap();
        assert_eq!((found.key, found.version), (key, 1));
        assert_eq!(found.state.as_any().downcast_ref(), Some(&Placement::Opened));
        let nobody = EntityKey::of::<User>(EntityId::from_hash(&[5; 32]));
        assert_eq!(play.runtime.peek(nobody).await.unwrap().version, 0);
        play.runtime.stop().await;
        let follower = stage.join("another").await;
        let found =
            until(async || follower.runtime.peek(key).await.map(|found| found.version), |found| matches!(found, Ok(1)));
        found.await.unwrap();
        follower.runtime.stop().await;
    });
}
