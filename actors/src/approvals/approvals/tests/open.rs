//! What is approved, and what is not.

use kippu_events::approvals::RequestRefusal;

use super::*;
use crate::access::users::pin::{LOCKED_FOR, MOST_WRONG};
use crate::problem;

fn refused(asked: &Asked, reason: RequestRefusal) -> Event {
    Event::Refused {
        user: asked.user,
        amount: asked.amount,
        currency: asked.currency,
        purchase: asked.purchase.clone(),
        offer: asked.offer.clone(),
        reason,
        inquiry: None,
    }
}

/// The first request of a terminal, with a user as neighbour with this further history.
fn asking(further: &[users::Event]) -> Given<Approval> {
    let history: Vec<_> = std::iter::once(registered(Charging::AtSettlement)).chain(further.iter().cloned()).collect();
    given::<Approval>(&[]).with::<User>(user_id(), &history).by(terminal())
}

fn typed(digits: &str) -> Asked {
    Asked { pin: Some(pin(digits)), ..asked(100) }
}

fn wrong(times: u32) -> Vec<users::Event> {
    let locks = |n| (n >= MOST_WRONG).then(|| NOW.after(LOCKED_FOR));
    (1..=times).map(|n| users::Event::PinRefused { locked_until: locks(n) }).collect()
}

/// Shows D13, D15, D19, F11.
#[test]
fn a_purchase_within_the_limit_is_approved_with_the_inputs_of_the_decision_and_reserved() {
    asking(&[]).when(&open(asked(5_000))).becomes_with::<User>(&[issued(5_000)], user_id(), &[reserved(5_000)]);
}

/// Shows D16, D20.
#[test]
fn what_other_approvals_reserve_and_what_was_charged_counts_against_the_limit() {
    let other = id(9);
    let held = users::Event::AmountReserved { approval: other, amount: minor(6_000) };
    let spent = users::Event::AmountCharged { approval: other, reserved: minor(6_000), amount: minor(6_000) };
    for used in [vec![held.clone()], vec![held, spent]] {
        asking(&used).when(&open(asked(4_000))).becomes_with::<User>(
            &[issued_with(4_000, 6_000)],
            user_id(),
            &[reserved(4_000)],
        );
        asking(&used).when(&open(asked(4_001))).becomes(&[refused(&asked(4_001), RequestRefusal::LimitExceeded)]);
    }
}

#[test]
fn nothing_is_an_amount_too_even_when_nothing_is_left() {
    let spent = users::Event::AmountReserved { approval: id(9), amount: minor(10_000) };
    asking(&[spent]).when(&open(asked(0))).becomes_with::<User>(&[issued_with(0, 10_000)], user_id(), &[reserved(0)]);
}

#[test]
fn another_currency_than_the_limits_is_refused_on_record() {
    let yen = Asked { currency: currency("JPY"), ..asked(1) };
    asking(&[]).when(&open(yen.clone())).becomes(&[refused(&yen, RequestRefusal::CurrencyMismatch)]);
}

/// Shows D7, D12.
#[test]
fn an_unknown_user_one_without_a_pin_and_a_wrong_pin_are_refused_alike() {
    let not_identified = [refused(&asked(100), RequestRefusal::NotIdentified)];
    given::<Approval>(&[]).by(terminal()).when(&open(typed("1234"))).becomes(&not_identified);
    given::<Approval>(&[]).by(terminal()).when(&open(asked(100))).becomes(&not_identified);
    let mut without_pin = registered(Charging::AtSettlement);
    if let users::Event::Registered { pin, .. } = &mut without_pin {
        *pin = None;
    }
    given::<Approval>(&[])
        .with::<User>(user_id(), &[without_pin])
        .by(terminal())
        .when(&open(typed("1234")))
        .becomes(&not_identified);
    asking(&[]).when(&open(typed("4321"))).becomes_with::<User>(&not_identified, user_id(), &wrong(1));
}

/// Shows D7.
#[test]
fn the_right_pin_identifies_the_user() {
    asking(&[]).when(&open(typed("1234"))).becomes_with::<User>(&[issued(100)], user_id(), &[reserved(100)]);
}

#[test]
fn the_right_pin_after_wrong_ones_ends_their_count() {
    asking(&wrong(MOST_WRONG - 1)).when(&open(typed("1234"))).becomes_with::<User>(
        &[issued(100)],
        user_id(),
        &[reserved(100), users::Event::PinAccepted {}],
    );
    let mut counted_anew = wrong(MOST_WRONG - 1);
    counted_anew.push(users::Event::PinAccepted {});
    asking(&counted_anew).when(&open(typed("4321"))).becomes_with::<User>(
        &[refused(&asked(100), RequestRefusal::NotIdentified)],
        user_id(),
        &wrong(1),
    );
}

#[test]
fn the_right_pin_ends_the_count_even_where_the_limit_is_exceeded() {
    let too_much = Asked { pin: Some(pin("1234")), ..asked(10_001) };
    asking(&wrong(1)).when(&open(too_much.clone())).becomes_with::<User>(
        &[refused(&too_much, RequestRefusal::LimitExceeded)],
        user_id(),
        &[users::Event::PinAccepted {}],
    );
}

#[test]
fn the_fifth_wrong_pin_in_a_row_locks_for_a_quarter_of_an_hour() {
    let not_identified = refused(&asked(100), RequestRefusal::NotIdentified);
    asking(&wrong(4)).when(&open(typed("4321"))).becomes_with::<User>(
        std::slice::from_ref(&not_identified),
        user_id(),
        &[users::Event::PinRefused { locked_until: Some(NOW.after(LOCKED_FOR)) }],
    );
    // While it is locked no PIN is looked at, the right one neither.
    for digits in ["1234", "4321"] {
        asking(&wrong(5))
            .at(Time::from_micros(NOW.after(LOCKED_FOR).micros() - 1))
            .when(&open(typed(digits)))
            .becomes(&[refused(&asked(100), RequestRefusal::PinLocked)]);
    }
    // Then the next wrong one locks it again,
    let later = NOW.after(LOCKED_FOR);
    asking(&wrong(5)).at(later).when(&open(typed("4321"))).becomes_with::<User>(
        &[not_identified],
        user_id(),
        &[users::Event::PinRefused { locked_until: Some(later.after(LOCKED_FOR)) }],
    );
    // and the right one is good.
    let mut accepted = issued(100);
    if let Event::Issued { expires_at, .. } = &mut accepted {
        *expires_at = later.after(QUARTER);
    }
    asking(&wrong(5)).at(later).when(&open(typed("1234"))).becomes_with::<User>(
        &[accepted],
        user_id(),
        &[reserved(100), users::Event::PinAccepted {}],
    );
}

#[test]
fn a_locked_pin_does_not_stop_a_terminal_that_stores_the_identification() {
    asking(&wrong(5)).when(&open(asked(100))).becomes_with::<User>(&[issued(100)], user_id(), &[reserved(100)]);
}

#[test]
fn an_approval_that_was_asked_for_is_not_asked_for_again() {
    approval(&[]).by(terminal()).when(&open(asked(1))).refused(&problem::ALREADY_EXISTS);
    given::<Approval>(&[refused(&asked(1), RequestRefusal::LimitExceeded)])
        .by(terminal())
        .when(&open(asked(1)))
        .refused(&problem::ALREADY_EXISTS);
}

#[test]
fn who_is_no_api_client_asks_for_nothing() {
    asking(&[]).by(Caller::OPERATOR).when(&open(asked(1))).refused(&problem::FORBIDDEN);
}
