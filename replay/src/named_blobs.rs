//! Which blobs a history names: what a sweep must leave alone.
//!
//! An entry that does not count, such as one of a deposed writer, is read like any other: that keeps a blob longer than it need
//! be, and never loses one.

use std::collections::HashSet;

use kippu_events::NotAnEvent;
use kippu_events::blobs::BlobId;
use kippu_events::event::{Recorded, read_body};
use kippu_events::log::{Bound, Content, NotARecord, ReadError, ReadLog, Record};

/// Why it is not known which blobs a history names. Nothing MUST be deleted then.
#[derive(Debug, thiserror::Error)]
pub enum NotRead {
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// An entry is no record, or one of a later version.
    #[error("partition {partition}, offset {offset}: {error}")]
    Record {
        /// Where.
        partition: u16,
        /// Where.
        offset: u64,
        /// Why.
        error: NotARecord,
    },
    /// An event is none that this version reads.
    #[error("partition {partition}, offset {offset}: {error}")]
    Event {
        /// Where.
        partition: u16,
        /// Where.
        offset: u64,
        /// Why.
        error: NotAnEvent,
    },
    /// A part of the history is missing.
    #[error("partition {partition} goes on, but nothing can be read from offset {offset} on")]
    Gone {
        /// Where.
        partition: u16,
        /// Where.
        offset: u64,
    },
}

/// Says which blobs an event names.
pub type Names = fn(&Recorded<'_>) -> Result<Vec<BlobId>, NotAnEvent>;

/// The blobs that `event` names, as its family has it.
///
/// # Errors
/// [`NotAnEvent`] where it is none that this code reads.
pub fn blobs_of(event: &Recorded<'_>) -> Result<Vec<BlobId>, NotAnEvent> {
    event.entity.family.blobs(event)
}

/// The blobs that a history names, as far as it was read.
pub struct NamedBlobs {
    names: Names,
    /// Per partition, the offset behind the last entry that was read.
    read: Vec<u64>,
    named: HashSet<BlobId>,
}

impl Default for NamedBlobs {
    /// None yet, by what families say.
    fn default() -> Self {
        Self::by(blobs_of)
    }
}

impl NamedBlobs {
    /// None yet, by what `names` says.
    #[must_use]
    pub fn by(names: Names) -> Self {
        Self { names, read: Vec::new(), named: HashSet::new() }
    }

    /// Whether an event names the blob `id`.
    #[must_use]
    pub fn has(&self, id: BlobId) -> bool {
        self.named.contains(&id)
    }

    /// Reads on in `log`, which MUST be the same each time, but no more than so many pages. Whether it has come to where the
    /// log ended when this was called. Blocks.
    ///
    /// # Errors
    /// [`NotRead`]; what was read before counts.
    pub fn read_on(&mut self, log: &dyn ReadLog, most_pages: usize) -> Result<bool, NotRead> {
        let (names, mut pages) = (self.names, 0);
        self.read.resize(usize::from(log.partitions()), 0);
        for (partition, read) in (0..).zip(&mut self.read) {
            let end = log.end(partition)?;
            while *read < end {
                if pages == most_pages {
                    return Ok(false);
                }
                pages += 1;
                let (first, mut taken) = (*read, Ok(()));
                log.visit(partition, first, Bound::default(), &mut |offset, stored| {
                    if taken.is_ok() && offset == *read {
                        taken = take(stored, names, &mut self.named).map_err(|wrong| wrong.at(partition, offset));
                        *read += u64::from(taken.is_ok());
                    }
                })?;
                taken?;
                if *read == first {
                    return Err(NotRead::Gone { partition, offset: first });
                }
            }
        }
        Ok(true)
    }
}

enum Wrong {
    Record(NotARecord),
    Event(NotAnEvent),
}

impl Wrong {
    fn at(self, partition: u16, offset: u64) -> NotRead {
        match self {
            Self::Record(error) => NotRead::Record { partition, offset, error },
            Self::Event(error) => NotRead::Event { partition, offset, error },
        }
    }
}

fn take(stored: &[u8], names: Names, named: &mut HashSet<BlobId>) -> Result<(), Wrong> {
    let Content::Commit(commit) = Record::decode(stored).map_err(Wrong::Record)?.content else { return Ok(()) };
    for event in read_body(commit.body).map_err(Wrong::Event)? {
        named.extend(names(&event).map_err(Wrong::Event)?);
    }
    Ok(())
}
