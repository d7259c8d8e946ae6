//! Approvals asked for, redeemed and settled in JSON, as from outside, with real tokens and PINs.

use kippu_events::Family;
use kippu_events::access::users::Account;
use serde_json::{Value, json};

use super::*;
use crate::problem::Problem;
use crate::world::{World, id_in, slug};

const OPEN: (Family, &str, Option<EntityId>) = (Family::Approvals, "open", None);
const REDEEM: (Family, &str, Option<EntityId>) = (Family::Approvals, "redeem", None);

/// A world with a user of login `aiko`, PIN 1234 and a limit of 100.00 EUR, and a terminal that stores her identification.
fn world() -> (World, EntityId, Caller) {
    let mut world = World::new();
    let body = json!({"login": "aiko", "name": "Aiko Sato", "pin": "1234",
        "limit": {"source": "fixed", "amount": 10_000, "currency": "EUR"}});
    let (status, user) = world.ask(Caller::OPERATOR, (Family::Users, "open", None), &body).unwrap();
    assert_eq!(status, 201);
    let user = id_in(&user);
    let terminal = json!({"role": "terminal", "name": "kitchen", "user": user});
    let (_, client) = world.ask(Caller::OPERATOR, (Family::Clients, "open", None), &terminal).unwrap();
    (world, user, Caller::of_client(id_in(&client), Role::Terminal, Some(user)))
}

fn account(world: &World, user: EntityId) -> Account {
    world.state::<User>(user).account().cloned().expect("the user is registered")
}

fn euros(units: u64) -> Value {
    json!({"amount": units, "currency": "EUR"})
}

fn redeem(world: &mut World, caller: Caller, token: &Value) -> Result<(u16, Value), Problem> {
    world.ask(caller, REDEEM, &json!({"token": token}))
}

/// Shows D5, D7, D26, D33, D37.
#[test]
fn a_purchase_goes_from_request_to_settlement_without_naming_the_user_to_the_settler() {
    let (mut world, user, terminal) = world();
    let body = json!({"amount": 5_000, "currency": "EUR", "purchase": {"description": "music", "quantity": 2}});
    let (status, approval) = world.ask(terminal, OPEN, &body).unwrap();
    let (id, token) = (id_in(&approval), &approval["token"]);
    let expected = json!({
        "id": id, "state": "issued", "issuer": world.secrets.party, "amount": 5_000, "currency": "EUR", "token": token,
        "purchase": {"description": "music", "quantity": 2}, "expires_at": NOW.after(QUARTER)
    });
    assert_eq!((status, &approval), (201, &expected));

    let (status, permission) = redeem(&mut world, settler(), token).unwrap();
    let settler_id = super::id(6);
    let expected = json!({"id": id, "state": "redeemed", "amount": 5_000, "currency": "EUR", "settler": settler_id});
    assert_eq!((status, &permission), (200, &expected));

    let (status, receipt) = world.ask(settler(), (Family::Approvals, "settle", Some(id)), &euros(4_000)).unwrap();
    let expected =
        json!({"id": id, "state": "settled", "settled_amount": 4_000, "currency": "EUR", "settler": settler_id});
    assert_eq!((status, &receipt), (200, &expected));
    for told in [permission, receipt] {
        assert!(!told.to_string().contains(&user.to_string()));
    }
    let account = account(&world, user);
    assert_eq!((account.reserved, account.charged), (minor(0), minor(4_000)));
    world.replays();
}

/// Shows D5, D7.
#[test]
fn a_user_who_is_signed_in_asks_within_the_own_limit_and_says_no_more_of_themselves() {
    let (mut world, user, _) = world();
    let caller = Caller::of_user(user);
    let (status, approval) = world.ask(caller, OPEN, &euros(5_000)).unwrap();
    assert_eq!((status, account(&world, user).reserved), (201, minor(5_000)));
    let collect = (Family::Approvals, "collect", Some(id_in(&approval)));
    assert_eq!(world.ask(caller, collect, &json!({})).unwrap().1["token"], approval["token"]);
    let mut typed = euros(1);
    typed["identification"] = json!({"login": "aiko", "pin": "1234"});
    assert_eq!(slug(world.ask(caller, OPEN, &typed)), "invalid-body");
    assert_eq!(slug(world.ask(caller, OPEN, &euros(5_001))), "limit-exceeded");
    assert_eq!(slug(world.ask(Caller::of_user(super::id(9)), OPEN, &euros(1))), "not-identified");
    world.replays();
}

/// Shows D36. Keeps T1.
#[test]
fn a_second_redemption_is_refused_with_its_reason() {
    let (mut world, _, terminal) = world();
    let (_, approval) = world.ask(terminal, OPEN, &euros(1)).unwrap();
    redeem(&mut world, settler(), &approval["token"]).unwrap();
    let before = world.records();
    assert_eq!(slug(redeem(&mut world, settler(), &approval["token"])), "already-redeemed");
    assert_eq!(slug(redeem(&mut world, other_settler(), &approval["token"])), "already-redeemed");
    assert_eq!(world.records(), before + 2, "refusals are on record");
    assert_eq!(world.count(id_in(&approval), "approval.redeemed"), 1);
}

/// Shows D27.
#[test]
fn the_reasons_of_refused_redemptions_have_their_own_slugs() {
    let (mut world, _, terminal) = world();
    let (_, first) = world.ask(terminal, OPEN, &euros(1)).unwrap();
    let (_, second) = world.ask(terminal, OPEN, &euros(1)).unwrap();
    world.ask(terminal, (Family::Approvals, "revoke", Some(id_in(&first))), &json!({})).unwrap();
    assert_eq!(slug(redeem(&mut world, settler(), &first["token"])), "approval-revoked");
    world.after(900);
    assert_eq!(slug(redeem(&mut world, settler(), &second["token"])), "approval-expired");
    world.fire();
    assert_eq!(slug(redeem(&mut world, settler(), &second["token"])), "approval-expired");
}

