//! What becomes of a node whose topics are changed under it: every setting that Kafka has, one at a time. Either commands are
//! taken as before, or they are refused and `/readyz` names the setting; never damage, never silence.
//!
//! `KIPPU_TOPIC_SETTINGS=all` tries every setting of both topics with every value that the broker takes.

mod admin;
mod rights;

use std::collections::BTreeMap;

use serde_json::json;
use tempfile::TempDir;

use self::admin::Broker;
use crate::fixture::{Node, first, run, say, until, utf8};
use crate::http::{Caller, Reply};

/// Values of all kinds that settings have. The broker says which of them fit.
const VALUES: [&str; 32] = [
    "-2",
    "-1",
    "0",
    "1",
    "2",
    "100",
    "1000",
    "60000",
    "100000",
    "300000",
    "1048576",
    "2147483647",
    "9223372036854775807",
    "0.5",
    "1.0",
    "true",
    "false",
    "delete",
    "compact",
    "compact,delete",
    "",
    "uncompressed",
    "gzip",
    "snappy",
    "lz4",
    "zstd",
    "producer",
    "CreateTime",
    "LogAppendTime",
    "*",
    "0:0",
    "none",
];

/// Those that decide whether a history is kept, or its records are taken or read.
const SHORT: [(&str, &str); 14] = [
    ("cleanup.policy", "compact"),
    ("compression.type", "gzip"),
    ("compression.type", "zstd"),
    ("flush.messages", "1"),
    ("max.message.bytes", "100000"),
    ("message.timestamp.type", "CreateTime"),
    ("min.insync.replicas", "2"),
    ("preallocate", "true"),
    ("retention.bytes", "1000"),
    ("retention.ms", "60000"),
    ("segment.bytes", "1048576"),
    ("segment.ms", "1000"),
    ("unclean.leader.election.enable", "true"),
    ("index.interval.bytes", "0"),
];

struct Scene {
    broker: Broker,
    node: Node,
    topic: String,
    commands: u64,
}

/// How a change was met.
#[derive(PartialEq, Eq, Debug)]
enum Met {
    Served,
    Refused,
}

impl Scene {
    fn new(broker: Broker) -> Self {
        let folder = TempDir::with_prefix("kippu-topics-").unwrap();
        let (log, config) = (format!("kafka://{}/kept", broker.address), folder.path().join("kippu.toml"));
        let kafka = "[kafka]\naccept_single_copy = true\nreplicas = 1\ncheck_secs = 1\n";
        std::fs::write(&config, format!("{kafka}[node]\npartitions = 2\n")).unwrap();
        let flags = ["--config", utf8(&config)].map(str::to_owned).to_vec();
        run(&["init", "--log", &log, "--data", utf8(&folder.path().join("data")), "--config", utf8(&config)]).ok();
        let node = Node::start_in(folder, flags);
        Self { broker, node, topic: "kept".to_owned(), commands: 0 }
    }

    /// One command, to a partition by chance.
    async fn command(&mut self, operator: &Caller) -> Reply {
        self.commands += 1;
        operator.post("/v1/placements", &format!("c{}", self.commands), &json!({ "label": "here" })).await
    }

    /// Waits until the node has looked at its topics twice from now on: the second look began after this was called.
    async fn looked(&self, operator: &Caller) {
        let looks = async || {
            let figures = operator.get("/metrics").await.expect(200).text;
            let line =
                figures.lines().find_map(|line| line.strip_prefix("kippu_kafka_checks_total ")).map(str::to_owned);
            line.and_then(|count| count.parse::<f64>().ok()).expect("the figure is there")
        };
        let before = looks().await;
        until(looks, |now| *now >= before + 2.0).await;
    }

    /// How the node meets what its topics are like now; panics where it is silent about `setting`.
    async fn meet(&mut self, setting: &str) -> Met {
        let operator = self.node.operator();
        self.looked(&operator).await;
        let mut refused = None;
        for _ in 0..8 {
            let reply = self.command(&operator).await;
            match reply.status {
                201 => {}
                503 => refused = Some(reply),
                other => panic!("{setting}: {other} {}", reply.text),
            }
        }
        let ready = operator.get("/readyz").await;
        match refused {
            None => {
                assert_eq!(ready.status, 200, "{setting}: commands are taken, but {}", ready.text);
                Met::Served
            }
            Some(refused) => {
                assert_eq!(ready.status, 503, "{setting}: {}", refused.text);
                assert!(ready.text.contains(setting), "{setting} is not named: {}", ready.text);
                Met::Refused
            }
        }
    }

    /// Sets the topic as it was, and waits until commands are taken again.
    async fn put_back(&mut self, topic: &str, settings: &BTreeMap<String, String>) {
        assert!(self.broker.set(topic, settings));
        let operator = self.node.operator();
        self.looked(&operator).await;
        until(async || operator.get("/readyz").await, |ready: &Reply| ready.status == 200).await;
        for _ in 0..4 {
            self.command(&operator).await.expect(201);
        }
    }

