//! Each rule: given a tariff, when so much was counted, then the line is this.

use crate::partners::fees::{Line, Statement, Tariff, compute};
use serde_json::{Value, json};

use super::{accesses, amount, facts, month, november, tariff};

fn lines(statement: &Statement) -> Vec<(&str, i64)> {
    statement.lines.iter().map(|line| (line.rule.as_str(), line.amount)).collect()
}

fn input<'a>(line: &'a Line, name: &str) -> &'a str {
    &line.inputs.iter().find(|input| input.name.starts_with(name)).unwrap().value
}

/// Shows B40.
#[test]
fn a_type_of_partnership_costs_its_price_and_each_option_bought_a_line() {
    let mut terms =
        tariff(json!({"type": [{"parts": ["layout"], "amount": 100}, {"parts": ["layout", "links"], "amount": 150}]}));
    let option = |id| json!({"id": id, "text": "Option", "amount": 7});
    terms.rules.extend(tariff(json!({"options": [option("page-protection"), option("central-users")]})).rules);
    terms.rules[1].id = "options".to_owned();
    let counted = facts(json!({
        "partnership": [{"parts": ["links", "layout"], "source": "contract@4"}],
        "options": [{"option": "central-users", "source": "contract@5"}],
    }));
    let statement = month(&terms, &counted);
    assert_eq!(lines(&statement), [("rule", 150), ("options/central-users", 7)]);
    assert!(statement.lines[1].inputs[0].sources.contains("contract@5"));
}

/// Shows B3.
#[test]
fn each_version_rates_the_facts_of_its_own_stretch_and_the_statement_names_both() {
    let (mut old, mut new) = (
        tariff(json!({"type": [{"parts": [], "amount": 1000}]})),
        tariff(json!({"visits": {"of": "visits", "effect": "credit", "each": "1"}})),
    );
    new.rules.extend(tariff(json!({"type": [{"parts": [], "amount": 3000}]})).rules);
    new.rules[1].id = "type".to_owned();
    (old.version, new.version) = ("old".to_owned(), "new".to_owned());
    let visits = facts(json!({"visits": [{"visits": 9, "visitors": 1}]}));
    let statement = compute(&[(november(1, 10), &old, &visits), (november(11, 20), &new, &visits)]).unwrap();
    assert_eq!(lines(&statement), [("rule", 333), ("rule", -9), ("type", 2000)]);
    assert_eq!(statement.lines[0].exact, "1000/3");
    assert_eq!(statement.total, 2324);
    let versions: Vec<_> = statement.parts.iter().map(|part| (part.tariff.as_str(), part.days)).collect();
    assert_eq!(versions, [("old", 10), ("new", 20)]);
}

/// Shows B41.
#[test]
fn a_class_of_information_begins_at_its_boundary() {
    let classes = json!([{"from": 0, "below": 10, "amount": 50}, {"from": 10, "amount": 20}]);
    for (unit, pages, bytes, due) in
        [("pages", 9, 99, 50), ("pages", 10, 0, 20), ("bytes", 99, 9, 50), ("bytes", 0, 10, 20)]
    {
        let by = json!({"size": {"of": "original", "unit": unit, "classes": classes}});
        let volume = json!({"volume": [{"class": "original", "pages": pages, "bytes": bytes}, {"class": "tieup", "pages": 99, "bytes": 99}]});
        assert_eq!(amount(&by, volume), due, "{unit} {pages} {bytes}");
    }
}

/// Shows B42.
#[test]
fn the_ratio_of_accesses_is_defined_at_nothing_and_the_popular_partner_pays_less() {
    let linear = json!({"ratio": {"none": "1", "rate": {"linear": 1000}}});
    let due = |tieup, original| amount(&linear, json!({"accesses": accesses(tieup, original)}));
    assert_eq!([due(0, 0), due(0, 7), due(7, 0), due(1, 2)], [1000, 0, 1000, 333]);
    let (popular, plain) = (due(600, 400), due(600, 40));
    assert!(popular < plain, "{popular} {plain}");
    let classes = json!([{"from": "0", "below": "0.5", "amount": 1}, {"from": "0.5", "below": "1", "amount": 2}, {"from": "1", "amount": 3}]);
    let by = json!({"ratio": {"none": "0.5", "rate": {"classes": classes}}});
    let due = |tieup, original| amount(&by, json!({"accesses": accesses(tieup, original)}));
    assert_eq!([due(0, 0), due(1, 1), due(999, 1000), due(5, 0), due(0, 5)], [2, 2, 1, 3, 1]);
}

