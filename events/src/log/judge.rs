//! The one rule of validity: what a reader, any reader on any backend, makes of the next record in log order.

use serde::{Deserialize, Serialize};

use super::record::{Content, Genesis, Hash, Record};

/// What has been taken from a partition so far.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
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
    /// Something else where the genesis belongs.
    #[error("field kind: a partition begins with its genesis")]
    NoGenesis,
    /// The genesis of another partition.
    #[error("field {field}: this opens {found}, not {ours}")]
    OtherGenesis {
        /// The first field that differs.
        field: &'static str,
        /// As stored.
        found: Genesis,
        /// What it should be.
        ours: Genesis,
    },
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

/// Judges `record`, the first of the partition that `genesis` opens: the head after it.
///
/// # Errors
/// [`Damage`]: it is not that genesis.
pub fn begin(genesis: &Genesis, record: &Record<'_>) -> Result<Head, Damage> {
    let Content::Genesis(found) = record.content else { return Err(Damage::NoGenesis) };
    let field = if found.log != genesis.log {
        "log"
    } else if found.partition != genesis.partition {
        "partition"
    } else if found.partitions != genesis.partitions {
        "partitions"
    } else {
        return Ok(Head::at_genesis(record.digest));
    };
    Err(Damage::OtherGenesis { field, found, ours: *genesis })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::record::{Claim, Commit, Genesis, Seal};

    const HERE: Hash = Hash([5; 32]);
    const OTHER: Hash = Hash([9; 32]);
    /// Given epoch 3, record 7.
    const HEAD: Head = Head { epoch: 3, number: 7, hash: HERE, sealed: false };
    const SEALED: Head = Head { sealed: true, ..HEAD };

    fn judged(head: &Head, content: Content<'_>) -> (Verdict, Hash) {
        let (stored, digest) = content.encode();
        let record = Record::decode(&stored).expect("a record");
        (judge(head, &record, |number| (number == 6).then_some(digest)), record.hash(head.number + 1, head.hash))
    }

    fn claim(epoch: u64) -> Content<'static> {
        Content::Claim(Claim { epoch, nonce: [1; 16], node: String::new(), url: String::new() })
    }

    fn commit(epoch: u64, number: u64, prev: Hash, acked: u64) -> Content<'static> {
        Content::Commit(Commit { epoch, number, prev, acked, body: b"[]" })
    }

    fn seal(epoch: u64, number: u64, prev: Hash) -> Content<'static> {
        Content::Seal(Seal { epoch, number, prev, acked: 7, next: String::new() })
    }

    #[test]
    fn what_follows_the_head_is_valid_and_becomes_the_head() {
        let next = |epoch, sealed, hash| Verdict::Valid(Head { epoch, number: 8, hash, sealed });
        for (content, epoch, sealed) in [
            (claim(4), 4, false),
            (commit(3, 8, HERE, 7), 3, false),
            (commit(3, 8, HERE, 2), 3, false),
            (seal(3, 8, HERE), 3, true),
        ] {
            let (verdict, hash) = judged(&HEAD, content);
            assert_eq!(verdict, next(epoch, sealed, hash));
        }
    }

    #[test]
    fn a_deposed_writer_and_a_claim_that_is_not_the_next_are_stale() {
        for content in [claim(3), claim(1), claim(5), commit(2, 8, HERE, 7), commit(2, 8, OTHER, 9), seal(2, 8, HERE)] {
            assert_eq!(judged(&HEAD, content).0, Verdict::Stale);
        }
    }

    #[test]
    fn the_same_record_again_is_a_duplicate() {
        assert_eq!(judged(&HEAD, commit(3, 6, OTHER, 5)).0, Verdict::Duplicate);
        assert_eq!(judged(&SEALED, commit(3, 6, OTHER, 5)).0, Verdict::Duplicate);
    }

    #[test]
    fn a_record_whose_predecessor_was_never_written_is_an_orphan() {
        assert_eq!(judged(&HEAD, commit(3, 9, OTHER, 7)).0, Verdict::Orphan);
        assert_eq!(judged(&HEAD, commit(3, 20, OTHER, 0)).0, Verdict::Orphan);
    }

    #[test]
    fn anything_else_is_damage_and_names_the_field() {
        let epoch = Damage::Epoch { epoch: 4, current: 3 };
        let prev = Damage::Prev { stored: OTHER, head: HERE };
        let missing = Damage::Missing { number: 9, head: 7, acked: 8 };
        let genesis = Content::Genesis(Genesis { log: crate::log::LogId([0; 16]), partition: 0, partitions: 1 });
        for (content, damage) in [
            (genesis, Damage::SecondGenesis),
            (commit(4, 8, HERE, 7), epoch),
            (commit(3, 8, OTHER, 7), prev),
            (seal(3, 8, OTHER), prev),
            (commit(3, 7, HERE, 6), Damage::Repeated { number: 7 }),
            (commit(3, 9, HERE, 8), missing),
        ] {
            assert_eq!(judged(&HEAD, content).0, Verdict::Damage(damage));
        }
        let first = Head { epoch: 0, number: 0, ..HEAD };
        let unclaimed = Damage::Epoch { epoch: 0, current: 0 };
        assert_eq!(judged(&first, commit(0, 1, HERE, 0)).0, Verdict::Damage(unclaimed));
    }

    #[test]
    fn a_partition_begins_with_its_own_genesis_and_another_is_damage_by_its_first_field_that_differs() {
        let ours = Genesis { log: crate::log::LogId([1; 16]), partition: 3, partitions: 16 };
        let begun = |content: Content<'_>| {
            let (stored, digest) = content.encode();
            (begin(&ours, &Record::decode(&stored).expect("a record")), digest)
        };
        let (head, digest) = begun(Content::Genesis(ours));
        assert_eq!(head, Ok(Head::at_genesis(digest)));
        assert_eq!(begun(claim(1)).0, Err(Damage::NoGenesis));
        for (field, found) in [
            ("log", Genesis { log: crate::log::LogId([2; 16]), partition: 4, ..ours }),
            ("partition", Genesis { partition: 4, partitions: 8, ..ours }),
            ("partitions", Genesis { partitions: 8, ..ours }),
        ] {
            assert_eq!(begun(Content::Genesis(found)).0, Err(Damage::OtherGenesis { field, found, ours }));
        }
    }

    #[test]
    fn nothing_counts_after_a_seal() {
        assert_eq!(judged(&SEALED, claim(4)).0, Verdict::Stale);
        for content in [commit(3, 8, HERE, 7), seal(3, 8, HERE)] {
            assert_eq!(judged(&SEALED, content).0, Verdict::Damage(Damage::AfterSeal { number: 8 }));
        }
    }
}
