//! What is refused: unsound tariffs, each with the place of its fault, and facts that do not belong to the stretch.

use crate::partners::fees::{Fault, FeeError, Tariff, compute};
use serde_json::{Value, json};

use super::{accesses, facts, november, tariff};

/// Where what is put, where a fault is found then, and which.
type Case = (&'static str, Value, &'static str, fn(&Fault) -> bool);

/// The fixture's tariff with `value` at `pointer`.
fn changed(pointer: &str, value: Value) -> Tariff {
    let mut all: Value = serde_json::from_str(include_str!("fixture/tariff.json")).unwrap();
    let terms = &mut all["2026-a"];
    *terms.pointer_mut(pointer).unwrap() = value;
    serde_json::from_value(terms.clone()).unwrap()
}

/// Shows B55.
#[test]
fn every_fault_of_a_tariff_is_found_at_its_place() {
    let class = |from: u64, below: Value, amount: u64| json!({"from": from, "below": below, "amount": amount});
    let size = "/rules/3/by/size/classes";
    let cases: Vec<Case> = vec![
        (size, json!([]), size, |fault| *fault == Fault::NoClass),
        (size, json!([class(1, Value::Null, 5)]), "/rules/3/by/size/classes/0/from", |fault| {
            *fault == Fault::NotFromZero
        }),
        (size, json!([class(0, json!(9), 5)]), "/rules/3/by/size/classes/0/below", |fault| *fault == Fault::NoLast),
        (size, json!([class(0, json!(9), 5), class(8, Value::Null, 4)]), "/rules/3/by/size/classes/1/from", |fault| {
            *fault == Fault::Overlap
        }),
        (size, json!([class(0, json!(9), 5), class(10, Value::Null, 4)]), "/rules/3/by/size/classes/1/from", |fault| {
            *fault == Fault::Gap
        }),
        (size, json!([class(0, json!(0), 5), class(0, Value::Null, 4)]), "/rules/3/by/size/classes/1/from", |fault| {
            *fault == Fault::OutOfOrder
        }),
        (
            size,
            json!([class(0, json!(9), 4), class(9, Value::Null, 5)]),
            "/rules/3/by/size/classes/1/amount",
            |fault| matches!(fault, Fault::AttractionCosts(_)),
        ),
        ("/rules/1/id", json!("type"), "/rules/1/id", |fault| *fault == Fault::Contradicts("/rules/0/id".to_owned())),
        ("/rules/1/id", json!("minimum"), "/rules/1/id", |fault| *fault == Fault::NotAnId),
        ("/rules/2/by/size/of", json!("original"), "/rules/3", |fault| {
            *fault == Fault::Contradicts("/rules/2".to_owned())
        }),
        ("/rules/0/by/type/1/parts", json!(["links", "layout", "content"]), "/rules/0/by/type/1/parts", |fault| {
            matches!(fault, Fault::Contradicts(_))
        }),
        ("/rules/4/by/ratio/none", json!("1.1"), "/rules/4/by/ratio/none", |fault| *fault == Fault::AboveOne),
        ("/rules/5/by/exceeding/steps/1/over", json!(1000), "/rules/5/by/exceeding/steps/1/over", |fault| {
            *fault == Fault::OutOfOrder
        }),
        ("/rules/5/by/exceeding/steps/1/amount", json!(1), "/rules/5/by/exceeding/steps/1/amount", |fault| {
            matches!(fault, Fault::AttractionCosts(_))
        }),
        ("/rules/6/by/exceeding/every_days", json!(0), "/rules/6/by/exceeding/every_days", |fault| {
            *fault == Fault::NotAPeriod
        }),
        ("/rules/7/by/contribution/reward/share", json!("-0.1"), "/rules/7/by/contribution/reward/share", |fault| {
            *fault == Fault::Negative
        }),
        ("/rules/8/by/advertisements/partner", json!({"rate": "0.2"}), "/rules/8/by/advertisements/partner", |fault| {
            matches!(fault, Fault::AttractionCosts(_))
        }),
        ("/rules/8/by/advertisements/by", json!("income"), "/rules/8/by/advertisements/main", |_| false),
        ("/rules/9/by/visits/effect", json!("charge"), "/rules/9/by/visits/effect", |fault| {
            matches!(fault, Fault::AttractionCosts(_))
        }),
        (
            "/rules/11/by/transactions/supply/1/demand/1/rate",
            json!("0.06"),
            "/rules/11/by/transactions/supply/1/demand/1/rate",
            |fault| matches!(fault, Fault::AttractionCosts(_)),
        ),
        ("/factors/0/classes/1/factor", json!("1.5"), "/factors/0/classes/1/factor", |fault| *fault == Fault::AboveOne),
        ("/factors/0/classes/0/factor", json!("0.5"), "/factors/0/classes/1/factor", |fault| {
            matches!(fault, Fault::AttractionCosts(_))
        }),
        ("/factors/1/rules/0", json!("nothing"), "/factors/1/rules/0", |fault| *fault == Fault::NoSuchRule),
        ("/factors/1/rules/0", json!("many"), "/factors/1/rules/0", |fault| matches!(fault, Fault::AttractionCosts(_))),
        ("/limits/maximum", json!(9999), "/limits/maximum", |fault| *fault == Fault::BelowMinimum),
    ];
    for (pointer, value, at, is_expected) in cases {
        let findings = changed(pointer, value.clone()).check();
        let is_found = findings.iter().any(|finding| finding.at == at && is_expected(&finding.fault));
        // The one change that is sound: shares of the income are rates too.
        let is_sound = pointer.ends_with("/advertisements/by") && findings.is_empty();
        assert!(is_found || is_sound, "{pointer} {value}: {findings:?}");
    }
}

