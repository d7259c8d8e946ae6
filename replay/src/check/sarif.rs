//! Findings in the Static Analysis Results Interchange Format, version 2.1.0 (OASIS). What has no line in a file has a logical
//! location: the event, in its log.

use serde_json::{Value, json};

use super::{Finding, Held, Report, Unread};
use crate::verify::Breach;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The whole log, with one run.
pub(super) fn of(report: &Report) -> Value {
    let rules: Vec<Value> = report.rules.iter().map(rule).collect();
    let results: Vec<Value> = report.findings.iter().map(|finding| result(report, finding)).collect();
    let more = report.broken.saturating_sub(report.findings.len() as u64);
    let more = (more > 0).then(|| notification("warning", &format!("{more} more findings are not told")));
    let notifications: Vec<Value> = report.unread.iter().map(unread).chain(more).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "kippu", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "invocations": [{
                "executionSuccessful": report.unread.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    })
}

fn rule(held: &Held) -> Value {
    json!({ "id": held.rule, "shortDescription": { "text": held.holds } })
}

fn result(report: &Report, finding: &Finding) -> Value {
    let Breach { event, rule, detail, .. } = &finding.breach;
    json!({
        "ruleId": rule,
        "ruleIndex": report.rules.iter().position(|held| held.rule == *rule),
        "level": "error",
        "message": { "text": detail },
        "locations": [{
            "logicalLocations": [{
                "name": event,
                "fullyQualifiedName": format!("urn:kippu:{}/{event}", report.log),
                "kind": "event",
            }],
        }],
    })
}

fn unread(unread: &Unread) -> Value {
    notification(if unread.newer { "warning" } else { "error" }, &unread.to_string())
}

fn notification(level: &str, text: &str) -> Value {
    json!({ "level": level, "message": { "text": text } })
}
