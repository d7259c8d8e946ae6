//! The rules of statements of fees: both parties sign the same, or it is on record where they differ.

use kippu_events::access::{Caller, Role};
use kippu_events::blobs::BlobId;
use kippu_events::partners::fee_statements::{FeeStatement, Phase, id_of};
use kippu_events::{EntityId, EntityKey, Family};
use serde_json::{Value, json};

use crate::activity::Work;
use crate::partners::sites::{Sites, peer};
use crate::world::{World, slug};

const SIGN: (Family, &str, Option<EntityId>) = (Family::FeeStatements, "open", None);
const COSIGN: (Family, &str, Option<EntityId>) = (Family::FeeStatements, "cosign", None);
const DISPUTE: (Family, &str, Option<EntityId>) = (Family::FeeStatements, "dispute", None);
const MONTH: &str = "2001-02";

/// Two sites, whose nodes have the bytes of these statements.
fn sites(statements: &[&str]) -> Sites {
    let mut sites = Sites::new();
    for world in [&mut sites.main, &mut sites.partner] {
        world.blobs.extend(statements.iter().map(|bytes| (BlobId::of(bytes.as_bytes()), bytes.len() as u64)));
    }
    sites
}

fn said(sites: &Sites, bytes: &str, number: u32, total: i64) -> Value {
    json!({ "said": {
        "contract": sites.contract, "month": MONTH, "number": number, "sha256": BlobId::of(bytes.as_bytes()),
        "total": total, "currency": "EUR", "cut": "0:1",
    } })
}

fn dispute(sites: &Sites, number: u32) -> Value {
    let differences = json!([{ "what": "2001-02-03 /a", "main": "4", "partner": "3" }]);
    json!({ "contract": sites.contract, "month": MONTH, "number": number, "differences": differences })
}

fn key(sites: &Sites) -> EntityKey {
    EntityKey { family: Family::FeeStatements, id: id_of(sites.contract, MONTH.parse().unwrap()) }
}

/// What a node owes the other one.
fn owed(world: &World, key: EntityKey) -> (u32, Value) {
    let (owed, work) = world.owed(key).unwrap();
    let Work::Command { body, .. } = work else { panic!("a command is owed") };
    (owed.attempt, serde_json::from_slice(&body).unwrap())
}

fn state(world: &World, key: EntityKey) -> Phase {
    world.state::<FeeStatement>(key.id).known().unwrap().phase.clone()
}

/// Has the main site sign a statement, and the partner's node take it.
fn signed(sites: &mut Sites, body: &Value) {
    let (key, by_main) = (key(sites), sites.by_main());
    sites.main.ask(Caller::OPERATOR, SIGN, body).unwrap();
    let (attempt, told) = owed(&sites.main, key);
    let (status, answer) = sites.partner.ask(by_main, SIGN, &told).unwrap();
    sites.main.came_of(key, attempt, status, &answer).unwrap();
}

#[test]
fn what_both_have_signed_is_closed_at_both_for_ever() {
    let mut sites = sites(&["a", "b"]);
    let (key, by_partner) = (key(&sites), sites.by_partner());
    let body = said(&sites, "a", 1, 20);
    signed(&mut sites, &body);
    for other in [said(&sites, "b", 1, 20), said(&sites, "a", 1, 21)] {
        assert_eq!(slug(sites.partner.ask(Caller::OPERATOR, COSIGN, &other)), "fee-statement-differs");
    }
    sites.partner.ask(Caller::OPERATOR, COSIGN, &body).unwrap();
    let (attempt, told) = owed(&sites.partner, key);
    let (status, answer) = sites.main.ask(by_partner, COSIGN, &told).unwrap();
    sites.partner.came_of(key, attempt, status, &answer).unwrap();
    for world in [&sites.main, &sites.partner] {
        let Phase::Cosigned { signed, .. } = state(world, key) else { panic!("it is not cosigned") };
        assert_eq!(json!(signed), told["signed"]);
        assert_eq!(world.owed(key), None);
        world.replays();
    }
    let again = said(&sites, "b", 2, 30);
    assert_eq!(slug(sites.main.ask(Caller::OPERATOR, SIGN, &again)), "fee-statement-closed");
    assert_eq!(slug(sites.partner.ask(Caller::OPERATOR, COSIGN, &body)), "fee-statement-closed");
    let dispute = dispute(&sites, 1);
    assert_eq!(slug(sites.partner.ask(Caller::OPERATOR, DISPUTE, &dispute)), "fee-statement-closed");
}

