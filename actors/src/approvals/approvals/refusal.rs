//! Why a command to an approval is refused. Where a refusal is on record, the reason in its event becomes one of these.

use kippu_events::approvals::{RedeemRefusal, RequestRefusal};
use kippu_events::problem_types;

use crate::problem::{self, ProblemType, Refusal};

/// The rule that said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// This id opened nothing.
    #[error("there is no approval with this id")]
    Unknown,
    /// This id was asked for already.
    #[error("the approval was asked for before")]
    Exists,
    /// The caller is no API client that could be bound.
    #[error("only an API client can ask for an approval, redeem it or settle it")]
    NotAClient,
    /// Both ways to identify a user at once.
    #[error("this terminal stores its user's identification, so the body must not hold another")]
    IdentificationStored,
    /// Neither way to identify a user.
    #[error("this terminal stores no identification, so the body must hold one")]
    IdentificationMissing,
    /// The approval would not expire, or be over already.
    #[error("expires_in_secs is 1 to {}", super::request::MOST_EXPIRES_IN_SECS)]
    Expiry,
    /// What is bought is described at length.
    #[error(
        "the description of a purchase has 1 to {} characters without control characters",
        super::request::MOST_DESCRIPTION_CHARS
    )]
    Description,
    /// Reserved, charged and asked for together exceed the limit.
    #[error("the amount is more than what is left of the limit")]
    LimitExceeded,
    /// The limit, or the approval, is in another currency.
    #[error("the amount is in another currency")]
    CurrencyMismatch,
    /// The identification did not hold.
    #[error("the user was not identified")]
    NotIdentified,
    /// Too many wrong PINs.
    #[error("too many wrong PINs were given")]
    PinLocked,
    /// Not a token of a redeemable approval, for whatever reason.
    #[error("the token is not valid")]
    TokenNotValid,
    /// Its token was used.
    #[error("the approval was redeemed before")]
    AlreadyRedeemed,
    /// Its time is over.
    #[error("the time of the approval is over")]
    Expired,
    /// It was taken back.
    #[error("the approval was revoked")]
    Revoked,
    /// Not the client that this approval is bound to, or no such approval.
    #[error("no approval with this id is this client's")]
    NotYours,
    /// More than was approved.
    #[error("the amount is more than was approved")]
    AmountExceedsApproval,
    /// It was paid.
    #[error("the approval was settled before")]
    AlreadySettled,
    /// It was never given, so nothing can be taken back.
    #[error("the approval was refused when it was asked for")]
    NeverIssued,
    /// The deadline came when there was nothing to expire.
    #[error("the approval is not to expire now")]
    NotDue,
    /// The user whose limit it reserves is not there: a defect.
    #[error("the user of this approval is not there")]
    UserMissing,
}

problem_types! {
    /// The types of problems that only approvals have.
    TYPES:
    /// See [`Refused::LimitExceeded`].
    LIMIT_EXCEEDED = 409 "limit-exceeded" "The user's limit is exceeded" "Ask for less, or wait until a reservation ends or the limit grows. The refusal is on record.";
    /// See [`Refused::CurrencyMismatch`].
    CURRENCY_MISMATCH = 409 "currency-mismatch" "The currency is another" "Use the currency of the user's limit, and of the approval in its settlement.";
    /// See [`Refused::NotIdentified`].
    NOT_IDENTIFIED = 403 "not-identified" "The user was not identified" "Ask the user for login and PIN again. The answer is the same for an unknown login and for a wrong PIN.";
    /// See [`Refused::PinLocked`].
    PIN_LOCKED = 403 "pin-locked" "Too many wrong PINs" "Try again after 15 minutes; until then the right PIN is not accepted either.";
    /// See [`Refused::TokenNotValid`].
    TOKEN_NOT_VALID = 404 "token-not-valid" "The token is not valid" "Present the token exactly as the approval's answer named it.";
    /// See [`Refused::AlreadyRedeemed`].
    ALREADY_REDEEMED = 409 "already-redeemed" "The approval was redeemed before" "A token admits once. Do not deliver on it; a retry of the redemption that succeeded uses its own key.";
    /// See [`Refused::Expired`].
    APPROVAL_EXPIRED = 409 "approval-expired" "The approval's time is over" "Have the terminal ask for another approval.";
    /// See [`Refused::Revoked`].
    APPROVAL_REVOKED = 409 "approval-revoked" "The approval was revoked" "Do not deliver on it; have the terminal ask for another approval.";
    /// See [`Refused::NotYours`].
    NOT_YOUR_APPROVAL = 403 "not-your-approval" "This approval is not yours" "Only the settler that redeemed an approval settles it; only who asked for it, who redeemed it, or an operator revokes it.";
    /// See [`Refused::AmountExceedsApproval`].
    AMOUNT_EXCEEDS_APPROVAL = 409 "amount-exceeds-approval" "More than was approved" "Settle at most the approved amount.";
    /// See [`Refused::AlreadySettled`].
    ALREADY_SETTLED = 409 "already-settled" "The approval was settled before" "Nothing needs to be done; a retry of the settlement uses its own key.";
    /// See [`Refused::NeverIssued`].
    NEVER_ISSUED = 409 "approval-never-issued" "The approval was never given" "Nothing needs to be done: nothing is reserved.";
}

impl Refusal for Refused {
    fn kind(&self) -> &'static ProblemType {
        match self {
            Self::Unknown => &problem::NOT_FOUND,
            Self::Exists => &problem::ALREADY_EXISTS,
            Self::NotAClient => &problem::FORBIDDEN,
            Self::IdentificationStored | Self::IdentificationMissing | Self::Expiry | Self::Description => {
                &problem::INVALID_BODY
            }
            Self::LimitExceeded => &LIMIT_EXCEEDED,
            Self::CurrencyMismatch => &CURRENCY_MISMATCH,
            Self::NotIdentified => &NOT_IDENTIFIED,
            Self::PinLocked => &PIN_LOCKED,
            Self::TokenNotValid => &TOKEN_NOT_VALID,
            Self::AlreadyRedeemed => &ALREADY_REDEEMED,
            Self::Expired => &APPROVAL_EXPIRED,
            Self::Revoked => &APPROVAL_REVOKED,
            Self::NotYours => &NOT_YOUR_APPROVAL,
            Self::AmountExceedsApproval => &AMOUNT_EXCEEDS_APPROVAL,
            Self::AlreadySettled => &ALREADY_SETTLED,
            Self::NeverIssued => &NEVER_ISSUED,
            Self::NotDue => &problem::NOT_DUE,
            Self::UserMissing => &problem::INTERNAL,
        }
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
