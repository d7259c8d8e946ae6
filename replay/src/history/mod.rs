//! What a history tells of the past: what was true at a moment, why, and what has changed since. Everything is folded from
//! records that count; an index that a node keeps only saves the way through the log.

mod diff;
mod entity;
mod fields;
mod happened;
mod moment;
mod personal;
mod read;
mod rows;
mod state;
#[cfg(test)]
mod tests;
mod up_to;
mod why;

use kippu_events::EntityKey;
use kippu_events::event::EventId;
use kippu_events::log::{Position, ReadLog};
use kippu_events::secrets::{Secrets, SecretsError};
use kippu_projections::past::NotFolded;
use kippu_projections::stored::StoredViews;
use kippu_projections::{NotARow, QueryError, StoreError};

pub use diff::{Between, Changed, Sides, diff};
pub use fields::{Change, changes};
pub use happened::{Happened, history};
pub use moment::{Ends, Until, ends};
pub use read::{Told, Unreadable, read};
pub use rows::{
    ChangedRow, Folding, PastRows, Rebuilt, RowAt, RowDifference, diff_rows, rebuild, row_as_of, rows_as_of,
};
pub(crate) use state::fold;
pub use state::{State, as_of};
pub use up_to::UpTo;
pub use why::{Node, Why, why};

/// A history, and how it is read.
#[derive(Clone, Copy)]
pub struct Past<'a> {
    /// The history.
    pub log: &'a dyn ReadLog,
    /// Whether an entry's offset is its record's number.
    pub embedded: bool,
    /// Where a node has noted where each event lies.
    pub views: Option<&'a StoredViews>,
    /// Opens personal fields, which are told as they lie in the history without it.
    pub secrets: Option<&'a Secrets>,
}

/// Why the past is not told.
#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    /// A partition cannot be read on.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Nothing ever happened to it.
    #[error("nothing is known of {0}: it has no event")]
    NoEntity(EntityKey),
    /// Nothing had happened to it by then.
    #[error("{0} was not there yet: it has no event up to {1}")]
    NotYet(EntityKey, String),
    /// Nothing had happened at all by then.
    #[error("the history has no event up to {0}")]
    BeforeAll(String),
    /// The position says nothing of another partition than its own.
    #[error("{position} is a position in partition {}, and this is about partition {partition}", position.partition)]
    OtherPartition {
        /// The position.
        position: Position,
        /// What it was to be about.
        partition: u16,
    },
    /// The position says nothing of more than its own partition.
    #[error("{0} is a position in one partition, and this is about all of them: name a time or a cut")]
    OnePartition(Position),
    /// The record at this position has another hash.
    #[error("{0} is not a position of this history: its record has another hash")]
    OtherHistory(Position),
    /// The record has not been written.
    #[error("partition {partition} has no record {number}: it ends with record {last}")]
    Ahead {
        /// The partition.
        partition: u16,
        /// Asked for.
        number: u64,
        /// The last there is.
        last: u64,
    },
    /// Not as many numbers as there are partitions.
    #[error("a cut has {partitions} numbers here, not {found}")]
    Cut {
        /// So many partitions there are.
        partitions: u16,
        /// So many numbers were given.
        found: usize,
    },
    /// What was to come first comes last.
    #[error("{0} is not before {1}")]
    Backwards(String, String),
    /// An event cannot be folded into a state.
    #[error("event {event}: {reason}")]
    Event {
        /// The event.
        event: EventId,
        /// Why.
        reason: String,
        /// Whether a later version of kippu reads it.
        newer: bool,
    },
    /// The state never had it.
    #[error("{entity} has no {field}: name one of {known}, or a JSON pointer")]
    NoField {
        /// Of what.
        entity: EntityKey,
        /// As given.
        field: String,
        /// What there is.
        known: String,
    },
    /// The name fits more than one.
    #[error("{field} is the name of several: name one of {known}")]
    Fields {
        /// As given.
        field: String,
        /// What it may mean.
        known: String,
    },
    /// There is no such row.
    #[error("the view {view} has no row {key}")]
    NoRow {
        /// The view.
        view: String,
        /// As given.
        key: String,
    },
    /// The view shows no rows.
    #[error("the view {0} has no rows to show")]
    NoTable(&'static str),
    /// No rows of this view are kept, or not by this version.
    #[error("{0}")]
    NotKept(String),
    /// A personal field cannot be opened.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// A view cannot be folded.
    #[error(transparent)]
    View(#[from] NotFolded),
    /// A store of views does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It holds what no view wrote.
    #[error(transparent)]
    Row(#[from] NotARow),
    /// A row cannot be shown.
    #[error(transparent)]
    Shown(#[from] QueryError),
}
