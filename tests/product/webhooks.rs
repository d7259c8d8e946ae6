//! Webhooks between real processes: a receiver in Python checks what it is sent with the library of Standard Webhooks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Ended, Node, first, run, until, utf8};
use crate::http::Caller;
use crate::market::{price, purchase, redemption};

/// Endpoints of somebody who runs no node.
struct Receiver {
    folder: TempDir,
    child: Child,
    url: String,
}

impl Receiver {
    fn start() -> Self {
        let folder = TempDir::with_prefix("kippu-test-").expect("a temporary folder");
        let python = std::env::var("KIPPU_TEST_PYTHON").expect("KIPPU_TEST_PYTHON: `make test` makes it and sets it");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers/webhooks.py");
        let mut command = Command::new(python);
        let mut child = command.arg(script).arg(folder.path()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut port).expect("it says its port");
        Self { folder, child, url: format!("http://127.0.0.1:{}", port.trim()) }
    }

    fn file(&self, name: &str, what: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.{what}"))
    }

    /// From now on endpoint `name` answers so, one after the other.
    fn answers(&self, name: &str, statuses: &str) {
        // Whole or not at all: it is read at any time.
        let new = self.file(name, "new");
        std::fs::write(&new, statuses).expect("written");
        std::fs::rename(new, self.file(name, "answers")).expect("renamed");
    }

    fn knows(&self, name: &str, secrets: &[&str]) {
        let new = self.file(name, "new");
        std::fs::write(&new, secrets.join("\n")).expect("written");
        std::fs::rename(new, self.file(name, "secret")).expect("renamed");
    }

    /// What endpoint `name` was sent, in the order in which it came. Every signature is right.
    fn got(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.file(name, "got")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let got: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert!(got.iter().all(|got| got["by"] != json!([])), "{got:?}");
        got
    }

