//! A node whose history lies on Kafka: how it is told to reach brokers, what it tells of them, and brokers that are not
//! those that it knows.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::fixture::{Ended, Node, run, topic, until, utf8};
use crate::market::purchase;

/// A folder with a configuration file for a topic of its own and with `more` in it, and a data directory made of it.
struct Place {
    folder: TempDir,
    config: PathBuf,
}

impl Place {
    fn new(more: &str) -> Self {
        let folder = TempDir::with_prefix("kippu-on-kafka-").unwrap();
        let config = folder.path().join("kippu.toml");
        let log = topic("product");
        let kafka = "[kafka]\naccept_single_copy = true\nreplicas = 1\n";
        std::fs::write(&config, format!("log = \"{log}\"\n{kafka}{more}[node]\npartitions = 2\n")).unwrap();
        let place = Self { folder, config };
        place.run(&["init"]).ok();
        place
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs a command on the directory to its end.
    fn run(&self, command: &[&str]) -> Ended {
        run(&[command, &["--data", utf8(&self.data()), "--config", utf8(&self.config)]].concat())
    }

    fn serve(self) -> Node {
        let flags = ["--config", utf8(&self.config)].map(str::to_owned);
        Node::start_in(self.folder, flags.to_vec())
    }
}

/// Shows F28. Keeps L5.
#[tokio::test]
async fn checkpoints_of_a_topic_go_on_from_each_other_and_prove_what_lies_there() {
    let place = Place::new("");
    let (config, data) = (place.config.clone(), place.data());
    let away = TempDir::new().unwrap();
    let path = |name: &str| utf8(&away.path().join(name)).to_owned();
    let (tiles, kept, bundle) = (path("tiles"), path("kept"), path("bundle"));
    let replay = |command: &[&str]| {
        let place = ["--data", utf8(&data), "--config", utf8(&config)];
        run(&[&["--json", "replay"], command, &place].concat())
    };
    let checkpoint = |more: &[&str]| {
        replay(&[&["checkpoint", "--out", &tiles, "--keep", &kept], more].concat()).ok().json().remove(0)
    };
    let mut node = place.serve();
    let buyer = node.market(1000).buyer("ann").await;
    let first = checkpoint(&["--begin"]);
    let key = first["key"].as_str().unwrap().to_owned();
    let note = path("first");
    std::fs::copy(away.path().join("tiles/checkpoint"), &note).unwrap();
    replay(&["verify", "--checkpoint", &kept, "--key", &key]).ok();
    // What a writer that is followed leaves behind counts in neither.
    node.crash();
    let terminal = node.caller(&buyer.terminal.key);
    terminal.post("/v1/approvals", "open-behind-it", &purchase(10)).await.expect(201);
    let second = checkpoint(&[]);
    assert_eq!((&first["size"], &second["size"]), (&1.into(), &2.into()));
    let newest = path("tiles/checkpoint");
    run(&["replay", "consistency", &note, &newest, "--key", &key, "--tiles", &tiles]).ok();
    replay(&["evidence", "export", &format!("users/{}", buyer.user), "--tiles", &tiles, "--out", &bundle]).ok();
    let shown = run(&["--json", "replay", "evidence", "verify", &bundle, "--key", &key]).ok().json().remove(0);
    assert_eq!((&shown["anchored"], &shown["records"]), (&true.into(), &2.into()), "{shown}");
}

/// Shows F34.
#[tokio::test]
async fn a_node_tells_what_its_clients_of_kafka_tell() {
    let node = Place::new("[kafka.properties]\nclient.rack = \"here\"\nsocket.timeout.ms = 30000\n").serve();
    let operator = node.operator();
    let has = async |line: &str| operator.get("/metrics").await.expect(200).text.lines().any(|found| found == line);
    for client in ["follower", "producer-0", "producer-1"] {
        until(async || has(&format!("kippu_kafka_connected{{client=\"{client}\",broker=\"0\"}} 1")).await, |has| *has)
            .await;
    }
    until(async || has("kippu_kafka_queued{client=\"producer-0\"} 0").await, |has| *has).await;
}

/// Shows F36, F46.
#[tokio::test]
async fn blobs_are_taken_only_where_the_other_nodes_find_them_and_doctor_finds_those_that_do_not() {
    let put = async |node: &Node| {
        let sha256: String = Sha256::digest(b"film").iter().map(|byte| format!("{byte:02x}")).collect();
        let operator = node.operator();
        let request = operator.request(reqwest::Method::PUT, &format!("/v1/blobs/{sha256}")).body("film");
        operator.send(request).await.expect("it was answered")
    };
    let place = Place::new("");
    let (config, data) = (place.config.clone(), place.data());
    let (second, shared) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let keyring = data.join("keys/keyring.json");
    let twin_data = second.path().join("data");
    run(&["init", "--data", utf8(&twin_data), "--config", utf8(&config), "--keyring", utf8(&keyring)]).ok();
    let mut node = place.serve();
    let refused = put(&node).await.expect_problem(503, "blobs-unavailable");
    assert!(refused.field("detail").contains("blobs.dir or blobs.s3"), "{refused:?}");
    assert!(node.log().contains("this node takes no blobs"), "{}", node.log());
    node.stop();
    node.start_again_with(&format!("--blobs-dir={}", utf8(shared.path())));
    put(&node).await.expect(201);
    let doctor = async || {
        let ended = run(&["--json", "doctor", "--data", utf8(&data), "--config", utf8(&config)]);
        ended.json()[0]["findings"].as_array().expect("findings").clone()
    };
    let found = |findings: &Vec<serde_json::Value>, wanted: bool| {
        let nodes = findings.iter().filter(|found| found["check"] == "node" && found["verdict"] == "good").count();
        nodes == 2 && findings.iter().any(|found| found["check"] == "blobs" && found["verdict"] == "bad") == wanted
    };
    // Some of the partitions go to the second node, whose folder is another one at first.
    let flags = ["--config", utf8(&config), "--name", "twin"].map(str::to_owned).to_vec();
    let mut twin = Node::start_in(second, flags);
    until(doctor, |findings| found(findings, true)).await;
    twin.stop();
    twin.start_again_with(&format!("--blobs-dir={}", utf8(shared.path())));
    until(doctor, |findings| found(findings, false)).await;
}

/// Shows F33.
#[test]
fn a_lost_label_is_made_again_over_the_keys_as_the_manual_says() {
    let place = Place::new("");
    let (label, keyring) = (place.data().join("kippu.json"), place.data().join("keys/keyring.json"));
    let before = std::fs::read(&label).unwrap();
    std::fs::remove_file(&label).unwrap();
    place.run(&["serve", "--listen", "127.0.0.1:0"]).refused(3, "make it with `kippu init`");
    // A second history is not begun under its keys, neither here nor in a topic whose name was mistyped.
    let bare = run(&["serve", "--listen", "127.0.0.1:0", "--data", utf8(&place.data())]);
    bare.refused(3, "neither their history nor kippu.json");
    assert!(!place.data().join("log").exists());
    let mistyped = topic("mistyped");
    place.run(&["init", "--log", &mistyped]).refused(3, "neither their history nor kippu.json");
    run(&["replay", "verify", "--log", &mistyped]).refused(3, "there is no topic");
    place.run(&["init", "--keyring", utf8(&keyring)]).ok();
    assert_eq!(std::fs::read(&label).unwrap(), before);
    place.run(&["replay", "verify"]).ok();
}

/// Shows F5.
#[test]
fn brokers_of_another_cluster_are_refused_with_both_ids_and_nothing_is_served() {
    let place = Place::new("");
    let path = place.data().join("kippu.json");
    let mut label: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let here = label["cluster"].as_str().expect("the cluster was remembered").to_owned();
    place.run(&["replay", "verify"]).ok();
    label["cluster"] = "other".into();
    std::fs::write(&path, label.to_string()).unwrap();
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["replay", "verify"]] {
        place.run(command).refused(3, &format!("the brokers belong to the cluster {here}, not other"));
    }
}
