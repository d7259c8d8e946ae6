//! `kippu replay check`, on what a node did and on what nobody decided.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use kippu_events::log::{Commit, Content, Record};

use crate::fixture::{Ended, Node, run, utf8};
use crate::market::{price, purchase, redemption};
use crate::stores::Raw;

/// A node on which a buyer's purchases of 1.00 were settled for half of it, refused, and left open.
async fn node() -> Node {
    let node = Node::start_with(&["--partitions", "1"]);
    let market = node.market(250);
    let (settler, buyer) = (market.settler("one").await, market.buyer("ann").await);
    let opened = buyer.terminal.post("/v1/approvals", "open", &purchase(100)).await.expect(201);
    buyer.terminal.post("/v1/approvals", "left", &purchase(100)).await.expect(201);
    buyer.terminal.post("/v1/approvals", "more", &purchase(100)).await.expect_problem(409, "limit-exceeded");
    let (id, body) = (opened.field("id"), redemption(&opened.field("token")));
    settler.post("/v1/approvals/redeem", "redeem", &body).await.expect(200);
    settler.post("/v1/approvals/redeem", "again", &body).await.expect(409);
    settler.post(&format!("/v1/approvals/{id}/settle"), "settle", &price(50)).await.expect(200);
    node
}

fn check(data: &Path, arguments: &[&str]) -> Ended {
    run(&[&["replay", "check", "--data", utf8(data)], arguments].concat())
}

/// Settles for 1.01 what was settled for 0.50 in the last record, as a writer that decides nothing would; its number.
fn forge(data: &Path) -> u64 {
    let store = Raw::log(data);
    let records = store.records(0);
    let last = records.last().unwrap();
    let Content::Commit(commit) = Record::decode(last).unwrap().content else { panic!("the settlement is a commit") };
    let body = String::from_utf8(commit.body.to_vec()).unwrap();
    let forged = body.replace(r#""amount":50"#, r#""amount":101"#);
    assert_ne!(forged, body);
    let (bytes, _) = Content::Commit(Commit { body: forged.as_bytes(), ..commit }).encode();
    store.put(0, commit.number, &bytes);
    commit.number
}

/// Shows F26.
#[tokio::test]
async fn what_nobody_decided_is_found_by_rule_and_place_and_what_a_node_did_breaks_none() {
    let mut node = node().await;
    let said = check(&node.data(), &[]).ok().said;
    assert!(
        said.contains("still reserved 1.00 EUR, by 1 open approvals") && said.contains("check: 0 findings"),
        "{said}"
    );
    node.stop();
    let report = check(&node.data(), &["--json"]).ok().json().remove(0);
    assert_eq!((&report["broken"], report["sound"] == true), (&0.into(), true), "{report}");

    let number = forge(&node.data());
    let said = check(&node.data(), &[]).refused(1, "check: ").said;
    let place = format!("FINDING partition 0, number {number}, event 0-{number}.0, rule amount: ");
    assert!(said.contains(&place), "{said}");
    // Verify tells the same.
    node.verify().refused(1, &format!("BREACH partition 0, number {number}, event 0-{number}.0, rule amount: "));

    let report = check(&node.data(), &["--json", "amount", "redeem-once"]).refused(1, "").json().remove(0);
    let broken = |rule: &str| {
        let rules = report["rules"].as_array().unwrap();
        rules.iter().find(|held| held["rule"] == rule).map(|held| held["broken"].as_u64().unwrap())
    };
    assert_eq!([broken("amount"), broken("redeem-once"), broken("limit")], [Some(1), Some(0), None], "{report}");
    assert_eq!((&report["findings"][0]["number"], &report["findings"][0]["rule"]), (&number.into(), &"amount".into()));
    assert!(check(&node.data(), &["redeem-once", "version"]).ok().said.contains("2 rules"));
}

/// Shows F26.
#[tokio::test]
async fn findings_are_sarif_by_its_schema() {
    let mut node = node().await;
    node.stop();
    assert_eq!(is_sarif(&check(&node.data(), &["--sarif"]).ok().out), "SARIF 2.1.0, 0 results");
    let number = forge(&node.data());
    let log = check(&node.data(), &["--sarif", "amount"]).refused(1, "").out;
    assert_eq!(is_sarif(&log), "SARIF 2.1.0, 1 results");
    let log: serde_json::Value = serde_json::from_str(&log).unwrap();
    let result = &log["runs"][0]["results"][0];
    let place = &result["locations"][0]["logicalLocations"][0]["name"];
    assert_eq!((&result["ruleId"], place), (&"amount".into(), &format!("0-{number}.0").into()));
}

/// What the validator says of this text.
fn is_sarif(text: &str) -> String {
    let python = std::env::var("KIPPU_TEST_PYTHON").expect("KIPPU_TEST_PYTHON: `make test` makes it and sets it");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers/sarif.py");
    let mut validator = Command::new(python);
    let mut validator =
        validator.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python can be run");
    validator.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = validator.wait_with_output().unwrap();
    assert!(said.status.success(), "{text}");
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

/// Shows F26.
#[test]
fn every_rule_has_a_name_and_a_line_and_what_is_none_is_refused() {
    let list = run(&["replay", "check", "--list", "--json"]).ok().json().remove(0);
    let rules = list.as_array().unwrap();
    let shown = run(&["replay", "check", "--list"]).ok().out;
    assert_eq!(shown.lines().count(), rules.len());
    for (line, rule) in shown.lines().zip(rules) {
        let (name, holds) = line.split_once(' ').unwrap();
        assert_eq!((name, holds.trim()), (rule["rule"].as_str().unwrap(), rule["holds"].as_str().unwrap()));
    }
    let documented = include_str!("../../docs/replay.md");
    let (_, table) = documented.split_once("| Rule | Holds |\n|---|---|\n").expect("there is a table of rules");
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let row = |rule: &serde_json::Value| {
        format!("| `{}` | {} |", rule["rule"].as_str().unwrap(), rule["holds"].as_str().unwrap())
    };
    assert_eq!(rows.collect::<Vec<_>>(), rules.iter().map(row).collect::<Vec<_>>(), "docs/replay.md");
    for rule in ["redeem-once", "limit", "money", "reservation", "version", "time", "refusal"] {
        assert!(rules.iter().any(|known| known["rule"] == rule), "{rule}");
    }
    run(&["replay", "check", "nothing", "--data", "/nowhere"]).refused(2, "there is no rule \"nothing\"");
}
