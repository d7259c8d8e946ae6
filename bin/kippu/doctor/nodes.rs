//! Checks of the nodes that serve the history, where its last claims say that they answer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kippu_client::{Error, Roots};
use kippu_events::Time;
use kippu_events::log::LogId;
use serde_json::Value;

use super::{Finding, Verdict};
use crate::node;
use crate::remote;

/// Clocks that are further apart give commands of one user times that an auditor wonders about, and deadlines that come
/// early or late.
const MOST_APART: Duration = Duration::from_secs(2);

/// Asks each node: version, readiness, lag of its views, clock.
pub(super) fn look(id: Option<LogId>, owners: &BTreeMap<(String, String), Vec<u16>>, roots: &Roots) -> Vec<Finding> {
    let (mut findings, mut blobs) = (Vec::new(), Vec::new());
    for ((name, url), partitions) in owners {
        if url.is_empty() {
            let detail = format!("the history does not say where {name} answers");
            findings.push(Finding::new("node", Verdict::Unknown, detail));
            continue;
        }
        let serves = format!("{name} at {url} serves {}", ranges(partitions));
        match node::on_a_system(ask(url, roots)) {
            Ok(answers) => {
                findings.push(ready(&serves, &answers));
                findings.extend(mistaken(name, url, &answers));
                findings.extend(id.and_then(|id| of_another_log(name, id, &answers)));
                findings.extend(clock(name, &answers));
                blobs.push((name.as_str(), answers.blobs));
            }
            Err(Error::Problem(problem)) => {
                findings.push(Finding::new("node", Verdict::Bad, format!("{serves}: {}", problem.detail)));
            }
            Err(error @ (Error::Address(_) | Error::NoAnswer(_) | Error::NoNode { .. })) => {
                findings.push(Finding::new("node", Verdict::Bad, format!("{serves}: {error}")));
            }
        }
    }
    findings.extend(blobs_apart(&blobs));
    findings
}

/// What a node says of itself.
struct Answers {
    version: String,
    /// Its name; empty where it does not say.
    node: String,
    /// The log that it serves; empty where it does not say.
    log: String,
    lag: Option<u64>,
    /// What the place of its blobs is known by; empty where others do not reach it.
    blobs: String,
    /// How far its clock is from ours, at least.
    apart: Option<Duration>,
}

async fn ask(url: &str, roots: &Roots) -> Result<Answers, Error> {
    let node = remote::nobody_at(url, roots)?;
    let (before, asked) = (Time::now(), Instant::now());
    let alive = node.done(node.query("/livez", None)).await?;
    let took = asked.elapsed();
    let text = |member: &str| alive.get(member).and_then(Value::as_str).unwrap_or_default();
    if text("log").is_empty() {
        let told = "no kippu node answers here: what does names no log".to_owned();
        return Err(Error::NoNode { url: url.to_owned(), told });
    }
    let apart = text("time").parse().ok().map(|theirs: Time| {
        // It was read at some moment of the request; the error is what is certain.
        theirs.since(before).saturating_sub(took).max(before.since(theirs))
    });
    let lag = node.done(node.query("/readyz", None)).await?.get("lag").and_then(Value::as_u64);
    let [version, node, log, blobs] = ["version", "node", "log", "blobs"].map(|member| text(member).to_owned());
    Ok(Answers { version, node, log, lag, blobs, apart })
}

fn ready(serves: &str, answers: &Answers) -> Finding {
    let lag = answers.lag.map(|lag| format!(", its views lag {lag} records")).unwrap_or_default();
    let (ours, theirs) = (env!("CARGO_PKG_VERSION"), &answers.version);
    if theirs == ours {
        Finding::new("node", Verdict::Good, format!("{serves}, is ready{lag}"))
    } else {
        Finding::new("node", Verdict::Note, format!("{serves}, is ready{lag}; it runs {theirs}, this is {ours}"))
    }
}

/// Another node than that which claims to answer there: what is brought to the one reaches the other.
fn mistaken(name: &str, url: &str, answers: &Answers) -> Option<Finding> {
    let there = &answers.node;
    let is_other = !there.is_empty() && there != name;
    let detail = format!(
        "{name} says that it answers at {url}, but {there} answers there: give each node its own node.name and node.url, by \
         which the others reach it"
    );
    is_other.then(|| Finding::new("node", Verdict::Bad, detail))
}

