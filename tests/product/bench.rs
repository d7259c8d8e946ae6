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

fn figures(flags: &[&str], which: &[&str]) -> Value {
    let figures = run(&[&["--json", "bench", "--quick"], flags].concat()).ok().json().remove(0);
    for which in which {
        let number = |member: &str| figures[which][member].as_f64().filter(|number| *number > 0.0);
        let (ours, limit, ratio) = (number("ours"), number("limit"), number("ratio"));
        let (Some(ours), Some(limit), Some(ratio)) = (ours, limit, ratio) else { panic!("{which}: {figures}") };
        assert!((ours / limit - ratio).abs() < 0.001 * ratio.max(1.0), "{which}: {figures}");
        assert!(figures[which]["unit"].is_string(), "{which}: {figures}");
    }
    figures
}
