//! Why a command to a user is refused.

use kippu_events::EntityId;
use kippu_events::money::{Currency, Minor};

use super::request::MOST_POINTS_RATE_BP;

refusals! {
    shared NOT_FOUND {
        /// Nobody is registered under this id.
        Unknown "there is no user with this id";
    }
    shared ALREADY_EXISTS {
        /// The login is taken in its realm.
        Exists(EntityId) "a user with this login is registered already: {0}";
    }
    shared INVALID_BODY {
        /// A policy that asks nobody, or a number that nobody is asked about.
        Reference "a reference is given where the policy is `reference` or `both`, and nowhere else";
        /// A limit that nobody would tell.
        Solvency "a limit by solvency needs a policy that asks a reference";
        /// Points that are no limit, or too many.
        PointsRate "points_rate_bp is 0 to {}, and 0 where the limit is not `points`", MOST_POINTS_RATE_BP;
        /// Nothing is no charge.
        NothingCharged "amount is 1 or more";
    }
    shared NOT_DUE {
        /// The deadline came before the period ended.
        NotDue "no period begins now";
    }
    own ALREADY_SUSPENDED = 409 "already-suspended" "The subscription is suspended already" "Nothing needs to be done." {
        /// Nothing is approved already.
        AlreadySuspended "the subscription is suspended already";
    }
    own USER_FORGOTTEN = 409 "user-forgotten" "The person was forgotten" "Nothing needs to be done: there is no way back." {
        /// For ever.
        Forgotten "the person was forgotten, and the subscription ended with that";
    }
    own NOT_SUSPENDED = 409 "not-suspended" "The subscription is not suspended" "Nothing needs to be done." {
        /// It goes on already.
        NotSuspended "the subscription is not suspended";
    }
    own LIMIT_SOURCE = 409 "limit-source" "This user's limit does not change that way" "Change the limit of a user whose limit is `fixed`; credit a user whose limit is `prepaid` or `points`." {
        /// It is not the operator's word that sets the limit.
        LimitNotFixed "the limit of this user is not fixed: it grows by what is credited";
        /// It is the operator's word that sets the limit.
        LimitFixed "the limit of this user is fixed";
        /// It is a reference's word that sets the limit.
        LimitBySolvency "the limit of this user is what the financial reference tells";
    }
    own LIMIT_BELOW_USE = 409 "limit-below-use" "More than that is reserved or charged already" "Set the limit to what the detail names at least; nothing further is then approved. Revoke approvals to go lower." {
        /// More than the new limit is spent or held.
        LimitBelowUse { /** How much. */ used: Minor } "{used} minor units of the limit are reserved or charged";
    }
    own CHARGE_CURRENCY = 409 "charge-currency" "The user's currency is another" "Charge in the currency that the detail names." {
        /// Nothing is converted.
        OtherCurrency { /** The user's. */ own: Currency } "charges of this user are in {own}";
    }
    own LIMIT_TOO_LARGE = 409 "limit-too-large" "The limit would be too large" "Credit less." {
        /// More than an amount can be.
        LimitTooLarge "the limit would be more than {} minor units", Minor::MOST;
    }
}
