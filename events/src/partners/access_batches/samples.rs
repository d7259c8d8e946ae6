//! Events of every kind, in an order in which they can happen to one batch.

use super::{Batch, CERTIFICATE, Certificate, Encoding, Event, KnownName};
use crate::id::EntityId;
use crate::opaque::EncryptedField;
use crate::partners::access::Directives;
use crate::statement;

pub(super) fn all() -> Vec<Event> {
    let [contract, writer, to] = [3, 5, 7].map(|byte| EntityId::from_hash(&[byte; 32]));
    let line = "\x7f0\x7f - - [01/Nov/2026:10:00:00 +0900] \"GET /tie-up/a.html HTTP/1.1\" 200 2326\n";
    let bytes = 9;
    let certificate = Certificate {
        contract,
        source: "www".to_owned(),
        segment: "access.log.1".to_owned(),
        offset: 0,
        bytes: line.len() as u64 - 3 + u64::from(bytes),
        lines: 1,
        root: "5f".repeat(32),
    };
    let signed = statement::sample(writer, CERTIFICATE, &certificate);
    let batch = Batch {
        contract,
        writer,
        certificate,
        signed,
        format: "common".to_owned(),
        directives: Directives::default(),
        encoding: Encoding::Utf8,
        text: line.to_owned(),
        day: "2026-11-01".to_owned(),
        names: EncryptedField { xchacha20poly1305: "AQ".to_owned() },
        known_names: vec![KnownName { key: "0123456789abcdef".to_owned(), bytes }],
    };
    let (certificate, signed) = (batch.certificate.clone(), batch.signed.clone());
    vec![
        Event::Certified { batch: Box::new(batch), to: Some(to), held: true },
        Event::HandedOver {},
        Event::Called { here: false },
        Event::Refused { reason: "contract-ended".to_owned() },
        Event::Announced { writer, certificate, signed },
    ]
}
