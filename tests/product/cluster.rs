//! Several nodes over one topic, killed, frozen, cut off and replaced under load. What clients were told must be in the
//! topic, once, and every retry must be answered as the first time, whichever node gets it.
//! `KIPPU_CLUSTER_SECS=600 cargo test --release cluster` goes on for longer.

pub(crate) mod brokers;
mod fixture;
mod ready;

use std::time::{Duration, Instant};

use rand::Rng as _;
use serde_json::json;

use self::brokers::Brokers;
use self::fixture::Cluster;
use crate::fixture::{PATIENCE, first, say, seeded};
use crate::load::Load;
use crate::script;

const CLIENTS: u64 = 8;
/// How long faults go on, unless more is asked for.
const SECS: u64 = 20;

/// What is done to a node.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// SIGKILL, and a start after it.
    Kill,
    /// SIGSTOP, and SIGCONT once others have taken over: a writer that wakes up.
    Freeze,
    /// The network between it and the brokers, both ways; what was on its way arrives late.
    Cut,
    /// SIGKILL of a broker, and its start.
    Broker,
}

const KINDS: [Fault; 4] = [Fault::Kill, Fault::Freeze, Fault::Cut, Fault::Broker];

/// Shows F9, F12, F36. Keeps L1, L4, E2, E3, E4, T1, T2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_answered_is_lost_or_doubled_by_nodes_that_fail() {
    let secs = std::env::var("KIPPU_CLUSTER_SECS").map_or(SECS, |n| n.parse().expect("KIPPU_CLUSTER_SECS is a number"));
    let brokers: usize = if secs > SECS { 3 } else { 1 };
    let mut rng = seeded("cluster");
    let brokers = Brokers::start(brokers, 3);
    let doors: Vec<&str> = (0..3).map(|door| brokers.behind(door)).collect();
    let mut cluster = Cluster::start(&doors, brokers.count());
    let load = Load::start(cluster.market(script::LIMIT).await, cluster.operators(), CLIENTS, &mut rng).await;
    let (mut faults, over) = (Vec::new(), Instant::now() + Duration::from_secs(secs));
    // Each kind in turn, and each at least once.
    while faults.len() < KINDS.len() || Instant::now() < over {
        let (fault, node) = (KINDS[faults.len() % KINDS.len()], rng.random_range(0..3));
        say(&format!("cluster: {fault:?} {node}"));
        strike(fault, node, &brokers, &mut cluster).await;
        load.moved(cluster.operators());
        faults.push(fault);
        load.answers(rng.random_range(10..500)).await;
    }
    cluster.settled().await;
    let (answers, longest) = load.end(&cluster.operators()).await;
    let report = cluster.assert_sound();
    let (count, waited) = (faults.len(), longest.as_secs_f64());
    say(&format!(
        "cluster: {secs} s, {count} faults, {answers} answers, the longest wait {waited:.1} s: 0 lost, 0 doubled"
    ));
    say(report.lines().rev().take(2).collect::<Vec<_>>().join("; ").as_str());
}

/// Shows F36.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_are_replaced_one_after_the_other_fail_no_command() {
    let mut rng = seeded("rolling");
    let brokers = Brokers::start(1, 3);
    let doors: Vec<&str> = (0..3).map(|door| brokers.behind(door)).collect();
    let mut cluster = Cluster::start(&doors, 1);
    let load = Load::start(cluster.market(script::LIMIT).await, cluster.operators(), CLIENTS, &mut rng).await;
    for node in 0..3 {
        cluster.nodes[node].stop();
        // It can tell no API key until it has read them anew, and takes no partitions before.
        std::fs::remove_dir_all(cluster.nodes[node].data().join("views")).unwrap();
        cluster.nodes[node].start_again();
        load.moved(cluster.operators());
        cluster.settled().await;
        load.answers(10).await;
    }
    cluster.settled().await;
    let (answers, longest) = load.end(&cluster.operators()).await;
    assert!(longest < PATIENCE, "a command was without an answer for {longest:?}");
    say(&format!("rolling: {answers} answers, the longest wait {:.1} s", longest.as_secs_f64()));
    cluster.assert_found_by_doctor().await;
    cluster.assert_sound();
}

/// Shows F36.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_is_brought_to_the_node_that_serves_it_once_or_its_caller_is_told_which_that_is() {
    let brokers = Brokers::start(1, 3);
    let doors: Vec<&str> = (0..3).map(|door| brokers.behind(door)).collect();
    let cluster = Cluster::start(&doors, 1);
    // Each has its share, so none moves any more.
    cluster.settled().await;
    cluster.assert_found_by_doctor().await;
    let (operators, body) = (cluster.operators(), json!({ "label": "l" }));
    let mut told = 0;
    for (n, operator) in operators.iter().cycle().take(24).enumerate() {
        let key = n.to_string();
        let ask = async |header: &'static str, value: &'static str| {
            let request = operator.command("/v1/placements", &key, body.to_string()).header(header, value);
            operator.send(request).await.unwrap()
        };
        let answer = first(async || ask("Prefer", "redirect").await, |answer| answer.status < 500).await;
        if answer.status == 201 {
            continue;
        }
        let place = answer.expect(307).header("Location").unwrap().to_owned();
        let owner = operators.iter().find(|owner| place == format!("{}/v1/placements", owner.url)).unwrap();
        assert_ne!(owner.url, operator.url);
        ask("Kippu-Forwarded", "1").await.expect_problem(503, "unavailable");
        let brought = operator.post("/v1/placements", &key, &body).await.expect(201);
        assert_eq!((brought.header("ETag"), brought.header("Idempotent-Replayed")), (Some("\"1\""), None));
        let again = owner.post("/v1/placements", &key, &body).await.expect(201);
        assert_eq!((again.header("Idempotent-Replayed"), again.position()), (Some("true"), brought.position()));
        told += 1;
    }
    assert!(told > 0, "each node served what it was asked, 24 times");
}

/// Strikes, and heals: a node that is frozen or cut off only after others have taken over.
async fn strike(fault: Fault, node: usize, brokers: &Brokers, cluster: &mut Cluster) {
    match fault {
        Fault::Kill => cluster.nodes[node].crash(),
        Fault::Freeze => {
            cluster.nodes[node].signal("STOP");
            cluster.succeeded(node).await;
            cluster.nodes[node].signal("CONT");
        }
        Fault::Cut => {
            brokers.shut(node);
            cluster.succeeded(node).await;
            brokers.open(node);
        }
        Fault::Broker => brokers.crash(node % brokers.count()),
    }
}
