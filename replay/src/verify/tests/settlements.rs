//! Settlements: an honest one, and what must not be in one.

use kippu_events::approvals::settlements::{By, Content, Event, Item, Offer, Settlement, Versions};
use kippu_events::approvals::settler_terms::Order;
use kippu_events::secrets::{EncryptedField, TokenHash};
use kippu_events::{EntityId, Principal, Time};

use super::sample::{SampleLog, Tape, euro, event, minor, seed};
use crate::rules::Rule;
use crate::verify::{Options, verify};

const WAIT_MICROS: i64 = 10_000_000;
const SHOP_MICROS: i64 = 600_000_000;

fn later(time: Time, micros: i64) -> Time {
    Time::from_micros(time.micros() + micros)
}

fn presented(now: Time, order: Order) -> Event {
    let [issuer, shop, product, offer] = [3, 4, 7, 9].map(|n| EntityId::from_hash(&[n; 32]));
    Event::Presented {
        issuer,
        shop,
        shop_url: "http://shop".to_owned(),
        offer: Some(Offer { id: offer, sha256: "cd".repeat(32) }),
        items: vec![Item { product, name: None, quantity: 1, price: minor(100) }],
        total: minor(100),
        currency: euro(),
        token: encrypted(),
        capability: TokenHash { key: 1, sha256: "aGFzaA".to_owned() },
        presenter: None,
        order,
        wait_until: later(now, WAIT_MICROS),
        shop_secs: 600,
        deliver_secs: 600,
        versions: Versions { issuer: 1, shop: 1, terms: 0 },
    }
}

fn encrypted() -> EncryptedField {
    EncryptedField { xchacha20poly1305: "c2VhbGVk".to_owned() }
}

fn approval() -> EntityId {
    EntityId::from_hash(&[8; 32])
}

fn permitted(attempt: u32, now: Time, amount: u64) -> Event {
    let (currency, shop_until) = (euro(), later(now, SHOP_MICROS));
    Event::Permitted { attempt, approval: approval(), amount: minor(amount), currency, buyer: None, shop_until }
}

fn named(attempt: u32, contents: u32, amount: u64, direct: bool) -> Event {
    let content =
        |n| Content { n, name: "a".to_owned(), media_type: "audio/flac".to_owned(), sha256: "ab".repeat(32), size: 7 };
    Event::ContentsNamed {
        attempt,
        amount: minor(amount),
        names: vec!["a".to_owned()],
        quantity: 1,
        contents: (1..=contents).map(content).collect(),
        direct,
        capability: Some(encrypted()),
    }
}

fn settled(amount: u64, at: Time) -> Event {
    let (currency, contents) = (euro(), vec!["a".to_owned()]);
    Event::Settled { approval: approval(), amount: minor(amount), currency, contents, quantity: 1, at }
}

fn held(attempt: u32, content: u32) -> Event {
    Event::ContentHeld { attempt, content, sha256: "5f".repeat(32) }
}

fn received(contents: &[u32]) -> Event {
    Event::Received { contents: contents.to_vec() }
}

fn refund(amount: u64) -> Event {
    Event::RefundOrdered { amount: minor(amount) }
}

fn refunded(attempt: u32, amount: u64) -> Event {
    Event::Refunded { attempt, amount: minor(amount) }
}

fn told(attempt: u32, total: u64) -> Event {
    Event::RefundTold { attempt, total: minor(total) }
}

/// Who brings about what a settlement becomes, where it is not an operator: the node itself.
fn by(event: &Event) -> Principal {
    match event {
        Event::Permitted { .. }
        | Event::Offered { .. }
        | Event::ContentsNamed { .. }
        | Event::ContentHeld { .. }
        | Event::Noticed { .. }
        | Event::Refused { .. }
        | Event::Released { .. }
        | Event::Refunded { .. }
        | Event::RefundRefused { .. }
        | Event::RefundTold { .. } => Principal::Activity,
        Event::TimedOut { .. } | Event::Cancelled { by: By::Deadline } => Principal::Deadline,
        Event::Presented { .. } => Principal::Guest,
        Event::Available { .. }
        | Event::Received { .. }
        | Event::Settled { .. }
        | Event::Cancelled { .. }
        | Event::RefundOrdered { .. }
        | Event::HandedOver { .. } => Principal::Operator,
    }
}

