//! The rules of contracts, one by one, and how two nodes tell each other of theirs.

use std::time::Duration;

use kippu_events::access::{Caller, Role, Roles};
use kippu_events::partners::contracts::{Contract, Event, Side, Standing, Terms, id_of};
use kippu_events::{EntityId, EntityKey, Family, Time};
use serde_json::{Value, json};

use super::refusal;
use super::request::{Command, Doing};
use crate::activity::Work;
use crate::given::{NOW, given, id};
use crate::problem;
use crate::world::{World, slug};

const MAIN: EntityId = EntityId::from_bytes([1; 15]);
const PARTNER: EntityId = EntityId::from_bytes([2; 15]);

fn day(days: u64) -> Time {
    NOW.after(Duration::from_hours(24 * days))
}

fn proposed(number: u32, from: Time) -> Event {
    let (sha256, terms) = (format!("hash {number}"), Box::new(Terms::sample()));
    Event::Proposed { main: MAIN, partner: PARTNER, number, from, sha256, terms, here: true }
}

fn propose(number: u32, from: Time) -> Command {
    let (sha256, terms) = (format!("hash {number}"), Box::new(Terms::sample()));
    by(MAIN, Doing::Propose { partner: PARTNER, number, from, terms, sha256 })
}

const fn by(by: EntityId, doing: Doing) -> Command {
    Command::Do { by, here: true, doing }
}

fn accept(number: u32) -> Doing {
    Doing::Accept { number, sha256: format!("hash {number}") }
}

const fn accepted(number: u32) -> Event {
    Event::Accepted { number, here: true }
}

/// Shows B3.
#[test]
fn terms_are_proposed_one_after_the_other_and_begin_after_those_that_count() {
    given::<Contract>(&[]).when(&propose(1, day(1))).becomes(&[proposed(1, day(1))]);
    given::<Contract>(&[]).when(&propose(2, day(1))).refused(&refusal::TERMS_NOT_NEXT);
    let first = [proposed(1, day(1))];
    given::<Contract>(&first).when(&propose(2, day(2))).refused(&refusal::TERMS_NOT_NEXT);
    let counts = [proposed(1, day(1)), accepted(1)];
    given::<Contract>(&counts).when(&propose(2, day(2))).becomes(&[proposed(2, day(2))]);
    given::<Contract>(&counts).when(&propose(1, day(2))).refused(&refusal::TERMS_NOT_NEXT);
    given::<Contract>(&counts).when(&propose(2, day(1))).refused(&refusal::TERMS_BEGIN_BEFORE);
    let declined = [proposed(1, day(1)), Event::Declined { number: 1, reason: None, here: false }];
    given::<Contract>(&declined).when(&propose(2, day(1))).becomes(&[proposed(2, day(1))]);
}

#[test]
fn the_partner_alone_answers_terms_once_and_as_they_are() {
    let history = [proposed(1, day(1))];
    let contract = || given::<Contract>(&history);
    contract().when(&by(PARTNER, accept(1))).becomes(&[accepted(1)]);
    contract().when(&by(MAIN, accept(1))).refused(&problem::FORBIDDEN);
    contract().when(&by(id(9), accept(1))).refused(&problem::FORBIDDEN);
    contract().when(&by(PARTNER, accept(2))).refused(&problem::NOT_FOUND);
    let other = Doing::Accept { number: 1, sha256: "other".to_owned() };
    contract().when(&by(PARTNER, other)).refused(&refusal::TERMS_DIFFER);
    let decline = || Doing::Decline { number: 1, reason: Some("no".to_owned()) };
    let declined = Event::Declined { number: 1, reason: Some("no".to_owned()), here: true };
    contract().when(&by(PARTNER, decline())).becomes(&[declined]);
    let answered = [proposed(1, day(1)), accepted(1)];
    for again in [accept(1), decline()] {
        given::<Contract>(&answered).when(&by(PARTNER, again)).refused(&refusal::TERMS_ANSWERED);
    }
    given::<Contract>(&[]).when(&by(PARTNER, accept(1))).refused(&problem::NOT_FOUND);
}

#[test]
fn either_party_ends_a_contract_and_the_earlier_end_counts() {
    let end = |at| Doing::End { at };
    let ended = |at, by, here| Event::Ended { at, by, here };
    let counts = [proposed(1, day(1)), accepted(1)];
    let contract = || given::<Contract>(&counts);
    contract().when(&by(MAIN, end(day(9)))).becomes(&[ended(day(9), Side::Main, true)]);
    contract().when(&by(PARTNER, end(day(9)))).becomes(&[ended(day(9), Side::Partner, true)]);
    contract().when(&by(id(9), end(day(9)))).refused(&problem::FORBIDDEN);
    contract().when(&by(MAIN, end(day(1)))).refused(&refusal::TERMS_BEGIN_BEFORE);
    let over = [counts.to_vec(), vec![ended(day(9), Side::Main, true)]].concat();
    let contract = || given::<Contract>(&over);
    let told = |at| Command::Do { by: PARTNER, here: false, doing: end(at) };
    contract().when(&told(day(8))).becomes(&[ended(day(8), Side::Partner, false)]);
    contract().when(&told(day(9))).refused(&refusal::CONTRACT_ENDED);
    contract().when(&propose(2, day(3))).refused(&refusal::CONTRACT_ENDED);
}

