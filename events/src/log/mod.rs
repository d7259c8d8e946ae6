//! The log: a fixed number of partitions, each one totally ordered, gapless sequence of records with one writer at a
//! time. Two traits over bytes; [`judge`] says what the bytes mean.
//!
//! ```text
//! partition 3   [0 genesis][1 claim e1][2 commit e1][3 commit e1][4 claim e2][5 commit e2] …
//!                                                                                 ▲ head: epoch 2, number 5, hash
//! ```

pub mod judge;
pub mod kafka;
pub mod lock;
pub mod memory;
mod ownership;
pub mod position;
pub mod record;
pub mod restore;
pub mod rocks;
pub mod seal;
pub mod segments;
#[cfg(any(test, feature = "suite"))]
#[allow(clippy::missing_panics_doc, clippy::panic, clippy::expect_used, missing_docs, reason = "a case is a test")]
pub mod suite;
pub mod walk;
mod watches;

#[cfg(test)]
mod backends;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod model;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use crate::log_id::LogId;
pub use judge::{Damage, Head, Verdict};
pub use position::{Cut, Position};
pub use record::{Claim, Commit, Content, Genesis, Hash, NotARecord, Record, Seal};

/// What lies at one offset: on an embedded log the offset is the record's number, on a shared one it need not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Grows by one from entry to entry.
    pub offset: u64,
    /// A record as stored; see [`Record::decode`].
    pub stored: Vec<u8>,
}

/// A bounded run of entries.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// In log order, without gaps between offsets.
    pub entries: Vec<Entry>,
}

/// The most that one read brings.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Entries.
    pub entries: usize,
    /// Bytes; one entry is always brought, however large.
    pub bytes: usize,
}

impl Default for Bound {
    /// A page that fits caches, and amortises the cost of a seek.
    fn default() -> Self {
        Self { entries: 1024, bytes: 1 << 20 }
    }
}

impl Bound {
    /// What whoever goes through a whole history reads at once: enough that a sync, or the way to the brokers and back, is
    /// cheap compared with it.
    pub const BULK: Self = Self { entries: 4096, bytes: 4 << 20 };
}

/// Why a read failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// No such partition.
    #[error("the log has partitions 0 to {last}, not {partition}", last = partitions - 1)]
    NoPartition {
        /// Asked for.
        partition: u16,
        /// How many there are.
        partitions: u16,
    },
    /// A later version of kippu has written what lies there, and reads it.
    #[error("partition {partition} cannot be read from offset {offset} on by this version of kippu: {reason}")]
    Newer {
        /// Partition.
        partition: u16,
        /// Offset.
        offset: u64,
        /// What it would have to read.
        reason: String,
    },
    /// The medium did not give the bytes back. The text names file and place where the backend knows them.
    #[error("partition {partition} cannot be read from offset {offset}: {reason}")]
    Medium {
        /// Partition.
        partition: u16,
        /// Offset.
        offset: u64,
        /// In the backend's words.
        reason: String,
    },
}

/// Why an append failed, and so what its caller must do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Not written: it does not follow the head. The caller's picture is wrong; it MUST claim anew.
    #[error("record {number} does not follow the head {head}")]
    Conflict {
        /// The record's number.
        number: u64,
        /// The head's.
        head: u64,
    },
    /// Not written, or written and without effect: another writer has claimed. The caller MUST NOT answer.
    #[error("epoch {epoch} was succeeded by {current}")]
    Deposed {
        /// The writer's epoch.
        epoch: u64,
        /// The current epoch.
        current: u64,
    },
    /// Certainly not written. The caller may say so.
    #[error("the log takes no writes now: {0}")]
    Unavailable(String),
    /// Certainly not written: too little space is left. Reading goes on.
    #[error("too little space is left: less than {floor_bytes} bytes")]
    NoSpace {
        /// What has to stay free.
        floor_bytes: u64,
    },
    /// Perhaps written. The caller MUST claim anew and read to its claim before it answers.
    #[error("the log did not say whether it wrote: {0}")]
    Unknown(String),
    /// Certainly not written: larger than [`record::MOST_BYTES`].
    #[error("a record has at most {most} bytes, not {bytes}", most = record::MOST_BYTES)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The partition ended in this location.
    #[error("the partition is sealed; its history goes on at {next}")]
    Sealed {
        /// Where.
        next: String,
    },
}

/// Reading, in log order, what is durable.
pub trait ReadLog: Send + Sync {
    /// The identity of the log.
    fn id(&self) -> LogId;

    /// How many partitions it has.
    fn partitions(&self) -> u16;

    /// The offset behind the last durable entry of `partition`.
    ///
    /// # Errors
    /// Where there is no such partition, or its medium does not answer.
    fn end(&self, partition: u16) -> Result<u64, ReadError>;

    /// The same, as far as it is known here without asking anybody.
    ///
    /// # Errors
    /// As [`ReadLog::end`].
    fn known_end(&self, partition: u16) -> Result<u64, ReadError> {
        self.end(partition)
    }

