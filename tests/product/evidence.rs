//! Evidence from outside: checkpoints of a node's history, what later histories are compared with, witnesses, and bundles that
//! are checked far from the node, by us and by somebody else.

mod strangers;

use std::path::Path;

use kippu_events::log::{Commit, Content, Head, Record};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Ended, Node, files_below, run, utf8};
use crate::market::{Buyer, purchase};
use crate::stores::Raw;

/// A node with one buyer, and a folder for whoever checks it.
struct Scene {
    node: Node,
    buyer: Buyer,
    away: TempDir,
}

impl Scene {
    async fn set() -> Self {
        let node = Node::start_with(&["--partitions", "3"]);
        let buyer = node.market(10_000).buyer("ann").await;
        let scene = Self { node, buyer, away: TempDir::new().unwrap() };
        scene.buys(3).await;
        scene
    }

    async fn buys(&self, times: usize) {
        for _ in 0..times {
            let key = format!("open-{:016x}", rand::random::<u64>());
            // A node that has started again answers elsewhere.
            let terminal = self.node.caller(&self.buyer.terminal.key);
            terminal.post("/v1/approvals", &key, &purchase(10)).await.expect(201);
        }
    }

    fn user(&self) -> String {
        format!("users/{}", self.buyer.user)
    }

    fn data(&self) -> String {
        utf8(&self.node.data()).to_owned()
    }

    fn path(&self, name: &str) -> String {
        utf8(&self.away.path().join(name)).to_owned()
    }

    fn replay(&self, arguments: &[&str]) -> Ended {
        run(&[&["--json", "replay"], arguments].concat())
    }

    /// Signs a checkpoint into `tiles`, and keeps what a later history is compared with as `kept`.
    fn checkpoint(&self, more: &[&str]) -> Ended {
        let (tiles, kept, data) = (self.path("tiles"), self.path("kept"), self.data());
        self.replay(&[&["checkpoint", "--out", &tiles, "--keep", &kept, "--data", &data], more].concat())
    }

    /// The verifier key of the first checkpoint, which this makes.
    fn begin(&self) -> String {
        self.checkpoint(&["--begin"]).ok().json().remove(0)["key"].as_str().unwrap().to_owned()
    }

    fn compare(&self, key: &str) -> Ended {
        let (kept, data) = (self.path("kept"), self.data());
        self.replay(&["verify", "--data", &data, "--checkpoint", &kept, "--key", key])
    }

    fn export(&self, what: &[&str]) -> Ended {
        let (tiles, bundle, data) = (self.path("tiles"), self.path("bundle"), self.data());
        self.replay(&[&["evidence", "export", "--tiles", &tiles, "--out", &bundle, "--data", &data], what].concat())
    }

    fn copy_note(&self, name: &str) -> String {
        let to = self.path(name);
        std::fs::copy(self.away.path().join("tiles/checkpoint"), &to).unwrap();
        to
    }
}

/// What is wrong, as JSON has it.
#[track_caller]
fn found(ended: &Ended, what: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let value = ended.json().remove(0);
    assert!(value["found"].as_str().is_some_and(|found| found.contains(what)), "no {what}: {value}");
}

fn written(path: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).unwrap();
}

/// Shows F28, F29.
#[tokio::test]
async fn a_checkpoint_is_signed_beside_a_running_node_and_the_history_goes_on_from_it() {
    let scene = Scene::set().await;
    let key = scene.begin();
    let note = std::fs::read_to_string(scene.away.path().join("tiles/checkpoint")).unwrap();
    assert!(note.starts_with("kippu/") && note.contains("\n1\n"), "{note}");
    scene.compare(&key).ok();
    scene.buys(2).await;
    let compared = scene.compare(&key).ok().json().remove(0);
    assert_eq!((&compared["sound"], &compared["checkpoint"]["size"]), (&json!(true), &json!(1)));
    assert_eq!(scene.checkpoint(&[]).ok().json().remove(0)["size"], 2);
    let again = scene.checkpoint(&[]).ok().json().remove(0);
    assert_eq!((&again["size"], &again["new"]), (&json!(2), &json!(false)));
    // What the node publishes names the same key.
    let jwks = scene.node.operator().get("/.well-known/jwks.json").await.expect(200).json().to_string();
    written(&scene.path("jwks"), jwks);
    scene.compare(&scene.path("jwks")).ok();
    // Wherever the history lies, it has the same trees.
    let export = scene.path("export");
    run(&["log", "export", &export, "--data", &scene.data()]).ok();
    assert_eq!(scene.checkpoint(&["--exported", &export]).ok().json().remove(0)["new"], false);
    scene.checkpoint(&["--begin"]).refused(3, "holds a log of cuts already");
}