/// A node that serves another history than the one that names it.
fn of_another_log(name: &str, id: LogId, answers: &Answers) -> Option<Finding> {
    let there = &answers.log;
    let detail = format!("{name} serves the log {there}, and not {id}, whose last claim is its own");
    (!there.is_empty() && *there != id.to_string()).then(|| Finding::new("node", Verdict::Bad, detail))
}

/// Nodes of one log that keep blobs in different places: events name blobs that the one has and the other has not.
fn blobs_apart(nodes: &[(&str, String)]) -> Option<Finding> {
    let (first, rest) = nodes.split_first()?;
    let (other, at) = rest.iter().find(|(_, at)| *at != first.1)?;
    let place = |name: &str, at: &str| match at {
        "" => format!("{name} in its own data directory"),
        at => format!("{name} at the place {at}"),
    };
    let detail = format!(
        "the nodes have different blobs, {} and {}: let blobs.dir or blobs.s3 name one place that all of them reach, and bring what          lies elsewhere there",
        place(first.0, &first.1),
        place(other, at)
    );
    Some(Finding::new("blobs", Verdict::Bad, detail))
}

fn clock(name: &str, answers: &Answers) -> Option<Finding> {
    let apart = answers.apart?;
    let verdict = if apart > MOST_APART { Verdict::Bad } else { Verdict::Good };
    Some(Finding::new("clock", verdict, format!("the clock of {name} is {} ms from this one", apart.as_millis())))
}

/// As `partitions 0-3, 7`.
fn ranges(partitions: &[u16]) -> String {
    let runs = partitions.chunk_by(|left, right| right - left == 1);
    let texts = runs.filter_map(|run| match run {
        [] => None,
        [one] => Some(one.to_string()),
        [first, .., last] => Some(format!("{first}-{last}")),
    });
    format!("partitions {}", texts.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_named_in_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 4, 6, 7]), "partitions 0-2, 4, 6-7");
        assert_eq!(ranges(&[5]), "partitions 5");
    }

    fn at(node: &str) -> Answers {
        Answers {
            version: String::new(),
            node: node.to_owned(),
            log: LogId([7; 16]).to_string(),
            lag: None,
            blobs: String::new(),
            apart: None,
        }
    }

    /// Shows F33.
    #[test]
    fn nodes_that_claim_one_address_are_trouble() {
        let found = |answers: &Answers| mistaken("n1", "http://127.0.0.1:7701", answers);
        assert!(found(&at("n1")).is_none() && found(&at("")).is_none());
        let finding = found(&at("n2")).unwrap();
        assert_eq!(finding.verdict, Verdict::Bad);
        assert!(
            finding.detail.contains("n1 says") && finding.detail.contains("n2 answers there"),
            "{}",
            finding.detail
        );
    }

    /// Shows F33.
    #[test]
    fn a_node_that_serves_another_log_is_trouble() {
        let found = |id| of_another_log("n1", id, &at("n1"));
        assert!(found(LogId([7; 16])).is_none());
        assert_eq!(found(LogId([8; 16])).map(|finding| finding.verdict), Some(Verdict::Bad));
    }

    /// Shows F33, F46.
    #[test]
    fn nodes_with_different_blobs_are_trouble_and_nodes_without_any_are_none() {
        let found = |places: &[&str]| {
            let nodes: Vec<_> = ["n1", "n2", "n3"].into_iter().zip(places.iter().map(|at| (*at).to_owned())).collect();
            blobs_apart(&nodes).map(|finding| (finding.verdict, finding.detail))
        };
        for same in [&[][..], &["a"], &["a", "a", "a"], &["", "", ""]] {
            assert_eq!(found(same), None, "{same:?}");
        }
        for (apart, told) in
            [(&["a", "a", "b"], "n1 at the place a and n3 at the place b"), (&["", "a", "a"], "n1 in its own data")]
        {
            let (verdict, detail) = found(apart).unwrap();
            assert!(verdict == Verdict::Bad && detail.contains(told), "{detail}");
        }
    }

    /// Shows F33.
    #[test]
    fn a_clock_that_is_far_off_is_trouble() {
        let answers = |apart| Answers { apart: Some(apart), ..at("a") };
        let verdict = |apart| clock("a", &answers(apart)).map(|finding| finding.verdict);
        assert_eq!(verdict(Duration::from_millis(200)), Some(Verdict::Good));
        assert_eq!(verdict(Duration::from_secs(3)), Some(Verdict::Bad));
    }
}
