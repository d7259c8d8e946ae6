//! The rules of settlements, one by one, and in JSON from a presentation to its end.

mod delivery;
mod ends;
mod money;
mod permission;
mod requests;

use std::time::Duration;

use kippu_events::access::Caller;
use kippu_events::access::clients::Role;
use kippu_events::approvals::settlements::{By, Content, Event, Item, Offer, Settlement, Versions};
use kippu_events::approvals::settler_terms::Order;
use kippu_events::log::LogId;
use kippu_events::money::Minor;
use kippu_events::secrets::{EncryptedField, Secrets, TokenHash};
use kippu_events::{EntityId, EntityKey, Time};
use serde_json::{Value, json};

use super::request::Command;
use crate::activity::Outcome;
use crate::actor::Actor as _;
use crate::given::{Given, NOW, Then, caller, currency, given, id, minor};

/// The parties, the product, the offer and the approval.
const ISSUER: u8 = 11;
const SHOP: u8 = 12;
const PRODUCT: u8 = 13;
const OFFER: u8 = 14;
const APPROVAL: u8 = 15;
const PRESENTER: u8 = 5;

const WAIT: Duration = Duration::from_secs(10);
const SHOP_WAIT: Duration = Duration::from_secs(600);
const BUYER_WAIT: Duration = Duration::from_secs(86_400);

fn just_before(time: Time) -> Time {
    Time::from_micros(time.micros() - 1)
}

/// Who holds the capability of the settlement that tests are about.
fn holder() -> Caller {
    Caller::holder_of(EntityKey::of::<Settlement>(id(1)))
}

fn strangers() -> [Caller; 4] {
    [
        Caller::GUEST,
        Caller::holder_of(EntityKey::of::<Settlement>(id(2))),
        caller(Role::Terminal, 6),
        Caller::holder_of(EntityKey::of::<kippu_events::approvals::Approval>(id(1))),
    ]
}

fn encrypted() -> EncryptedField {
    EncryptedField { xchacha20poly1305: "token".to_owned() }
}

fn item() -> Item {
    Item { product: id(PRODUCT), name: Some("Night Train".to_owned()), quantity: 2, price: minor(500) }
}

/// An approval for two pieces of 5.00 EUR, presented by a terminal.
fn presented_with(order: Order) -> Event {
    Event::Presented {
        issuer: id(ISSUER),
        shop: id(SHOP),
        shop_url: "http://shop".to_owned(),
        offer: Some(Offer { id: id(OFFER), sha256: "cd".repeat(32) }),
        items: vec![item()],
        total: minor(1_000),
        currency: currency("EUR"),
        token: encrypted(),
        capability: TokenHash { key: 1, sha256: "hash".to_owned() },
        presenter: Some(id(PRESENTER)),
        order,
        wait_until: NOW.after(WAIT),
        shop_secs: 600,
        deliver_secs: 86_400,
        versions: Versions { issuer: 1, shop: 1, terms: 0 },
    }
}

fn presented() -> Event {
    presented_with(Order::SettleFirst)
}

/// The same, with purchase information that the terminal made.
fn presented_by_terminal() -> Event {
    let mut event = presented();
    if let Event::Presented { offer, .. } = &mut event {
        *offer = None;
    }
    event
}

fn permitted() -> Event {
    permitted_at(1_000, NOW)
}

fn permitted_at(units: u64, now: Time) -> Event {
    Event::Permitted {
        attempt: 1,
        approval: id(APPROVAL),
        amount: minor(units),
        currency: currency("EUR"),
        buyer: None,
        shop_until: now.after(SHOP_WAIT),
    }
}

fn content(n: u32) -> Content {
    Content { n, name: format!("{n}.flac"), media_type: "audio/flac".to_owned(), sha256: "ab".repeat(32), size: 7 }
}

/// The shop delivers so many contents for so much.
fn named(contents: u32, amount: u64, direct: bool) -> Event {
    Event::ContentsNamed {
        attempt: 2,
        amount: minor(amount),
        names: vec!["Night Train".to_owned()],
        quantity: 2,
        contents: (1..=contents).map(content).collect(),
        direct,
        capability: (contents > 0).then(encrypted),
    }
}

fn held(attempt: u32, content: u32) -> Event {
    Event::ContentHeld { attempt, content, sha256: self::content(content).sha256 }
}

fn available() -> Event {
    Event::Available { until: NOW.after(BUYER_WAIT) }
}

fn received(contents: &[u32]) -> Event {
    Event::Received { contents: contents.to_vec() }
}

fn settled(amount: u64) -> Event {
    settled_at(amount, NOW)
}

fn settled_at(amount: u64, at: Time) -> Event {
    Event::Settled {
        approval: id(APPROVAL),
        amount: minor(amount),
        currency: currency("EUR"),
        contents: vec!["Night Train".to_owned()],
        quantity: 2,
        at,
    }
}

fn refused(attempt: u32, by: By, reason: &str) -> Event {
    Event::Refused { attempt, by, reason: reason.to_owned() }
}

fn timed_out(attempt: u32, by: By) -> Event {
    Event::TimedOut { attempt, by }
}

fn cancelled(by: By) -> Event {
    Event::Cancelled { by }
}

/// A settlement of one content that was paid, and whose notice is owed as number 4.
fn paid() -> Vec<Event> {
    vec![presented(), permitted(), named(1, 1_000, false), held(3, 1), settled(1_000)]
}

/// One of two contents that may be fetched before it is paid for.
fn fetchable() -> Vec<Event> {
    let first = presented_with(Order::DeliverFirst);
    vec![first, permitted(), named(2, 1_000, false), held(3, 1), held(4, 2), available()]
}

fn after(history: &[Event]) -> Given<Settlement> {
    given::<Settlement>(history)
}

/// The outcome of the activity number `attempt`; a capability in it becomes one that tests can compare.
fn came(attempt: u32, status: u16, body: &Value) -> Command {
    let secrets = Secrets::ephemeral(1, LogId([7; 16]));
    let outcome = Outcome { status, body: body.to_string().into_bytes() };
    let mut command = Settlement::came_of(attempt, outcome, id(1), &secrets).unwrap();
    if let Command::CameOf(came) = &mut command {
        came.capability = came.capability.take().map(|_| encrypted());
    }
    command
}

fn problem(slug: &str) -> Value {
    json!({ "type": format!("/problems/{slug}") })
}

/// What comes of an outcome after this history.
fn when_came(history: &[Event], attempt: u32, status: u16, body: &Value) -> Then<Settlement> {
    after(history).by(Caller::ACTIVITY).when(&came(attempt, status, body))
}

/// The number of what is owed after this history, if anything is.
fn owed(history: &[Event]) -> Option<(u32, EntityId)> {
    let mut state = Settlement::default();
    for event in history {
        kippu_events::Entity::evolve(&mut state, event, NOW);
    }
    state.owed(id(1)).map(|owed| (owed.attempt, owed.to))
}
