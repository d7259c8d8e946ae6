//! `kippu import`: JSON lines from a file or standard input, into a stopped node's data or through a running node, in
//! order, by number, through interruptions, and never twice.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Ended, Node, PATIENCE, kippu, run, until, utf8};

fn opening(number: usize) -> String {
    json!({ "family": "placements", "command": "open", "key": format!("p-{number}"), "body": { "label": "l" } })
        .to_string()
}

/// So many lines that open placements, from number `first` on.
fn openings(first: usize, count: usize) -> String {
    (first..first + count).map(|number| opening(number) + "\n").collect()
}

/// A data directory without a node on it, and a file with `lines` next to it.
fn stopped(lines: &str) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let [data, file] = ["data", "lines"].map(|name| folder.path().join(name));
    run(&["init", "--data", utf8(&data), "--partitions", "4"]).ok();
    std::fs::write(&file, lines).unwrap();
    (folder, data, file)
}

fn import(file: &Path, place: &[&str]) -> Ended {
    run(&[&["--json", "import", utf8(file)], place].concat())
}

/// The counts, which come last.
fn summary(ended: &Ended) -> Value {
    ended.json().pop().unwrap_or_else(|| panic!("no counts: {}", ended.said))
}

/// Events in the log, if it is sound.
fn events(data: &Path) -> u64 {
    let report = run(&["--json", "replay", "verify", "--data", utf8(data)]).ok().json().remove(0);
    report["totals"]["events"].as_u64().unwrap()
}

/// Shows F41, F33.
#[test]
fn an_import_makes_no_node_where_there_is_none() {
    let (folder, _, file) = stopped(&openings(0, 1));
    let typo = folder.path().join("dtaa");
    import(&file, &["--data", utf8(&typo)]).refused(3, "holds no node");
    assert!(!typo.exists());
}

/// Shows F41.
#[tokio::test]
async fn an_import_that_was_begun_by_one_caller_is_not_ended_by_another() {
    let (folder, data, file) = stopped(&openings(0, 3));
    import(&file, &["--data", utf8(&data)]).ok();
    let node = Node::start_in(folder, Vec::new());
    let key = node.data().join("operator.key");
    let through_the_node = ["--server", node.url(), "--key-file", utf8(&key)];
    import(&file, &through_the_node).refused(2, "what operator has done");
    let resume = node.data().join("../other");
    let told = import(&file, &[&through_the_node[..], &["--resume-file", utf8(&resume)]].concat()).ok();
    assert_eq!(summary(&told)["applied"], 3, "a key is its caller's own");
}

/// Shows F41, F33.
#[test]
fn lines_that_were_not_applied_are_named_by_number_and_the_rest_goes_on() {
    let wrong = json!({ "family": "placements", "command": "open", "key": "w", "body": { "lable": "l" } }).to_string();
    let lines = [opening(0), "{".to_owned(), String::new(), wrong, opening(1), opening(0)];
    let (_folder, data, file) = stopped(&lines.join("\r\n"));
    let before = events(&data);
    let printed = import(&file, &["--data", utf8(&data), "--in-flight", "1"]).refused(1, "").json();
    assert_eq!((printed[0]["line"].as_u64(), printed[0]["outcome"].as_str()), (Some(2), Some("failed")));
    assert_eq!((printed[1]["line"].as_u64(), printed[1]["problem"].as_str()), (Some(4), Some("invalid-body")));
    let summary = json!({ "lines": 5, "applied": 2, "replayed": 1, "refused": 1, "failed": 1 });
    assert_eq!(printed.last(), Some(&summary));
    assert_eq!(events(&data), before + 2);
}

/// Shows F41, F12. Keeps E2.
#[test]
fn a_file_is_imported_once_however_often_it_is_tried() {
    let (folder, data, file) = stopped(&openings(0, 300));
    let before = events(&data);
    import(&file, &["--data", utf8(&data)]).ok();
    // Once more from where it stopped, and once more from the beginning.
    import(&file, &["--data", utf8(&data)]).ok();
    let copy = folder.path().join("again");
    std::fs::copy(&file, &copy).unwrap();
    assert_eq!(summary(&import(&copy, &["--data", utf8(&data)]).ok())["replayed"], 300);
    assert_eq!(events(&data), before + 300);
}

