//! Events as they are stored: CloudEvents 1.0 in JSON, all events of one command in one array. This file owns that
//! format in both directions.
//!
//! ```json
//! {"specversion":"1.0","id":"3-17.0","source":"urn:kippu:5f0c…","type":"approval.issued","subject":"approvals/mfrg…",
//!  "time":"2026-11-21T09:30:00.000000Z","entityversion":1,"schemaversion":1,"command":"q83v…","commandmac":"x0Ft…",
//!  "principal":"clients/onsw…","data":{…}}
//! ```

mod canonical;
mod read;

use std::any::Any;
use std::cell::OnceCell;
use std::io::Write as _;

use serde::{Deserialize, Serialize};

use crate::decoding::NotAnEvent;
use crate::entity::{AnyEntity, Entity, EntityKey};
use crate::log_id::LogId;
use crate::principal::Principal;
use crate::time::Time;
pub use read::read_body;

/// A 128-bit keyed hash, written as 22 characters of base64url: the identity of a command, and the MAC of its body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Mac(pub [u8; 16]);

impl Mac {
    fn write_to(self, out: &mut Vec<u8>) {
        let mut text = [0; 22];
        data_encoding::BASE64URL_NOPAD.encode_mut(&self.0, &mut text);
        out.extend_from_slice(&text);
    }

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        if text.len() != 22 {
            return None;
        }
        data_encoding::BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl std::fmt::Display for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::BASE64URL_NOPAD.encode(&self.0))
    }
}

/// What all events of one command have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cause {
    /// Identity of the command: a keyed hash of caller, key and entity.
    pub command: Mac,
    /// Keyed hash of what the command asked for.
    pub body: Mac,
    /// Who asked.
    pub principal: Principal,
    /// The event that a reaction answered with the command.
    pub causation: Option<EventId>,
    /// The first command of the flow that the command belongs to.
    pub correlation: Option<Mac>,
}

impl Cause {
    /// A command by itself.
    #[must_use]
    pub const fn new(command: Mac, body: Mac, principal: Principal) -> Self {
        Self { command, body, principal, causation: None, correlation: None }
    }
}

/// An event that is not yet stored, of any family.
pub trait AnyEvent: Send {
    /// Appends `,"type":"…","data":{…}`. Gives the version of the data's schema.
    fn write_members(&self, out: &mut Vec<u8>) -> u32;
    /// Does to `state` what the event means. A state of another family is left alone.
    fn evolve(&self, state: &mut dyn AnyEntity, time: Time);
}

/// An event of the family with state `E`.
pub struct Typed<E: Entity>(pub E::Event);

impl<E: Entity> AnyEvent for Typed<E> {
    fn write_members(&self, out: &mut Vec<u8>) -> u32 {
        // `{"type":…,"data":…}` spliced into the envelope: its opening brace becomes a comma, its closing one goes.
        let start = out.len();
        // Events are plain structs of strings and numbers, whose serialisation cannot fail.
        #[allow(clippy::expect_used)]
        serde_json::to_writer(&mut *out, &self.0).expect("events serialise");
        out[start] = b',';
        out.pop();
        E::schema(&self.0)
    }

    fn evolve(&self, state: &mut dyn AnyEntity, time: Time) {
        if let Some(state) = state.as_any_mut().downcast_mut::<E>() {
            state.evolve(&self.0, time);
        }
    }
}

/// Writes the body of one record: the JSON array of a command's events.
pub struct BodyWriter<'a> {
    out: Vec<u8>,
    place: Place<'a>,
    count: usize,
    numbers: itoa::Buffer,
}

/// Where and when a record is being written.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The log.
    pub log: &'a LogId,
    /// The partition.
    pub partition: u16,
    /// The number that the record will have.
    pub number: u64,
    /// The time of the record.
    pub time: Time,
    /// Why.
    pub cause: &'a Cause,
}

impl<'a> BodyWriter<'a> {
    /// An empty body at `place`.
    #[must_use]
    pub fn new(place: Place<'a>) -> Self {
        let mut out = Vec::with_capacity(1024);
        out.push(b'[');
        Self { out, place, count: 0, numbers: itoa::Buffer::new() }
    }

    /// Appends one event, which brings `entity` to `version`.
    pub fn push(&mut self, entity: EntityKey, version: u64, event: &dyn AnyEvent) {
        self.push_with(entity, version, |out| event.write_members(out));
    }

