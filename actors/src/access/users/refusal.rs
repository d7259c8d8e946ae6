//! Why a command to a user is refused.

use kippu_events::money::Minor;
use kippu_events::{EntityId, problem_types};

use crate::problem::{self, ProblemType, Refusal};

/// The rule that said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody is registered under this id.
    #[error("there is no user with this id")]
    Unknown,
    /// The login is taken in its realm.
    #[error("a user with this login is registered already: {0}")]
    Exists(EntityId),
    /// It is not the operator's word that sets the limit.
    #[error("the limit of this user is not fixed: it grows by what is credited")]
    LimitNotFixed,
    /// It is the operator's word that sets the limit.
    #[error("the limit of this user is fixed")]
    LimitFixed,
    /// More than the new limit is spent or held.
    #[error("{used} minor units of the limit are reserved or charged")]
    LimitBelowUse {
        /// How much.
        used: Minor,
    },
    /// More than an amount can be.
    #[error("the limit would be more than {} minor units", Minor::MOST)]
    LimitTooLarge,
}

problem_types! {
    /// The types of problems that only users have.
    TYPES:
    /// The limit comes from another source.
    LIMIT_SOURCE = 409 "limit-source" "This user's limit does not change that way" "Change the limit of a user whose limit is `fixed`; credit a user whose limit is `prepaid` or `points`.";
    /// More than the new limit is spent or held.
    LIMIT_BELOW_USE = 409 "limit-below-use" "More than that is reserved or charged already" "Set the limit to what the detail names at least; nothing further is then approved. Revoke approvals to go lower.";
    /// More than an amount can be.
    LIMIT_TOO_LARGE = 409 "limit-too-large" "The limit would be too large" "Credit less.";
}

impl Refusal for Refused {
    fn kind(&self) -> &'static ProblemType {
        match self {
            Self::Unknown => &problem::NOT_FOUND,
            Self::Exists(_) => &problem::ALREADY_EXISTS,
            Self::LimitNotFixed | Self::LimitFixed => &LIMIT_SOURCE,
            Self::LimitBelowUse { .. } => &LIMIT_BELOW_USE,
            Self::LimitTooLarge => &LIMIT_TOO_LARGE,
        }
    }
}
