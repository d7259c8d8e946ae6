//! Why a command to a client is refused.

use kippu_events::problem_types;

use crate::problem::{self, ProblemType, Refusal};

/// The rule that said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// This id opened nothing.
    #[error("there is no client with this id")]
    Unknown,
    /// This id opened one already.
    #[error("the client was opened before")]
    Exists,
    /// A user for a client that asks for no approvals.
    #[error("only a terminal stores the identification of a user")]
    OnlyTerminals,
    /// Nobody is registered under the user's id.
    #[error("no user is registered under this id")]
    NoSuchUser,
    /// Its key is over for ever.
    #[error("the client was revoked")]
    Revoked,
    /// The numbers of its keys are used up.
    #[error("the client has had every key that it can have")]
    OutOfKeys,
}

problem_types! {
    /// The types of problems that only clients have.
    TYPES:
    /// A user for a client that asks for no approvals.
    ONLY_TERMINALS = 422 "user-needs-terminal" "Only a terminal stores a user's identification" "Leave `user` out, or open a client with the role `terminal`.";
    /// Nobody is registered under the id.
    NO_SUCH_USER = 422 "unknown-user" "No user is registered under this id" "Register the user first, and send the `id` that the answer names.";
    /// Its key is over for ever.
    REVOKED = 409 "client-revoked" "The client was revoked" "Open another client; a revoked one stays revoked.";
    /// The numbers of its keys are used up.
    OUT_OF_KEYS = 409 "client-out-of-keys" "The client can have no further key" "Open another client, and revoke this one.";
}

impl Refusal for Refused {
    fn kind(&self) -> &'static ProblemType {
        match self {
            Self::Unknown => &problem::NOT_FOUND,
            Self::Exists => &problem::ALREADY_EXISTS,
            Self::OnlyTerminals => &ONLY_TERMINALS,
            Self::NoSuchUser => &NO_SUCH_USER,
            Self::Revoked => &REVOKED,
            Self::OutOfKeys => &OUT_OF_KEYS,
        }
    }
}
