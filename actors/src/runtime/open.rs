//! Opening a partition: claim it, read to the claim, fold what the entity store has not seen, and serve.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kippu_events::Time;
use kippu_events::event::{NotAnEvent, read_body};
use kippu_events::log::record::claim_hash;
use kippu_events::log::{
    AppendError, Bound, Claimant, Content, Damage, Hash, Head, Listener, Log, NotARecord, ReadError, Record, Verdict,
    judge,
};

use super::chain::Chain;
use super::room::{FoldError, Room};
use super::store::{Cursor, Store, StoreError};

/// Entities that may wait in memory for their batch while a long tail is folded.
const MOST_DIRTY: usize = 50_000;

/// How far back a client library may repeat a record: far more than any has in flight.
const MOST_REPEATED: u64 = 1 << 16;

/// A partition that can be served.
pub struct Opened {
    /// Appends.
    pub chain: Chain,
    /// The entities of its tail.
    pub room: Room,
    /// The time of its last record.
    pub last: Time,
    /// How many records were folded.
    pub folded: u64,
    /// How long it took to read and fold them, once the claim was confirmed.
    pub took: Duration,
}

/// Why a partition could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No claim.
    #[error(transparent)]
    Claim(#[from] AppendError),
    /// No bytes.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The entity store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// History is damaged at this place.
    #[error("partition {partition}, record {number}: {reason}")]
    Damaged {
        /// Partition.
        partition: u16,
        /// The first record that is not sound.
        number: u64,
        /// Field and finding.
        reason: String,
    },
}

impl OpenError {
    /// Whether trying again later may help.
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Claim(AppendError::Sealed { .. } | AppendError::TooLarge { .. } | AppendError::Deposed { .. }) => {
                false
            }
            Self::Claim(
                AppendError::Conflict { .. }
                | AppendError::Unavailable(_)
                | AppendError::NoSpace { .. }
                | AppendError::Unknown(_),
            ) => true,
            // A medium that does not answer is not one that has lost something.
            Self::Store(_) | Self::Read(ReadError::Medium { .. }) => true,
            Self::Read(ReadError::NoPartition { .. }) | Self::Damaged { .. } => false,
        }
    }
}

/// Opens `partition`. Blocks.
///
/// # Errors
/// Why it cannot be served.
pub fn open(
    log: &dyn Log,
    store: &Arc<Store>,
    partition: u16,
    claimant: &Claimant,
    listener: Listener,
) -> Result<Opened, OpenError> {
    let claimed = log.claim(partition, claimant, listener)?;
    let begun = Instant::now();
    let mut tail = Tail::after_cursor(log, store, partition)?;
    while tail.reader.head.number < claimed.head.number {
        if !tail.page(log, store)? {
            return Err(tail.reader.damaged("the log ends before the claim that it confirmed"));
        }
    }
    if tail.reader.head != claimed.head {
        return Err(tail.reader.damaged("the claim that was read is not the claim that was confirmed"));
    }
    Ok(Opened {
        chain: Chain::new(claimed.writer, claimed.head),
        room: tail.room,
        last: tail.last,
        folded: tail.folded,
        took: begun.elapsed(),
    })
}

/// What there is of a partition that was brought up to the end of the log.
pub struct Warmed {
    /// The time of the last record.
    pub last: Time,
    /// Where the history goes on, if the partition is sealed.
    pub next: Option<String>,
}

/// Brings the entity store of `partition` up to the end of the log, without claiming it. Blocks.
///
/// # Errors
/// Why the history cannot be folded.
pub fn warm(log: &dyn Log, store: &Arc<Store>, partition: u16) -> Result<Warmed, OpenError> {
    let mut tail = Tail::after_cursor(log, store, partition)?;
    while tail.page(log, store)? {}
    if tail.folded > 0 {
        tail.write(log, store)?;
    }
    Ok(Warmed { last: tail.last, next: tail.next })
}

struct Tail {
    reader: Reader,
    room: Room,
    last: Time,
    folded: u64,
    next: Option<String>,
}

impl Tail {
    /// Goes on where the entity store ends, or from the beginning where it is of another history.
    fn after_cursor(log: &dyn Log, store: &Arc<Store>, partition: u16) -> Result<Self, OpenError> {
        let cursor = store.cursor(partition)?;
        if let Some(Cursor { head, time }) = cursor {
            let offset = log.offset_of(partition, head.number)? + 1;
            let reader = Reader { partition, head, offset, digests: HashMap::new() };
            if reader.begins_here(log)? {
                return Ok(Self::new(reader, store, time));
            }
            tracing::warn!(partition, "the entity store is of another history and is made anew");
        }
        store.clear(partition)?;
        Ok(Self::new(Reader::at_genesis(log, partition)?, store, Time::default()))
    }

    fn new(reader: Reader, store: &Arc<Store>, last: Time) -> Self {
        let room = Room::new(reader.partition, Arc::clone(store));
        Self { reader, room, last, folded: 0, next: None }
    }