/// Shows B39.
#[test]
fn a_discount_needs_strictly_more_accesses_than_the_set_amount() {
    let by =
        json!({"exceeding": {"counts": "all", "steps": [{"over": 100, "amount": 30}, {"over": 200, "amount": 70}]}});
    let due = |count| amount(&by, json!({"accesses": accesses(count, 0)}));
    assert_eq!([due(100), due(101), due(200), due(201)], [0, -30, -30, -70]);
    let half = |count| {
        let counted = facts(json!({"accesses": accesses(count, 0)}));
        compute(&[(november(1, 15), &tariff(by.clone()), &counted)]).unwrap().lines[0].amount
    };
    assert_eq!([half(50), half(51)], [0, -15]);
}

/// Shows B39.
#[test]
fn a_period_of_days_has_a_threshold_and_a_discount_of_its_own() {
    let by = json!({"exceeding": {"counts": "original", "every_days": 7, "steps": [{"over": 100, "amount": 70}]}});
    let on = |day: u8, count: u64| json!({"page": "/a", "class": "original", "day": format!("2026-11-{day:02}"), "count": count});
    let due = |list: Value| amount(&by, json!({"accesses": list}));
    assert_eq!(due(json!([on(1, 60), on(7, 40), on(8, 101)])), -70);
    assert_eq!(due(json!([on(1, 60), on(7, 41), on(8, 101)])), -140);
    // The last period is two days of seven: over 200/7, a discount of 20.
    assert_eq!([due(json!([on(29, 28)])), due(json!([on(30, 29)]))], [0, -20]);
}

/// Shows B38.
#[test]
fn only_popular_originals_earn_from_sales_and_only_within_the_window() {
    let by = |reward: Value| json!({"contribution": {"popular_over": 100, "window_minutes": 60, "reward": reward}});
    let buy = |page: &str, at: &str| {
        json!({"id": at, "at": format!("2026-11-02T{at}Z"), "amount": 250, "quantity": 1, "good": "g",
               "referral": {"page": page, "at": "2026-11-02T10:00:00Z"}})
    };
    let due = |reward: Value, page: &str, at: &str, count| {
        amount(&by(reward), json!({"accesses": accesses(500, count), "purchases": [buy(page, at)]}))
    };
    let share = || json!({"share": "0.1"});
    assert_eq!([due(share(), "/original", "10:30:00", 100), due(share(), "/original", "10:30:00", 101)], [0, -25]);
    let at = |at| due(json!({"each": "7"}), "/original", at, 101);
    assert_eq!([at("09:59:59"), at("10:00:00"), at("11:00:00"), at("11:00:00.000001")], [0, -7, -7, 0]);
    assert_eq!(due(share(), "/tieup", "10:30:00", 101), 0);
}

/// Shows B43.
#[test]
fn advertisements_cost_by_whose_they_are_and_by_the_measure_that_the_tariff_names() {
    let ad = |owner, offers, impressions, income| json!({"owner": owner, "offers": offers, "impressions": impressions, "income": income});
    let shown = json!({"advertisements": [ad("main", 3, 2000, 900), ad("partner", 2, 1000, 400)]});
    let due = |by: Value| {
        let statement = month(&tariff(json!({"advertisements": by})), &facts(shown.clone()));
        statement.lines.iter().map(|line| (line.rule.clone(), line.amount)).collect::<Vec<_>>()
    };
    let lines = |main: i64, partner: i64| vec![("rule/main".to_owned(), main), ("rule/partner".to_owned(), partner)];
    let due_by = |by: &str, rates: Value| {
        due(json!({"by": by, "main": rates[0], "partner": rates[1]})).into_iter().take(2).collect::<Vec<_>>()
    };
    assert_eq!(due_by("offers", json!(["10", {"rate": "50"}])), lines(-30, 100));
    assert_eq!(due_by("impressions", json!(["0.01", {"rate": "0.1", "at_most_share": "0.5"}])), lines(-20, 100));
    assert_eq!(due_by("impressions", json!(["0.01", {"rate": "0.3", "at_most_share": "0.5"}])), lines(-20, 200));
    assert_eq!(due_by("income", json!(["0.1", {"rate": "0.25"}])), lines(-90, 100));
}

