//! Why a command of the terminal came to nothing.

use std::io;
use std::path::{Path, PathBuf};

use kippu_client::{Problem, RootsError, Unanswered};

use super::parties::Who;
use crate::exit::Exit;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file or directory.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the directory holds something else.
    #[error("{} cannot be read: {source}", path.display())]
    NotOurs {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// What was asked for cannot be.
    #[error("{0}")]
    Usage(String),
    /// Somebody else is at it.
    #[error("another process goes on with purchase {0} now")]
    Busy(String),
    /// The user said no, or nobody was there to ask.
    #[error("not confirmed: nothing was bought")]
    NotConfirmed,
    /// A party said no.
    #[error("{who} says no: {problem}")]
    Refused {
        /// Which party.
        who: Who,
        /// Why.
        problem: Problem,
    },
    /// It came to nothing, for ever.
    #[error("purchase {id} came to nothing: {who} says {reason}; nothing is charged")]
    Over {
        /// Which purchase.
        id: String,
        /// Because of whom.
        who: String,
        /// Why.
        reason: String,
    },
    /// No answer.
    #[error("{who}: {source}; give the same command again")]
    Unanswered {
        /// Which party.
        who: Who,
        /// Why.
        source: Unanswered,
    },
    /// An answer that is none.
    #[error("{who}: {told}")]
    NotUnderstood {
        /// Which party.
        who: Who,
        /// What was answered.
        told: String,
    },
    /// It goes on without this process.
    #[error("{0}; give the same command again")]
    UnderWay(String),
    /// Somebody's address.
    #[error(transparent)]
    Address(kippu_client::Error),
    /// The file with authorities.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// No randomness.
    #[error("no randomness to be had for keys")]
    Entropy,
}

impl Error {
    /// How the command ends.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Refused { .. } | Self::Over { .. } | Self::NotConfirmed => Exit::Found,
            Self::Usage(_) | Self::Address(_) => Exit::Usage,
            Self::Io { .. }
            | Self::NotOurs { .. }
            | Self::Busy(_)
            | Self::Unanswered { .. }
            | Self::NotUnderstood { .. }
            | Self::UnderWay(_)
            | Self::Roots(_)
            | Self::Entropy => Exit::CouldNotRun,
        }
    }

    /// An error of the file or directory at `path`.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |source| Self::Io { path, source }
    }
}
