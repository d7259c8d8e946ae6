//! What holds for every sound tariff and all facts. Proptest prints the seeds of a case that fails.

use crate::partners::fees::{Facts, Stretch, Tariff, compute};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::stranger::fixture;
use super::{facts, november};

/// Numbers that follow from a seed (SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// A decimal from 0 to 1.
    fn rate(&mut self) -> u64 {
        self.below(1001)
    }

    fn sorted(&mut self, count: usize, bound: u64) -> Vec<u64> {
        let mut list: Vec<u64> = (0..count).map(|_| self.below(bound)).collect();
        list.sort_unstable();
        list
    }

    /// Classes from 0 by rising bounds, with a field of rising or falling values.
    fn classes(&mut self, bound: u64, field: &str, values: &[Value]) -> Value {
        let mut bounds = self.sorted(values.len(), bound);
        bounds.iter_mut().enumerate().for_each(|(index, bound)| *bound += index as u64);
        bounds[0] = 0;
        let class = |(index, value): (usize, &Value)| json!({"from": bounds[index], "below": bounds.get(index + 1), field: value});
        values.iter().enumerate().map(class).collect()
    }
}

fn decimal(thousandths: u64) -> Value {
    json!(format!("{}.{:03}", thousandths / 1000, thousandths % 1000))
}

fn falling(mut rising: Vec<u64>, value: impl Fn(u64) -> Value) -> Vec<Value> {
    rising.reverse();
    rising.into_iter().map(value).collect()
}

/// A sound tariff with every kind of rule.
fn tariff(draw: &mut Draw) -> Tariff {
    let mut rules = Vec::new();
    let mut rule = |id: &str, by: Value| rules.push((id.to_owned(), by));
    rule("type", json!({"type": [{"parts": ["content"], "amount": draw.below(9000)}]}));
    for (id, of) in [("tieup", "tieup"), ("original", "original")] {
        let amounts = falling(draw.sorted(3, 900), |amount| json!(amount));
        let classes = draw.classes(60, "amount", &amounts);
        rule(id, json!({"size": {"of": of, "unit": "pages", "classes": classes}}));
    }
    let rate = if draw.below(2) == 0 {
        json!({"linear": draw.below(3000)})
    } else {
        let amounts = draw.sorted(3, 3000);
        json!({"classes": [{"from": "0", "below": "0.3", "amount": amounts[0]}, {"from": "0.3", "below": "0.5", "amount": amounts[1]}, {"from": "0.5", "amount": amounts[2]}]})
    };
    rule("ratio", json!({"ratio": {"none": decimal(draw.rate()), "rate": rate}}));
    for (id, counts) in [("many", "all"), ("weekly", "original")] {
        let (over, amounts) = (draw.sorted(2, 60), draw.sorted(2, 500));
        let steps = json!([{"over": over[0], "amount": amounts[0]}, {"over": over[1] + 1, "amount": amounts[1]}]);
        let every = if id == "weekly" { json!(1 + draw.below(31)) } else { Value::Null };
        rule(id, json!({"exceeding": {"counts": counts, "every_days": every, "steps": steps}}));
    }
    let reward = if draw.below(2) == 0 {
        json!({"share": decimal(draw.rate())})
    } else {
        json!({"each": decimal(draw.below(90_000))})
    };
    rule(
        "sales",
        json!({"contribution": {"popular_over": draw.below(40), "window_minutes": draw.below(200), "reward": reward}}),
    );
    let by = ["offers", "impressions", "income"][draw.below(3) as usize];
    let charge = json!({"rate": decimal(draw.rate()), "at_most_share": decimal(draw.rate())});
    rule("ads", json!({"advertisements": {"by": by, "main": decimal(draw.rate()), "partner": charge}}));
    let of = ["visits", "visitors"][draw.below(2) as usize];
    rule("visits", json!({"visits": {"of": of, "effect": "credit", "each": decimal(draw.below(5000))}}));
    rule("purchases", json!({"purchases": {"effect": "charge", "each": decimal(draw.below(90_000))}}));
    let demand = |draw: &mut Draw| {
        let rates = falling(draw.sorted(3, 1001), decimal);
        draw.classes(30, "rate", &rates)
    };
    let rows = [demand(draw), demand(draw)];
    let supply = draw.classes(50, "demand", &rows);
    rule("shares", json!({"transactions": {"supply": supply}}));
    let rules = rules.into_iter().map(|(id, by)| {
        let rounding = ["half_even", "up", "down"][draw.below(3) as usize];
        json!({"id": id, "text": id, "rounding": rounding, "by": by})
    });
    let rules: Vec<Value> = rules.collect();
    let mut factor = |id: &str, by: Value, names: Value| {
        let factors = falling(draw.sorted(3, 1001), decimal);
        json!({"id": id, "text": id, "by": by, "rules": names, "classes": draw.classes(80, "factor", &factors)})
    };
    let factors = [
        factor("room", json!({"objective": "capacity"}), json!(["type", "ratio", "original"])),
        factor("draw", json!({"accesses": "original"}), json!(["ratio", "shares", "purchases", "tieup"])),
    ];
    let least = draw.below(500);
    let limits = json!({"minimum": least, "maximum": least + draw.below(20_000), "rounding": "half_even"});
    let limits = if draw.below(2) == 0 { limits } else { Value::Null };
    serde_json::from_value(
        json!({"version": "v", "currency": "EUR", "rules": rules, "factors": factors, "limits": limits}),
    )
    .unwrap()
}

