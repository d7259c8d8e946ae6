//! The rules of sessions.

use std::time::Duration;

use kippu_events::access::sessions::{Ending, Event, Sessions, SignInRefusal};
use kippu_events::access::users::{self, Charging, LimitSource, Period, Policy, User};
use kippu_events::access::{Caller, Role};
use kippu_events::secrets::{Bearer, EncryptedField, PinVerifier, Purpose, TokenHash};
use kippu_events::{EntityId, Family};
use serde_json::{Value, json};

use super::refusal::{NO_SESSION, USED_ALREADY};
use super::request::{Command, MOST_OPEN};
use crate::access::users::pin::MOST_WRONG;
use crate::given::{Given, NOW, caller, currency, given, id, minor};
use crate::problem;
use crate::world::{World, id_in, slug};

const OPEN: (Family, &str, Option<EntityId>) = (Family::Sessions, "open", None);

fn pin(text: &str) -> PinVerifier {
    PinVerifier { pepper: 1, argon2id: text.to_owned() }
}

fn registered(pin: Option<PinVerifier>) -> users::Event {
    users::Event::Registered {
        login: EncryptedField { xchacha20poly1305: "login".to_owned() },
        name: None,
        pin,
        source: LimitSource::Fixed,
        limit: minor(1),
        currency: currency("EUR"),
        charging: Charging::AtSettlement,
        policy: Policy::Own,
        reference: None,
        points_rate_bp: 0,
        period: Period::None,
    }
}

fn opened(session: u32) -> Event {
    let ends_at = NOW.after(Duration::from_secs(1_000));
    Event::Opened { session, token: TokenHash { key: 0, sha256: String::new() }, idle_secs: 100, ends_at }
}

fn open(offered: &str) -> Command {
    Command::Open { pin: pin(offered), idle_secs: 100, ends_in_secs: 1_000 }
}

fn refused(reason: SignInRefusal) -> [Event; 1] {
    [Event::Refused { reason }]
}

const fn ended(session: u32, reason: Ending) -> Event {
    Event::Ended { session, reason }
}

/// The sessions of a user with a PIN.
fn user(history: &[Event]) -> Given<Sessions> {
    given::<Sessions>(history).with::<User>(id(1), &[registered(Some(pin("right")))]).by(Caller::GUEST)
}

/// The same, asked by the user so many seconds later.
fn later(history: &[Event], secs: u64) -> Given<Sessions> {
    user(history).by(Caller::of_user(id(1))).at(NOW.after(Duration::from_secs(secs)))
}

/// Shows F45.
#[test]
fn the_right_pin_opens_a_session_with_a_number_of_its_own() {
    user(&[]).when(&open("right")).becomes(&[opened(1)]);
    user(&[opened(1), ended(1, Ending::SignedOut)]).when(&open("right")).becomes(&[opened(2)]);
}

/// Shows F45.
#[test]
fn whatever_is_wrong_with_a_login_and_a_pin_is_on_record() {
    let wrong = users::Event::PinRefused { locked_until: None };
    user(&[]).when(&open("wrong")).becomes_with::<User>(&refused(SignInRefusal::WrongPin), id(1), &[wrong]);
    let without = given::<Sessions>(&[]).with::<User>(id(1), &[registered(None)]);
    without.when(&open("right")).becomes(&refused(SignInRefusal::NoPin));
    given::<Sessions>(&[]).when(&open("right")).becomes(&refused(SignInRefusal::UnknownUser));
}

/// Shows F45.
#[test]
fn wrong_pins_are_counted_with_those_at_terminals_until_the_right_one() {
    let wrong = |locked_until| users::Event::PinRefused { locked_until };
    let with = |events: &[users::Event]| {
        let history = [&[registered(Some(pin("right")))], events].concat();
        given::<Sessions>(&[]).with::<User>(id(1), &history)
    };
    let locked = [wrong(Some(NOW.after(Duration::from_secs(1))))];
    with(&locked).when(&open("right")).becomes(&refused(SignInRefusal::PinLocked));
    let over = with(&locked).at(NOW.after(Duration::from_secs(1)));
    let ends_at = NOW.after(Duration::from_secs(1_001));
    let token = TokenHash { key: 0, sha256: String::new() };
    let opened = Event::Opened { session: 1, token, idle_secs: 100, ends_at };
    over.when(&open("right")).becomes_with::<User>(&[opened], id(1), &[users::Event::PinAccepted {}]);
    let last = [wrong(None), wrong(None), wrong(None), wrong(None)];
    let locks = wrong(Some(NOW.after(crate::access::users::pin::LOCKED_FOR)));
    assert_eq!(last.len() + 1, MOST_WRONG as usize);
    with(&last).when(&open("wrong")).becomes_with::<User>(&refused(SignInRefusal::WrongPin), id(1), &[locks]);
}

