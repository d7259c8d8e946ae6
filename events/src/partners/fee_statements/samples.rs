//! Events of every kind, in an order in which they can happen to one statement.

use super::{Difference, Event, STATEMENT, Said};
use crate::blobs::BlobId;
use crate::id::EntityId;
use crate::money::Currency;
use crate::statement;

pub(super) fn all() -> Vec<Event> {
    let [contract, main, partner] = [3, 5, 7].map(|byte| EntityId::from_hash(&[byte; 32]));
    let said = |number: u32, total| {
        let month = "2026-10".parse().ok()?;
        let (sha256, cut) = (BlobId::of(&number.to_be_bytes()), "0:12".to_owned());
        Some(Said { contract, month, number, sha256, total, currency: Currency::EUR, cut })
    };
    let (Some(first), Some(second)) = (said(1, 2_000), said(2, 1_900)) else { return Vec::new() };
    let signed = |by, said: &Said| statement::sample(by, STATEMENT, said);
    let difference = Difference {
        what: "2026-10-03 /tie-up/a tie_up accesses (terms 1)".to_owned(),
        main: Some("20".to_owned()),
        partner: Some("19".to_owned()),
    };
    vec![
        Event::Signed { main, partner, signed: signed(main, &first), said: first, here: true },
        Event::Told { attempt: 0 },
        Event::Disputed {
            number: 1,
            differences: vec![difference],
            reason: Some("one came twice".to_owned()),
            here: false,
        },
        Event::Signed { main, partner, signed: signed(main, &second), said: second.clone(), here: true },
        Event::NotTold { attempt: 1, reason: "status-404".to_owned() },
        Event::Cosigned { signed: signed(partner, &second), said: second, here: false },
    ]
}