/// What was counted in the first `days` of November, each count at most a few, so that thresholds are near.
fn counted(draw: &mut Draw, days: u64) -> Value {
    let mut list = |count: u64, record: &dyn Fn(&mut Draw, u64) -> Value| -> Value {
        (0..draw.below(count)).collect::<Vec<_>>().into_iter().map(|index| record(draw, index)).collect()
    };
    let owner = |draw: &mut Draw| ["main", "partner"][draw.below(2) as usize];
    let class = |draw: &mut Draw| ["tieup", "original"][draw.below(2) as usize];
    json!({
        "partnership": [{"parts": ["content"]}],
        "volume": list(5, &|draw, _| json!({"class": class(draw), "pages": draw.below(30), "bytes": draw.below(99)})),
        "accesses": list(12, &|draw, at| json!({"page": format!("/{}", draw.below(3)), "class": class(draw), "day": format!("2026-11-{:02}", 1 + draw.below(days)), "count": draw.below(20), "source": format!("log@{at}")})),
        "visits": list(3, &|draw, _| json!({"visits": draw.below(40), "visitors": draw.below(20)})),
        "purchases": list(6, &|draw, at| {
            let minute = draw.below(60);
            let referral = json!({"page": format!("/{}", draw.below(3)), "at": "2026-11-01T00:00:00Z"});
            json!({"id": format!("p{at}"), "at": format!("2026-11-01T0{}:{minute:02}:00Z", draw.below(4)), "amount": draw.below(3000), "quantity": 1, "good": "g", "referral": referral})
        }),
        "advertisements": list(4, &|draw, _| json!({"owner": owner(draw), "offers": draw.below(9), "impressions": draw.below(900), "income": draw.below(900)})),
        "goods": [{"good": "g", "offered": draw.below(60), "demanded": draw.below(30)}],
        "objective": [{"name": "capacity", "value": draw.below(90)}],
    })
}

fn total(stretch: Stretch, tariff: &Tariff, facts: &Facts) -> i64 {
    compute(&[(stretch, tariff, facts)]).unwrap().total
}

/// The tariff with something else at a few places, where that is still a tariff without faults.
fn changed(draw: &mut Draw, terms: &Tariff) -> Option<Tariff> {
    let others = [json!(0), json!(5), json!(40), json!(700), json!("0.25"), json!("0.5"), json!("1"), json!("charge")]
        .into_iter()
        .chain(["credit", "original", "tieup", "all", "income", "impressions"].map(|text| json!(text)))
        .chain([json!(null)])
        .collect::<Vec<_>>();
    let mut told = serde_json::to_value(terms).unwrap();
    for _ in 0..=draw.below(2) {
        spoil(draw, &mut told, &others);
    }
    serde_json::from_value(told).ok().filter(|terms: &Tariff| terms.check().is_empty())
}

