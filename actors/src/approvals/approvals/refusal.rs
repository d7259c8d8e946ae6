//! Why a command to an approval is refused. Where a refusal is on record, the reason in its event becomes one of these.

use kippu_events::approvals::offer_content::MOST_ITEMS;
use kippu_events::approvals::{RedeemRefusal, RequestRefusal};

use super::request::{MOST_DESCRIPTION_CHARS, MOST_EXPIRES_IN_SECS};
use crate::approvals::offer::NotGenuine;

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
        NotAClient "only an API client, another party or a user can ask for an approval, and only the first two redeem or settle it";
    }
    shared INVALID_BODY {
        /// Both ways to identify a user at once.
        IdentificationStored "who calls is known to be the user, so the body must not hold an identification";
        /// Neither way to identify a user.
        IdentificationMissing "this terminal stores no identification, so the body must hold one";
        /// Both or neither of the ways to name a user.
        Named "an identification has either a login or a challenge";
        /// Several or none of the ways to say what is bought.
        What "there is either an amount with its currency, or an offer, or a pushed one";
        /// Something of no amount is given back.
        Nothing "an amount that is given back is not zero";
        /// More names than an offer has items.
        Contents "there are at most {} contents", MOST_ITEMS;
        /// The approval would not expire, or be over already.
        Expiry "expires_in_secs is 1 to {}", MOST_EXPIRES_IN_SECS;
        /// What is bought is described at length.
        Description "the description of a purchase has 1 to {} characters without control characters", MOST_DESCRIPTION_CHARS;
    }
    shared NOT_DUE {
        /// The deadline came when there was nothing to expire.
        NotDue "the approval is not to expire now";
        /// The outcome of a question that nobody asks any more.
        NotAsked "no reference is asked any more";
    }
    shared INTERNAL {
        /// The user whose limit it reserves is not there: a defect.
        UserMissing "the user of this approval is not there";
    }
    shared NOT_IDENTIFIED {
        /// The identification did not hold.
        NotIdentified "the user was not identified";
    }
    shared REFUND_EXCEEDS_SETTLEMENT {
        /// More than is left.
        RefundExceedsSettlement "the amount is more than what was settled and not given back";
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
    own USER_SUSPENDED = 403 "user-suspended" "The subscription is suspended" "Nothing is approved and no token is taken until the operator lets it go on. The refusal is on record." {
        /// The subscription is suspended.
        UserSuspended "the subscription of this user is suspended";
    }
    own CHALLENGE_NOT_VALID = 409 "challenge-not-valid" "The challenge is not valid" "Ask for another challenge: each is for the terminal that asked, for one PIN, and for five minutes." {
        /// Not asked for by this terminal, used, or over.
        ChallengeNotValid "there is no such challenge, or not any more";
    }
    own OFFER_NOT_GENUINE = 409 "offer-not-genuine" "The offer is not one of a shop that is known here" "Send the offer exactly as the shop signed it, and have an operator register the shop." {
        /// Not signed by a shop that counts, or no offer.
        OfferNotGenuine "the offer is not signed by a shop that is known here, or does not add up";
    }
    own OFFER_OVER = 409 "offer-over" "The time of the offer is over" "Ask the shop for another offer. The refusal is on record." {
        /// Its time is over.
        OfferExpired "the time of the offer is over";
    }
    own PURCHASE_NOT_PUSHED = 409 "purchase-not-pushed" "The shop has not pushed this offer" "Try again once the shop has, or send the offer itself." {
        /// Nobody pushed it, or not a shop that counts.
        NotPushed "the shop has pushed no such offer";
    }
    own CREDIT_REFUSED = 409 "credit-refused" "The financial reference does not vouch for the user" "Nothing is approved; ask for less, or pay otherwise. The refusal is on record." {
        /// The reference does not vouch for the user, or not for so much.
        CreditRefused "the financial reference does not vouch for this purchase";
    }
    own REFERENCE_FAILED = 409 "reference-failed" "The financial reference gave no answer" "Ask for another approval later. The refusal is on record." {
        /// No answer in time, or none that can be used.
        ReferenceFailed "the financial reference gave no answer that can be used in time";
    }
    own APPROVAL_PENDING = 409 "approval-pending" "A financial reference is asked first" "Ask again in a moment: within 10 seconds it is given or refused." {
        /// It is not decided yet.
        Pending "the financial reference has not answered yet";
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
    own APPROVAL_RELEASED = 409 "approval-released" "The settler let go of the approval" "Do not deliver on it; have the terminal ask for another approval." {
        /// Its settler let go of it.
        Released "the settler let go of the approval";
    }
    own APPROVAL_OTHER_SETTLER = 403 "approval-other-settler" "The shop is related to other settlers" "Do not deliver on it; only the settlers that the offer names redeem its approval. The refusal is on record." {
        /// The offer names other settlers.
        OtherSettler "the offer of this approval names other settlers";
    }
    own APPROVAL_DIFFERS = 409 "approval-differs" "Something else was approved" "Do not deliver on it: offer, amount or currency are not those that the user agreed to. The approval itself stays good." {
        /// Another offer, amount or currency.
        Differs "another offer, amount or currency was approved";
    }
    own NOT_YOUR_APPROVAL = 403 "not-your-approval" "This approval is not yours" "Only the settler that redeemed an approval settles it; only who asked for it, who redeemed it, or an operator revokes it; only who stands for its user collects it." {
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
    own APPROVAL_NOT_SETTLED = 409 "approval-not-settled" "The approval was not settled" "Only what was settled is given back; revoke or release what was not." {
        /// Nothing was settled.
        NotSettled "nothing was settled that could be given back";
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
            RequestRefusal::UserSuspended => Self::UserSuspended,
            RequestRefusal::OfferExpired => Self::OfferExpired,
            RequestRefusal::CreditRefused => Self::CreditRefused,
            RequestRefusal::ReferenceFailed => Self::ReferenceFailed,
        }
    }
}

impl From<RedeemRefusal> for Refused {
    fn from(reason: RedeemRefusal) -> Self {
        match reason {
            RedeemRefusal::AlreadyRedeemed => Self::AlreadyRedeemed,
            RedeemRefusal::Expired => Self::Expired,
            RedeemRefusal::Revoked => Self::Revoked,
            RedeemRefusal::Released => Self::Released,
            RedeemRefusal::OtherSettler => Self::OtherSettler,
            RedeemRefusal::Differs => Self::Differs,
            RedeemRefusal::UserSuspended => Self::UserSuspended,
        }
    }
}

impl From<NotGenuine> for Refused {
    fn from(_: NotGenuine) -> Self {
        Self::OfferNotGenuine
    }
}
