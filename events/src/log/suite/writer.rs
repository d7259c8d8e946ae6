//! A writer that keeps the chain and hears what it is told, and a reader that judges what it finds.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use super::PATIENCE;
use crate::log::record::claim_hash;
use crate::log::walk::{Skip, Step, Walk};
use crate::log::{
    AppendError, Bound, Claim, Claimant, Claimed, Commit, Content, Entry, Genesis, Head, Listener, Log, LogId,
    Progress, ReadLog, Record, Writer,
};

/// A writer that keeps the chain.
pub(in crate::log) struct TestWriter {
    pub(in crate::log) writer: Box<dyn Writer>,
    pub(in crate::log) progress: Receiver<Progress>,
    pub(in crate::log) head: Head,
    pub(in crate::log) durable: u64,
    pub(in crate::log) partition: u16,
}

impl TestWriter {
    pub(in crate::log) fn try_claim<L: Log + ?Sized>(log: &Arc<L>, partition: u16) -> Result<Self, AppendError> {
        let (sender, progress) = channel();
        let listener: Listener = Arc::new(move |news| {
            // The case may be over.
            sender.send(news).ok();
        });
        let claimant = Claimant { node: "suite".to_owned(), url: "http://suite.invalid".to_owned() };
        let Claimed { writer, head } = log.claim(partition, &claimant, listener)?;
        Ok(Self { writer, progress, head, durable: head.number, partition })
    }

    #[track_caller]
    pub(in crate::log) fn claim<L: Log + ?Sized>(log: &Arc<L>, partition: u16) -> Self {
        Self::try_claim(log, partition).expect("the claim should be granted")
    }

    /// The record after the last.
    pub(super) fn next(&self, body: &[u8]) -> (Vec<u8>, Head) {
        let Head { epoch, number, hash, .. } = self.head;
        let number = number + 1;
        let (stored, hash) = Content::Commit(Commit { epoch, number, prev: hash, acked: self.durable, body }).encode();
        (stored, Head { epoch, number, hash, sealed: false })
    }

    pub(in crate::log) fn append(&mut self, body: &[u8]) -> Result<u64, AppendError> {
        let (stored, head) = self.next(body);
        self.writer.append(head.number, stored)?;
        self.head = head;
        Ok(head.number)
    }

    pub(in crate::log) fn hear(&mut self) -> Progress {
        let news = self.progress.recv_timeout(PATIENCE).expect("the writer should be told something");
        if let Progress::Durable(number) = news {
            assert!(number > self.durable, "durable {number} after durable {}", self.durable);
            self.durable = number;
        }
        news
    }

    /// Appends and waits until it may be answered.
    pub(in crate::log) fn write(&mut self, body: &[u8]) -> u64 {
        let number = self.append(body).expect("the append should be handed over");
        self.until_durable(number);
        number
    }

    pub(in crate::log) fn until_durable(&mut self, number: u64) {
        while self.durable < number {
            match self.hear() {
                Progress::Durable(_) => {}
                other => panic!("told {other:?} while waiting for {number}"),
            }
        }
    }

    /// How the writer ended; what became durable before that is noted.
    pub(in crate::log) fn until_ended(&mut self) -> AppendError {
        loop {
            match self.hear() {
                Progress::Durable(_) | Progress::Owned(_) => {}
                Progress::Ended(error) => return error,
            }
        }
    }
}

/// Everything that the partition holds.
pub(in crate::log) fn entries(log: &dyn ReadLog, partition: u16) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let from = entries.last().map_or(0, |last| last.offset + 1);
        let page = log.read(partition, from, Bound::default()).expect("the log should be readable");
        if page.entries.is_empty() {
            return entries;
        }
        entries.extend(page.entries);
    }
}

/// The entries that count, as a reader takes them, why the others do not, and the head. The history MUST be honest.
pub(in crate::log) fn walked(log: &dyn ReadLog, partition: u16) -> (Vec<Entry>, Vec<Skip>, Head) {
    let (mut walk, mut skipped) = (Walk::new(log, partition), Vec::new());
    let mut entries = entries(log, partition);
    entries.retain(|entry| match walk.take(entry.offset, &entry.stored) {
        Ok(Step::Valid(_)) => true,
        Ok(Step::Skipped(_, skip)) => {
            skipped.push(skip);
            false
        }
        Err(broken) => panic!("an honest history is judged damage: {broken}"),
    });
    (entries, skipped, walk.head().expect("a genesis"))
}

/// The records of them, and the head.
pub(in crate::log) fn valid(log: &dyn ReadLog, partition: u16) -> (Vec<Vec<u8>>, Head) {
    let (entries, _, head) = walked(log, partition);
    (entries.into_iter().map(|entry| entry.stored).collect(), head)
}

/// The records of a partition of two: a genesis, and a claim with so many commits behind it, once for each of `commits`.
pub(in crate::log) fn history(log: LogId, partition: u16, commits: &[u64]) -> Vec<Vec<u8>> {
    let (genesis, hash) = Content::Genesis(Genesis { log, partition, partitions: 2 }).encode();
    let (mut records, mut head) = (vec![genesis], Head::at_genesis(hash));
    for (epoch, commits) in (1..).zip(commits) {
        let claim = Claim { epoch, nonce: [9; 16], node: "n".to_owned(), url: String::new() };
        let (claim, digest) = Content::Claim(claim).encode();
        let number = head.number + 1;
        head = Head { epoch, number, hash: claim_hash(digest, number, head.hash), sealed: false };
        records.push(claim);
        for _ in 0..*commits {
            let (number, prev, acked) = (head.number + 1, head.hash, head.number);
            let (commit, hash) = Content::Commit(Commit { epoch, number, prev, acked, body: b"[]" }).encode();
            records.push(commit);
            head = Head { number, hash, ..head };
        }
    }
    records
}

pub(in crate::log) fn body_of(stored: &[u8]) -> Option<Vec<u8>> {
    match Record::decode(stored).expect("a record").content {
        Content::Commit(commit) => Some(commit.body.to_vec()),
        Content::Genesis(_) | Content::Claim(_) | Content::Seal(_) => None,
    }
}

pub(super) fn count(records: &[Vec<u8>], body: &[u8]) -> usize {
    records.iter().filter(|stored| body_of(stored).as_deref() == Some(body)).count()
}

pub(super) fn body(index: u64) -> Vec<u8> {
    format!("[{{\"id\":\"{index}\"}}]").into_bytes()
}
