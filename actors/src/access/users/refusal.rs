//! Why a command to a user is refused.

use kippu_events::EntityId;
use kippu_events::money::Minor;

refusals! {
    shared NOT_FOUND {
        /// Nobody is registered under this id.
        Unknown "there is no user with this id";
    }
    shared ALREADY_EXISTS {
        /// The login is taken in its realm.
        Exists(EntityId) "a user with this login is registered already: {0}";
    }
    own LIMIT_SOURCE = 409 "limit-source" "This user's limit does not change that way" "Change the limit of a user whose limit is `fixed`; credit a user whose limit is `prepaid` or `points`." {
        /// It is not the operator's word that sets the limit.
        LimitNotFixed "the limit of this user is not fixed: it grows by what is credited";
        /// It is the operator's word that sets the limit.
        LimitFixed "the limit of this user is fixed";
    }
    own LIMIT_BELOW_USE = 409 "limit-below-use" "More than that is reserved or charged already" "Set the limit to what the detail names at least; nothing further is then approved. Revoke approvals to go lower." {
        /// More than the new limit is spent or held.
        LimitBelowUse { /** How much. */ used: Minor } "{used} minor units of the limit are reserved or charged";
    }
    own LIMIT_TOO_LARGE = 409 "limit-too-large" "The limit would be too large" "Credit less." {
        /// More than an amount can be.
        LimitTooLarge "the limit would be more than {} minor units", Minor::MOST;
    }
}