/// Shows F28.
#[tokio::test]
async fn the_trees_are_served_to_everybody_and_nothing_beside_them() {
    let mut scene = Scene::set().await;
    scene.begin();
    scene.node.caller("").get("/evidence/checkpoint").await.expect_problem(404, "not-found");
    scene.node.stop();
    scene.node.start_again_with(&format!("--evidence-dir={}", scene.path("tiles")));
    let (anybody, tiles) = (scene.node.caller(""), scene.away.path().join("tiles"));
    let mut served = 0;
    for file in files_below(&tiles) {
        let path = utf8(file.strip_prefix(&tiles).unwrap()).to_owned();
        let reply = anybody.get(&format!("/evidence/{path}")).await;
        if path == "LOCK" {
            reply.expect_problem(404, "not-found");
            continue;
        }
        let reply = reply.expect(200);
        assert_eq!(
            reply.header("cache-control"),
            Some(if path.contains("tile/") { "public, max-age=31536000, immutable" } else { "no-cache" })
        );
        assert!(reply.text == String::from_utf8_lossy(&std::fs::read(&file).unwrap()), "{path}");
        served += 1;
    }
    assert_eq!(served, 2 + 2 + 3, "a checkpoint and keys, a tile and its entries, and a tile of each partition");
    for path in
        ["", "tile", "tile/0/001", "tile/0", "../data/operator.key", "..%2Fdata%2Foperator.key", "tile/..%2F..%2FLOCK"]
    {
        anybody.get(&format!("/evidence/{path}")).await.expect_problem(404, "not-found");
    }
}

/// Shows F29. Keeps R1.
#[tokio::test]
async fn evidence_changes_nothing_in_the_data_directory() {
    let mut scene = Scene::set().await;
    scene.node.kill();
    let everything = || {
        let files = files_below(&scene.node.data());
        files.into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect::<Vec<_>>()
    };
    let before = everything();
    scene.begin();
    scene.export(&[&scene.user()]).ok();
    assert!(everything() == before, "the same files with the same bytes");
}

/// A history in which one word is another, with hashes that fit: everything behind it is chained anew.
fn rewrite(data: &Path) {
    let store = Raw::log(data);
    let is_bought = |stored: &Vec<u8>| String::from_utf8_lossy(stored).contains("a song");
    let partition = (0..store.partitions()).find(|partition| store.records(*partition).iter().any(is_bought)).unwrap();
    let records = store.records(partition);
    let at = records.iter().position(is_bought).unwrap();
    let mut head = Head::at_genesis(Record::decode(&records[0]).unwrap().digest);
    for (number, stored) in (0..).zip(&records).skip(1) {
        let bytes = match Record::decode(stored).unwrap().content {
            Content::Commit(commit) => {
                let text = String::from_utf8(commit.body.to_vec()).unwrap();
                let body = if number == at as u64 { text.replacen("a song", "a sing", 1) } else { text };
                Content::Commit(Commit { prev: head.hash, body: body.as_bytes(), ..commit }).encode().0
            }
            other => other.encode().0,
        };
        let hash = Record::decode(&bytes).unwrap().hash(number, head.hash);
        head = Head { number, hash, ..head };
        store.put(partition, number, &bytes);
    }
    // What was folded from the history before goes with it.
    for cache in ["entities", "views"] {
        std::fs::remove_dir_all(data.join(cache)).unwrap();
    }
}