/// Facts with more attraction of one kind.
fn more(draw: &mut Draw, facts: &Facts, days: u64) -> Facts {
    let day = format!("2026-11-{:02}", 1 + draw.below(days));
    let many = 1 + draw.below(40);
    let page = format!("/{}", draw.below(3));
    let added = match draw.below(6) {
        0 | 1 => json!({"accesses": [{"page": page, "class": "original", "day": day, "count": many}]}),
        2 => json!({"visits": [{"visits": many, "visitors": many}]}),
        3 => json!({"volume": [{"class": "original", "pages": many, "bytes": many}]}),
        4 => {
            json!({"objective": [{"name": "capacity", "value": many}], "goods": [{"good": "g", "offered": 0, "demanded": many}]})
        }
        _ => json!({"advertisements": [{"owner": "main", "offers": many, "impressions": many, "income": many}]}),
    };
    facts.clone().and(serde_json::from_value(added).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows B42, B55.
    #[test]
    fn more_attraction_never_costs_more(seed: u64) {
        let draw = &mut Draw(seed);
        let (terms, days) = (tariff(draw), 1 + draw.below(30));
        prop_assert_eq!(terms.check(), []);
        let stretch = november(1, days as u8);
        let mut before = facts(counted(draw, days));
        for _ in 0..4 {
            let after = more(draw, &before, days);
            prop_assert!(total(stretch, &terms, &after) <= total(stretch, &terms, &before));
            before = after;
        }
    }

    /// Shows B55.
    #[test]
    fn no_tariff_that_passes_the_check_lets_more_attraction_cost_more(seed: u64) {
        let draw = &mut Draw(seed);
        let (terms, days) = (tariff(draw), 1 + draw.below(30));
        let stretch = november(1, days as u8);
        let before = facts(counted(draw, days));
        for _ in 0..8 {
            let Some(terms) = changed(draw, &terms) else { continue };
            let after = more(draw, &before, days);
            if let Ok(dear) = compute(&[(stretch, &terms, &before)]) {
                prop_assert!(total(stretch, &terms, &after) <= dear.total);
            }
        }
    }

    /// Shows B38, B55.
    #[test]
    fn a_contribution_never_costs_and_a_purchase_never_more_than_it_brought(seed: u64) {
        let draw = &mut Draw(seed);
        let (terms, with) = (tariff(draw), facts(counted(draw, 30)));
        let mut without = with.clone();
        without.purchases.iter_mut().for_each(|purchase| purchase.referral = None);
        let stretch = november(1, 30);
        prop_assert!(total(stretch, &terms, &with) <= total(stretch, &terms, &without));
        let mut fewer = without.clone();
        if let Some(purchase) = fewer.purchases.pop() {
            // Handling and share of the sale are at most the amount each, and each line is rounded by less than one.
            let most = i128::from(total(stretch, &terms, &fewer)) + 2 * i128::from(purchase.amount.units()) + 2;
            prop_assert!(i128::from(total(stretch, &terms, &without)) <= most);
        }
    }

    #[test]
    fn order_and_split_of_facts_do_not_matter_and_lines_add_up(seed: u64) {
        let draw = &mut Draw(seed);
        let (terms, whole) = (tariff(draw), facts(counted(draw, 30)));
        let mut split = whole.clone();
        for access in &mut split.accesses {
            access.count /= 2;
        }
        let rest = whole.accesses.iter().map(|access| crate::partners::fees::Access { count: access.count - access.count / 2, ..access.clone() });
        let mut split = facts(json!({"accesses": rest.collect::<Vec<_>>()})).and(split);
        split.accesses.sort_by_key(|access| (access.count, access.page.clone()));
        split.volume.reverse();
        split.visits.reverse();
        split.purchases.reverse();
        split.advertisements.reverse();
        let stretch = november(1, 30);
        let statement = compute(&[(stretch, &terms, &whole)]).unwrap();
        let bytes = statement.canonical().unwrap();
        prop_assert_eq!(&compute(&[(stretch, &terms, &split)]).unwrap().canonical().unwrap(), &bytes);
        prop_assert_eq!(&compute(&[(stretch, &terms, &whole)]).unwrap().canonical().unwrap(), &bytes);
        prop_assert_eq!(statement.lines.iter().map(|line| i128::from(line.amount)).sum::<i128>(), i128::from(statement.total));
    }

    #[test]
    fn no_input_panics(seed: u64) {
        let draw = &mut Draw(seed);
        let part = draw.below(2) as usize;
        let (stretch, terms, counted) = &fixture()[part];
        let mut all = json!({"stretch": stretch, "tariff": terms, "facts": counted});
        for _ in 0..=draw.below(3) {
            spoil(draw, &mut all, &extremes());
        }
        let stretch: Result<Stretch, _> = serde_json::from_value(all["stretch"].clone());
        let terms: Result<Tariff, _> = serde_json::from_value(all["tariff"].clone());
        let counted: Result<Facts, _> = serde_json::from_value(all["facts"].clone());
        if let (Ok(stretch), Ok(terms), Ok(counted)) = (stretch, terms, counted) {
            let _ = compute(&[(stretch, &terms, &counted), (stretch, &terms, &counted)]);
            let _ = compute(&[(stretch, &terms, &counted)]);
        }
    }
}

/// Values that a reader may not expect.
fn extremes() -> Vec<Value> {
    let numbers = [0, 31, 255, 1_000_000_000_000_000, u64::MAX].map(|number| json!(number));
    let texts = ["0", "-999999999.999999999", "999999999", "tieup", "original", "9999-12-31", "-009999-01-01"];
    let times = ["-009999-01-02T01:59:59Z", "9999-12-30T22:00:00Z"];
    let texts = texts.into_iter().chain(times).map(|text| json!(text));
    numbers.into_iter().chain(texts).chain([json!([]), json!(null)]).collect()
}

/// Puts one of `others` at a random place.
fn spoil(draw: &mut Draw, value: &mut Value, others: &[Value]) {
    let count = match value {
        Value::Array(list) => list.len(),
        Value::Object(fields) => fields.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    if count == 0 || draw.below(20) == 0 {
        *value = others[draw.below(others.len() as u64) as usize].clone();
        return;
    }
    let index = draw.below(count as u64) as usize;
    match value {
        Value::Array(list) => spoil(draw, &mut list[index], others),
        Value::Object(fields) => spoil(draw, fields.values_mut().nth(index).unwrap(), others),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
