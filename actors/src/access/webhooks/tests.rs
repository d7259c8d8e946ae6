//! The rules of webhooks.

use kippu_events::access::Caller;
use kippu_events::access::clients::{self, Role};
use kippu_events::secrets::TokenHash;
use serde_json::{Value, json};

use super::*;
use crate::given::{NOW, caller, given, id};
use crate::problem::{self, FORBIDDEN, INVALID_BODY};
use crate::world::World;

const FAMILY: Family = Family::Webhooks;

fn added() -> Event {
    Event::Added { client: id(2), url: "https://a.example/in".to_owned(), families: Vec::new(), from: Begin::Now }
}

fn delivered(attempt: u32, event: &str, cursor: Option<&str>) -> Event {
    Event::Delivered { attempt, event: event.to_owned(), cursor: cursor.map(str::to_owned) }
}

fn came(attempt: u32, came: Came) -> Command {
    Command::Came { attempt, came }
}

fn taken(event: &str, cursor: Option<&str>) -> Came {
    Came::Delivered { event: event.to_owned(), cursor: cursor.map(str::to_owned) }
}

fn failing() -> Came {
    Came::Failing { event: "0-1.0".to_owned(), reason: "status-500".to_owned() }
}

fn dead(cursor: Option<&str>) -> Came {
    let (event, reason) = ("0-1.0".to_owned(), "status-500".to_owned());
    Came::DeadLettered { event, reason, cursor: cursor.map(str::to_owned) }
}

fn asked(request: Request) -> Command {
    Command::Asked(request)
}

fn open() -> Command {
    let url = Url::try_from("https://a.example/in".to_owned()).unwrap();
    asked(Request::Open(Open { client: id(2), url, families: Vec::new(), from: Begin::Now }))
}

#[test]
fn an_endpoint_is_added_for_a_client_that_may_call() {
    let key = TokenHash { key: 1, sha256: "q".repeat(43) };
    let client = clients::Event::Opened { role: Role::Settler, name: "one".to_owned(), user: None, key };
    let with = |history: &[clients::Event]| given::<Webhook>(&[]).with::<Client>(id(2), history).when(&open());
    with(std::slice::from_ref(&client)).becomes(&[added()]);
    with(&[client, clients::Event::Revoked {}]).refused(&refusal::NO_SUCH_CLIENT);
    with(&[]).refused(&refusal::NO_SUCH_CLIENT);
    given::<Webhook>(&[added()]).when(&open()).refused(&problem::ALREADY_EXISTS);
}

#[test]
fn an_outcome_counts_for_the_activity_that_is_owed_and_once() {
    let one = || taken("0-1.0", Some("1"));
    given::<Webhook>(&[added()]).when(&came(1, one())).becomes(&[delivered(1, "0-1.0", Some("1"))]);
    given::<Webhook>(&[added(), delivered(1, "0-1.0", Some("1"))]).when(&came(1, one())).refused(&problem::NOT_DUE);
    given::<Webhook>(&[added(), Event::Removed {}]).when(&came(1, one())).refused(&problem::NOT_DUE);
    let disabled = Event::Disabled { attempt: 1, reason: "gone".to_owned() };
    given::<Webhook>(&[added()])
        .when(&came(1, Came::Disabled { reason: "gone".to_owned() }))
        .becomes(std::slice::from_ref(&disabled));
    given::<Webhook>(&[added(), disabled.clone()]).when(&came(1, one())).refused(&problem::NOT_DUE);
    // What was sent to where it answered before is sent again.
    let changed = Event::Changed { url: "https://b.example".to_owned(), families: Vec::new() };
    given::<Webhook>(&[added(), changed]).when(&came(1, one())).refused(&problem::NOT_DUE);
}

#[test]
fn that_it_fails_is_on_record_once_until_it_takes_an_event() {
    let Came::Failing { event, reason } = failing() else { panic!("it fails") };
    let on_record = Event::Failing { attempt: 1, event: event.clone(), reason: reason.clone() };
    given::<Webhook>(&[added()]).when(&came(1, failing())).becomes(std::slice::from_ref(&on_record));
    given::<Webhook>(&[added(), on_record.clone()]).when(&came(1, failing())).refused(&problem::NOT_DUE);
    let letter = Event::DeadLettered { attempt: 1, event, reason, cursor: Some("1".to_owned()) };
    given::<Webhook>(&[added(), on_record.clone()])
        .when(&came(1, dead(Some("1"))))
        .becomes(std::slice::from_ref(&letter));
    given::<Webhook>(&[added(), on_record.clone(), letter]).when(&came(2, failing())).refused(&problem::NOT_DUE);
    let again = Event::Failing { attempt: 2, event: "0-1.0".to_owned(), reason: "status-500".to_owned() };
    given::<Webhook>(&[added(), on_record, delivered(1, "0-1.0", Some("1"))])
        .when(&came(2, failing()))
        .becomes(&[again]);
}

