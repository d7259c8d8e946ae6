//! A history on its way from the embedded log to Kafka, under load: the copy is killed again and again, and in the end the
//! history goes on there. What clients were told must be there, once, and every retry must be answered as the first time.

use std::process::{Child, Command, Output, Stdio};

use rand::Rng as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Node, brokers, first, kippu, run, say, seeded, text, until};
use crate::http::Reply;
use crate::load::Load;
use crate::script;

const CLIENTS: u64 = 3;
/// How often a copy is killed.
const KILLS: usize = 10;

/// A topic that nobody has used.
pub(crate) fn topic(name: &str) -> String {
    format!("kafka://{}/{name}-{:016x}", brokers(), rand::random::<u64>())
}

/// Shows F7, F12. Keeps E2, L4, T1, T2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_moves_to_kafka_while_clients_work() {
    let mut rng = seeded("moving");
    let mut node = Node::start_with(&["--rate-per-second", "0"]);
    let load = Load::start(node.market(script::LIMIT).await, node.operators(), CLIENTS, &mut rng).await;
    let log = topic("moving");
    load.answers(200).await;
    assert_ok(&copy(&node, &log, &[]).output().unwrap());
    load.answers(100).await;
    assert_ok(&seal(&node, &log));
    assert_moved(&node, &log).await;
    node.stop();
    node.serve_from(&log);
    node.start_again();
    load.moved(node.operators());
    load.answers(200).await;
    let (told, _) = load.end(&node.operators()).await;
    node.stop();
    assert_sound(&log);
    say(&format!("moving: {told} answers before, during and after: 0 lost, 0 doubled"));
}

/// Shows F7, F12. Keeps E2, L2, L5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_killed_again_and_again_is_the_history_in_the_end() {
    let mut rng = seeded("copy");
    let mut node = Node::start_with(&["--rate-per-second", "0"]);
    let load = Load::start(node.market(script::LIMIT).await, node.operators(), CLIENTS, &mut rng).await;
    let log = topic("copied");
    // How many answers a whole copy takes on this machine: kills are spread over such a time.
    let (before, once) = (load.so_far(), copy(&node, &topic("once"), &[]));
    assert_ok(&tokio::task::spawn_blocking(|| { once }.output().unwrap()).await.unwrap());
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
    assert_ok(&seal(&node, &log));
    node.stop();
    // Whatever both are exported to has the same names, lengths and hashes.
    let folder = TempDir::new().unwrap();
    let exports = [("--data", node.data().to_str().unwrap()), ("--log", log.as_str())].map(|(flag, place)| {
        let to = folder.path().join(flag);
        assert_ok(&run(&["log", "export", to.to_str().unwrap(), flag, place, "--accept-single-copy"]));
        std::fs::read_to_string(to.join("manifest.json")).unwrap()
    });
    assert_eq!(exports[0], exports[1]);
    assert_sound(&log);
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
    let log = topic("early");
    assert_ok(&copy(&node, &log, &[]).output().unwrap());
    let refused = copy(&node, &log, &["--seal"]).output().unwrap();
    assert!(!refused.status.success() && text(&refused).contains("name an operator's key"), "{}", text(&refused));
    node.stop();
    let data = node.data();
    let data = data.to_str().unwrap();
    let early = run(&["serve", "--data", data, "--log", &log, "--accept-single-copy", "--listen", "127.0.0.1:0"]);
    assert_eq!(early.status.code(), Some(3));
    assert!(text(&early).contains("partition 0 has not ended there"), "{}", text(&early));
    // With the node stopped, the command seals by itself.
    assert_ok(&copy(&node, &log, &["--seal"]).output().unwrap());
    assert_ok(&copy(&node, &log, &["--seal"]).output().unwrap());
    let elsewhere = copy(&node, &topic("elsewhere"), &["--seal"]).output().unwrap();
    assert_eq!(elsewhere.status.code(), Some(1), "{}", text(&elsewhere));
    assert!(text(&elsewhere).contains("is sealed already, and goes on at kafka://"), "{}", text(&elsewhere));
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
    let late = copy(&node, &log, &[]).output().unwrap();
    assert_eq!(late.status.code(), Some(2), "{}", text(&late));
}

