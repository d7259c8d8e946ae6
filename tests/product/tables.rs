//! `kippu replay export`: DuckDB reads what was written, and finds the sums of the views in the events.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::fixture::{Ended, run, utf8};
use crate::what_if::played;

/// What DuckDB makes of the tables in `dir`.
fn duckdb(dir: &Path) -> Value {
    let python = std::env::var("KIPPU_TEST_PYTHON").expect("KIPPU_TEST_PYTHON: `make test` makes it and sets it");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strangers/tables.py");
    Ended::of(Command::new(python).arg(script).arg(dir)).ok().json().remove(0)
}

#[test]
fn duckdb_finds_by_month_in_the_events_what_the_view_says_was_spent() {
    let folder = tempfile::tempdir().unwrap();
    let (data, _) = played(folder.path());
    let to = folder.path().join("tables");
    let args = ["replay", "export", "--json", "--data", utf8(&data), "--to", utf8(&to)];
    let manifest = run(&args).ok().json().remove(0);
    let found = duckdb(&to);
    let events: u64 = manifest["partitions"].as_array().unwrap().iter().map(|part| part[1].as_u64().unwrap()).sum();
    assert_eq!(found["events"], events);
    let users = manifest["views"].as_array().unwrap().iter().find(|view| view[0] == "spending").unwrap()[1].clone();
    assert_eq!(found["users"], users);
    let months = found["months"].as_array().unwrap();
    assert!(!months.is_empty() && months.iter().all(|month| month["of_events"].as_i64() > Some(0)), "{found}");
    assert!(months.iter().all(|month| month["of_events"] == month["of_view"]), "{found}");
    // Once more, nothing is left to do.
    assert_eq!(run(&args).ok().json().remove(0), manifest);

    let lines = folder.path().join("lines");
    let args =
        ["replay", "export", "--data", utf8(&data), "--to", utf8(&lines), "--format", "ndjson", "--view", "users"];
    run(&args).ok();
    let text = std::fs::read_to_string(lines.join("views/users.ndjson")).unwrap();
    assert!(text.lines().count() as u64 == users.as_u64().unwrap(), "{text}");
    run(&["replay", "export", "--data", utf8(&data), "--to", utf8(folder.path())]).refused(3, "is not empty");
    run(&["replay", "export", "--data", utf8(&data), "--to", utf8(&to), "--view", "nothing"]).refused(2, "nothing");
}
