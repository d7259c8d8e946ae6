//! The fee of a partner site, as one who writes tariffs sees it.

mod properties;
mod refusals;
mod rows;
mod stranger;

use crate::partners::fees::{Facts, Statement, Stretch, Tariff, compute};
use serde_json::{Value, json};

/// A stretch of November 2026 in UTC: `days` from `first` on.
fn november(first: u8, days: u8) -> Stretch {
    let day = |day: u8| format!("2026-11-{day:02}T00:00:00Z");
    let until = if first + days > 30 { "2026-12-01T00:00:00Z".to_owned() } else { day(first + days) };
    let first_day = format!("2026-11-{first:02}");
    serde_json::from_value(json!({"from": day(first), "until": until, "first_day": first_day, "days": days})).unwrap()
}

/// A tariff of one rule.
fn tariff(by: Value) -> Tariff {
    let rule = json!({"id": "rule", "text": "Rule", "rounding": "half_even", "by": by});
    serde_json::from_value(json!({"version": "v", "currency": "EUR", "rules": [rule]})).unwrap()
}

fn facts(facts: Value) -> Facts {
    serde_json::from_value(facts).unwrap()
}

/// Accesses on the first of November.
fn accesses(tieup: u64, original: u64) -> Value {
    let access =
        |class, count| json!({"page": format!("/{class}"), "class": class, "day": "2026-11-01", "count": count});
    json!([access("tieup", tieup), access("original", original)])
}

/// The statement for a whole month.
fn month(tariff: &Tariff, facts: &Facts) -> Statement {
    compute(&[(november(1, 30), tariff, facts)]).unwrap()
}

/// The amount of the first line, for a whole month.
fn amount(by: &Value, counted: Value) -> i64 {
    month(&tariff(by.clone()), &facts(counted)).lines[0].amount
}
