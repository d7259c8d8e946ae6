//! A node over a topic is never ready while it refuses commands: at the start, while brokers are frozen or gone and after it,
//! without a right, without the group of the log's nodes, and while another node is gone.

use serde_json::json;
use tempfile::TempDir;

use super::brokers::Brokers;
use super::fixture::Cluster;
use crate::fixture::{Node, run, utf8};
use crate::ready::free_address;
use crate::truth::Truth;

/// Brokers that ask for rights, and give all of them where no rule is.
const AUTHORIZER: &str = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
    allow.everyone.if.no.acl.found=true";

/// Who everybody is at these brokers.
const ANYBODY: &str = "User:ANONYMOUS";

/// A topic that nobody has used, and a folder with a node's directory for it.
fn made(brokers: &Brokers) -> (TempDir, String) {
    let folder = TempDir::with_prefix("kippu-ready-").unwrap();
    let topic = format!("ready-{:016x}", rand::random::<u64>());
    let (data, log) = (folder.path().join("data"), format!("kafka://{}/{topic}", brokers.address(0)));
    let init = ["init", "--data", utf8(&data), "--log", &log, "--accept-single-copy", "--replicas", "1"];
    run(&[&init[..], &["--partitions", "4"]].concat()).ok();
    (folder, topic)
}

fn start(folder: TempDir, address: &str) -> Node {
    let flags = ["--accept-single-copy", "--rate-per-second", "0"].map(str::to_owned).to_vec();
    Node::start_at(folder, flags, address)
}

/// Shows F34.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_not_ready_while_the_brokers_cannot_be_had() {
    let brokers = Brokers::start(1, 0);
    let (folder, _) = made(&brokers);
    let address = free_address();
    let mut truth = Truth::of(&format!("http://{address}"));
    let node = start(folder, &address);
    truth.ready().await;
    // At once, without a retry: it said so.
    node.operator().post("/v1/placements", "first", &json!({ "label": "l" })).await.expect(201);

    // Nobody gives a command.
    brokers.signal(0, "STOP");
    truth.unready("the log has not answered for").await;
    brokers.signal(0, "CONT");
    truth.ready().await;

    // Commands are under way.
    truth = truth.commanded_by(&node.operator());
    truth.accepted().await;
    brokers.signal(0, "STOP");
    truth.unready("the log has not answered for").await;
    truth.refused(10).await;
    brokers.signal(0, "CONT");
    truth.ready().await;
    truth.accepted().await;

    brokers.signal(0, "KILL");
    truth.refused(10).await;
    brokers.start_again(0);
    truth.ready().await;
    truth.accepted().await;
    truth.end();
}

/// Shows F34.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lacks_a_right_is_not_ready_while_it_refuses() {
    let brokers = Brokers::start_with(1, 0, AUTHORIZER);
    let (folder, topic) = made(&brokers);
    let node = start(folder, &free_address());
    let mut truth = Truth::of(node.url()).commanded_by(&node.operator());
    truth.ready().await;
    truth.accepted().await;
    for (operation, name) in [("Write", topic.clone()), ("Describe", topic.clone()), ("Write", format!("{topic}.keys"))]
    {
        // Where there is a rule for a topic, nobody may do what no rule allows.
        let of = ["--topic", &name, "--force"];
        brokers.acl(&[&["--add", "--allow-principal", ANYBODY, "--operation", "All"], &of[..]].concat());
        brokers.acl(&[&["--add", "--deny-principal", ANYBODY, "--operation", operation], &of[..]].concat());
        truth.refused(10).await;
        truth.unready("").await;
        truth.hush();
        brokers.acl(&[&["--remove", "--deny-principal", ANYBODY, "--operation", operation], &of[..]].concat());
        truth.ready().await;
        truth = truth.commanded_by(&node.operator());
        truth.accepted().await;
    }
    truth.end();
}

/// Shows F34.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_may_not_join_the_others_is_not_ready_until_it_may() {
    let brokers = Brokers::start_with(1, 0, AUTHORIZER);
    let (folder, _) = made(&brokers);
    let group = ["--group", "kippu-", "--resource-pattern-type", "prefixed", "--force"];
    let deny = ["--deny-principal", ANYBODY, "--operation", "All"];
    brokers.acl(&[&["--add"], &deny[..], &group].concat());
    let node = start(folder, &free_address());
    let truth = Truth::of(node.url()).commanded_by(&node.operator());
    truth.unready("partition 0 is served by nobody").await;
    truth.refused(1).await;
    brokers.acl(&[&["--remove"], &deny[..], &group].concat());
    truth.ready().await;
    truth.accepted().await;
    truth.end();
}

/// Shows F34, F36.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_fellow_is_killed_frozen_or_replaced_refuses_nothing() {
    let brokers = Brokers::start(1, 2);
    let doors: Vec<&str> = (0..2).map(|door| brokers.behind(door)).collect();
    let mut cluster = Cluster::start(&doors, 1);
    cluster.settled().await;
    let operator = cluster.operators().remove(0);
    let truth = Truth::of(&operator.url).commanded_by(&operator);
    truth.accepted().await;
    cluster.nodes[1].kill();
    cluster.succeeded(1).await;
    truth.ready().await;
    cluster.nodes[1].start_again();
    cluster.settled().await;
    cluster.nodes[1].signal("STOP");
    cluster.succeeded(1).await;
    truth.ready().await;
    cluster.nodes[1].signal("CONT");
    cluster.settled().await;
    cluster.nodes[1].stop();
    cluster.nodes[1].start_again();
    cluster.settled().await;
    truth.accepted().await;
    assert_eq!(truth.count(), 0, "commands were refused");
    truth.end();
    cluster.assert_sound();
}

/// Shows F34, F36.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_fellow_is_gone_without_a_successor_is_not_ready() {
    let brokers = Brokers::start(1, 2);
    let doors: Vec<&str> = (0..2).map(|door| brokers.behind(door)).collect();
    let mut cluster = Cluster::start(&doors, 1);
    cluster.settled().await;
    let operator = cluster.operators().remove(0);
    let truth = Truth::of(&operator.url).commanded_by(&operator);
    truth.accepted().await;
    // The brokers cannot share the partitions out anew.
    brokers.signal(0, "STOP");
    cluster.nodes[1].kill();
    truth.refused(10).await;
    truth.unready("").await;
    brokers.signal(0, "CONT");
    truth.ready().await;
    truth.accepted().await;
    truth.end();
}