    /// The same, of an event whose members `members` appends as [`AnyEvent::write_members`] does.
    fn push_with(&mut self, entity: EntityKey, version: u64, members: impl FnOnce(&mut Vec<u8>) -> u32) {
        let Place { log, partition, number, time, cause } = self.place;
        let Self { out, numbers, .. } = self;
        if self.count > 0 {
            out.push(b',');
        }
        out.extend_from_slice(br#"{"specversion":"1.0","id":""#);
        out.extend_from_slice(numbers.format(partition).as_bytes());
        out.push(b'-');
        out.extend_from_slice(numbers.format(number).as_bytes());
        out.push(b'.');
        out.extend_from_slice(numbers.format(self.count).as_bytes());
        out.extend_from_slice(br#"","source":"urn:kippu:"#);
        log.write_to(out);
        out.push(b'"');
        let schema = members(out);
        out.extend_from_slice(br#","subject":""#);
        out.extend_from_slice(entity.family.name().as_bytes());
        out.push(b'/');
        entity.id.write_to(out);
        out.extend_from_slice(br#"","time":""#);
        time.write_to(out);
        out.extend_from_slice(br#"","entityversion":"#);
        out.extend_from_slice(numbers.format(version).as_bytes());
        out.extend_from_slice(br#","schemaversion":"#);
        out.extend_from_slice(numbers.format(schema).as_bytes());
        out.extend_from_slice(br#","command":""#);
        cause.command.write_to(out);
        out.extend_from_slice(br#"","commandmac":""#);
        cause.body.write_to(out);
        out.extend_from_slice(br#"","principal":""#);
        match cause.principal {
            Principal::Client(id) => {
                out.extend_from_slice(b"clients/");
                id.write_to(out);
            }
            // Writing into a Vec cannot fail.
            other => drop(write!(out, "{other}")),
        }
        out.push(b'"');
        if let Some(event) = cause.causation {
            let _infallible = write!(out, r#","causation":"{event}""#);
        }
        if let Some(command) = cause.correlation {
            out.extend_from_slice(br#","correlation":""#);
            command.write_to(out);
            out.push(b'"');
        }
        out.push(b'}');
        self.count += 1;
    }

    /// The finished body.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.out.push(b']');
        self.out
    }
}

/// One event as a reader gets it from the log.
#[derive(Clone, Debug)]
pub struct Recorded<'a> {
    /// The log that the event says it was written to.
    pub source: &'a str,
    /// Partition, record number and index within the record: the event's id.
    pub id: EventId,
    /// The entity that it is about.
    pub entity: EntityKey,
    /// The entity's version after it, from 1, without gaps.
    pub version: u64,
    /// Its stable name, as `approval.issued`.
    pub kind: &'a str,
    /// Version of the schema of its data.
    pub schema: u32,
    /// When it was decided.
    pub time: Time,
    /// Which command caused it, and who asked.
    pub cause: Cause,
    /// Its fields, as JSON text. Checked when it is decoded.
    pub data: &'a str,
    /// What it was decoded to: once, however many ask.
    decoded: Decoded,
}

/// See [`Recorded`].
#[derive(Default)]
struct Decoded(OnceCell<Box<dyn Any>>);

impl Clone for Decoded {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl std::fmt::Debug for Decoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

impl Recorded<'_> {
    /// The event in its family's own type.
    ///
    /// # Errors
    /// [`NotAnEvent`] where it is none of that family.
    pub fn decode<E: Entity>(&self) -> Result<&E::Event, NotAnEvent> {
        let other = || NotAnEvent::Kind(self.kind.to_owned());
        if self.entity.family != E::FAMILY {
            return Err(other());
        }
        let decoded = match self.decoded.0.get() {
            Some(decoded) => decoded,
            None => {
                let event = E::decode(self.kind, self.schema, self.data)?;
                self.decoded.0.get_or_init(|| Box::new(event))
            }
        };
        decoded.downcast_ref().ok_or_else(other)
    }
}

/// The place of an event: `3-17.0` is the first event of record 17 of partition 3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventId {
    /// Partition.
    pub partition: u16,
    /// Record number.
    pub number: u64,
    /// Index within the record.
    pub index: u32,
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}.{}", self.partition, self.number, self.index)
    }
}

impl std::str::FromStr for EventId {
    type Err = NotAnEvent;

    fn from_str(text: &str) -> Result<Self, NotAnEvent> {
        let parse = || {
            let (partition, rest) = text.split_once('-')?;
            let (number, index) = rest.split_once('.')?;
            // An id has one spelling: no signs, no leading zeros.
            let plain = |digits: &str| digits == "0" || digits.starts_with(|c: char| matches!(c, '1'..='9'));
            if ![partition, number, index].into_iter().all(plain) {
                return None;
            }
            Some(Self { partition: partition.parse().ok()?, number: number.parse().ok()?, index: index.parse().ok()? })
        };
        parse().ok_or_else(|| NotAnEvent::Id(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_has_exactly_one_text() {
        for (partition, number, index) in [(0, 0, 0), (3, 17, 0), (u16::MAX, u64::MAX, u32::MAX)] {
            let id = EventId { partition, number, index };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for text in [
            "",
            "3",
            "3-17",
            "3.17-0",
            "03-17.0",
            "3-+17.0",
            "3-17.00",
            "3-17.",
            "-17.0",
            " 3-17.0",
            "3-17.0.0",
            "65536-1.0",
        ] {
            assert_eq!(text.parse::<EventId>(), Err(NotAnEvent::Id(text.to_owned())));
        }
    }

    #[test]
    fn a_body_of_no_events_and_a_body_of_many_read_back_in_order() {
        let cause = Cause::new(Mac([3; 16]), Mac([5; 16]), Principal::Operator);
        let place = Place { log: &LogId([0xa5; 16]), partition: 3, number: 17, time: Time::default(), cause: &cause };
        assert!(read_body(&BodyWriter::new(place).finish()).is_ok_and(|events| events.is_empty()));
        let mut body = BodyWriter::new(place);
        let entity = |n| EntityKey::of::<crate::placement::placements::Placement>(crate::EntityId::from_hash(&[n; 32]));
        for n in 0..5 {
            // Braces, commas and quotes within a field are not those of the envelope.
            let label = format!("}},{{\"{n}");
            let event =
                Typed::<crate::placement::placements::Placement>(crate::placement::placements::Event::Opened { label });
            body.push(entity(n), u64::from(n) + 1, &event);
        }
        let body = body.finish();
        let events = read_body(&body).unwrap();
        assert_eq!(events.len(), 5);
        for (n, event) in (0..).zip(&events) {
            assert_eq!(event.id, EventId { partition: 3, number: 17, index: n });
            assert_eq!(event.cause, cause);
            let n = u8::try_from(n).unwrap();
            assert_eq!((event.entity, event.version, event.kind), (entity(n), u64::from(n) + 1, "placement.opened"));
            assert!(event.data.contains(&format!("}},{{\\\"{n}")), "{}", event.data);
        }
    }
}
