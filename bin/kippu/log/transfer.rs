//! Moving records from one location to another, each read by the one rule and compared with what is there already. What is
//! there says where to go on, so nothing is noted anywhere else.

use std::collections::HashSet;

use indicatif::ProgressBar;
use kippu_events::EntityId;
use kippu_events::log::restore::{Restore, RestoreError};
use kippu_events::log::walk::{Step, Walk};
use kippu_events::log::{Bound, Content, Head, ReadError, ReadLog};
use serde::Serialize;

use super::LogError;
use super::blobs::{self, BlobCount, BlobTransfer};
use crate::node::named_in;

/// Records on their way.
pub(super) struct RecordTransfer<'a> {
    from: &'a dyn ReadLog,
    to: Box<dyn Restore>,
    parts: Vec<Part>,
    /// Where the node answers that has claimed last.
    url: Option<String>,
    /// Whose names are encrypted in it.
    named: HashSet<EntityId>,
    /// The blobs that it names, where they go along.
    blobs: Option<BlobTransfer>,
    bar: ProgressBar,
    count: Count,
}

struct Part {
    walk: Walk,
    /// The last record that is no seal.
    last: Option<Head>,
}

/// What was copied.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub(super) struct Count {
    /// Records that came to be there.
    pub(super) records: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Records that were there before.
    pub(super) found: u64,
    /// Entries of the source that do not count, and stay behind.
    pub(super) skipped: u64,
}

impl<'a> RecordTransfer<'a> {
    /// From the beginning of `from`, with `blobs` where they go along.
    ///
    /// # Errors
    /// Where `to` holds another log.
    pub(super) fn new(
        from: &'a dyn ReadLog,
        to: Box<dyn Restore>,
        blobs: Option<BlobTransfer>,
        bar: ProgressBar,
    ) -> Result<Self, LogError> {
        let partitions = (to.partitions(), from.partitions());
        if to.id() != from.id() || partitions.0 != partitions.1 {
            return Err(LogError::OtherLog { log: from.id(), found: to.id(), partitions });
        }
        let part = |partition| Part { walk: Walk::new(from, partition), last: None };
        let parts = (0..from.partitions()).map(part).collect();
        Ok(Self { from, to, parts, url: None, named: HashSet::new(), blobs, bar, count: Count::default() })
    }

    /// Where the source ends now, partition by partition.
    pub(super) fn ends(&self) -> Result<Vec<u64>, ReadError> {
        let ends: Vec<u64> =
            (0..self.from.partitions()).map(|partition| self.from.end(partition)).collect::<Result<_, _>>()?;
        self.bar.set_length(ends.iter().sum());
        Ok(ends)
    }

    /// Copies what lies before `ends`, durably.
    ///
    /// # Errors
    /// [`LogError`]; what was copied stays, and the next attempt goes on behind it.
    pub(super) fn up_to(&mut self, ends: &[u64]) -> Result<(), LogError> {
        for (partition, end) in (0..).zip(ends) {
            while self.page(partition, *end)? {}
        }
        Ok(self.to.finish()?)
    }

