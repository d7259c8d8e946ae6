//! `kippu log inspect`, `export` and `import`, and the topic as ordinary tools read it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Ended, Node, run, topic, utf8};
use crate::http::Reply;

/// A stopped node with a user and a placement; what it answered about the latter.
async fn stopped() -> (Node, Reply) {
    let mut node = Node::start();
    let limit = json!({ "source": "fixed", "amount": 500, "currency": "EUR" });
    node.operator().post("/v1/users", "user", &json!({ "login": "grace", "limit": limit })).await.expect(201);
    let told = place(&node).await.expect(201);
    node.stop();
    (node, told)
}

async fn place(node: &Node) -> Reply {
    node.operator().post("/v1/placements", "place", &json!({ "label": "a replica" })).await
}

fn inspect(arguments: &[&str]) -> Vec<Value> {
    run(&[&["log", "inspect", "--json"], arguments].concat()).ok().json()
}

/// Exports to `path`; what the manifest says.
fn exported(path: &Path, arguments: &[&str]) -> String {
    run(&[&["log", "export", utf8(path)], arguments].concat()).ok();
    std::fs::read_to_string(path.join("manifest.json")).unwrap()
}

/// Shows F7.
#[tokio::test]
async fn every_record_can_be_looked_at_next_to_the_node_or_after_it() {
    let (mut node, _) = stopped().await;
    let data = node.data();
    let data = utf8(&data);
    let all = inspect(&["--data", data]);
    let of = |kind: &str| all.iter().filter(|record| record["kind"] == kind).count();
    assert_eq!((of("genesis"), of("claim"), of("commit")), (16, 16, 3));
    let user = all.iter().find(|record| record["events"][0]["type"] == "user.registered").expect("it is there");
    let (partition, number) = (user["partition"].to_string(), user["number"].to_string());
    let one = ["--data", data, "--partition", &partition, "--from", &number, "--limit", "1"];
    assert_eq!(inspect(&one), std::slice::from_ref(user));
    assert!(user["hash"].as_str().is_some_and(|hash| hash.len() == 64));
    let shown = run(&[&["log", "inspect"], &one[..]].concat()).said;
    assert!(
        shown.starts_with(&format!("{partition}-{number}  ")) && shown.contains("user.registered  users/"),
        "{shown}"
    );
    for (limit, is_part) in [(all.len() - 1, true), (all.len(), false)] {
        let said = run(&["log", "inspect", "--data", data, "--limit", &limit.to_string()]).ok().said;
        assert_eq!(said.contains(&format!("there is more than --limit {limit} shows")), is_part, "{said}");
    }
    run(&["log", "inspect", "--data", data, "--partition", "16"]).refused(2, "there is no partition 16");
    node.start_again();
    assert_eq!(inspect(&["--data", data]).len(), all.len() + 16, "next to the running node, with its claims");
}

/// Shows F7. Keeps L5.
#[tokio::test]
async fn an_export_becomes_the_same_log_again_and_a_damaged_segment_is_refused_by_name() {
    let (node, told) = stopped().await;
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let [export, again] = ["export", "again"].map(|name| folder.path().join(name));
    let data = folder.path().join("data");
    let manifest = exported(&export, &["--data", utf8(&node.data())]);
    let import = |place: &[&str]| {
        run(&[&["log", "import", utf8(&export), "--replicas", "1", "--accept-single-copy"], place].concat())
    };

    let names: Value = serde_json::from_str(&manifest).unwrap();
    let name = names["segments"].as_array().unwrap().last().expect("there are segments")["file"].as_str().unwrap();
    let segment = export.join(name);
    let sound = std::fs::read(&segment).unwrap();
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 0x10;
    std::fs::write(&segment, flipped).unwrap();
    import(&["--data", utf8(&data)]).refused(1, name).refused(1, "SHA-256");
    assert!(!data.exists(), "nothing was written");
    std::fs::write(&segment, sound).unwrap();

    let log = topic("imported");
    for (place, flags, keyless) in [
        (["--log", &log], vec!["--accept-single-copy"], &["--without-keys"][..]),
        (["--data", utf8(&data)], vec![], &[]),
    ] {
        for _ in 0..2 {
            import(&[&place[..], keyless].concat()).ok();
        }
        assert_eq!(exported(&again, &[&place[..], &flags[..]].concat()), manifest);
        std::fs::remove_dir_all(&again).unwrap();
    }
    // With the keys next to it, it is the node.
    Ended::of(Command::new("cp").arg("-a").arg(node.data().join("keys")).arg(&data)).ok();
    let other = Node::start_in(folder, Vec::new());
    let repeated = place(&other).await;
    assert!(told.says_the_same_as(&repeated), "{told:?}, and then {repeated:?}");
    other.assert_sound();
}

