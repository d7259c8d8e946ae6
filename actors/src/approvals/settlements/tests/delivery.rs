//! What the shop delivers, where it goes, and in which order it is paid for.

use super::*;
use crate::problem::{NO_OUTCOME, NOT_DUE};

fn delivered(contents: u32, amount: u64, direct: bool) -> Value {
    let contents: Vec<_> = (1..=contents).map(content).collect();
    let mut body = json!({
        "id": id(OFFER), "items": [{"product": id(PRODUCT), "name": "Night Train", "quantity": 2, "price": 500}],
        "amount": amount, "contents": contents, "direct": direct
    });
    if !contents.is_empty() {
        body["capability"] = json!("kpc_shop");
    }
    body
}

fn permitted_to(order: Order) -> [Event; 2] {
    [presented_with(order), permitted()]
}

/// Shows D4.
#[test]
fn purchase_information_of_the_terminal_is_compared_by_the_shop_before_anything_is_delivered() {
    let history = [presented_by_terminal(), permitted()];
    assert_eq!(owed(&history), Some((2, id(SHOP))));
    let made = |total| json!({"id": id(OFFER), "statement": "jws", "total": total, "currency": "EUR", "items": []});
    let offered = Event::Offered { attempt: 2, offer: id(OFFER) };
    when_came(&history, 2, 201, &made(1_000)).becomes(std::slice::from_ref(&offered));
    assert_eq!(owed(&[&history[..], &[offered]].concat()), Some((3, id(SHOP))));
    when_came(&history, 2, 409, &problem("price-differs")).becomes(&[refused(2, By::Shop, "price-differs")]);
    when_came(&history, 2, 201, &made(1_001)).becomes(&[refused(2, By::Settler, "price-differs")]);
    when_came(&history, 2, 201, &json!({})).becomes(&[refused(2, By::Settler, "answer-not-understood")]);
    assert_eq!(owed(&[&history[..], &[refused(2, By::Shop, "price-differs")]].concat()), Some((3, id(ISSUER))));
}

/// Shows D30.
#[test]
fn contents_are_fetched_one_after_the_other_and_the_last_one_settles() {
    let history = permitted_to(Order::SettleFirst);
    when_came(&history, 2, 200, &delivered(2, 1_000, false)).becomes(&[named(2, 1_000, false)]);
    let named = [&history[..], &[named(2, 1_000, false)]].concat();
    assert_eq!(owed(&named), Some((3, id(SHOP))));
    when_came(&named, 3, 200, &json!({})).becomes(&[held(3, 1)]);
    let half = [&named[..], &[held(3, 1)]].concat();
    when_came(&half, 4, 200, &json!({})).becomes(&[held(4, 2), settled(1_000)]);
    when_came(&half, 3, 200, &json!({})).refused(&NOT_DUE);
}

/// Shows D32.
#[test]
fn where_delivery_comes_first_the_last_one_is_offered_to_the_buyer_unpaid() {
    let named = [&permitted_to(Order::DeliverFirst)[..], &[named(1, 1_000, false)]].concat();
    when_came(&named, 3, 200, &json!({})).becomes(&[held(3, 1), available()]);
    assert_eq!(owed(&fetchable()), None);
}

/// Shows D31.
#[test]
fn what_the_shop_delivers_itself_is_settled_first_and_nothing_is_fetched() {
    for order in [Order::SettleFirst, Order::DeliverFirst] {
        when_came(&permitted_to(order), 2, 200, &delivered(1, 1_000, true))
            .becomes(&[named(1, 1_000, true), settled(1_000)]);
    }
}

#[test]
fn goods_without_contents_are_settled_or_handed_out_at_once() {
    let goods = delivered(0, 1_000, false);
    when_came(&permitted_to(Order::SettleFirst), 2, 200, &goods).becomes(&[named(0, 1_000, false), settled(1_000)]);
    when_came(&permitted_to(Order::DeliverFirst), 2, 200, &goods).becomes(&[named(0, 1_000, false), available()]);
}

/// Shows D42.
#[test]
fn a_partial_delivery_is_settled_at_what_it_costs() {
    when_came(&permitted_to(Order::SettleFirst), 2, 200, &delivered(0, 400, false))
        .becomes(&[named(0, 400, false), settled(400)]);
}

/// Shows D18. Keeps T2.
#[test]
fn more_than_was_offered_or_permitted_is_not_settled() {
    for order in [Order::SettleFirst, Order::DeliverFirst] {
        when_came(&permitted_to(order), 2, 200, &delivered(1, 1_001, false)).becomes(&[refused(
            2,
            By::Settler,
            "amount-not-permitted",
        )]);
    }
}

/// Shows D42.
#[test]
fn a_delivery_that_is_none_is_refused_and_released() {
    let with = |member: &str, value: Value| {
        let mut body = delivered(1, 1_000, false);
        body[member] = value;
        body
    };
    for (body, by, reason, status) in [
        (with("id", json!(id(9))), By::Settler, "other-offer", 200),
        (with("items", json!([])), By::Settler, "nothing-delivered", 200),
        (with("capability", json!(null)), By::Settler, "answer-not-understood", 200),
        (with("contents", json!("all")), By::Settler, "answer-not-understood", 200),
        (problem("sold-out"), By::Shop, "sold-out", 409),
    ] {
        when_came(&permitted_to(Order::SettleFirst), 2, status, &body).becomes(&[refused(2, by, reason)]);
    }
    let named = [&permitted_to(Order::SettleFirst)[..], &[named(1, 1_000, false)]].concat();
    when_came(&named, 3, 404, &problem("not-found")).becomes(&[refused(3, By::Shop, "not-found")]);
    assert_eq!(owed(&[&named[..], &[refused(3, By::Shop, "not-found")]].concat()), Some((4, id(ISSUER))));
    for (history, attempt) in [(permitted_to(Order::SettleFirst).to_vec(), 2), (named, 3)] {
        when_came(&history, attempt, 403, &problem("forbidden")).refused(&NO_OUTCOME);
    }
}

/// Shows D42.
#[test]
fn a_shop_that_does_not_deliver_in_time_is_given_up_and_what_it_delivers_later_moves_nothing() {
    let over = NOW.after(SHOP_WAIT);
    let permitted = permitted_to(Order::SettleFirst).to_vec();
    let named = [&permitted[..], &[named(1, 1_000, false)]].concat();
    for (history, attempt, body) in [(permitted, 2, delivered(1, 1_000, false)), (named, 3, json!({}))] {
        let given_up = timed_out(attempt, By::Shop);
        let at = |time| after(&history).by(Caller::DEADLINE).at(time);
        at(just_before(over)).when(&Command::TimeUp).refused(&NOT_DUE);
        at(over).when(&Command::TimeUp).becomes(std::slice::from_ref(&given_up));
        let late = |history: &[Event]| after(history).by(Caller::ACTIVITY).at(over).when(&came(attempt, 200, &body));
        late(&history).becomes(std::slice::from_ref(&given_up));
        late(&[&history[..], &[given_up]].concat()).refused(&NOT_DUE);
    }
}

#[test]
fn a_shops_capability_is_on_record_encrypted_alone() {
    let Command::CameOf(came) = came(2, 200, &delivered(1, 1_000, false)) else { panic!("an outcome") };
    assert!(!String::from_utf8(came.outcome.body).unwrap().contains("kpc_"));
    assert_eq!(came.capability, Some(encrypted()));
}
