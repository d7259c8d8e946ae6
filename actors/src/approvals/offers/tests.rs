//! The rules of offers, one by one, and what a shop answers.

mod property;
mod requests;

use std::time::Duration;

use kippu_events::access::{Caller, Role, Roles};
use kippu_events::approvals::offers::{Event, Item, Made, Numbered, Offer};
use kippu_events::approvals::products::{Content, Kind};
use kippu_events::approvals::shop_terms::Terms;
use kippu_events::secrets::TokenHash;
use kippu_events::{Entity as _, EntityId, Time};

use super::request::{Asked, Command, GRACE_SECS, MOST_PUSHES, PUSH_SECS};
use super::{decide, refusal};
use crate::actor::{Actor as _, Context};
use crate::given::{Given, NOW, currency, given, id, minor};
use crate::problem;

const HOUR: Duration = Duration::from_secs(3_600);

fn peer(n: u8, role: Role) -> Caller {
    Caller::of_peer(id(n), Roles::one(role))
}

fn settler() -> Caller {
    peer(5, Role::Settler)
}

fn item(n: u8, quantity: u32, price: u64) -> Item {
    let content =
        Content { name: format!("{n}.ogg"), media_type: "audio/ogg".to_owned(), sha256: "5f".repeat(32), size: 7 };
    let (name, kind, contents) = (format!("product {n}"), Kind::Digital, vec![content]);
    Item { product: id(n), version: 3, name, kind, quantity, price: minor(price), contents }
}

/// Two items, of 3.00 and of 2 times 0.50, for an hour.
fn asked() -> Asked {
    let terms = Terms { settlers: vec![id(5), id(6)], currency: currency("EUR"), offer_secs: 3_600, direct: false };
    let keys = kippu_events::access::signing_keys::SigningKeys { rotated: vec![(1, NOW), (2, NOW.after(HOUR))] };
    Asked { items: vec![item(1, 1, 300), item(2, 2, 50)], total: minor(400), terms, terms_version: 4, keys }
}

fn made() -> Event {
    let context = Context { now: NOW, caller: Caller::GUEST, id: id(1), command: kippu_events::event::Mac([1; 16]) };
    decide::open(&Offer::Absent, &asked(), &context).unwrap()
}

fn token(key: u32) -> TokenHash {
    TokenHash { key, sha256: "hash".to_owned() }
}

fn deliver(items: Option<&[u16]>) -> Command {
    Command::Deliver { items: items.map(<[u16]>::to_vec), capability: token(1) }
}

fn as_made() -> Made {
    let mut offer = Offer::default();
    offer.evolve(&made(), NOW);
    offer.made().unwrap().clone()
}

fn delivered(by: u8, places: &[u16]) -> Event {
    let (items, amount) = as_made().taken(places).unwrap();
    let contents = as_made().contents(places);
    let (currency, capability) = (currency("EUR"), token(1));
    Event::Delivered { settler: id(by), items, amount, currency, contents, direct: false, capability }
}

/// An offer with this further history.
fn offer(further: &[Event]) -> Given<Offer> {
    given::<Offer>(&[&[made()], further].concat())
}

fn end() -> Time {
    NOW.after(HOUR)
}

/// Shows D3.
#[test]
fn an_offer_is_made_once_on_the_terms_of_the_shop_and_names_the_key_that_signs_now() {
    let open = || Command::Open(Box::new(asked()));
    let Event::Made { total, settlers, made_at, expires_at, terms_version, signing_key, .. } = made() else {
        panic!("it is made")
    };
    assert_eq!((total, settlers, terms_version, signing_key), (minor(400), vec![id(5), id(6)], 4, 1));
    assert_eq!((made_at, expires_at), (NOW, end()));
    given::<Offer>(&[]).by(Caller::GUEST).when(&open()).becomes(&[made()]);
    offer(&[]).when(&open()).refused(&problem::ALREADY_EXISTS);
    offer(&[delivered(5, &[0, 1])]).when(&open()).refused(&problem::ALREADY_EXISTS);
}