    /// Copies one page; false where there is no more.
    fn page(&mut self, partition: u16, end: u64) -> Result<bool, LogError> {
        let Some(Part { walk, last }) = self.parts.get_mut(usize::from(partition)) else { return Ok(false) };
        if walk.offset() >= end || walk.next().is_some() {
            return Ok(false);
        }
        let page = self.from.read(partition, walk.offset(), Bound::BULK)?;
        if page.entries.is_empty() {
            return Err(walk.broken(format!("the log goes on to offset {end}, but nothing can be read")).into());
        }
        let there = self.to.head(partition);
        let (mut batch, mut blobs) = (Vec::new(), Vec::new());
        for entry in page.entries {
            self.bar.inc(1);
            match walk.take(entry.offset, &entry.stored)? {
                Step::Skipped(..) => self.count.skipped += 1,
                // It ends the source, not the history.
                Step::Valid(record) if matches!(record.content, Content::Seal(_)) => break,
                Step::Valid(record) => {
                    if let Content::Claim(claim) = &record.content
                        && !claim.url.is_empty()
                    {
                        self.url = Some(claim.url.clone());
                    }
                    if let Content::Commit(commit) = &record.content {
                        self.named.extend(named_in(commit.body));
                        if self.blobs.is_some() {
                            blobs.extend(blobs::named_in(commit.body).map_err(|error| LogError::NamesUnknown {
                                partition,
                                number: commit.number,
                                error,
                            })?);
                        }
                    }
                    *last = walk.head();
                    if is_there(partition, there, *last)? {
                        self.count.found += 1;
                    } else {
                        self.count.bytes += entry.stored.len() as u64;
                        batch.push(entry.stored);
                    }
                }
            }
        }
        // Also those of records that are there already: they may have stayed behind.
        if let Some(transfer) = &mut self.blobs {
            transfer.bring(blobs)?;
        }
        if !batch.is_empty() {
            self.to.append(partition, &batch)?;
            self.count.records += batch.len() as u64;
            is_there(partition, self.to.head(partition), *last)?;
        }
        Ok(true)
    }

    /// Where each partition goes on, if it is sealed.
    pub(super) fn nexts(&self) -> impl Iterator<Item = Option<&str>> {
        self.parts.iter().map(|part| part.walk.next())
    }

    /// Checks that the target ends where the source ends, or ended by its seal.
    ///
    /// # Errors
    /// Where it goes on by itself.
    pub(super) fn check(&self) -> Result<(), LogError> {
        (0..).zip(&self.parts).try_for_each(|(partition, part)| {
            let there = self.to.head(partition);
            if there == part.last {
                return Ok(());
            }
            let number = there.map_or(0, |there| there.number);
            let number = number.min(part.last.map_or(0, |last| last.number + 1));
            Err(RestoreError::Diverged { partition, number }.into())
        })
    }

    /// Where the node answers that has claimed last.
    pub(super) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Whose names are encrypted in what was copied.
    pub(super) const fn named(&self) -> &HashSet<EntityId> {
        &self.named
    }

    /// Refuses what names blobs that are not there, where they are to go along.
    ///
    /// # Errors
    /// [`LogError::BlobsLacking`].
    pub(super) fn check_blobs(&self) -> Result<(), LogError> {
        match self.blobs().lacking {
            0 => Ok(()),
            lacking => Err(LogError::BlobsLacking(lacking)),
        }
    }

    /// Refuses a copy without blobs that nobody said are to stay where they are.
    ///
    /// # Errors
    /// [`LogError::BlobsLeft`].
    pub(super) fn check_left(&self) -> Result<(), LogError> {
        match self.blobs().left {
            0 => Ok(()),
            left => Err(LogError::BlobsLeft(left)),
        }
    }

    /// What became of blobs.
    pub(super) fn blobs(&self) -> BlobCount {
        self.blobs.as_ref().map(BlobTransfer::count).unwrap_or_default()
    }

    /// What was copied so far.
    pub(super) const fn count(&self) -> Count {
        self.count
    }

    /// The last record of `partition` that was copied.
    pub(super) fn last(&self, partition: u16) -> Option<Head> {
        self.parts.get(usize::from(partition))?.last
    }
}

/// Whether the target, which ends with `there`, holds the record that `here` is the head at.
fn is_there(partition: u16, there: Option<Head>, here: Option<Head>) -> Result<bool, LogError> {
    match (there, here) {
        (Some(there), Some(here)) if there.number == here.number && there != here => {
            Err(RestoreError::Diverged { partition, number: here.number }.into())
        }
        (Some(there), Some(here)) => Ok(there.number >= here.number),
        (None, _) | (_, None) => Ok(false),
    }
}
