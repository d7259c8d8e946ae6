//! Opening a partition: claim it, read to the claim, fold what the entity store has not seen, and serve.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kippu_events::event::read_body;
use kippu_events::log::record::claim_hash;
use kippu_events::log::walk::{Broken, Step, Walk};
use kippu_events::log::{
    AppendError, Bound, Claimant, Content, Entry, Genesis, Hash, Head, Listener, Log, ReadError, Record,
};
use kippu_events::{Family, Time};

use super::chain::Chain;
use super::entity_cache::{EntityCache, FoldError};
use super::entity_store::{Cursor, EntityStore, StoreError};

/// Entities that may wait in memory for their batch while a long tail is folded.
const MOST_DIRTY: usize = 50_000;

/// A partition that can be served.
pub struct Opened {
    /// Appends.
    pub chain: Chain,
    /// The entities of its tail.
    pub entities: EntityCache,
    /// The record up to which the entity store has everything.
    pub stored: u64,
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
    EntityStore(#[from] StoreError),
    /// History is damaged.
    #[error(transparent)]
    Damaged(#[from] Broken),
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
            Self::EntityStore(_) | Self::Read(ReadError::Medium { .. }) => true,
            Self::Read(ReadError::NoPartition { .. } | ReadError::Newer { .. }) | Self::Damaged(_) => false,
        }
    }
}

