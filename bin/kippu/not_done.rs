//! Why what one node was to do, a running or a stopped one, was not done.

use kippu_actors::Problem;
use kippu_client::Error;

use crate::exit::Exit;
use crate::node::NodeError;
use crate::remote::RemoteError;
use crate::which::Unnamed;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    #[error(transparent)]
    Unnamed(#[from] Unnamed),
    /// What was given on the command line makes no sense.
    #[error("{0}")]
    Argument(String),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Call(#[from] Error),
    /// The stopped node said no.
    #[error("{0}")]
    Refused(#[from] Problem),
}

impl NotDone {
    /// How the program ends.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            // The node ran and said no.
            Self::Refused(_) | Self::Call(Error::Problem(_)) => Exit::Found,
            Self::Unnamed(_) | Self::Argument(_) => Exit::Usage,
            Self::Node(_) | Self::Remote(_) | Self::Call(_) => Exit::CouldNotRun,
        }
    }
}
