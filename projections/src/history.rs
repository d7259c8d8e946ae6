//! `history`: where in the log each event of each entity lies. Not shown; it answers what an entity was like earlier.

use kippu_events::{EntityKey, NotAnEvent, Recorded};
use serde::{Deserialize, Serialize};

use crate::error::NotARow;
use crate::row::{decode, encode};
use crate::rows::Rows;
use crate::view::{Table, View};

/// See the module.
pub struct History;

/// Where one event lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Place {
    /// Partition.
    pub partition: u16,
    /// The number of its record.
    pub number: u64,
    /// Its index within the record.
    pub index: u32,
    /// Where the record lies in the partition.
    pub offset: u64,
}

impl Place {
    /// The place that the view stored.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, NotARow> {
        decode(bytes)
    }
}

/// The keys of one entity, in the order of its versions.
pub(crate) fn range(entity: EntityKey) -> (Vec<u8>, Vec<u8>) {
    (key(entity, 0).to_vec(), key(entity, u64::MAX).to_vec())
}

fn key(entity: EntityKey, version: u64) -> [u8; EntityKey::BYTES + 8] {
    let mut key = [0; EntityKey::BYTES + 8];
    key[..EntityKey::BYTES].copy_from_slice(&entity.to_bytes());
    key[EntityKey::BYTES..].copy_from_slice(&version.to_be_bytes());
    key
}

impl View for History {
    fn name(&self) -> &'static str {
        "history"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let place = Place {
            partition: event.id.partition,
            number: event.id.number,
            index: event.id.index,
            offset: rows.offset(),
        };
        rows.index(&key(event.entity, event.version), encode(&place));
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        None
    }
}
