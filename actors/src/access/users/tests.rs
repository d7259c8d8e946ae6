//! The rules of users.

use std::time::Duration;

use kippu_events::access::clients::Role;
use kippu_events::access::sessions::{self, Ending, Sessions};
use kippu_events::access::users::{Category, Charging, Event, LimitSource, Period, Policy, Reference, User};
use kippu_events::money::Minor;
use kippu_events::secrets::{EncryptedField, PinVerifier, SecretsError, SharedError, TokenHash};
use kippu_events::{Entity as _, EntityId, Family, Time};
use serde_json::json;

use super::refusal::{
    ALREADY_SUSPENDED, CHARGE_CURRENCY, LIMIT_BELOW_USE, LIMIT_SOURCE, LIMIT_TOO_LARGE, NOT_SUSPENDED, USER_FORGOTTEN,
};
use super::request::{Command, Limit};
use super::{LOGIN_FIELD, NAME_FIELD, NUMBER_FIELD, not_encrypted};
use crate::actor::Actor as _;
use crate::given::{Given, NOW, caller, currency, given, id, minor};
use crate::problem;
use crate::world::{World, id_in, slug};
use kippu_events::access::Caller;

const OPEN: (Family, &str, Option<EntityId>) = (Family::Users, "open", None);

fn open() -> Command {
    Command::Open {
        login: EncryptedField { xchacha20poly1305: "login".to_owned() },
        name: Some(EncryptedField { xchacha20poly1305: "name".to_owned() }),
        pin: Some(PinVerifier { pepper: 1, argon2id: "pin".to_owned() }),
        limit: Limit { source: LimitSource::Fixed, amount: minor(10_000), currency: currency("EUR") },
        charging: Charging::AtPermission,
        policy: Policy::Own,
        reference: None,
        points_rate_bp: 0,
        period: Period::None,
    }
}

fn registered(source: LimitSource) -> Event {
    Event::Registered {
        login: EncryptedField { xchacha20poly1305: "login".to_owned() },
        name: Some(EncryptedField { xchacha20poly1305: "name".to_owned() }),
        pin: Some(PinVerifier { pepper: 1, argon2id: "pin".to_owned() }),
        source,
        limit: minor(10_000),
        currency: currency("EUR"),
        charging: Charging::AtPermission,
        policy: Policy::Own,
        reference: None,
        points_rate_bp: 0,
        period: Period::None,
    }
}

fn user(source: LimitSource) -> Given<User> {
    given::<User>(&[registered(source)])
}

/// Shows F11.
#[test]
fn a_user_is_registered_with_a_limit() {
    given::<User>(&[]).when(&open()).becomes(&[registered(LimitSource::Fixed)]);
}

#[test]
fn a_login_is_registered_once() {
    user(LimitSource::Fixed).when(&open()).refused(&problem::ALREADY_EXISTS);
}

/// Shows D17.
#[test]
fn the_operator_changes_a_fixed_limit_alone() {
    let change = Command::ChangeLimit(minor(500));
    let changed =
        Event::LimitChanged { limit: minor(500), before: minor(10_000), currency: currency("EUR"), approval: None };
    user(LimitSource::Fixed).when(&change).becomes(&[changed]);
    user(LimitSource::Prepaid).when(&change).refused(&LIMIT_SOURCE);
    user(LimitSource::Points).when(&change).refused(&LIMIT_SOURCE);
    user(LimitSource::Solvency).when(&change).refused(&LIMIT_SOURCE);
    given::<User>(&[]).when(&change).refused(&problem::NOT_FOUND);
}

/// Shows D17.
#[test]
fn what_is_paid_in_or_gathered_raises_the_limit_that_it_is_the_source_of() {
    let credit = Command::Credit(minor(500));
    let credited =
        Event::Credited { amount: minor(500), limit: minor(10_500), currency: currency("EUR"), approval: None };
    user(LimitSource::Prepaid).when(&credit).becomes(std::slice::from_ref(&credited));
    user(LimitSource::Points).when(&credit).becomes(&[credited]);
    user(LimitSource::Fixed).when(&credit).refused(&LIMIT_SOURCE);
    user(LimitSource::Solvency).when(&credit).refused(&LIMIT_SOURCE);
    given::<User>(&[]).when(&credit).refused(&problem::NOT_FOUND);
}