/// Shows D20.
#[test]
fn a_refused_request_is_on_record_and_has_no_token() {
    let (mut world, user, terminal) = world();
    let before = world.records();
    assert_eq!(slug(world.ask(terminal, OPEN, &euros(10_001))), "limit-exceeded");
    let yen = json!({"amount": 1, "currency": "JPY"});
    assert_eq!(slug(world.ask(terminal, OPEN, &yen)), "currency-mismatch");
    assert_eq!(world.records(), before + 2);
    assert!(!world.text().contains("approval.issued"));
    assert_eq!(account(&world, user).reserved, minor(0));
}

/// Shows D7, D12.
#[test]
fn a_user_is_identified_by_login_and_pin_at_a_terminal_that_stores_neither() {
    let (mut world, user, _) = world();
    let mut ask = |login: &str, pin: &str| {
        let typed = json!({"login": login, "pin": pin});
        let body = json!({"amount": 1, "currency": "EUR", "identification": typed});
        world.ask(super::terminal(), OPEN, &body)
    };
    assert_eq!(ask("Aiko ", "1234").unwrap().0, 201);
    let (unknown, wrong) = (ask("nobody", "1234").unwrap_err(), ask("aiko", "9999").unwrap_err());
    assert_eq!(unknown.kind.slug, "not-identified");
    assert_eq!(unknown, wrong);
    for _ in 0..4 {
        assert_eq!(slug(ask("aiko", "0000")), "not-identified");
    }
    assert_eq!(slug(ask("aiko", "1234")), "pin-locked");
    assert_eq!(world.count(user, "user.pin_refused"), 5);
    world.replays();
}

/// Shows D7.
#[test]
fn a_login_identifies_nobody_in_another_realm() {
    let (mut world, ..) = world();
    let mut ask = |realm: &str| {
        let typed = json!({"realm": realm, "login": "aiko", "pin": "1234"});
        world.ask(super::terminal(), OPEN, &json!({"amount": 1, "currency": "EUR", "identification": typed}))
    };
    assert_eq!(slug(ask("bank")), "not-identified");
    assert_eq!(ask("default").unwrap().0, 201);
}

/// Shows D7.
#[test]
fn identification_is_either_stored_in_the_terminal_or_typed() {
    let (mut world, _, stored) = world();
    let typed = json!({"amount": 1, "currency": "EUR", "identification": {"login": "aiko", "pin": "1234"}});
    let before = world.records();
    assert_eq!(slug(world.ask(stored, OPEN, &typed)), "invalid-body");
    assert_eq!(slug(world.ask(super::terminal(), OPEN, &euros(1))), "invalid-body");
    assert_eq!(world.records(), before);
}

#[test]
fn requests_of_another_shape_are_refused_and_leave_no_trace() {
    let (mut world, _, terminal) = world();
    let before = world.records();
    for body in [
        json!({}),
        json!({"amount": 1, "currency": "EUR", "user": super::id(2)}),
        json!({"amount": 1, "currency": "EUR", "expires_in_secs": 31_536_001}),
        json!({"amount": 1, "currency": "EUR", "identification": {"login": "aiko", "pin": "12a4"}}),
        json!({"amount": 1, "currency": "EUR", "identification": {"login": "aiko", "pin": "123"}}),
        json!({"amount": 1}),
        json!({"currency": "EUR", "purchase": {}}),
        json!({"amount": 1, "currency": "EUR", "offer": "a.b.c"}),
        json!({"offer": "a.b.c", "purchase": {"quantity": 1}}),
        json!({"offer": "a.b.c", "pushed": {"shop": super::id(3), "offer": super::id(4)}}),
        json!({"amount": 1, "currency": "EUR", "answer": "post"}),
    ] {
        assert_eq!(slug(world.ask(terminal, OPEN, &body)), "invalid-body", "{body}");
    }
    assert_eq!(world.records(), before);
}

/// Shows F30. Keeps S1.
#[test]
fn no_token_pin_login_or_name_is_in_what_is_stored() {
    let (mut world, _, terminal) = world();
    let (_, approval) = world.ask(terminal, OPEN, &euros(1)).unwrap();
    redeem(&mut world, settler(), &approval["token"]).unwrap();
    let typed = json!({"amount": 1, "currency": "EUR", "identification": {"login": "aiko", "pin": "987654321012"}});
    world.ask(super::terminal(), OPEN, &typed).unwrap_err();
    let stored = world.text();
    for secret in
        [approval["token"].as_str().unwrap(), "kpk_", "kpa_", "987654321012", "\"1234\"", "aiko", "Aiko", "Sato"]
    {
        assert!(!stored.contains(secret), "{secret}");
    }
}

/// A PIN is hashed slowly on purpose, and must not hold up what comes behind it.
#[test]
fn only_a_request_with_a_pin_is_prepared_where_it_may_block() {
    let (world, _, terminal) = world();
    let free = caller(Role::Terminal, 9);
    let with_pin = json!({"amount": 1, "currency": "EUR", "identification": {"login": "aiko", "pin": "1234"}});
    assert!(world.is_slow(free, OPEN, &with_pin));
    assert!(!world.is_slow(terminal, OPEN, &euros(1)));
}
