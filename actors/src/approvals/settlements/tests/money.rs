//! What the buyer has got is settled, the issuer is told until it knows, and what is given back was settled.

use super::*;
use crate::activity::Work;
use crate::approvals::settlements::refusal::{
    NOT_AT_SHOP, NOT_SETTLED, NOT_YOUR_SETTLEMENT, NOTHING_TO_RECEIVE, REFUND_PENDING,
};
use crate::problem::{INVALID_BODY, NO_OUTCOME, NOT_DUE, NOT_FOUND, REFUND_EXCEEDS_SETTLEMENT};

const ALL: Command = Command::Received(None);

fn with(history: &[Event], further: &[Event]) -> Vec<Event> {
    [history, further].concat()
}

/// Shows D32, D33.
#[test]
fn where_delivery_comes_first_the_last_content_that_is_received_settles() {
    let terminal = caller(Role::Terminal, PRESENTER);
    for by in [holder(), terminal] {
        after(&fetchable()).by(by).when(&ALL).becomes(&[received(&[1, 2]), settled(1_000)]);
        let some = |which: &[u32]| Command::Received(Some(which.to_vec()));
        after(&fetchable()).by(by).when(&some(&[2])).becomes(&[received(&[2])]);
        let half = with(&fetchable(), &[received(&[2])]);
        after(&half).by(by).when(&some(&[1])).becomes(&[received(&[1]), settled(1_000)]);
        after(&half).by(by).when(&some(&[2])).refused(&NOTHING_TO_RECEIVE);
        after(&half).by(by).when(&some(&[3])).refused(&INVALID_BODY);
    }
}

#[test]
fn goods_are_received_as_a_whole() {
    let goods = [presented_with(Order::DeliverFirst), permitted(), named(0, 1_000, false), available()];
    after(&goods).by(holder()).when(&ALL).becomes(&[received(&[]), settled(1_000)]);
}

/// Shows D30.
#[test]
fn what_was_paid_first_is_received_once() {
    after(&paid()).by(holder()).when(&ALL).becomes(&[received(&[1])]);
    after(&with(&paid(), &[received(&[1])])).by(holder()).when(&ALL).refused(&NOTHING_TO_RECEIVE);
    for early in 1..4 {
        after(&paid()[..early]).by(holder()).when(&ALL).refused(&NOTHING_TO_RECEIVE);
    }
}

/// Shows D30.
#[test]
fn nobody_else_receives_or_collects_anything_whatever_the_state() {
    for stranger in strangers() {
        for history in [vec![], vec![presented()], fetchable(), paid(), vec![presented(), cancelled(By::Buyer)]] {
            after(&history).by(stranger).when(&ALL).refused(&NOT_YOUR_SETTLEMENT);
            after(&history).by(stranger).when(&Command::Collect).refused(&NOT_YOUR_SETTLEMENT);
            after(&history).by(stranger).when(&Command::Cancel).refused(&NOT_YOUR_SETTLEMENT);
        }
    }
}

/// Shows D31.
#[test]
fn the_buyer_is_told_what_opens_the_contents_at_the_shop_once_they_are_paid_for() {
    let direct = [presented(), permitted(), named(1, 1_000, true), settled(1_000)];
    let handed_over = Event::HandedOver {
        offer: id(OFFER),
        shop_url: "http://shop".to_owned(),
        contents: vec![content(1)],
        capability: encrypted(),
    };
    after(&direct).by(holder()).when(&Command::Collect).becomes(&[handed_over]);
    for other in [&direct[..3], &paid(), &fetchable(), &[presented()]] {
        after(other).by(holder()).when(&Command::Collect).refused(&NOT_AT_SHOP);
    }
}

/// Shows D34.
#[test]
fn the_payment_notice_is_owed_until_the_issuer_has_it() {
    assert_eq!(owed(&paid()), Some((5, id(ISSUER))));
    when_came(&paid(), 5, 200, &json!({})).becomes(&[Event::Noticed { attempt: 5 }]);
    when_came(&paid(), 5, 409, &problem("already-settled")).becomes(&[Event::Noticed { attempt: 5 }]);
    let noticed = with(&paid(), &[Event::Noticed { attempt: 5 }]);
    assert_eq!(owed(&noticed), None);
    when_came(&noticed, 5, 200, &json!({})).refused(&NOT_DUE);
}

/// Shows D34.
#[test]
fn a_notice_that_the_issuer_refuses_stays_owed_whatever_it_says() {
    for (status, slug) in [(403, "forbidden"), (404, "not-found"), (409, "approval-revoked"), (422, "invalid-body")] {
        when_came(&paid(), 5, status, &problem(slug)).refused(&NO_OUTCOME);
    }
}

fn refund(units: u64) -> Command {
    Command::Refund(minor(units))
}

fn ordered(units: u64) -> Event {
    Event::RefundOrdered { amount: minor(units) }
}

