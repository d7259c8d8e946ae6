//! What is brought, and what follows from what the partner site says.

use std::time::Duration;

use kippu_events::access::{Caller, Role};
use kippu_events::blobs::BlobId;
use kippu_events::partners::contracts::{self, Contract, Part, Side, Terms};
use kippu_events::partners::page_deliveries::{Event, PageDelivery, id_of};
use kippu_events::partners::pages::{Content, Decliner, MediaType, Own, PagePath, Recipe, Shown, Writer};
use kippu_events::{EntityId, EntityKey, Time};

use super::request::Command;
use super::{not_hashed, refusal};
use crate::given::{Given, NOW, caller, given, id};
use crate::problem;

const MAIN: EntityId = EntityId::from_bytes([1; 15]);
const PARTNER: EntityId = EntityId::from_bytes([2; 15]);
/// After so long it is brought once more.
const SECS: u32 = 600;

fn path() -> PagePath {
    PagePath::try_from("offers/index.html".to_owned()).unwrap()
}

fn content(revision: u32) -> Content {
    let media_type = MediaType::try_from("text/html".to_owned()).unwrap();
    Content { sha256: BlobId([u8::try_from(revision).unwrap(); 32]), media_type, size: 5 }
}

fn contract() -> EntityId {
    contracts::id_of(MAIN, PARTNER)
}

fn order(revision: u32) -> Command {
    let (content, by) = (content(revision), Writer::Own);
    let shown = Some(Shown::plain(revision, content, by, NOW));
    let (recipe, former) = (Recipe::default(), Vec::new());
    let page = Own {
        path: path(),
        tie_up: true,
        part: Part::Content,
        category: None,
        recipe,
        shown,
        next: None,
        failed: None,
        former,
    };
    Command::Order { contract: contract(), page: Box::new(page) }
}

fn ordered(revision: u32) -> Event {
    let (contract, partner, path, content) = (contract(), PARTNER, path(), content(revision));
    Event::Ordered {
        contract,
        partner,
        path,
        revision,
        content,
        part: Part::Content,
        capability: not_hashed(),
        category: None,
        layout: None,
        links: false,
    }
}

/// A contract on these terms, in force now.
fn in_force(terms: Terms) -> Vec<contracts::Event> {
    let (from, sha256, terms) = (Time::default(), String::new(), Box::new(terms));
    let proposed =
        contracts::Event::Proposed { main: MAIN, partner: PARTNER, number: 1, from, sha256, terms, here: true };
    vec![proposed, contracts::Event::Accepted { number: 1, here: false }]
}

/// A delivery with this history, next to its contract.
fn delivery(history: &[Event], contract_history: &[contracts::Event]) -> Given<PageDelivery> {
    given::<PageDelivery>(history).with::<Contract>(contract(), contract_history)
}

fn report(by: EntityId, revision: u32, declined: Option<Decliner>) -> Command {
    Command::Report { by: Some(by), revision, sha256: content(revision).sha256, declined, reason: None }
}

fn declined(revision: u32, again_at: Option<Time>) -> Event {
    Event::Declined { revision, sha256: content(revision).sha256, by: Decliner::Manager, reason: None, again_at }
}

/// Shows B10.
#[test]
fn a_page_is_ordered_by_a_contract_in_force_that_has_its_part_and_only_if_it_is_newer() {
    let contract = in_force(Terms::sample());
    delivery(&[], &contract).when(&order(1)).becomes(&[ordered(1)]);
    // The newest counts, whatever became of those before.
    delivery(&[ordered(1)], &contract).when(&order(3)).becomes(&[ordered(3)]);
    delivery(&[ordered(3)], &contract).when(&order(3)).refused(&problem::NOT_DUE);
    delivery(&[ordered(3)], &contract).when(&order(2)).refused(&problem::NOT_DUE);
    given::<PageDelivery>(&[]).when(&order(1)).refused(&refusal::NO_CONTRACT);
    let mut links = Terms::sample();
    links.parts = [Part::Links].into();
    delivery(&[], &in_force(links)).when(&order(1)).refused(&refusal::NO_CONTRACT);
    let over = [contract, vec![contracts::Event::Ended { at: NOW, by: Side::Main, here: true }]].concat();
    delivery(&[], &over).when(&order(1)).refused(&refusal::NO_CONTRACT);
}