    /// The ids of events that endpoint `name` has taken.
    fn taken(&self, name: &str) -> BTreeSet<String> {
        let taken = self.got(name).into_iter().filter(|got| got["answered"] == json!(200));
        taken.map(|got| got["event"]["id"].as_str().expect("an id").to_owned()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // An error here says that it has ended already.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// An endpoint that a node sends to.
struct Added {
    id: String,
    secret: String,
}

fn webhook(node: &Node, arguments: &[&str]) -> Ended {
    let key_file = node.data().join("operator.key");
    run(&[&["webhook"], arguments, &["--json", "--server", node.url(), "--key-file", utf8(&key_file)]].concat())
}

/// Adds endpoint `name` of `receiver` for `client`.
fn add(node: &Node, receiver: &Receiver, client: &str, name: &str, more: &[&str]) -> Added {
    let url = format!("{}/{name}", receiver.url);
    let told = webhook(node, &[&["add", "--client", client, "--url", &url], more].concat()).ok().json().remove(0);
    let [id, secret] = ["id", "secret"].map(|member| told[member].as_str().expect("text").to_owned());
    receiver.knows(name, &[&secret]);
    Added { id, secret }
}

/// A client in `role`, with its id.
async fn client(node: &Node, role: &str, name: &str) -> (Caller, String) {
    let body = json!({ "role": role, "name": name });
    let reply = node.operator().post("/v1/clients", &format!("client-{name}"), &body).await.expect(201);
    (node.caller(&reply.field("key")), reply.field("id"))
}

/// One purchase of `buyer` which `settler` redeems and settles: the approval.
async fn buy(buyer: &Caller, settler: &Caller, name: &str) -> String {
    let opened = buyer.post("/v1/approvals", &format!("open-{name}"), &purchase(100)).await.expect(201);
    let id = opened.field("id");
    settler
        .post("/v1/approvals/redeem", &format!("redeem-{name}"), &redemption(&opened.field("token")))
        .await
        .expect(200);
    settler.post(&format!("/v1/approvals/{id}/settle"), &format!("settle-{name}"), &price(100)).await.expect(200);
    id
}

/// Asks for events of placements alone, which happen when a test makes them.
const PLACEMENTS: &[&str] = &["--family", "placements"];

/// One event.
async fn place(node: &Node, n: usize) {
    let body = json!({ "label": format!("replica {n}") });
    node.operator().post("/v1/placements", &format!("place-{n}"), &body).await.expect(201);
}

/// Every event in the log of `node` but those of webhooks, by id.
fn in_log(node: &Node) -> BTreeMap<String, Value> {
    let shown = run(&["log", "inspect", "--json", "--limit", "1000000000", "--data", utf8(&node.data())]).ok().json();
    let records = shown.iter().filter(|record| record["skipped"].is_null());
    let events = records.flat_map(|record| record["events"].as_array().cloned().unwrap_or_default());
    let events = events.filter(|event| !event["type"].as_str().expect("a kind").starts_with("webhook."));
    events.map(|event| (event["id"].as_str().expect("an id").to_owned(), event)).collect()
}

async fn row(node: &Node, path: &str) -> Value {
    node.operator().get(path).await.expect(200).json()
}

/// Nothing is owed, although endpoints wait for what happens next.
async fn owes_nothing(node: &Node) {
    until(async || row(node, "/v1/activities").await["data"].clone(), |owed| *owed == json!([])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_comes_under_one_id_although_the_node_is_killed_and_nobody_is_told_of_anothers() {
    let receiver = Receiver::start();
    let mut node = Node::start();
    let buyer = node.market(100_000).buyer("ann").await;
    let (one, of_one) = client(&node, "settler", "one").await;
    let (two, _) = client(&node, "settler", "two").await;
    let (_, of_all) = client(&node, "auditor", "all").await;
    // Some events are refused, and of some nobody hears that they were taken.
    receiver.answers("one", "200 503 0 200 200");
    receiver.answers("all", "200 200 200 200 0 200 200 500");
    add(&node, &receiver, &of_one, "one", &["--family", "approvals"]);
    add(&node, &receiver, &of_all, "all", &["--from-beginning"]);
    let mut own = BTreeSet::new();
    for round in 0..3 {
        let at = |caller: &Caller| node.caller(&caller.key);
        for n in 0..6 {
            own.insert(format!(
                "approvals/{}",
                buy(&at(&buyer.terminal), &at(&one), &format!("one-{round}-{n}")).await
            ));
            buy(&at(&buyer.terminal), &at(&two), &format!("two-{round}-{n}")).await;
        }
        let before = receiver.got("all").len();
        // In the middle of what is being sent.
        until(async || receiver.got("all").len(), |got| *got > before + 5).await;
        node.crash();
    }
    let log = in_log(&node);
    let all: BTreeSet<String> = log.keys().cloned().collect();
    until(async || receiver.taken("all"), |taken| *taken == all).await;
    // That an approval was issued is shown to who redeems it where that is known when the event is sent.
    let of_own = |event: &Value| {
        let kind = ["approval.redeemed", "approval.settled"].iter().any(|kind| event["type"] == json!(kind));
        kind && own.contains(event["subject"].as_str().expect("a subject"))
    };
    let shown: BTreeSet<String> = log.iter().filter(|(_, event)| of_own(event)).map(|(id, _)| id.clone()).collect();
    until(async || receiver.taken("one"), |taken| taken.is_superset(&shown)).await;
    owes_nothing(&node).await;
    node.kill();
    let got = [receiver.got("one"), receiver.got("all")];
    for got in got.iter().flatten() {
        let (id, event) = (got["id"].as_str().expect("an id"), got["event"]["id"].as_str().expect("an id"));
        assert!(id.ends_with(&format!("-{}", event.replace('.', "-"))) && !id.contains('.'), "{id}: {event}");
    }
    for got in &got[1] {
        assert_eq!(&got["event"], &log[got["event"]["id"].as_str().expect("an id")], "as it lies in the log");
    }
    let subjects = got[0].iter().map(|got| got["event"]["subject"].as_str().expect("a subject").to_owned());
    assert_eq!(subjects.collect::<BTreeSet<_>>(), own, "and nothing of others");
    assert!(got[0].iter().all(|got| got["event"]["data"].is_null() && got["event"]["principal"].is_null()));
    for name in ["one", "all"] {
        let got = receiver.got(name);
        let distinct: BTreeSet<&str> = got.iter().filter_map(|got| got["text"].as_str()).collect();
        assert!(distinct.len() < got.len(), "some came more than once, and the same each time");
        assert_eq!(distinct.len(), receiver.taken(name).len());
    }
    node.assert_sound();
}

#[tokio::test]
async fn what_is_never_taken_becomes_a_dead_letter_that_is_shown_and_holds_up_nobody_else() {
    let receiver = Receiver::start();
    let node = Node::start_with(&["--webhooks-give-up-secs", "1"]);
    let (_, id) = client(&node, "auditor", "one").await;
    receiver.answers("down", "500");
    receiver.answers("moved", "302");
    let [down, moved, well] = ["down", "moved", "well"].map(|name| add(&node, &receiver, &id, name, PLACEMENTS));
    for n in 0..3 {
        place(&node, n).await;
    }
    until(async || receiver.taken("well").len(), |taken| *taken == 3).await;
    for (added, reason) in [(&down, "status-500"), (&moved, "status-302")] {
        let path = format!("/v1/webhooks/{}", added.id);
        let seen = first(async || row(&node, &path).await, |row| row["dead_letters"] == json!(3)).await;
        assert!(seen["failing_since"].is_string() && seen["reason"] == json!(reason), "{seen}");
        let letters = row(&node, &format!("/v1/dead-letters?state=dead&webhook={}", added.id)).await;
        let letters = letters["data"].as_array().expect("a list").clone();
        let dead: BTreeSet<String> =
            letters.iter().map(|letter| letter["event"].as_str().unwrap().to_owned()).collect();
        assert_eq!(dead, receiver.taken("well"));
        assert!(letters.iter().all(|letter| letter["reason"] == json!(reason)), "{letters:?}");
    }
    assert!(!receiver.file("elsewhere", "got").exists(), "nobody is followed to another address");
    owes_nothing(&node).await;
    // Once it answers again, a dead letter comes where that is asked, and so does what happens.
    receiver.answers("down", "200");
    let letter = receiver.taken("well").pop_first().expect("some");
    let path = format!("/v1/webhooks/{}", down.id);
    node.operator().post(&format!("{path}/redeliver"), "once", &json!({ "event": letter })).await.expect(200);
    until(async || receiver.taken("down"), |taken| *taken == BTreeSet::from([letter.clone()])).await;
    let shown = async || row(&node, &format!("/v1/dead-letters/{}-{letter}", down.id)).await;
    first(shown, |row| row["state"] == json!("delivered")).await;
    place(&node, 3).await;
    let seen = first(async || row(&node, &path).await, |row| row["delivered"] == json!(2)).await;
    assert!(seen["failing_since"].is_null() && seen["reason"].is_null(), "{seen}");
    // What is no event of this history is not sent for ever, and holds up nothing.
    for (dead, event) in [(4, "0-1.7"), (5, "0-999999.0")] {
        node.operator().post(&format!("{path}/redeliver"), event, &json!({ "event": event })).await.expect(200);
        let seen = first(async || row(&node, &path).await, |row| row["dead_letters"] == json!(dead)).await;
        assert_eq!(seen["dead_letters"], json!(dead), "{event}");
    }
    assert!(webhook(&node, &["list"]).ok().out.contains(&well.id));
    node.assert_sound();
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_and_a_rolled_secret_counts_next_to_the_one_before() {
    let receiver = Receiver::start();
    let mut node = Node::start();
    let (_, client) = client(&node, "auditor", "one").await;
    receiver.answers("one", "503");
    let one = add(&node, &receiver, &client, "one", PLACEMENTS);
    let path = format!("/v1/webhooks/{}", one.id);
    place(&node, 0).await;
    // It is shown why, and to whom, as long as it is owed.
    let owed = async || row(&node, &format!("/v1/activities?to={}", one.id)).await["data"][0].clone();
    let owed = first(owed, |owed| owed["last_error"].is_string()).await;
    assert_eq!((&owed["to"], &owed["last_error"]), (&json!(one.id), &json!("it answers 503")));
    first(async || row(&node, &path).await, |row| row["failing_since"].is_string()).await;
    receiver.answers("one", "410");
    let disabled = first(async || row(&node, &path).await, |row| row["state"] == json!("disabled")).await;
    assert_eq!(disabled["reason"], json!("gone"));
    let before = receiver.got("one").len();
    place(&node, 1).await;
    owes_nothing(&node).await;
    let rolled = webhook(&node, &["roll", &one.id, "--idempotency-key", "roll"]).ok().json().remove(0);
    let again = webhook(&node, &["roll", &one.id, "--idempotency-key", "roll"]).ok().json().remove(0);
    assert_eq!(rolled, again, "a retry is told the same secret");
    let second = rolled["secret"].as_str().expect("a secret").to_owned();
    receiver.knows("one", &[&one.secret, &second]);
    receiver.answers("one", "200");
    assert_eq!(receiver.got("one").len(), before, "it is sent nothing while it is disabled");
    node.operator().post(&format!("{path}/enable"), "enable", &json!({})).await.expect(200);
    until(async || receiver.taken("one").len(), |taken| *taken == 2).await;
    let signed: Vec<Value> = receiver.got("one").into_iter().skip(before).map(|got| got["by"].clone()).collect();
    assert_eq!(signed, vec![json!([0, 1]); 2], "both secrets sign");
    owes_nothing(&node).await;
    webhook(&node, &["remove", &one.id]).ok();
    webhook(&node, &["remove", &one.id]).ok();
    assert_eq!(row(&node, &path).await["state"], json!("removed"));
    place(&node, 2).await;
    owes_nothing(&node).await;
    node.stop();
    assert_eq!(receiver.taken("one").len(), 2);
    // No secret lies in what the node keeps.
    for secret in [&one.secret, &second] {
        let secret = secret.strip_prefix("whsec_").expect("its prefix");
        let found = Ended::of(Command::new("grep").args(["-rlaF", "-e", secret]).arg(node.data()));
        assert_eq!(found.code, Some(1), "{}", found.said);
    }
}

#[tokio::test]
async fn plain_http_is_sent_to_this_machine_alone_and_a_revoked_client_is_sent_nothing() {
    let receiver = Receiver::start();
    let node = Node::start();
    let (_, id) = client(&node, "settler", "one").await;
    let mut rows = Vec::new();
    for (name, url) in [("plain", "http://198.51.100.7/in"), ("here", &*format!("{}/here", receiver.url))] {
        let body = json!({ "client": id, "url": url });
        rows.push(node.operator().post("/v1/webhooks", name, &body).await.expect(201).field("id"));
    }
    let reason = async |id: &str, wanted: &str| {
        let path = format!("/v1/webhooks/{id}");
        // Its row may come a moment after it.
        let row = async || node.operator().get(&path).await.json();
        assert_eq!(first(row, |row| row["state"] == json!("disabled")).await["reason"], json!(wanted));
    };
    reason(&rows[0], "plain-http").await;
    node.operator().post(&format!("/v1/clients/{id}/revoke"), "revoke", &json!({})).await.expect(200);
    reason(&rows[1], "client-revoked").await;
}
