//! What a partition holds, as any reader makes it out of the topic.

use std::fmt;

use super::KafkaLog;
use crate::log::{Bound, Content, Hash, Head, Log as _, ReadLog as _, Record, Verdict, judge};

/// The valid records of a partition, and what does not count.
pub(super) struct History {
    valid: Vec<Vec<u8>>,
    stale: u64,
    duplicates: u64,
    orphans: u64,
}

impl History {
    /// Reads all of `partition`, and looks whether the log knows where each record is.
    pub(super) fn of(log: &KafkaLog, partition: u16) -> Self {
        let mut history = Self { valid: Vec::new(), stale: 0, duplicates: 0, orphans: 0 };
        let (mut head, mut digests, mut offset): (Option<Head>, Vec<Hash>, u64) = (None, Vec::new(), 0);
        let mut offsets = Vec::new();
        while offset < log.end(partition).unwrap() {
            for entry in log.read(partition, offset, Bound::default()).unwrap().entries {
                offset = entry.offset + 1;
                let record = Record::decode(&entry.stored).unwrap();
                let digest_at = |number| digests.get(usize::try_from(number).unwrap()).copied();
                match head.map(|head| judge::judge(&head, &record, digest_at)) {
                    None => head = Some(Head::at_genesis(record.digest)),
                    Some(Verdict::Valid(next)) => head = Some(next),
                    Some(Verdict::Damage(damage)) => panic!("offset {}: {damage}", entry.offset),
                    Some(Verdict::Stale) => {
                        history.stale += 1;
                        continue;
                    }
                    Some(Verdict::Duplicate) => {
                        history.duplicates += 1;
                        continue;
                    }
                    Some(Verdict::Orphan) => {
                        history.orphans += 1;
                        continue;
                    }
                }
                offsets.push(entry.offset);
                digests.push(record.digest);
                history.valid.push(entry.stored);
            }
        }
        log.resume(partition, None).unwrap();
        let seat = log.shared.places[usize::from(partition)].wait_for(offset).unwrap();
        assert!((0..).zip(&offsets).all(|(number, offset)| seat.skips.offset_of(number) == *offset));
        drop(seat);
        history
    }

    /// The body of the commit `number`.
    pub(super) fn body(&self, number: u64) -> &[u8] {
        match Record::decode(&self.valid[usize::try_from(number).unwrap()]).unwrap().content {
            Content::Commit(commit) => commit.body,
            other => panic!("record {number} is no commit: {other:?}"),
        }
    }

    /// The bodies of all commits, in order.
    pub(super) fn bodies(&self) -> Vec<&[u8]> {
        let commit = |stored| match Record::decode(stored).unwrap().content {
            Content::Commit(commit) => Some(commit.body),
            Content::Genesis(_) | Content::Claim(_) | Content::Seal(_) => None,
        };
        self.valid.iter().filter_map(|stored| commit(stored)).collect()
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { valid, stale, duplicates, orphans } = self;
        write!(f, "{} valid, {stale} stale, {duplicates} repeated, {orphans} orphaned", valid.len())
    }
}
