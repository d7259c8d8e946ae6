//! One partition as this process knows it: what it has read and judged of it, and its own writer, if it has one.
//! Nothing here touches a broker.
//!
//! Everything that a writer is told comes from here. A writer owns its partition once its claim was read back. From there on
//! a record counts when the brokers have put it right behind the one before, or, wherever anything else lies between, when
//! it was read back and judged valid. A writer ends when the claim of another is read.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::bookmark::Bookmark;
use super::reports::Delivered;
use super::ring::Ring;
use super::skips::Skips;
use crate::log::record::{Claim, Content, Header, MOST_BYTES, Record};
use crate::log::{AppendError, Claimant, Entry, Genesis, Hash, Head, Listener, Progress, Verdict, judge};

/// How far back a client library may repeat a record: far more than any has in flight.
const MOST_DIGESTS: usize = 1 << 16;

/// See the module.
pub(super) struct Seat {
    /// What the partition begins with.
    genesis: Genesis,
    /// The offset of the next entry.
    pub(super) offset: u64,
    head: Option<Head>,
    /// The digest of the entry before.
    last: Hash,
    /// Who has claimed last.
    pub(super) claimant: Option<Claimant>,
    /// Digests of the latest valid records of the current epoch, by number.
    digests: VecDeque<(u64, Hash)>,
    /// Where the history goes on, if the partition is sealed.
    next: String,
    pub(super) ring: Ring,
    /// Why this partition does not go on.
    pub(super) halt: Option<String>,
    pub(super) skips: Skips,
    owner: Option<Owner>,
    /// Claims of this process that have not been read yet, by nonce.
    claims: HashMap<[u8; 16], Pending>,
    /// News for writers, in order; told outside the lock.
    news: VecDeque<(Arc<Fate>, Progress)>,
}

struct Pending {
    epoch: u64,
    listener: Listener,
    reply: SyncSender<Result<Granted, AppendError>>,
}

/// A claim that was read back.
pub(super) struct Granted {
    pub(super) head: Head,
    pub(super) fate: Arc<Fate>,
}

/// The writer of this process.
struct Owner {
    fate: Arc<Fate>,
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

/// What has become of a writer. Shared by it and its partition.
pub(super) struct Fate {
    listener: Listener,
    end: OnceLock<AppendError>,
}

impl Fate {
    pub(super) fn tell(&self, progress: Progress) {
        if let Progress::Ended(error) = &progress
            && self.end.set(error.clone()).is_err()
        {
            return;
        }
        (self.listener)(progress);
    }

    /// Tells the end to somebody who asks after it.
    pub(super) fn tell_again(&self, progress: Progress) {
        (self.listener)(progress);
    }

    pub(super) fn ended(&self) -> Option<&AppendError> {
        self.end.get()
    }
}

impl Seat {
    /// A partition of which nothing has been read.
    pub(super) fn new(genesis: Genesis) -> Self {
        Self {
            ring: Ring::new(genesis.partitions),
            genesis,
            offset: 0,
            head: None,
            last: Hash::ZERO,
            claimant: None,
            digests: VecDeque::new(),
            next: String::new(),
            halt: None,
            skips: Skips::default(),
            owner: None,
            claims: HashMap::new(),
            news: VecDeque::new(),
        }
    }

    /// Goes on where an earlier process was, which knew these `digests` of valid records of the bookmark's epoch.
    pub(super) fn restore(&mut self, bookmark: Bookmark, digests: impl Iterator<Item = (u64, Hash)>) {
        let Bookmark { offset, last, head, claimant, next, skips } = bookmark;
        (self.offset, self.last, self.head, self.claimant) = (offset, last, Some(head), claimant);
        (self.next, self.skips) = (next, skips);
        digests.for_each(|(number, digest)| self.remember(number, digest));
    }

    /// Where this process is.
    pub(super) fn bookmark(&self) -> Option<Bookmark> {
        if self.halt.is_some() {
            return None;
        }
        let (next, skips) = (self.next.clone(), self.skips.clone());
        let Self { offset, last, claimant, .. } = self;
        self.head.map(|head| Bookmark { offset: *offset, last: *last, head, claimant: claimant.clone(), next, skips })
    }

    /// Whether the valid record `number` has been read.
    pub(super) fn has(&self, number: u64) -> bool {
        self.head.is_some_and(|head| number <= head.number)
    }

