//! The access log: who was shown whose personal fields, when, and by which query.

use kippu_events::access::disclosures::{Disclosure, Event};
use kippu_events::event::read_body;
use kippu_events::log::walk::{Broken, Step, Walk};
use kippu_events::log::{Bound, Content, ReadError, ReadLog};
use kippu_events::{Entity as _, EntityId, NotAnEvent, Time};
use serde::Serialize;

/// One disclosure.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Disclosed {
    /// When.
    pub time: Time,
    /// The event that says so.
    pub event: String,
    /// Who was shown it, or showed it to somebody.
    pub by: String,
    /// By which query, or how otherwise.
    pub query: String,
    /// Whose personal fields.
    pub persons: Vec<EntityId>,
}

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NotRead {
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The history is damaged.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// An event is none that this version reads.
    #[error("partition {partition}, offset {offset}: {error}")]
    Event {
        /// Where.
        partition: u16,
        /// Where.
        offset: u64,
        /// Why.
        error: NotAnEvent,
    },
}

/// What the history says of `person`, or of everybody, oldest first. `progress` is told how many entries were read.
///
/// # Errors
/// [`NotRead`].
pub fn access_log(
    log: &dyn ReadLog,
    person: Option<EntityId>,
    progress: impl Fn(u64),
) -> Result<Vec<Disclosed>, NotRead> {
    let mut found = Vec::new();
    for partition in 0..log.partitions() {
        let (mut walk, end) = (Walk::new(log, partition), log.end(partition)?);
        while walk.offset() < end {
            let page = log.read(partition, walk.offset(), Bound::BULK)?;
            if page.entries.is_empty() {
                return Err(walk.broken(format!("the log goes on to offset {end}, but nothing can be read")).into());
            }
            for entry in &page.entries {
                let Step::Valid(record) = walk.take(entry.offset, &entry.stored)? else { continue };
                if let Content::Commit(commit) = record.content {
                    disclosed(commit.body, person, &mut found).map_err(|error| NotRead::Event {
                        partition,
                        offset: entry.offset,
                        error,
                    })?;
                }
            }
            progress(page.entries.len() as u64);
        }
    }
    found.sort_by_key(|one| one.time);
    Ok(found)
}

fn disclosed(body: &[u8], person: Option<EntityId>, found: &mut Vec<Disclosed>) -> Result<(), NotAnEvent> {
    for event in read_body(body)? {
        if event.entity.family != Disclosure::FAMILY {
            continue;
        }
        let Event::Made { query, persons } = event.decode::<Disclosure>()?;
        if person.is_none_or(|person| persons.contains(&person)) {
            let (query, persons, by) = (query.clone(), persons.clone(), event.cause.principal.to_string());
            found.push(Disclosed { time: event.time, event: event.id.to_string(), by, query, persons });
        }
    }
    Ok(())
}
