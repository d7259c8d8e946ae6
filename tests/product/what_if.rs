//! `kippu replay what-if` on purchases that were played: it says what plain arithmetic over the file says of another limit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::fixture::{Ended, run, utf8};

/// Purchases that were permitted and refused, and what they come to in cents.
#[derive(Default, PartialEq, Eq, Debug)]
struct Tally {
    permitted: (u64, u64),
    refused: (u64, u64),
}

/// Each customer's purchases in the order of the file, permitted as far as they fit into the limit.
fn tally(text: &str, limit: u64) -> Tally {
    let (mut tally, mut spent) = (Tally::default(), BTreeMap::<&str, u64>::new());
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [customer, _, _, amount] = fields[..] else { continue };
        let (whole, cents) = amount.split_once('.').unwrap_or((amount, ""));
        let amount = format!("{whole}{cents:0<2}").parse().unwrap();
        let spent = spent.entry(customer).or_default();
        let fits = *spent + amount <= limit;
        let (count, sum) = if fits { &mut tally.permitted } else { &mut tally.refused };
        (*count, *sum) = (*count + 1, *sum + amount);
        *spent += if fits { amount } else { 0 };
    }
    tally
}

/// What the report says of all users.
fn sums(report: &Value, when: &str) -> Tally {
    let of = |what: &str| {
        let sum = &report["sums"]["USD"][when][what];
        (sum["count"].as_u64().unwrap(), sum["amount"].as_u64().unwrap())
    };
    Tally { permitted: of("permitted"), refused: of("refused") }
}

/// The data directory below `folder` of a node to which a file of purchases was played, and that file. `KIPPU_PURCHASES` names another one
/// than the sample.
pub(crate) fn played(folder: &Path) -> (PathBuf, String) {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/purchases-sample.txt");
    let file = std::env::var_os("KIPPU_PURCHASES").map_or(sample, PathBuf::from);
    let text = std::fs::read_to_string(&file).unwrap();
    let data = folder.join("data");
    let kippu = Path::new(env!("CARGO_BIN_EXE_kippu"));
    let client = kippu.with_file_name("examples").join("purchases");
    assert!(client.exists(), "examples are built with the tests: cargo test --release --workspace");
    let mut play = Command::new(client);
    Ended::of(
        play.arg("--kippu")
            .arg(kippu)
            .arg("--file")
            .arg(&file)
            .args(["--limit", "100.00", "--connections", "8", "--patience-secs", "600"])
            .arg("--data")
            .arg(&data),
    )
    .ok();
    (data, text)
}

/// Shows F26, F27.
#[test]
fn another_limit_turns_the_decisions_that_arithmetic_over_the_file_turns() {
    let folder = tempfile::tempdir().unwrap();
    let (data, text) = played(folder.path());
    let said = run(&["replay", "check", "--data", utf8(&data)]).ok().said;
    assert!(said.contains("check: 0 findings"), "{said}");
    for (set, limit) in [("500.00", 50_000), ("100.00", 10_000), ("20", 2_000), ("0.00", 0)] {
        let set = format!("limits={set}");
        let report = run(&["replay", "what-if", "--json", "--set", &set, "--data", utf8(&data)]).ok().json().remove(0);
        assert_eq!(sums(&report, "before"), tally(&text, 10_000), "{set}");
        assert_eq!(sums(&report, "after"), tally(&text, limit), "{set}");
        let users = report["users"].as_array().unwrap();
        let change = |user: &Value| user["change"]["permitted"]["amount"].as_i64().unwrap();
        assert_eq!(users.iter().map(change).sum::<i64>(), change(&report["sums"]["USD"]), "{set}");
    }
    // A copy elsewhere says the same, byte for byte.
    let export = folder.path().join("export");
    run(&["log", "export", utf8(&export), "--data", utf8(&data)]).ok();
    for command in [&["replay", "check", "--json"][..], &["replay", "what-if", "--json", "--set", "limits=500.00"]] {
        let told = |place: [&str; 2]| run(&[command, &place].concat()).ok().out;
        assert_eq!(told(["--data", utf8(&data)]), told(["--exported", utf8(&export)]), "{command:?}");
    }
    let said = run(&["replay", "what-if", "--set", "limits=500.00", "--data", utf8(&data)]).ok().said;
    let [permitted, refused] = [tally(&text, 50_000), tally(&text, 10_000)].map(|it| it.permitted.0);
    let line = format!("{} refusals turn into permissions, 0 permissions into refusals", permitted - refused);
    assert!(said.contains(&line) && said.contains("what people would have done"), "{said}");

    for (set, why) in
        [("limits=1.001", "USD has 2 decimals"), ("limits=much", "written as 12 or 12.34"), ("fee=1", "limits=AMOUNT")]
    {
        run(&["replay", "what-if", "--set", set, "--data", utf8(&data)]).refused(2, why);
    }
}
