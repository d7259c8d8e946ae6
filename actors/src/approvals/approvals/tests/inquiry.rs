//! A financial reference is asked: what its answers decide, and what happens without one.

use kippu_events::access::users::Reference;
use kippu_events::approvals::{Inquiry, RequestRefusal, Told};

use super::*;
use crate::approvals::REFERENCE_TIME;
use crate::approvals::refusal::{APPROVAL_PENDING, TOKEN_NOT_VALID};
use crate::problem::NOT_DUE;

fn number() -> EncryptedField {
    EncryptedField { xchacha20poly1305: "number".to_owned() }
}

fn reference() -> EntityId {
    id(4)
}

/// A user of whom a reference is asked.
fn user_of(policy: Policy, source: LimitSource) -> users::Event {
    let mut event = registered(Charging::AtSettlement);
    if let users::Event::Registered { policy: its, source: from, reference: asked, .. } = &mut event {
        (*its, *from) = (policy, source);
        *asked = Some(Box::new(Reference { party: reference(), number: number() }));
    }
    event
}

fn until() -> Time {
    NOW.after(REFERENCE_TIME)
}

fn pending(units: u64, reserved: u64, used: u64) -> Event {
    Event::Pending {
        user: user_id(),
        terminal: id(5),
        amount: minor(units),
        currency: currency("EUR"),
        purchase: asked(units).purchase,
        offer: None,
        channel: Channel::Request,
        expires_in_secs: 900,
        token: token(),
        reserved: minor(reserved),
        limit: minor(10_000),
        used: minor(used),
        reference: reference(),
        number: number(),
        until: until(),
    }
}

fn inquiry(told: Told, limit: Option<u64>) -> Option<Inquiry> {
    Some(Inquiry { party: reference(), told, limit: limit.map(minor) })
}

fn refused_after(units: u64, reason: RequestRefusal, inquiry: Option<Inquiry>) -> Event {
    Event::Refused {
        user: user_id(),
        amount: minor(units),
        currency: currency("EUR"),
        purchase: asked(units).purchase,
        offer: None,
        reason,
        inquiry,
    }
}

fn issued_after(units: u64, (limit, used): (u64, u64), inquiry: Option<Inquiry>) -> Event {
    let mut event = issued_with(units, used);
    if let Event::Issued { inquiry: its, channel, limit: found, .. } = &mut event {
        (*its, *channel, *found) = (inquiry, Channel::Collect, minor(limit));
    }
    event
}

fn answered(told: Told, limit: Option<u64>) -> Command {
    Command::Inquired { attempt: 1, told, limit: limit.map(|limit| (minor(limit), currency("EUR"))) }
}

fn limit_changed(limit: u64, before: u64) -> users::Event {
    let (limit, before, approval) = (minor(limit), minor(before), Some(approval_id()));
    users::Event::LimitChanged { limit, before, currency: currency("EUR"), approval }
}

/// Others hold so much.
fn held(units: u64) -> users::Event {
    users::Event::AmountReserved { approval: id(9), amount: minor(units) }
}

/// An approval that waits for the answer, of a user with these events before.
fn waiting(pending: Event, user: &[users::Event]) -> Given<Approval> {
    given::<Approval>(&[pending]).with::<User>(user_id(), user).by(Caller::ACTIVITY)
}

/// Shows D13, D14.
#[test]
fn with_both_the_limit_is_looked_at_first_and_reserved_and_then_the_reference_is_asked() {
    let asking = |further: &[users::Event]| {
        let user: Vec<_> =
            std::iter::once(user_of(Policy::Both, LimitSource::Fixed)).chain(further.iter().cloned()).collect();
        given::<Approval>(&[]).with::<User>(user_id(), &user).by(terminal())
    };
    asking(&[held(4_000)]).when(&open(asked(6_000))).becomes_with::<User>(
        &[pending(6_000, 6_000, 4_000)],
        user_id(),
        &[reserved(6_000)],
    );
    asking(&[held(4_000)]).when(&open(asked(6_001))).becomes(&[Event::Refused {
        user: user_id(),
        amount: minor(6_001),
        currency: currency("EUR"),
        purchase: asked(6_001).purchase,
        offer: None,
        reason: RequestRefusal::LimitExceeded,
        inquiry: None,
    }]);
}

