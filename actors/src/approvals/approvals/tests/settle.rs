//! The price is settled once, by the settler that the approval is bound to.

use super::*;
use crate::approvals::refusal::{
    ALREADY_SETTLED, AMOUNT_EXCEEDS_APPROVAL, APPROVAL_REVOKED, CURRENCY_MISMATCH, NOT_YOUR_APPROVAL,
};
use crate::problem;

/// Shows D33, D35.
#[test]
fn a_settlement_turns_the_whole_reservation_into_a_charge_of_the_price() {
    for price in [5_000, 4_999, 0] {
        approval(&[redeemed(5_000)]).by(settler()).when(&settle(price)).becomes_with::<User>(
            &[settled(price)],
            user_id(),
            &[charged(5_000, price)],
        );
    }
}

/// Shows D35.
#[test]
fn where_the_user_was_charged_at_permission_a_smaller_price_gives_the_rest_back() {
    let permitted = || approval_charged(Charging::AtPermission, &[redeemed(5_000)]).by(settler());
    permitted().when(&settle(3_000)).becomes_with::<User>(&[settled(3_000)], user_id(), &[refunded(2_000)]);
    permitted().when(&settle(5_000)).becomes(&[settled(5_000)]);
}

/// Shows D18.
#[test]
fn more_than_was_approved_is_not_settled() {
    approval(&[redeemed(5_000)]).by(settler()).when(&settle(5_001)).refused(&AMOUNT_EXCEEDS_APPROVAL);
}

#[test]
fn a_price_in_another_currency_is_not_settled() {
    approval(&[redeemed(5_000)]).by(settler()).when(&settle_in(1, "JPY")).refused(&CURRENCY_MISMATCH);
}

/// Shows D36.
#[test]
fn a_settled_approval_is_not_settled_again() {
    approval(&[redeemed(5_000), settled(1)]).by(settler()).when(&settle(1)).refused(&ALREADY_SETTLED);
}

#[test]
fn what_was_revoked_after_its_use_is_not_settled() {
    approval(&[redeemed(5_000), Event::Revoked {}]).by(settler()).when(&settle(1)).refused(&APPROVAL_REVOKED);
}

/// Shows D26.
#[test]
fn who_is_not_the_bound_settler_learns_nothing_whatever_the_approvals_state() {
    for history in [
        &[][..],
        &[redeemed(5_000)],
        &[redeemed(5_000), settled(1)],
        &[redeemed(5_000), Event::Revoked {}],
        &[Event::Expired {}],
        &[Event::Revoked {}],
    ] {
        approval(history).by(other_settler()).when(&settle(1)).refused(&NOT_YOUR_APPROVAL);
    }
    given::<Approval>(&[]).by(other_settler()).when(&settle(1)).refused(&NOT_YOUR_APPROVAL);
}

/// Shows D25.
#[test]
fn what_was_not_redeemed_is_not_settled() {
    approval(&[]).by(settler()).when(&settle(1)).refused(&NOT_YOUR_APPROVAL);
}

#[test]
fn who_is_no_api_client_settles_nothing() {
    approval(&[redeemed(5_000)]).when(&settle(1)).refused(&problem::FORBIDDEN);
}

/// Shows D33.
#[test]
fn a_settlement_records_when_and_what_was_delivered_as_the_settler_has_it() {
    let (at, contents) = (Time::from_micros(7), vec!["a film".to_owned(), "a book".to_owned()]);
    let (amount, currency) = (minor(1_000), currency("EUR"));
    let command = Command::Settle(Settlement { amount, currency, settled_at: Some(at), contents: contents.clone() });
    let settled = Event::Settled { settler: id(6), amount, currency, settled_at: Some(at), contents };
    approval(&[redeemed(5_000)]).by(settler()).when(&command).becomes_with::<User>(
        &[settled],
        user_id(),
        &[charged(5_000, 1_000)],
    );
}
