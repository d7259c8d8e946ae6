//! The rules of batches: what is certified here, what another party certified, and what neither did.

use kippu_events::access::{Caller, Role, Roles};
use kippu_events::partners::access_batches::{AccessBatch, Event};
use kippu_events::partners::contracts::{Terms, id_of};
use kippu_events::secrets::{PublicKey, SigningUse};
use kippu_events::{Entity as _, EntityId, EntityKey, Family, Time};
use serde_json::{Value, json};

use super::{ATTEMPT, Command};
use crate::activity::Work;
use crate::given::given;
use crate::problem;
use crate::world::{World, slug};

const OPEN: (Family, &str, Option<EntityId>) = (Family::AccessBatches, "open", None);
const LINES: &str = "192.0.2.7 - ada [01/Nov/2026:10:00:00 +0900] \"GET /tie-up/a?x=192.0.2.7 HTTP/1.1\" 200 23 \"-\" \"Mozilla/5.0\"\n\
                     192.0.2.8 - - [01/Nov/2026:10:00:01 +0900] \"GET /own/b HTTP/1.1\" 200 42 \"-\" \"Mozilla/5.0\"\n";

/// A main site and a partner, each in a world of its own, whose contract is in force.
struct Sites {
    main: World,
    partner: World,
    contract: EntityId,
}

impl Sites {
    fn new() -> Self {
        let (mut main, mut partner) = (World::of(1), World::of(2));
        let [of_main, of_partner] = [&main, &partner].map(|world| world.secrets.party);
        let contract = id_of(of_main, of_partner);
        knows(&mut main, &partner, "partner_site");
        knows(&mut partner, &main, "main_site");
        let terms = serde_json::to_value(Terms::sample()).unwrap();
        let from = Time::from_micros(0);
        let body = json!({"partner": of_partner, "number": 1, "from": from, "terms": terms});
        let proposed = main.ask(Caller::OPERATOR, (Family::Contracts, "open", None), &body).unwrap().1;
        partner.ask(peer(of_main, Role::MainSite), (Family::Contracts, "open", None), &body).unwrap();
        let answer = json!({"number": 1, "sha256": proposed["sha256"]});
        let accept = (Family::Contracts, "accept", Some(contract));
        partner.ask(Caller::OPERATOR, accept, &answer).unwrap();
        main.ask(peer(of_partner, Role::PartnerSite), accept, &answer).unwrap();
        Self { main, partner, contract }
    }

    fn body(&self, text: &str) -> Value {
        json!({
            "contract": self.contract, "source": "www", "segment": "access.log", "offset": 7, "format": "combined", "encoding": "utf-8",
            "text": text,
        })
    }

    /// Has lines certified at the partner; the batch, and what the main site is owed.
    fn certified(&mut self, text: &str) -> (EntityKey, Value) {
        let body = self.body(text);
        let answer = self.partner.ask(Caller::OPERATOR, OPEN, &body).unwrap().1;
        let key = EntityKey { family: Family::AccessBatches, id: answer["id"].as_str().unwrap().parse().unwrap() };
        let (owed, work) = self.partner.owed(key).unwrap();
        assert_eq!(owed.to, self.main.secrets.party);
        let Work::Command { path, body } = work else { panic!("a command is owed") };
        assert_eq!(path, "/v1/access-batches");
        (key, serde_json::from_slice(&body).unwrap())
    }

    fn by_partner(&self) -> Caller {
        peer(self.partner.secrets.party, Role::PartnerSite)
    }
}

fn peer(party: EntityId, role: Role) -> Caller {
    Caller::of_peer(party, Roles::one(role))
}

fn knows(world: &mut World, other: &World, role: &str) {
    let x: PublicKey = other.secrets.public_key(SigningUse::Statements, 0);
    let keys = json!([{"use": "statements", "x": x}]);
    let party = other.secrets.party;
    let body = json!({"party": party, "name": "other", "url": "http://other", "roles": [role], "keys": keys});
    world.ask(Caller::OPERATOR, (Family::Peers, "open", None), &body).unwrap();
}