/// Shows F21, F28. Keeps L5.
#[tokio::test]
async fn a_rewritten_history_and_a_tail_that_was_cut_off_are_found_by_a_checkpoint_held_elsewhere() {
    let mut scene = Scene::set().await;
    let key = scene.begin();
    scene.node.stop();
    rewrite(&scene.node.data());
    scene.node.verify().ok();
    let said = scene.compare(&key).refused(1, "\"field\":\"checkpoint\"").said;
    assert!(said.contains("the checkpoint has the root"), "{said}");
    let next = scene.checkpoint(&[]);
    found(&next, "REWRITTEN: the first");
    found(&next, ", from record ");
    found(&scene.export(&[&scene.user()]), "REWRITTEN");

    let mut scene = Scene::set().await;
    let key = scene.begin();
    scene.node.stop();
    let store = Raw::log(&scene.node.data());
    let partition = (0..3).max_by_key(|partition| store.records(*partition).len()).unwrap();
    store.remove(partition, store.records(partition).len() as u64 - 1);
    drop(store);
    // The one file that says how much was durable is written by the same forger.
    std::fs::remove_file(scene.node.data().join("log/durable")).unwrap();
    scene.compare(&key).refused(1, "the history ends here, but the checkpoint saw it go on");
    found(&scene.checkpoint(&[]), "CUT OFF: partition");
}

/// Shows F28. Keeps L5.
#[tokio::test]
async fn a_checkpoint_that_is_forged_or_of_another_log_is_named() {
    let scene = Scene::set().await;
    let key = scene.begin();
    let kept = std::fs::read_to_string(scene.path("kept")).unwrap();
    let bundle: Value = serde_json::from_str(&kept).unwrap();
    let note = bundle["checkpoint"].as_str().unwrap();
    // Another root under the same signature.
    let root = note.lines().nth(2).unwrap();
    let other = format!("{}{}", if root.starts_with('A') { 'B' } else { 'A' }, &root[1..]);
    written(&scene.path("kept"), kept.replace(root, &other));
    found(&scene.compare(&key), "forged: the signature of kippu/");
    // Made by somebody else, whole in itself.
    let stranger = Scene::set().await;
    let strange = stranger.begin();
    std::fs::copy(stranger.path("kept"), scene.path("kept")).unwrap();
    found(&scene.compare(&strange), "of another log");
    found(&scene.compare(&key), "not signed by a key that was given");
    written(&scene.path("kept"), note);
    found(&scene.compare(&key), "malformed");
}

/// Shows F28. Keeps L5.
#[tokio::test]
async fn checkpoints_go_on_from_each_other_or_their_signer_is_named() {
    let mut scene = Scene::set().await;
    let key = scene.begin();
    let first = scene.copy_note("first");
    scene.buys(1).await;
    scene.checkpoint(&[]).ok();
    let second = scene.copy_note("second");
    let tiles = scene.path("tiles");
    let consistency =
        |a: &str, b: &str| run(&["--json", "replay", "consistency", a, b, "--key", &key, "--tiles", &tiles]);
    for (a, b) in [(&first, &second), (&second, &first)] {
        assert_eq!(consistency(a, b).ok().json().remove(0)["sizes"], json!([1, 2]));
    }
    // The same node signs another history: a copy that was taken after the first purchase, and went another way.
    scene.node.stop();
    rewrite(&scene.node.data());
    std::fs::rename(&tiles, scene.path("honest")).unwrap();
    scene.checkpoint(&["--begin"]).ok();
    let fork = scene.copy_note("fork");
    found(&consistency(&first, &fork), "EQUIVOCATION: kippu/");
    scene.node.start_again();
    scene.buys(1).await;
    scene.checkpoint(&[]).ok();
    let longer = scene.copy_note("longer");
    found(&consistency(&first, &longer), "EQUIVOCATION: kippu/");
    found(&consistency(&second, &longer), "EQUIVOCATION: kippu/");
}