#[test]
fn the_partner_alone_tells_what_became_of_the_newest_revision_once() {
    let contract = in_force(Terms::sample());
    let taken = [ordered(1), Event::Taken { attempt: 1 }];
    let applied = Event::Applied { revision: 1, sha256: content(1).sha256 };
    delivery(&taken, &contract).when(&report(PARTNER, 1, None)).becomes(std::slice::from_ref(&applied));
    // It may be told before the answer to the order is on record.
    delivery(&taken[..1], &contract).when(&report(PARTNER, 1, None)).becomes(std::slice::from_ref(&applied));
    delivery(&taken, &contract).when(&report(id(9), 1, None)).refused(&problem::FORBIDDEN);
    delivery(&taken, &contract).when(&report(PARTNER, 2, None)).refused(&refusal::OTHER_REVISION);
    let told = [taken.to_vec(), vec![applied]].concat();
    delivery(&told, &contract).when(&report(PARTNER, 1, None)).refused(&refusal::OTHER_REVISION);
    let late = Command::CameOf { attempt: 1, refusal: None };
    delivery(&told, &contract).when(&late).refused(&problem::NOT_DUE);
    given::<PageDelivery>(&[]).when(&report(PARTNER, 1, None)).refused(&problem::NOT_FOUND);
}

/// Shows B15.
#[test]
fn what_was_declined_is_brought_once_more_after_a_while_or_once_somebody_says_so() {
    let taken = [ordered(1), Event::Taken { attempt: 1 }];
    let no = report(PARTNER, 1, Some(Decliner::Manager));
    let manual = in_force(Terms::sample());
    delivery(&taken, &manual).when(&no).becomes(&[declined(1, None)]);
    let mut terms = Terms::sample();
    terms.pages.again_secs = Some(SECS);
    let auto = in_force(terms);
    let again_at = NOW.after(Duration::from_secs(SECS.into()));
    delivery(&taken, &auto).when(&no).becomes(&[declined(1, Some(again_at))]);

    let waiting = [taken.to_vec(), vec![declined(1, Some(again_at))]].concat();
    delivery(&waiting, &auto).when(&Command::TimeUp).refused(&problem::NOT_DUE);
    delivery(&waiting, &auto).at(again_at).when(&Command::TimeUp).becomes(&[ordered(1)]);
    let over = [auto, vec![contracts::Event::Ended { at: again_at, by: Side::Main, here: true }]].concat();
    let ended = Event::Refused { attempt: 3, reason: refusal::NO_CONTRACT.slug.to_owned() };
    delivery(&waiting, &over).at(again_at).when(&Command::TimeUp).becomes(&[ended]);

    let given_up = [taken.to_vec(), vec![declined(1, None)]].concat();
    delivery(&given_up, &manual).at(again_at).when(&Command::TimeUp).refused(&problem::NOT_DUE);
    delivery(&given_up, &manual).when(&Command::Again).becomes(&[ordered(1)]);
    delivery(&taken, &manual).when(&Command::Again).refused(&refusal::NOT_OVER);
}

#[test]
fn the_node_of_the_partner_takes_it_or_wants_nothing_of_it() {
    let contract = in_force(Terms::sample());
    let came = |attempt, refusal: Option<&str>| Command::CameOf { attempt, refusal: refusal.map(str::to_owned) };
    delivery(&[ordered(1)], &contract).when(&came(1, None)).becomes(&[Event::Taken { attempt: 1 }]);
    let refused = Event::Refused { attempt: 1, reason: "page-not-writable".to_owned() };
    delivery(&[ordered(1)], &contract)
        .when(&came(1, Some("page-not-writable")))
        .becomes(std::slice::from_ref(&refused));
    delivery(&[ordered(1), ordered(2)], &contract).when(&came(1, None)).refused(&problem::NOT_DUE);
    delivery(&[ordered(1), refused], &contract).when(&Command::Again).becomes(&[ordered(1)]);
}

#[test]
fn an_operator_tries_again_and_no_other_party() {
    let spec = super::request::COMMANDS.iter().find(|spec| spec.name == "again").unwrap();
    assert!(Caller::OPERATOR.is_among(spec.roles) && !caller(Role::Shop, 3).is_among(spec.roles));
    let id = id_of(contract(), &path());
    assert_eq!(EntityKey::of::<PageDelivery>(id).id.slot(), contract().slot());
}
