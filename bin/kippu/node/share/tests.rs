//! Tests of when a node is one of the others, over a log in memory.

use std::sync::atomic::{AtomicBool, Ordering};

use kippu_actors::runtime::{Phase, RuntimeConfig, Serves};
use kippu_events::blobs::BlobStore;
use kippu_events::log::memory::MemoryLog;
use kippu_events::log::{Claimant, Log as _, LogId, ReadLog as _};
use kippu_events::secrets::Secrets;

use super::*;
use crate::node::{CLIENTS_WAIT, DataDir, GroupCommits, Node, on_a_system};

const LOG: LogId = LogId([3; 16]);

/// A node that serves what it is told to of `log`, and where it lies.
async fn node(log: &Arc<MemoryLog>) -> (Node, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::new(dir.path());
    let secrets = Arc::new(Secrets::ephemeral(3, LOG));
    let runtime = RuntimeConfig { serves: Serves::Assigned, ..RuntimeConfig::new(data.entities()) };
    let (log, blobs) = (Arc::clone(log), BlobStore::in_folder(&data.blobs(), 0));
    (Node::start(log, GroupCommits::default(), secrets, data, blobs, runtime).await.unwrap(), dir)
}

/// A share in a group that lets nobody in, and whether it was asked to.
fn share(node: &Node) -> (Share, Arc<AtomicBool>) {
    let asked = Arc::<AtomicBool>::default();
    let is_asked = Arc::clone(&asked);
    let join = move |_: Arc<dyn Owner>| {
        is_asked.store(true, Ordering::SeqCst);
        Err(OpenError::Thread("none is left".to_owned()))
    };
    (Share::once_keys_are_known(node.queries.clone(), &node.runtime, join), asked)
}

/// A node that cannot read its API keys yet, and its share.
async fn waiting(log: &Arc<MemoryLog>) -> (Node, tempfile::TempDir, Share, Arc<AtomicBool>) {
    log.fail_reads(1, u32::MAX);
    let (node, dir) = node(log).await;
    let (share, asked) = share(&node);
    others_first().await;
    (node, dir, share, asked)
}

/// Lets everything else on this thread go on for as long as it can.
async fn others_first() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_node_joins_the_others_once_it_knows_its_api_keys_and_is_out_where_it_cannot() {
    on_a_system(async {
        let log = MemoryLog::new(LOG, 2);
        let (node, _dir, share, asked) = waiting(&log).await;
        assert!(!asked.load(Ordering::SeqCst), "it would take partitions whose commands it cannot answer");
        log.fail_reads(1, 0);
        assert!(share.expelled().await.contains("none is left"));
        assert!(node.queries.has_caught_up("clients"));
        node.stop().await;
    });
}

#[test]
fn a_node_that_stops_before_it_knows_its_api_keys_does_not_join_any_more() {
    on_a_system(async {
        let log = MemoryLog::new(LOG, 2);
        let (node, _dir, share, asked) = waiting(&log).await;
        share.leave().await;
        log.fail_reads(1, 0);
        node.queries.caught_up_in("clients", CLIENTS_WAIT).await.unwrap();
        others_first().await;
        assert!(!asked.load(Ordering::SeqCst));
        node.stop().await;
    });
}

/// Keeps E4.
#[test]
fn a_node_that_is_expelled_gives_up_what_it_holds_and_claims_nothing_any_more() {
    on_a_system(async {
        let log = MemoryLog::new(LOG, 2);
        let (node, _dir) = node(&log).await;
        let told = Told::new(&node.runtime);
        let mut expelled = told.expelled.subscribe();
        told.assigned(&[0, 1]);
        while !node.runtime.phases().iter().all(|phase| matches!(phase, Phase::Serving { .. })) {
            tokio::task::yield_now().await;
        }
        // The rightful owner of one of them has claimed it.
        let other = Claimant { node: "other".to_owned(), url: String::new() };
        let _its = log.claim(0, &other, Arc::new(|_| {})).unwrap();
        let ends = [log.end(0).unwrap(), log.end(1).unwrap()];
        tokio::task::spawn_blocking(move || told.expelled("fenced")).await.unwrap();
        assert_eq!(expelled.borrow_and_update().as_deref(), Some("fenced"));
        let phases = node.runtime.phases();
        assert!(phases.iter().all(|phase| matches!(phase, Phase::Standby { .. })), "{phases:?}");
        for _ in 0..60 {
            node.runtime.tick().await;
        }
        assert_eq!([log.end(0).unwrap(), log.end(1).unwrap()], ends, "it has claimed again");
        node.stop().await;
    });
}