    /// Takes the entry at the next offset.
    pub(super) fn take(&mut self, entry: Entry) {
        self.offset = entry.offset + 1;
        if let Err(reason) = self.judge(&entry.stored) {
            self.stop(format!("offset {}: {reason}", entry.offset));
        }
        self.ring.push(entry);
    }

    /// The partition does not go on: its history cannot be trusted from here.
    pub(super) fn stop(&mut self, reason: String) {
        tracing::error!(partition = self.genesis.partition, %reason, "this partition of the log halts");
        self.end(AppendError::Unknown(reason.clone()));
        for (_, pending) in self.claims.drain() {
            answer(&pending.reply, Err(AppendError::Unavailable(reason.clone())));
        }
        self.halt = Some(reason);
    }

    fn judge(&mut self, stored: &[u8]) -> Result<(), String> {
        let record = Record::decode(stored).map_err(|error| error.to_string())?;
        self.last = record.digest;
        let Some(head) = self.head else {
            return self.begin(&record);
        };
        let digest_at =
            |number| self.digests.iter().rev().find(|(known, _)| *known == number).map(|(_, digest)| *digest);
        match judge::judge(&head, &record, digest_at) {
            Verdict::Valid(head) => self.advance(head, &record),
            Verdict::Stale | Verdict::Duplicate | Verdict::Orphan => {
                self.skips.push(head.number + 1);
                if let Content::Claim(claim) = &record.content {
                    self.lose(claim, head.epoch);
                }
            }
            Verdict::Damage(damage) => return Err(damage.to_string()),
        }
        Ok(())
    }

    fn begin(&mut self, record: &Record<'_>) -> Result<(), String> {
        match &record.content {
            Content::Genesis(found) if *found == self.genesis => {
                self.head = Some(Head::at_genesis(record.digest));
                self.remember(0, record.digest);
                Ok(())
            }
            Content::Genesis(found) => {
                let name = |Genesis { log, partition, partitions }: &Genesis| {
                    format!("partition {partition} of {partitions} of the log {log}")
                };
                Err(format!("it opens {}, not {}", name(found), name(&self.genesis)))
            }
            Content::Claim(_) | Content::Commit(_) | Content::Seal(_) => {
                Err("field kind: a partition begins with its genesis".to_owned())
            }
        }
    }

    fn advance(&mut self, head: Head, record: &Record<'_>) {
        if let Content::Claim(_) = record.content {
            // The writer before is told first what it has reached.
            self.settle();
        }
        self.head = Some(head);
        match &record.content {
            Content::Claim(claim) => {
                let before = head.epoch - 1;
                self.end(AppendError::Deposed { epoch: before, current: head.epoch });
                self.digests.clear();
                self.claimant = Some(Claimant { node: claim.node.clone(), url: claim.url.clone() });
                if let Some(pending) = self.claims.remove(&claim.nonce) {
                    self.grant(pending, head);
                }
            }
            Content::Seal(seal) => self.next.clone_from(&seal.next),
            Content::Commit(_) | Content::Genesis(_) => {}
        }
        self.remember(head.number, record.digest);
    }

    fn remember(&mut self, number: u64, digest: Hash) {
        if self.digests.len() == MOST_DIGESTS {
            self.digests.pop_front();
        }
        self.digests.push_back((number, digest));
    }

    fn grant(&mut self, pending: Pending, head: Head) {
        let fate = Arc::new(Fate { listener: pending.listener, end: OnceLock::new() });
        self.owner = Some(Owner {
            fate: Arc::clone(&fate),
            epoch: head.epoch,
            handed: head,
            reached: head.number,
            // The claim was taken just now.
            reached_at: self.offset - 1,
            told: head.number,
            waits: None,
            proofs: VecDeque::new(),
        });
        answer(&pending.reply, Ok(Granted { head, fate }));
    }

    /// A claim of this process came too late.
    fn lose(&mut self, claim: &Claim, current: u64) {
        if let Some(pending) = self.claims.remove(&claim.nonce) {
            answer(&pending.reply, Err(AppendError::Deposed { epoch: pending.epoch, current }));
        }
    }

