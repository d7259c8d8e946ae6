//! What the history of an approval means.

use super::*;

fn after(events: &[Event]) -> Approval {
    crate::entity::fold(events)
}

fn id(n: u8) -> EntityId {
    EntityId::from_hash(&[n; 32])
}

fn minor(units: u64) -> Minor {
    Minor::new(units).unwrap()
}

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

fn token() -> TokenHash {
    TokenHash { key: 3, sha256: "q".repeat(43) }
}

fn issued() -> Event {
    Event::Issued {
        user: id(2),
        terminal: id(1),
        amount: minor(1_177),
        currency: euro(),
        purchase: Purchase::default(),
        offer: None,
        channel: Channel::Request,
        expires_at: Time::from_micros(9),
        token: token(),
        limit: minor(10_000),
        used: Minor::ZERO,
        inquiry: None,
    }
}

fn pending() -> Event {
    Event::Pending {
        user: id(2),
        terminal: id(1),
        amount: minor(1_177),
        currency: euro(),
        purchase: Purchase::default(),
        offer: None,
        channel: Channel::Request,
        expires_in_secs: 900,
        token: token(),
        reserved: minor(1_177),
        limit: minor(10_000),
        used: Minor::ZERO,
        reference: id(4),
        number: EncryptedField { xchacha20poly1305: "AQ".to_owned() },
        until: Time::from_micros(7),
    }
}

fn terms() -> Terms {
    let (amount, currency, expires_at) = (minor(1_177), euro(), Time::from_micros(9));
    Terms { user: id(2), terminal: id(1), amount, currency, expires_at, root_key: 3, offer: None }
}

fn redeemed(settler: u8) -> Event {
    Event::Redeemed { settler: id(settler), amount: minor(1_177), currency: euro(), offer: None }
}

fn bound() -> Approval {
    Approval::Redeemed { terms: terms(), settler: id(5), at: Time::default() }
}

fn settled(settler: u8, amount: u64) -> Event {
    let (amount, contents) = (minor(amount), Vec::new());
    Event::Settled { settler: id(settler), amount, currency: euro(), settled_at: None, contents }
}

fn paid(amount: u64, refunded: u64) -> Approval {
    let (terms, redeemed_at, at) = (terms(), Time::default(), Time::default());
    Approval::Settled { terms, settler: id(5), amount: minor(amount), refunded: minor(refunded), redeemed_at, at }
}

fn given_back(amount: u64, total: u64) -> Event {
    Event::Refunded { amount: minor(amount), currency: euro(), total: minor(total) }
}

fn refused() -> Event {
    let (amount, purchase, reason) = (minor(1), Purchase::default(), RequestRefusal::LimitExceeded);
    Event::Refused { user: id(2), amount, currency: euro(), purchase, offer: None, reason, inquiry: None }
}

fn redeem_refused() -> Event {
    let (reason, named) = (RedeemRefusal::AlreadyRedeemed, Named::default());
    Event::RedeemRefused { settler: id(6), reason, named }
}

fn collected() -> Event {
    let (by, expires_at) = (Principal::User(id(2)), Time::from_micros(9));
    Event::Collected { by, key: 3, amount: minor(1_177), currency: euro(), expires_at, offer: None }
}

fn released(settler: u8) -> Event {
    Event::Released { settler: id(settler) }
}

/// One of each.
fn any() -> [Event; 11] {
    [
        pending(),
        issued(),
        refused(),
        collected(),
        redeemed(6),
        redeem_refused(),
        settled(6, 1),
        given_back(1, 1),
        Event::Expired {},
        Event::Revoked {},
        released(6),
    ]
}

#[test]
fn an_issued_approval_is_redeemed_then_settled_by_one_settler() {
    assert_eq!(after(&[]), Approval::Absent);
    assert_eq!(after(&[issued()]), Approval::Issued(terms()));
    assert_eq!(after(&[issued(), redeemed(5)]), bound());
    let paid_by_it = after(&[issued(), redeemed(5), settled(5, 1_000)]);
    assert_eq!(paid_by_it, paid(1_000, 0));
    assert_eq!((paid_by_it.terms(), paid_by_it.settler()), (Some(&terms()), Some(id(5))));
}

