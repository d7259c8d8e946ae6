//! Walking along a partition in log order: which entries count, and the first that is damage. For whoever reads a
//! history from its genesis on, or from where it was before, from whatever location.

use std::collections::VecDeque;

use super::judge::{begin, judge};
use super::record::{Content, Genesis, Hash, NotARecord, Record};
use super::{Head, ReadLog, Verdict};

/// How far back a client library may repeat a record: far more than any has in flight.
const MOST_DIGESTS: usize = 1 << 16;

/// One partition, as far as it has been walked.
pub struct Walk {
    /// What the partition begins with.
    pub(super) genesis: Genesis,
    offset: u64,
    head: Option<Head>,
    /// Digests of the last valid records, the head's last. Those of earlier epochs are in nobody's way: a record's epoch is
    /// in its digest.
    digests: VecDeque<Hash>,
    next: Option<String>,
}

/// What an entry is.
#[derive(Debug)]
pub enum Step<'a> {
    /// A record that counts. It is the head now.
    Valid(Record<'a>),
    /// A record that does not, and why.
    Skipped(Record<'a>, Skip),
}

/// Why an entry does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Skip {
    /// A deposed writer's.
    Stale,
    /// Here before.
    Duplicate,
    /// Its predecessor was never written.
    Orphan,
}

impl Skip {
    /// In one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Duplicate => "duplicate",
            Self::Orphan => "orphan",
        }
    }
}

/// The first place from which a partition cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("partition {partition}, record {number}: {reason}")]
pub struct Broken {
    /// The partition.
    pub partition: u16,
    /// The record that should have come.
    pub number: u64,
    /// Field and finding.
    pub reason: String,
    /// Whether a later version of kippu has written it, and reads it: no damage.
    pub newer: bool,
}

/// Why an entry cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsound {
    /// Field and finding.
    pub reason: String,
    /// See [`Broken::newer`].
    pub newer: bool,
}

/// What the entry `stored` is behind the record `head`, or, without one, at the beginning: a record, and the head that it makes,
/// or why it does not count. `digest_at` knows the digests of valid records by number. For whoever keeps the head itself: a
/// [`Walk`] keeps it, and the digests.
///
/// # Errors
/// [`Unsound`] where the partition cannot be trusted from here on.
pub fn judge_entry<'a>(
    genesis: &Genesis,
    head: Option<&Head>,
    stored: &'a [u8],
    digest_at: impl FnOnce(u64) -> Option<Hash>,
) -> Result<(Record<'a>, Result<Head, Skip>), Unsound> {
    let unsound = |reason: String| Unsound { reason, newer: false };
    let record = Record::decode(stored)
        .map_err(|error| Unsound { newer: matches!(error, NotARecord::Newer(_)), ..unsound(error.to_string()) })?;
    let counts = match head {
        None => Ok(begin(genesis, &record).map_err(|damage| unsound(damage.to_string()))?),
        Some(head) => match judge(head, &record, digest_at) {
            Verdict::Valid(head) => Ok(head),
            Verdict::Stale => Err(Skip::Stale),
            Verdict::Duplicate => Err(Skip::Duplicate),
            Verdict::Orphan => Err(Skip::Orphan),
            Verdict::Damage(damage) => return Err(unsound(damage.to_string())),
        },
    };
    Ok((record, counts))
}

impl Walk {
    /// Before the genesis of `partition`.
    #[must_use]
    pub fn new(log: &dyn ReadLog, partition: u16) -> Self {
        Self::of(Genesis::of(log, partition))
    }

    /// Before `genesis`.
    #[must_use]
    pub const fn of(genesis: Genesis) -> Self {
        Self { genesis, offset: 0, head: None, digests: VecDeque::new(), next: None }
    }

    /// Before `offset`, where `head` is the last record that counts; after a seal the history goes on at `next`. `digests`
    /// are those of the last records, the head's last.
    #[must_use]
    pub fn resume(
        genesis: Genesis,
        offset: u64,
        head: Head,
        next: Option<String>,
        digests: impl Into<VecDeque<Hash>>,
    ) -> Self {
        Self { genesis, offset, head: Some(head), digests: digests.into(), next }
    }

    /// The offset behind the last entry that was taken.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The last record that counts.
    #[must_use]
    pub const fn head(&self) -> Option<Head> {
        self.head
    }

