//! What `kippu replay` tells of the past: beside the node, after it, on an export and on a topic, the same to the byte.

mod gate;
mod growing;

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Ended, Node, files_below, first, run, topic, until, utf8};
use crate::http::Caller;
use crate::market::{price, purchase, redemption};
use crate::stores::Raw;

const LOGIN: &str = "grace@example.org";

/// Purchases of one user, and what the node answered about it at two of its positions.
struct Story {
    node: Node,
    user: String,
    /// The first approval, which was settled.
    approval: String,
    /// Position and row of the user: before any purchase, and after the first.
    before: (String, Value),
    between: (String, Value),
    /// The cut of everything.
    cut: String,
}

/// The row of `user` now, and the position that it reflects.
async fn row(operator: &Caller, user: &str, position: &str) -> (String, Value) {
    let reply = operator.get_at(&format!("/v1/users/{user}"), position).await.expect(200);
    (reply.position(), reply.json())
}

impl Story {
    async fn new() -> Self {
        let node = Node::start_with(&["--partitions", "4"]);
        let market = node.market(1000);
        let settler = market.settler("one").await;
        let buyer = market.buyer(LOGIN).await;
        let (operator, user) = (node.operator(), buyer.user.clone());
        let registered =
            first(async || operator.get(&format!("/v1/users/{user}")).await, |reply| reply.status == 200).await;
        let before = (registered.position(), registered.json());
        let (mut approvals, mut between) = (Vec::new(), None);
        for n in 0..3 {
            let opened = buyer.terminal.post("/v1/approvals", &format!("open-{n}"), &purchase(100)).await.expect(201);
            let (id, body) = (opened.field("id"), redemption(&opened.field("token")));
            settler.post("/v1/approvals/redeem", &format!("redeem-{id}"), &body).await.expect(200);
            settler.post("/v1/approvals/redeem", &format!("again-{id}"), &body).await.expect(409);
            let settle = format!("/v1/approvals/{id}/settle");
            let settled = settler.post(&settle, &format!("settle-{id}"), &price(60)).await.expect(200).position();
            let now = row(&operator, &user, &settled).await;
            between.get_or_insert(now);
            approvals.push(id);
        }
        // The views, whose answers name a cut, reflect everything.
        let ends = node.ends().await;
        let all = ends.iter().map(|end| (end - 1).to_string()).collect::<Vec<_>>().join(".");
        until(async || cut_of(&operator).await, |cut| *cut == all).await;
        Self { node, user, approval: approvals.remove(0), before, between: between.unwrap(), cut: all }
    }

    /// Every command about this story, with its arguments.
    fn commands(&self) -> Vec<Vec<String>> {
        let Self { user, approval, before: (before, _), between: (between, _), cut, .. } = self;
        let (user, approval) = (format!("users/{user}"), format!("approvals/{approval}"));
        let commands: Vec<Vec<&str>> = vec![
            vec!["history", &user],
            vec!["history", &approval, "--at", cut],
            vec!["as-of", &user],
            vec!["as-of", &user, "--at", between],
            vec!["as-of", &user, "--view", "--at", before],
            vec!["as-of", "approvals", "--at", cut],
            vec!["as-of", "spending"],
            vec!["as-of", "trial-balances", "--at", "2999-01-01T00:00:00Z"],
            vec!["why", &user, "charged"],
            vec!["why", &approval],
            vec!["diff", before, between],
            vec!["diff", "0.0.0.0", cut, "--family", "users"],
            vec!["diff", "1.1.1.1", cut, "--view", "ledger"],
        ];
        commands.into_iter().map(|command| command.into_iter().map(str::to_owned).collect()).collect()
    }

    /// What each command prints, with `place` and further flags.
    fn told(&self, place: &[&str]) -> Vec<String> {
        let run = |command: Vec<String>| {
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            let told = run(&[&["replay"], &command[..], &["--json"], place].concat()).ok().out;
            assert!(!told.is_empty(), "{command:?}");
            told
        };
        self.commands().into_iter().map(run).collect()
    }
}

async fn cut_of(operator: &Caller) -> String {
    let status = operator.get("/v1/status").await.expect(200).json();
    let views = status["views"].as_array().expect("there are views");
    // What lags behind is not yet what the rest is.
    let cuts: Vec<_> = views.iter().map(|view| view["cut"].as_str().expect("a view has a cut")).collect();
    if cuts.iter().all(|cut| *cut == cuts[0]) { cuts[0].to_owned() } else { String::new() }
}

