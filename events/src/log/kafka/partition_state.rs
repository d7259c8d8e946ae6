//! One partition as this process knows it: what it has read and judged of it, and its own writer, if it has one.
//! Nothing here touches a broker.
//!
//! What becomes of records and claims, and which proofs of ownership hold, a writer is told from here. It owns its partition
//! once its claim was read back. From there on a record counts when the brokers have put it right behind the one before, or,
//! wherever anything else lies between, when it was read back and judged valid. It ends when the claim of another is read.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::bookmark::Bookmark;
use super::ring::Ring;
use super::skips::Skips;
use crate::log::ownership::{Granted, NewClaim, Reply, WriterEnd, answer};
use crate::log::record::{Claim, Content, Header, MOST_BYTES};
use crate::log::walk::{Broken, Step, Walk};
use crate::log::{AppendError, Claimant, Entry, Genesis, Hash, Head, Listener, Progress};

/// See the module.
pub(super) struct PartitionState {
    walk: Walk,
    /// The offset of the next entry; behind one that is damage too.
    pub(super) offset: u64,
    /// The digest of the entry before.
    last: Hash,
    /// Who has claimed last.
    pub(super) claimant: Option<Claimant>,
    pub(super) ring: Ring,
    /// Why this partition does not go on.
    pub(super) halt: Option<String>,
    /// Why nothing is written now, while it is read on.
    pub(super) suspended: Option<String>,
    pub(super) skips: Skips,
    owner: Option<Owner>,
    /// Claims of this process that have not been read yet, by nonce.
    claims: HashMap<[u8; 16], Pending>,
    /// News for writers, in order; told outside the lock.
    news: VecDeque<(Arc<WriterEnd>, Progress)>,
}

/// A record of this process that the brokers have confirmed, at `offset`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivered {
    pub(super) partition: u16,
    pub(super) epoch: u64,
    pub(super) number: u64,
    pub(super) offset: u64,
}

struct Pending {
    listener: Listener,
    reply: Reply,
}

/// The writer of this process.
struct Owner {
    writer_end: Arc<WriterEnd>,
    epoch: u64,
    /// The last record that was handed over.
    handed: Head,
    /// The last that counts, and its offset.
    reached: u64,
    reached_at: u64,
    /// The last that was told durable.
    told: u64,
    /// When the oldest record under way was handed over, and its number.
    waits: Option<(u64, Instant)>,
    /// Proofs that were asked for, each with the offset that has to be read first.
    proofs: VecDeque<(u64, u64)>,
}

impl PartitionState {
    /// A partition of which nothing has been read.
    pub(super) fn new(genesis: Genesis) -> Self {
        Self {
            ring: Ring::new(genesis.partitions),
            walk: Walk::of(genesis),
            offset: 0,
            last: Hash::ZERO,
            claimant: None,
            halt: None,
            suspended: None,
            skips: Skips::default(),
            owner: None,
            claims: HashMap::new(),
            news: VecDeque::new(),
        }
    }

    /// Goes on where an earlier process was; `digests` are those of the last records, the head's last.
    pub(super) fn restore(&mut self, bookmark: Bookmark, digests: Vec<Hash>) {
        let Bookmark { offset, last, head, claimant, next, skips } = bookmark;
        let next = head.sealed.then_some(next);
        self.walk = Walk::resume(self.walk.genesis, offset, head, next, digests);
        (self.offset, self.last, self.claimant, self.skips) = (offset, last, claimant, skips);
    }

    /// Where this process is.
    pub(super) fn bookmark(&self) -> Option<Bookmark> {
        if self.halt.is_some() {
            return None;
        }
        let (claimant, next, skips) = (self.claimant.clone(), self.next(), self.skips.clone());
        let Self { offset, last, .. } = *self;
        self.walk.head().map(|head| Bookmark { offset, last, head, claimant, next, skips })
    }

    /// Where the history goes on, if the partition is sealed.
    fn next(&self) -> String {
        self.walk.next().unwrap_or_default().to_owned()
    }

    /// Whether the valid record `number` has been read.
    pub(super) fn has(&self, number: u64) -> bool {
        self.walk.head().is_some_and(|head| number <= head.number)
    }

