//! The rules of API clients.

use kippu_events::access::clients::{Client, Event, Role};
use kippu_events::access::users::User;
use kippu_events::secrets::{Bearer, Purpose, TokenHash};
use kippu_events::{EntityId, Family};
use serde_json::json;

use super::Command;
use super::refusal::{NO_SUCH_USER, OUT_OF_KEYS, REVOKED};
use crate::given::{caller, given, id};
use crate::problem;
use crate::world::{World, id_in, slug};
use kippu_events::access::Caller;

const OPEN: (Family, &str, Option<EntityId>) = (Family::Clients, "open", None);

fn key() -> TokenHash {
    TokenHash { key: 1, sha256: "hash".to_owned() }
}

fn opened(user: Option<EntityId>) -> Event {
    Event::Opened { role: Role::Terminal, name: "kitchen".to_owned(), user, key: key() }
}

fn open(user: Option<EntityId>) -> Command {
    Command::Open { role: Role::Terminal, name: "kitchen".to_owned(), user, key: key() }
}

#[test]
fn a_client_is_opened_with_a_role_and_a_key() {
    given::<Client>(&[]).when(&open(None)).becomes(&[opened(None)]);
    given::<Client>(&[opened(None)]).when(&open(None)).refused(&problem::ALREADY_EXISTS);
}

#[test]
fn a_terminal_stores_the_identification_of_a_registered_user_alone() {
    let unregistered = given::<Client>(&[]).with::<User>(id(2), &[]);
    unregistered.when(&open(Some(id(2)))).refused(&NO_SUCH_USER);
    given::<Client>(&[]).when(&open(Some(id(2)))).refused(&NO_SUCH_USER);
}

#[test]
fn a_rolled_key_is_the_next_one() {
    let rolled = |counter| Event::KeyRolled { counter, key: TokenHash { key: 0, sha256: String::new() } };
    given::<Client>(&[opened(None)]).when(&Command::RollKey).becomes(&[rolled(1)]);
    given::<Client>(&[opened(None), rolled(1)]).when(&Command::RollKey).becomes(&[rolled(2)]);
    given::<Client>(&[opened(None), rolled(u32::MAX)]).when(&Command::RollKey).refused(&OUT_OF_KEYS);
    given::<Client>(&[]).when(&Command::RollKey).refused(&problem::NOT_FOUND);
}

#[test]
fn a_revoked_client_stays_revoked() {
    given::<Client>(&[opened(None)]).when(&Command::Revoke).becomes(&[Event::Revoked {}]);
    for command in [Command::Revoke, Command::RollKey] {
        given::<Client>(&[opened(None), Event::Revoked {}]).when(&command).refused(&REVOKED);
    }
    given::<Client>(&[]).when(&Command::Revoke).refused(&problem::NOT_FOUND);
}

#[test]
fn each_answer_names_a_genuine_key_and_what_is_stored_names_none() {
    let mut world = World::new();
    let body = json!({"role": "settler", "name": "till 4"});
    let (status, reply) = world.ask(Caller::OPERATOR, OPEN, &body).unwrap();
    let id = id_in(&reply);
    assert_eq!((status, &reply["role"], &reply["name"]), (201, &json!("settler"), &json!("till 4")));
    let mut keys = vec![reply["key"].as_str().unwrap().to_owned()];
    for _ in 0..2 {
        let (status, reply) = world.ask(Caller::OPERATOR, (Family::Clients, "roll_key", Some(id)), &json!({})).unwrap();
        assert_eq!(status, 200);
        keys.push(reply["key"].as_str().unwrap().to_owned());
    }
    for (counter, key) in (0_u32..).zip(&keys) {
        let Bearer { entity, counter: number, key: root } = world.secrets.verify(Purpose::ApiKey, key).unwrap();
        assert_eq!((entity, number), (id, counter));
        let hash = world.secrets.token_hash(Purpose::ApiKey, id, counter);
        assert_eq!(hash.key, root);
        assert!(world.text().contains(&hash.sha256), "the hash of each key is stored");
        assert!(!world.text().contains(key.as_str()), "no key is stored");
    }
    let Client::Active(active) = world.state::<Client>(id) else { panic!("the client is active") };
    assert_eq!(active.counter, 2, "only the last key counts");
    assert_eq!(world.ask(Caller::OPERATOR, (Family::Clients, "revoke", Some(id)), &json!({})).unwrap().0, 200);
    assert_eq!(world.state::<Client>(id), Client::Revoked);
    world.replays();
}

/// Shows D7.
#[test]
fn a_terminal_with_a_user_is_born_next_to_the_user() {
    let mut world = World::new();
    let body = json!({"login": "aiko", "limit": {"source": "fixed", "amount": 1, "currency": "EUR"}});
    let user = id_in(&world.ask(Caller::OPERATOR, (Family::Users, "open", None), &body).unwrap().1);
    let body = json!({"role": "terminal", "name": "kitchen", "user": user});
    let (_, reply) = world.ask(Caller::OPERATOR, OPEN, &body).unwrap();
    assert_eq!((id_in(&reply).slot(), &reply["user"]), (user.slot(), &json!(user)));
    let Client::Active(active) = world.state::<Client>(id_in(&reply)) else { panic!("the client is active") };
    assert_eq!((active.role, active.user), (Role::Terminal, Some(user)));
}

#[test]
fn requests_of_another_shape_are_refused_and_leave_no_trace() {
    let mut world = World::new();
    for (body, expected) in [
        (json!({"role": "terminal", "name": "kitchen", "user": id(2)}), "unknown-user"),
        (json!({"role": "settler", "name": "till", "user": id(2)}), "user-needs-terminal"),
        (json!({"role": "boss", "name": "till"}), "invalid-body"),
        (json!({"role": {"settler": null}, "name": "till"}), "invalid-body"),
        (json!({"role": 5, "name": "till"}), "invalid-body"),
        (json!({"role": "settler", "name": ""}), "invalid-body"),
        (json!({"role": "settler", "name": "a".repeat(129)}), "invalid-body"),
        (json!({"role": "settler"}), "invalid-body"),
        (json!({"role": "settler", "name": "till", "key": "mine"}), "invalid-body"),
    ] {
        assert_eq!(slug(world.ask(Caller::OPERATOR, OPEN, &body)), expected, "{body}");
    }
    assert_eq!(world.records(), 0);
}

#[test]
fn clients_are_opened_rolled_and_revoked_by_operators_alone() {
    let mut world = World::new();
    for role in [Role::Shop, Role::Settler, Role::Terminal] {
        for asked in [OPEN, (Family::Clients, "roll_key", Some(id(9))), (Family::Clients, "revoke", Some(id(9)))] {
            assert_eq!(slug(world.ask(caller(role, 9), asked, &json!({}))), "forbidden");
        }
    }
    let operator = Caller::of_client(id(8), Role::Operator, None);
    assert!(world.ask(operator, OPEN, &json!({"role": "shop", "name": "books"})).is_ok());
}
