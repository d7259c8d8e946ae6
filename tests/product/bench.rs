//! The product measures itself. What it measures is not judged here: a test machine is no measuring instrument.

use serde_json::Value;

use crate::fixture::{brokers, run};

/// Shows F42.
#[test]
fn bench_prints_ours_the_limit_and_their_ratio_as_json() {
    let figures = figures(&["--only", "P1,P3,P9"], &["P1", "P3", "P9"]);
    let plain = figures["P9"]["details"]["plain"].as_array().unwrap();
    let in_flight: Vec<_> = plain.iter().filter_map(|plain| plain["in_flight"].as_u64()).collect();
    assert_eq!(in_flight, [1, 64, 1024]);
}

/// Shows F42.
#[test]
fn bench_measures_the_same_on_kafka() {
    let log = format!("kafka://{}/bench", brokers());
    let figures = figures(&["--log", &log, "--accept-single-copy"], &["P7", "P8K", "TAKEOVER", "SHARING"]);
    assert_eq!(figures["TAKEOVER"]["details"]["tail_seconds"].as_array().map(Vec::len), Some(1));
}

#[test]
fn bench_says_where_a_figure_is_measured() {
    run(&["bench", "--quick", "--only", "P7"]).refused(2, "P7 is measured on Kafka: name it with --log");
}

/// Shows F42, F44.
#[test]
fn bench_measures_what_parties_do_together_and_owe_each_other() {
    let which = ["PURCHASES", "ACTIVITIES", "SIGNATURES", "OWED"];
    let figures = figures(&["parties"], &which);
    assert_eq!(figures.as_object().map(serde_json::Map::len), Some(which.len()), "{figures}");
    for (figure, details) in [
        ("PURCHASES", ["p50_micros", "p99_micros", "under_way_at_once"].as_slice()),
        ("ACTIVITIES", &["activities", "at_once_for_one_party", "most_per_second_for_one_party"]),
        ("SIGNATURES", &["sign_micros", "check_micros", "bare_sign_micros", "bare_check_micros", "signed_bytes"]),
        ("OWED", &["owed", "memory_bytes_before", "memory_bytes"]),
    ] {
        for detail in details {
            let number = figures[figure]["details"][detail].as_f64();
            assert!(number.is_some_and(|number| number > 0.0), "{figure} {detail}: {figures}");
        }
    }
}

/// Shows F42.
#[test]
fn bench_measures_what_reads_a_history() {
    let which = ["VERIFY", "THREADS", "ASOF", "TILES", "PROOF", "REBUILD", "MEMORY"];
    let figures = figures(&["replay", "--events", "4000"], &which);
    assert_eq!(figures.as_object().map(serde_json::Map::len), Some(which.len()), "{figures}");
    for (figure, detail) in
        [("ASOF", "log_reads"), ("ASOF", "log_entries_without"), ("TILES", "tile_files"), ("PROOF", "proofs")]
    {
        let number = figures[figure]["details"][detail].as_u64();
        assert!(number.is_some_and(|number| number > 0), "{figure} {detail}: {figures}");
    }
    assert!(figures["VERIFY"]["details"]["events"].as_u64().is_some_and(|events| events >= 4000), "{figures}");
}

#[test]
fn bench_measures_what_takes_in_access_logs() {
    let which = ["P4", "FEE", "LINEBYTES"];
    let figures = figures(&["access", "--lines", "3000"], &which);
    assert_eq!(figures.as_object().map(serde_json::Map::len), Some(which.len()), "{figures}");
    for figure in which {
        assert_eq!(figures[figure]["details"]["lines"], 3000, "{figures}");
    }
    assert!(figures["P4"]["details"]["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{figures}");
}

#[test]
fn bench_says_which_figures_are_of_parties() {
    run(&["bench", "--quick", "--only", "OWED"]).refused(2, "Owed is measured with the parties: kippu bench parties");
    run(&["bench", "parties", "--quick", "--only", "P1"]).refused(2, "P1 is measured on the embedded log of one node");
}

fn figures(flags: &[&str], which: &[&str]) -> Value {
    let figures = run(&[&["--json", "bench", "--quick"], flags].concat()).ok().json().remove(0);
    for which in which {
        let number = |member: &str| figures[which][member].as_f64().filter(|number| *number > 0.0);
        let (ours, limit, ratio) = (number("ours"), number("limit"), number("ratio"));
        let (Some(ours), Some(limit), Some(ratio)) = (ours, limit, ratio) else { panic!("{which}: {figures}") };
        // Each is rounded to three places.
        let rounded = 0.0005 + ratio * (0.0005 / ours + 0.0005 / limit);
        assert!((ours / limit - ratio).abs() < 2.0 * rounded, "{which}: {figures}");
        assert!(figures[which]["unit"].is_string(), "{which}: {figures}");
    }
    figures
}
