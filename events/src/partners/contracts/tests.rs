//! Which terms count when, and what the other party is told.

use super::*;

fn at(days: i64) -> Time {
    Time::from_micros(days * 86_400_000_000)
}

fn party(byte: u8) -> EntityId {
    EntityId::from_hash(&[byte; 32])
}

fn proposed(number: u32, from: Time) -> Event {
    let (sha256, terms) = (number.to_string(), Box::new(Terms::sample()));
    Event::Proposed { main: party(1), partner: party(2), number, from, sha256, terms, here: true }
}

fn after(events: &[Event]) -> Known {
    let contract: Contract = crate::entity::fold(events);
    contract.known().expect("it was proposed").clone()
}

const fn accepted(number: u32) -> Event {
    Event::Accepted { number, here: false }
}

#[test]
fn accepted_terms_count_from_their_time_to_that_of_the_next_ones_and_to_the_end() {
    let end = Event::Ended { at: at(30), by: Side::Partner, here: false };
    let known = after(&[
        proposed(1, at(10)),
        accepted(1),
        proposed(2, at(15)),
        Event::Declined { number: 2, reason: None, here: false },
        proposed(3, at(20)),
        accepted(3),
        proposed(4, at(25)),
        end,
    ]);
    let number = |days| known.at(at(days)).map(|version| version.number);
    assert_eq!([9, 10, 19, 20, 26, 29, 30].map(number), [None, Some(1), Some(1), Some(3), Some(3), Some(3), None]);
}

#[test]
fn an_answer_stays_as_it_was_given_first() {
    let declined = Event::Declined { number: 1, reason: None, here: false };
    let known = after(&[proposed(1, at(10)), accepted(1), declined.clone()]);
    assert!(known.at(at(10)).is_some());
    let known = after(&[proposed(1, at(10)), declined, accepted(1)]);
    assert!(known.at(at(10)).is_none());
}

#[test]
fn the_other_party_is_told_what_was_done_here_one_after_the_other() {
    let ended = |by| Event::Ended { at: at(30), by, here: true };
    let known = after(&[proposed(1, at(10)), accepted(1), ended(Side::Main)]);
    let news: Vec<News> = known.untold.iter().map(|(news, _)| *news).collect();
    assert_eq!(news, [News::Proposed(1), News::Ended(at(30), Side::Main)]);
    assert_eq!((known.told_to(news[0]), known.told_to(News::Accepted(1))), (party(2), party(1)));
    let known = after(&[proposed(1, at(10)), Event::Told { attempt: 0 }, ended(Side::Main)]);
    assert_eq!((known.untold.len(), known.told), (1, 1));
    assert_eq!(after(&[proposed(1, at(10)), Event::Told { attempt: 0 }, Event::Told { attempt: 1 }]).untold, []);
}

#[test]
fn before_a_proposal_there_is_no_contract() {
    for early in [accepted(1), Event::Told { attempt: 0 }] {
        assert_eq!(crate::entity::fold::<Contract>(&[early]), Contract::Absent);
    }
    assert_ne!(id_of(party(1), party(2)), id_of(party(2), party(1)));
}
