//! Commands from a file of JSON lines: in order, by number, through an interruption, and never twice.

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::fixture::{Node, kippu, run, text};

fn opening(number: usize) -> String {
    json!({ "family": "placements", "command": "open", "key": format!("p-{number}"), "body": { "label": "l" } })
        .to_string()
}

/// A data directory without a node on it.
fn stopped(folder: &Path) -> String {
    let data = folder.join("data").to_str().unwrap().to_owned();
    assert!(run(&["init", "--data", &data, "--partitions", "4"]).status.success());
    data
}

fn import(file: &Path, target: &[&str]) -> Output {
    kippu().args(["--json", "import"]).arg(file).args(target).output().unwrap()
}

/// Each line that was printed; the last is the summary.
fn printed(output: &Output) -> Vec<Value> {
    let lines = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!lines.is_empty(), "{}", text(output));
    lines
}

/// Events in the log, if it is sound.
fn events(data: &str) -> u64 {
    let verify = run(&["--json", "replay", "verify", "--data", data]);
    assert!(verify.status.success(), "{}", text(&verify));
    printed(&verify)[0]["totals"]["events"].as_u64().unwrap()
}

/// Shows F41, F33.
#[test]
fn lines_that_were_not_applied_are_named_by_number_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = stopped(folder.path());
    let before = events(&data);
    let file = folder.path().join("lines");
    let wrong = json!({ "family": "placements", "command": "open", "key": "w", "body": { "lable": "l" } }).to_string();
    let lines = [opening(0), "{".to_owned(), String::new(), wrong, opening(1), opening(0)];
    std::fs::write(&file, lines.join("\r\n")).unwrap();
    let output = import(&file, &["--data", &data, "--in-flight", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let printed = printed(&output);
    assert_eq!((printed[0]["line"].as_u64(), printed[0]["outcome"].as_str()), (Some(2), Some("failed")));
    assert_eq!((printed[1]["line"].as_u64(), printed[1]["problem"].as_str()), (Some(4), Some("invalid-body")));
    let summary = json!({ "lines": 5, "applied": 2, "replayed": 1, "refused": 1, "failed": 1 });
    assert_eq!(printed.last(), Some(&summary));
    assert_eq!(events(&data), before + 2);
}

/// Shows F41. Keeps E2.
#[test]
fn an_import_that_was_killed_goes_on_where_it_stopped_and_applies_no_line_twice() {
    let folder = tempfile::tempdir().unwrap();
    let data = stopped(folder.path());
    let before = events(&data);
    let (file, progress) = (folder.path().join("lines"), folder.path().join("progress"));
    let resume = ["--data", &data, "--resume-file", progress.to_str().unwrap()];
    let mut killed = kippu().args(["import", "-"]).args(resume).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = killed.stdin.take().unwrap();
    let mut lines = 0;
    // It keeps its progress about once a second; until then it gets more lines.
    while !progress.exists() {
        writeln!(input, "{}", opening(lines)).unwrap();
        lines += 1;
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    lines += 100;
    std::fs::write(&file, (0..lines).map(|line| opening(line) + "\n").collect::<String>()).unwrap();
    let output = import(&file, &resume);
    assert!(output.status.success(), "{}", text(&output));
    let summary = printed(&output).pop().unwrap();
    assert_eq!(summary["lines"], lines, "{summary}");
    assert_eq!(summary["applied"].as_u64().unwrap() + summary["replayed"].as_u64().unwrap(), lines as u64, "{summary}");
    assert_eq!(events(&data), before + lines as u64);

    // Another input is not taken for the one that was begun.
    std::fs::write(&file, (1..=lines).map(|line| opening(line) + "\n").collect::<String>()).unwrap();
    assert_eq!(import(&file, &resume).status.code(), Some(2));
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
    let output = import(&file, &["--server", node.url(), "--key-file", key.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(printed(&output).pop().unwrap()["applied"], lines.len(), "{}", text(&output));
    node.assert_sound();
}