/// Shows F28.
#[tokio::test]
async fn a_witness_cosigns_what_goes_on_and_nothing_else() {
    let mut scene = Scene::set().await;
    let key = scene.begin();
    // The witness is another node, with a key of its own.
    let other = Scene::set().await;
    let (state, data) = (other.path("state"), other.data());
    let cosign = |note: &str, tiles: &str, out: &str| {
        other.replay(&[
            "witness", note, "--key", &key, "--tiles", tiles, "--state", &state, "--out", out, "--data", &data,
        ])
    };
    let (tiles, note) = (scene.path("tiles"), scene.path("tiles/checkpoint"));
    let first = cosign(&note, &tiles, &note).ok().json().remove(0);
    let witness = first["key"].as_str().unwrap().to_owned();
    assert_eq!(first["since"], Value::Null);
    // A bundle has the cosignature if it is asked for, and a verifier may demand it.
    scene.export(&[&scene.user(), "--witness", &witness]).ok();
    let bundle = scene.path("bundle");
    let demand =
        |bundle: &str| run(&["--json", "replay", "evidence", "verify", bundle, "--key", &key, "--witness", &witness]);
    let shown = demand(&bundle).ok().json().remove(0);
    assert_eq!(shown["cosigned"].as_array().unwrap().len(), 1, "{shown}");
    scene.export(&[&scene.user()]).ok();
    found(&demand(&bundle), "not cosigned by kippu/");
    scene.buys(1).await;
    scene.checkpoint(&[]).ok();
    let second = cosign(&note, &tiles, &scene.path("cosigned")).ok().json().remove(0);
    assert_eq!((&second["since"], &second["size"]), (&json!(1), &json!(2)));
    // Another history under the same name.
    scene.node.stop();
    rewrite(&scene.node.data());
    std::fs::rename(&tiles, scene.path("honest")).unwrap();
    scene.checkpoint(&["--begin"]).ok();
    scene.node.start_again();
    for _ in 0..2 {
        scene.buys(1).await;
        scene.checkpoint(&[]).ok();
    }
    let cosigned = scene.path("forked");
    found(&cosign(&note, &tiles, &cosigned), "EQUIVOCATION");
    assert!(!Path::new(&cosigned).exists(), "nothing was cosigned");
}

/// Shows F28.
#[tokio::test]
async fn a_bundle_is_verified_far_from_the_node_against_a_key_that_the_verifier_has() {
    let mut scene = Scene::set().await;
    let key = scene.begin();
    let exported = scene.export(&[&scene.user()]).ok().json().remove(0);
    assert_eq!(exported["records"], 4, "a registration and three purchases");
    let from = ["--from", "2000-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z"];
    let bundle = scene.path("bundle");
    let verify = |more: &[&str]| run(&[&["--json", "replay", "evidence", "verify", &bundle], more].concat());
    let shown = verify(&["--key", &key]).ok().json().remove(0);
    let its = &shown["entities"][scene.user()];
    assert_eq!((&shown["anchored"], &its["first"], &its["last"]), (&json!(true), &json!(1), &json!(4)), "{shown}");
    verify(&[]).refused(3, "\"anchored\":false");
    let text = run(&["replay", "evidence", "verify", &bundle, "--key", &key]).ok().said;
    assert!(text.trim_end().lines().last().unwrap().starts_with("evidence: verified (4 records"), "{text}");
    run(&["replay", "evidence", "verify", &bundle]).refused(3, "evidence: NOT ANCHORED");
    // Nothing of the node is left.
    scene.export(&from).ok();
    scene.node.kill();
    std::fs::rename(scene.node.data(), scene.path("gone")).unwrap();
    std::fs::remove_dir_all(scene.path("tiles")).unwrap();
    verify(&["--key", &key]).ok();
    let whole = std::fs::read_to_string(&bundle).unwrap();
    written(&bundle, whole.replacen("\"number\": 2", "\"number\": 3", 1));
    found(&verify(&["--key", &key]), "");
    scene.export(&["users/aaaaaaaaaaaaaaaaaaaaaaaa"]).refused(3, "");
}
