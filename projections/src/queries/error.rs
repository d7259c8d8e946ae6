//! Why a query has no answer, and how HTTP says so.

use kippu_events::log::Cut;

use crate::store::StoreError;
use crate::view::{NotARow, NotOpened};

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No view of this name. Ask for one that the documentation names.
    #[error("there is no view {0:?}")]
    NoView(String),
    /// Nothing under this key, or nothing that this caller may see.
    #[error("there is nothing here under this key")]
    NotFound,
    /// This caller may not ask that.
    #[error("{0}")]
    Forbidden(&'static str),
    /// A parameter, header or key is malformed.
    #[error("{name}: {reason}")]
    Parameter {
        /// Which.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What was asked for is not reflected yet. Ask again.
    #[error("{asked} is not reflected yet, only the cut {cut}")]
    Behind {
        /// The position or cut that was asked for.
        asked: String,
        /// What is reflected.
        cut: Cut,
    },
    /// The view is being filled from the log. Ask again.
    #[error("the view is being filled, up to the cut {0} so far")]
    Filling(Cut),
    /// The partition that was asked for does not go on. An operator has to look.
    #[error("views halt in partition {partition} at offset {offset}: {reason}")]
    Stalled {
        /// The partition.
        partition: u16,
        /// The entry that cannot be taken.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The position was given out by another history than this: another log, or one before a restore.
    #[error("{0} is not a position of this history")]
    OtherHistory(String),
    /// This question has no answer as of then.
    #[error("{0}")]
    NoAsOf(&'static str),
    /// The log did not give the records. Ask again.
    #[error("the log cannot be read: {0}")]
    Log(String),
    /// A personal field cannot be opened now. Ask again, or without.
    #[error(transparent)]
    Sealed(#[from] NotOpened),
    /// The store of views does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store of views holds what no view wrote.
    #[error(transparent)]
    Row(#[from] NotARow),
    /// The runner has ended.
    #[error("views are not kept up to date any more")]
    Stopped,
}

/// A documented kind of problem, as RFC 9457 has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable: clients match on it.
    pub slug: &'static str,
    /// HTTP status.
    pub status: u16,
    /// The same for every occurrence.
    pub title: &'static str,
    /// What a client should do.
    pub advice: &'static str,
    /// Whether the same request may succeed soon.
    pub retry: bool,
}

macro_rules! kinds {
    ($($name:ident = $status:literal $slug:literal $title:literal $advice:literal $retry:literal;)*) => {
        $(static $name: Kind = Kind { slug: $slug, status: $status, title: $title, advice: $advice, retry: $retry };)*
        /// Every kind that queries answer with. The first ones are those of commands too.
        pub static KINDS: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    NOT_FOUND = 404 "not-found" "There is no such thing" "Check the path and the id." false;
    FORBIDDEN = 403 "forbidden" "This key may not do that" "Use a key whose role the documentation of this operation names." false;
    INVALID_REQUEST = 400 "invalid-request" "The request is malformed" "Correct the header or parameter that the detail names." false;
    INTERNAL = 500 "internal" "Something went wrong here" "Tell the operator the request id." false;
    BEHIND = 503 "not-yet-reflected" "The answer would be older than you asked for" "Ask again after `Retry-After`, or without `Kippu-Min-Position`." true;
    FILLING = 503 "view-filling" "The view is being filled" "Ask again after `Retry-After`." true;
    STALLED = 503 "view-stalled" "The view does not go on" "Tell the operator: the view halts at a record that it cannot take." true;
    OTHER_HISTORY = 409 "other-history" "The position is of another history" "Drop the positions that you hold: the service goes on from another history." false;
    NO_AS_OF = 400 "as-of-unsupported" "This cannot be answered as of then" "Ask for one entity as of a position of its own partition or a time; for everything else use `kippu replay`." false;
    UNAVAILABLE = 503 "queries-unavailable" "Queries are not answered now" "Ask again after `Retry-After`." true;
}

impl QueryError {
    /// A parameter, header or key is malformed.
    #[must_use]
    pub fn parameter(name: &str, reason: &str) -> Self {
        Self::Parameter { name: name.to_owned(), reason: reason.to_owned() }
    }

    /// The documented kind.
    #[must_use]
    pub fn kind(&self) -> &'static Kind {
        match self {
            Self::NoView(_) | Self::NotFound => &NOT_FOUND,
            Self::Forbidden(_) => &FORBIDDEN,
            Self::Parameter { .. } => &INVALID_REQUEST,
            Self::Behind { .. } => &BEHIND,
            Self::Filling(_) => &FILLING,
            Self::Stalled { .. } => &STALLED,
            Self::OtherHistory(_) => &OTHER_HISTORY,
            Self::NoAsOf(_) => &NO_AS_OF,
            Self::Store(_) | Self::Row(_) => &INTERNAL,
            Self::Log(_) | Self::Sealed(_) | Self::Stopped => &UNAVAILABLE,
        }
    }
}
