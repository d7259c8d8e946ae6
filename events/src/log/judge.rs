//! The one rule of validity: what a reader, any reader on any backend, makes of the next record in log order.

use super::record::{Content, Hash, Record};

/// What has been taken from a partition so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// The epoch of the last valid claim; zero before any.
    pub epoch: u64,
    /// The number of the last valid record.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// Whether it was a seal, after which nothing counts.
    pub sealed: bool,
}

/// What a reader does with a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Takes it; this is then the head.
    Valid(Head),
    /// Skips and counts it: a deposed writer.
    Stale,
    /// Skips and counts it: the client library repeated it.
    Duplicate,
    /// Skips and counts it: its predecessor was never written, so it was never answered.
    Orphan,
    /// Halts: this partition's history cannot be trusted from here on.
    Damage(Damage),
}

/// Why a record is damage, by the field that shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Damage {
    /// A genesis behind the first record.
    #[error("field kind: a second genesis")]
    SecondGenesis,
    /// Written in an epoch that no claim has opened.
    #[error("field epoch: {epoch}, but the last claim opened {current}")]
    Epoch {
        /// As stored.
        epoch: u64,
        /// The current epoch.
        current: u64,
    },
    /// Chained to another history.
    #[error("field prev: {stored}, but the record before hashes to {head}")]
    Prev {
        /// As stored.
        stored: Hash,
        /// The head's hash.
        head: Hash,
    },
    /// Another record with a number that is taken.
    #[error("field number: {number} again, with other bytes")]
    Repeated {
        /// As stored.
        number: u64,
    },
    /// Records are missing that its writer knew to be durable.
    #[error("field number: {number} after {head}, though its writer knew {acked} to be durable")]
    Missing {
        /// As stored.
        number: u64,
        /// The head's number.
        head: u64,
        /// As stored.
        acked: u64,
    },
    /// Written after the seal by the writer that sealed.
    #[error("field number: {number} after the seal")]
    AfterSeal {
        /// As stored.
        number: u64,
    },
}

impl Head {
    /// The head of a partition that holds nothing but its genesis.
    #[must_use]
    pub const fn at_genesis(digest: Hash) -> Self {
        Self { epoch: 0, number: 0, hash: digest, sealed: false }
    }
}

/// Judges `record`, which comes next in log order after `head`. `digest_at` knows the digest of each valid record of
/// the current epoch by number.
pub fn judge(head: &Head, record: &Record<'_>, digest_at: impl FnOnce(u64) -> Option<Hash>) -> Verdict {
    let next = head.number + 1;
    let valid =
        |epoch, sealed| Verdict::Valid(Head { epoch, number: next, hash: record.hash(next, head.hash), sealed });
    let (epoch, number, prev, acked, seals) = match &record.content {
        Content::Genesis(_) => return Verdict::Damage(Damage::SecondGenesis),
        Content::Claim(claim) if claim.epoch == head.epoch + 1 && !head.sealed => return valid(claim.epoch, false),
        Content::Claim(_) => return Verdict::Stale,
        Content::Commit(commit) => (commit.epoch, commit.number, commit.prev, commit.acked, false),
        Content::Seal(seal) => (seal.epoch, seal.number, seal.prev, seal.acked, true),
    };
    if epoch < head.epoch {
        Verdict::Stale
    } else if epoch > head.epoch || epoch == 0 {
        Verdict::Damage(Damage::Epoch { epoch, current: head.epoch })
    } else if number <= head.number {
        if digest_at(number) == Some(record.digest) {
            Verdict::Duplicate
        } else {
            Verdict::Damage(Damage::Repeated { number })
        }
    } else if head.sealed {
        Verdict::Damage(Damage::AfterSeal { number })
    } else if number == next {
        if prev == head.hash {
            valid(epoch, seals)
        } else {
            Verdict::Damage(Damage::Prev { stored: prev, head: head.hash })
        }
    } else if acked <= head.number {
        Verdict::Orphan
    } else {
        Verdict::Damage(Damage::Missing { number, head: head.number, acked })
    }
}