/// What happens to a settlement, record by record.
fn tell(sample: &mut SampleLog, id: EntityId, records: Vec<Vec<Event>>) -> (u16, u64) {
    let mut last = None;
    for own in records {
        let honest = sample.by;
        sample.by = honest.or_else(|| own.first().map(by));
        last = Some(sample.commit(own.into_iter().map(|own| event::<Settlement>(id, own)).collect()));
        sample.by = honest;
    }
    last.unwrap()
}

/// Settlements with every end that one can have, in either order.
pub(super) fn honest(sample: &mut SampleLog) {
    let now = sample.now;
    let until = later(now, SHOP_MICROS);
    let first = |order| vec![vec![presented(now, order)], vec![permitted(1, now, 150)]];
    let with = |order, rest: Vec<Vec<Event>>| [first(order), rest].concat();
    let paid_first = with(
        Order::SettleFirst,
        vec![
            vec![named(2, 2, 90, false)],
            vec![held(3, 1)],
            vec![held(4, 2), settled(90, now)],
            vec![Event::Noticed { attempt: 5 }],
            vec![received(&[2])],
            vec![refund(60)],
            vec![refunded(6, 60)],
            vec![refund(30)],
            vec![Event::RefundRefused { attempt: 8, amount: minor(30), reason: "approval-revoked".to_owned() }],
            vec![told(9, 60)],
        ],
    );
    let delivered_first = with(
        Order::DeliverFirst,
        vec![
            vec![named(2, 1, 100, false)],
            vec![held(3, 1), Event::Available { until }],
            vec![received(&[1]), settled(100, now)],
            vec![refund(100)],
            vec![Event::Noticed { attempt: 6 }],
            vec![refunded(7, 100)],
            vec![told(8, 100)],
        ],
    );
    let direct = with(Order::DeliverFirst, vec![vec![named(2, 1, 100, true), settled(100, now)]]);
    let refused = vec![
        vec![presented(now, Order::SettleFirst)],
        vec![Event::Refused { attempt: 1, by: By::Issuer, reason: "approval-expired".to_owned() }],
    ];
    let cancelled = with(
        Order::SettleFirst,
        vec![vec![Event::Cancelled { by: By::Operator }], vec![Event::Released { attempt: 3, reason: None }]],
    );
    for history in [paid_first, delivered_first, direct, refused, cancelled] {
        let id = sample.id();
        tell(sample, id, history);
    }
}

/// A settlement that has come so far breaks exactly this rule by what comes next, in one record.
fn found(rule: &str, before: impl Fn(Time) -> Vec<Vec<Event>>, forged: impl Fn(Time) -> Vec<Event>) {
    found_by(None, 0, rule, before, forged);
}

fn found_by(
    by: Option<Principal>,
    after_micros: i64,
    rule: &str,
    before: impl Fn(Time) -> Vec<Vec<Event>>,
    forged: impl Fn(Time) -> Vec<Event>,
) {
    let (tape, (partition, number)) = forged_by(by, after_micros, before, forged);
    let report = verify(&tape, &Options::default());
    let breaches = &report.partitions[usize::from(partition)].first_breaches;
    assert!(breaches.iter().any(|breach| breach.rule.name() == rule && breach.number == number), "{rule}: {report}");
}

/// An honest settlement, and a record behind it; where that is.
fn forged_by(
    by: Option<Principal>,
    after_micros: i64,
    before: impl Fn(Time) -> Vec<Vec<Event>>,
    forged: impl Fn(Time) -> Vec<Event>,
) -> (Tape, (u16, u64)) {
    let mut sample = SampleLog::new(seed());
    let (id, begun) = (sample.id(), sample.now);
    let before = before(begun);
    if !before.is_empty() {
        tell(&mut sample, id, before);
    }
    assert!(verify(&sample.tape, &Options::default()).sound, "honest until then");
    sample.now = later(begun, after_micros);
    sample.by = by;
    let forged = forged(sample.now);
    let place = tell(&mut sample, id, vec![forged]);
    (sample.tape, place)
}