/// Shows B44.
#[test]
fn a_factor_names_its_information_and_lowers_the_line_before_rounding() {
    let mut terms = tariff(json!({"type": [{"parts": [], "amount": 1005}]}));
    terms.factors = serde_json::from_value(json!([
        {"id": "room", "text": "Capacity", "by": {"objective": "capacity"}, "rules": ["rule"],
         "classes": [{"from": 0, "below": 50, "factor": "1"}, {"from": 50, "factor": "0.9"}]},
        {"id": "draw", "text": "Attraction", "by": {"accesses": "original"}, "rules": ["rule"],
         "classes": [{"from": 0, "below": 10, "factor": "1"}, {"from": 10, "factor": "0.5"}]},
    ]))
    .unwrap();
    let due = |capacity: u64, original| {
        let objective = json!([{"name": "capacity", "value": capacity, "source": "survey@2"}]);
        month(&terms, &facts(json!({"objective": objective, "accesses": accesses(0, original)}))).lines[0].clone()
    };
    let amounts = [due(49, 9), due(50, 9), due(49, 10), due(50, 10)].map(|line| line.exact);
    assert_eq!(amounts, ["1005", "1809/2", "1005/2", "1809/4"]);
    let line = due(50, 10);
    assert_eq!((input(&line, "capacity"), input(&line, "factor room"), line.amount), ("50", "0.9", 452));
    assert!(line.inputs.iter().any(|input| input.sources.contains("survey@2")));
}

#[test]
fn the_rate_of_a_transaction_follows_supply_by_main_and_demand_of_this_partner() {
    let demand = |low, high| json!([{"from": 0, "below": 5, "rate": low}, {"from": 5, "rate": high}]);
    let supply = json!([{"from": 0, "below": 100, "demand": demand("0.1", "0.08")}, {"from": 100, "demand": demand("0.05", "0.03")}]);
    let by = json!({"transactions": {"supply": supply}});
    let buy = json!([{"id": "p", "at": "2026-11-02T10:00:00Z", "amount": 1000, "quantity": 1, "good": "pass"}]);
    let due = |offered, demanded| {
        amount(&by, json!({"purchases": buy, "goods": [{"good": "pass", "offered": offered, "demanded": demanded}]}))
    };
    assert_eq!([due(99, 4), due(99, 5), due(100, 4), due(100, 5)], [100, 80, 50, 30]);
}

/// Shows B54.
#[test]
fn visiting_users_and_purchases_are_a_line_each() {
    let visits = json!({"visits": [{"visits": 30, "visitors": 11}, {"visits": 1, "visitors": 0}]});
    let by = |of| json!({"visits": {"of": of, "effect": "credit", "each": "0.5"}});
    assert_eq!([amount(&by("visitors"), visits.clone()), amount(&by("visits"), visits)], [-6, -16]);
    let buy =
        |id, amount| json!({"id": id, "at": "2026-11-02T10:00:00Z", "amount": amount, "quantity": 1, "good": "g"});
    let bought = json!({"purchases": [buy("a", 100), buy("b", 20)]});
    let by = |effect| json!({"purchases": {"effect": effect, "each": "30"}});
    assert_eq!([amount(&by("credit"), bought.clone()), amount(&by("charge"), bought)], [-60, 50]);
}

#[test]
fn a_fee_is_never_negative_and_keeps_its_minimum_and_maximum() {
    let total = |limits: Value, visits: u64, days: u8| {
        let mut terms = tariff(json!({"type": [{"parts": [], "amount": 1000}]}));
        terms.rules.extend(tariff(json!({"visits": {"of": "visits", "effect": "credit", "each": "1"}})).rules);
        terms.rules[1].id = "visits".to_owned();
        terms.limits = serde_json::from_value(limits).unwrap();
        let counted = facts(json!({"visits": [{"visits": visits, "visitors": 0}]}));
        let statement = compute(&[(november(1, days), &terms, &counted)]).unwrap();
        assert_eq!(statement.lines.iter().map(|line| line.amount).sum::<i64>(), statement.total);
        statement.total
    };
    let limits = json!({"minimum": 100, "maximum": 900, "rounding": "half_even"});
    assert_eq!(
        [total(Value::Null, 5000, 30), total(limits.clone(), 5000, 30), total(limits.clone(), 500, 30)],
        [0, 100, 500]
    );
    assert_eq!([total(limits.clone(), 0, 30), total(limits.clone(), 0, 15), total(limits, 500, 15)], [900, 450, 50]);
}

#[test]
fn the_schema_says_what_a_tariff_may_say() {
    let schema = serde_json::to_string(&schemars::schema_for!(Tariff)).unwrap();
    for name in ["every_days", "at_most_share", "half_even", "\"additionalProperties\":false"] {
        assert!(schema.contains(name), "{name}");
    }
    let unknown = json!({"version": "v", "currency": "EUR", "rules": [], "discount": 1});
    assert!(serde_json::from_value::<Tariff>(unknown).is_err());
}
