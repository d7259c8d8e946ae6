//! The documented API client on the sample that comes with it, with the node killed half-way.

use std::path::Path;
use std::process::Command;

use crate::fixture::{Ended, assert_sound_at, topic};

/// Shows D5, D7, D13, D15, D16, D19, D20, D21, D25, D26, D33, D35, D36.
#[test]
fn the_sums_of_the_sample_are_the_nodes_sums_although_it_was_killed() {
    let said = play(&["--connections", "16", "--kill-at", "0.5"]);
    assert!(said.contains("killed ") && said.contains("equal     to the cent, customer by customer"), "{said}");
}

/// Shows F12, F36.
#[test]
fn the_sums_of_the_sample_on_kafka_are_the_nodes_sums_although_one_of_three_was_killed() {
    let log = topic("purchases");
    let said = play(&["--log", &log, "--accept-single-copy", "--nodes", "3", "--kill-at", "0.5"]);
    assert!(said.contains("killed ") && said.contains("equal     to the cent, customer by customer"), "{said}");
    assert_sound_at(&log);
}

/// Plays the sample; what the client says.
fn play(flags: &[&str]) -> String {
    let kippu = Path::new(env!("CARGO_BIN_EXE_kippu"));
    let client = kippu.with_file_name("examples").join("purchases");
    assert!(client.exists(), "examples are built with the tests: cargo test --release --workspace");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/purchases-sample.txt");
    let mut command = Command::new(client);
    command.arg("--kippu").arg(kippu).arg("--file").arg(sample).args(["--limit", "100.00"]).args(flags);
    let said = Ended::of(&mut command).ok().said;
    // Worked out by hand from the file, once and for all.
    assert!(said.contains("290 permitted       6425.45       79 refused       4051.71"), "{said}");
    said
}
