//! A settler that will not settle lets go of an approval, redeemed or not.

use kippu_events::approvals::RedeemRefusal;

use super::matrix::offered;
use super::*;
use crate::approvals::refusal::{
    ALREADY_REDEEMED, ALREADY_SETTLED, APPROVAL_EXPIRED, APPROVAL_OTHER_SETTLER, APPROVAL_RELEASED, APPROVAL_REVOKED,
    TOKEN_NOT_VALID,
};
use crate::problem;

const RELEASE: Command = Command::Release(TOKEN);

fn let_go(n: u8) -> Event {
    Event::Released { settler: id(n) }
}

/// Shows D28, D36, D42.
#[test]
fn what_a_settler_lets_go_of_is_free_again_before_and_after_its_use() {
    for history in [&[][..], &[redeemed(5_000)]] {
        approval(history).by(settler()).when(&RELEASE).becomes_with::<User>(
            &[let_go(6)],
            user_id(),
            &[released(5_000)],
        );
    }
    let permitted = approval_charged(Charging::AtPermission, &[redeemed(5_000)]).by(settler());
    permitted.when(&RELEASE).becomes_with::<User>(&[let_go(6)], user_id(), &[refunded(5_000)]);
}

/// Shows D28, D36. Keeps T1.
#[test]
fn nothing_is_redeemed_or_settled_after_it_was_let_go_of() {
    let refused = |n| Event::RedeemRefused { settler: id(n), reason: RedeemRefusal::Released, named: Named::default() };
    for history in [&[let_go(6)][..], &[redeemed(5_000), let_go(6)]] {
        approval(history).by(settler()).when(&redeem()).becomes(&[refused(6)]);
        approval(history).by(other_settler()).when(&redeem()).becomes(&[refused(7)]);
        approval(history).by(settler()).when(&settle(1)).refused(&APPROVAL_RELEASED);
        approval(history).by(settler()).when(&RELEASE).refused(&APPROVAL_RELEASED);
        approval(history).when(&Command::Revoke).refused(&APPROVAL_RELEASED);
        approval(history).by(Caller::DEADLINE).at(expiry()).when(&Command::Expire).refused(&problem::NOT_DUE);
    }
}

#[test]
fn nobody_lets_go_of_what_is_anothers_or_over() {
    approval(&[redeemed(5_000)]).by(other_settler()).when(&RELEASE).refused(&ALREADY_REDEEMED);
    approval(&[redeemed(5_000), settled(1)]).by(other_settler()).when(&RELEASE).refused(&ALREADY_REDEEMED);
    approval(&[redeemed(5_000), settled(1)]).by(settler()).when(&RELEASE).refused(&ALREADY_SETTLED);
    approval(&[Event::Expired {}]).by(settler()).when(&RELEASE).refused(&APPROVAL_EXPIRED);
    approval(&[Event::Revoked {}]).by(settler()).when(&RELEASE).refused(&APPROVAL_REVOKED);
    given::<Approval>(&[]).by(settler()).when(&RELEASE).refused(&TOKEN_NOT_VALID);
    approval(&[])
        .by(settler())
        .when(&Command::Release(Presented { root_key: 2, counter: 0 }))
        .refused(&TOKEN_NOT_VALID);
    approval(&[]).when(&RELEASE).refused(&problem::FORBIDDEN);
    let mut of_shop = issued(5_000);
    if let Event::Issued { offer, .. } = &mut of_shop {
        *offer = Some(offered(20, &[7]));
    }
    let user = [registered(Charging::AtSettlement), reserved(5_000)];
    given::<Approval>(&[of_shop])
        .with::<User>(user_id(), &user)
        .by(settler())
        .when(&RELEASE)
        .refused(&APPROVAL_OTHER_SETTLER);
}
