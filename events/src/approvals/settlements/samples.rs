//! Events of every kind.

use super::{By, Content, Event, Item, Offer, Versions};
use crate::approvals::settler_terms::Order;
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::{EncryptedField, TokenHash};
use crate::time::Time;

pub(super) fn all() -> Vec<Event> {
    let [issuer, shop, product, approval, offer, buyer] = [3, 4, 7, 8, 9, 2].map(|n| EntityId::from_hash(&[n; 32]));
    let minor = |units| Minor::new(units).unwrap_or(Minor::ZERO);
    let (currency, at) = (Currency::EUR, Time::from_micros(1_795_253_405_000_000));
    let until = Time::from_micros(1_795_254_300_000_000);
    let encrypted = || EncryptedField { xchacha20poly1305: "AQ".to_owned() };
    let (name, names) = (|| "Night Train".to_owned(), || vec!["Night Train".to_owned()]);
    let shop_url = || "http://127.0.0.1:7802".to_owned();
    let content = || Content {
        n: 1,
        name: "night-train.flac".to_owned(),
        media_type: "audio/flac".to_owned(),
        sha256: "ab".repeat(32),
        size: 31_457_280,
    };
    vec![
        Event::Presented {
            issuer,
            shop,
            shop_url: shop_url(),
            offer: Some(Offer { id: offer, sha256: "cd".repeat(32) }),
            items: vec![Item { product, name: Some(name()), quantity: 1, price: minor(1_177) }],
            total: minor(1_177),
            currency,
            token: encrypted(),
            capability: TokenHash { key: 1, sha256: "q".repeat(43) },
            presenter: Some(EntityId::from_hash(&[1; 32])),
            order: Order::DeliverFirst,
            wait_until: Time::from_micros(1_795_253_410_000_000),
            shop_secs: 600,
            deliver_secs: 86_400,
            versions: Versions { issuer: 1, shop: 2, terms: 0 },
        },
        Event::Permitted {
            attempt: 1,
            approval,
            amount: minor(1_177),
            currency,
            buyer: Some(buyer),
            shop_until: until,
        },
        Event::ContentsNamed {
            attempt: 2,
            amount: minor(1_177),
            names: names(),
            quantity: 1,
            contents: vec![content()],
            direct: false,
            capability: Some(encrypted()),
        },
        Event::ContentHeld { attempt: 3, content: 1, sha256: "5f".repeat(32) },
        Event::Available { until },
        Event::Received { contents: vec![1] },
        Event::Settled { approval, amount: minor(1_177), currency, contents: names(), quantity: 1, at },
        Event::Noticed { attempt: 5 },
        Event::RefundOrdered { amount: minor(177) },
        Event::Refunded { attempt: 6, amount: minor(177) },
        Event::RefundTold { attempt: 7, total: minor(177) },
        Event::RefundRefused { attempt: 6, amount: minor(177), reason: "forbidden".to_owned() },
        Event::HandedOver { offer, shop_url: shop_url(), contents: vec![content()], capability: encrypted() },
        Event::Offered { attempt: 2, offer },
        Event::Refused { attempt: 1, by: By::Issuer, reason: "approval-expired".to_owned() },
        Event::TimedOut { attempt: 1, by: By::Issuer },
        Event::Cancelled { by: By::Buyer },
        Event::Released { attempt: 2, reason: Some("approval-expired".to_owned()) },
    ]
}
