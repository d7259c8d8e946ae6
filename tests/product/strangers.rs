//! What people wrote who had nothing but the documentation: a checker of the log, which agrees with `replay verify`, a
//! client that plays purchases, and one that buys from a shop.

use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::HEXLOWER;
use rand::Rng as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::fixture::{Ended, Node, run, seeded, topic, utf8};
use crate::market::{purchase, redemption};
use crate::parties::Parties;

/// Damages that both have to find.
const DAMAGES: usize = 24;

/// A stopped node with approvals that ended in every way.
async fn history() -> Node {
    let mut node = Node::start_with(&["--partitions", "3"]);
    let market = node.market(10_000);
    let settler = market.settler("one").await;
    for name in 0..6 {
        let buyer = market.buyer(&format!("buyer {name}")).await;
        for n in 0..4 {
            let opened = buyer.terminal.post("/v1/approvals", &format!("open-{n}"), &purchase(3_000)).await;
            // The fourth is more than is left.
            if opened.status == 201 {
                let (id, body) = (opened.field("id"), redemption(&opened.field("token")));
                settler.post("/v1/approvals/redeem", &format!("redeem-{id}"), &body).await.expect(200);
                settler.post("/v1/approvals/redeem", &format!("again-{id}"), &body).await.expect(409);
            }
        }
    }
    node.stop();
    node
}

fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers").join(script));
    command
}

fn check(path: &Path) -> Ended {
    Ended::of(python("check_log.py").arg(path))
}

/// What the checker prints of each partition, made of what verify says.
fn as_verified(place: &[&str]) -> Vec<String> {
    let report = run(&[&["--json", "replay", "verify"], place].concat()).ok().json().remove(0);
    let of = |(index, partition): (usize, &Value)| {
        let [records, events, stale, duplicates, orphans] =
            ["records", "events", "stale", "duplicates", "orphans"].map(|name| partition[name].as_u64().unwrap());
        let skipped = stale + duplicates + orphans;
        let (number, hash) = (&partition["head"]["number"], partition["head"]["hash"].as_str().unwrap());
        format!("{index} {records} {events} {skipped} {number} {}", &hash[..16])
    };
    report["partitions"].as_array().unwrap().iter().enumerate().map(of).collect()
}

/// What it printed, without its verdict.
fn lines(checked: &Ended) -> Vec<&str> {
    checked.out.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit())).collect()
}

/// Shows F31, D5, D13, D16. Keeps T1, T2.
#[tokio::test]
async fn a_client_written_from_the_interfaces_own_description_plays_purchases_to_the_cent() {
    let node = Node::start();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/purchases-sample.txt");
    let play = || Ended::of(python("purchases.py").arg(node.url()).arg(node.data().join("operator.key")).arg(&sample));
    let said = play().ok().said;
    assert!(said.contains("290 permitted      6425.45") && said.contains("79 refused      4051.71"), "{said}");
    // The same file again is the same commands again.
    assert_eq!(play().ok().said, said);
    node.assert_sound();
}

/// Shows F31, D2.
#[tokio::test]
async fn a_client_written_from_the_documents_buys_the_cheapest_file_of_a_shop() {
    let (mut parties, folder) = (Parties::start().await, TempDir::new().unwrap());
    parties.product(900).await;
    let (_, bytes) = parties.product(450).await;
    parties.product(1_250).await;
    let buyer = parties.buyer(1_000).await;
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, &buyer.terminal.key).unwrap();
    let (shop, authenticator) = (parties.shop.node.url(), parties.authenticator.node.url());
    let mut command = python("shop.py");
    command.args([shop, authenticator, utf8(&key_file), parties.settler.node.url()]);
    let said = Ended::of(&mut command).ok().said;
    let got = format!("{} bytes, sha256 {}", bytes.len(), HEXLOWER.encode(&Sha256::digest(&bytes)));
    assert!(said.contains(&got) && said.contains("paid 4.50 EUR"), "{said}");
    assert_eq!(parties.account(&buyer.user).await, (0, 450));
    parties.assert_sound();
}

/// Shows F7, F21. Keeps L5.
#[tokio::test]
async fn a_checker_written_from_the_documentation_agrees_with_verify_on_sound_histories() {
    let node = history().await;
    let folder = TempDir::new().unwrap();
    let (data, export, log) = (node.data(), folder.path().join("export"), topic("checked"));
    run(&["log", "export", utf8(&export), "--data", utf8(&data)]).ok();
    let checked = check(&export).ok();
    assert_eq!(lines(&checked), as_verified(&["--data", utf8(&data)]), "{}", checked.said);
    run(&["log", "copy", utf8(&data), &log, "--replicas", "1", "--accept-single-copy"]).ok();
    let (brokers, name) = log.strip_prefix("kafka://").unwrap().split_once('/').unwrap();
    let messages = folder.path().join("messages");
    let read = Ended::of(Command::new("kcat").args(["-C", "-b", brokers, "-t", name, "-e", "-q", "-J"])).ok();
    std::fs::write(&messages, read.out).unwrap();
    let checked = check(&messages).ok();
    assert_eq!(lines(&checked), as_verified(&["--log", &log, "--accept-single-copy"]), "{}", checked.said);
}

/// Shows F7, F21. Keeps L5.
#[tokio::test]
async fn a_checker_written_from_the_documentation_finds_the_damage_that_an_import_finds() {
    let node = history().await;
    let (folder, mut rng) = (TempDir::new().unwrap(), seeded("strangers"));
    let export = folder.path().join("export");
    run(&["log", "export", utf8(&export), "--data", utf8(&node.data())]).ok();
    let manifest = export.join("manifest.json");
    let sound = std::fs::read_to_string(&manifest).unwrap();
    for round in 0..DAMAGES {
        let mut says: Value = serde_json::from_str(&sound).unwrap();
        let segments = says["segments"].as_array_mut().unwrap();
        let segment = &mut segments[rng.random_range(0..3)];
        let path: PathBuf = export.join(segment["file"].as_str().unwrap());
        let before = std::fs::read(&path).unwrap();
        let mut bytes = before.clone();
        let at = rng.random_range(0..bytes.len());
        bytes[at] ^= rng.random_range(1..=255_u8);
        std::fs::write(&path, &bytes).unwrap();
        // Every other one by somebody who knows how the manifest is made.
        if round % 2 == 1 {
            segment["sha256"] = HEXLOWER.encode(&Sha256::digest(&bytes)).into();
            std::fs::write(&manifest, says.to_string()).unwrap();
        }
        check(&export).refused(1, "DAMAGE");
        let target = folder.path().join("target");
        let refused = run(&["log", "import", utf8(&export), "--data", utf8(&target)]);
        assert!(refused.code == Some(1) && !target.exists(), "byte {at}: {}", refused.said);
        std::fs::write(&path, before).unwrap();
        std::fs::write(&manifest, &sound).unwrap();
    }
    check(&export).ok();
}