/// Keeps T2.
#[test]
fn a_limit_does_not_fall_below_what_is_reserved_and_charged() {
    let history = [
        registered(LimitSource::Fixed),
        Event::AmountReserved { approval: id(3), amount: minor(3_000) },
        Event::AmountReserved { approval: id(4), amount: minor(2_000) },
        Event::AmountCharged { approval: id(4), reserved: minor(2_000), amount: minor(1_000) },
    ];
    given::<User>(&history).when(&Command::ChangeLimit(minor(3_999))).refused(&LIMIT_BELOW_USE);
    given::<User>(&history).when(&Command::ChangeLimit(minor(4_000))).becomes(&[Event::LimitChanged {
        limit: minor(4_000),
        before: minor(10_000),
        currency: currency("EUR"),
        approval: None,
    }]);
}

#[test]
fn a_limit_is_never_more_than_an_amount_can_be() {
    let most = Command::Credit(minor(Minor::MOST - 9_999));
    user(LimitSource::Prepaid).when(&most).refused(&LIMIT_TOO_LARGE);
}

#[test]
fn registration_answers_the_users_id_and_seals_what_is_personal() {
    let mut world = World::new();
    let body = json!({"login": "Aiko@example.org", "name": "Aiko Sato",
        "limit": {"source": "prepaid", "amount": 0, "currency": "JPY"}});
    let (status, reply) = world.ask(Caller::OPERATOR, OPEN, &body).unwrap();
    let id = id_in(&reply);
    let expected = json!({"id": id, "limit": 0, "currency": "JPY", "source": "prepaid", "charging": "at_settlement"});
    assert_eq!((status, reply), (201, expected));
    let (_, reply) = world.ask(Caller::OPERATOR, (Family::Users, "credit", Some(id)), &json!({"amount": 70})).unwrap();
    assert_eq!(reply, json!({"id": id, "limit": 70, "currency": "JPY"}));

    let stored = world.text();
    assert!(!stored.contains("Aiko") && !stored.contains("aiko"));
    let encrypted = |member: &str| {
        let events: serde_json::Value = serde_json::from_str(&stored[..=stored.find("}]").unwrap() + 1]).unwrap();
        serde_json::from_value::<EncryptedField>(events[0]["data"][member].clone()).unwrap()
    };
    assert_eq!(world.secrets.decrypt(id, LOGIN_FIELD, &encrypted("login")).unwrap(), "Aiko@example.org");
    assert_eq!(world.secrets.decrypt(id, NAME_FIELD, &encrypted("name")).unwrap(), "Aiko Sato");
}

#[test]
fn a_login_is_one_users_in_its_realm_and_anothers_in_another() {
    let mut world = World::new();
    let limit = json!({"source": "fixed", "amount": 1, "currency": "EUR"});
    let mut open = |realm: Option<&str>, login: &str| {
        let mut body = json!({"login": login, "limit": limit});
        if let Some(realm) = realm {
            body["realm"] = json!(realm);
        }
        world.ask(Caller::OPERATOR, OPEN, &body)
    };
    let first = id_in(&open(None, "aiko").unwrap().1);
    assert_eq!(slug(open(None, " AIKO")), "already-exists");
    assert_eq!(slug(open(Some("default"), "aiko")), "already-exists");
    assert_ne!(id_in(&open(Some("bank"), "aiko").unwrap().1), first);
}

#[test]
fn a_person_who_was_forgotten_is_registered_already_and_one_whose_key_is_out_of_reach_may_try_later() {
    let away = SecretsError::Shared(SharedError::Unavailable("down".to_owned()));
    for (error, slug) in [(SecretsError::Forgotten(id(1)), "already-exists"), (away, "unavailable")] {
        assert_eq!(not_encrypted(id(1), &error).kind.slug, slug);
    }
}