/// Shows F41. Keeps E2.
#[test]
fn an_import_that_was_killed_goes_on_where_it_stopped_and_applies_no_line_twice() {
    let (folder, data, file) = stopped("");
    let before = events(&data);
    let progress = folder.path().join("progress");
    let resume = ["--data", utf8(&data), "--resume-file", utf8(&progress)];
    let mut killed = kippu().args(["import", "-"]).args(resume).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = killed.stdin.take().unwrap();
    let (mut lines, begun) = (0, Instant::now());
    // It keeps its progress about once a second; until then it gets more lines.
    while !progress.exists() {
        assert!(begun.elapsed() < PATIENCE, "it keeps no progress");
        writeln!(input, "{}", opening(lines)).unwrap();
        lines += 1;
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    lines += 100;
    std::fs::write(&file, openings(0, lines)).unwrap();
    let summary = summary(&import(&file, &resume).ok());
    assert_eq!(summary["lines"], lines, "{summary}");
    assert_eq!(summary["applied"].as_u64().unwrap() + summary["replayed"].as_u64().unwrap(), lines as u64, "{summary}");
    assert_eq!(events(&data), before + lines as u64);

    // Another input is not taken for the one that was begun.
    std::fs::write(&file, openings(1, lines)).unwrap();
    import(&file, &resume).refused(2, "");
}

/// Shows F41.
#[test]
fn a_running_node_takes_an_import_and_each_refused_line_is_named() {
    let mut node = Node::start();
    let line = |key: usize, login: usize| {
        let limit = json!({ "source": "prepaid", "amount": 1, "currency": "EUR" });
        let body = json!({ "login": format!("user {login}"), "limit": limit });
        json!({ "family": "users", "command": "open", "key": format!("key-{key}"), "body": body }).to_string()
    };
    let mut lines: Vec<String> = (0..20).map(|n| line(n, n)).collect();
    lines[4] = line(4, 3);
    lines[11] = "{\"family\":\"users\"".to_owned();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let before = events(&node.data());
    let key = node.data().join("operator.key");
    let printed = import(&file, &["--server", node.url(), "--key-file", utf8(&key)]).refused(1, "").json();
    let counts = json!({ "lines": 20, "applied": 18, "replayed": 0, "refused": 1, "failed": 1 });
    assert_eq!(printed.last(), Some(&counts));
    let problem = |line: u64| printed.iter().find(|named| named["line"] == line).map(|named| named["problem"].as_str());
    // Two lines that open one user race: either is refused.
    assert!([problem(4), problem(5)].iter().flatten().eq([&Some("already-exists")]), "{printed:?}");
    assert!(problem(12).is_some(), "{printed:?}");
    node.kill();
    assert_eq!(events(&node.data()), before + 18);
}

/// Shows F41.
#[tokio::test]
async fn lines_of_one_entity_run_in_the_order_of_the_file_through_a_running_node() {
    let node = Node::start();
    let opened = node.operator().post("/v1/placements", "one", &json!({ "label": "l" })).await.expect(201).json();
    let id = opened["id"].as_str().unwrap();
    let line = |number: usize, command: &str, body: Value| {
        let key = format!("{command}-{number}");
        json!({ "family": "placements", "id": id, "command": command, "key": key, "body": body }).to_string()
    };
    let mut lines = vec![line(0, "place", json!({ "server": "s-0" }))];
    for number in 1..200 {
        lines.push(opening(number));
        lines.push(line(number, "move", json!({ "to": format!("s-{number}") })));
    }
    lines.push(line(0, "close", json!({})));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let key = node.data().join("operator.key");
    let imported = import(&file, &["--server", node.url(), "--key-file", utf8(&key)]).ok();
    assert_eq!(summary(&imported)["applied"], lines.len(), "{}", imported.said);
    node.assert_sound();
}

/// Shows F41, F12. Keeps E2.
#[tokio::test]
async fn an_import_that_loses_its_node_goes_on_where_it_stopped() {
    let mut node = Node::start();
    let before = events(&node.data());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines");
    std::fs::write(&file, openings(0, 300)).unwrap();
    let command = |node: &Node| {
        let mut command = kippu();
        command.arg("import").arg(&file).args(["--deadline-secs", "1", "--server", node.url(), "--key-file"]);
        command.arg(node.data().join("operator.key"));
        command
    };
    let mut lost = command(&node).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let opened = async || {
        let page = node.operator().get("/v1/placements?limit=1000").await.expect(200).json();
        page["data"].as_array().map_or(0, Vec::len)
    };
    until(opened, |opened| *opened >= 20).await;
    node.kill();
    // Whether it had come to its end by then or not: nothing is lost and nothing is doubled.
    lost.wait().unwrap();
    node.start_again();
    Ended::of(&mut command(&node)).ok();
    node.kill();
    assert_eq!(events(&node.data()), before + 300);
}
