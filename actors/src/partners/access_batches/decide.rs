//! What batches decide.

use kippu_events::EntityId;
use kippu_events::partners::access_batches::{AccessBatch, Call, Due, Event};

use super::refusal::Refused;
use super::request::Command;

/// The activity that tells the other party that its lines are called for.
pub(super) const CALL: u32 = 0;

/// The activity that hands this over: the certificate comes before the lines.
pub(super) const fn attempt(what: Due) -> u32 {
    match what {
        Due::Certificate => 0,
        Due::Lines => 1,
    }
}

/// What becomes of a batch.
pub(super) fn event(state: &AccessBatch, command: &Command) -> Result<Event, Refused> {
    match command {
        Command::Certify { batch, to, held, .. } => match state {
            // Of what was announced, the same lines and no others.
            AccessBatch::Announced { certificate, .. } if *certificate != batch.certificate => Err(Refused::NotGenuine),
            AccessBatch::Absent | AccessBatch::Announced { .. } => {
                Ok(Event::Certified { batch: batch.clone(), to: *to, held: *held })
            }
            AccessBatch::Owed { .. } | AccessBatch::Held { .. } | AccessBatch::Kept { .. } => Err(Refused::Known),
        },
        Command::Announce { writer, certificate, signed, .. } => match state {
            AccessBatch::Absent => {
                let (certificate, signed) = ((**certificate).clone(), signed.clone());
                Ok(Event::Announced { writer: *writer, certificate, signed })
            }
            AccessBatch::Announced { .. }
            | AccessBatch::Owed { .. }
            | AccessBatch::Held { .. }
            | AccessBatch::Kept { .. } => Err(Refused::Known),
        },
        Command::Call { by } => call(state, *by),
        Command::CameOf { attempt, refusal } => {
            let is_owed = match state {
                AccessBatch::Owed { what, .. } => self::attempt(*what) == *attempt,
                AccessBatch::Announced { call: Call::Owed(_), .. } => *attempt == CALL,
                AccessBatch::Absent
                | AccessBatch::Held { .. }
                | AccessBatch::Announced { .. }
                | AccessBatch::Kept { .. } => false,
            };
            match refusal {
                _ if !is_owed => Err(Refused::NotDue),
                None => Ok(Event::HandedOver {}),
                Some(reason) => Ok(Event::Refused { reason: reason.clone() }),
            }
        }
    }
}

/// What becomes of a batch whose lines are wanted by the other party `by`, or by this node's operator.
fn call(state: &AccessBatch, by: Option<EntityId>) -> Result<Event, Refused> {
    match (state, by) {
        (AccessBatch::Announced { call: Call::Not, .. }, None) => Ok(Event::Called { here: true }),
        (AccessBatch::Held { to, .. }, Some(by)) if *to == by => Ok(Event::Called { here: false }),
        (AccessBatch::Owed { what: Due::Lines, to, .. }, Some(by)) if *to == by => Err(Refused::Called),
        // That it was announced is not on record yet: it is asked again.
        (AccessBatch::Owed { what: Due::Certificate, to, .. }, Some(by)) if *to == by => Err(Refused::NotYet),
        (AccessBatch::Announced { .. } | AccessBatch::Kept { .. }, None) | (AccessBatch::Kept { .. }, Some(_)) => {
            Err(Refused::Called)
        }
        (
            AccessBatch::Absent | AccessBatch::Owed { .. } | AccessBatch::Held { .. } | AccessBatch::Announced { .. },
            _,
        ) => Err(Refused::Unknown),
    }
}
