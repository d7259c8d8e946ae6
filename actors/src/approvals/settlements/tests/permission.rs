//! The issuer is asked, and what it says in time counts.

use super::*;
use crate::problem::{NO_OUTCOME, NOT_DUE};

fn permission() -> Value {
    json!({"id": id(APPROVAL), "state": "redeemed", "amount": 1_000, "currency": "EUR", "shop": id(SHOP), "items": []})
}

/// Shows D24, D26.
#[test]
fn the_issuer_is_asked_first_and_its_permission_has_the_shop_asked() {
    assert_eq!(owed(&[presented()]), Some((1, id(ISSUER))));
    when_came(&[presented()], 1, 200, &permission()).becomes(&[permitted()]);
    assert_eq!(owed(&[presented(), permitted()]), Some((2, id(SHOP))));
}

/// Shows D28.
#[test]
fn a_permission_that_comes_after_the_wait_moves_nothing_and_the_reservation_is_released() {
    let over = NOW.after(WAIT);
    // Before the deadline fires, it is what the outcome becomes; after it, it is none.
    let late = |history: &[Event], at| after(history).by(Caller::ACTIVITY).at(at).when(&came(1, 200, &permission()));
    late(&[presented()], over).becomes(&[timed_out(1, By::Issuer)]);
    late(&[presented(), timed_out(1, By::Issuer)], over).refused(&NOT_DUE);
    late(&[presented()], just_before(over)).becomes(&[permitted_at(1_000, just_before(over))]);
    assert_eq!(owed(&[presented(), timed_out(1, By::Issuer)]), Some((2, id(ISSUER))));
}

/// Shows D28.
#[test]
fn without_a_permission_in_time_the_settlement_is_refused_by_its_deadline() {
    let (at, over) = (|time| after(&[presented()]).by(Caller::DEADLINE).at(time), NOW.after(WAIT));
    at(just_before(over)).when(&Command::TimeUp).refused(&NOT_DUE);
    at(over).when(&Command::TimeUp).becomes(&[timed_out(1, By::Issuer)]);
    after(&[presented(), permitted()]).by(Caller::DEADLINE).at(over).when(&Command::TimeUp).refused(&NOT_DUE);
}

#[test]
fn an_outcome_counts_once_and_for_what_is_owed_alone() {
    for attempt in [0, 2, u32::MAX] {
        when_came(&[presented()], attempt, 200, &permission()).refused(&NOT_DUE);
    }
    when_came(&[presented(), permitted()], 1, 200, &permission()).refused(&NOT_DUE);
    when_came(&[], 1, 200, &permission()).refused(&NOT_DUE);
    when_came(&[presented(), cancelled(By::Buyer)], 1, 200, &permission()).refused(&NOT_DUE);
}

/// Shows D27, D29.
#[test]
fn an_explicit_refusal_of_the_issuer_is_the_end_and_there_is_nothing_to_release() {
    for reason in ["approval-expired", "already-redeemed", "approval-revoked"] {
        let ended = refused(1, By::Issuer, reason);
        when_came(&[presented()], 1, 409, &problem(reason)).becomes(std::slice::from_ref(&ended));
        assert_eq!(owed(&[presented(), ended]), None);
    }
}

#[test]
fn an_issuer_that_only_does_not_listen_now_is_asked_again_until_the_wait_is_over() {
    for (status, slug) in [(403, "forbidden"), (401, "unauthenticated"), (429, "rate-limited")] {
        when_came(&[presented()], 1, status, &problem(slug)).refused(&NO_OUTCOME);
        let late = after(&[presented()]).by(Caller::ACTIVITY).at(NOW.after(WAIT));
        late.when(&came(1, status, &problem(slug))).becomes(&[timed_out(1, By::Issuer)]);
    }
    when_came(&[presented()], 1, 404, &json!({})).refused(&NO_OUTCOME);
}

/// Shows D25.
#[test]
fn a_permission_of_something_else_is_none_and_is_released() {
    let with = |member: &str, value: Value| {
        let mut permission = permission();
        permission[member] = value;
        permission
    };
    for (permission, reason) in [
        (with("amount", json!(999)), "amount-not-permitted"),
        (with("currency", json!("JPY")), "currency-mismatch"),
        (with("shop", json!(id(9))), "other-shop"),
        (with("amount", json!(-1)), "answer-not-understood"),
        (json!({}), "answer-not-understood"),
    ] {
        when_came(&[presented()], 1, 200, &permission).becomes(&[refused(1, By::Settler, reason)]);
    }
    let more = with("amount", json!(5_000));
    after(&[presented()]).by(Caller::ACTIVITY).when(&came(1, 200, &more)).becomes(&[permitted_at(5_000, NOW)]);
}