fn replay(command: &[&str], data: &Path) -> Ended {
    run(&[&["replay"], command, &["--data", utf8(data)]].concat())
}

/// Shows F22, F23, F24, F29.
#[tokio::test]
async fn every_command_tells_the_same_beside_the_node_after_it_by_a_scan_and_of_an_export() {
    let mut story = Story::new().await;
    let data = story.node.data();
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let export = folder.path().join("export");
    let beside = story.told(&["--data", utf8(&data)]);
    assert_eq!(story.told(&["--data", utf8(&data), "--scan"]), beside, "without the node's views");
    story.node.stop();
    let kept = || -> Vec<_> {
        let files = files_below(&data).into_iter();
        files.map(|path| (std::fs::read(&path).expect("a file of the node's"), path)).collect()
    };
    let before = kept();
    assert_eq!(story.told(&["--data", utf8(&data)]), beside, "after the node");
    assert!(kept() == before, "nothing in the data directory is written");
    run(&["log", "export", utf8(&export), "--data", utf8(&data)]).ok();
    assert_eq!(story.told(&["--exported", utf8(&export)]), beside, "of an export");
    run(&["replay", "verify", "--exported", utf8(&export)]).ok();
}

/// Shows F22, F23, F24.
#[tokio::test]
async fn every_command_tells_of_a_topic_what_it_tells_of_the_data_directory_that_was_copied_there() {
    let mut story = Story::new().await;
    story.node.stop();
    let log = topic("past");
    let data = story.node.data();
    run(&["log", "copy", utf8(&data), &log, "--replicas", "1", "--accept-single-copy"]).ok();
    let there = story.told(&["--data", utf8(&data)]);
    assert_eq!(story.told(&["--log", &log, "--accept-single-copy"]), there);
}

/// Shows F22.
#[tokio::test]
async fn what_was_is_what_the_node_answered_then() {
    let story = Story::new().await;
    let data = story.node.data();
    let user = format!("users/{}", story.user);
    for (position, row) in [&story.before, &story.between] {
        let told = replay(&["as-of", &user, "--view", "--decrypt", "--at", position, "--json"], &data).ok().json();
        let mut row = row.clone();
        row["login"] = json!(LOGIN);
        assert_eq!(told[0], json!({ "key": story.user, "row": row }), "at {position}");
    }
    let state = &replay(&["as-of", &user, "--at", &story.between.0, "--json"], &data).ok().json()[0];
    assert_eq!(state["state"]["Registered"]["charged"], story.between.1["charged"]);
    assert_eq!(state["version"], story.between.1["version"]);
    let time = state["time"].as_str().unwrap();
    assert_eq!(&replay(&["as-of", &user, "--at", time, "--json"], &data).ok().json()[0], state, "by the time");
}

/// Shows F23.
#[tokio::test]
async fn a_value_is_told_with_who_changed_it_and_by_which_commands_and_personal_fields_only_when_asked_for() {
    let story = Story::new().await;
    let (data, user) = (story.node.data(), format!("users/{}", story.user));
    let why = &replay(&["why", &user, "charged", "--json"], &data).ok().json()[0];
    assert_eq!(
        (&why["before"], &why["after"], &why["field"]),
        (&json!(120), &json!(180), &json!("/Registered/charged"))
    );
    let because = &why["because"];
    assert_eq!(because["type"], "user.amount_charged");
    assert_eq!(because["began"]["type"], "user.registered");
    assert_eq!(because["caller"]["type"], "client.opened");
    assert_eq!(because["caller"]["data"]["name"], "one");
    assert_eq!(because["together"][0]["type"], "approval.settled");
    assert_eq!(because["together"][0]["began"]["type"], "approval.issued");
    assert_eq!(because["together"][0]["began"]["caller"]["data"]["user"].as_str(), Some(story.user.as_str()));
    let tree = replay(&["why", &user, "charged"], &data).ok().out;
    assert!(tree.contains("/Registered/charged: 120 -> 180\n  because of "), "{tree}");
    assert!(tree.contains("login: (encrypted)") && !tree.contains(LOGIN), "{tree}");
    let opened = replay(&["history", &user, "--decrypt"], &data).ok().out;
    assert!(
        opened.lines().next().is_some_and(|line| line.contains("user.registered") && line.contains(LOGIN)),
        "{opened}"
    );
    assert!(!replay(&["history", &user], &data).ok().out.contains(LOGIN));
}