    /// Folds one page; false at the end of the log. A seal is such an end: where the history goes on, another record has
    /// its number, and the store is to fit there too.
    fn page(&mut self, log: &dyn Log, store: &Arc<Store>) -> Result<bool, OpenError> {
        let page = log.read(self.reader.partition, self.reader.offset, Bound::default())?;
        if page.entries.is_empty() {
            return Ok(false);
        }
        for entry in &page.entries {
            self.reader.offset = entry.offset + 1;
            let record = Record::decode(&entry.stored).map_err(|e: NotARecord| self.reader.damaged(&e.to_string()))?;
            let Some(head) = self.reader.judge(log, &record)? else { continue };
            if let Content::Seal(seal) = record.content {
                self.next = Some(seal.next);
                self.reader.offset = entry.offset;
                return Ok(false);
            }
            if let Content::Commit(commit) = &record.content {
                for event in read_body(commit.body).map_err(|e: NotAnEvent| self.reader.damaged(&e.to_string()))? {
                    self.last = self.last.max(event.time);
                    self.room.fold(&event).map_err(|e| match e {
                        FoldError::Store(e) => OpenError::Store(e),
                        FoldError::Event(e) => self.reader.damaged(&e.to_string()),
                    })?;
                }
            }
            self.reader.head = head;
            self.folded += 1;
        }
        if self.room.dirty() > MOST_DIRTY {
            self.write(log, store)?;
        }
        Ok(true)
    }

    /// Brings the store to where this is.
    fn write(&mut self, log: &dyn Log, store: &Store) -> Result<(), OpenError> {
        let Reader { partition, head, .. } = self.reader;
        let batch = self.room.batch(Cursor { head, time: self.last })?;
        store.write(&batch, log.bookmark(partition).as_deref())?;
        self.room.written(head.number, MOST_DIRTY, |_| false);
        Ok(())
    }
}

/// Judges records in log order.
struct Reader {
    partition: u16,
    head: Head,
    offset: u64,
    /// Digests of this epoch's records, for telling a repeated one from damage.
    digests: HashMap<u64, Hash>,
}

impl Reader {
    fn at_genesis(log: &dyn Log, partition: u16) -> Result<Self, OpenError> {
        let mut reader = Self { partition, head: Head::at_genesis(Hash::ZERO), offset: 1, digests: HashMap::new() };
        let page = log.read(partition, 0, Bound { entries: 1, ..Bound::default() })?;
        let first = page.entries.first().ok_or_else(|| reader.damaged("the partition has no genesis"))?;
        let record = Record::decode(&first.stored).map_err(|e| reader.damaged(&e.to_string()))?;
        match &record.content {
            Content::Genesis(genesis)
                if genesis.log == log.id()
                    && genesis.partition == partition
                    && genesis.partitions == log.partitions() =>
            {
                reader.head = Head::at_genesis(record.digest);
                Ok(reader)
            }
            Content::Genesis(_) => Err(reader.damaged("the genesis is of another log or partition")),
            Content::Claim(_) | Content::Commit(_) | Content::Seal(_) => {
                Err(reader.damaged("the first record is no genesis"))
            }
        }
    }

    /// Whether the log holds this head.
    fn begins_here(&self, log: &dyn Log) -> Result<bool, OpenError> {
        Ok(self.hash_at(log, self.head.number)? == Some(self.head.hash))
    }

    /// The digest of record `number`, if it is there.
    fn digest_at(&self, log: &dyn Log, number: u64) -> Result<Option<Hash>, ReadError> {
        let offset = log.offset_of(self.partition, number)?;
        let page = log.read(self.partition, offset, Bound { entries: 1, ..Bound::default() })?;
        let record = page.entries.first().and_then(|entry| Record::decode(&entry.stored).ok());
        Ok(record.map(|record| record.digest))
    }

    /// The hash of record `number`, if it is there. A claim's needs that of the record before it, so this reads back
    /// over claims.
    fn hash_at(&self, log: &dyn Log, number: u64) -> Result<Option<Hash>, OpenError> {
        let mut claims = Vec::new();
        for at in (0..=number).rev() {
            let offset = log.offset_of(self.partition, at)?;
            let page = log.read(self.partition, offset, Bound { entries: 1, ..Bound::default() })?;
            let Some(entry) = page.entries.first() else { return Ok(None) };
            let Ok(record) = Record::decode(&entry.stored) else { return Ok(None) };
            if matches!(record.content, Content::Claim(_)) {
                claims.push((at, record.digest));
                continue;
            }
            let after = claims.into_iter().rev().fold(record.digest, |hash, (at, digest)| claim_hash(digest, at, hash));
            return Ok(Some(after));
        }
        Ok(None)
    }

    /// The head after `record`, or nothing where it does not count.
    fn judge(&mut self, log: &dyn Log, record: &Record<'_>) -> Result<Option<Head>, OpenError> {
        // A record from before the store's cursor is repeated so seldom that the log can be asked.
        let mut unread = None;
        let digest_at = |number| match self.digests.get(&number) {
            Some(digest) => Some(*digest),
            None => self.digest_at(log, number).unwrap_or_else(|error| {
                unread = Some(error);
                None
            }),
        };
        let verdict = judge::judge(&self.head, record, digest_at);
        // What was judged without it is no verdict.
        if let Some(error) = unread {
            return Err(error.into());
        }
        match verdict {
            Verdict::Valid(head) => {
                if head.epoch != self.head.epoch {
                    self.digests.clear();
                }
                self.digests.insert(head.number, record.digest);
                self.digests.remove(&head.number.wrapping_sub(MOST_REPEATED));
                Ok(Some(head))
            }
            Verdict::Stale | Verdict::Duplicate | Verdict::Orphan => Ok(None),
            Verdict::Damage(damage) => Err(self.damage(damage)),
        }
    }

    fn damage(&self, damage: Damage) -> OpenError {
        self.damaged(&damage.to_string())
    }

    fn damaged(&self, reason: &str) -> OpenError {
        OpenError::Damaged { partition: self.partition, number: self.head.number + 1, reason: reason.to_owned() }
    }
}
