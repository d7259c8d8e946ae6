//! Identification in two steps: a challenge first, then the PIN with it, once.

use kippu_events::Family;
use kippu_events::access::challenges::{self, Challenge};
use kippu_events::approvals::RequestRefusal;
use serde_json::{Value, json};

use super::*;
use crate::approvals::refusal::CHALLENGE_NOT_VALID;
use crate::problem::Problem;
use crate::world::{World, id_in, slug};

fn challenge_id() -> EntityId {
    id(3)
}

fn challenged(digits: &str) -> Command {
    open(Asked { pin: Some(pin(digits)), challenge: Some(challenge_id()), ..asked(100) })
}

fn opened(by: Option<EntityId>, user: EntityId) -> challenges::Event {
    challenges::Event::Opened { user, by, expires_at: NOW.after(Duration::from_secs(300)) }
}

fn with_challenge(history: &[challenges::Event]) -> Given<Approval> {
    given::<Approval>(&[])
        .with::<User>(user_id(), &[registered(Charging::AtSettlement)])
        .with::<Challenge>(challenge_id(), history)
        .by(terminal())
}

/// Shows D8. Keeps T1.
#[test]
fn a_challenge_is_for_who_asked_for_one_pin_and_for_its_time() {
    let its_own = opened(Some(id(5)), user_id());
    for history in [
        vec![],
        vec![its_own.clone(), challenges::Event::Used {}],
        vec![opened(Some(id(8)), user_id())],
        vec![opened(Some(id(5)), id(4))],
    ] {
        with_challenge(&history).when(&challenged("1234")).refused(&CHALLENGE_NOT_VALID);
    }
    let late = NOW.after(Duration::from_secs(300));
    with_challenge(&[its_own]).at(late).when(&challenged("1234")).refused(&CHALLENGE_NOT_VALID);
}

fn world() -> (World, EntityId) {
    let mut world = World::new();
    let body = json!({"login": "aiko", "pin": "1234",
        "limit": {"source": "fixed", "amount": 10_000, "currency": "EUR"}});
    let (_, user) = world.ask(Caller::OPERATOR, (Family::Users, "open", None), &body).unwrap();
    (world, id_in(&user))
}

fn challenge(world: &mut World, caller: Caller, login: &str) -> EntityId {
    let (_, answer) = world.ask(caller, (Family::Challenges, "open", None), &json!({"login": login})).unwrap();
    id_in(&answer)
}

fn ask(world: &mut World, challenge: EntityId, pin: &str) -> Result<(u16, Value), Problem> {
    let typed = json!({"challenge": challenge, "pin": pin});
    let body = json!({"amount": 1, "currency": "EUR", "identification": typed});
    world.ask(terminal(), (Family::Approvals, "open", None), &body)
}

/// Shows D8, D12.
#[test]
fn a_pin_is_given_with_a_challenge_and_whether_there_is_such_a_user_shows_nowhere() {
    let (mut world, user) = world();
    let first = challenge(&mut world, terminal(), "Aiko ");
    assert_eq!(ask(&mut world, first, "1234").unwrap().0, 201);
    assert_eq!(slug(ask(&mut world, first, "1234")), "challenge-not-valid");
    let of_guest = challenge(&mut world, Caller::GUEST, "aiko");
    assert_eq!(ask(&mut world, of_guest, "1234").unwrap().0, 201);

    let [known, unknown] = ["aiko", "nobody"].map(|login| challenge(&mut world, terminal(), login));
    let (wrong, nobody) = (ask(&mut world, known, "9999").unwrap_err(), ask(&mut world, unknown, "9999").unwrap_err());
    assert_eq!((wrong.kind.slug, &wrong), ("not-identified", &nobody));
    assert_eq!(world.count(user, "user.pin_refused"), 1);
    // Used up by the wrong one.
    for used in [known, unknown] {
        assert_eq!(slug(ask(&mut world, used, "1234")), "challenge-not-valid");
    }
    let late = challenge(&mut world, terminal(), "aiko");
    world.after(300);
    assert_eq!(slug(ask(&mut world, late, "1234")), "challenge-not-valid");
    assert_eq!(slug(ask(&mut world, id(9), "1234")), "challenge-not-valid");
    let both = json!({"challenge": late, "login": "aiko", "pin": "1234"});
    let body = json!({"amount": 1, "currency": "EUR", "identification": both});
    assert_eq!(slug(world.ask(terminal(), (Family::Approvals, "open", None), &body)), "invalid-body");
    world.replays();
}

#[test]
fn the_refusal_of_a_wrong_pin_uses_the_challenge_up_in_the_same_record() {
    let (mut world, _) = world();
    let first = challenge(&mut world, terminal(), "aiko");
    let before = world.records();
    assert_eq!(slug(ask(&mut world, first, "9999")), "not-identified");
    assert_eq!(world.records(), before + 1);
    assert_eq!(world.count(first, "challenge.used"), 1);
    assert!(world.state::<Challenge>(first) == Challenge::Used);
    let reason = serde_json::to_value(RequestRefusal::NotIdentified).unwrap();
    assert!(world.text().contains(&format!("\"reason\":{reason}")));
}
