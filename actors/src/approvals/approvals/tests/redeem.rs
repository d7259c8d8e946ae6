//! A token admits once.

use kippu_events::approvals::{RedeemRefusal, RequestRefusal};

use super::*;
use crate::approvals::refusal::TOKEN_NOT_VALID;
use crate::problem;
use crate::problem::NOT_DUE;

fn just_before(time: Time) -> Time {
    Time::from_micros(time.micros() - 1)
}

fn refused(settler: u8, reason: RedeemRefusal) -> [Event; 1] {
    [Event::RedeemRefused { settler: id(settler), reason, named: Named::default() }]
}

/// Shows D25, D26.
#[test]
fn a_token_permits_the_payment_to_the_settler_that_presents_it() {
    approval(&[]).by(settler()).when(&redeem()).becomes(&[redeemed(5_000)]);
    approval(&[]).by(settler()).at(just_before(expiry())).when(&redeem()).becomes(&[redeemed(5_000)]);
}

/// Shows D35.
#[test]
fn where_the_user_is_charged_at_permission_the_reservation_becomes_a_charge_in_the_same_record() {
    approval_charged(Charging::AtPermission, &[]).by(settler()).when(&redeem()).becomes_with::<User>(
        &[redeemed(5_000)],
        user_id(),
        &[charged(5_000, 5_000)],
    );
}

/// Shows D25, D27, D36. Keeps T1.
#[test]
fn a_redeemed_approval_is_refused_to_everyone_on_record() {
    for history in [&[redeemed(5_000)][..], &[redeemed(5_000), settled(5_000)]] {
        approval(history).by(settler()).when(&redeem()).becomes(&refused(6, RedeemRefusal::AlreadyRedeemed));
        approval(history).by(other_settler()).when(&redeem()).becomes(&refused(7, RedeemRefusal::AlreadyRedeemed));
        let long_after = expiry().after(QUARTER);
        approval(history)
            .by(settler())
            .at(long_after)
            .when(&redeem())
            .becomes(&refused(6, RedeemRefusal::AlreadyRedeemed));
    }
}

/// Shows D25, D27.
#[test]
fn an_expired_approval_is_refused_on_record_even_before_its_deadline_fired() {
    approval(&[]).by(settler()).at(expiry()).when(&redeem()).becomes(&refused(6, RedeemRefusal::Expired));
    approval(&[Event::Expired {}]).by(settler()).when(&redeem()).becomes(&refused(6, RedeemRefusal::Expired));
}

/// Shows D25, D27.
#[test]
fn a_revoked_approval_is_refused_on_record() {
    approval(&[Event::Revoked {}]).by(settler()).when(&redeem()).becomes(&refused(6, RedeemRefusal::Revoked));
    approval(&[redeemed(5_000), Event::Revoked {}])
        .by(settler())
        .when(&redeem())
        .becomes(&refused(6, RedeemRefusal::Revoked));
}

/// Shows D25.
#[test]
fn a_genuine_token_of_an_approval_that_was_never_given_is_not_valid() {
    let refused = Event::Refused {
        user: user_id(),
        amount: minor(1),
        currency: currency("EUR"),
        purchase: Purchase::default(),
        offer: None,
        reason: RequestRefusal::LimitExceeded,
        inquiry: None,
    };
    given::<Approval>(&[]).by(settler()).when(&redeem()).refused(&TOKEN_NOT_VALID);
    given::<Approval>(&[refused]).by(settler()).when(&redeem()).refused(&TOKEN_NOT_VALID);
}

#[test]
fn a_token_of_another_root_key_or_number_is_not_this_approvals_token() {
    for (root_key, counter) in [(2, 0), (1, 1)] {
        let other = Command::Redeem { token: Presented { root_key, counter }, named: Named::default() };
        approval(&[]).by(settler()).when(&other).refused(&TOKEN_NOT_VALID);
    }
}

#[test]
fn who_is_no_api_client_redeems_nothing() {
    approval(&[]).when(&redeem()).refused(&problem::FORBIDDEN);
}

#[test]
fn an_approval_whose_time_is_over_gives_back_what_it_reserved() {
    approval(&[]).by(Caller::DEADLINE).at(expiry()).when(&Command::Expire).becomes_with::<User>(
        &[Event::Expired {}],
        user_id(),
        &[released(5_000)],
    );
}

#[test]
fn a_deadline_that_is_early_or_comes_after_the_use_does_nothing() {
    approval(&[]).by(Caller::DEADLINE).at(just_before(expiry())).when(&Command::Expire).refused(&NOT_DUE);
    for history in [&[redeemed(5_000)][..], &[redeemed(5_000), settled(1)], &[Event::Expired {}], &[Event::Revoked {}]]
    {
        approval(history).by(Caller::DEADLINE).at(expiry()).when(&Command::Expire).refused(&NOT_DUE);
    }
}

#[test]
fn only_an_approval_that_waits_for_its_use_has_a_deadline() {
    use crate::actor::Actor as _;
    use kippu_events::Entity as _;
    let mut state = Approval::default();
    assert!(state.due().is_none());
    state.evolve(&issued(5_000), NOW);
    assert!(matches!(state.due(), Some((due, Command::Expire)) if due == expiry()));
    state.evolve(&redeemed(5_000), NOW);
    assert!(state.due().is_none());
}
