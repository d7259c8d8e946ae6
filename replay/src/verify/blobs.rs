//! What became of the blobs that a history names, for programs and for people.

use std::fmt;

use kippu_events::blobs::{BlobId, Checked};
use kippu_events::event::EventId;
use serde::Serialize;

/// The outcome for all blobs that events name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Blobs {
    /// How many events name.
    pub named: u64,
    /// The bytes of those that are there.
    pub bytes: u64,
    /// How many are not there.
    pub missing: u64,
    /// How many have other bytes than they are named by.
    pub altered: u64,
    /// Each of these.
    pub faults: Vec<BlobFault>,
}

/// A blob that is missing or altered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlobFault {
    /// Its name.
    pub blob: BlobId,
    /// An event that names it, partition-number.index.
    pub event: String,
    /// What its bytes hash to; nothing where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<BlobId>,
}

impl Blobs {
    /// Adds the blob `id`, which `event` names.
    pub fn add(&mut self, id: BlobId, event: EventId, checked: Checked) {
        self.named += 1;
        let found = match checked {
            Checked::Whole { size } => {
                self.bytes += size;
                return;
            }
            Checked::Missing => {
                self.missing += 1;
                None
            }
            Checked::Altered { found } => {
                self.altered += 1;
                Some(found)
            }
        };
        self.faults.push(BlobFault { blob: id, event: event.to_string(), found });
    }
}

impl fmt::Display for Blobs {
    /// A line for each fault, and one with the sums.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for BlobFault { blob, event, found } in &self.faults {
            match found {
                Some(found) => {
                    writeln!(f, "ALTERED blob {blob}, which event {event} names: its bytes hash to {found}")?
                }
                None => writeln!(f, "MISSING blob {blob}, which event {event} names")?,
            }
        }
        let Self { named, bytes, .. } = self;
        writeln!(f, "{named} blobs are named, {bytes} bytes are as they should be")
    }
}
