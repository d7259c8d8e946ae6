//! A history on its way from the embedded log to Kafka, under load: the copy is killed again and again, and in the end the
//! history goes on there. What clients were told must be there, once, and every retry must be answered as the first time.

use std::process::{Child, Command, Stdio};

use rand::Rng as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Ended, Node, assert_sound_at, first, kippu, run, say, seeded, topic, until, utf8};
use crate::http::Reply;
use crate::load::Load;
use crate::script;

const CLIENTS: u64 = 3;
/// How often a copy is killed.
const KILLS: usize = 10;

/// Shows F7, F12. Keeps E2, L4, T1, T2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_moves_to_kafka_while_clients_work() {
    let mut rng = seeded("moving");
    let mut node = Node::start_with(&["--rate-per-second", "0"]);
    let load = Load::start(node.market(script::LIMIT), node.operators(), CLIENTS, &mut rng).await;
    let log = topic("moving");
    load.answers(200).await;
    copied(&node, &log, &[]).ok();
    load.answers(100).await;
    seal(&node, &log).ok();
    assert_moved(&node, &log).await;
    node.stop();
    node.serve_from(&log);
    node.start_again();
    load.moved(node.operators());
    load.answers(200).await;
    let (told, _) = load.end(&node.operators()).await;
    node.stop();
    assert_sound_at(&log);
    say(&format!("moving: {told} answers before, during and after: 0 lost, 0 doubled"));
}

/// Shows F7, F12. Keeps E2, L2, L5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_killed_again_and_again_is_the_history_in_the_end() {
    let mut rng = seeded("copy");
    let mut node = Node::start_with(&["--rate-per-second", "0"]);
    let load = Load::start(node.market(script::LIMIT), node.operators(), CLIENTS, &mut rng).await;
    let log = topic("copied");
    // How many answers a whole copy takes on this machine: kills are spread over such a time.
    let (before, once) = (load.so_far(), copy(&node, &topic("once"), &[]));
    tokio::task::spawn_blocking(|| Ended::of(&mut { once })).await.unwrap().ok();
    let takes = load.so_far() - before;
    let mut held = vec![0];
    for round in 0..KILLS {
        let mut child = Killed(copy(&node, &log, &["--follow"]).stdout(Stdio::null()).spawn().unwrap());
        load.answers(rng.random_range(0..=takes)).await;
        // Every other copy is killed while it writes, whatever the machine is busy with.
        let before = held[round];
        if round % 2 == 1 {
            until(async || messages(&log), |now| *now != before).await;
        }
        child.kill();
        held.push(messages(&log));
    }
    seal(&node, &log).ok();
    node.stop();
    // Whatever both are exported to has the same names, lengths and hashes.
    let folder = TempDir::new().unwrap();
    let exports = [("--data", utf8(&node.data())), ("--log", log.as_str())].map(|(flag, place)| {
        let to = folder.path().join(flag);
        run(&["log", "export", utf8(&to), flag, place, "--accept-single-copy"]).ok();
        std::fs::read_to_string(to.join("manifest.json")).unwrap()
    });
    assert_eq!(exports[0], exports[1]);
    assert_sound_at(&log);
    node.serve_from(&log);
    node.start_again();
    load.moved(node.operators());
    let (told, _) = load.end(&node.operators()).await;
    assert!(held.is_sorted() && held[KILLS] > 0, "{held:?}");
    say(&format!("copy: {KILLS} kills, after which the topic held {held:?} entries; {told} answers told again"));
}