/// Shows F7, F30.
#[tokio::test]
async fn a_history_does_not_come_to_a_topic_without_its_persons_keys_unless_that_is_accepted() {
    let (node, _) = stopped().await;
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let [export, data, joined] = ["export", "data", "joined"].map(|name| folder.path().join(name));
    let [export, data, joined] = [&export, &data, &joined].map(|path| utf8(path));
    let keys = node.data().join("keys");
    let keyring = keys.join("keyring.json");
    let kafka = ["--accept-single-copy", "--replicas", "1"];
    let on = |arguments: &[&str]| run(&[arguments, &kafka[..]].concat());
    let join = |log: &str, more: &[&str]| {
        on(&[&["init", "--data", joined, "--log", log, "--keyring", utf8(&keyring)], more].concat())
    };
    run(&["log", "export", export, "--data", utf8(&node.data())]).ok();

    let keyless = topic("keyless");
    let advice = format!("`kippu log copy DIR {keyless}`");
    on(&["log", "import", export, "--log", &keyless]).refused(2, &advice);
    on(&["log", "import", export, "--log", &keyless, "--without-keys"]).ok();
    join(&keyless, &[]).refused(3, ".keys holds no keys");
    join(&keyless, &["--without-keys"]).ok();
    std::fs::remove_dir_all(joined).unwrap();

    // The way that brings both.
    run(&["log", "import", export, "--data", data]).ok();
    Ended::of(Command::new("cp").arg("-a").arg(&keys).arg(data)).ok();
    let log = topic("with-keys");
    on(&["log", "copy", data, &log]).ok();
    join(&log, &[]).ok();
    // A node's keys know nobody in an export.
    run(&["log", "import", export, "--data", utf8(&node.data())]).refused(3, "holds a node already");
}

/// Shows F7, F8.
#[tokio::test]
async fn the_lines_of_the_documentation_show_a_topic_with_ordinary_tools() {
    let (node, _) = stopped().await;
    let log = topic("shown");
    run(&["log", "copy", utf8(&node.data()), &log, "--replicas", "1", "--accept-single-copy"]).ok();
    let (brokers, topic) = log.strip_prefix("kafka://").unwrap().split_once('/').unwrap();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/log-format.md")).unwrap();
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with("kcat -C ")).collect();
    let shown = lines.iter().map(|line| {
        Ended::of(Command::new("sh").args(["-euc", line]).env("BROKERS", brokers).env("TOPIC", topic)).ok().out
    });
    let shown: Vec<String> = shown.collect();
    let [records, events, keys] = &shown[..] else { panic!("three lines, not {}", lines.len()) };
    let of = |kind: &str| records.lines().filter(|line| line.split('\t').any(|field| field == kind)).count();
    assert_eq!((of("genesis"), of("claim"), of("commit")), (16, 16, 3), "{records}");
    let mut types: Vec<String> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    types.sort();
    assert_eq!(types, ["client.opened", "placement.opened", "user.registered"]);
    assert_eq!(keys.lines().map(str::len).collect::<Vec<_>>(), [24], "one person's key: {keys}");
}