/// A settlement that breaks `rule`, which is one of settlements alone.
pub(super) fn broken(rule: Rule) -> (Tape, (u16, u64)) {
    let forged =
        |before: fn(Time) -> Vec<Vec<Event>>, forged: fn(Time) -> Vec<Event>| forged_by(None, 0, before, forged);
    let to_named = |now| [to_permitted(now), vec![vec![named(2, 2, 100, false)]]].concat();
    match rule {
        Rule::PresentOnce => forged(open, |now| vec![presented(now, Order::SettleFirst)]),
        Rule::PermitOnce => forged(to_permitted, |now| vec![permitted(2, now, 150)]),
        Rule::NoticeOnce => forged(to_noticed, |_| vec![Event::Noticed { attempt: 6 }]),
        Rule::Attempt => forged(to_noticed, |_| vec![Event::Noticed { attempt: 5 }]),
        Rule::Wait => forged_by(None, WAIT_MICROS, open, |now| vec![permitted(1, now, 150)]),
        Rule::Permission => forged(open, |now| vec![named(2, 0, 100, false), settled(100, now)]),
        Rule::Held => forged(to_named, |now| vec![settled(100, now)]),
        Rule::Received => forged(to_settled, |_| vec![received(&[1, 1])]),
        Rule::Order => forged(to_first_held, |now| vec![settled(100, now)]),
        Rule::Release => forged(open, |_| vec![Event::Released { attempt: 2, reason: None }]),
        other => panic!("{other} is no rule of settlements"),
    }
}

fn open(now: Time) -> Vec<Vec<Event>> {
    vec![vec![presented(now, Order::SettleFirst)]]
}

fn to_permitted(now: Time) -> Vec<Vec<Event>> {
    [open(now), vec![vec![permitted(1, now, 150)]]].concat()
}

fn to_held(now: Time) -> Vec<Vec<Event>> {
    [to_permitted(now), vec![vec![named(2, 1, 100, false)], vec![held(3, 1)]]].concat()
}

/// Where delivery comes first.
fn to_first_held(now: Time) -> Vec<Vec<Event>> {
    let first = [vec![presented(now, Order::DeliverFirst)], vec![permitted(1, now, 150)]];
    [first.to_vec(), vec![vec![named(2, 1, 100, false)], vec![held(3, 1)]]].concat()
}

fn to_settled(now: Time) -> Vec<Vec<Event>> {
    [to_held(now), vec![vec![settled(100, now)]]].concat()
}

fn to_noticed(now: Time) -> Vec<Vec<Event>> {
    [to_settled(now), vec![vec![Event::Noticed { attempt: 5 }]]].concat()
}

fn to_cancelled(now: Time) -> Vec<Vec<Event>> {
    [to_permitted(now), vec![vec![Event::Cancelled { by: By::Operator }]]].concat()
}

/// Shows F26. Keeps T1.
#[test]
fn an_approval_that_is_presented_or_settled_twice_is_found() {
    found("present-once", open, |now| vec![presented(now, Order::SettleFirst)]);
    found("settle-once", to_settled, |now| vec![settled(100, now)]);
    found("settle-once", to_cancelled, |now| vec![settled(100, now)]);
}

/// Shows F26, D28. Keeps T1.
#[test]
fn a_settlement_without_a_permission_that_came_in_time_is_found() {
    found("permission", open, |now| vec![named(2, 0, 100, false), settled(100, now)]);
    found_by(None, WAIT_MICROS, "wait", open, |now| vec![permitted(1, now, 150)]);
    found("permit-once", to_permitted, |now| vec![permitted(2, now, 150)]);
    found("permit-once", to_cancelled, |now| vec![permitted(3, now, 150)]);
    found("amount", open, |now| vec![permitted(1, now, 99)]);
}

/// Keeps T2.
#[test]
fn more_than_was_delivered_offered_or_permitted_is_found() {
    found("amount", to_held, |now| vec![settled(101, now)]);
    found("amount", to_held, |now| vec![settled(99, now)]);
    found("amount", to_permitted, |now| vec![named(2, 0, 101, false), settled(101, now)]);
}