/// Shows F7. Keeps L4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_is_served_from_its_new_home_only_once_it_has_ended_in_the_old_one() {
    let mut node = Node::start();
    let place = json!({ "label": "before" });
    let before = node.operator().post("/v1/placements", "before", &place).await.expect(201);
    let (log, other) = (topic("early"), topic("other"));
    for log in [&log, &other] {
        copied(&node, log, &[]).ok();
    }
    copied(&node, &log, &["--seal"]).refused(3, "name an operator's key");
    node.stop();
    let data = node.data();
    let serve_from =
        |log| run(&["serve", "--data", utf8(&data), "--log", log, "--accept-single-copy", "--listen", "127.0.0.1:0"]);
    serve_from(&log).refused(3, "partition 0 has not ended there");
    // With the node stopped, the command seals by itself.
    copied(&node, &log, &["--seal"]).ok();
    copied(&node, &log, &["--seal"]).ok();
    let again = copied(&node, &topic("other"), &["--seal"]);
    again.refused(1, "is sealed already, and goes on at kafka://");
    serve_from(&other).refused(3, &format!("it goes on at {log}"));
    // A node that is started where the history was says where it is.
    node.start_again();
    assert_moved(&node, &log).await;
    node.stop();
    node.serve_from(&log);
    node.start_again();
    let operator = node.operator();
    let again =
        first(async || operator.post("/v1/placements", "before", &place).await, |said: &Reply| said.status != 503)
            .await;
    assert!(before.says_the_same_as(&again), "{before:?}, and then {again:?}");
    // It lies there now, so there is nothing to copy to there any more.
    copied(&node, &log, &[]).refused(2, "begins and ends there");
}

/// Shows F7. Keeps L4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_goes_from_one_topic_to_another_only_once_it_has_ended_in_the_first() {
    let (old, new) = (topic("old"), topic("new"));
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let data = folder.path().join("data");
    let on_data = ["--data", utf8(&data), "--accept-single-copy"];
    run(&[&["init", "--log", &old, "--replicas", "1", "--partitions", "2"], &on_data[..]].concat()).ok();
    let config = folder.path().join("kippu.toml");
    std::fs::write(&config, "[kafka]\naccept_single_copy = true\n").unwrap();
    let mut node = Node::start_in(folder, vec!["--config".to_owned(), utf8(&config).to_owned()]);
    answered(&node).await;
    let market = node.market(script::LIMIT);
    let mut users = Vec::new();
    for login in ["ada", "bob", "eve", "ian", "joe", "kim"] {
        users.push((login, market.buyer(login).await.user));
    }
    // Brokers may be named otherwise, and a copy that was not sealed for is no location.
    copied(&node, &new, &[]).ok();
    copied(&node, &renamed(&old), &["--seal"]).refused(2, "begins and ends there");
    node.stop();
    let early = || run(&[&["serve", "--log", &new, "--listen", "127.0.0.1:0"], &on_data[..]].concat());
    let advice = format!("partition 0 has not ended there; move it with `kippu log copy {old} {new} --seal`");
    early().refused(3, &advice);
    node.start_again();
    answered(&node).await;
    // It ends, and what came since the copy is not there.
    node.operator().post("/v1/log/seal", "seal", &json!({ "next": new })).await.expect(200);
    node.stop();
    early().refused(3, " of partition 0 is not here");
    copied(&node, &new, &["--seal"]).ok();
    node.serve_from(&renamed(&new));
    node.start_again();
    answered(&node).await;
    for (login, user) in users {
        let user = node.operator().get(&format!("/v1/users/{user}?decrypt=true")).await.expect(200).json();
        assert_eq!(user["login"], login);
    }
    node.stop();
    // Later starts need no word of it.
    let label = std::fs::read_to_string(node.data().join("kippu.json")).unwrap();
    assert!(label.contains(&renamed(&new)), "{label}");
    assert_sound_at(&new);
}

/// Waits until `node` takes commands.
async fn answered(node: &Node) {
    for probe in 0..16 {
        let (key, body) = (format!("probe-{probe}"), json!({ "label": "a probe" }));
        until(async || node.operator().post("/v1/placements", &key, &body).await.status, |status| *status < 500).await;
    }
}

/// The same topic by its brokers' other names.
fn renamed(log: &str) -> String {
    let (brokers, topic) = log.strip_prefix("kafka://").unwrap().split_once('/').unwrap();
    format!("kafka://{brokers},{brokers}/{topic}")
}