/// Shows F45.
#[test]
fn one_session_too_many_ends_the_one_that_was_not_used_for_longest() {
    let most = u32::try_from(MOST_OPEN).unwrap();
    let history: Vec<Event> = (1..=most).map(opened).collect();
    user(&history[1..]).when(&open("right")).becomes(&[opened(most + 1)]);
    user(&history).when(&open("right")).becomes(&[ended(1, Ending::Displaced), opened(most + 1)]);
}

/// Shows F45.
#[test]
fn a_session_is_used_by_its_user_alone_and_on_record_once_in_a_while() {
    let history = [opened(1), opened(2)];
    later(&history, 24).when(&Command::Use(2)).refused(&USED_ALREADY);
    later(&history, 25).when(&Command::Use(2)).becomes(&[Event::Used { session: 2 }]);
    later(&history, 25).when(&Command::Use(3)).refused(&NO_SESSION);
    later(&history, 25).by(Caller::of_user(id(2))).when(&Command::Use(2)).refused(&problem::FORBIDDEN);
    // The deadline may be late; the time is over all the same.
    later(&history, 99).when(&Command::Use(2)).becomes(&[Event::Used { session: 2 }]);
    later(&history, 100).when(&Command::Use(2)).refused(&NO_SESSION);
}

/// Shows F45.
#[test]
fn a_session_is_ended_by_its_user_or_an_operator_alone() {
    let history = [opened(1), opened(2)];
    for who in [Caller::of_user(id(1)), Caller::OPERATOR] {
        user(&history).by(who).when(&Command::End(1)).becomes(&[ended(1, Ending::SignedOut)]);
    }
    user(&history).by(Caller::of_user(id(2))).when(&Command::End(1)).refused(&problem::FORBIDDEN);
    user(&history).by(Caller::OPERATOR).when(&Command::End(3)).refused(&NO_SESSION);
    let over = [opened(1), ended(1, Ending::SignedOut)];
    user(&over).by(Caller::OPERATOR).when(&Command::End(1)).refused(&NO_SESSION);
}

/// Shows F45.
#[test]
fn all_sessions_end_in_one_record() {
    let history = [opened(1), opened(2), opened(3), ended(2, Ending::SignedOut)];
    let all = [ended(1, Ending::SignedOutEverywhere), ended(3, Ending::SignedOutEverywhere)];
    for who in [Caller::of_user(id(1)), Caller::OPERATOR] {
        user(&history).by(who).when(&Command::EndAll).becomes(&all);
    }
    user(&history).by(Caller::of_user(id(2))).when(&Command::EndAll).refused(&problem::FORBIDDEN);
    user(&[]).by(Caller::OPERATOR).when(&Command::EndAll).refused(&NO_SESSION);
}

