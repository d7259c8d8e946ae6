//! The judgement of a token, case by case, and which settlers may redeem for which shops.

use kippu_events::access::Roles;
use kippu_events::approvals::{Offered, RedeemRefusal};

use super::*;
use crate::approvals::refusal::TOKEN_NOT_VALID;

fn peer(n: u8) -> Caller {
    Caller::of_peer(id(n), Roles::one(Role::Settler))
}

/// The offer of the shop `shop`, to be settled by these.
pub(super) fn offered(shop: u8, settlers: &[u8]) -> Box<Offered> {
    Box::new(Offered {
        shop: id(shop),
        shop_version: 1,
        buyer: id(90),
        id: id(91),
        sha256: format!("{shop:064}"),
        expires_at: expiry(),
        settlers: settlers.iter().map(|n| id(*n)).collect(),
        items: Vec::new(),
    })
}

fn issued_for(offer: &Offered) -> Event {
    let mut event = issued(5_000);
    if let Event::Issued { offer: its, .. } = &mut event {
        *its = Some(Box::new(offer.clone()));
    }
    event
}

fn given_for(offer: &Offered, user: &[users::Event], further: &[Event]) -> Given<Approval> {
    let history: Vec<Event> = std::iter::once(issued_for(offer)).chain(further.iter().cloned()).collect();
    let user: Vec<users::Event> =
        [registered(Charging::AtSettlement), reserved(5_000)].into_iter().chain(user.iter().cloned()).collect();
    given::<Approval>(&history).with::<User>(user_id(), &user)
}

fn redeemed_by(n: u8, offer: &Offered) -> Event {
    let (amount, currency) = (minor(5_000), currency("EUR"));
    Event::Redeemed { settler: id(n), amount, currency, offer: Some(Box::new(offer.clone())) }
}

fn refused(n: u8, reason: RedeemRefusal, named: Named) -> Event {
    Event::RedeemRefused { settler: id(n), reason, named }
}

fn named(offer: &Offered, units: u64, code: &str) -> Named {
    Named { offer_sha256: Some(offer.sha256.clone()), amount: Some(minor(units)), currency: Some(currency(code)) }
}

/// Shows D25, D26, D27.
#[test]
fn a_token_is_judged_by_record_use_subscriber_time_shop_and_price() {
    let offer = offered(20, &[6]);
    let (right, later) = (named(&offer, 5_000, "EUR"), Time::from_micros(expiry().micros() + 1_000_000));
    let ask = |named: &Named| redeem_with(named.clone());
    let no = |reason, named: &Named| [refused(6, reason, named.clone())];
    // Valid.
    given_for(&offer, &[], &[]).by(peer(6)).when(&ask(&right)).becomes(&[redeemed_by(6, &offer)]);
    given_for(&offer, &[], &[]).by(peer(6)).when(&redeem()).becomes(&[redeemed_by(6, &offer)]);
    // Unknown.
    given::<Approval>(&[]).by(peer(6)).when(&ask(&right)).refused(&TOKEN_NOT_VALID);
    // Used.
    let used = [redeemed_by(6, &offer)];
    given_for(&offer, &[], &used).by(peer(6)).when(&ask(&right)).becomes(&no(RedeemRefusal::AlreadyRedeemed, &right));
    // Over by a second, whether or not the deadline has come.
    given_for(&offer, &[], &[]).by(peer(6)).at(later).when(&ask(&right)).becomes(&no(RedeemRefusal::Expired, &right));
    given_for(&offer, &[], &[Event::Expired {}])
        .by(peer(6))
        .at(later)
        .when(&ask(&right))
        .becomes(&no(RedeemRefusal::Expired, &right));
    // A suspended subscriber.
    given_for(&offer, &[users::Event::Suspended {}], &[])
        .by(peer(6))
        .when(&ask(&right))
        .becomes(&no(RedeemRefusal::UserSuspended, &right));
    let resumed = [users::Event::Suspended {}, users::Event::Resumed {}];
    given_for(&offer, &resumed, &[]).by(peer(6)).when(&ask(&right)).becomes(&[redeemed_by(6, &offer)]);
    // Another shop's settler.
    given_for(&offer, &[], &[]).by(peer(7)).when(&ask(&right)).becomes(&[refused(
        7,
        RedeemRefusal::OtherSettler,
        right.clone(),
    )]);
    // Another price, currency or offer.
    let other_offer = offered(21, &[6]);
    for wrong in [named(&offer, 4_999, "EUR"), named(&offer, 5_000, "JPY"), named(&other_offer, 5_000, "EUR")] {
        given_for(&offer, &[], &[]).by(peer(6)).when(&ask(&wrong)).becomes(&no(RedeemRefusal::Differs, &wrong));
        // It stays usable.
        let tried = no(RedeemRefusal::Differs, &wrong);
        given_for(&offer, &[], &tried).by(peer(6)).when(&ask(&right)).becomes(&[redeemed_by(6, &offer)]);
    }
}

/// Shows D25.
#[test]
fn an_offer_that_is_named_where_none_was_approved_is_another_one() {
    let wrong = Named { offer_sha256: Some("0".repeat(64)), ..Named::default() };
    approval(&[]).by(settler()).when(&redeem_with(wrong.clone())).becomes(&[refused(6, RedeemRefusal::Differs, wrong)]);
}

/// Shows D41.
#[test]
fn of_three_shops_each_is_settled_by_those_it_is_related_to_and_by_no_other() {
    let settlers = [6_u8, 7, 8];
    for (shop, related) in [(20, &[6_u8][..]), (21, &[7, 8]), (22, &[6, 7, 8])] {
        let offer = offered(shop, related);
        for n in settlers {
            let then = given_for(&offer, &[], &[]).by(peer(n)).when(&redeem());
            if related.contains(&n) {
                then.becomes(&[redeemed_by(n, &offer)]);
            } else {
                then.becomes(&[refused(n, RedeemRefusal::OtherSettler, Named::default())]);
            }
        }
        // Whatever became of it: who is not related learns nothing more.
        let used = [redeemed_by(related[0], &offer)];
        for further in [&used[..], &[Event::Revoked {}], &[Event::Expired {}]] {
            given_for(&offer, &[], further).by(peer(9)).when(&redeem()).becomes(&[refused(
                9,
                RedeemRefusal::OtherSettler,
                Named::default(),
            )]);
        }
    }
}