#[test]
fn what_is_pending_becomes_issued_refused_or_revoked() {
    let waiting = after(&[pending()]);
    let Approval::Pending(known) = &waiting else { panic!("it is pending") };
    assert_eq!((known.reference, known.reserved, known.terms.expires_at), (id(4), minor(1_177), Time::from_micros(7)));
    assert_eq!(after(&[pending(), issued()]), Approval::Issued(terms()));
    assert_eq!(after(&[pending(), refused()]), Approval::Refused);
    let revoked = after(&[pending(), Event::Revoked {}]);
    assert_eq!(revoked, Approval::Revoked { terms: known.terms.clone(), settler: None });
    for early in [redeemed(5), settled(5, 1), Event::Expired {}, released(5), collected(), pending()] {
        assert_eq!(after(&[pending(), early]), waiting);
    }
}

#[test]
fn a_state_survives_its_compact_form_whatever_was_left_out() {
    use crate::entity::AnyEntity as _;
    for history in [vec![pending()], vec![issued()], vec![issued(), redeemed(5), settled(5, 1)]] {
        let state = after(&history);
        let again = Family::Approvals.decode(&state.encode());
        assert_eq!(again.as_ref().and_then(|again| again.as_any().downcast_ref()), Some(&state));
    }
}

#[test]
fn what_is_settled_is_given_back_in_parts() {
    let history = [issued(), redeemed(5), settled(5, 1_000), given_back(300, 300), given_back(200, 500)];
    assert_eq!(after(&history), paid(1_000, 500));
}

#[test]
fn a_redeemed_approval_stays_with_its_first_settler_whatever_comes_after() {
    let late = [redeemed(6), redeem_refused(), issued(), refused(), pending(), collected(), Event::Expired {}];
    for late in late {
        assert_eq!(after(&[issued(), redeemed(5), late]), bound());
    }
}

#[test]
fn an_approval_that_is_over_says_how_and_what_for() {
    assert_eq!(after(&[refused()]), Approval::Refused);
    assert_eq!(after(&[issued(), Event::Expired {}]), Approval::Expired(terms()));
    let unused = after(&[issued(), Event::Revoked {}]);
    assert_eq!(unused, Approval::Revoked { terms: terms(), settler: None });
    let used = after(&[issued(), redeemed(5), Event::Revoked {}]);
    assert_eq!(used, Approval::Revoked { terms: terms(), settler: Some(id(5)) });
    for history in [vec![issued(), released(5)], vec![issued(), redeemed(5), released(5)]] {
        assert_eq!(after(&history), Approval::Released { terms: terms(), settler: id(5) });
    }
}

#[test]
fn what_is_over_is_over_for_every_event() {
    for over in [
        vec![refused()],
        vec![issued(), Event::Expired {}],
        vec![issued(), Event::Revoked {}],
        vec![issued(), redeemed(5), Event::Revoked {}],
        vec![issued(), released(5)],
        vec![issued(), redeemed(5), settled(5, 1_000)],
    ] {
        let state = after(&over);
        for late in any().into_iter().filter(|late| !matches!(late, Event::Refunded { .. })) {
            assert_eq!(after(&[&over[..], &[late]].concat()), state);
        }
    }
    for early in [redeemed(5), redeem_refused(), settled(5, 1), given_back(1, 1), Event::Expired {}, released(5)] {
        assert_eq!(after(&[early]), Approval::Absent);
    }
    assert_eq!(after(&[issued(), settled(5, 1)]), Approval::Issued(terms()), "settled without being redeemed");
    assert_eq!(after(&[issued(), redeemed(5), given_back(1, 1)]), bound(), "given back without being settled");
}