    async fn change(&mut self, topic: &str, own: &BTreeMap<String, String>, setting: &str, value: &str) -> Option<Met> {
        let mut changed = own.clone();
        changed.insert(setting.to_owned(), value.to_owned());
        if changed == *own || !self.broker.set(topic, &changed) {
            return None;
        }
        let met = self.meet(setting).await;
        if met == Met::Refused {
            self.put_back(topic, own).await;
        }
        Some(met)
    }
}

/// How changes were met.
#[derive(Default)]
struct All {
    served: Vec<String>,
    refused: Vec<String>,
    commands: u64,
}

/// Makes every change whose number leaves the rest `share` by `shares`, under a node and a broker of their own.
async fn change_all(share: usize, shares: usize) -> All {
    let mut scene = Scene::new(Broker::start());
    let mut met = All::default();
    for topic in [scene.topic.clone(), format!("{}.keys", scene.topic)] {
        let own = scene.broker.own(&topic);
        let names: Vec<String> = scene.broker.settings(&topic).into_keys().collect();
        let all = names.iter().flat_map(|name| VALUES.iter().map(|value| (name.as_str(), *value)));
        let chosen: Vec<_> = if shares > 1 { all.collect() } else { SHORT.to_vec() };
        for (setting, value) in chosen.into_iter().skip(share).step_by(shares) {
            match scene.change(&topic, &own, setting, value).await {
                None => {}
                Some(Met::Served) => met.served.push(format!("{topic} {setting}={value}")),
                Some(Met::Refused) => met.refused.push(format!("{topic} {setting}={value}")),
            }
        }
        scene.put_back(&topic, &own).await;
    }
    scene.node.stop();
    let verified = scene.node.verify().ok();
    assert!(verified.said.contains("verify: sound"), "{}", verified.said);
    All { commands: scene.commands, ..met }
}

/// Shows F5, F33.
#[test]
fn a_setting_of_a_topic_that_is_changed_under_a_node_is_harmless_or_named() {
    let is_long = std::env::var("KIPPU_TOPIC_SETTINGS").is_ok_and(|which| which == "all");
    // Most of the time is spent waiting for the next look.
    let shares = if is_long { 6 } else { 1 };
    let run = |share| move || tokio::runtime::Runtime::new().unwrap().block_on(change_all(share, shares));
    let running: Vec<_> = (0..shares).map(|share| std::thread::spawn(run(share))).collect();
    let mut all = All::default();
    for share in running {
        let met = share.join().expect("a share of the changes");
        all.served.extend(met.served);
        all.refused.extend(met.refused);
        all.commands += met.commands;
    }
    for must in ["kept cleanup.policy=compact", "kept retention.ms=60000", "kept max.message.bytes=100000"] {
        assert!(all.refused.iter().any(|found| found == must), "{must} is not refused: {:?}", all.refused);
    }
    assert!(all.served.iter().any(|found| found == "kept compression.type=zstd"), "{:?}", all.served);
    let (served, refused, commands) = (all.served.len(), all.refused.len(), all.commands);
    say(&format!("settings: {served} served as before, {refused} refused by name, {commands} commands"));
    if is_long {
        say(&format!("served:\n  {}\nrefused by name:\n  {}", all.served.join("\n  "), all.refused.join("\n  ")));
    }
}

/// Shows F5, F7.
#[tokio::test]
async fn partitions_that_are_added_are_named_everywhere_and_the_history_moves_on() {
    let mut scene = Scene::new(Broker::start());
    let operator = scene.node.operator();
    let first_answer = scene.command(&operator).await.expect(201);
    scene.broker.add_partitions("kept", 3);
    let named = "the topic kept has 3 partitions, and its log 2";
    assert_eq!(scene.meet(named).await, Met::Refused);
    let data = scene.node.data();
    run(&["doctor", "--data", utf8(&data), "--accept-single-copy"]).refused(1, named);
    run(&["replay", "verify", "--data", utf8(&data), "--accept-single-copy"]).ok();
    run(&["log", "inspect", "--data", utf8(&data), "--accept-single-copy"]).ok();
    let folder = TempDir::new().unwrap();
    run(&["log", "export", utf8(&folder.path().join("export")), "--data", utf8(&data), "--accept-single-copy"]).ok();
    let next = format!("kafka://{}/next", scene.broker.address);
    let from = format!("kafka://{}/kept", scene.broker.address);
    run(&["log", "copy", &from, &next, "--seal", "--accept-single-copy", "--replicas", "1"]).ok();
    scene.node.stop();
    let refused = scene.node.try_start_again().unwrap_err();
    assert!(refused.contains(named) && refused.contains("exit status: 3"), "{refused}");
    scene.node.serve_from(&next);
    scene.node.start_again();
    let operator = scene.node.operator();
    let again = first(
        async || operator.post("/v1/placements", "c1", &json!({ "label": "here" })).await,
        |said: &Reply| said.status != 503,
    )
    .await;
    assert!(first_answer.says_the_same_as(&again), "{first_answer:?}, and then {again:?}");
}
