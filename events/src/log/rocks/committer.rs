//! The one thread that writes. It takes whatever waited while the disk synced the group before, checks each record
//! against the head of its partition, writes all of them in one synced batch, publishes the new ends, and tells.
//!
//! ```text
//! writers ──► queue ──► [check, put]* ──► synced write ──► cut, ends ──► listeners ──► watches
//!                              └ a group: no timer, bounded by records and bytes
//! ```
//!
//! The first error of a write ends everything: what the disk holds then is known only after the next open.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rocksdb::{ColumnFamily, WriteBatch, WriteOptions};

use super::durable::Publisher;
use super::queue::{Inbox, Job, closed};
use super::store::{Tail, synced};
use super::{Committed, Shared};
use crate::log::ownership::{Granted, NewClaim, Reply, WriterEnd, answer};
use crate::log::record::{Content, Record};
use crate::log::{AppendError, Claimant, Head, Listener, Progress};

/// Enough that a sync is cheap next to the records it covers; few enough that the first of them does not wait long.
pub(super) const GROUP_RECORDS: usize = 8_192;
/// As above, for large records.
pub(super) const GROUP_BYTES: usize = 8_388_608;

/// One partition, as far as it is checked and put.
struct PartitionTail<'db> {
    family: &'db ColumnFamily,
    head: Head,
    next: Option<String>,
    owner: Option<Owner>,
    /// Whether this group has moved the head.
    moved: bool,
}

struct Owner {
    writer_end: Arc<WriterEnd>,
    epoch: u64,
    /// The highest number that the owner was told to be durable.
    told: u64,
}

/// What is to be told about a writer once the group is durable.
enum News {
    Ended { owner: Owner, durable: u64, error: AppendError },
    Claimed { reply: Reply, claimed: Result<Granted, AppendError> },
}

pub(super) struct Committer<'db> {
    shared: &'db Shared,
    partitions: Vec<PartitionTail<'db>>,
    cut: Publisher,
    sync: WriteOptions,
    batch: WriteBatch,
    puts: usize,
    news: VecDeque<News>,
}

impl<'db> Committer<'db> {
    pub(super) fn new(shared: &'db Shared, tails: Vec<Tail>, cut: Publisher) -> Result<Self, super::OpenError> {
        let mut partitions = Vec::with_capacity(tails.len());
        for (partition, tail) in (0..).zip(tails) {
            let family = shared.store.family(partition)?;
            partitions.push(PartitionTail { family, head: tail.head, next: tail.next, owner: None, moved: false });
        }
        Ok(Self {
            shared,
            partitions,
            cut,
            sync: synced(),
            batch: WriteBatch::default(),
            puts: 0,
            news: VecDeque::new(),
        })
    }

    /// Works until it is told to stop or a write fails. A panic counts as a failed write.
    pub(super) fn run(mut self, inbox: &Inbox) {
        let work = std::panic::AssertUnwindSafe(|| self.work(inbox));
        let end = match std::panic::catch_unwind(work) {
            Ok(Ok(())) => closed(),
            Ok(Err(reason)) => self.shared.admission.poison(reason),
            Err(_) => self.shared.admission.poison("the committer panicked".to_owned()),
        };
        self.abandon(&end);
        if let AppendError::Unknown(reason) = &end {
            tracing::error!(reason, "the log could not be written; the process ends");
            (self.shared.on_poison)(reason);
        }
    }

    fn work(&mut self, inbox: &Inbox) -> Result<(), String> {
        while let Some(first) = inbox.wait() {
            let mut stop = self.take(first);
            while !stop && self.puts < GROUP_RECORDS && self.batch.size_in_bytes() < GROUP_BYTES {
                let Some(job) = inbox.next() else { break };
                stop = self.take(job);
            }
            self.commit()?;
            if stop {
                break;
            }
        }
        Ok(())
    }

    /// Takes a job into the group; true if it was the last.
    fn take(&mut self, job: Job) -> bool {
        match job {
            Job::Append { partition, epoch, number, stored } => self.append(partition, epoch, number, &stored),
            Job::Claim { partition, claimant, listener, reply } => {
                let claimed = self.claim(partition, &claimant, listener);
                self.news.push_back(News::Claimed { reply, claimed });
            }
            Job::Stop => return true,
        }
        false
    }

    fn append(&mut self, partition: u16, epoch: u64, number: u64, stored: &[u8]) {
        let Some(tail) = self.partitions.get_mut(usize::from(partition)) else { return };
        // Another epoch: that writer has ended in this group or before, and was or will be told so.
        if tail.owner.as_ref().is_none_or(|owner| owner.epoch != epoch) {
            return;
        }
        let Some(header) = tail.head.followed_by(number, stored) else {
            let error = AppendError::Conflict { number, head: tail.head.number };
            return self.end(partition, error);
        };
        let seal = if header.seals { Record::decode(stored).ok() } else { None };
        self.put(partition, stored, header.head());
        if let Some(Record { content: Content::Seal(seal), .. }) = seal {
            if let Some(tail) = self.partitions.get_mut(usize::from(partition)) {
                tail.next = Some(seal.next.clone());
            }
            self.end(partition, AppendError::Sealed { next: seal.next });
        }
    }

