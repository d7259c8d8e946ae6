//! Persons' keys where several nodes serve one history: a sequence of entries that is the same for everybody. The first key of a person counts, whoever made it; a forgotten person has none, for ever.
//!
//! ```text
//!  0: ann k   1: bob k   2: ann k'   3: bob –   4: bob k"        ann has k, bob has none
//!  └─ read: in the copy ─┘└─ read before anybody is said to have no key
//! ```
//!
//! So two nodes that make a key for one person at once end with one key: each appends its own, reads up to there, and
//! takes what came first.

use std::path::PathBuf;

use crate::EntityId;

/// An entry: a person's key, wrapped, or that the person is forgotten.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedKey {
    /// Whose.
    pub person: EntityId,
    /// The wrapped key. Empty where the person is forgotten.
    pub wrapped: Vec<u8>,
}

/// Why shared keys were not read or not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SharedError {
    /// Not to be reached. Perhaps written, if it was to be written. Try again.
    #[error("persons' keys cannot be reached now: {0}")]
    Unavailable(String),
    /// They are not as this code writes them, or some are gone. An operator has to look.
    #[error("persons' keys, {place}: {reason}")]
    Damaged {
        /// Where.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The local copy does not work. Deleted, it comes back.
    #[error("the copy of persons' keys in {path}: {reason}")]
    Copy {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Entries that every node of a history reads in the same order and that every node may append to. All calls block.
pub trait SharedKeys: Send + Sync {
    /// What an operator knows them by.
    fn name(&self) -> &str;

    /// How many entries there are. MUST count every entry whose [`append`](Self::append) had returned to whichever
    /// node before this was called.
    ///
    /// # Errors
    /// [`SharedError`].
    fn end(&self) -> Result<u64, SharedError>;

    /// Entries from number `from` on, without a gap and before `end`, which MUST have been told by
    /// [`end`](Self::end): at least one where `from` lies before it.
    ///
    /// # Errors
    /// [`SharedError`]; `Damaged` where the entry `from` is none of this history's.
    fn read(&self, from: u64, end: u64) -> Result<Vec<SharedKey>, SharedError>;

    /// Appends an entry, which is durable when this returns.
    ///
    /// # Errors
    /// [`SharedError`]. It may come to be there all the same.
    fn append(&self, entry: &SharedKey) -> Result<(), SharedError>;
}

#[cfg(test)]
pub(super) mod tests;
