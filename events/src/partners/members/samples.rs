//! Events of every kind, in an order in which they can happen.

use super::{Event, Refusal};
use crate::id::EntityId;
use crate::money::{Currency, Minor};
use crate::opaque::{EncryptedField, PinVerifier};
use crate::time::Time;

pub(super) fn all() -> Vec<Event> {
    let [site, visit, member] = [3, 5, 7].map(|byte| EntityId::from_hash(&[byte; 32]));
    let at = |secs: i64| Time::from_micros(1_795_254_300_000_000 + secs * 1_000_000);
    let encrypted = |text: &str| EncryptedField { xchacha20poly1305: text.to_owned() };
    let password = || PinVerifier { pepper: 1, argon2id: "verifier".to_owned() };
    let class = || "gold".to_owned();
    let refused = |reason, locked_until| Event::Refused { reason, site, locked_until };
    vec![
        refused(Refusal::Unknown, None),
        Event::Copied { member, password: password(), class: class(), until: at(86_400) },
        refused(Refusal::CopyOver, None),
        Event::Registered {
            login: encrypted("encrypted-login"),
            email: Some(encrypted("encrypted-email")),
            profile: encrypted("encrypted-profile"),
            password: password(),
            agreed: "privacy-2026-1".to_owned(),
            marketing: true,
            factor: true,
            site,
            by: Some(site),
        },
        refused(Refusal::WrongPassword, Some(at(900))),
        refused(Refusal::Locked, None),
        Event::ClassSet { class: class() },
        Event::Identified {
            site,
            ticket: 1,
            member: None,
            class: class(),
            key: 0,
            expires_at: at(3_600),
            copied: true,
        },
        Event::CodeRefused { site, locked_until: None },
        Event::Confirmed {
            site,
            visit,
            order: 1,
            amount: Minor::new(800).unwrap_or(Minor::ZERO),
            currency: Currency::EUR,
            step: 59_841_810,
            key: 0,
            expires_at: at(300),
        },
        Event::ConsentChanged { marketing: false },
        Event::Forgotten {},
    ]
}