/// A main site or its partner, in a world of its own.
struct Site {
    world: World,
    party: EntityId,
}

impl Site {
    fn new(party: u8) -> Self {
        let world = World::of(party);
        let party = world.secrets.party;
        Self { world, party }
    }

    fn knows(&mut self, other: EntityId, role: &str) {
        let key = json!({"use": "http", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let body = json!({"party": other, "name": "other", "url": "http://other", "roles": [role], "keys": [key]});
        self.world.ask(Caller::OPERATOR, (Family::Peers, "open", None), &body).unwrap();
    }

    fn ask(&mut self, name: &'static str, contract: Option<EntityId>, body: &Value) -> Value {
        self.world.ask(Caller::OPERATOR, (Family::Contracts, name, contract), body).unwrap().1
    }

    /// Does at `other` what this one owes it.
    fn tell(&mut self, other: &mut Self, role: Role, contract: EntityId) {
        let key = EntityKey { family: Family::Contracts, id: contract };
        let (owed, work) = self.world.owed(key).unwrap();
        assert_eq!(owed.to, other.party);
        let Work::Command { path, body } = work else { panic!("a command is owed") };
        let (name, id) = match &*path {
            "/v1/contracts" => ("open", None),
            path => {
                (["accept", "decline", "end"].into_iter().find(|name| path.ends_with(name)).unwrap(), Some(contract))
            }
        };
        let caller = Caller::of_peer(self.party, Roles::one(role));
        let body = serde_json::from_slice(&body).unwrap();
        let (status, answer) = other.world.ask(caller, (Family::Contracts, name, id), &body).unwrap();
        self.world.came_of(key, owed.attempt, status, &answer).unwrap();
        assert_eq!(self.world.owed(key), None);
    }

    fn standing(&self, contract: EntityId) -> Vec<Standing> {
        let contract: Contract = self.world.state(contract);
        contract.known().unwrap().versions.iter().map(|version| version.standing).collect()
    }
}

/// Shows B2.
#[test]
fn what_one_party_decides_is_the_same_at_the_other_under_the_same_id() {
    let (mut main, mut partner) = (Site::new(1), Site::new(2));
    main.knows(partner.party, "partner_site");
    let terms = serde_json::to_value(Terms::sample()).unwrap();
    let body = json!({"partner": partner.party, "number": 1, "from": day(1), "terms": terms});
    let proposed = main.ask("open", None, &body);
    let contract = id_of(main.party, partner.party);
    assert_eq!(proposed["id"], json!(contract));
    main.tell(&mut partner, Role::MainSite, contract);
    assert_eq!(partner.standing(contract), [Standing::Proposed]);
    let answer = json!({"number": 1, "sha256": proposed["sha256"]});
    partner.ask("accept", Some(contract), &answer);
    assert_eq!(main.standing(contract), [Standing::Proposed]);
    partner.tell(&mut main, Role::PartnerSite, contract);
    assert_eq!(main.standing(contract), [Standing::Accepted]);
    main.ask("end", Some(contract), &json!({"at": day(30)}));
    main.tell(&mut partner, Role::MainSite, contract);
    let [here, there] = [&main, &partner].map(|site| site.world.state::<Contract>(contract).known().unwrap().ends_at);
    assert_eq!((here, there), (Some(day(30)), Some(day(30))));
    for site in [main, partner] {
        site.world.replays();
    }
}

#[test]
fn nobody_proposes_in_the_name_of_another_or_to_a_party_that_is_no_partner() {
    let mut site = Site::new(1);
    site.knows(PARTNER, "shop");
    let terms = serde_json::to_value(Terms::sample()).unwrap();
    let body = json!({"partner": PARTNER, "number": 1, "from": day(1), "terms": terms});
    let open = (Family::Contracts, "open", None);
    assert_eq!(slug(site.world.ask(Caller::OPERATOR, open, &body)), "not-a-partner-site");
    let peer = Caller::of_peer(id(7), Roles::one(Role::MainSite));
    assert_eq!(slug(site.world.ask(peer, open, &body)), "forbidden");
    let partner = Caller::of_peer(PARTNER, Roles::one(Role::PartnerSite));
    assert_eq!(slug(site.world.ask(partner, open, &body)), "forbidden");
}
