//! `kippu import`: commands from a file or standard input, into a stopped node's data or through a running node.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::fixture::{Node, kippu, text};

const USERS: u64 = 300;

/// Registrations, one a line.
fn registrations(users: u64) -> String {
    (0..users).fold(String::new(), |mut lines, n| {
        let limit = json!({ "source": "prepaid", "amount": n, "currency": "EUR" });
        let body = json!({ "login": format!("import {n}"), "limit": limit });
        let line = json!({ "family": "users", "command": "open", "key": format!("user-{n}"), "body": body });
        writeln!(lines, "{line}").unwrap();
        lines
    })
}

fn import(file: &Path, place: &[&str]) -> Output {
    kippu().arg("import").arg(file).args(place).arg("--json").output().unwrap()
}

fn counts(output: &Output) -> Value {
    let line = String::from_utf8_lossy(&output.stdout).lines().last().map(str::to_owned).unwrap_or_default();
    serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {}", text(output)))
}

async fn users(node: &Node) -> usize {
    views_catch_up(node).await;
    users_so_far(node).await
}

async fn users_so_far(node: &Node) -> usize {
    let mut path = "/v1/users?limit=1000".to_owned();
    let mut users = 0;
    loop {
        let page = node.operator().get(&path).await.expect(200).json();
        users += page["data"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { return users };
        path = format!("/v1/users?limit=1000&cursor={next}");
    }
}

/// Waits until the views reflect the log as it is: an import is told no positions that one could ask for.
async fn views_catch_up(node: &Node) {
    let lags = |view: &serde_json::Value| view["lag"] != 0;
    while node.operator().get("/v1/status").await.expect(200).json()["views"].as_array().unwrap().iter().any(lags) {
        tokio::task::yield_now().await;
    }
}

/// Shows F41, F12. Keeps E2.
#[tokio::test]
async fn a_file_is_imported_once_however_often_it_is_tried() {
    let mut node = Node::start();
    node.kill();
    let (folder, data) = (tempfile::tempdir().unwrap(), node.data());
    let (file, data) = (folder.path().join("users.ndjson"), data.to_str().unwrap());
    std::fs::write(&file, registrations(USERS)).unwrap();
    assert_eq!(import(&file, &["--data", data]).status.code(), Some(0));
    // Once more from where it stopped, and once more from the beginning.
    assert_eq!(import(&file, &["--data", data]).status.code(), Some(0));
    let copy = folder.path().join("again.ndjson");
    std::fs::copy(&file, &copy).unwrap();
    assert_eq!(import(&copy, &["--data", data]).status.code(), Some(0));
    node.start_again();
    assert_eq!(users(&node).await, usize::try_from(USERS).unwrap());
    node.kill();
    node.assert_sound();
}

/// Shows F41.
#[tokio::test]
async fn a_running_node_takes_an_import_and_each_refused_line_is_named() {
    let node = Node::start();
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = (folder.path().join("users.ndjson"), folder.path().join("key"));
    std::fs::write(&key, node.operator().key).unwrap();
    let mut lines: Vec<String> = registrations(20).lines().map(str::to_owned).collect();
    lines[4] = lines[3].replace("user-3", "another key"); // the same login under another key
    lines[11] = "{\"family\":\"users\"".to_owned();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let output = import(&file, &["--server", node.url(), "--key-file", key.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let (counts, users) = (counts(&output), users(&node).await);
    assert_eq!((&counts["refused"], &counts["failed"], users), (&1.into(), &1.into(), 18), "{}", text(&output));
    let said = text(&output);
    assert!(said.contains("already-exists"), "{said}");
    let named = |number: u32| {
        let forms = [format!("line {number}:"), format!("\"line\":{number},")];
        said.lines().any(|line| forms.iter().any(|form| line.contains(form)))
    };
    // Two lines that open one user race: either is refused.
    assert!(named(4) != named(5) && named(12), "{said}");
}

/// Shows F41, F12. Keeps E2.
#[tokio::test]
async fn an_import_that_loses_its_node_goes_on_where_it_stopped() {
    let mut node = Node::start();
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = (folder.path().join("users.ndjson"), folder.path().join("key"));
    std::fs::write(&key, node.operator().key).unwrap();
    std::fs::write(&file, registrations(USERS)).unwrap();
    let command = |node: &Node| {
        let mut command = kippu();
        command.arg("import").arg(&file).args(["--deadline-secs", "1", "--server", node.url(), "--key-file"]).arg(&key);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut lost = command(&node);
    while lost.try_wait().unwrap().is_none() && users_so_far(&node).await < 20 {
        tokio::task::yield_now().await;
    }
    node.kill();
    // Whether it had come to its end by then or not: nothing is lost and nothing is doubled.
    let first = lost.wait().unwrap();
    node.start_again();
    assert!(command(&node).wait().unwrap().success(), "after {first}");
    assert_eq!(users(&node).await, usize::try_from(USERS).unwrap());
}

/// Shows F41.
#[tokio::test]
async fn commands_are_taken_from_standard_input() {
    let mut node = Node::start();
    node.kill();
    let mut child = kippu()
        .args(["import", "-", "--data"])
        .arg(node.data())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(registrations(10).as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    node.start_again();
    assert_eq!(users(&node).await, 10);
}