/// Shows F25.
#[tokio::test]
async fn a_view_that_is_folded_anew_is_the_one_that_answers_and_a_row_that_is_not_is_named() {
    let mut story = Story::new().await;
    let data = story.node.data();
    for view in ["users", "approvals", "spending", "ledger", "trial-balances"] {
        let told = &replay(&["rebuild", view, "--json"], &data).ok().json()[0];
        assert_eq!((&told["differences"], &told["stored"]), (&json!(0), &told["rebuilt"]), "{view} beside the node");
    }
    story.node.stop();
    let told = replay(&["rebuild", "users"], &data).ok().out;
    assert!(told.contains(&format!("rows and index entries are the same at the cut {}", story.cut)), "{told}");
    let views = Raw::open(&data.join("views"));
    views.change_row(&story.user);
    drop(views);
    let told = replay(&["rebuild", "users", "--json"], &data).refused(1, "differences").json();
    assert_eq!((&told[0]["key"], &told[1]["differences"]), (&json!(story.user), &json!(1)), "{told:?}");
    assert_ne!(told[0]["stored"], told[0]["rebuilt"]);
    replay(&["rebuild", "users"], &data).refused(1, "1 rows and index entries DIFFER");
}

#[tokio::test]
async fn what_cannot_be_told_is_said_by_an_exit_code_and_in_words() {
    let mut story = Story::new().await;
    let (data, user, nobody) = (story.node.data(), format!("users/{}", story.user), "users/aaaaaaaaaaaaaaaaaaaaaaaa");
    let other = format!("{}0000000000000000", story.between.0.get(..story.between.0.len() - 16).unwrap());
    for (command, code, why) in [
        (vec!["history", nobody], 3, "it has no event"),
        (vec!["why", nobody, "limit"], 3, "it has no event"),
        (vec!["as-of", &user, "--at", "1970-01-01T00:00:00Z"], 3, "was not there yet"),
        (vec!["as-of", "spending", "--at", "1970-01-01T00:00:00Z"], 3, "has no event up to"),
        (vec!["as-of", &user, "--at", &other], 3, "is not a position of this history"),
        (vec!["as-of", &user, "--at", "99999.99999.99999.99999"], 3, "has no record 99999"),
        (vec!["as-of", &user, "--at", "1.2"], 2, "a cut has 4 numbers here"),
        (vec!["as-of", "spending", "--at", &story.between.0], 2, "is a position in one partition"),
        (vec!["as-of", &user, "--at", "yesterday"], 2, "neither a position"),
        (vec!["as-of", "nothing"], 2, "there is no view"),
        (vec!["as-of", "users/ID"], 2, "there is no entity"),
        (vec!["as-of", "users/ID", "--view"], 3, "has no row"),
        (vec!["history", "users"], 2, "users"),
        (vec!["why", &user, "colour"], 2, "has no colour"),
        (vec!["diff", &story.cut, "1.1.1.1"], 2, "is not before"),
        (vec!["diff", "1.1.1.1", &story.cut, "--family", "trains"], 2, "there is no family"),
        (vec!["rebuild", "history"], 2, "there is no view"),
    ] {
        replay(&command, &data).refused(code, why);
    }
    let (partition, number) = story.between.0.split_once('-').unwrap();
    let number: u64 = number.split('-').next().unwrap().parse().unwrap();
    story.node.stop();
    let store = Raw::log(&data);
    let partition: usize = partition.parse().unwrap();
    let mut stored = store.records(partition)[usize::try_from(number).unwrap()].clone();
    let last = stored.len() - 1;
    stored[last] ^= 1;
    store.put(partition, number, &stored);
    drop(store);
    let place = format!("partition {partition}, record {number}");
    replay(&["as-of", "spending"], &data).refused(1, &format!("partition {partition} halts at offset {number}"));
    for command in
        [vec!["history", &user], vec!["as-of", &user], vec!["why", &user], vec!["diff", "1.1.1.1", &story.cut]]
    {
        replay(&command, &data).refused(1, &place);
        replay(&[&command[..], &["--scan"]].concat(), &data).refused(1, &place);
    }
    replay(&["as-of", &user, "--at", &story.before.0], &data).ok();
    run(&["replay", "history", &user]).refused(2, "no history");
    run(&["replay", "rebuild", "users", "--exported", "nowhere"]).refused(3, "holds no export");
}