/// Shows D41.
#[test]
fn only_a_settler_that_the_offer_names_is_delivered_to() {
    offer(&[]).by(settler()).when(&deliver(None)).becomes(&[delivered(5, &[0, 1])]);
    for stranger in [peer(7, Role::Settler), Caller::OPERATOR] {
        let refusal = if stranger.party().is_some() { &refusal::NOT_YOUR_OFFER } else { &problem::FORBIDDEN };
        offer(&[]).by(stranger).when(&deliver(None)).refused(refusal);
        offer(&[delivered(5, &[0, 1])]).by(stranger).when(&deliver(None)).refused(refusal);
    }
    given::<Offer>(&[]).by(settler()).when(&deliver(None)).refused(&refusal::NOT_YOUR_OFFER);
}

#[test]
fn an_offer_is_taken_once_by_whomever() {
    let taken = [delivered(5, &[0, 1])];
    for settler in [settler(), peer(6, Role::Settler)] {
        offer(&taken).by(settler).when(&deliver(None)).refused(&refusal::OFFER_DELIVERED);
    }
}

/// Shows D42.
#[test]
fn a_part_of_an_offer_is_delivered_for_what_that_part_costs() {
    let part = delivered(5, &[1]);
    let Event::Delivered { amount, contents, .. } = &part else { panic!("it is delivered") };
    assert_eq!((amount.units(), contents.iter().map(|Numbered { n, .. }| *n).collect::<Vec<_>>()), (100, vec![1]));
    offer(&[]).by(settler()).when(&deliver(Some(&[1]))).becomes(std::slice::from_ref(&part));
    for other in [None, Some(&[0][..]), Some(&[1]), Some(&[0, 1])] {
        offer(std::slice::from_ref(&part)).by(settler()).when(&deliver(other)).refused(&refusal::OFFER_DELIVERED);
    }
    offer(&[]).by(settler()).when(&deliver(Some(&[2]))).refused(&problem::INVALID_BODY);
}

#[test]
fn an_offer_is_delivered_until_a_day_after_its_end() {
    let over = end().after(Duration::from_secs(GRACE_SECS.into()));
    let before = Time::from_micros(over.micros() - 1);
    offer(&[]).by(settler()).at(before).when(&deliver(None)).becomes(&[delivered(5, &[0, 1])]);
    offer(&[]).by(settler()).at(over).when(&deliver(None)).refused(&refusal::OFFER_OVER);
}

fn refunded(amount: u64, total: u64) -> Event {
    let (amount, total) = (minor(amount), minor(total));
    Event::Refunded { settler: id(5), amount, currency: currency("EUR"), total }
}

/// Shows D42.
#[test]
fn who_took_an_offer_tells_what_it_gave_back_in_all_and_what_was_told_before_counts_once() {
    let told = |total, of| Command::Refunded { total: minor(total), currency: currency(of) };
    let taken = delivered(5, &[0, 1]);
    let history = |further: &[Event]| offer(&[std::slice::from_ref(&taken), further].concat());
    history(&[]).by(settler()).when(&told(150, "EUR")).becomes(&[refunded(150, 150)]);
    history(&[refunded(150, 150)]).by(settler()).when(&told(400, "EUR")).becomes(&[refunded(250, 400)]);
    for known in [0, 149, 150] {
        let then = history(&[refunded(150, 150)]).by(settler()).when(&told(known, "EUR"));
        then.refused(&refusal::REFUND_KNOWN);
    }
    history(&[]).by(settler()).when(&told(401, "EUR")).refused(&problem::REFUND_EXCEEDS_SETTLEMENT);
    offer(&[delivered(5, &[1])]).by(settler()).when(&told(101, "EUR")).refused(&problem::REFUND_EXCEEDS_SETTLEMENT);
    history(&[]).by(settler()).when(&told(1, "JPY")).refused(&problem::INVALID_BODY);
    // Also not another one that the offer names.
    history(&[]).by(peer(6, Role::Settler)).when(&told(1, "EUR")).refused(&refusal::NOT_YOUR_OFFER);
    offer(&[]).by(settler()).when(&told(1, "EUR")).refused(&refusal::NOT_YOUR_OFFER);
    given::<Offer>(&[]).by(settler()).when(&told(1, "EUR")).refused(&refusal::NOT_YOUR_OFFER);
}