#[test]
fn lines_that_one_party_certified_are_on_record_at_both_under_the_same_id_and_without_names() {
    let mut sites = Sites::new();
    let (key, body) = sites.certified(LINES);
    assert_eq!(body["text"], json!(LINES));
    let by_partner = sites.by_partner();
    let (status, there) = sites.main.ask(by_partner, OPEN, &body).unwrap();
    assert_eq!((status, &there["id"]), (201, &json!(key.id)));
    sites.partner.came_of(key, ATTEMPT, status, &there).unwrap();
    assert_eq!(sites.partner.owed(key), None);
    assert_eq!(sites.main.owed(key), None);
    for world in [&sites.main, &sites.partner] {
        for name in ["192.0.2.7", "192.0.2.8", "ada"] {
            assert!(!world.text().contains(name), "{name}");
        }
        world.replays();
    }
}

#[test]
fn the_same_lines_count_once_and_who_has_them_is_given_them_no_more() {
    let mut sites = Sites::new();
    let (key, body) = sites.certified(LINES);
    let again = sites.body(LINES);
    assert_eq!(slug(sites.partner.ask(Caller::OPERATOR, OPEN, &again)), "access-batch-known");
    let by_partner = sites.by_partner();
    sites.main.ask(by_partner, OPEN, &body).unwrap();
    assert_eq!(slug(sites.main.ask(by_partner, OPEN, &body)), "access-batch-known");
    // The partner did not hear the first answer.
    let known = json!({"type": "/problems/access-batch-known"});
    sites.partner.came_of(key, ATTEMPT, 409, &known).unwrap();
    assert_eq!(sites.partner.count(key.id, "access_batch.handed_over"), 1);
}

#[test]
fn what_was_changed_on_the_way_is_not_genuine() {
    let mut sites = Sites::new();
    let (_, body) = sites.certified(LINES);
    let by_partner = sites.by_partner();
    let changed = |name: &str, value: Value| {
        let mut body = body.clone();
        body[name] = value;
        body
    };
    for wrong in [
        changed("text", json!(LINES.replace("200 23", "200 99"))),
        changed("text", json!(LINES.lines().next().unwrap())),
        changed("text", json!(format!("{LINES}{LINES}"))),
        changed("offset", json!(8)),
        changed("segment", json!("other.log")),
        changed("certificate", json!("eyJhbGciOiJFZERTQSJ9.e30.c2ln")),
    ] {
        assert_eq!(slug(sites.main.ask(by_partner, OPEN, &wrong)), "access-batch-not-genuine", "{wrong}");
    }
    // Nobody certifies in the name of the partner, and the partner does not do so at the main site.
    assert_eq!(slug(sites.main.ask(peer(sites.contract, Role::PartnerSite), OPEN, &body)), "forbidden");
    assert_eq!(slug(sites.main.ask(by_partner, OPEN, &changed("certificate", Value::Null))), "forbidden");
    assert_eq!(
        slug(sites.main.ask(by_partner, OPEN, &changed("contract", json!(sites.main.secrets.party)))),
        "not-found"
    );
}

#[test]
fn a_batch_has_bounds() {
    let mut sites = Sites::new();
    let many = "-\n".repeat(1_001);
    let long = "x".repeat(96 * 1024 + 1);
    for text in ["", &many, &long] {
        let body = sites.body(text);
        assert_eq!(slug(sites.partner.ask(Caller::OPERATOR, OPEN, &body)), "invalid-body");
    }
    let mut body = sites.body("caf€\n");
    body["encoding"] = json!("latin-1");
    assert_eq!(slug(sites.partner.ask(Caller::OPERATOR, OPEN, &body)), "invalid-body");
    body["text"] = json!("café\n");
    assert_eq!(sites.partner.ask(Caller::OPERATOR, OPEN, &body).unwrap().0, 201);
}

#[test]
fn an_outcome_counts_once() {
    let certified = AccessBatch::samples().swap_remove(0);
    let came = |attempt, refusal: Option<&str>| Command::CameOf { attempt, refusal: refusal.map(str::to_owned) };
    let owed = [certified];
    given::<AccessBatch>(&owed).when(&came(ATTEMPT, None)).becomes(&[Event::HandedOver {}]);
    let refused = Event::Refused { reason: "forbidden".to_owned() };
    given::<AccessBatch>(&owed).when(&came(ATTEMPT, Some("forbidden"))).becomes(&[refused]);
    given::<AccessBatch>(&owed).when(&came(3, None)).refused(&problem::NOT_DUE);
    let [certified] = owed;
    given::<AccessBatch>(&[certified, Event::HandedOver {}]).when(&came(ATTEMPT, None)).refused(&problem::NOT_DUE);
}
