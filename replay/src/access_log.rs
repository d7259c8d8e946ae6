//! The access log: who was shown whose personal fields, when, and by which query.

use std::ops::ControlFlow;

use kippu_events::access::disclosures::{Disclosure, Event};
use kippu_events::log::ReadLog;
use kippu_events::log::walk::Walk;
use kippu_events::{Entity as _, EntityId, NotAnEvent, Recorded, Time};
use serde::Serialize;

use crate::history::{Unreadable, read};

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

/// What the history says of `person`, or of everybody, oldest first. `progress` is told how many entries were read.
///
/// # Errors
/// [`Unreadable`].
pub fn access_log(
    log: &dyn ReadLog,
    person: Option<EntityId>,
    progress: impl Fn(u64),
) -> Result<Vec<Disclosed>, Unreadable> {
    let (mut found, mut wrong) = (Vec::new(), None);
    for partition in 0..log.partitions() {
        let end = log.end(partition)?;
        read(log, partition, &mut Walk::new(log, partition), end, &mut |told| {
            progress(1);
            let number = told.position.number;
            match disclosed(&told.events, person, &mut found) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    wrong = Some(Unreadable::Event { partition, number, error });
                    ControlFlow::Break(())
                }
            }
        })?;
        wrong.take().map_or(Ok(()), Err)?;
    }
    found.sort_by_key(|one: &Disclosed| one.time);
    Ok(found)
}

fn disclosed(events: &[Recorded<'_>], person: Option<EntityId>, found: &mut Vec<Disclosed>) -> Result<(), NotAnEvent> {
    for event in events.iter().filter(|event| event.entity.family == Disclosure::FAMILY) {
        let Event::Made { query, persons } = event.decode::<Disclosure>()?;
        if person.is_none_or(|person| persons.contains(&person)) {
            let (query, persons, by) = (query.clone(), persons.clone(), event.cause.principal.to_string());
            found.push(Disclosed { time: event.time, event: event.id.to_string(), by, query, persons });
        }
    }
    Ok(())
}
