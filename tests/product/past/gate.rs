//! `kippu replay gate`, which compares what a history comes to with what it came to before.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Story;
use crate::fixture::{Ended, run, utf8};
use crate::stores::Raw;

fn gate(history: &str, more: &[&str]) -> Ended {
    run(&[&["--json", "replay", "gate", "--history", history], more].concat())
}

fn differences(ended: &Ended) -> Vec<String> {
    let value = ended.json().remove(0);
    let all = value["differences"].as_array().expect("differences").clone();
    all.iter().map(|it| it["what"].as_str().expect("what differs").to_owned()).collect()
}

/// Shows F37.
#[tokio::test]
async fn the_gate_lets_a_history_pass_that_comes_to_the_same_and_names_what_does_not() {
    let mut story = Story::new().await;
    let data = story.node.data();
    gate(utf8(&data), &[]).ok();
    story.node.stop();
    let passed = gate(utf8(&data), &[]).ok().json().remove(0);
    assert_eq!((&passed["passed"], &passed["differences"]), (&json!(true), &json!([])), "{passed}");
    // The node keeps 23 views, some of them empty, and a dozen entities.
    assert!(passed["compared"].as_u64().is_some_and(|compared| compared > 20), "{passed}");
    let views = Raw::open(&data.join("views"));
    views.change_row(&story.user);
    drop(views);
    let differs = gate(utf8(&data), &[]).refused(1, "differences");
    assert!(differences(&differs).contains(&format!("row {} of users", story.user)), "{differs:?}");
    run(&["replay", "gate", "--history", utf8(&data)]).refused(1, "gate: NOT PASSED (1 of ");
}

/// Shows F37.
#[tokio::test]
async fn the_gate_compares_an_export_with_what_was_written_down_of_it() {
    let mut story = Story::new().await;
    story.node.stop();
    let folder = TempDir::with_prefix("kippu-test-").unwrap();
    let export = folder.path().join("export");
    let export = utf8(&export);
    run(&["log", "export", export, "--data", utf8(&story.node.data())]).ok();
    gate(export, &[]).refused(2, "nothing to compare with");
    let written = gate(export, &["--write"]).ok().json().remove(0);
    assert_eq!(written["cut"].as_str(), Some(story.cut.as_str()));
    gate(export, &["--write"]).refused(3, "exists");
    gate(export, &[]).ok();
    // What was written down of it goes for the same history elsewhere, too.
    let expected = format!("{export}/expected.json");
    gate(utf8(&story.node.data()), &["--expected", &expected]).ok();
    let mut text: Value = serde_json::from_str(&std::fs::read_to_string(&expected).unwrap()).unwrap();
    text["families"]["users"]["entities"][&story.user]["version"] = json!(1);
    text["views"]["spending"]["rows"] = json!(0);
    std::fs::write(&expected, text.to_string()).unwrap();
    let differs = gate(export, &[]).refused(1, "differences");
    assert_eq!(differences(&differs), ["view spending".to_owned(), format!("entity users/{}", story.user)]);
    text["views"]["spending"]["revision"] = json!(0);
    text["families"]["users"]["revision"] = json!(0);
    std::fs::write(&expected, text.to_string()).unwrap();
    let differs = gate(export, &[]).refused(1, "declared");
    assert_eq!(differences(&differs), [format!("entity users/{}", story.user)], "versions are compared all the same");
}
