//! A history that grows while it is verified, and what is new in one.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use super::Story;
use crate::fixture::{kippu, run, utf8};
use crate::market::purchase;

/// Shows F21.
#[tokio::test]
async fn verify_looks_behind_a_cut_and_goes_on_next_to_a_node() {
    let story = Story::new().await;
    let data = story.node.data();
    let verify = |more: &[&str]| run(&[&["--json", "replay", "verify", "--data", utf8(&data)], more].concat());
    let all = verify(&[]).ok().json().remove(0);
    let behind = verify(&["--since", &story.cut]).ok().json().remove(0);
    assert_eq!((&behind["totals"]["events"], &behind["since"]), (&json!(0), &json!(story.cut)), "{behind}");
    assert_eq!(behind["partitions"][0]["head"], all["partitions"][0]["head"]);
    verify(&["--since", "1.1"]).refused(2, "a cut has 4 numbers here");
    verify(&["--since", "999.1.1.1"]).refused(1, "the cut says that it went on to number 999");
    let mut child = kippu()
        .args(["--json", "replay", "verify", "--watch", "--data", utf8(&data)])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be run");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().expect("a line").unwrap()).unwrap() };
    let first = next();
    assert_eq!((&first["sound"], &first["totals"]["events"]), (&json!(true), &all["totals"]["events"]));
    let buyer = story.node.market(1000).buyer("another@example.org").await;
    buyer.terminal.post("/v1/approvals", "open-another-one", &purchase(100)).await.expect(201);
    let more = next();
    assert_eq!(more["sound"], json!(true), "{more}");
    assert!(more["events"].as_u64() > all["totals"]["events"].as_u64(), "{more}");
    child.kill().unwrap();
    child.wait().unwrap();
}