/// Opens `partition`. Blocks.
///
/// # Errors
/// Why it cannot be served.
pub fn open(
    log: &dyn Log,
    store: &Arc<EntityStore>,
    partition: u16,
    claimant: &Claimant,
    listener: Listener,
) -> Result<Opened, OpenError> {
    refold_stale(log, store, partition)?;
    let claimed = log.claim(partition, claimant, listener)?;
    let begun = Instant::now();
    let mut tail = Tail::after_cursor(log, store, partition)?;
    while tail.head.number < claimed.head.number {
        if !tail.page(log, store)? {
            return Err(tail.damaged("the log ends before the claim that it confirmed"));
        }
    }
    if tail.head != claimed.head {
        return Err(tail.damaged("the claim that was read is not the claim that was confirmed"));
    }
    Ok(Opened {
        chain: Chain::new(claimed.writer, claimed.head),
        stored: tail.stored,
        entities: tail.entities,
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
pub fn warm(log: &dyn Log, store: &Arc<EntityStore>, partition: u16) -> Result<Warmed, OpenError> {
    refold_stale(log, store, partition)?;
    let mut tail = Tail::after_cursor(log, store, partition)?;
    while tail.page(log, store)? {}
    if tail.folded > 0 {
        tail.write(log, store)?;
    }
    Ok(Warmed { last: tail.last, next: tail.walk.next().map(str::to_owned) })
}

struct Tail {
    partition: u16,
    walk: Walk,
    /// The last record that was folded.
    head: Head,
    entities: EntityCache,
    last: Time,
    folded: u64,
    /// The record up to which the entity store has everything.
    stored: u64,
    only: Only,
}

/// What of the records is folded.
enum Only {
    /// All events.
    Nothing,
    /// Those of these families, up to where the others stand.
    Families(Vec<Family>, Cursor),
}

impl Only {
    fn takes(&self, family: Family) -> bool {
        match self {
            Self::Nothing => true,
            Self::Families(families, _) => families.contains(&family),
        }
    }
}

/// Folds anew the entities of families whose states another version had otherwise, and no others.
fn refold_stale(log: &dyn Log, store: &Arc<EntityStore>, partition: u16) -> Result<(), OpenError> {
    let (stale, Some(cursor)) = (store.stale(partition)?, store.cursor(partition)?) else { return Ok(()) };
    if stale.is_empty() || resume(log, partition, cursor.head)?.is_none() {
        return Ok(());
    }
    let begun = Instant::now();
    // What an earlier try has left is no beginning.
    store.clear_families(partition, &stale)?;
    let mut tail = Tail::from_genesis(log, store, partition)?;
    tail.only = Only::Families(stale.clone(), cursor);
    while tail.head.number < cursor.head.number {
        if !tail.page(log, store)? {
            // A seal is an end, too, and the cursor may lie on it.
            if tail.walk.next().is_some() {
                break;
            }
            return Err(tail.damaged("the log ends before a record that the entity store has seen"));
        }
    }
    let mut batch = tail.entities.batch(cursor)?;
    batch.not_stale(&stale);
    store.write(&batch, log.bookmark(partition).as_deref())?;
    let families: Vec<_> = stale.iter().map(|family| family.name()).collect();
    let (took, records) = (begun.elapsed(), tail.folded);
    tracing::info!(partition, ?families, records, ?took, "entities are folded anew, as this version has them");
    Ok(())
}

impl Tail {
    /// Goes on where the entity store ends, or from the beginning where it is of another history.
    fn after_cursor(log: &dyn Log, store: &Arc<EntityStore>, partition: u16) -> Result<Self, OpenError> {
        let entities = EntityCache::new(partition, Arc::clone(store));
        if let Some(Cursor { head, time: last }) = store.cursor(partition)? {
            if let Some(walk) = resume(log, partition, head)? {
                let (folded, stored, only) = (0, head.number, Only::Nothing);
                return Ok(Self { partition, walk, head, entities, last, folded, stored, only });
            }
            if log.end(partition)? <= log.offset_of(partition, head.number)? {
                let (seen, why) = (head.number, "a restored backup, or records that were lost");
                tracing::warn!(partition, seen, why, "the log ends before a record that the entity store has seen");
            }
            tracing::warn!(partition, "the entity store is of another history and is made anew");
        }
        store.clear(partition)?;
        Self::from_genesis(log, store, partition)
    }

    /// Begins with the history.
    fn from_genesis(log: &dyn Log, store: &Arc<EntityStore>, partition: u16) -> Result<Self, OpenError> {
        let entities = EntityCache::new(partition, Arc::clone(store));
        let mut walk = Walk::new(log, partition);
        let first = log.entry(partition, 0)?.ok_or_else(|| walk.broken("the partition has no genesis".to_owned()))?;
        walk.take(0, &first.stored)?;
        let head = walk.head().ok_or_else(|| walk.broken("the partition has no genesis".to_owned()))?;
        let (last, folded, stored, only) = (Time::default(), 0, 0, Only::Nothing);
        Ok(Self { partition, walk, head, entities, last, folded, stored, only })
    }

    /// Folds one page; false at the end of the log. A seal is such an end: where the history goes on, another record has
    /// its number, and the store is to fit there too.
    fn page(&mut self, log: &dyn Log, store: &Arc<EntityStore>) -> Result<bool, OpenError> {
        let page = log.read(self.partition, self.walk.offset(), Bound::default())?;
        if page.entries.is_empty() {
            return Ok(false);
        }
        for entry in &page.entries {
            if let Only::Families(_, until) = &self.only
                && self.head.number >= until.head.number
            {
                break;
            }
            match self.judge(log, entry)? {
                Some(Content::Seal(_)) => return Ok(false),
                Some(Content::Commit(commit)) => self.fold(commit.body)?,
                Some(Content::Genesis(_) | Content::Claim(_)) => {}
                None => continue,
            }
            self.head = self.walk.head().unwrap_or(self.head);
            self.folded += 1;
        }
        if self.entities.dirty() > MOST_DIRTY {
            self.write(log, store)?;
        }
        Ok(true)
    }

    /// What `entry` says, if it counts.
    fn judge<'a>(&mut self, log: &dyn Log, entry: &'a Entry) -> Result<Option<Content<'a>>, OpenError> {
        // A record from before the store's cursor is repeated so seldom that the log can be asked.
        let mut unread = None;
        let older = |number| {
            digest_at(log, self.partition, number).unwrap_or_else(|error| {
                unread = Some(error);
                None
            })
        };
        let step = self.walk.take_with(entry.offset, &entry.stored, older);
        // What was judged without it is no verdict.
        if let Some(error) = unread {
            return Err(error.into());
        }
        match step? {
            Step::Valid(record) => Ok(Some(record.content)),
            Step::Skipped(..) => Ok(None),
        }
    }

    /// Folds the events of the record after the head.
    fn fold(&mut self, body: &[u8]) -> Result<(), OpenError> {
        for event in read_body(body).map_err(|error| self.damaged(&error.to_string()))? {
            self.last = self.last.max(event.time);
            if !self.only.takes(event.entity.family) {
                continue;
            }
            self.entities.fold(&event).map_err(|error| match error {
                FoldError::EntityStore(error) => OpenError::EntityStore(error),
                FoldError::Event(error) => self.damaged(&error.to_string()),
            })?;
        }
        Ok(())
    }

    /// Brings the store to where this is.
    fn write(&mut self, log: &dyn Log, store: &EntityStore) -> Result<(), OpenError> {
        let cursor = match &self.only {
            Only::Nothing => Cursor { head: self.head, time: self.last },
            Only::Families(_, cursor) => *cursor,
        };
        let batch = self.entities.batch(cursor)?;
        store.write(&batch, log.bookmark(self.partition).as_deref())?;
        self.stored = self.head.number;
        self.entities.written();
        self.entities.evict(self.head.number, MOST_DIRTY, |_| false);
        Ok(())
    }

    /// The record after the head is damage for this reason.
    fn damaged(&self, reason: &str) -> OpenError {
        let (partition, number) = (self.partition, self.head.number + 1);
        OpenError::Damaged(Broken { partition, number, reason: reason.to_owned(), newer: false })
    }
}

/// The walk behind `head`, if the log holds that record.
pub fn resume(log: &dyn Log, partition: u16, head: Head) -> Result<Option<Walk>, ReadError> {
    let offset = log.offset_of(partition, head.number)? + 1;
    let is_here = hash_at(log, partition, head.number)? == Some(head.hash);
    Ok(is_here.then(|| Walk::resume(Genesis::of(log, partition), offset, head, None, [])))
}

/// The hash of record `number`, if it is there. A claim's needs that of the record before it, so this reads back over
/// claims.
fn hash_at(log: &dyn Log, partition: u16, number: u64) -> Result<Option<Hash>, ReadError> {
    let mut claims = Vec::new();
    for at in (0..=number).rev() {
        let Some(entry) = log.entry(partition, log.offset_of(partition, at)?)? else { return Ok(None) };
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

/// The digest of record `number`, if it is there.
fn digest_at(log: &dyn Log, partition: u16, number: u64) -> Result<Option<Hash>, ReadError> {
    let entry = log.entry(partition, log.offset_of(partition, number)?)?;
    Ok(entry.and_then(|entry| Some(Record::decode(&entry.stored).ok()?.digest)))
}
