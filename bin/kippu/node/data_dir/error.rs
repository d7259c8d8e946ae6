//! Why a data directory cannot be used.

use std::path::PathBuf;

use kippu_events::log::lock::LockError;

use crate::node::rights::{Owned, us};

/// See the module.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    /// The file system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A history is on its way there.
    #[error("{} holds a copy of a history that has not ended; go on with it first", dir.display())]
    Copying {
        /// The directory.
        dir: PathBuf,
    },
    /// The stores below this program would go to another path.
    #[error("{} is no path in UTF-8, which the stores need: name another", .0.display())]
    NotUtf8(PathBuf),
    /// There is something else.
    #[error("{} is no directory", .0.display())]
    NoDirectory(PathBuf),
    /// A link to nothing.
    #[error("{} is a link to {}, which is not there: make that directory first", link.display(), to.display())]
    Dangling {
        /// The link.
        link: PathBuf,
        /// Where it leads.
        to: PathBuf,
    },
    /// It is somebody else's, who may exchange what lies there.
    #[error(
        "{0}, which runs kippu: whoever may write there may exchange history and keys; name a directory below it that is made \
         for kippu alone, as {below}, or give this one to that user (chown)",
        below = .0.path.join("kippu").display()
    )]
    NotOurs(Owned),
    /// A part of it is somebody else's, as after a restore by another user.
    #[error(
        "{0}, which runs kippu and may not read and write it: give all of the data directory to that user (`chown -R {user}`)",
        user = us()
    )]
    LockedOut(Owned),
    /// The way there leads through a directory that this process may not enter, or not make anything in.
    #[error("{0}, which runs kippu and may not go on there: let that user in, or name another directory")]
    Shut(Owned),
    /// It holds something else.
    #[error("{} is not empty and no data directory: it holds {other:?}", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// A name in it.
        other: String,
    },
    /// Another process runs on it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// `kippu.json` is not as this version writes it.
    #[error("{}: {reason}", path.display())]
    Label {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}