/// Shows F45.
#[test]
fn a_session_ends_at_its_time_by_itself_and_not_before() {
    let (history, expire) = ([opened(1), opened(2)], Command::Expire);
    later(&history, 99).by(Caller::DEADLINE).when(&expire).refused(&problem::NOT_DUE);
    let idle = [ended(1, Ending::Idle), ended(2, Ending::Idle)];
    later(&history, 100).by(Caller::DEADLINE).when(&expire).becomes(&idle);
    let mut world = World::new();
    let user = sign_up(&mut world, "1234");
    let body = json!({"login": "aiko", "pin": "1234", "idle_secs": 100, "ends_in_secs": 120});
    world.ask(Caller::GUEST, OPEN, &body).unwrap();
    let used = (Family::Sessions, "use", Some(user));
    world.after(90);
    world.ask(Caller::of_user(user), used, &json!({"session": 1})).unwrap();
    world.after(29);
    world.fire();
    assert_eq!(world.state::<Sessions>(user).open.len(), 1);
    world.after(1);
    world.fire();
    assert!(world.state::<Sessions>(user).open.is_empty() && world.text().contains(r#""reason":"over""#));
    assert_eq!(slug(world.ask(Caller::of_user(user), used, &json!({"session": 1}))), "no-open-session");
    world.replays();
}

/// Registers `aiko`.
fn sign_up(world: &mut World, pin: &str) -> EntityId {
    let limit = json!({"source": "fixed", "amount": 1, "currency": "EUR"});
    let body = json!({"login": "aiko", "pin": pin, "limit": limit});
    id_in(&world.ask(Caller::OPERATOR, (Family::Users, "open", None), &body).unwrap().1)
}

/// Shows F45. Keeps S1.
#[test]
fn each_sign_in_is_answered_a_token_of_its_own_and_nothing_of_it_is_stored() {
    let mut world = World::new();
    let user = sign_up(&mut world, "1234");
    for (who, session) in [(Caller::GUEST, 1), (caller(Role::Terminal, 9), 2)] {
        let (status, reply) = world.ask(who, OPEN, &json!({"login": " AIKO", "pin": "1234"})).unwrap();
        assert_eq!((status, id_in(&reply), &reply["sessions"]), (201, user, &json!([session])));
        assert_eq!((&reply["idle_secs"], reply["ends_at"].is_string()), (&json!(1_800), true));
        let (token, csrf) = (reply["token"].as_str().unwrap(), reply["csrf"].as_str().unwrap());
        let Bearer { entity, counter, key } = world.secrets.verify(Purpose::Session, token).unwrap();
        assert_eq!((entity, counter), (user, session));
        assert_eq!(world.state::<Sessions>(user).get(session).map(|open| open.root_key), Some(key));
        assert!(world.secrets.is_csrf(user, session, csrf));
        let hash = world.secrets.token_hash(Purpose::Session, user, session);
        assert!(world.text().contains(&hash.sha256), "the hash of each token is stored");
        assert!(!world.text().contains(token) && !world.text().contains(csrf));
        for other in [Purpose::Approval, Purpose::ApiKey, Purpose::Capability] {
            assert!(world.secrets.verify(other, token).is_err());
        }
    }
    let (_, reply) = world.ask(Caller::OPERATOR, (Family::Sessions, "end_all", Some(user)), &json!({})).unwrap();
    assert_eq!(reply, json!({"id": user, "sessions": [1, 2]}));
    world.replays();
}

/// Shows F45.
#[test]
fn an_unknown_login_a_wrong_pin_and_a_locked_one_are_answered_the_same() {
    let mut world = World::new();
    let user = sign_up(&mut world, "1234");
    let sign_in = |login: &str, pin: &str| json!({"login": login, "pin": pin});
    let unknown = world.ask(Caller::GUEST, OPEN, &sign_in("nobody", "1234")).unwrap_err();
    assert_eq!((unknown.kind.slug, unknown.kind.status), ("not-identified", 403));
    for _ in 0..MOST_WRONG {
        assert_eq!(world.ask(Caller::GUEST, OPEN, &sign_in("aiko", "4321")).unwrap_err(), unknown);
    }
    assert_eq!(world.ask(Caller::GUEST, OPEN, &sign_in("aiko", "1234")).unwrap_err(), unknown, "locked");
    assert_eq!(world.count(user, "user.pin_refused"), MOST_WRONG as usize);
    assert_eq!(world.count(user, "session.refused"), MOST_WRONG as usize + 1);
    world.after(15 * 60);
    assert!(world.ask(Caller::GUEST, OPEN, &sign_in("aiko", "1234")).is_ok());
    assert!(world.is_slow(Caller::GUEST, OPEN, &sign_in("nobody", "1234")));
    world.replays();
}

#[test]
fn requests_of_another_shape_are_refused_and_leave_no_trace() {
    let mut world = World::new();
    let with = |member: &str, value: Value| {
        let mut body = json!({"login": "aiko", "pin": "1234"});
        body[member] = value;
        body
    };
    for body in [
        json!({"login": "aiko"}),
        json!({"pin": "1234"}),
        with("pin", json!("12a4")),
        with("login", json!("")),
        with("idle_secs", json!(0)),
        with("idle_secs", json!(1_801)),
        with("ends_in_secs", json!(0)),
        with("ends_in_secs", json!(43_201)),
        with("user", json!(id(1))),
    ] {
        assert_eq!(slug(world.ask(Caller::GUEST, OPEN, &body)), "invalid-body", "{body}");
    }
    assert_eq!(world.records(), 0);
}

#[test]
fn sessions_are_opened_by_guests_and_terminals_and_ended_by_users_and_operators() {
    let mut world = World::new();
    let body = json!({"login": "aiko", "pin": "1234"});
    for who in [Caller::OPERATOR, caller(Role::Shop, 9), caller(Role::Settler, 9), Caller::of_user(id(1))] {
        assert_eq!(slug(world.ask(who, OPEN, &body)), "forbidden");
    }
    for name in ["use", "end", "end_all"] {
        for who in [Caller::GUEST, caller(Role::Terminal, 9), caller(Role::Shop, 9), caller(Role::Auditor, 9)] {
            assert_eq!(slug(world.ask(who, (Family::Sessions, name, Some(id(1))), &json!({}))), "forbidden");
        }
    }
}