#[test]
fn registrations_of_another_shape_are_refused_and_leave_no_trace() {
    let mut world = World::new();
    let limit = json!({"source": "fixed", "amount": 1, "currency": "EUR"});
    for body in [
        json!({"login": "aiko"}),
        json!({"login": "", "limit": limit}),
        json!({"login": "  ", "limit": limit}),
        json!({"login": "a\u{0}b", "limit": limit}),
        json!({"login": "a".repeat(255), "limit": limit}),
        json!({"login": "aiko", "name": "a".repeat(257), "limit": limit}),
        json!({"login": "aiko", "realm": "a".repeat(65), "limit": limit}),
        json!({"login": "aiko", "pin": "123", "limit": limit}),
        json!({"login": "aiko", "pin": "1234567890123", "limit": limit}),
        json!({"login": "aiko", "pin": "12 4", "limit": limit}),
        json!({"login": "aiko", "pin": "١٢٣٤", "limit": limit}),
        json!({"login": "aiko", "pin": 1234, "limit": limit}),
        json!({"login": "aiko", "limit": {"source": "fixed", "amount": -1, "currency": "EUR"}}),
        json!({"login": "aiko", "limit": {"source": "fixed", "amount": 1, "currency": "XYZ"}}),
        json!({"login": "aiko", "limit": {"source": "loan", "amount": 1, "currency": "EUR"}}),
        json!({"login": "aiko", "limit": limit, "charging": "never"}),
        json!({"login": "aiko", "limit": limit, "admin": true}),
        json!({"login": "aiko", "limit": limit, "policy": "both"}),
        json!({"login": "aiko", "limit": limit, "reference": {"party": id(4), "number": "1"}}),
        json!({"login": "aiko", "limit": {"source": "solvency", "amount": 1, "currency": "EUR"}}),
        json!({"login": "aiko", "limit": limit, "points_rate_bp": 1}),
        json!({"login": "aiko", "limit": {"source": "points", "amount": 1, "currency": "EUR"}, "points_rate_bp": 10_001}),
        json!({"login": "aiko", "limit": limit, "period": "year"}),
    ] {
        let problem = world.ask(Caller::OPERATOR, OPEN, &body).unwrap_err();
        assert_eq!(problem.kind.slug, "invalid-body", "{body}");
        assert!(!problem.detail.contains("aiko") && !problem.detail.contains("1234567890123"), "{problem}");
    }
    assert_eq!(world.records(), 0);
}

#[test]
fn users_are_the_operators_business_alone() {
    let mut world = World::new();
    for role in [Role::Shop, Role::Settler, Role::Terminal] {
        let of_one =
            ["change_limit", "credit", "charge", "suspend", "resume"].map(|name| (Family::Users, name, Some(id(1))));
        for asked in std::iter::once(OPEN).chain(of_one) {
            assert_eq!(slug(world.ask(caller(role, 9), asked, &json!({}))), "forbidden");
        }
    }
}

/// A person's key is written and a PIN is hashed, neither of which must hold up what comes behind it.
#[test]
fn only_a_registration_is_prepared_where_it_may_block() {
    let world = World::new();
    let user = json!({"login": "aiko", "limit": {"source": "fixed", "amount": 1, "currency": "EUR"}});
    assert!(world.is_slow(Caller::OPERATOR, OPEN, &user));
    let credit = (Family::Users, "credit", Some(id(2)));
    assert!(!world.is_slow(Caller::OPERATOR, credit, &json!({"amount": 1, "currency": "EUR"})));
}

/// Shows D25.
#[test]
fn a_subscription_is_suspended_and_goes_on() {
    let suspended = [registered(LimitSource::Fixed), Event::Suspended {}];
    user(LimitSource::Fixed).when(&Command::Suspend).becomes(&[Event::Suspended {}]);
    user(LimitSource::Fixed).when(&Command::Resume).refused(&NOT_SUSPENDED);
    given::<User>(&suspended).when(&Command::Suspend).refused(&ALREADY_SUSPENDED);
    given::<User>(&suspended).when(&Command::Resume).becomes(&[Event::Resumed {}]);
    given::<User>(&suspended).when(&open()).refused(&problem::ALREADY_EXISTS);
    for command in [Command::Suspend, Command::Resume] {
        given::<User>(&[]).when(&command).refused(&problem::NOT_FOUND);
    }
    let changed =
        Event::LimitChanged { limit: minor(500), before: minor(10_000), currency: currency("EUR"), approval: None };
    given::<User>(&suspended).when(&Command::ChangeLimit(minor(500))).becomes(&[changed]);
}