fn push_asked(attempt: u32) -> Event {
    Event::PushAsked { to: id(8), attempt }
}

fn failed(attempt: u32, reason: &str) -> Event {
    Event::PushFailed { attempt, reason: reason.to_owned() }
}

const PUSH: Command = Command::Push { to: id8() };

const fn id8() -> EntityId {
    EntityId::from_bytes([8; EntityId::BYTES])
}

/// Shows D9.
#[test]
fn an_offer_is_sent_to_one_authentication_server_at_a_time_while_it_stands() {
    let done = Event::PushDone { attempt: 1 };
    offer(&[]).when(&PUSH).becomes(&[push_asked(1)]);
    offer(&[delivered(5, &[0])]).when(&PUSH).becomes(&[push_asked(1)]);
    offer(&[push_asked(1)]).when(&PUSH).refused(&refusal::PUSH_PENDING);
    offer(&[push_asked(1), done]).when(&PUSH).becomes(&[push_asked(2)]);
    offer(&[push_asked(1), failed(1, "r")]).when(&PUSH).becomes(&[push_asked(2)]);
    offer(&[]).at(end()).when(&PUSH).refused(&refusal::OFFER_OVER);
    given::<Offer>(&[]).when(&PUSH).refused(&problem::NOT_FOUND);
    let often: Vec<Event> = (1..=MOST_PUSHES).flat_map(|n| [push_asked(n), failed(n, "r")]).collect();
    offer(&often).when(&PUSH).refused(&refusal::PUSHED_OFTEN);
}

/// Shows D9.
#[test]
fn the_outcome_of_a_push_counts_once_and_only_its_own() {
    let pushed = |attempt, refusal: Option<&str>| Command::Pushed { attempt, refusal: refusal.map(str::to_owned) };
    let node = Caller::ACTIVITY;
    offer(&[push_asked(1)]).by(node).when(&pushed(1, None)).becomes(&[Event::PushDone { attempt: 1 }]);
    offer(&[push_asked(1)]).by(node).when(&pushed(1, Some("forbidden"))).becomes(&[failed(1, "forbidden")]);
    for (history, attempt) in [
        (&[][..], 1),
        (&[push_asked(1)], 2),
        (&[push_asked(1), Event::PushDone { attempt: 1 }], 1),
        (&[push_asked(1), failed(1, "gave-up")], 1),
    ] {
        offer(history).by(node).when(&pushed(attempt, None)).refused(&problem::NOT_DUE);
    }
}

#[test]
fn a_push_is_given_up_when_the_offer_ends_and_after_a_day_at_the_latest() {
    let give_up = Command::GiveUp;
    let before = Time::from_micros(end().micros() - 1);
    offer(&[push_asked(1)]).by(Caller::DEADLINE).at(before).when(&give_up).refused(&problem::NOT_DUE);
    offer(&[push_asked(1)]).by(Caller::DEADLINE).at(end()).when(&give_up).becomes(&[failed(1, "gave-up")]);
    offer(&[]).by(Caller::DEADLINE).at(end()).when(&give_up).refused(&problem::NOT_DUE);
    let mut long = Offer::default();
    let Event::Made { items, total, currency, settlers, direct, made_at, terms_version, signing_key, .. } = made()
    else {
        panic!("it is made")
    };
    let expires_at = NOW.after(7 * 24 * HOUR);
    long.evolve(
        &Event::Made { items, total, currency, settlers, direct, made_at, expires_at, terms_version, signing_key },
        NOW,
    );
    assert!(long.due().is_none() && long.owed(id(1)).is_none());
    long.evolve(&push_asked(1), NOW);
    assert_eq!(long.due().map(|(at, _)| at), Some(NOW.after(Duration::from_secs(PUSH_SECS.into()))));
    assert_eq!(long.owed(id(1)).map(|owed| (owed.to, owed.attempt, owed.since)), Some((id(8), 1, NOW)));
}