#[test]
fn a_dispute_is_on_record_at_both_and_another_statement_follows() {
    let mut sites = sites(&["a", "b"]);
    let (key, by_partner, by_main) = (key(&sites), sites.by_partner(), sites.by_main());
    let first = said(&sites, "a", 1, 20);
    // The dispute comes before the answer to what it is about.
    sites.main.ask(Caller::OPERATOR, SIGN, &first).unwrap();
    let (late, told) = owed(&sites.main, key);
    let (status, answer) = sites.partner.ask(by_main, SIGN, &told).unwrap();
    let wrong = dispute(&sites, 2);
    assert_eq!(slug(sites.partner.ask(Caller::OPERATOR, DISPUTE, &wrong)), "fee-statement-not-next");
    let body = dispute(&sites, 1);
    sites.partner.ask(Caller::OPERATOR, DISPUTE, &body).unwrap();
    let (attempt, told) = owed(&sites.partner, key);
    assert_eq!(told, body);
    let (done, reply) = sites.main.ask(by_partner, DISPUTE, &told).unwrap();
    sites.partner.came_of(key, attempt, done, &reply).unwrap();
    let second = said(&sites, "b", 2, 19);
    sites.main.ask(Caller::OPERATOR, SIGN, &second).unwrap();
    let (attempt, told) = owed(&sites.main, key);
    assert!(sites.main.came_of(key, late, status, &answer).is_err(), "that is over");
    assert_eq!(owed(&sites.main, key), (attempt, told.clone()));
    sites.partner.ask(by_main, SIGN, &told).unwrap();
    sites.partner.ask(Caller::OPERATOR, COSIGN, &second).unwrap();
    assert!(matches!(state(&sites.partner, key), Phase::Cosigned { .. }));
}

#[test]
fn nobody_signs_for_another_or_what_is_not_there() {
    let mut sites = sites(&["a"]);
    let (key, by_main, by_partner) = (key(&sites), sites.by_main(), sites.by_partner());
    let body = said(&sites, "a", 1, 20);
    assert_eq!(slug(sites.partner.ask(Caller::OPERATOR, SIGN, &body)), "forbidden");
    let absent = said(&sites, "c", 1, 20);
    assert_eq!(slug(sites.main.ask(Caller::OPERATOR, SIGN, &absent)), "blob-missing");
    let mut early = body.clone();
    early["said"]["month"] = json!("9000-01");
    assert_eq!(slug(sites.main.ask(Caller::OPERATOR, SIGN, &early)), "fee-statement-month-not-over");
    let second = said(&sites, "a", 2, 20);
    assert_eq!(slug(sites.main.ask(Caller::OPERATOR, SIGN, &second)), "fee-statement-not-next");
    assert_eq!(slug(sites.partner.ask(Caller::OPERATOR, COSIGN, &body)), "not-found");
    sites.main.ask(Caller::OPERATOR, SIGN, &body).unwrap();
    assert_eq!(slug(sites.main.ask(Caller::OPERATOR, SIGN, &second)), "fee-statement-not-next");
    assert_eq!(slug(sites.main.ask(Caller::OPERATOR, COSIGN, &body)), "forbidden");
    let (_, told) = owed(&sites.main, key);
    let mut altered = told.clone();
    altered["said"]["total"] = json!(21);
    let mut unsigned = told.clone();
    unsigned["signed"] = Value::Null;
    for wrong in [&altered, &unsigned] {
        assert_eq!(slug(sites.partner.ask(by_main, SIGN, wrong)), "fee-statement-not-genuine");
    }
    let stranger = peer(sites.contract, Role::MainSite);
    assert_eq!(slug(sites.partner.ask(stranger, SIGN, &told)), "forbidden");
    // Signed by the main site, and so not by the partner.
    assert_eq!(slug(sites.main.ask(by_partner, COSIGN, &told)), "fee-statement-not-genuine");
    sites.partner.ask(by_main, SIGN, &told).unwrap();
    let none = json!({ "contract": sites.contract, "month": MONTH, "number": 1, "differences": [] });
    assert_eq!(slug(sites.partner.ask(Caller::OPERATOR, DISPUTE, &none)), "invalid-body");
}
