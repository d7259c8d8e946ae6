//! Why a query has no answer, and how HTTP says so.

use kippu_events::log::Cut;
use kippu_events::problem::ProblemType;
use kippu_events::problem_types;

use crate::view_store::StoreError;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No view of this name. Ask for one that the documentation names.
    #[error("there is no view {0:?}")]
    NoView(String),
    /// Nothing under this key, or nothing that this caller may see.
    #[error("there is nothing here under this key")]
    NotFound,
    /// Nobody has said who asks.
    #[error("this needs an API key, a session, a signature or a capability")]
    Unauthenticated,
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
    Encrypted(#[from] NotOpened),
    /// The access log does not take who is shown whose personal fields. Ask again, or without.
    #[error("personal fields are shown only once that is on record: {0}")]
    NotOnRecord(String),
    /// The store of views does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store of views holds what no view wrote.
    #[error(transparent)]
    Row(#[from] NotARow),
    /// Too many queries of this caller wait.
    #[error("too many of your queries are under way")]
    Overloaded,
    /// Too many feeds are open.
    #[error("too many feeds are open here")]
    TooManyFeeds,
    /// The runner has ended.
    #[error("views are not kept up to date any more")]
    Stopped,
}

/// Bytes in the store that are no row of their view.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store holds bytes that are no row: {0}")]
pub struct NotARow(pub String);

/// A person's key is not to be had now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a personal field cannot be opened now: {0}")]
pub struct NotOpened(pub String);

problem_types! {
    /// The types of problems that queries answer with. The first ones are those of commands too.
    KINDS:
    NOT_FOUND = 404 "not-found" "There is no such thing" "Check the path and the id.";
    UNAUTHENTICATED = 401 "unauthenticated" "No valid API key" "Send `Authorization: Bearer` with a key of this service that has not been revoked.";
    FORBIDDEN = 403 "forbidden" "This key may not do that" "Use a key whose role the documentation of this operation names.";
    INVALID_REQUEST = 400 "invalid-request" "The request is malformed" "Correct the header or parameter that the detail names.";
    INTERNAL = 500 "internal" "Something went wrong here" "Tell the operator the request id.";
    BEHIND = 503 "not-yet-reflected" "The answer would be older than you asked for" "Ask again after `Retry-After`, or without `Kippu-Min-Position`.";
    FILLING = 503 "view-filling" "The view is being filled" "Ask again after `Retry-After`.";
    STALLED = 503 "view-stalled" "The view does not go on" "Tell the operator: the view halts at a record that it cannot take.";
    OTHER_HISTORY = 409 "other-history" "The position is of another history" "Drop the positions that you hold: the service goes on from another history.";
    NO_AS_OF = 400 "as-of-unsupported" "This cannot be answered as of then" "Ask for one entity as of a position of its own partition or a time; for everything else use `kippu replay`.";
    UNAVAILABLE = 503 "queries-unavailable" "Queries are not answered now" "Ask again after `Retry-After`.";
}

impl QueryError {
    /// A parameter, header or key is malformed.
    #[must_use]
    pub fn parameter(name: &str, reason: &str) -> Self {
        Self::Parameter { name: name.to_owned(), reason: reason.to_owned() }
    }

    /// The documented type.
    #[must_use]
    pub fn kind(&self) -> &'static ProblemType {
        match self {
            Self::NoView(_) | Self::NotFound => &NOT_FOUND,
            Self::Unauthenticated => &UNAUTHENTICATED,
            Self::Forbidden(_) => &FORBIDDEN,
            Self::Parameter { .. } => &INVALID_REQUEST,
            Self::Behind { .. } => &BEHIND,
            Self::Filling(_) => &FILLING,
            Self::Stalled { .. } => &STALLED,
            Self::OtherHistory(_) => &OTHER_HISTORY,
            Self::NoAsOf(_) => &NO_AS_OF,
            Self::Store(_) | Self::Row(_) => &INTERNAL,
            Self::Log(_)
            | Self::Encrypted(_)
            | Self::NotOnRecord(_)
            | Self::Overloaded
            | Self::TooManyFeeds
            | Self::Stopped => &UNAVAILABLE,
        }
    }
}
