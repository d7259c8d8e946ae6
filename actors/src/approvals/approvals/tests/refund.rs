//! What was settled is given back, in parts.

use super::*;
use crate::approvals::refusal::{APPROVAL_NOT_SETTLED, CURRENCY_MISMATCH, NOT_YOUR_APPROVAL};
use crate::problem;

fn refund(units: u64) -> Command {
    Command::Refund { amount: minor(units), currency: currency("EUR") }
}

fn given_back(units: u64, total: u64) -> Event {
    Event::Refunded { amount: minor(units), currency: currency("EUR"), total: minor(total) }
}

/// Shows D42.
#[test]
fn what_was_settled_is_given_back_in_parts_up_to_all_of_it() {
    let paid = [redeemed(5_000), settled(4_000)];
    for caller in [settler(), Caller::OPERATOR, caller(Role::Operator, 8)] {
        approval(&paid).by(caller).when(&refund(1_500)).becomes_with::<User>(
            &[given_back(1_500, 1_500)],
            user_id(),
            &[refunded(1_500)],
        );
    }
    let again = [&paid[..], &[given_back(1_500, 1_500)]].concat();
    approval(&again).by(settler()).when(&refund(2_500)).becomes_with::<User>(
        &[given_back(2_500, 4_000)],
        user_id(),
        &[refunded(2_500)],
    );
    approval(&again).by(settler()).when(&refund(2_501)).refused(&problem::REFUND_EXCEEDS_SETTLEMENT);
    approval(&paid).by(settler()).when(&refund(4_001)).refused(&problem::REFUND_EXCEEDS_SETTLEMENT);
}

#[test]
fn nothing_else_is_given_back_and_by_nobody_else() {
    let paid = [redeemed(5_000), settled(4_000)];
    approval(&paid).by(other_settler()).when(&refund(1)).refused(&NOT_YOUR_APPROVAL);
    approval(&[redeemed(5_000)]).by(other_settler()).when(&refund(1)).refused(&NOT_YOUR_APPROVAL);
    approval(&[]).by(settler()).when(&refund(1)).refused(&NOT_YOUR_APPROVAL);
    approval(&[redeemed(5_000)]).by(settler()).when(&refund(1)).refused(&APPROVAL_NOT_SETTLED);
    approval(&[]).when(&refund(1)).refused(&APPROVAL_NOT_SETTLED);
    given::<Approval>(&[]).when(&refund(1)).refused(&problem::NOT_FOUND);
    let yen = Command::Refund { amount: minor(1), currency: currency("JPY") };
    approval(&paid).by(settler()).when(&yen).refused(&CURRENCY_MISMATCH);
}