/// Shows F7.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_in_another_directory_is_a_node_of_its_own_with_every_name() {
    let node = Node::start();
    let market = node.market(script::LIMIT);
    let buyer = market.buyer("grace").await;
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let to = folder.path().join("data");
    copied(&node, utf8(&to), &[]).ok();
    let later = market.buyer("ada").await;
    copied(&node, utf8(&to), &[]).ok();
    // A first copy that has not ended is no node.
    let (label, kept) = (to.join("kippu.json"), folder.path().join("kept"));
    std::fs::write(to.join("copying"), "").unwrap();
    std::fs::rename(&label, &kept).unwrap();
    run(&["serve", "--data", utf8(&to), "--listen", "127.0.0.1:0"]).refused(3, "has not ended");
    copied(&node, utf8(&to), &[]).ok();
    assert_eq!(std::fs::read(&label).unwrap(), std::fs::read(&kept).unwrap());
    assert!(!to.join("copying").exists());
    let key = node.operator().key.clone();
    drop(node);
    let other = Node::start_in(folder, Vec::new());
    for (buyer, login) in [(buyer, "grace"), (later, "ada")] {
        let path = format!("/v1/users/{}?decrypt=true", buyer.user);
        let user = other.caller(&key).get(&path).await.expect(200).json();
        assert_eq!(user["login"], login);
    }
    other.assert_sound();
}

/// Shows F7.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_somebody_copies_its_own_backup_to_stays_a_node() {
    let mut node = Node::start();
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let backup = folder.path().join("data");
    copied(&node, utf8(&backup), &[]).ok();
    answered(&node).await;
    node.stop();
    run(&["log", "copy", utf8(&backup), utf8(&node.data())]).refused(1, "");
    node.start_again();
    answered(&node).await;
    // A copy that adds to a whole one may be killed: what is there is whole at any moment.
    let mut following = Killed(copy(&node, utf8(&backup), &["--follow"]).spawn().unwrap());
    let lock = backup.join("LOCK");
    let pid = following.0.id().to_string();
    until(async || std::fs::read_to_string(&lock).unwrap_or_default(), |holder| holder.trim() == pid).await;
    following.kill();
    drop(node);
    Node::start_in(folder, Vec::new()).assert_sound();
}

/// Copies the history of `node`.
fn copy(node: &Node, to: &str, flags: &[&str]) -> Command {
    let mut command = kippu();
    command
        .args(["log", "copy"])
        .arg(node.data())
        .arg(to)
        .args(["--replicas", "1", "--accept-single-copy"])
        .args(flags);
    command
}

/// The same, to its end.
fn copied(node: &Node, to: &str, flags: &[&str]) -> Ended {
    Ended::of(&mut copy(node, to, flags))
}

/// Copies what is left, with the node asked for the end.
fn seal(node: &Node, to: &str) -> Ended {
    copied(node, to, &["--seal", "--json", "--key-file", utf8(&node.data().join("operator.key"))])
}

/// How many messages a topic holds; none where there is no topic.
fn messages(log: &str) -> usize {
    let (brokers, topic) = log.strip_prefix("kafka://").unwrap().split_once('/').unwrap();
    let output = Command::new("kcat").args(["-C", "-b", brokers, "-t", topic, "-e", "-q", "-f", "%o\n"]).output();
    output.expect("kcat runs").stdout.iter().filter(|byte| **byte == b'\n').count()
}

/// Nothing is decided there any more, and everybody is told where.
async fn assert_moved(node: &Node, log: &str) {
    for key in ["before", "after"] {
        let reply = node.operator().post("/v1/placements", key, &json!({ "label": key })).await;
        let problem = reply.expect_problem(503, "moved").json();
        assert_eq!(problem["detail"], Value::from(format!("the history goes on at {log}")));
    }
    // It is ready for nothing, and tells operators alone where the history is.
    for (caller, is_told) in [(node.operator(), true), (node.caller(""), false)] {
        let detail = caller.get("/readyz").await.expect_problem(503, "not-ready").field("detail");
        assert!(detail.contains(" partitions have moved") && detail.contains(log) == is_told, "{detail}");
    }
}

/// A process that does not outlive the test.
struct Killed(Child);

impl Killed {
    fn kill(&mut self) {
        assert!(self.0.try_wait().unwrap().is_none(), "a copy that follows ends only where it is killed");
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // An error here says that it has ended already, which is what is wanted.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}