    /// Takes the entry at the next offset.
    pub(super) fn take(&mut self, entry: Entry) {
        self.offset = entry.offset + 1;
        if let Err(Broken { reason, .. }) = self.judge(&entry) {
            self.stop(format!("offset {}: {reason}", entry.offset));
        }
        self.ring.push(entry);
    }

    /// The partition does not go on: its history cannot be trusted from here.
    pub(super) fn stop(&mut self, reason: String) {
        tracing::error!(partition = self.walk.genesis.partition, %reason, "this partition of the log halts");
        self.end(AppendError::Unknown(reason.clone()));
        self.abandon_claims(&reason);
        self.halt = Some(reason);
    }

    /// Nothing is written until further notice; it is read on.
    pub(super) fn suspend(&mut self, reason: String) {
        self.end(AppendError::Unknown(reason.clone()));
        self.abandon_claims(&reason);
        self.suspended = Some(reason);
    }

    /// Nobody waits any more for claims that are under way. Who claims again reads them first, if they come to be there.
    pub(super) fn abandon_claims(&mut self, reason: &str) {
        for (_, pending) in self.claims.drain() {
            answer(&pending.reply, Err(AppendError::Unavailable(reason.to_owned())));
        }
    }

    fn judge(&mut self, entry: &Entry) -> Result<(), Broken> {
        let before = self.walk.head();
        match (self.walk.take(entry.offset, &entry.stored)?, before, self.walk.head()) {
            (Step::Valid(record), Some(before), Some(head)) => {
                self.last = record.digest;
                if let Content::Claim(claim) = record.content {
                    self.succeed(before, head, claim);
                }
            }
            (Step::Skipped(record, _), Some(head), _) => {
                self.last = record.digest;
                self.skips.push(head.number + 1);
                if let Content::Claim(claim) = record.content {
                    self.lose(&claim, head.epoch);
                }
            }
            // The genesis.
            (Step::Valid(record) | Step::Skipped(record, _), ..) => self.last = record.digest,
        }
        Ok(())
    }

    /// A claim has become the head after `before`.
    fn succeed(&mut self, before: Head, head: Head, claim: Claim) {
        // The writer before is told first what it has reached. What it asked to be proven by the claim itself does not hold.
        self.settle_at(before, self.offset - 1);
        self.end(AppendError::Deposed { epoch: before.epoch, current: head.epoch });
        if let Some(pending) = self.claims.remove(&claim.nonce) {
            self.grant(pending, head);
        }
        self.claimant = Some(Claimant { node: claim.node, url: claim.url });
    }

    fn grant(&mut self, pending: Pending, head: Head) {
        let writer_end = Arc::new(WriterEnd::new(pending.listener));
        self.owner = Some(Owner {
            writer_end: Arc::clone(&writer_end),
            epoch: head.epoch,
            handed: head,
            reached: head.number,
            // The claim was taken just now.
            reached_at: self.offset - 1,
            told: head.number,
            waits: None,
            proofs: VecDeque::new(),
        });
        answer(&pending.reply, Ok(Granted { head, writer_end }));
    }

    /// A claim of this process came too late.
    fn lose(&mut self, claim: &Claim, current: u64) {
        if let Some(pending) = self.claims.remove(&claim.nonce) {
            answer(&pending.reply, Err(AppendError::Deposed { epoch: claim.epoch, current }));
        }
    }

    /// Ends the writer of this process, if there is one.
    pub(super) fn end(&mut self, error: AppendError) {
        if let Some(owner) = self.owner.take() {
            self.news.push_back((owner.writer_end, Progress::Ended(error)));
        }
    }

    /// The brokers have confirmed a record of this process.
    pub(super) fn delivered(&mut self, record: &Delivered) {
        let Some(owner) = self.owner.as_mut().filter(|owner| owner.epoch == record.epoch) else { return };
        if (record.number, record.offset) == (owner.reached + 1, owner.reached_at + 1) {
            (owner.reached, owner.reached_at) = (record.number, record.offset);
        }
    }

    /// What the writer may be told after some entries were taken, or confirmed.
    pub(super) fn settle(&mut self) {
        if let Some(head) = self.walk.head() {
            self.settle_at(head, self.offset);
        }
    }

