//! A settlement that comes to nothing owes a release until nothing is reserved.

use super::*;
use crate::approvals::settlements::refusal::{DELIVERY_BEGUN, SETTLEMENT_DONE, SETTLEMENT_OVER};
use crate::problem::{NO_OUTCOME, NOT_DUE, NOT_FOUND};

/// Every state before the settlement.
fn open_states() -> Vec<Vec<Event>> {
    let all = fetchable();
    (1..=all.len()).map(|end| all[..end].to_vec()).collect()
}

/// Shows D42.
#[test]
fn it_is_called_off_before_it_is_settled_by_the_operator_and_by_who_presented_it() {
    let terminal = caller(Role::Terminal, PRESENTER);
    let operators = [Caller::OPERATOR, caller(Role::Operator, 8)];
    for history in open_states() {
        let next = owed(&history).map_or(6, |(attempt, _)| attempt + 1);
        for (by, callers) in [(By::Operator, operators), (By::Buyer, [holder(), terminal])] {
            for caller in callers {
                after(&history).by(caller).when(&Command::Cancel).becomes(&[cancelled(by)]);
            }
            let (attempt, to) = owed(&[&history[..], &[cancelled(by)]].concat()).unwrap();
            assert!(attempt >= next && to == id(ISSUER), "{attempt}");
        }
    }
}

#[test]
fn what_is_settled_or_over_is_not_called_off() {
    let over = vec![presented(), cancelled(By::Buyer), Event::Released { attempt: 2, reason: None }];
    for caller in [Caller::OPERATOR, holder()] {
        after(&paid()).by(caller).when(&Command::Cancel).refused(&SETTLEMENT_DONE);
        after(&over[..2]).by(caller).when(&Command::Cancel).refused(&SETTLEMENT_OVER);
        after(&over).by(caller).when(&Command::Cancel).refused(&SETTLEMENT_OVER);
    }
    after(&[]).when(&Command::Cancel).refused(&NOT_FOUND);
}

/// Shows D42.
#[test]
fn who_has_got_a_part_does_not_call_it_off() {
    let begun = [&fetchable()[..], &[received(&[1])]].concat();
    after(&begun).by(holder()).when(&Command::Cancel).refused(&DELIVERY_BEGUN);
    after(&begun).when(&Command::Cancel).becomes(&[cancelled(By::Operator)]);
}

/// Shows D32, D42.
#[test]
fn what_nobody_fetches_in_time_is_not_charged_and_what_was_begun_is() {
    let over = NOW.after(BUYER_WAIT);
    let at = |history: &[Event], time| after(history).by(Caller::DEADLINE).at(time).when(&Command::TimeUp);
    at(&fetchable(), just_before(over)).refused(&NOT_DUE);
    at(&fetchable(), over).becomes(&[cancelled(By::Deadline)]);
    assert_eq!(owed(&[&fetchable()[..], &[cancelled(By::Deadline)]].concat()).unwrap().1, id(ISSUER));
    let begun = [&fetchable()[..], &[received(&[1])]].concat();
    at(&begun, over).becomes(&[settled_at(1_000, over)]);
}

#[test]
fn a_release_is_owed_until_the_issuer_says_that_nothing_is_reserved() {
    let ended = [presented(), timed_out(1, By::Issuer)];
    assert_eq!(owed(&ended), Some((2, id(ISSUER))));
    let released = |reason: Option<&str>| Event::Released { attempt: 2, reason: reason.map(str::to_owned) };
    when_came(&ended, 2, 200, &json!({})).becomes(&[released(None)]);
    for slug in ["approval-expired", "already-redeemed", "approval-revoked"] {
        when_came(&ended, 2, 409, &problem(slug)).becomes(&[released(Some(slug))]);
    }
    when_came(&ended, 2, 404, &problem("token-not-valid")).becomes(&[released(Some("token-not-valid"))]);
    let over = [&ended[..], &[released(None)]].concat();
    assert_eq!(owed(&over), None);
    when_came(&over, 2, 200, &json!({})).refused(&NOT_DUE);
}

#[test]
fn a_release_that_the_issuer_does_not_listen_to_stays_owed() {
    let ended = [presented(), timed_out(1, By::Issuer)];
    for (status, slug) in [(403, "forbidden"), (401, "unauthenticated"), (404, "not-found"), (422, "invalid-body")] {
        when_came(&ended, 2, status, &problem(slug)).refused(&NO_OUTCOME);
    }
}

#[test]
fn an_early_or_second_deadline_does_nothing_in_any_state() {
    let noticed = [&paid()[..], &[Event::Noticed { attempt: 5 }]].concat();
    let over = vec![presented(), cancelled(By::Buyer), Event::Released { attempt: 2, reason: None }];
    for history in open_states().into_iter().chain([vec![], paid(), noticed, over]) {
        after(&history).by(Caller::DEADLINE).when(&Command::TimeUp).refused(&NOT_DUE);
    }
}
