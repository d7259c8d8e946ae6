//! A writer that keeps the chain and hears what it is told, and a reader that judges what it finds.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use super::PATIENCE;
use crate::log::{
    AppendError, Bound, Claimant, Claimed, Commit, Content, Damage, Entry, Head, Listener, Log, Progress, ReadLog,
    Record, Verdict, Writer, judge,
};

/// A writer that keeps the chain.
pub(super) struct Seat {
    pub(super) writer: Box<dyn Writer>,
    pub(super) progress: Receiver<Progress>,
    pub(super) head: Head,
    pub(super) durable: u64,
    pub(super) partition: u16,
}

impl Seat {
    pub(super) fn try_claim(log: &Arc<dyn Log>, partition: u16) -> Result<Self, AppendError> {
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
    pub(super) fn claim(log: &Arc<dyn Log>, partition: u16) -> Self {
        Self::try_claim(log, partition).expect("the claim should be granted")
    }

    /// The record after the last.
    pub(super) fn next(&self, body: &[u8]) -> (Vec<u8>, Head) {
        let Head { epoch, number, hash, .. } = self.head;
        let number = number + 1;
        let (stored, hash) = Content::Commit(Commit { epoch, number, prev: hash, acked: self.durable, body }).encode();
        (stored, Head { epoch, number, hash, sealed: false })
    }

    pub(super) fn append(&mut self, body: &[u8]) -> Result<u64, AppendError> {
        let (stored, head) = self.next(body);
        self.writer.append(head.number, stored)?;
        self.head = head;
        Ok(head.number)
    }

    pub(super) fn hear(&mut self) -> Progress {
        let news = self.progress.recv_timeout(PATIENCE).expect("the writer should be told something");
        if let Progress::Durable(number) = news {
            assert!(number > self.durable, "durable {number} after durable {}", self.durable);
            self.durable = number;
        }
        news
    }

    /// Appends and waits until it may be answered.
    pub(super) fn write(&mut self, body: &[u8]) -> u64 {
        let number = self.append(body).expect("the append should be handed over");
        self.until_durable(number);
        number
    }

    pub(super) fn until_durable(&mut self, number: u64) {
        while self.durable < number {
            match self.hear() {
                Progress::Durable(_) => {}
                other => panic!("told {other:?} while waiting for {number}"),
            }
        }
    }

    /// How the writer ended; what became durable before that is noted.
    pub(super) fn until_ended(&mut self) -> AppendError {
        loop {
            match self.hear() {
                Progress::Durable(_) | Progress::Owned(_) => {}
                Progress::Ended(error) => return error,
            }
        }
    }
}

/// Everything that the partition holds.
pub(super) fn entries(log: &dyn ReadLog, partition: u16) -> Vec<Entry> {
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

/// The valid records of the partition, as a reader takes them, and the head. The history MUST be honest.
pub(super) fn valid(log: &dyn ReadLog, partition: u16) -> (Vec<Vec<u8>>, Head) {
    let entries = entries(log, partition);
    let genesis = Record::decode(&entries[0].stored).expect("a record");
    let mut head = Head::at_genesis(genesis.digest);
    let mut taken = vec![entries[0].stored.clone()];
    let mut digests = vec![genesis.digest];
    for entry in &entries[1..] {
        let record = Record::decode(&entry.stored).expect("a record");
        let known = |number| digests.get(usize::try_from(number).expect("a small number")).copied();
        match judge::judge(&head, &record, known) {
            Verdict::Valid(next) => {
                head = next;
                digests.push(record.digest);
                taken.push(entry.stored.clone());
            }
            Verdict::Stale | Verdict::Duplicate | Verdict::Orphan => {}
            Verdict::Damage(damage) => damaged(entry.offset, &damage),
        }
    }
    (taken, head)
}

fn damaged(offset: u64, damage: &Damage) -> ! {
    panic!("an honest history is judged damage at offset {offset}: {damage}")
}

pub(super) fn body_of(stored: &[u8]) -> Option<Vec<u8>> {
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
