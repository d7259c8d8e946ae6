//! Tests of sweeps, over a node's own history.

use kippu_events::blobs::BlobId;
use kippu_events::event::Recorded;
use kippu_events::{Family, NotAnEvent};
use serde_json::json;

use super::*;
use crate::config::Config;
use crate::node::on_a_system;

/// As if a placement named a blob of its kind of event.
fn names(event: &Recorded<'_>) -> Result<Vec<BlobId>, NotAnEvent> {
    Ok(if event.entity.family == Family::Placements { vec![BlobId::of(b"late")] } else { Vec::new() })
}

async fn put(store: &BlobStore, bytes: &[u8]) -> BlobId {
    let mut upload = store.begin(None).await.unwrap();
    upload.write(bytes).await.unwrap();
    upload.finish(None).await.unwrap().id
}

/// A node, and sweeps that keep what nothing names for `keep`.
async fn swept(keep: Duration) -> (tempfile::TempDir, Node, Sweep) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config { data: Some(dir.path().join("node")), ..Config::default() };
    config.node.partitions = 2;
    config.ready.least_free_bytes = 0;
    let node = Node::init(&config, false).await.unwrap();
    let ledger = Arc::new(Ledger::open(&node.dir.blob_owners(), &config.blobs.quota_bytes).unwrap());
    let sweep = Sweep::of(node.blobs.clone(), Arc::clone(&node.log).as_read(), ledger, keep);
    (dir, node, Sweep { named: NamedBlobs::by(names), ..sweep })
}

async fn name_late(node: &Node) {
    let body = json!({ "label": "one" });
    let body = node.command(Family::Placements, "open", None, "key", &body).await;
    body.unwrap();
}

/// Shows F46.
#[test]
fn a_blob_that_nothing_names_goes_and_one_that_came_to_be_named_at_that_moment_is_put_back() {
    on_a_system(async {
        let (_dir, node, mut sweep) = swept(Duration::ZERO).await;
        let (late, gone) = (put(&node.blobs, b"late").await, put(&node.blobs, b"gone").await);
        assert_eq!(sweep.once().await.unwrap(), Swept { set_aside: 2, ..Swept::default() });
        assert_eq!(node.blobs.size(gone).await.unwrap(), None, "no command can name it");
        assert!(node.blobs.open(gone).await.unwrap().is_some(), "it can still be read");
        // Its command looked for it before that.
        name_late(&node).await;
        assert!(node.blobs.open(late).await.unwrap().is_some(), "what is named can be read");
        assert_eq!(sweep.once().await.unwrap(), Swept { put_back: 1, deleted: 1, ..Swept::default() });
        assert_eq!(sweep.once().await.unwrap(), Swept::default());
        assert_eq!(node.blobs.size(late).await.unwrap(), Some(4));
        assert!(node.blobs.open(gone).await.unwrap().is_none());
        node.stop().await;
    });
}

/// Shows F46.
#[test]
fn a_sweep_that_ended_in_the_middle_is_gone_on_with_and_what_is_young_stays() {
    on_a_system(async {
        let (_dir, node, mut sweep) = swept(Duration::ZERO).await;
        name_late(&node).await;
        let (late, gone) = (put(&node.blobs, b"late").await, put(&node.blobs, b"gone").await);
        // As far as the one before came: even what is named may lie aside.
        node.blobs.set_aside(late).await.unwrap();
        node.blobs.set_aside(gone).await.unwrap();
        let other = put(&node.blobs, b"other").await;
        let once = sweep.once().await.unwrap();
        assert_eq!(once, Swept { set_aside: 1, put_back: 1, deleted: 1 });
        assert_eq!((node.blobs.size(late).await.unwrap(), node.blobs.size(other).await.unwrap()), (Some(4), None));

        let (_other_dir, young, mut sweep) = swept(Duration::from_secs(60)).await;
        let id = put(&young.blobs, b"young").await;
        assert_eq!(sweep.once().await.unwrap(), Swept::default());
        young.blobs.set_aside(id).await.unwrap();
        assert_eq!(sweep.once().await.unwrap(), Swept::default());
        node.stop().await;
        young.stop().await;
    });
}

/// Shows F46.
#[test]
fn what_is_gone_is_charged_to_nobody() {
    on_a_system(async {
        let (_dir, node, mut sweep) = swept(Duration::ZERO).await;
        let ledger = Arc::clone(&sweep.ledger);
        for bytes in [&b"late"[..], b"gone"] {
            let mut upload = node.blobs.begin(None).await.unwrap();
            upload.write(bytes).await.unwrap();
            let kept = upload.finish(None).await.unwrap();
            ledger.reserve(kippu_events::access::Role::Shop, kept.id, 4).unwrap().keep(kept).unwrap();
        }
        name_late(&node).await;
        for _ in 0..2 {
            sweep.once().await.unwrap();
        }
        assert_eq!(ledger.blobs(), [BlobId::of(b"late")].into());
        node.stop().await;
    });
}