/// Shows F7. Keeps L4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_goes_from_one_topic_to_another_only_once_it_has_ended_in_the_first() {
    let (old, new) = (topic("old"), topic("new"));
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let data = folder.path().join("data").to_str().unwrap().to_owned();
    let on_data = ["--data", data.as_str(), "--accept-single-copy"];
    assert_ok(&run(&[&["init", "--log", &old, "--replicas", "1", "--partitions", "2"], &on_data[..]].concat()));
    let config = folder.path().join("kippu.toml");
    std::fs::write(&config, "[kafka]\naccept_single_copy = true\n").unwrap();
    let mut node = Node::start_in(folder, vec!["--config".to_owned(), config.to_str().unwrap().to_owned()]);
    answered(&node).await;
    let market = node.market(script::LIMIT).await;
    let mut users = Vec::new();
    for login in ["ada", "bob", "eve", "ian", "joe", "kim"] {
        users.push((login, market.buyer(login).await.user));
    }
    // Brokers may be named otherwise, and a copy that was not sealed for is no home.
    assert_ok(&copy(&node, &new, &[]).output().unwrap());
    let itself = copy(&node, &renamed(&old), &["--seal"]).output().unwrap();
    assert_eq!(itself.status.code(), Some(2), "{}", text(&itself));
    node.stop();
    let early = run(&[&["serve", "--log", &new, "--listen", "127.0.0.1:0"], &on_data[..]].concat());
    assert_eq!(early.status.code(), Some(3));
    let advice = format!("partition 0 has not ended there; move it with `kippu log copy {old} {new} --seal`");
    assert!(text(&early).contains(&advice), "{}", text(&early));
    node.start_again();
    answered(&node).await;
    node.stop();
    assert_ok(&copy(&node, &new, &["--seal"]).output().unwrap());
    node.serve_from(&renamed(&new));
    node.start_again();
    answered(&node).await;
    for (login, user) in users {
        let user = node.operator().get(&format!("/v1/users/{user}?unseal=true")).await.expect(200).json();
        assert_eq!(user["login"], login);
    }
    node.stop();
    // Later starts need no word of it.
    let label = std::fs::read_to_string(node.data().join("kippu.json")).unwrap();
    assert!(label.contains(&renamed(&new)), "{label}");
    assert_sound(&new);
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
    let market = node.market(script::LIMIT).await;
    let buyer = market.buyer("grace").await;
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let to = folder.path().join("data");
    assert_ok(&copy(&node, to.to_str().unwrap(), &[]).output().unwrap());
    let later = market.buyer("ada").await;
    assert_ok(&copy(&node, to.to_str().unwrap(), &[]).output().unwrap());
    // A first copy that has not ended is no node.
    let (label, kept) = (to.join("kippu.json"), folder.path().join("kept"));
    std::fs::write(to.join("copying"), "").unwrap();
    std::fs::rename(&label, &kept).unwrap();
    let unfinished = run(&["serve", "--data", to.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert!(text(&unfinished).contains("has not ended"), "{}", text(&unfinished));
    assert_ok(&copy(&node, to.to_str().unwrap(), &[]).output().unwrap());
    assert_eq!(std::fs::read(&label).unwrap(), std::fs::read(&kept).unwrap());
    assert!(!to.join("copying").exists());
    let key = node.operator().key;
    drop(node);
    let other = Node::start_in(folder, Vec::new());
    for (buyer, login) in [(buyer, "grace"), (later, "ada")] {
        let path = format!("/v1/users/{}?unseal=true", buyer.user);
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
    assert_ok(&copy(&node, backup.to_str().unwrap(), &[]).output().unwrap());
    answered(&node).await;
    node.stop();
    let swapped = kippu().args(["log", "copy"]).arg(&backup).arg(node.data()).output().unwrap();
    assert_eq!(swapped.status.code(), Some(1), "{}", text(&swapped));
    node.start_again();
    answered(&node).await;
    // A copy that adds to a whole one may be killed: what is there is whole at any moment.
    let mut following = Killed(copy(&node, backup.to_str().unwrap(), &["--follow"]).spawn().unwrap());
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

/// Copies what is left, with the node asked for the end.
fn seal(node: &Node, to: &str) -> Output {
    let key = node.data().join("operator.key");
    copy(node, to, &["--seal", "--json", "--key-file", key.to_str().unwrap()]).output().unwrap()
}

/// How many messages a topic holds; none where there is no topic.
fn messages(log: &str) -> usize {
    let (brokers, topic) = log.strip_prefix("kafka://").unwrap().split_once('/').unwrap();
    let output = Command::new("kcat").args(["-C", "-b", brokers, "-t", topic, "-e", "-q", "-f", "%o\n"]).output();
    output.expect("kcat runs").stdout.iter().filter(|byte| **byte == b'\n').count()
}

#[track_caller]
fn assert_ok(output: &Output) {
    assert!(output.status.success(), "{}", text(output));
}

#[track_caller]
fn assert_sound(log: &str) {
    let output = run(&["replay", "verify", "--log", log, "--accept-single-copy"]);
    assert!(output.status.success(), "{}", text(&output));
}

/// Nothing is decided there any more, and everybody is told where.
async fn assert_moved(node: &Node, log: &str) {
    for key in ["before", "after"] {
        let reply = node.operator().post("/v1/placements", key, &json!({ "label": key })).await;
        let problem = reply.expect_problem(503, "moved").json();
        assert_eq!(problem["detail"], Value::from(format!("the history goes on at {log}")));
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