    /// The same, where `head` was the head and everything before `offset` had been read.
    fn settle_at(&mut self, head: Head, offset: u64) {
        let Some(owner) = &mut self.owner else { return };
        if owner.reached < head.number {
            (owner.reached, owner.reached_at) = (head.number, self.skips.offset_of(head.number));
        }
        if owner.told < owner.reached {
            owner.told = owner.reached;
            self.news.push_back((Arc::clone(&owner.writer_end), Progress::Durable(owner.told)));
            owner.waits = (owner.handed.number > owner.told).then(|| (owner.told + 1, Instant::now()));
        }
        // Everything before this offset is known, and is no claim of another.
        let known = offset.max(owner.reached_at + 1);
        while let Some((ticket, _)) = owner.proofs.pop_front_if(|(_, until)| *until <= known) {
            self.news.push_back((Arc::clone(&owner.writer_end), Progress::Owned(ticket)));
        }
        if head.sealed {
            self.end(AppendError::Sealed { next: self.next() });
        }
    }

    /// Ends the writer if its oldest record has been under way since before `since`.
    pub(super) fn expire(&mut self, since: Instant) {
        let waits = self.owner.as_ref().and_then(|owner| owner.waits);
        if let Some((number, begun)) = waits
            && begun < since
        {
            self.end(AppendError::Unknown(format!("record {number} was neither confirmed nor read back in time")));
        }
    }

    /// The next piece of news.
    pub(super) fn news(&mut self) -> Option<(Arc<WriterEnd>, Progress)> {
        self.news.pop_front()
    }

    /// Begins a claim, which is to be written.
    pub(super) fn claim(
        &mut self,
        claimant: &Claimant,
        listener: Listener,
        reply: Reply,
    ) -> Result<NewClaim, AppendError> {
        if let Some(reason) = self.halt.as_ref().or(self.suspended.as_ref()) {
            return Err(AppendError::Unavailable(reason.clone()));
        }
        let no_genesis = || AppendError::Unavailable("the partition has no genesis".to_owned());
        let head = self.walk.head().ok_or_else(no_genesis)?;
        if head.sealed {
            return Err(AppendError::Sealed { next: self.next() });
        }
        let claim = head.claimed_by(claimant)?;
        self.claims.insert(claim.nonce, Pending { listener, reply });
        Ok(claim)
    }

    /// Nobody waits for this claim any more.
    pub(super) fn unclaim(&mut self, nonce: &[u8; 16]) {
        self.claims.remove(nonce);
    }

    /// Checks that `stored` may be handed over as record `number`. Where it does not follow, the writer has ended.
    pub(super) fn check(
        &mut self,
        writer_end: &Arc<WriterEnd>,
        number: u64,
        stored: &[u8],
    ) -> Result<Header, AppendError> {
        if let Some(end) = writer_end.ended() {
            return Err(end.clone());
        }
        if stored.len() > MOST_BYTES {
            return Err(AppendError::TooLarge { bytes: stored.len() });
        }
        let Some(owner) = self.owner.as_ref().filter(|owner| Arc::ptr_eq(&owner.writer_end, writer_end)) else {
            // Its end is about to be told.
            return Err(AppendError::Unavailable("the writer has ended".to_owned()));
        };
        let handed = owner.handed;
        handed.followed_by(number, stored).ok_or_else(|| {
            let error = AppendError::Conflict { number, head: handed.number };
            self.end(error.clone());
            error
        })
    }

    /// The record with `header` was handed over.
    pub(super) fn handed(&mut self, header: &Header) {
        if let Some(owner) = &mut self.owner {
            owner.handed = header.head();
            owner.waits.get_or_insert((header.number, Instant::now()));
        }
    }

    /// The writer of `writer_end` owned the partition at `offset`, if everything before that says so once it is read.
    pub(super) fn prove(&mut self, writer_end: &Arc<WriterEnd>, ticket: u64, offset: u64) {
        if let Some(owner) = self.owner.as_mut().filter(|owner| Arc::ptr_eq(&owner.writer_end, writer_end)) {
            owner.proofs.push_back((ticket, offset));
        }
    }
}

#[cfg(test)]
mod tests;
