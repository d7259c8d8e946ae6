//! The rules of batches: what is certified here, what another party certified, and what neither did.

use kippu_events::access::{Caller, Role};
use kippu_events::partners::access_batches::{AccessBatch, Due, Event};
use kippu_events::partners::contracts::Terms;
use kippu_events::{Entity as _, EntityId, EntityKey, Family};
use serde_json::{Value, json};

use super::Command;
use super::decide::attempt;
use crate::activity::Work;
use crate::given::given;
use crate::partners::sites::{Sites, peer};
use crate::problem;
use crate::world::slug;

/// The activity that hands lines over.
const ATTEMPT: u32 = attempt(Due::Lines);
const OPEN: (Family, &str, Option<EntityId>) = (Family::AccessBatches, "open", None);
const LINES: &str = "192.0.2.7 - ada [01/Nov/2026:10:00:00 +0900] \"GET /tie-up/a?x=192.0.2.7 HTTP/1.1\" 200 23 \"-\" \"Mozilla/5.0\"\n\
                     192.0.2.8 - - [01/Nov/2026:10:00:01 +0900] \"GET /own/b HTTP/1.1\" 200 42 \"-\" \"Mozilla/5.0\"\n";

impl Sites {
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
fn lines_end_where_every_reader_of_json_can_count_to() {
    let mut sites = Sites::new();
    for (offset, is_refused) in [(u64::MAX, true), (1 << 53, true), ((1 << 53) - 100, true), ((1 << 53) - 1_000, false)]
    {
        let mut body = sites.body(LINES);
        body["offset"] = json!(offset);
        let answer = sites.partner.ask(Caller::OPERATOR, OPEN, &body);
        assert_eq!(answer.is_err(), is_refused, "{offset}");
        if is_refused {
            assert_eq!(slug(answer), "invalid-body", "{offset}");
        }
    }
}

#[test]
fn an_outcome_counts_once() {
    let Event::Certified { batch, to, .. } = AccessBatch::samples().swap_remove(0) else {
        panic!("the first sample certifies lines")
    };
    let certified = Event::Certified { batch, to, held: false };
    let came = |attempt, refusal: Option<&str>| Command::CameOf { attempt, refusal: refusal.map(str::to_owned) };
    let owed = [certified];
    given::<AccessBatch>(&owed).when(&came(ATTEMPT, None)).becomes(&[Event::HandedOver {}]);
    let refused = Event::Refused { reason: "forbidden".to_owned() };
    given::<AccessBatch>(&owed).when(&came(ATTEMPT, Some("forbidden"))).becomes(&[refused]);
    given::<AccessBatch>(&owed).when(&came(3, None)).refused(&problem::NOT_DUE);
    let [certified] = owed;
    given::<AccessBatch>(&[certified, Event::HandedOver {}]).when(&came(ATTEMPT, None)).refused(&problem::NOT_DUE);
}

#[test]
fn lines_that_are_held_back_are_announced_called_for_and_handed_over_once() {
    let mut terms = Terms::sample();
    terms.push_sources = Some(["other".to_owned()].into());
    let mut sites = Sites::with(&terms);
    let body = sites.body(LINES);
    let answer = sites.partner.ask(Caller::OPERATOR, OPEN, &body).unwrap().1;
    let key = EntityKey { family: Family::AccessBatches, id: answer["id"].as_str().unwrap().parse().unwrap() };
    let (by_main, by_partner) = (sites.by_main(), sites.by_partner());
    let owed = |world: &crate::world::World| {
        let (owed, work) = world.owed(key).unwrap();
        let Work::Command { path, body } = work else { panic!("a command is owed") };
        (owed.attempt, path, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let (first, path, announcement) = owed(&sites.partner);
    assert_eq!(path, "/v1/access-batches/announce");
    assert!(!announcement.to_string().contains("tie-up"), "{announcement}");
    let announce = (Family::AccessBatches, "announce", None);
    let call = (Family::AccessBatches, "call", Some(key.id));
    assert_eq!(slug(sites.main.ask(Caller::OPERATOR, call, &json!({}))), "not-found");
    let forged = json!({ "certificate": "eyJhbGciOiJFZERTQSJ9.e30.c2ln" });
    assert_eq!(slug(sites.main.ask(by_partner, announce, &forged)), "access-batch-not-genuine");
    let (status, there) = sites.main.ask(by_partner, announce, &announcement).unwrap();
    assert_eq!((status, &there["id"]), (200, &json!(key.id)));
    assert_eq!(slug(sites.main.ask(by_partner, announce, &announcement)), "access-batch-known");
    sites.partner.came_of(key, first, status, &there).unwrap();
    assert_eq!(sites.partner.owed(key), None);
    // Nobody else calls for them.
    assert_eq!(slug(sites.partner.ask(peer(sites.contract, Role::MainSite), call, &json!({}))), "not-found");
    sites.main.ask(Caller::OPERATOR, call, &json!({})).unwrap();
    assert_eq!(slug(sites.main.ask(Caller::OPERATOR, call, &json!({}))), "access-batch-known");
    let (asked, path, told) = owed(&sites.main);
    assert_eq!((path, &told), (format!("/v1/access-batches/{}/call", key.id), &json!({})));
    let (status, answer) = sites.partner.ask(by_main, call, &told).unwrap();
    sites.main.came_of(key, asked, status, &answer).unwrap();
    assert_eq!(slug(sites.partner.ask(by_main, call, &told)), "access-batch-known");
    let (second, path, lines) = owed(&sites.partner);
    assert_eq!((path.as_str(), &lines["text"]), ("/v1/access-batches", &json!(LINES)));
    assert_ne!(first, second);
    let (status, answer) = sites.main.ask(by_partner, OPEN, &lines).unwrap();
    sites.partner.came_of(key, second, status, &answer).unwrap();
    for world in [&sites.main, &sites.partner] {
        assert_eq!(world.owed(key), None);
        assert!(matches!(world.state::<AccessBatch>(key.id), AccessBatch::Kept { refused: None }));
        world.replays();
    }
}
