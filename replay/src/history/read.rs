//! Reading a history for what has happened: each record that counts, in order, with its place and its events.

use std::ops::ControlFlow;

use kippu_events::NotAnEvent;
use kippu_events::event::{EventId, Recorded, read_body};
use kippu_events::log::walk::{Broken, Step, Walk};
use kippu_events::log::{Bound, Content, Position, ReadError, ReadLog, Record};

/// A record that counts.
pub struct Told<'a> {
    /// Which.
    pub position: Position,
    /// Where it lies in its partition.
    pub offset: u64,
    /// What it says; nothing of a genesis, a claim and a seal.
    pub events: Vec<Recorded<'a>>,
}

/// Why a partition cannot be read on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unreadable {
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// What lies there is no record that can follow.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// A record that counts holds what is no event.
    #[error("partition {partition}, record {number}: {error}")]
    Event {
        /// The partition.
        partition: u16,
        /// The record.
        number: u64,
        /// Why.
        error: NotAnEvent,
    },
}

impl Unreadable {
    /// Whether the history is not as it was written. Everything else is for another time, or another version of kippu, to read.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        match self {
            Self::Log(_) => false,
            Self::Broken(broken) => !broken.newer,
            Self::Event { error, .. } => !error.is_newer(),
        }
    }
}

/// Reads on from where `walk` stands, up to the offset `end` or until `each` breaks.
///
/// # Errors
/// [`Unreadable`]; what `each` was told before that stands.
pub fn read(
    log: &dyn ReadLog,
    partition: u16,
    walk: &mut Walk,
    end: u64,
    each: &mut dyn FnMut(Told<'_>) -> ControlFlow<()>,
) -> Result<(), Unreadable> {
    let mut bound = Bound::default();
    let mut done = false;
    while walk.offset() < end && !done {
        let first = walk.offset();
        let mut taken = Ok(());
        let visited = log.visit(partition, first, bound, &mut |offset, stored| {
            if taken.is_ok() && !done && offset < end {
                match take(partition, walk, offset, stored) {
                    Ok(Some(told)) => done = each(told).is_break(),
                    Ok(None) => {}
                    Err(error) => taken = Err(error),
                }
            }
        });
        taken?;
        match visited {
            _ if done => {}
            Ok(_) if walk.offset() > first => {}
            Ok(_) => {
                let gone = format!("the log goes on to offset {end}, but nothing can be read from {first} on");
                return Err(walk.broken(gone).into());
            }
            // Somewhere in this page: one by one, up to the place.
            Err(_) if bound.entries > 1 => bound.entries = 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What lies at `offset`, if it counts.
fn take<'a>(partition: u16, walk: &mut Walk, offset: u64, stored: &'a [u8]) -> Result<Option<Told<'a>>, Unreadable> {
    let Step::Valid(record) = walk.take(offset, stored)? else { return Ok(None) };
    let Some(head) = walk.head() else { return Ok(None) };
    let events = events_of(&record, partition, head.number).map_err(|error| Unreadable::Event {
        partition,
        number: head.number,
        error,
    })?;
    Ok(Some(Told { position: Position::new(partition, head.number, &head.hash), offset, events }))
}

/// The events of a record, which MUST say themselves that they are of record `number` of `partition`.
pub(crate) fn events_of<'a>(record: &Record<'a>, partition: u16, number: u64) -> Result<Vec<Recorded<'a>>, NotAnEvent> {
    let Content::Commit(commit) = &record.content else { return Ok(Vec::new()) };
    let events = read_body(commit.body)?;
    for (index, event) in (0..).zip(&events) {
        if event.id != (EventId { partition, number, index }) {
            return Err(NotAnEvent::Id(event.id.to_string()));
        }
    }
    Ok(events)
}