/// Shows D42.
#[test]
fn a_refund_is_owed_after_the_notice_and_is_at_most_what_was_settled() {
    let noticed = with(&paid(), &[Event::Noticed { attempt: 5 }]);
    for history in [&paid(), &noticed] {
        after(history).when(&refund(1_000)).becomes(&[ordered(1_000)]);
        after(history).when(&refund(1_001)).refused(&REFUND_EXCEEDS_SETTLEMENT);
    }
    assert_eq!(owed(&with(&paid(), &[ordered(300)])), Some((5, id(ISSUER))), "the notice comes first");
    let both = with(&paid(), &[ordered(300), Event::Noticed { attempt: 5 }]);
    let ordered_then = with(&noticed, &[ordered(300)]);
    for history in [both, ordered_then] {
        let (attempt, to) = owed(&history).unwrap();
        assert!(attempt > 5 && to == id(ISSUER));
        after(&history).when(&refund(1)).refused(&REFUND_PENDING);
        let done = Event::Refunded { attempt, amount: minor(300) };
        when_came(&history, attempt, 200, &json!({})).becomes(std::slice::from_ref(&done));
        let given = with(&history, &[done]);
        when_came(&given, attempt, 200, &json!({})).refused(&NOT_DUE);
        assert_eq!(owed(&given), Some((attempt + 1, id(SHOP))));
        after(&given).when(&refund(701)).refused(&REFUND_EXCEEDS_SETTLEMENT);
        after(&given).when(&refund(700)).becomes(&[ordered(700)]);
        let reason = "approval-revoked".to_owned();
        let not_done = Event::RefundRefused { attempt, amount: minor(300), reason };
        when_came(&history, attempt, 409, &problem("approval-revoked")).becomes(std::slice::from_ref(&not_done));
        after(&with(&history, &[not_done])).when(&refund(1_000)).becomes(&[ordered(1_000)]);
        // An earlier try may have taken effect: it is asked for with the same key until the issuer says what is so.
        when_came(&history, attempt, 403, &problem("forbidden")).refused(&NO_OUTCOME);
        when_came(&history, attempt, 404, &problem("not-found")).refused(&NO_OUTCOME);
    }
}

fn told(attempt: u32, units: u64) -> Event {
    Event::RefundTold { attempt, total: minor(units) }
}

/// Shows D42.
#[test]
fn the_shop_is_told_the_sum_of_what_was_given_back_until_it_knows() {
    let given = with(&paid(), &[Event::Noticed { attempt: 5 }, ordered(300)]);
    let given = with(&given, &[Event::Refunded { attempt: 7, amount: minor(300) }]);
    let work = |history: &[Event]| {
        let mut state = Settlement::default();
        history.iter().for_each(|event| kippu_events::Entity::evolve(&mut state, event, NOW));
        let work = state.work(id(1), &Secrets::ephemeral(1, LogId([7; 16])));
        let Some(Work::Command { path, body }) = work else { panic!("a command, but {work:?}") };
        (path, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let path = || format!("/v1/offers/{}/refunded", id(OFFER));
    assert_eq!(work(&given), (path(), json!({ "total": 300, "currency": "EUR" })));
    when_came(&given, 8, 200, &json!({})).becomes(&[told(8, 300)]);
    when_came(&given, 8, 409, &problem("refund-known")).becomes(&[told(8, 300)]);
    for (status, slug) in [(403, "not-your-offer"), (404, "not-found"), (409, "refund-exceeds-settlement")] {
        when_came(&given, 8, status, &problem(slug)).refused(&NO_OUTCOME);
    }
    assert_eq!(owed(&with(&given, &[told(8, 300)])), None);
    // Another refund does not wait for the shop, which is then told of both; a message that was on its way is no outcome any more.
    let more = with(&given, &[ordered(200)]);
    assert_eq!(owed(&more), Some((9, id(ISSUER))));
    when_came(&more, 8, 200, &json!({})).refused(&NOT_DUE);
    let both = with(&more, &[Event::Refunded { attempt: 9, amount: minor(200) }]);
    assert_eq!((owed(&both), work(&both).1), (Some((10, id(SHOP))), json!({ "total": 500, "currency": "EUR" })));
    let reason = "approval-revoked".to_owned();
    let refused = with(&more, &[Event::RefundRefused { attempt: 9, amount: minor(200), reason }]);
    assert_eq!((owed(&refused), work(&refused).1["total"].clone()), (Some((10, id(SHOP))), json!(300)));
}

#[test]
fn only_what_is_settled_is_given_back() {
    for history in [&[presented()][..], &fetchable(), &[presented(), cancelled(By::Operator)]] {
        after(history).when(&refund(1)).refused(&NOT_SETTLED);
    }
    after(&[]).when(&refund(1)).refused(&NOT_FOUND);
}