    /// Where the history goes on, if the partition is sealed.
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// Takes the entry `stored` at `offset`.
    ///
    /// # Errors
    /// [`Broken`]; the walk stands where it was.
    pub fn take<'a>(&mut self, offset: u64, stored: &'a [u8]) -> Result<Step<'a>, Broken> {
        self.take_with(offset, stored, |_| None)
    }

    /// The same. `older` knows the digests of valid records that this does not know, by number.
    ///
    /// # Errors
    /// As [`Walk::take`].
    pub fn take_with<'a>(
        &mut self,
        offset: u64,
        stored: &'a [u8],
        older: impl FnOnce(u64) -> Option<Hash>,
    ) -> Result<Step<'a>, Broken> {
        if offset != self.offset {
            let expected = self.offset;
            return Err(self.broken(format!("field offset: nothing lies at {expected}; the next entry is at {offset}")));
        }
        let digest_at = |number| self.digest_at(number).or_else(|| older(number));
        let (record, counts) = judge_entry(&self.genesis, self.head.as_ref(), stored, digest_at)
            .map_err(|Unsound { reason, newer }| Broken { newer, ..self.broken(reason) })?;
        self.offset += 1;
        let head = match counts {
            Ok(head) => head,
            Err(skip) => return Ok(Step::Skipped(record, skip)),
        };
        self.head = Some(head);
        if self.digests.len() == MOST_DIGESTS {
            self.digests.pop_front();
        }
        self.digests.push_back(record.digest);
        if let Content::Seal(seal) = &record.content {
            self.next = Some(seal.next.clone());
        }
        Ok(Step::Valid(record))
    }

    fn digest_at(&self, number: u64) -> Option<Hash> {
        let back = usize::try_from(self.head?.number.checked_sub(number)?).ok()?;
        self.digests.get(self.digests.len().checked_sub(back + 1)?).copied()
    }

    /// What comes next is damage for this reason.
    #[must_use]
    pub fn broken(&self, reason: String) -> Broken {
        let number = self.head.map_or(0, |head| head.number + 1);
        Broken { partition: self.genesis.partition, number, reason, newer: false }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::memory::MemoryLog;
    use super::super::{Claim, Commit, LogId, Seal};
    use super::*;

    fn walk() -> Walk {
        let log = MemoryLog::new(LogId([7; 16]), 1);
        let log: &dyn ReadLog = &*Arc::clone(&log);
        Walk::new(log, 0)
    }

    fn genesis(log: u8) -> Vec<u8> {
        Content::Genesis(Genesis { log: LogId([log; 16]), partition: 0, partitions: 1 }).encode().0
    }

    fn claim(epoch: u64) -> Vec<u8> {
        Content::Claim(Claim { epoch, nonce: [1; 16], node: String::new(), url: String::new() }).encode().0
    }

    fn take(walk: &mut Walk, stored: &[u8]) -> Result<Option<Skip>, Broken> {
        Ok(match walk.take(walk.offset(), stored)? {
            Step::Valid(_) => None,
            Step::Skipped(_, skip) => Some(skip),
        })
    }

    #[test]
    fn what_counts_moves_the_head_and_what_does_not_is_told_apart() {
        let mut walk = walk();
        assert_eq!(take(&mut walk, &genesis(7)), Ok(None));
        assert_eq!(take(&mut walk, &claim(1)), Ok(None));
        assert_eq!(take(&mut walk, &claim(1)), Ok(Some(Skip::Stale)));
        let head = walk.head().unwrap();
        let commit = Commit { epoch: 1, number: 2, prev: head.hash, acked: 1, body: b"[]" };
        let stored = Content::Commit(commit).encode().0;
        let orphan = Content::Commit(Commit { number: 9, ..commit }).encode().0;
        assert_eq!(take(&mut walk, &orphan), Ok(Some(Skip::Orphan)));
        assert_eq!(take(&mut walk, &stored), Ok(None));
        assert_eq!(take(&mut walk, &stored), Ok(Some(Skip::Duplicate)));
        let head = walk.head().unwrap();
        let seal = Seal { epoch: 1, number: 3, prev: head.hash, acked: 2, next: "there".to_owned() };
        assert_eq!(take(&mut walk, &Content::Seal(seal).encode().0), Ok(None));
        assert_eq!((walk.next(), walk.offset(), walk.head().unwrap().number), (Some("there"), 7, 3));
        assert_eq!(take(&mut walk, &claim(2)), Ok(Some(Skip::Stale)), "nothing counts after a seal");
    }

    #[test]
    fn a_walk_that_goes_on_knows_what_it_was_told_and_asks_for_the_rest() {
        let genesis = Genesis { log: LogId([7; 16]), partition: 0, partitions: 1 };
        let head = Head { epoch: 1, number: 8, hash: Hash([8; 32]), sealed: false };
        let stored = |number| {
            let commit = Commit { epoch: 1, number, prev: Hash::ZERO, acked: 0, body: b"[]" };
            Content::Commit(commit).encode()
        };
        let mut walk = Walk::resume(genesis, 20, head, None, [stored(7).1, stored(8).1]);
        for number in [7, 8] {
            assert_eq!(take(&mut walk, &stored(number).0), Ok(Some(Skip::Duplicate)));
        }
        assert!(take(&mut walk, &stored(6).0).is_err());
        let (bytes, digest) = stored(6);
        let step = walk.take_with(22, &bytes, |number| (number == 6).then_some(digest));
        assert!(matches!(step, Ok(Step::Skipped(_, Skip::Duplicate))));
        assert_eq!((walk.offset(), walk.head()), (23, Some(head)));
    }

    #[test]
    fn damage_names_the_record_that_should_have_come() {
        let mut walk = walk();
        assert_eq!(take(&mut walk, &claim(1)).unwrap_err().number, 0);
        assert!(take(&mut walk, &genesis(8)).unwrap_err().reason.contains("of the log 0808"));
        assert_eq!(take(&mut walk, &genesis(7)), Ok(None));
        let error = walk.take(2, &claim(1)).unwrap_err();
        assert_eq!(error.to_string(), "partition 0, record 1: field offset: nothing lies at 1; the next entry is at 2");
        assert_eq!(take(&mut walk, &claim(1)), Ok(None), "the walk stands where it was");
    }
}
