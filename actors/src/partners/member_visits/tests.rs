//! What goods cost whom, and what a payment takes.

use std::time::Duration;

use kippu_events::access::Caller;
use kippu_events::money::Currency;
use kippu_events::partners::contracts::Price;

use super::*;
use crate::given::{Given, NOW, given, id, minor};
use crate::problem;

const SITE: EntityId = EntityId::from_bytes([2; 15]);

fn opened(class: &str) -> Event {
    Event::Opened {
        contract: id(3),
        member: id(7),
        class: class.to_owned(),
        signer: id(6),
        ticket: "5f".repeat(32),
        expires_at: NOW.after(Duration::from_secs(60)),
        capability: TokenHash { key: 1, sha256: "q".repeat(43) },
    }
}

fn ordered(order: u32, amount: u64) -> Event {
    let (item, currency) = ("book".to_owned(), Currency::EUR);
    Event::Ordered { order, item, page: None, amount: minor(amount), currency, terms: 1 }
}

fn order() -> Command {
    let price =
        Price { amount: minor(1_000), currency: Currency::EUR, classes: [("gold".to_owned(), minor(800))].into() };
    Command::Order { contract: id(3), item: "book".to_owned(), page: None, price, terms: 1 }
}

/// The visit `id(1)`, whose holder asks.
fn held(history: &[Event]) -> Given<MemberVisit> {
    given::<MemberVisit>(history).by(Caller::holder_of(EntityKey::of::<MemberVisit>(id(1))))
}

fn said(order: u32, amount: u64) -> Confirmation {
    let (member, site, visit, currency) = (id(7), SITE, id(1), Currency::EUR);
    let expires_at = NOW.after(Duration::from_secs(30));
    Confirmation { member, site, visit, order, amount: minor(amount), currency, expires_at }
}

fn pay(order: u32, confirmation: Option<Confirmation>) -> Command {
    let confirmation = confirmation.map(|said| (said, "6e".repeat(32)));
    Command::Pay { contract: id(3), order, confirmation, to: Some(id(9)), site: SITE }
}

#[test]
fn a_member_of_a_class_pays_its_price_and_a_payment_takes_a_confirmation_of_this_order() {
    held(&[opened("plain")]).when(&order()).becomes(&[ordered(1, 1_000)]);
    held(&[opened("gold"), ordered(1, 800)]).when(&order()).becomes(&[ordered(2, 800)]);
    given::<MemberVisit>(&[opened("gold")]).by(Caller::GUEST).when(&order()).refused(&problem::NOT_IDENTIFIED);
    let over = NOW.after(Duration::from_secs(60));
    held(&[opened("gold")]).at(over).when(&order()).refused(&problem::NOT_IDENTIFIED);
    let history = [opened("gold"), ordered(1, 800)];
    held(&history).when(&pay(1, None)).refused(&refusal::FACTOR_WANTED);
    held(&history).when(&pay(2, Some(said(2, 800)))).refused(&problem::NOT_FOUND);
    for other in [
        said(1, 799),
        said(2, 800),
        Confirmation { visit: id(8), ..said(1, 800) },
        Confirmation { member: id(8), ..said(1, 800) },
    ] {
        held(&history).when(&pay(1, Some(other))).refused(&refusal::NOT_THE_ORDER);
    }
    held(&history)
        .at(NOW.after(Duration::from_secs(30)))
        .when(&pay(1, Some(said(1, 800))))
        .refused(&refusal::FACTOR_WANTED);
    let context = Context {
        now: NOW,
        caller: Caller::holder_of(EntityKey::of::<MemberVisit>(id(1))),
        id: id(1),
        command: kippu_events::event::Mac([1; 16]),
    };
    let bought = Action {
        contract: id(3),
        site: SITE,
        member: id(7),
        kind: Kind::Purchase,
        page: None,
        item: Some("book".to_owned()),
        amount: Some(minor(800)),
        currency: Some(Currency::EUR),
        at: NOW,
    };
    let paid = Event::Paid { order: 1, confirmation: "6e".repeat(32) };
    let action = member_actions::Event::Done { action: bought, to: Some(id(9)) };
    held(&history).when(&pay(1, Some(said(1, 800)))).becomes_with::<MemberAction>(
        std::slice::from_ref(&paid),
        context.child(MemberAction::FAMILY, 0),
        &[action],
    );
    held(&[opened("gold"), ordered(1, 800), paid]).when(&pay(1, Some(said(1, 800)))).refused(&problem::NOT_FOUND);
}

#[test]
fn a_ticket_opens_one_visit_until_its_end() {
    let open = |until: Time| {
        let ticket = Ticket { member: id(7), site: SITE, number: 1, class: "gold".to_owned(), expires_at: until };
        Command::Open { contract: id(3), ticket, signer: id(6), sha256: "5f".repeat(32) }
    };
    let until = NOW.after(Duration::from_secs(60));
    let hashed = Event::Opened {
        contract: id(3),
        member: id(7),
        class: "gold".to_owned(),
        signer: id(6),
        ticket: "5f".repeat(32),
        expires_at: until,
        capability: TokenHash { key: 0, sha256: String::new() },
    };
    given::<MemberVisit>(&[]).when(&open(until)).becomes(std::slice::from_ref(&hashed));
    given::<MemberVisit>(&[]).when(&open(NOW)).refused(&problem::NOT_IDENTIFIED);
    given::<MemberVisit>(&[hashed]).when(&open(until)).refused(&problem::ALREADY_EXISTS);
}
