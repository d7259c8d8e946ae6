//! The auditor's batch of lines: certified once, for the lines that it has, and given to the other party once.

use kippu_events::partners::access_batches::{Batch, CERTIFICATE, Certificate, Encoding, Event, Part, parts};
use kippu_events::statement::Unverified;

use crate::rules::{Rule, Seen};

/// What is remembered of a batch.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) enum Facts {
    #[default]
    Absent,
    /// The certificate, or the lines.
    Owed(bool),
    Held,
    Announced,
    Kept,
}

impl Facts {
    pub(in crate::rules) fn take(&mut self, event: &Event, seen: &mut Seen<'_>) {
        let (holds, next) = match event {
            Event::Certified { batch, to, held } => {
                if let Some(wrong) = wrong(batch) {
                    seen.breach(Rule::Certified, format!("access-batches/{}: {wrong}", seen.id));
                }
                let is_new = *self == Self::Absent || (*self == Self::Announced && to.is_none());
                (is_new, if to.is_some() { Self::Owed(!held) } else { Self::Kept })
            }
            Event::Announced { writer, certificate, signed } => {
                let is_signed = Unverified::parse(signed).is_ok_and(|statement| {
                    statement.signer == *writer
                        && statement.typ() == CERTIFICATE
                        && statement.claimed::<Certificate>().as_ref() == Some(certificate)
                });
                (*self == Self::Absent && is_signed, Self::Announced)
            }
            Event::Called { here: true } => (*self == Self::Announced, *self),
            Event::Called { here: false } => (*self == Self::Held, Self::Owed(true)),
            Event::HandedOver {} | Event::Refused { .. } if *self == Self::Announced => (true, *self),
            Event::HandedOver {} if *self == Self::Owed(false) => (true, Self::Held),
            Event::HandedOver {} | Event::Refused { .. } => (matches!(self, Self::Owed(_)), Self::Kept),
        };
        if !holds {
            seen.breach(Rule::Certified, format!("access-batches/{} was {self:?} and became {next:?}", seen.id));
        }
        *self = next;
    }
}

/// What of the lines is not as their certificate has it.
fn wrong(batch: &Batch) -> Option<&'static str> {
    let Batch { writer, certificate, signed, text, encoding, known_names, contract, .. } = batch;
    let Ok(statement) = Unverified::parse(signed) else { return Some("the certificate has not the form of one") };
    if statement.signer != *writer || statement.typ() != CERTIFICATE {
        return Some("the certificate is another party's, or none of lines");
    }
    if statement.claimed::<Certificate>().as_ref() != Some(certificate) || certificate.contract != *contract {
        return Some("the certificate that is signed is another one");
    }
    if text.split_inclusive('\n').count() as u64 != u64::from(certificate.lines) {
        return Some("the certificate is of another number of lines");
    }
    let mut bytes = 0_u64;
    for part in parts(text) {
        bytes += match part {
            Ok(Part::Text(text)) if *encoding == Encoding::Utf8 => text.len() as u64,
            Ok(Part::Text(text)) => text.chars().count() as u64,
            Ok(Part::Name(number)) => match known_names.get(number) {
                Some(name) => u64::from(name.bytes),
                None => return Some("the lines have a name that is not there"),
            },
            Err(_) => return Some("the lines have a name that is not there"),
        };
    }
    (bytes != certificate.bytes).then_some("the certificate is of another number of bytes")
}
