//! An approval that is not settled can be taken back, by those whom it concerns.

use kippu_events::approvals::RequestRefusal;

use super::*;
use crate::approvals::refusal::{
    ALREADY_REDEEMED, ALREADY_SETTLED, APPROVAL_EXPIRED, APPROVAL_REVOKED, NEVER_ISSUED, NOT_YOUR_APPROVAL,
};
use crate::problem;

const REVOKE: Command = Command::Revoke;

#[test]
fn before_its_use_the_operator_and_the_terminal_that_asked_take_it_back() {
    for caller in [Caller::OPERATOR, caller(Role::Operator, 8), terminal()] {
        approval(&[]).by(caller).when(&REVOKE).becomes_with::<User>(
            &[Event::Revoked {}],
            user_id(),
            &[released(5_000)],
        );
    }
}

#[test]
fn after_its_use_the_operator_and_the_bound_settler_take_it_back() {
    for caller in [Caller::OPERATOR, caller(Role::Operator, 8), settler()] {
        approval(&[redeemed(5_000)]).by(caller).when(&REVOKE).becomes_with::<User>(
            &[Event::Revoked {}],
            user_id(),
            &[released(5_000)],
        );
    }
}

/// Shows D35.
#[test]
fn a_charge_at_permission_is_given_back_when_the_approval_is_taken_back() {
    let revoke = |further: &[Event]| approval_charged(Charging::AtPermission, further).when(&REVOKE);
    revoke(&[redeemed(5_000)]).becomes_with::<User>(&[Event::Revoked {}], user_id(), &[refunded(5_000)]);
    revoke(&[]).becomes_with::<User>(&[Event::Revoked {}], user_id(), &[released(5_000)]);
}

#[test]
fn the_terminal_does_not_take_back_what_was_used() {
    approval(&[redeemed(5_000)]).by(terminal()).when(&REVOKE).refused(&ALREADY_REDEEMED);
}

#[test]
fn everybody_else_learns_nothing_whatever_the_approvals_state() {
    let strangers = [caller(Role::Terminal, 9), other_settler()];
    for stranger in strangers {
        for history in [&[][..], &[redeemed(5_000)], &[redeemed(5_000), settled(1)], &[Event::Expired {}]] {
            approval(history).by(stranger).when(&REVOKE).refused(&NOT_YOUR_APPROVAL);
        }
        given::<Approval>(&[]).by(stranger).when(&REVOKE).refused(&NOT_YOUR_APPROVAL);
    }
    approval(&[]).by(settler()).when(&REVOKE).refused(&NOT_YOUR_APPROVAL);
}

#[test]
fn what_is_over_is_not_taken_back() {
    approval(&[redeemed(5_000), settled(1)]).when(&REVOKE).refused(&ALREADY_SETTLED);
    approval(&[Event::Expired {}]).when(&REVOKE).refused(&APPROVAL_EXPIRED);
    approval(&[Event::Revoked {}]).when(&REVOKE).refused(&APPROVAL_REVOKED);
    given::<Approval>(&[]).when(&REVOKE).refused(&problem::NOT_FOUND);
    let refused = Event::Refused {
        user: user_id(),
        amount: minor(1),
        currency: currency("EUR"),
        purchase: Purchase::default(),
        offer: None,
        reason: RequestRefusal::LimitExceeded,
        inquiry: None,
    };
    given::<Approval>(&[refused]).when(&REVOKE).refused(&NEVER_ISSUED);
}
