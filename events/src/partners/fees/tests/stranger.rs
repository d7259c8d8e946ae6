//! One fixture, worked by the Python script that was written from the guide alone: every line equal.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::partners::fees::{Facts, Statement, Stretch, Tariff, compute};

/// A part of the fixture.
#[derive(serde::Deserialize)]
struct Part {
    tariff: String,
    stretch: Stretch,
    facts: Facts,
}

pub fn tariffs() -> BTreeMap<String, Tariff> {
    serde_json::from_str(include_str!("fixture/tariff.json")).unwrap()
}

pub fn fixture() -> Vec<(Stretch, Tariff, Facts)> {
    let parts: Vec<Part> = serde_json::from_str(include_str!("fixture/facts.json")).unwrap();
    parts.into_iter().map(|part| (part.stretch, tariffs()[&part.tariff].clone(), part.facts)).collect()
}

pub fn statement(parts: &[(Stretch, Tariff, Facts)]) -> Statement {
    compute(&parts.iter().map(|(stretch, tariff, facts)| (*stretch, tariff, facts)).collect::<Vec<_>>()).unwrap()
}

/// Shows B38, B43.
#[test]
fn an_independent_script_finds_every_line_equal() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixture_folder = root.join("src/partners/fees/tests/fixture");
    let script = Command::new("python3")
        .arg(root.join("../tests/strangers/fees.py"))
        .args([fixture_folder.join("tariff.json"), fixture_folder.join("facts.json")])
        .output()
        .unwrap();
    assert!(script.status.success(), "{}", String::from_utf8_lossy(&script.stderr));
    let statement = statement(&fixture());
    let line =
        |line: &crate::partners::fees::Line| format!("{} {} {} {}\n", line.part, line.rule, line.exact, line.amount);
    let ours: String = statement.lines.iter().map(line).chain([format!("total {}\n", statement.total)]).collect();
    assert_eq!(ours, String::from_utf8(script.stdout).unwrap());
}

#[test]
fn the_canonical_form_is_the_one_that_was_kept() {
    let bytes = statement(&fixture()).canonical().unwrap();
    let written = std::env::temp_dir().join(format!("kippu-statement-{}.json", std::process::id()));
    std::fs::write(&written, &bytes).unwrap();
    let sorted: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(sorted.to_string().as_bytes(), bytes, "names are in order");
    let kept =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/partners/fees/tests/fixture/statement.json"));
    assert!(kept.is_ok_and(|kept| kept == bytes), "differs from {}", written.display());
}

#[test]
fn the_complete_example_of_the_guide_costs_what_the_guide_says() {
    let guide = include_str!("../../../../../docs/tariffs.md");
    let example = guide.split("```json").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let tariff: Tariff = serde_json::from_str(example).unwrap();
    assert_eq!(tariff.check(), []);
    let counted = super::facts(serde_json::json!({
        "partnership": [{"parts": ["content", "layout"]}],
        "accesses": super::accesses(600, 400),
        "objective": [{"name": "capacity", "value": 50}],
    }));
    assert_eq!(super::month(&tariff, &counted).total, 36_000);
}
