//! Why a command to an approval is refused. Where a refusal is on record, the reason in its event becomes one of these.

use kippu_events::approvals::{RedeemRefusal, RequestRefusal};

use super::request::{MOST_DESCRIPTION_CHARS, MOST_EXPIRES_IN_SECS};

refusals! {
    shared NOT_FOUND {
        /// This id opened nothing.
        Unknown "there is no approval with this id";
    }
    shared ALREADY_EXISTS {
        /// This id was asked for already.
        Exists "the approval was asked for before";
    }
    shared FORBIDDEN {
        /// The caller is no API client that could be bound.
        NotAClient "only an API client can ask for an approval, redeem it or settle it";
    }
    shared INVALID_BODY {
        /// Both ways to identify a user at once.
        IdentificationStored "this terminal stores its user's identification, so the body must not hold another";
        /// Neither way to identify a user.
        IdentificationMissing "this terminal stores no identification, so the body must hold one";
        /// The approval would not expire, or be over already.
        Expiry "expires_in_secs is 1 to {}", MOST_EXPIRES_IN_SECS;
        /// What is bought is described at length.
        Description "the description of a purchase has 1 to {} characters without control characters", MOST_DESCRIPTION_CHARS;
    }
    shared NOT_DUE {
        /// The deadline came when there was nothing to expire.
        NotDue "the approval is not to expire now";
    }
    shared INTERNAL {
        /// The user whose limit it reserves is not there: a defect.
        UserMissing "the user of this approval is not there";
    }
    shared NOT_IDENTIFIED {
        /// The identification did not hold.
        NotIdentified "the user was not identified";
    }
    own LIMIT_EXCEEDED = 409 "limit-exceeded" "The user's limit is exceeded" "Ask for less, or wait until a reservation ends or the limit grows. The refusal is on record." {
        /// Reserved, charged and asked for together exceed the limit.
        LimitExceeded "the amount is more than what is left of the limit";
    }
    own CURRENCY_MISMATCH = 409 "currency-mismatch" "The currency is another" "Use the currency of the user's limit, and of the approval in its settlement." {
        /// The limit, or the approval, is in another currency.
        CurrencyMismatch "the amount is in another currency";
    }
    own PIN_LOCKED = 403 "pin-locked" "Too many wrong PINs" "Try again after 15 minutes; until then the right PIN is not accepted either." {
        /// Too many wrong PINs.
        PinLocked "too many wrong PINs were given";
    }
    own TOKEN_NOT_VALID = 404 "token-not-valid" "The token is not valid" "Present the token exactly as the approval's answer named it." {
        /// Not a token of a redeemable approval, for whatever reason.
        TokenNotValid "the token is not valid";
    }
    own ALREADY_REDEEMED = 409 "already-redeemed" "The approval was redeemed before" "A token admits once. Do not deliver on it; a retry of the redemption that succeeded uses its own key." {
        /// Its token was used.
        AlreadyRedeemed "the approval was redeemed before";
    }
    own APPROVAL_EXPIRED = 409 "approval-expired" "The approval's time is over" "Have the terminal ask for another approval." {
        /// Its time is over.
        Expired "the time of the approval is over";
    }
    own APPROVAL_REVOKED = 409 "approval-revoked" "The approval was revoked" "Do not deliver on it; have the terminal ask for another approval." {
        /// It was taken back.
        Revoked "the approval was revoked";
    }
    own NOT_YOUR_APPROVAL = 403 "not-your-approval" "This approval is not yours" "Only the settler that redeemed an approval settles it; only who asked for it, who redeemed it, or an operator revokes it." {
        /// Not the client that this approval is bound to, or no such approval.
        NotYours "no approval with this id is this client's";
    }
    own AMOUNT_EXCEEDS_APPROVAL = 409 "amount-exceeds-approval" "More than was approved" "Settle at most the approved amount." {
        /// More than was approved.
        AmountExceedsApproval "the amount is more than was approved";
    }
    own ALREADY_SETTLED = 409 "already-settled" "The approval was settled before" "Nothing needs to be done; a retry of the settlement uses its own key." {
        /// It was paid.
        AlreadySettled "the approval was settled before";
    }
    own NEVER_ISSUED = 409 "approval-never-issued" "The approval was never given" "Nothing needs to be done: nothing is reserved." {
        /// It was never given, so nothing can be taken back.
        NeverIssued "the approval was refused when it was asked for";
    }
}

impl From<RequestRefusal> for Refused {
    fn from(reason: RequestRefusal) -> Self {
        match reason {
            RequestRefusal::LimitExceeded => Self::LimitExceeded,
            RequestRefusal::CurrencyMismatch => Self::CurrencyMismatch,
            RequestRefusal::NotIdentified => Self::NotIdentified,
            RequestRefusal::PinLocked => Self::PinLocked,
        }
    }
}

impl From<RedeemRefusal> for Refused {
    fn from(reason: RedeemRefusal) -> Self {
        match reason {
            RedeemRefusal::AlreadyRedeemed => Self::AlreadyRedeemed,
            RedeemRefusal::Expired => Self::Expired,
            RedeemRefusal::Revoked => Self::Revoked,
        }
    }
}
