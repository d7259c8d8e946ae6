//! Where a request stands, by what happened to it.

use super::*;
use crate::entity::fold;
use crate::opaque::TokenHash;

const P: Side = Side::Partner;
const M: Side = Side::Main;

/// A purchase with its steps at these sites.
fn opened(sites: [Side; 4]) -> Event {
    let [page, contract, main, stock] = [1, 2, 3, 4].map(|byte| EntityId::from_hash(&[byte; 32]));
    let tasks = Step::of("buy").iter().zip(sites).map(|(step, at)| Task { step: *step, at }).collect();
    Event::Opened {
        page,
        wanted: Wanted { kind: "buy".to_owned(), article: "a".to_owned(), quantity: 1 },
        stock,
        bound: Some(Bound { contract, main, answer_secs: 1, hold_secs: 1, collecting: None }),
        mode: Mode::Partner,
        tasks,
        capability: TokenHash { key: 1, sha256: String::new() },
    }
}

fn done(step: Step) -> Event {
    Event::StepDone { step, found: Found::default() }
}

fn refused(step: Step) -> Event {
    Event::StepRefused { step, reason: "no".to_owned() }
}

const TOLD: Event = Event::Told { attempt: 0, until: None };

fn after(sites: [Side; 4], more: &[Event]) -> (Phase, Reserved) {
    let state = fold::<PageRequest>(&[&[opened(sites)], more].concat());
    let known = state.known().expect("it was opened");
    (known.phase.clone(), known.reserved)
}

#[test]
fn a_request_whose_steps_are_all_here_sells_with_the_last() {
    let steps = Step::of("buy").iter().map(|step| done(*step)).collect::<Vec<_>>();
    assert_eq!(after([P; 4], &[]), (Phase::Ready, Reserved::Nowhere));
    assert_eq!(after([P; 4], &steps[..2]), (Phase::Ready, Reserved::Here));
    assert_eq!(after([P; 4], &steps), (Phase::Over, Reserved::Nowhere));
    assert_eq!(after([P; 4], &[&steps[..2], &[refused(Step::Payment)]].concat()), (Phase::Over, Reserved::Nowhere));
}

#[test]
fn stock_of_the_other_site_is_settled_there_once_the_rest_is_known() {
    let sites = [P, M, P, P];
    let [price, stock, payment, delivery] = [Step::Price, Step::Stock, Step::Payment, Step::Delivery].map(done);
    let reserved = [price.clone(), TOLD, stock.clone()];
    assert_eq!(after(sites, &reserved[..1]), (Phase::Entrusting, Reserved::Nowhere));
    assert_eq!(after(sites, &reserved[..2]), (Phase::Entrusted, Reserved::Nowhere));
    assert_eq!(after(sites, &reserved), (Phase::Ready, Reserved::There(1)));
    let sold = [&reserved[..], &[payment, delivery]].concat();
    assert_eq!(after(sites, &sold), (Phase::Settling { sold: true }, Reserved::There(1)));
    assert_eq!(after(sites, &[sold, vec![TOLD]].concat()), (Phase::Over, Reserved::Nowhere));
    let failed = [&reserved[..], &[refused(Step::Payment)]].concat();
    assert_eq!(after(sites, &failed), (Phase::Settling { sold: false }, Reserved::There(1)));
    // What comes before word that it was told counts all the same.
    assert_eq!(after(sites, &[price, stock]), (Phase::Ready, Reserved::There(1)));
}

#[test]
fn who_takes_the_last_step_with_its_stock_sells_or_releases_by_itself() {
    let steps = Step::of("buy").iter().map(|step| done(*step)).collect::<Vec<_>>();
    for sites in [[M; 4], [P, M, M, M]] {
        assert_eq!(after(sites, &steps), (Phase::Over, Reserved::Nowhere), "{sites:?}");
        let failed = [&steps[..2], &[refused(Step::Payment)]].concat();
        assert_eq!(after(sites, &failed), (Phase::Over, Reserved::Nowhere), "{sites:?}");
    }
    // Another part of it does not.
    let failed = [&steps[..3], &[refused(Step::Delivery)]].concat();
    assert_eq!(after([P, M, P, M], &failed), (Phase::Settling { sold: false }, Reserved::There(1)));
}

#[test]
fn it_lies_beside_the_stock_of_its_article() {
    let [main, request] = [3, 4].map(|byte| EntityId::from_hash(&[byte; 32]));
    let id = |article, first| entrusted_id(main, article, request, first);
    assert_eq!(id("a", 0).slot(), stocks::id_of(main, "a").slot());
    assert_ne!(id("a", 0), id("a", 1));
}