/// Shows D16.
#[test]
fn charges_add_up_over_a_calendar_month_which_ends_by_a_deadline_of_its_own() {
    let monthly = Event::Registered {
        login: EncryptedField { xchacha20poly1305: "login".to_owned() },
        name: None,
        pin: None,
        source: LimitSource::Fixed,
        limit: minor(10_000),
        currency: currency("EUR"),
        charging: Charging::AtSettlement,
        policy: Policy::Own,
        reference: None,
        points_rate_bp: 0,
        period: Period::Month,
    };
    let asked = Command::Open {
        login: EncryptedField { xchacha20poly1305: "login".to_owned() },
        name: None,
        pin: None,
        limit: Limit { source: LimitSource::Fixed, amount: minor(10_000), currency: currency("EUR") },
        charging: Charging::AtSettlement,
        policy: Policy::Own,
        reference: None,
        points_rate_bp: 0,
        period: Period::Month,
    };
    // NOW is in January.
    let (february, march) = (NOW.next_month(), NOW.next_month().next_month());
    assert_eq!(february.to_string(), "2027-02-01T00:00:00.000000Z");
    let begun = |charged, next| Event::PeriodBegun { charged_before: minor(charged), next };
    given::<User>(&[]).when(&asked).becomes(&[monthly.clone(), begun(0, february)]);

    let history = [
        monthly,
        begun(0, february),
        Event::AmountReserved { approval: id(3), amount: minor(3_000) },
        Event::AmountCharged { approval: id(3), reserved: minor(3_000), amount: minor(2_000) },
    ];
    let user = || given::<User>(&history).by(Caller::DEADLINE);
    let just_before = Time::from_micros(february.micros() - 1);
    user().at(just_before).when(&Command::BeginPeriod).refused(&problem::NOT_DUE);
    user().at(february).when(&Command::BeginPeriod).becomes(&[begun(2_000, march)]);
    // Late by a month: the period is that of the time it is.
    user().at(march).when(&Command::BeginPeriod).becomes(&[begun(2_000, march.next_month())]);
    given::<User>(&[registered(LimitSource::Fixed)]).when(&Command::BeginPeriod).refused(&problem::NOT_DUE);
    given::<User>(&[]).when(&Command::BeginPeriod).refused(&problem::NOT_DUE);

    let mut state = User::default();
    for event in &history {
        state.evolve(event, NOW);
    }
    assert!(matches!(state.due(), Some((due, Command::BeginPeriod)) if due == february));
}

/// Shows D14, D17. Keeps S1.
#[test]
fn a_user_with_a_reference_has_the_number_there_encrypted_under_the_persons_key() {
    let mut world = World::new();
    let number = "4929-1234-5678";
    let body = json!({"login": "aiko", "policy": "reference", "reference": {"party": id(4), "number": number},
        "limit": {"source": "solvency", "amount": 0, "currency": "EUR"}, "period": "month"});
    let (status, reply) = world.ask(Caller::OPERATOR, OPEN, &body).unwrap();
    let user = id_in(&reply);
    let expected = json!({"id": user, "limit": 0, "currency": "EUR", "source": "solvency", "charging": "at_settlement",
        "policy": "reference", "period": "month"});
    assert_eq!((status, reply), (201, expected));
    assert!(!world.text().contains("4929"));
    let account = world.state::<User>(user).account().cloned().unwrap();
    let Reference { party, number: encrypted } = *account.reference.unwrap();
    assert_eq!(party, id(4));
    assert_eq!(world.secrets.decrypt(user, NUMBER_FIELD, &encrypted).unwrap(), number);
    let (_, reply) = world.ask(Caller::OPERATOR, (Family::Users, "suspend", Some(user)), &json!({})).unwrap();
    assert_eq!(reply, json!({"id": user, "state": "suspended"}));
    let (_, reply) = world.ask(Caller::OPERATOR, (Family::Users, "resume", Some(user)), &json!({})).unwrap();
    assert_eq!(reply, json!({"id": user, "state": "registered"}));
    world.replays();
}

