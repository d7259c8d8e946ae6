//! What writers and the log tell each other: records as they are sent, reports on them, and what a reader makes of them.

use std::hash::{Hash as StdHash, Hasher};
use std::sync::Arc;

use crate::log::Head;
use crate::log::record::{Claim, Commit, Content, Hash, Record};

/// A record as it was sent: real content, real digest. Equal digests are equal records.
#[derive(Clone, Debug)]
pub(super) struct Sent(Arc<Sending>);

#[derive(Debug)]
struct Sending {
    writer: usize,
    term: u8,
    kind: Kind,
    digest: Hash,
}

#[derive(Debug)]
enum Kind {
    Claim(Claim),
    Commit { epoch: u64, number: u64, prev: Hash, acked: u64, body: [u8; 3] },
}

impl Sent {
    pub(super) fn claim(writer: usize, term: u8, epoch: u64) -> Self {
        let mut nonce = [0; 16];
        nonce[0] = u8::try_from(writer).expect("few writers");
        nonce[1] = term;
        Self::new(writer, term, Kind::Claim(Claim { epoch, nonce, node: String::new(), url: String::new() }))
    }

    pub(super) fn commit(writer: usize, term: u8, attempt: u8, head: &Head, acked: u64) -> Self {
        let body = [u8::try_from(writer).expect("few writers"), term, attempt];
        let kind = Kind::Commit { epoch: head.epoch, number: head.number + 1, prev: head.hash, acked, body };
        Self::new(writer, term, kind)
    }

    fn new(writer: usize, term: u8, kind: Kind) -> Self {
        let (_, digest) = kind.content().encode();
        Self(Arc::new(Sending { writer, term, kind, digest }))
    }

    pub(super) fn record(&self) -> Record<'_> {
        Record { content: self.0.kind.content(), digest: self.0.digest }
    }

    pub(super) fn writer(&self) -> usize {
        self.0.writer
    }

    pub(super) fn term(&self) -> u8 {
        self.0.term
    }

    pub(super) fn digest(&self) -> Hash {
        self.0.digest
    }

    /// A commit's number.
    pub(super) fn number(&self) -> Option<u64> {
        match self.0.kind {
            Kind::Claim(_) => None,
            Kind::Commit { number, .. } => Some(number),
        }
    }
}

impl Kind {
    fn content(&self) -> Content<'_> {
        match self {
            Self::Claim(claim) => Content::Claim(claim.clone()),
            Self::Commit { epoch, number, prev, acked, body } => {
                Content::Commit(Commit { epoch: *epoch, number: *number, prev: *prev, acked: *acked, body })
            }
        }
    }
}

impl PartialEq for Sent {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for Sent {}

impl StdHash for Sent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

/// A producer's report on its way to its writer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Note {
    pub(super) sent: Sent,
    /// The client library does not always know it.
    pub(super) offset: Option<u8>,
}

/// What every reader makes of the log so far. Two logs that read alike are the same to every writer, but for offsets.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Fold {
    pub(super) head: Head,
    /// By number.
    pub(super) digests: Vec<Hash>,
    /// The offset behind the last entry.
    pub(super) end: u8,
}
