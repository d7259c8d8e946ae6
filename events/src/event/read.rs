//! Reading a record's body. What is read is, byte for byte, what [`BodyWriter`] writes, whichever way it is read.

use std::io::Write as _;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{BodyWriter, Cause, EventId, Mac, NotAnEvent, Place, Recorded, canonical};
use crate::time::Time;

/// The envelope on the wire. Unknown attributes are refused: nobody but us writes here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    specversion: &'a str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
    subject: &'a str,
    time: &'a str,
    entityversion: u64,
    schemaversion: u32,
    command: &'a str,
    commandmac: &'a str,
    principal: &'a str,
    #[serde(default, borrow, deserialize_with = "there")]
    causation: Option<&'a str>,
    #[serde(default, borrow, deserialize_with = "there")]
    correlation: Option<&'a str>,
}

/// An attribute that is there, and so is no null.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de str>, D::Error> {
    <&str>::deserialize(deserializer).map(Some)
}

/// The events of a record's body, in order.
///
/// # Errors
/// [`NotAnEvent`] for the first attribute that is not as [`BodyWriter`](super::BodyWriter) writes it.
pub fn read_body(body: &[u8]) -> Result<Vec<Recorded<'_>>, NotAnEvent> {
    if let Some(events) = canonical::read(body) {
        return Ok(events);
    }
    // Its data look like an envelope, or it is not as we write it: read with care, to say what is wrong with it.
    let events = read_parsed(body)?;
    if written(&events).is_some_and(|written| written == body) {
        Ok(events)
    } else {
        Err(NotAnEvent::Json("its attributes are not spelt as we write them".to_owned()))
    }
}

/// The body that [`BodyWriter`] writes of `events`.
fn written(events: &[Recorded<'_>]) -> Option<Vec<u8>> {
    let Some(first) = events.first() else { return Some(b"[]".to_vec()) };
    let log = first.source.parse().ok()?;
    let Recorded { id: EventId { partition, number, .. }, time, cause, .. } = first;
    let place = Place { log: &log, partition: *partition, number: *number, time: *time, cause };
    let mut body = BodyWriter::new(place);
    for event in events {
        body.push_with(event.entity, event.version, |out| {
            let _infallible = write!(out, r#","type":"{}","data":{}"#, event.kind, event.data);
            event.schema
        });
    }
    Some(body.finish())
}

pub(super) fn read_parsed(body: &[u8]) -> Result<Vec<Recorded<'_>>, NotAnEvent> {
    let events: Vec<Wire<'_>> = serde_json::from_slice(body).map_err(|error| {
        let reason = error.to_string();
        if reason.starts_with("unknown field") { NotAnEvent::Newer(reason) } else { NotAnEvent::Json(reason) }
    })?;
    events.into_iter().map(read_event).collect()
}

fn read_event(wire: Wire<'_>) -> Result<Recorded<'_>, NotAnEvent> {
    let wrong = |attribute, value: &str| NotAnEvent::Attribute { attribute, value: value.to_owned() };
    if wire.specversion != "1.0" {
        return Err(wrong("specversion", wire.specversion));
    }
    Ok(Recorded {
        source: wire.source.strip_prefix("urn:kippu:").ok_or_else(|| wrong("source", wire.source))?,
        id: wire.id.parse()?,
        entity: wire.subject.parse()?,
        version: wire.entityversion,
        kind: wire.kind,
        schema: wire.schemaversion,
        time: Time::of_written(wire.time).ok_or_else(|| wrong("time", wire.time))?,
        cause: Cause {
            command: Mac::parse(wire.command).ok_or_else(|| wrong("command", wire.command))?,
            body: Mac::parse(wire.commandmac).ok_or_else(|| wrong("commandmac", wire.commandmac))?,
            principal: wire.principal.parse().map_err(|_| wrong("principal", wire.principal))?,
            causation: wire.causation.map(str::parse).transpose()?,
            correlation: match wire.correlation {
                Some(text) => Some(Mac::parse(text).ok_or_else(|| wrong("correlation", text))?),
                None => None,
            },
        },
        data: wire.data.get(),
        decoded: super::Decoded::default(),
    })
}