/// Shows D39.
#[test]
fn what_is_no_purchase_is_charged_in_the_users_currency_and_counts_against_no_limit() {
    let mut world = World::new();
    let body = json!({"login": "a", "limit": {"source": "fixed", "amount": 100, "currency": "EUR"}});
    let id = id_in(&world.ask(Caller::OPERATOR, OPEN, &body).unwrap().1);
    let path = (Family::Users, "charge", Some(id));
    let line = json!({"category": "line", "amount": 1_990, "currency": "EUR", "note": "November"});
    let (_, charged) = world.ask(Caller::OPERATOR, path, &line).unwrap();
    assert_eq!(charged, json!({"id": id, "category": "line", "amount": 1_990, "currency": "EUR"}));
    for (member, value, expected) in [
        ("currency", json!("JPY"), "charge-currency"),
        ("amount", json!(0), "invalid-body"),
        ("category", json!("calls"), "invalid-body"),
        ("note", json!("a\nb"), "invalid-body"),
    ] {
        let mut asked = line.clone();
        asked[member] = value;
        assert_eq!(slug(world.ask(Caller::OPERATOR, path, &asked)), expected, "{asked}");
    }
    let back = json!({"category": "fee", "amount": 5, "currency": "EUR", "takes_back": true});
    world.ask(Caller::OPERATOR, path, &back).unwrap();
    let (amount, category, note, takes_back) = (minor(20_000), Category::Line, None, false);
    let charge = |currency| Command::Charge { category, amount, currency, note: note.clone(), takes_back };
    user(LimitSource::Prepaid).when(&charge(currency("JPY"))).refused(&CHARGE_CURRENCY);
    let event = Event::Charged { category, amount, currency: currency("EUR"), note: note.clone(), takes_back };
    user(LimitSource::Prepaid).when(&charge(currency("EUR"))).becomes(&[event]);
    given::<User>(&[]).when(&charge(currency("EUR"))).refused(&problem::NOT_FOUND);
}

/// Shows F30.
#[test]
fn forgetting_a_person_ends_every_session_and_leaves_what_is_owed() {
    let opened = sessions::Event::Opened {
        session: 1,
        token: TokenHash { key: 0, sha256: String::new() },
        idle_secs: 100,
        ends_at: NOW.after(Duration::from_secs(1_000)),
    };
    let ended = sessions::Event::Ended { session: 1, reason: Ending::SignedOutEverywhere };
    for before in [vec![], vec![Event::Suspended {}]] {
        let history = [vec![registered(LimitSource::Fixed)], before].concat();
        given::<User>(&history)
            .with::<Sessions>(id(1), std::slice::from_ref(&opened))
            .when(&Command::Forget)
            .becomes_with::<Sessions>(&[Event::Forgotten {}], id(1), std::slice::from_ref(&ended));
        given::<User>(&history).when(&Command::Forget).becomes(&[Event::Forgotten {}]);
    }
    given::<User>(&[]).when(&Command::Forget).refused(&problem::NOT_FOUND);
    let forgotten = [registered(LimitSource::Fixed), Event::Forgotten {}];
    let changes =
        [Command::Forget, Command::Suspend, Command::Resume, Command::ChangeLimit(minor(1)), Command::Credit(minor(1))];
    for command in changes {
        given::<User>(&forgotten).when(&command).refused(&USER_FORGOTTEN);
    }
    given::<User>(&forgotten).when(&open()).refused(&problem::ALREADY_EXISTS);
    // What a line has cost is owed all the same.
    let (category, amount, currency) = (Category::Line, minor(5), currency("EUR"));
    let charge = Command::Charge { category, amount, currency, note: None, takes_back: false };
    let charged = Event::Charged { category, amount, currency, note: None, takes_back: false };
    given::<User>(&forgotten).when(&charge).becomes(&[charged]);
}

#[test]
fn forgetting_is_answered_the_same_at_every_retry() {
    let mut world = World::new();
    let limit = json!({"source": "fixed", "amount": 1, "currency": "EUR"});
    let (_, user) =
        world.ask(Caller::OPERATOR, OPEN, &json!({"login": "aiko", "pin": "1234", "limit": limit})).unwrap();
    let id = id_in(&user);
    let forgotten = world.ask(Caller::OPERATOR, (Family::Users, "forget", Some(id)), &json!({})).unwrap();
    assert_eq!(forgotten, (200, json!({"id": id, "state": "forgotten"})));
    world.replays();
}
