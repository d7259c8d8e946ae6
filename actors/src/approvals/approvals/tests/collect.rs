//! What is owed to a financial reference, each outcome of it, and how the token is collected.

use kippu_events::access::users::Account;
use kippu_events::{EntityKey, Family};
use serde_json::{Value, json};

use super::*;
use crate::activity::{Owed, Work};
use crate::problem::Problem;
use crate::world::{World, id_in, slug};

fn reference() -> EntityId {
    id(4)
}

const OPEN: (Family, &str, Option<EntityId>) = (Family::Approvals, "open", None);
const NUMBER: &str = "4929-1234-5678";

/// A world with a user of whom the reference is asked, and a terminal that stores her identification.
fn world(policy: &str) -> (World, EntityId, Caller) {
    let mut world = World::new();
    let body = json!({"login": "aiko", "policy": policy, "reference": {"party": reference(), "number": NUMBER},
        "limit": {"source": "fixed", "amount": 10_000, "currency": "EUR"}});
    let (_, user) = world.ask(Caller::OPERATOR, (Family::Users, "open", None), &body).unwrap();
    let user = id_in(&user);
    (world, user, Caller { user: Some(user), ..terminal() })
}

fn euros(units: u64) -> Value {
    json!({"amount": units, "currency": "EUR"})
}

fn account(world: &World, user: EntityId) -> Account {
    world.state::<User>(user).account().cloned().unwrap()
}

/// Asks; the approval, which is pending.
fn ask(world: &mut World, terminal: Caller) -> EntityKey {
    let (status, approval) = world.ask(terminal, OPEN, &euros(5_000)).unwrap();
    assert_eq!((status, &approval["state"], approval.get("token")), (201, &json!("pending"), None));
    EntityKey::of::<Approval>(id_in(&approval))
}

fn collect(world: &mut World, caller: Caller, key: EntityKey) -> Result<(u16, Value), Problem> {
    world.ask(caller, (Family::Approvals, "collect", Some(key.id)), &json!({}))
}

/// Shows D11, D14, D22. Keeps S1.
#[test]
fn the_question_is_owed_to_the_reference_and_the_token_is_collected_once_it_has_answered() {
    let (mut world, user, terminal) = world("both");
    let key = ask(&mut world, terminal);
    assert_eq!(account(&world, user).reserved, minor(5_000));
    let (owed, work) = world.owed(key).unwrap();
    assert_eq!(owed, Owed { to: reference(), attempt: 1, since: NOW });
    let Work::Command { path, body } = work else { panic!("it is a command") };
    assert_eq!(path, "/v1/credits/inquire");
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body, json!({"number": NUMBER, "amount": 5_000, "currency": "EUR"}));
    assert!(!world.text().contains("4929"));
    assert_eq!(slug(collect(&mut world, terminal, key)), "approval-pending");

    world.came_of(key, 1, 200, &json!({"standing": "good", "limit": 7_000, "currency": "EUR"})).unwrap();
    assert!(world.owed(key).is_none());
    assert_eq!(world.came_of(key, 1, 200, &json!({"standing": "bad"})).unwrap_err().kind.slug, "not-due");
    let (_, first) = collect(&mut world, terminal, key).unwrap();
    let expected = json!({"id": key.id, "state": "issued", "issuer": world.secrets.party, "amount": 5_000,
        "currency": "EUR", "expires_at": expiry(), "token": first["token"]});
    assert_eq!(first, expected);
    // By the user herself, and by the terminal again.
    for caller in [Caller::of_user(user), terminal] {
        assert_eq!(collect(&mut world, caller, key).unwrap().1, first);
    }
    assert_eq!(world.count(key.id, "approval.collected"), 3);
    for stranger in [caller(Role::Terminal, 9), Caller { user: Some(id(8)), ..caller(Role::Terminal, 9) }] {
        assert_eq!(slug(collect(&mut world, stranger, key)), "not-your-approval");
    }
    world.ask(settler(), (Family::Approvals, "redeem", None), &json!({"token": first["token"]})).unwrap();
    assert_eq!(slug(collect(&mut world, terminal, key)), "already-redeemed");
    world.replays();
}

/// Shows D14.
#[test]
fn each_answer_of_the_reference_and_none_at_all_has_its_outcome() {
    let unusable = [json!({}), json!({"standing": "perhaps"}), json!({"standing": "good", "limit": 7_000})];
    let cases = [
        (200, json!({"standing": "good"}), "issued"),
        (200, json!({"standing": "bad"}), "credit_refused"),
        (200, json!({"standing": "unknown"}), "credit_refused"),
        (403, json!({"type": "/problems/forbidden"}), "reference_failed"),
    ];
    for (status, body, expected) in cases.into_iter().chain(unusable.map(|body| (200, body, "reference_failed"))) {
        let (mut world, user, terminal) = world("both");
        let key = ask(&mut world, terminal);
        let came = world.came_of(key, 1, status, &body);
        let is_issued = expected == "issued";
        assert_eq!(came.is_ok(), is_issued, "{body}");
        assert!(is_issued || world.text().contains(&format!("\"reason\":\"{expected}\"")), "{body}");
        assert_eq!(account(&world, user).reserved, minor(if is_issued { 5_000 } else { 0 }), "{body}");
        world.replays();
    }
    // It hangs, or answers with 500 again and again: there is no outcome, and the time is over.
    let (mut world, user, terminal) = world("both");
    let key = ask(&mut world, terminal);
    world.after(9);
    world.fire();
    assert!(world.owed(key).is_some());
    world.after(1);
    world.fire();
    assert_eq!(account(&world, user).reserved, minor(0));
    assert!(world.owed(key).is_none() && world.text().contains("\"told\":\"nothing\""));
    assert_eq!(world.came_of(key, 1, 200, &json!({"standing": "good"})).unwrap_err().kind.slug, "not-due");
    world.replays();
}

/// Shows D11.
#[test]
fn a_token_that_is_to_be_collected_is_not_in_the_answer_to_the_request() {
    let (mut world, user, _) = world("both");
    let body = json!({"login": "ben", "pin": "1234", "limit": {"source": "fixed", "amount": 100, "currency": "EUR"}});
    let (_, ben) = world.ask(Caller::OPERATOR, (Family::Users, "open", None), &body).unwrap();
    let typed = json!({"login": "ben", "pin": "1234"});
    let asked = json!({"amount": 1, "currency": "EUR", "identification": typed, "answer": "collect"});
    let (_, approval) = world.ask(terminal(), OPEN, &asked).unwrap();
    assert_eq!((&approval["state"], approval.get("token")), (&json!("issued"), None));
    let key = EntityKey::of::<Approval>(id_in(&approval));
    let (_, collected) = collect(&mut world, Caller::of_user(id_in(&ben)), key).unwrap();
    assert!(collected["token"].as_str().unwrap().starts_with("kpa_"));
    assert_eq!(slug(collect(&mut world, Caller::of_user(user), key)), "not-your-approval");
    world.ask(settler(), (Family::Approvals, "redeem", None), &json!({"token": collected["token"]})).unwrap();
    world.after(900);
    assert_eq!(slug(collect(&mut world, Caller::of_user(id_in(&ben)), key)), "already-redeemed");
}