    fn claim(&mut self, partition: u16, claimant: &Claimant, listener: Listener) -> Result<Granted, AppendError> {
        let no_partition = || AppendError::Unavailable(format!("there is no partition {partition}"));
        let tail = self.partitions.get(usize::from(partition)).ok_or_else(no_partition)?;
        if tail.head.sealed {
            return Err(AppendError::Sealed { next: tail.next.clone().unwrap_or_default() });
        }
        let before = tail.head;
        let NewClaim { stored, head, .. } = before.claimed_by(claimant)?;
        self.end(partition, AppendError::Deposed { epoch: before.epoch, current: head.epoch });
        self.put(partition, &stored, head);
        let writer_end = Arc::new(WriterEnd::new(listener));
        if let Some(tail) = self.partitions.get_mut(usize::from(partition)) {
            tail.owner = Some(Owner { writer_end: writer_end.clone(), epoch: head.epoch, told: head.number });
        }
        Ok(Granted { head, writer_end })
    }

    fn put(&mut self, partition: u16, stored: &[u8], head: Head) {
        let Some(tail) = self.partitions.get_mut(usize::from(partition)) else { return };
        self.batch.put_cf(tail.family, head.number.to_be_bytes(), stored);
        self.puts += 1;
        tail.head = head;
        tail.moved = true;
    }

    /// Ends the owner of `partition`, if there is one, as of the head.
    fn end(&mut self, partition: u16, error: AppendError) {
        let Some(tail) = self.partitions.get_mut(usize::from(partition)) else { return };
        if let Some(owner) = tail.owner.take() {
            self.news.push_back(News::Ended { owner, durable: tail.head.number, error });
        }
    }

    /// Makes the group durable and tells everyone.
    fn commit(&mut self) -> Result<(), String> {
        if self.puts > 0 {
            let batch = std::mem::take(&mut self.batch);
            self.shared.admission.space.before(batch.size_in_bytes());
            let begun = Instant::now();
            self.write(batch)?;
            (self.shared.on_commit)(Committed { records: self.puts, took: begun.elapsed() });
            self.cut
                .publish(self.partitions.iter().map(|tail| tail.head.number + 1))
                .map_err(|error| error.to_string())?;
            self.puts = 0;
        }
        for (tail, end) in self.partitions.iter().zip(&self.shared.ends).filter(|(tail, _)| tail.moved) {
            end.store(tail.head.number + 1, Ordering::Release);
        }
        while let Some(news) = self.news.pop_front() {
            news.tell();
        }
        for (partition, tail) in (0..).zip(&mut self.partitions).filter(|(_, tail)| tail.moved) {
            tail.moved = false;
            if let Some(owner) = &mut tail.owner {
                owner.tell_durable(tail.head.number);
            }
            self.shared.watches.tell(partition);
        }
        Ok(())
    }

    fn write(&self, batch: WriteBatch) -> Result<(), String> {
        fail::fail_point!("log::write", |why| Err(why.unwrap_or_else(|| "failpoint log::write".to_owned())));
        self.shared.store.db().write_opt(batch, &self.sync).map_err(rocksdb::Error::into_string)?;
        fail::fail_point!("log::sync", |why| Err(why.unwrap_or_else(|| "failpoint log::sync".to_owned())));
        Ok(())
    }

    /// Ends everyone who still waits for something.
    fn abandon(&mut self, error: &AppendError) {
        while let Some(news) = self.news.pop_front() {
            news.abandon(error);
        }
        for owner in self.partitions.iter_mut().filter_map(|tail| tail.owner.take()) {
            owner.writer_end.tell(Progress::Ended(error.clone()));
        }
    }
}

impl Owner {
    fn tell_durable(&mut self, number: u64) {
        if self.told < number {
            self.told = number;
            self.writer_end.tell(Progress::Durable(number));
        }
    }
}

impl News {
    fn tell(self) {
        match self {
            Self::Ended { mut owner, durable, error } => {
                owner.tell_durable(durable);
                owner.writer_end.tell(Progress::Ended(error));
            }
            Self::Claimed { reply, claimed } => answer(&reply, claimed),
        }
    }

    /// Instead of telling: the group did not become durable, as far as is known.
    fn abandon(self, error: &AppendError) {
        match self {
            Self::Ended { owner, .. } => owner.writer_end.tell(Progress::Ended(error.clone())),
            Self::Claimed { reply, claimed } => answer(&reply, claimed.and(Err(error.clone()))),
        }
    }
}
