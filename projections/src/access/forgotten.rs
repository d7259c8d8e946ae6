//! `forgotten`: who was forgotten, in the order of the events that say so. Not shown; the node goes through it to see to it that none of
//! them has a key.

use kippu_events::access::users::{Event, User};
use kippu_events::event::EventId;
use kippu_events::partners::members::{self, Member};
use kippu_events::{Entity as _, EntityId, NotAnEvent, Recorded};

use crate::error::NotARow;
use crate::rows::Rows;
use crate::view::{Table, View};

/// See the module.
pub struct Forgotten;

/// Bytes of a key: partition, record and index.
const KEY: usize = 2 + 8 + 4;

/// The keys of one partition behind `last`, or all of them.
pub(crate) fn behind(partition: u16, last: Option<&[u8]>) -> (Vec<u8>, Vec<u8>) {
    let from = last.map_or_else(|| partition.to_be_bytes().to_vec(), |last| [last, &[0]].concat());
    (from, [&partition.to_be_bytes()[..], &[u8::MAX; KEY - 2]].concat())
}

/// Who was forgotten by the event of this row.
pub(crate) fn person(row: &[u8]) -> Result<EntityId, NotARow> {
    let person = row.try_into().map_err(|_| NotARow("nobody is named by it".to_owned()))?;
    Ok(EntityId::from_bytes(person))
}

fn key(event: EventId) -> Vec<u8> {
    [&event.partition.to_be_bytes()[..], &event.number.to_be_bytes(), &event.index.to_be_bytes()].concat()
}

impl View for Forgotten {
    fn name(&self) -> &'static str {
        "forgotten"
    }

    fn revision(&self) -> u32 {
        2
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let is_one = match event.entity.family {
            User::FAMILY => matches!(event.decode::<User>()?, Event::Forgotten {}),
            Member::FAMILY => matches!(event.decode::<Member>()?, members::Event::Forgotten {}),
            _ => false,
        };
        if is_one {
            rows.index(&key(event.id), event.entity.id.as_bytes().to_vec());
        }
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        None
    }
}