#[test]
fn facts_of_another_time_or_without_a_price_are_refused_by_name() {
    let terms = tariff(json!({"transactions": {"supply": [{"from": 0, "demand": [{"from": 0, "rate": "0.1"}]}]}}));
    let refusal = |counted: Value| compute(&[(november(1, 15), &terms, &facts(counted))]).unwrap_err();
    let buy = |id: &str, day: u8| json!({"id": id, "at": format!("2026-11-{day:02}T00:00:00Z"), "amount": 1, "quantity": 1, "good": "g"});
    let late = refusal(json!({"purchases": [buy("late", 16)]}));
    assert_eq!(late, FeeError::OutsideStretch { part: 0, purchase: "late".to_owned() });
    let twice = refusal(json!({"purchases": [buy("p", 2), buy("p", 3)]}));
    assert_eq!(twice, FeeError::Twice { part: 0, purchase: "p".to_owned() });
    let good = refusal(json!({"purchases": [buy("p", 2)]}));
    assert_eq!(good, FeeError::NoSuchGood { part: 0, good: "g".to_owned() });
    let option = refusal(json!({"options": [{"option": "gold"}]}));
    assert_eq!(option, FeeError::NoSuchOption { part: 0, option: "gold".to_owned() });
    let page = refusal(json!({"accesses": [{"page": "/a", "class": "tieup", "day": "2026-12-01", "count": 1}]}));
    assert_eq!(page, FeeError::OutsideMonth { part: 0, page: "/a".to_owned() });
}

#[test]
fn stretches_out_of_order_and_types_without_a_price_are_refused() {
    let terms = tariff(json!({"type": [{"parts": [], "amount": 1}]}));
    let none = facts(json!({"accesses": accesses(0, 0)}));
    assert_eq!(compute(&[]), Err(FeeError::NoPart));
    let twice = [(november(1, 15), &terms, &none), (november(10, 15), &terms, &none)];
    assert_eq!(compute(&twice), Err(FeeError::NotInOrder { part: 1 }));
    assert_eq!(compute(&[(november(20, 15), &terms, &none)]), Err(FeeError::NotAStretch { part: 0 }));
    let layout = facts(json!({"partnership": [{"parts": ["layout"]}]}));
    assert_eq!(compute(&[(november(1, 15), &terms, &layout)]), Err(FeeError::NoPrice { part: 0 }));
    let two = facts(json!({"partnership": [{"parts": ["layout"]}, {"parts": []}]}));
    assert_eq!(compute(&[(november(1, 15), &terms, &two)]), Err(FeeError::TwoTypes { part: 0 }));
    let unsound = tariff(json!({"visits": {"of": "visits", "effect": "charge", "each": "1"}}));
    assert!(matches!(compute(&[(november(1, 15), &unsound, &none)]), Err(FeeError::Unsound { part: 0, .. })));
    let huge = tariff(json!({"visits": {"of": "visits", "effect": "credit", "each": "999999999"}}));
    let visits = facts(json!({"visits": [{"visits": u64::MAX, "visitors": 0}]}));
    let refused = compute(&[(november(1, 15), &huge, &visits)]);
    assert_eq!(refused, Err(FeeError::OutOfBounds { part: 0, rule: "rule".to_owned() }));
}