/// Shows D14.
#[test]
fn with_the_reference_alone_it_is_asked_whatever_the_limit_is_and_nothing_is_reserved() {
    let user = [user_of(Policy::Reference, LimitSource::Fixed), held(9_999)];
    let asking = || given::<Approval>(&[]).with::<User>(user_id(), &user).by(terminal());
    asking().when(&open(asked(6_000))).becomes(&[pending(6_000, 0, 9_999)]);
    let yen = Asked { currency: currency("JPY"), ..asked(1) };
    let mut refused = refused_after(1, RequestRefusal::CurrencyMismatch, None);
    if let Event::Refused { currency: its, .. } = &mut refused {
        *its = currency("JPY");
    }
    asking().when(&open(yen)).becomes(&[refused]);
}

/// Shows D14, D19.
#[test]
fn a_good_answer_gives_the_approval_within_the_limit_and_within_what_is_vouched_for() {
    let both = [user_of(Policy::Both, LimitSource::Fixed), held(1_000), reserved(5_000)];
    for vouched in [None, Some(5_000)] {
        waiting(pending(5_000, 5_000, 1_000), &both).when(&answered(Told::Good, vouched)).becomes(&[issued_after(
            5_000,
            (10_000, 1_000),
            inquiry(Told::Good, vouched),
        )]);
    }
    waiting(pending(5_000, 5_000, 1_000), &both).when(&answered(Told::Good, Some(4_999))).becomes_with::<User>(
        &[refused_after(5_000, RequestRefusal::CreditRefused, inquiry(Told::Good, Some(4_999)))],
        user_id(),
        &[released(5_000)],
    );
    // Only now the limit counts, and only now it is reserved.
    let alone = |used| [user_of(Policy::Reference, LimitSource::Fixed), held(used)];
    waiting(pending(5_000, 0, 0), &alone(5_000)).when(&answered(Told::Good, None)).becomes_with::<User>(
        &[issued_after(5_000, (10_000, 5_000), inquiry(Told::Good, None))],
        user_id(),
        &[reserved(5_000)],
    );
    waiting(pending(5_000, 0, 0), &alone(5_001)).when(&answered(Told::Good, None)).becomes(&[refused_after(
        5_000,
        RequestRefusal::LimitExceeded,
        inquiry(Told::Good, None),
    )]);
}

/// Shows D14, D20.
#[test]
fn every_other_answer_refuses_and_frees_what_was_reserved() {
    let both = [user_of(Policy::Both, LimitSource::Fixed), reserved(5_000)];
    for (told, reason) in [
        (Told::Bad, RequestRefusal::CreditRefused),
        (Told::Unknown, RequestRefusal::CreditRefused),
        (Told::Unusable, RequestRefusal::ReferenceFailed),
    ] {
        waiting(pending(5_000, 5_000, 0), &both).when(&answered(told, None)).becomes_with::<User>(
            &[refused_after(5_000, reason, inquiry(told, None))],
            user_id(),
            &[released(5_000)],
        );
    }
    let yen = Command::Inquired { attempt: 1, told: Told::Good, limit: Some((minor(9_000), currency("JPY"))) };
    waiting(pending(5_000, 5_000, 0), &both).when(&yen).becomes_with::<User>(
        &[refused_after(5_000, RequestRefusal::ReferenceFailed, inquiry(Told::Unusable, None))],
        user_id(),
        &[released(5_000)],
    );
    let suspended = [&both[..], &[users::Event::Suspended {}]].concat();
    waiting(pending(5_000, 5_000, 0), &suspended).when(&answered(Told::Good, None)).becomes_with::<User>(
        &[refused_after(5_000, RequestRefusal::UserSuspended, inquiry(Told::Good, None))],
        user_id(),
        &[released(5_000)],
    );
}

/// Shows D14.
#[test]
fn without_an_answer_in_time_it_is_refused_and_what_was_reserved_is_free() {
    let both = [user_of(Policy::Both, LimitSource::Fixed), reserved(5_000)];
    let given_up = || waiting(pending(5_000, 5_000, 0), &both).by(Caller::DEADLINE);
    given_up().at(Time::from_micros(until().micros() - 1)).when(&Command::GiveUp).refused(&NOT_DUE);
    given_up().at(until()).when(&Command::GiveUp).becomes_with::<User>(
        &[refused_after(5_000, RequestRefusal::ReferenceFailed, inquiry(Told::Nothing, None))],
        user_id(),
        &[released(5_000)],
    );
    let alone = [user_of(Policy::Reference, LimitSource::Fixed)];
    waiting(pending(5_000, 0, 0), &alone)
        .by(Caller::DEADLINE)
        .at(until())
        .when(&Command::GiveUp)
        .becomes(&[refused_after(5_000, RequestRefusal::ReferenceFailed, inquiry(Told::Nothing, None))]);
}