    /// Durable entries from `offset` on, at most `bound`; an empty page behind the end. MUST NOT show an entry before
    /// its writer may be told that it is durable.
    ///
    /// # Errors
    /// As [`ReadLog::end`].
    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError>;

    /// The entry at `offset`; nothing behind the end.
    ///
    /// # Errors
    /// As [`ReadLog::end`].
    fn entry(&self, partition: u16, offset: u64) -> Result<Option<Entry>, ReadError> {
        let page = self.read(partition, offset, Bound { entries: 1, bytes: 0 })?;
        Ok(page.entries.into_iter().next().filter(|entry| entry.offset == offset))
    }

    /// Lends `entry` the offset and the bytes of each entry that [`ReadLog::read`] would bring, in order, as far as they
    /// have come here, and gives the offset behind them; a watch is told of what comes later. Nothing is copied where the
    /// medium lends its bytes. What was lent before an error stands.
    ///
    /// # Errors
    /// As [`ReadLog::end`].
    fn visit(
        &self,
        partition: u16,
        offset: u64,
        bound: Bound,
        entry: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<u64, ReadError> {
        let page = self.read(partition, offset, bound)?;
        for Entry { offset, stored } in &page.entries {
            entry(*offset, stored);
        }
        Ok(page.entries.last().map_or(offset, |last| last.offset + 1))
    }

    /// Calls `watch` with a partition each time that its end has moved; spurious calls are allowed, missing ones are not.
    /// `watch` MUST return at once.
    fn watch(&self, watch: Watch);
}

/// See [`ReadLog::watch`].
pub type Watch = Arc<dyn Fn(u16) + Send + Sync>;

/// What a writer is told, in order, for each claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Every record up to this number is durable and valid: it may be answered.
    Durable(u64),
    /// The proof of ownership with this ticket holds: what was decided before it was asked for may be answered.
    Owned(u64),
    /// The writer has ended. Nothing that was not told durable before may be answered from it.
    Ended(AppendError),
}

/// Takes the progress of one claim. MUST return at once.
pub type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// Reading and writing.
pub trait Log: ReadLog {
    /// Takes `partition` over with one more than its current epoch. When this returns, the claim is durable and valid,
    /// every earlier writer of the partition is deposed, and `head` is the claim itself.
    ///
    /// # Errors
    /// [`AppendError`]; after `Unknown` a new claim is the only way on.
    fn claim(&self, partition: u16, claimant: &Claimant, listener: Listener) -> Result<Claimed, AppendError>;

    /// The offset at which the valid record `number` lies, if there is one. Where entries are written that do not count,
    /// it lies behind the offset of the same number.
    ///
    /// # Errors
    /// As [`ReadLog::end`].
    fn offset_of(&self, partition: u16, number: u64) -> Result<u64, ReadError> {
        self.end(partition).map(|_| number)
    }

    /// Who has claimed `partition` last, as far as this process has read. Nobody where only this process can.
    fn claimant(&self, _partition: u16) -> Option<Claimant> {
        None
    }

    /// How far this process has read `partition`, for [`Log::resume`] after a restart. Opaque, and nothing where a log
    /// does not read ahead of its readers.
    fn bookmark(&self, _partition: u16) -> Option<Vec<u8>> {
        None
    }

    /// Begins to follow `partition`, from `bookmark` where it still fits and from the beginning where it does not.
    /// Without this a partition is followed from the beginning once it is claimed.
    ///
    /// # Errors
    /// As [`ReadLog::end`].
    fn resume(&self, partition: u16, _bookmark: Option<&[u8]>) -> Result<(), ReadError> {
        self.end(partition).map(drop)
    }

    /// Why no commit is taken now, in any partition, as far as that is known here without asking anybody. MUST be known before
    /// the first writer is refused for it.
    fn refuses(&self) -> Option<AppendError> {
        None
    }

    /// This log, for readers.
    fn as_read(self: Arc<Self>) -> Arc<dyn ReadLog>;
}

/// Who claims.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claimant {
    /// The node's name.
    pub node: String,
    /// Where it answers.
    pub url: String,
}

/// A claim that has been read back.
pub struct Claimed {
    /// Appends.
    pub writer: Box<dyn Writer>,
    /// The claim as head.
    pub head: Head,
}

/// The writer of one partition under one claim.
pub trait Writer: Send {
    /// Hands over the stored bytes of record `number`, which MUST be the one after the last that was handed over. What
    /// becomes of it is told to the claim's listener. MUST NOT block.
    ///
    /// # Errors
    /// Only for what is certain before the hand-over: `TooLarge`, `Unavailable`, `NoSpace`, or an end that was told
    /// already. After the first three the writer goes on: nothing was handed over, and `number` is still the next.
    fn append(&mut self, number: u64, stored: Vec<u8>) -> Result<(), AppendError>;

    /// Asks for proof that no other writer has succeeded this one since now. Answered by `Progress::Owned(ticket)` or
    /// `Ended`, possibly before this returns. A writer that has ended is told its end again.
    fn prove(&mut self, ticket: u64);
}
