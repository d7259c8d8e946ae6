//! The digests of the valid records of a partition: the last few thousand kept, older ones found again by judging anew
//! from a remembered head. Only shared logs, where records repeat, ever ask.

use std::collections::VecDeque;

use kippu_events::log::judge::judge;
use kippu_events::log::{Bound, Hash, Head, ReadLog, Record, Verdict};

/// Digests that are kept, and records between two remembered heads.
const KEPT: u64 = 4096;

/// See the module.
pub(super) struct Recent<'a> {
    log: &'a dyn ReadLog,
    partition: u16,
    /// Of the records up to the head, the oldest first.
    digests: VecDeque<Hash>,
    /// The head every [`KEPT`] records, with the offset behind it.
    marks: Vec<(Head, u64)>,
}

impl<'a> Recent<'a> {
    pub(super) const fn new(log: &'a dyn ReadLog, partition: u16) -> Self {
        Self { log, partition, digests: VecDeque::new(), marks: Vec::new() }
    }

    /// `head` has become the head; its record has `digest` and lies before the offset `behind`.
    pub(super) fn push(&mut self, head: &Head, digest: Hash, behind: u64) {
        if head.number.is_multiple_of(KEPT) {
            self.marks.push((*head, behind));
        }
        if self.digests.len() as u64 == KEPT {
            self.digests.pop_front();
        }
        self.digests.push_back(digest);
    }

    /// The digest of the valid record `number`, where `head` is the head.
    pub(super) fn digest_at(&self, head: &Head, number: u64) -> Option<Hash> {
        let back = usize::try_from(head.number.checked_sub(number)?).ok()?;
        match self.digests.len().checked_sub(back + 1) {
            Some(index) => self.digests.get(index).copied(),
            None => self.reread(number),
        }
    }

    fn reread(&self, number: u64) -> Option<Hash> {
        let after = self.marks.partition_point(|(head, _)| head.number < number);
        let (mut head, mut offset) = *self.marks.get(after.checked_sub(1)?)?;
        while head.number < number {
            let page = self.log.read(self.partition, offset, Bound::default()).ok()?;
            offset = page.entries.last()?.offset + 1;
            for entry in &page.entries {
                let record = Record::decode(&entry.stored).ok()?;
                // Only what is valid moves the head; whether something else here repeats does not matter.
                if let Verdict::Valid(next) = judge(&head, &record, |_| None) {
                    head = next;
                    if head.number == number {
                        return Some(record.digest);
                    }
                }
            }
        }
        None
    }
}