    /// Ends the writer of this process, if there is one.
    pub(super) fn end(&mut self, error: AppendError) {
        if let Some(owner) = self.owner.take() {
            self.news.push_back((owner.fate, Progress::Ended(error)));
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
        let (Some(head), Some(owner)) = (self.head, &mut self.owner) else { return };
        if owner.reached < head.number {
            (owner.reached, owner.reached_at) = (head.number, self.skips.offset_of(head.number));
        }
        if owner.told < owner.reached {
            owner.told = owner.reached;
            self.news.push_back((Arc::clone(&owner.fate), Progress::Durable(owner.told)));
            owner.waits = (owner.handed.number > owner.told).then(|| (owner.told + 1, Instant::now()));
        }
        // Everything before this offset is known, and is no claim of another.
        let known = self.offset.max(owner.reached_at + 1);
        while let Some((ticket, _)) = owner.proofs.pop_front_if(|(_, until)| *until <= known) {
            self.news.push_back((Arc::clone(&owner.fate), Progress::Owned(ticket)));
        }
        if head.sealed {
            self.end(AppendError::Sealed { next: self.next.clone() });
        }
    }

    /// Ends the writer if its oldest record has been under way since before `since`.
    pub(super) fn expire(&mut self, since: Instant) {
        let waits = self.owner.as_ref().and_then(|owner| owner.waits);
        if let Some((number, begun)) = waits
            && begun < since
        {
            self.end(AppendError::Unknown(format!("record {number} was not read back in time")));
        }
    }

    /// The next piece of news.
    pub(super) fn news(&mut self) -> Option<(Arc<Fate>, Progress)> {
        self.news.pop_front()
    }

    /// Begins a claim: the epoch to claim.
    pub(super) fn claim(
        &mut self,
        nonce: [u8; 16],
        listener: Listener,
        reply: SyncSender<Result<Granted, AppendError>>,
    ) -> Result<u64, AppendError> {
        if let Some(reason) = &self.halt {
            return Err(AppendError::Unavailable(reason.clone()));
        }
        let head = self.head.ok_or_else(|| AppendError::Unavailable("the partition has no genesis".to_owned()))?;
        if head.sealed {
            return Err(AppendError::Sealed { next: self.next.clone() });
        }
        let epoch = head.epoch + 1;
        self.claims.insert(nonce, Pending { epoch, listener, reply });
        Ok(epoch)
    }

    /// Nobody waits for this claim any more.
    pub(super) fn unclaim(&mut self, nonce: &[u8; 16]) {
        self.claims.remove(nonce);
    }

    /// Checks that `stored` may be handed over as record `number`. Where it does not follow, the writer has ended.
    pub(super) fn check(&mut self, fate: &Arc<Fate>, number: u64, stored: &[u8]) -> Result<Header, AppendError> {
        if let Some(end) = fate.ended() {
            return Err(end.clone());
        }
        if stored.len() > MOST_BYTES {
            return Err(AppendError::TooLarge { bytes: stored.len() });
        }
        let Some(owner) = self.owner.as_ref().filter(|owner| Arc::ptr_eq(&owner.fate, fate)) else {
            // Its end is about to be told.
            return Err(AppendError::Unavailable("the writer has ended".to_owned()));
        };
        let handed = owner.handed;
        let follows = |header: &Header| {
            header.epoch == owner.epoch
                && header.number == number
                && number == handed.number + 1
                && header.prev == handed.hash
                && !handed.sealed
        };
        match Header::read(stored).filter(follows) {
            Some(header) => Ok(header),
            None => {
                let error = AppendError::Conflict { number, head: handed.number };
                self.end(error.clone());
                Err(error)
            }
        }
    }

    /// The record with `header` was handed over.
    pub(super) fn handed(&mut self, header: &Header) {
        if let Some(owner) = &mut self.owner {
            owner.handed =
                Head { epoch: header.epoch, number: header.number, hash: header.digest, sealed: header.seals };
            owner.waits.get_or_insert((header.number, Instant::now()));
        }
    }

    /// The writer of `fate` owned the partition at `offset`, if everything before that says so once it is read.
    pub(super) fn prove(&mut self, fate: &Arc<Fate>, ticket: u64, offset: u64) {
        if let Some(owner) = self.owner.as_mut().filter(|owner| Arc::ptr_eq(&owner.fate, fate)) {
            owner.proofs.push_back((ticket, offset));
        }
    }
}

fn answer(reply: &SyncSender<Result<Granted, AppendError>>, granted: Result<Granted, AppendError>) {
    // A claimant that has gone away has nobody to serve; its claim stands and the next one follows it.
    if reply.try_send(granted).is_err() {
        tracing::debug!("a claimant did not wait for its claim");
    }
}

#[cfg(test)]
mod tests;