/// Keeps R3.
#[test]
fn an_answer_that_is_late_or_of_another_question_changes_nothing() {
    let both = [user_of(Policy::Both, LimitSource::Fixed), reserved(5_000)];
    let other = Command::Inquired { attempt: 2, told: Told::Good, limit: None };
    waiting(pending(5_000, 5_000, 0), &both).when(&other).refused(&NOT_DUE);
    waiting(pending(5_000, 5_000, 0), &both).at(until()).when(&answered(Told::Good, None)).refused(&NOT_DUE);
    let refused = refused_after(5_000, RequestRefusal::ReferenceFailed, inquiry(Told::Nothing, None));
    let issued = issued_after(5_000, (10_000, 0), inquiry(Told::Good, None));
    for after in [refused, issued, Event::Revoked {}] {
        let history = [pending(5_000, 5_000, 0), after];
        for command in [answered(Told::Good, None), Command::GiveUp] {
            given::<Approval>(&history)
                .with::<User>(user_id(), &both)
                .by(Caller::ACTIVITY)
                .at(until())
                .when(&command)
                .refused(&NOT_DUE);
        }
    }
}

/// Shows D17.
#[test]
fn a_limit_by_solvency_is_what_the_reference_told_last_and_no_less_than_what_is_used() {
    let user = |used: &[users::Event]| -> Vec<users::Event> {
        std::iter::once(user_of(Policy::Reference, LimitSource::Solvency)).chain(used.iter().cloned()).collect()
    };
    // Higher than before: more than the old limit is approved.
    waiting(pending(12_000, 0, 0), &user(&[held(1_000)]))
        .when(&answered(Told::Good, Some(13_000)))
        .becomes_with::<User>(
            &[issued_after(12_000, (13_000, 1_000), inquiry(Told::Good, Some(13_000)))],
            user_id(),
            &[limit_changed(13_000, 10_000), reserved(12_000)],
        );
    // Lower: refused, and the limit stays above what others hold.
    waiting(pending(5_000, 0, 0), &user(&[held(8_000)])).when(&answered(Told::Good, Some(6_000))).becomes_with::<User>(
        &[refused_after(5_000, RequestRefusal::LimitExceeded, inquiry(Told::Good, Some(6_000)))],
        user_id(),
        &[limit_changed(8_000, 10_000)],
    );
    // What it reserved itself is free before.
    let both = [user_of(Policy::Both, LimitSource::Solvency), held(1_000), reserved(5_000)];
    waiting(pending(5_000, 5_000, 1_000), &both).when(&answered(Told::Good, Some(3_000))).becomes_with::<User>(
        &[refused_after(5_000, RequestRefusal::LimitExceeded, inquiry(Told::Good, Some(3_000)))],
        user_id(),
        &[released(5_000), limit_changed(3_000, 10_000)],
    );
    // The same: nothing changes. Without a limit in the answer the one before counts.
    for (told, used) in [(Some(10_000), 0), (None, 0)] {
        waiting(pending(5_000, 0, used), &user(&[])).when(&answered(Told::Good, told)).becomes_with::<User>(
            &[issued_after(5_000, (10_000, used), inquiry(Told::Good, told))],
            user_id(),
            &[reserved(5_000)],
        );
    }
    // A bad answer sets nothing.
    waiting(pending(5_000, 0, 0), &user(&[])).when(&answered(Told::Bad, None)).becomes(&[refused_after(
        5_000,
        RequestRefusal::CreditRefused,
        inquiry(Told::Bad, None),
    )]);
}

#[test]
fn what_is_pending_is_taken_back_but_neither_redeemed_nor_collected() {
    let both = [user_of(Policy::Both, LimitSource::Fixed), reserved(5_000)];
    let waiting = |by| waiting(pending(5_000, 5_000, 0), &both).by(by);
    waiting(terminal()).when(&Command::Revoke).becomes_with::<User>(
        &[Event::Revoked {}],
        user_id(),
        &[released(5_000)],
    );
    waiting(settler()).when(&redeem()).refused(&TOKEN_NOT_VALID);
    waiting(settler()).when(&Command::Release(TOKEN)).refused(&TOKEN_NOT_VALID);
    waiting(terminal()).when(&Command::Collect).refused(&APPROVAL_PENDING);
    let alone = [user_of(Policy::Reference, LimitSource::Fixed)];
    given::<Approval>(&[pending(5_000, 0, 0)])
        .with::<User>(user_id(), &alone)
        .when(&Command::Revoke)
        .becomes(&[Event::Revoked {}]);
}
