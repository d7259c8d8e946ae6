//! Offers that say what must not be.

use std::time::Duration;

use kippu_events::approvals::offers::{Event, Item, Offer, Taken};
use kippu_events::approvals::products::Kind;
use kippu_events::secrets::TokenHash;
use kippu_events::{EntityId, Principal, Time};

use super::sample::{SampleLog, euro, event, minor, seed};
use crate::verify::{Options, verify};

pub(super) struct Scene {
    pub(super) sample: SampleLog,
    offer: EntityId,
    pub(super) settler: EntityId,
    ends: Time,
}

impl Scene {
    /// An offer of two items, of 300 and of 2 times 50.
    pub(super) fn new() -> Self {
        let mut sample = SampleLog::new(seed());
        let (offer, settler) = (sample.id(), sample.id());
        let ends = sample.now.after(Duration::from_secs(60));
        let mut scene = Self { sample, offer, settler, ends };
        scene.is(scene.made(400));
        scene
    }

    pub(super) fn made(&self, total: u64) -> Event {
        Event::Made {
            items: [(0, 1, 300), (1, 2, 50)].map(|(place, quantity, price)| item(place, quantity, price)).to_vec(),
            total: minor(total),
            currency: euro(),
            settlers: vec![self.settler],
            direct: false,
            made_at: self.sample.now,
            expires_at: self.ends,
            terms_version: 1,
            signing_key: 0,
        }
    }

    pub(super) fn delivered(&self, settler: EntityId, items: &[(u16, u32, u64)], amount: u64) -> Event {
        let taken = |(place, quantity, price): &(u16, u32, u64)| {
            let Item { product, name, kind, quantity, price, .. } = item(*place, *quantity, *price);
            Taken { place: *place, product, name, kind, quantity, price }
        };
        Event::Delivered {
            settler,
            items: items.iter().map(taken).collect(),
            amount: minor(amount),
            currency: euro(),
            contents: Vec::new(),
            direct: false,
            capability: TokenHash { key: 1, sha256: "aGFzaA".to_owned() },
        }
    }

    fn refunded(&self, settler: EntityId, amount: u64, total: u64) -> Event {
        Event::Refunded { settler, amount: minor(amount), currency: euro(), total: minor(total) }
    }

    pub(super) fn is(&mut self, happened: Event) -> (u16, u64) {
        self.sample.commit(vec![event::<Offer>(self.offer, happened)])
    }

    /// What `forge` adds breaks this rule, where it was added and nowhere else.
    fn found(rule: &str, forge: impl Fn(&mut Self) -> (u16, u64)) {
        let mut scene = Self::new();
        let (partition, number) = forge(&mut scene);
        let report = verify(&scene.sample.tape, &Options::default());
        assert!(!report.sound && report.totals.damaged == 0, "{report}");
        let walked = &report.partitions[usize::from(partition)];
        assert!(walked.first_breaches.iter().any(|breach| breach.rule.name() == rule), "{rule}: {report}");
        assert!(walked.first_breaches.iter().all(|breach| breach.number == number), "{report}");
    }
}

fn item(place: u16, quantity: u32, price: u64) -> Item {
    let product = EntityId::from_hash(&[u8::try_from(place).unwrap(); 32]);
    let (name, contents) = ("n".to_owned(), Vec::new());
    Item { product, version: 1, name, kind: Kind::Goods, quantity, price: minor(price), contents }
}

const BOTH: &[(u16, u32, u64)] = &[(0, 1, 300), (1, 2, 50)];

#[test]
fn an_offer_that_was_delivered_in_part_in_time_and_given_back_in_parts_holds() {
    let mut scene = Scene::new();
    scene.sample.now = scene.ends;
    scene.is(scene.delivered(scene.settler, &[(1, 2, 50)], 100));
    scene.is(scene.refunded(scene.settler, 30, 30));
    scene.is(scene.refunded(scene.settler, 70, 100));
    let report = verify(&scene.sample.tape, &Options::default());
    assert!(report.sound, "{report}");
}

/// Shows F26. Keeps T1.
#[test]
fn a_second_delivery_of_an_offer_is_found() {
    Scene::found("deliver-once", |scene| {
        scene.is(scene.delivered(scene.settler, BOTH, 400));
        scene.is(scene.delivered(scene.settler, &[(0, 1, 300)], 300))
    });
    Scene::found("deliver-once", |scene| {
        scene.offer = scene.sample.id();
        scene.is(scene.delivered(scene.settler, BOTH, 400))
    });
    Scene::found("offer-once", |scene| scene.is(scene.made(400)));
}

#[test]
fn an_amount_that_is_not_what_the_items_cost_is_found() {
    Scene::found("amount", |scene| {
        scene.offer = scene.sample.id();
        scene.is(scene.made(399))
    });
    Scene::found("amount", |scene| scene.is(scene.delivered(scene.settler, BOTH, 401)));
}

#[test]
fn a_delivery_of_what_was_not_offered_is_found() {
    for items in [&[(0, 1, 299)][..], &[(1, 1, 50)], &[(2, 1, 1)], &[(1, 2, 50), (1, 2, 50)]] {
        let amount = items.iter().map(|(_, quantity, price)| u64::from(*quantity) * price).sum();
        Scene::found("items", |scene| scene.is(scene.delivered(scene.settler, items, amount)));
    }
}

#[test]
fn a_delivery_to_somebody_else_or_by_somebody_else_is_found() {
    Scene::found("settler", |scene| {
        let other = scene.sample.id();
        scene.is(scene.delivered(other, BOTH, 400))
    });
    Scene::found("principal", |scene| {
        scene.sample.by = Some(Principal::Operator);
        scene.is(scene.delivered(scene.settler, BOTH, 400))
    });
}

#[test]
fn a_delivery_a_day_after_the_end_is_found() {
    Scene::found("expiry", |scene| {
        scene.sample.now = scene.ends.after(Duration::from_secs(86_400));
        scene.is(scene.delivered(scene.settler, BOTH, 400))
    });
}

/// Shows F26, D42.
#[test]
fn more_given_back_than_was_delivered_or_by_somebody_else_is_found() {
    for (amount, total) in [(401, 401), (1, 2), (0, 0)] {
        Scene::found("refund", |scene| {
            scene.is(scene.delivered(scene.settler, BOTH, 400));
            scene.is(scene.refunded(scene.settler, amount, total))
        });
    }
    Scene::found("refund", |scene| scene.is(scene.refunded(scene.settler, 1, 1)));
    Scene::found("refund", |scene| {
        scene.is(scene.delivered(scene.settler, BOTH, 400));
        let other = scene.sample.id();
        scene.is(scene.refunded(other, 1, 1))
    });
    Scene::found("principal", |scene| {
        scene.is(scene.delivered(scene.settler, BOTH, 400));
        scene.sample.by = Some(Principal::Operator);
        scene.is(scene.refunded(scene.settler, 1, 1))
    });
}
