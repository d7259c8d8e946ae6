//! How far a process has read a partition, so that the next one need not read it from the beginning. A cache: whoever
//! goes on from it checks that the topic still holds the entry before.

use serde::{Deserialize, Serialize};

use super::skips::Skips;
use crate::log::{Claimant, Hash, Head};

/// Changes with the form.
const FORM: u8 = 1;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
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

#[derive(Serialize, Deserialize)]
struct Stored {
    offset: u64,
    last: [u8; 32],
    head: (u64, u64, [u8; 32], bool),
    claimant: Option<(String, String)>,
    next: String,
    skips: Skips,
}

impl Bookmark {
    /// As bytes.
    pub(super) fn encode(self) -> Vec<u8> {
        let Self { offset, last, head, claimant, next, skips } = self;
        let claimant = claimant.map(|Claimant { node, url }| (node, url));
        let head = (head.epoch, head.number, head.hash.0, head.sealed);
        let stored = Stored { offset, last: last.0, head, claimant, next, skips };
        // Numbers and texts always have a form; without one a bookmark is of no use, and no harm.
        postcard::to_extend(&stored, vec![FORM]).unwrap_or_default()
    }

    /// What [`Bookmark::encode`] gave.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&FORM, stored) = bytes.split_first()? else { return None };
        let Stored { offset, last, head, claimant, next, skips } = postcard::from_bytes(stored).ok()?;
        let (epoch, number, hash, sealed) = head;
        let head = Head { epoch, number, hash: Hash(hash), sealed };
        let claimant = claimant.map(|(node, url)| Claimant { node, url });
        Some(Self { offset, last: Hash(last), head, claimant, next, skips })
    }
}
