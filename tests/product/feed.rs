//! The feed of events: every event once, to whoever may see it, whatever becomes of connections, keys and the node.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kippu_client::{Event, Feed};
use rand::Rng as _;
use serde_json::Value;
use tokio::time::timeout;

use crate::fixture::{Node, PATIENCE, kippu, run, say, seeded, utf8};
use crate::http::Caller;
use crate::load::Load;
use crate::market::{price, purchase, redemption};
use crate::script;

/// Connections that are lost, at most: the node is killed in the middle of some.
const ROUNDS: u32 = 60;
const CLIENTS: u64 = 6;
const BEGINNING: &str = "/v1/events?from=beginning";

/// Whoever follows the feed of a node that may be another one, or the same at another address, each time.
#[derive(Default)]
struct Follower {
    told: Vec<Event>,
    last: Option<String>,
}

impl Follower {
    async fn connect(&self, caller: &Caller, path: &str) -> Feed {
        caller.follow(path, self.last.as_deref()).await.expect("the node lets this caller follow")
    }

    /// Takes events from `feed` until there were so many in all, or the feed is lost.
    async fn take(&mut self, feed: &mut Feed, enough: usize) {
        while self.told.len() < enough {
            match timeout(PATIENCE, feed.next()).await.expect("events go on") {
                Ok(Some(event)) => self.told.push(event),
                Ok(None) | Err(_) => break,
            }
        }
        self.last = Some(feed.id().to_owned());
    }

    fn data(&self) -> Vec<Value> {
        self.told.iter().map(|event| serde_json::from_str(&event.data).expect("JSON")).collect()
    }
}

/// Every event in the log of `node`, each partition's in order.
fn in_log(node: &Node) -> BTreeMap<u64, Vec<Value>> {
    let data = node.data();
    let shown = run(&["log", "inspect", "--json", "--limit", "1000000000", "--data", utf8(&data)]).ok().json();
    let mut events: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for record in shown.iter().filter(|record| record["skipped"].is_null()) {
        let partition = record["partition"].as_u64().expect("a partition");
        events.entry(partition).or_default().extend(record["events"].as_array().into_iter().flatten().cloned());
    }
    events.retain(|_, events| !events.is_empty());
    events
}

/// The same of what was told.
fn by_partition(events: Vec<Value>) -> BTreeMap<u64, Vec<Value>> {
    let mut all: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for event in events {
        let partition = event["id"].as_str().and_then(|id| id.split('-').next()?.parse().ok()).expect("an id");
        all.entry(partition).or_default().push(event);
    }
    all
}

/// Shows F48.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_comes_once_however_often_the_connection_is_lost_and_the_node_is_killed() {
    let mut rng = seeded("feed");
    let mut node = Node::start_with(&["--rate-per-second", "0"]);
    let load = Load::start(node.market(script::LIMIT), node.operators(), CLIENTS, &mut rng).await;
    let mut follower = Follower::default();
    let mut lost = 0;
    for round in 0..ROUNDS {
        let mut feed = follower.connect(&node.operator(), BEGINNING).await;
        let enough = follower.told.len() + rng.random_range(0..=40);
        follower.take(&mut feed, enough).await;
        if round % 20 == 10 {
            // In the middle of what is being sent.
            load.answers(20).await;
            node.kill();
            follower.take(&mut feed, usize::MAX).await;
            node.start_again();
            load.moved(node.operators());
        }
        lost += 1;
    }
    load.end(&node.operators()).await;
    let expected = in_log(&node);
    let count: usize = expected.values().map(Vec::len).sum();
    let mut feed = follower.connect(&node.operator(), BEGINNING).await;
    follower.take(&mut feed, count).await;
    assert_eq!(by_partition(follower.data()), expected);
    // Nothing comes behind that, and the node does not wait for who follows.
    assert!(timeout(Duration::from_millis(500), feed.next()).await.is_err());
    node.stop();
    assert!(matches!(timeout(PATIENCE, feed.next()).await, Ok(Ok(None))), "the feed ends with the node");
    node.assert_sound();
    say(&format!("feed: {count} events, {lost} connections lost, the node killed 3 times: 0 lost, 0 doubled"));
}

