//! Tests of more than one module together.

mod counting;
mod formats;
mod properties;
mod real;

use super::line::{Access, Line};
use super::lines::End;
use super::rules::Period;
use super::visits::Visitor;
use super::{Format, Reader, Wanted};
use crate::time::Time;

/// All lines of a complete log with their offsets, handed to `each`.
fn read(format: &Format, log: &[u8], mut each: impl FnMut(u64, &Line<'_>)) {
    let mut reader = Reader::of(format.clone());
    reader.push(log, &mut each);
    assert_eq!(reader.finish(End::Complete, each), None);
}

/// Address and agent, cut off: enough to tell the visitors of tests apart.
fn visitor(access: &Access<'_>) -> Visitor {
    let mut key = [0; 16];
    let agent = access.agent.as_deref().unwrap_or_default();
    for (at, byte) in access.client.iter().chain(agent).take(16).enumerate() {
        key[at] = *byte;
    }
    Visitor(key)
}

/// The year 2026 in UTC.
fn year() -> Period {
    let time = |text: &str| text.parse::<Time>().unwrap();
    Period { from: time("2026-01-01T00:00:00Z"), until: time("2027-01-01T00:00:00Z") }
}
