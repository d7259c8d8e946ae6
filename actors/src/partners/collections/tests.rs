//! What is collected, once, and only what the terms make of it.

use kippu_events::partners::contracts::{self, Terms};

use super::*;
use crate::given::{NOW, currency, given, id, minor};
use crate::problem;

const MAIN: EntityId = EntityId::from_bytes([1; 15]);
const PARTNER: EntityId = EntityId::from_bytes([2; 15]);

/// A contract in force on terms that collect so.
fn contract(collecting: Option<Collecting>) -> Known {
    let (sha256, terms) = (String::new(), Box::new(Terms { collecting, ..Terms::sample() }));
    let from = Time::default();
    let history = [
        contracts::Event::Proposed { main: MAIN, partner: PARTNER, number: 1, from, sha256, terms, here: true },
        contracts::Event::Accepted { number: 1, here: true },
    ];
    let mut state = Contract::default();
    for event in &history {
        kippu_events::Entity::evolve(&mut state, event, NOW);
    }
    state.known().unwrap().clone()
}

fn sale(paid: u64, charge: u64) -> Charge {
    let reference = "sale".to_owned();
    let (paid, charge, currency) = (minor(paid), minor(charge), currency("EUR"));
    Charge { contract: id(9), reference, prepaid: false, at: NOW, paid, charge, currency }
}

fn fee() -> Charge {
    Charge { prepaid: true, reference: "2027-01".to_owned(), ..sale(0, 30_000) }
}

fn receive(charge: &Charge) -> Command {
    Command::Receive { from: PARTNER, charge: Box::new(charge.clone()) }
}

fn received(charge: &Charge) -> Event {
    let postings = moved(Account::Cash, Account::Partners, charge.charge).to_vec();
    Event::Received { from: PARTNER, charge: charge.clone(), postings }
}

#[test]
fn a_charge_is_received_once_and_something_else_under_its_name_never() {
    let charge = sale(1_999, 250);
    given::<Collection>(&[]).when(&receive(&charge)).becomes(&[received(&charge)]);
    let there = || given::<Collection>(&[received(&charge)]);
    there().when(&receive(&charge)).refused(&KNOWN);
    there().when(&receive(&sale(1_999, 249))).refused(&DIFFERS);
}

#[test]
fn the_terms_say_what_is_charged_and_whether() {
    let per_sale = contract(Some(Collecting::PerSale { rate_bp: 1_250 }));
    let prepaid = contract(Some(Collecting::Prepaid {}));
    assert_eq!(as_terms_say(&per_sale, &sale(1_999, 250)).ok(), Some(()));
    assert_eq!(as_terms_say(&prepaid, &fee()).ok(), Some(()));
    for charge in [sale(1_999, 249), sale(1_999, 1_999), sale(2_000, 0)] {
        assert_eq!(as_terms_say(&per_sale, &charge).err(), Some(Refused::OtherCharge));
    }
    for (contract, charge) in [(&per_sale, fee()), (&prepaid, sale(1_999, 250)), (&contract(None), sale(1_999, 250))] {
        assert_eq!(as_terms_say(contract, &charge).err(), Some(Refused::NotCollected));
    }
}

#[test]
fn what_is_owed_leaves_the_books_of_the_partner_once_the_main_site_has_it() {
    let charged = charged(sale(1_999, 250), MAIN);
    let Event::Charged { postings, to, .. } = &charged else { panic!("it is charged") };
    let of = |account: Account| -> i64 {
        postings.iter().filter(|posting| posting.account == account).map(|posting| posting.amount).sum()
    };
    assert_eq!([of(Account::Cash), of(Account::Sales), of(Account::MainSite)], [1_999, -1_749, -250]);
    assert_eq!(*to, Some(MAIN));
    let came = |refusal: Option<&str>| Command::CameOf { attempt: 1, refusal: refusal.map(str::to_owned) };
    let transferred = Event::Transferred { postings: moved(Account::MainSite, Account::Cash, minor(250)).to_vec() };
    let history = [charged, transferred.clone()];
    given::<Collection>(&history[..1]).when(&came(None)).becomes(&[transferred]);
    let refused = Event::Refused { reason: "collection-other-charge".to_owned() };
    given::<Collection>(&history[..1]).when(&came(Some("collection-other-charge"))).becomes(&[refused]);
    given::<Collection>(&history).when(&came(None)).refused(&problem::NOT_DUE);
    given::<Collection>(&[]).when(&came(None)).refused(&problem::NOT_DUE);
}

#[test]
fn a_fee_is_paid_in_advance_once_and_only_where_the_terms_say_so() {
    let command = |collecting, amount| Command::Prepay {
        charge: Box::new(Charge { charge: minor(amount), at: Time::default(), ..fee() }),
        contract: Box::new(contract(collecting)),
    };
    let pays = || command(Some(Collecting::Prepaid {}), 30_000);
    let paid = charged(fee(), MAIN);
    given::<Collection>(&[]).when(&pays()).becomes(std::slice::from_ref(&paid));
    given::<Collection>(std::slice::from_ref(&paid)).when(&pays()).refused(&KNOWN);
    given::<Collection>(&[paid]).when(&command(Some(Collecting::Prepaid {}), 1)).refused(&DIFFERS);
    given::<Collection>(&[]).when(&command(None, 30_000)).refused(&OTHER_CHARGE);
}