/// Shows F48.
#[tokio::test]
async fn a_settler_is_told_of_what_it_redeemed_without_data_and_never_of_anothers() {
    let node = Node::start();
    let market = node.market(100_000);
    let buyer = market.buyer("ann").await;
    let settlers = [market.settler("one").await, market.settler("two").await];
    let mut own = [Vec::new(), Vec::new()];
    let mut last = String::new();
    for (round, settler) in settlers.iter().cycle().take(8).enumerate() {
        let opened = buyer.terminal.post("/v1/approvals", &format!("o{round}"), &purchase(100)).await.expect(201);
        let body = redemption(&opened.field("token"));
        settler.post("/v1/approvals/redeem", &format!("r{round}"), &body).await.expect(200);
        let path = format!("/v1/approvals/{}/settle", opened.field("id"));
        last = settler.post(&path, &format!("s{round}"), &price(100)).await.expect(200).position();
        own[round % 2].push(opened.field("id"));
    }
    for (settler, own) in settlers.iter().zip(&own) {
        settler.get_at("/v1/approvals", &last).await.expect(200);
        let mut follower = Follower::default();
        let mut feed = follower.connect(settler, BEGINNING).await;
        follower.take(&mut feed, 3 * own.len()).await;
        assert!(timeout(Duration::from_millis(500), feed.next()).await.is_err(), "there are no others");
        for id in own {
            let subject = format!("approvals/{id}");
            let data = follower.data();
            let told: Vec<&Value> = data.iter().filter(|event| event["subject"] == subject.as_str()).collect();
            let kinds: Vec<&str> = told.iter().filter_map(|event| event["type"].as_str()).collect();
            assert_eq!(kinds, ["approval.issued", "approval.redeemed", "approval.settled"]);
            assert!(told.iter().all(|event| event["data"].is_null() && event["principal"].is_null()), "{told:?}");
        }
    }
    settlers[0].get("/v1/events?family=users").await.expect_problem(403, "forbidden");
    node.caller("").get("/v1/events").await.expect_problem(401, "unauthenticated");
    let ahead = vec!["1000000"; 16].join(".");
    node.operator().get(&format!("/v1/events?after={ahead}")).await.expect_problem(503, "not-yet-reflected");
    node.operator().get("/v1/events?after=1.1").await.expect_problem(409, "other-history");
    node.operator().get("/v1/events?kind=user.flown").await.expect_problem(400, "invalid-request");
    let head = node.operator().send(node.operator().request(reqwest::Method::HEAD, "/v1/events")).await.unwrap();
    assert_eq!((head.expect(200).header("content-type"), head_length(&node).await), (Some("text/event-stream"), 0));
}

/// The bytes of the body behind a head that was asked for alone.
async fn head_length(node: &Node) -> usize {
    let request = node.operator().request(reqwest::Method::HEAD, "/v1/events");
    node.operator().send(request).await.unwrap().text.len()
}

/// Shows F48.
#[tokio::test]
async fn a_key_that_ends_takes_its_feed_with_it_within_ten_seconds() {
    let node = Node::start();
    let market = node.market(1_000);
    let settler = market.settler("one").await;
    let mut feed = Follower::default().connect(&settler, "/v1/events").await;
    let clients = node.operator().get("/v1/clients?limit=1000").await.expect(200).json();
    let is_it = |row: &&Value| row["role"] == "settler";
    let id = clients["data"].as_array().unwrap().iter().find(is_it).unwrap()["id"].as_str().unwrap().to_owned();
    let revoked = Instant::now();
    node.operator().post(&format!("/v1/clients/{id}/revoke"), "revoke", &serde_json::json!({})).await.expect(200);
    let ended = timeout(PATIENCE, feed.next()).await.expect("it ends");
    assert!(matches!(ended, Ok(None)), "{ended:?}");
    assert!(revoked.elapsed() < Duration::from_secs(10), "{:?}", revoked.elapsed());
    assert!(settler.follow("/v1/events", Some(feed.id())).await.is_err());
}

/// Shows F48.
#[tokio::test]
async fn the_command_prints_what_the_log_holds_and_goes_on_where_it_was() {
    let node = Node::start();
    let market = node.market(10_000);
    let buyer = market.buyer("ann").await;
    for round in 0..5 {
        buyer.terminal.post("/v1/approvals", &format!("o{round}"), &purchase(100)).await.expect(201);
    }
    let expected = in_log(&node);
    let count: usize = expected.values().map(Vec::len).sum();
    let key = node.data().join("operator.key");
    let events = |more: &[&str]| {
        let to = ["events", "--server", node.url(), "--key-file", utf8(&key)];
        run(&[&to, more].concat())
    };
    let mut printed = events(&["--from-beginning", "--limit", "3"]).ok().json();
    let cut = printed.last().expect("three lines")["cut"].as_str().expect("a cut").to_owned();
    let rest = (count - 3).to_string();
    printed.extend(events(&["--after", &cut, "--limit", &rest]).ok().json());
    for event in &mut printed {
        assert!(event.as_object_mut().is_some_and(|event| event.remove("cut").is_some()));
    }
    assert_eq!(by_partition(printed), expected);
    let issued = ["--from-beginning", "--family", "approvals", "--kind", "approval.issued", "--limit", "5"];
    assert!(events(&issued).ok().json().iter().all(|event| event["type"] == "approval.issued"));
    events(&["--after", "1.1"]).refused(1, "other-history");
    events(&["--kind", "user.flown"]).refused(1, "there is no such kind of event");
    assert_eq!(kippu().args(["events", "--limit", "0"]).output().unwrap().status.code(), Some(2));
}
