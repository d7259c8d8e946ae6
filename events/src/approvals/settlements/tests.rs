//! What histories of a settlement mean.

use super::*;
use crate::entity::fold;

/// The samples, by their places in the list.
fn after(events: &[Event]) -> Settlement {
    fold(events)
}

fn sample(kind: &str) -> Event {
    let is_kind = |event: &Event| serde_json::to_value(event).unwrap()["type"] == format!("settlement.{kind}");
    Settlement::samples().into_iter().find(is_kind).unwrap()
}

fn samples(kinds: &[&str]) -> Vec<Event> {
    kinds.iter().map(|kind| sample(kind)).collect()
}

const TO_SETTLED: [&str; 7] =
    ["presented", "permitted", "contents_named", "content_held", "available", "received", "settled"];

fn settled(further: &[&str]) -> Settled {
    match after(&samples(&[&TO_SETTLED[..], further].concat())) {
        Settlement::Settled(settled) => settled,
        other => panic!("settled, but {other:?}"),
    }
}

#[test]
fn a_settlement_goes_from_its_presentation_to_its_notice_with_a_number_for_each_thing_that_is_owed() {
    let mut last = 0;
    for end in 1..=4 {
        let Settlement::Open(open) = after(&samples(&TO_SETTLED[..end])) else { panic!("it is open") };
        assert!(open.step.attempt > last, "{:?}", open.phase);
        last = open.step.attempt;
    }
    let state = settled(&[]);
    assert!(state.step.attempt > last && state.notice == Notice::Owed);
    assert_eq!((state.amount, state.delivery.is_received()), (Minor::new(1_177).unwrap(), true));
    assert_eq!(settled(&["noticed"]).notice, Notice::Taken);
}

#[test]
fn a_content_is_available_from_when_the_buyer_may_have_it_until_it_was_received() {
    for end in 0..=TO_SETTLED.len() {
        let is_available = after(&samples(&TO_SETTLED[..end])).available(1).is_some();
        assert_eq!(is_available, TO_SETTLED[..end].last() == Some(&"available"), "{:?}", &TO_SETTLED[..end]);
    }
    let paid_first = ["presented", "permitted", "contents_named", "content_held", "settled"];
    assert!(after(&samples(&paid_first)).available(1).is_some());
    assert!(after(&samples(&paid_first)).available(2).is_none(), "no such content");
    assert!(after(&samples(&[&paid_first[..], &["received"]].concat())).available(1).is_none());
}

#[test]
fn what_the_shop_delivers_itself_is_not_available_here() {
    let mut events = samples(&["presented", "permitted", "contents_named"]);
    if let Some(Event::ContentsNamed { direct, .. }) = events.last_mut() {
        *direct = true;
    }
    let Settlement::Open(Open { phase: Phase::Named { delivery, .. }, .. }) = after(&events) else { panic!("named") };
    assert_eq!(delivery.next(), None);
    events.push(sample("settled"));
    assert_eq!(after(&events).available(1), None);
}

#[test]
fn what_ends_before_it_is_settled_owes_a_release_until_that_is_done() {
    for end in 1..=6 {
        for (ending, why) in [("timed_out", Why::TimedOut), ("cancelled", Why::Cancelled)] {
            let history = [&TO_SETTLED[..end], &[ending]].concat();
            let Settlement::Releasing(releasing) = after(&samples(&history)) else { panic!("{history:?}") };
            assert_eq!(releasing.reason.why, why);
            let over = after(&samples(&[&history[..], &["released"]].concat()));
            assert_eq!(over, Settlement::Over(releasing.reason));
        }
    }
    let refused = Reason { by: By::Issuer, why: Why::Refused("approval-expired".to_owned()) };
    assert_eq!(after(&samples(&["presented", "refused"])), Settlement::Over(refused), "nothing was reserved");
    let by_shop = Event::Refused { attempt: 2, by: By::Shop, reason: "sold-out".to_owned() };
    let history = [samples(&["presented", "permitted"]), vec![by_shop]].concat();
    assert!(matches!(after(&history), Settlement::Releasing(_)));
}

#[test]
fn what_is_over_is_over_for_every_event() {
    let over = samples(&["presented", "cancelled", "released"]);
    for late in Settlement::samples() {
        assert_eq!(after(&[&over[..], &[late]].concat()), after(&over));
    }
    for early in Settlement::samples().into_iter().skip(1) {
        assert_eq!(after(&[early]), Settlement::Absent);
    }
}

#[test]
fn a_price_that_is_settled_is_neither_settled_again_nor_refused() {
    let before = settled(&[]);
    for late in ["settled", "permitted", "refused", "timed_out", "cancelled", "released", "content_held", "available"] {
        assert_eq!(settled(&[late]), before, "{late}");
    }
}

#[test]
fn a_refund_waits_for_the_notice_and_adds_up() {
    let early = settled(&["refund_ordered"]);
    assert_eq!((early.step, early.refund), (settled(&[]).step, Minor::new(177)));
    assert_eq!(settled(&["refund_ordered", "refunded"]).refunded, Minor::ZERO, "not before the notice");
    let twice = settled(&["noticed", "refund_ordered", "refunded", "refund_ordered", "refunded"]);
    assert_eq!((twice.refunded, twice.refund), (Minor::new(354).unwrap(), None));
    let refused = settled(&["noticed", "refund_ordered", "refund_refused"]);
    assert_eq!((refused.refunded, refused.refund), (Minor::ZERO, None));
    assert!(twice.step.attempt > refused.step.attempt);
}

#[test]
fn the_shop_knows_the_most_that_it_was_told_and_each_message_has_a_number_of_its_own() {
    let told = |total| Event::RefundTold { attempt: 7, total: Minor::new(total).unwrap() };
    let given = samples(&[&TO_SETTLED[..], &["noticed", "refund_ordered", "refunded"]].concat());
    let knows = |further: Vec<Event>| match after(&[given.clone(), further].concat()) {
        Settlement::Settled(settled) => settled,
        other => panic!("settled, but {other:?}"),
    };
    assert_eq!((knows(vec![]).told, knows(vec![told(177)]).told), (Minor::ZERO, Minor::new(177).unwrap()));
    assert_eq!(knows(vec![told(177), told(100)]).told, Minor::new(177).unwrap());
    let again = knows(vec![sample("refund_ordered"), sample("refund_refused")]);
    assert!(again.step.attempt > knows(vec![sample("refund_ordered")]).step.attempt);
    assert!(knows(vec![]).step.attempt > settled(&["noticed", "refund_ordered"]).step.attempt);
}

#[test]
fn a_terminal_that_made_the_purchase_information_has_the_shop_asked_for_an_offer_first() {
    let mut events = samples(&["presented", "permitted"]);
    if let Some(Event::Presented { offer, .. }) = events.first_mut() {
        *offer = None;
    }
    let Settlement::Open(Open { terms, step, phase: Phase::Permitted { offer: None, .. } }) = after(&events) else {
        panic!("permitted")
    };
    assert_eq!(terms.wanted.len(), 1);
    events.push(sample("contents_named"));
    assert!(matches!(after(&events), Settlement::Open(Open { phase: Phase::Permitted { .. }, .. })), "nothing offered");
    events.push(sample("offered"));
    let Settlement::Open(offered) = after(&events) else { panic!("permitted") };
    assert!(matches!(offered.phase, Phase::Permitted { offer: Some(_), .. }) && offered.step.attempt > step.attempt);
}