#[test]
fn contents_that_nobody_holds_and_are_paid_for_or_handed_out_are_found() {
    let to_named = |now| [to_permitted(now), vec![vec![named(2, 2, 100, false)]]].concat();
    found("held", to_named, |now| vec![settled(100, now)]);
    found("held", to_named, |now| vec![Event::Available { until: now }]);
    found("held", to_named, |_| vec![held(3, 2)]);
    found("deliver-once", to_named, |_| vec![named(3, 1, 100, false)]);
    found("deliver-once", to_named, |_| vec![Event::Offered { attempt: 3, offer: approval() }]);
    found("received", to_held, |_| vec![received(&[1])]);
    found("received", to_settled, |_| vec![received(&[2])]);
    found("received", to_settled, |_| vec![received(&[1, 1])]);
    let handed_over = || Event::HandedOver {
        offer: approval(),
        shop_url: String::new(),
        contents: Vec::new(),
        capability: encrypted(),
    };
    found("held", to_settled, |_| vec![handed_over()]);
    found("held", to_held, |_| vec![handed_over()]);
}

#[test]
fn what_is_settled_before_it_could_be_fetched_is_found_where_delivery_comes_first() {
    found("order", to_first_held, |now| vec![settled(100, now)]);
}

/// Shows F26, D42.
#[test]
fn what_is_permitted_and_neither_settled_nor_released_is_found() {
    let reason = || "approval-expired".to_owned();
    found("release", to_permitted, |_| vec![Event::Refused { attempt: 2, by: By::Issuer, reason: reason() }]);
    found("release", open, |_| vec![Event::Released { attempt: 2, reason: None }]);
    found("over-once", to_settled, |_| vec![Event::Cancelled { by: By::Operator }]);
    found("over-once", to_cancelled, |_| vec![Event::Refused { attempt: 3, by: By::Shop, reason: reason() }]);
    found("expiry", open, |_| vec![Event::TimedOut { attempt: 1, by: By::Issuer }]);
    found_by(None, WAIT_MICROS, "expiry", to_permitted, |_| vec![Event::TimedOut { attempt: 2, by: By::Shop }]);
}

/// Shows F26, D34, D42.
#[test]
fn a_notice_of_nothing_and_more_given_back_than_was_settled_are_found() {
    found("notice-once", to_held, |_| vec![Event::Noticed { attempt: 4 }]);
    found("notice-once", to_noticed, |_| vec![Event::Noticed { attempt: 6 }]);
    found("refund", to_noticed, |_| vec![refund(101)]);
    found("refund", to_held, |_| vec![refund(1)]);
    found("refund", to_noticed, |_| vec![refunded(6, 1)]);
    let ordered = |now| [to_noticed(now), vec![vec![refund(60)]]].concat();
    found("refund", ordered, |_| vec![refund(1)]);
    found("refund", ordered, |_| vec![refunded(6, 61)]);
    let given = |now| [ordered(now), vec![vec![refunded(6, 60)]]].concat();
    found("refund", given, |_| vec![refund(41)]);
    let early = |now| [to_settled(now), vec![vec![refund(60)]]].concat();
    found("refund", early, |_| vec![refunded(5, 60)]);
    found("refund", given, |_| vec![told(7, 61)]);
    found("refund", to_noticed, |_| vec![told(6, 1)]);
    let known = |now| [given(now), vec![vec![told(7, 60)]]].concat();
    found("refund", known, |_| vec![told(8, 60)]);
}

/// Keeps R3.
#[test]
fn the_outcome_of_what_was_given_up_and_a_second_one_are_found() {
    found("attempt", to_permitted, |_| vec![named(1, 1, 100, false)]);
    found("attempt", to_noticed, |_| vec![Event::Released { attempt: 5, reason: None }]);
}

#[test]
fn what_somebody_did_in_the_name_of_the_node_is_found() {
    let client = Some(Principal::Client(approval()));
    found_by(client, 0, "principal", open, |now| vec![permitted(1, now, 150)]);
    found_by(client, WAIT_MICROS, "principal", open, |_| vec![Event::TimedOut { attempt: 1, by: By::Issuer }]);
    found_by(client, 0, "principal", to_settled, |_| vec![Event::Noticed { attempt: 5 }]);
}
