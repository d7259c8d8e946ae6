//! How far a process has read a partition, so that the next one need not read it from the beginning. A cache: whoever
//! goes on from it checks that the topic still holds the entry before.

use serde::{Deserialize, Serialize};

use super::skips::Skips;
use crate::log::{Claimant, Hash, Head};

/// Changes with the form.
const FORM: u8 = 1;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Bookmark {
    /// The offset of the next entry.
    pub(super) offset: u64,
    /// The digest of the entry before it.
    pub(super) last: Hash,
    /// The last valid record.
    pub(super) head: Head,
    /// Who has claimed last.
    pub(super) claimant: Option<Claimant>,
    /// Where the history goes on, if the partition is sealed.
    pub(super) next: String,
    pub(super) skips: Skips,
}

impl Bookmark {
    /// As bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        // Numbers and texts always have a form; without one a bookmark is of no use, and no harm.
        postcard::to_extend(self, vec![FORM]).unwrap_or_default()
    }

    /// What [`Bookmark::encode`] gave.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&FORM, stored) = bytes.split_first()? else { return None };
        postcard::from_bytes(stored).ok()
    }
}