#[test]
fn an_event_is_sent_once_more_where_that_was_asked_and_so_many_at_most() {
    let redeliver =
        |event: &str| asked(Request::Redeliver(Redeliver { event: Text::try_from(event.to_owned()).unwrap() }));
    let wanted = |event: String| Event::RedeliveryAsked { event };
    let history = vec![added(), wanted("0-1.0".to_owned())];
    given::<Webhook>(&history[..1]).when(&redeliver("0-1.0")).becomes(&history[1..]);
    given::<Webhook>(&history).when(&redeliver("0-1.0")).refused(&problem::ALREADY_EXISTS);
    given::<Webhook>(&history).when(&came(1, taken("0-1.0", None))).becomes(&[delivered(1, "0-1.0", None)]);
    given::<Webhook>(&history[..1]).when(&came(1, taken("0-1.0", None))).refused(&problem::NOT_DUE);
    given::<Webhook>(&history[..1]).when(&came(1, dead(None))).refused(&problem::NOT_DUE);
    let many: Vec<Event> =
        std::iter::once(added()).chain((0..MOST_AGAIN).map(|n| wanted(format!("0-{n}.0")))).collect();
    given::<Webhook>(&many).when(&redeliver("1-1.0")).refused(&refusal::TOO_MANY_AGAIN);
}

#[test]
fn a_disabled_endpoint_is_enabled_and_a_removed_one_stays_so() {
    let (enable, remove) = (|| asked(Request::Enable(Enable {})), || asked(Request::Remove(Remove {})));
    let disabled = [added(), Event::Disabled { attempt: 1, reason: "gone".to_owned() }];
    given::<Webhook>(&[added()]).when(&enable()).refused(&refusal::NOT_DISABLED);
    given::<Webhook>(&disabled).when(&enable()).becomes(&[Event::Enabled {}]);
    given::<Webhook>(&disabled).when(&remove()).becomes(&[Event::Removed {}]);
    for command in [enable(), remove()] {
        given::<Webhook>(&[added(), Event::Removed {}]).when(&command).refused(&refusal::REMOVED);
        given::<Webhook>(&[]).when(&command).refused(&problem::NOT_FOUND);
    }
}

/// An endpoint in a world: what its adding answered.
fn world() -> (World, EntityId, Value) {
    let mut world = World::new();
    let client = json!({ "role": "settler", "name": "one" });
    let (_, client) = world.ask(Caller::OPERATOR, (Family::Clients, "open", None), &client).unwrap();
    let body = json!({ "client": client["id"], "url": "https://a.example/in?t=1", "families": ["approvals"] });
    let (status, reply) = world.ask(Caller::OPERATOR, (FAMILY, "open", None), &body).unwrap();
    assert_eq!(status, 201);
    let id = reply["id"].as_str().unwrap().parse().unwrap();
    (world, id, reply)
}

#[test]
fn secrets_are_told_and_never_on_record_and_the_one_before_signs_for_a_day() {
    let (mut world, id, added) = world();
    let first = added["secret"].as_str().unwrap().to_owned();
    let (_, rolled) = world.ask(Caller::OPERATOR, (FAMILY, "roll_secret", Some(id)), &json!({})).unwrap();
    let second = rolled["secret"].as_str().unwrap().to_owned();
    assert!(first != second && [&first, &second].iter().all(|secret| secret.starts_with("whsec_")));
    for secret in [first, second] {
        assert!(!world.text().contains(secret.strip_prefix("whsec_").unwrap()));
    }
    let rolled = given::<Webhook>(&[self::added()]).when(&asked(Request::RollSecret(RollSecret {})));
    rolled.becomes(&[Event::SecretRolled { secret: 1, both_until: NOW.after(Duration::from_secs(86_400)) }]);
}

#[test]
fn an_active_endpoint_owes_one_activity_to_itself() {
    let (mut world, id, _) = world();
    let key = EntityKey::of::<Webhook>(id);
    let (owed, work) = world.owed(key).unwrap();
    assert_eq!((owed.to, owed.attempt, work), (id, 1, Work::Push));
    world.ask(Caller::OPERATOR, (FAMILY, "remove", Some(id)), &json!({})).unwrap();
    assert!(world.owed(key).is_none());
}

#[test]
fn what_is_no_endpoint_is_refused_and_operators_alone_add_one() {
    let (mut world, webhook, _) = world();
    let mut change = |body: Value| world.ask(Caller::OPERATOR, (FAMILY, "change", Some(webhook)), &body);
    for url in ["ftp://a", "https://", "https:///a", "https://:7", "https://u:p@a", "https://a#b", "https://a b", "a"] {
        assert_eq!(change(json!({ "url": url })).unwrap_err().kind, &INVALID_BODY, "{url}");
    }
    for families in [json!(["webhooks"]), json!(["users", "users"]), json!(["user"])] {
        let body = json!({ "url": "https://a", "families": families });
        assert_eq!(change(body).unwrap_err().kind, &INVALID_BODY, "{families}");
    }
    change(json!({ "url": "http://127.0.0.1:1/a" })).unwrap();
    let redeliver = (FAMILY, "redeliver", Some(webhook));
    let none = world.ask(Caller::OPERATOR, redeliver, &json!({ "event": "1.2" }));
    assert_eq!(none.unwrap_err().kind, &INVALID_BODY);
    for role in [Role::Shop, Role::Settler, Role::Terminal, Role::Auditor] {
        let refused = world.ask(caller(role, 3), (FAMILY, "remove", Some(webhook)), &json!({}));
        assert_eq!(refused.unwrap_err().kind, &FORBIDDEN);
    }
}
