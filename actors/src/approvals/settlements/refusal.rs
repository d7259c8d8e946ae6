//! Why a command to a settlement is refused.

use super::request::{MOST_LINES, MOST_PIECES};

refusals! {
    shared NOT_FOUND {
        /// This id opened nothing.
        Unknown "there is no settlement with this id";
    }
    shared INVALID_BODY {
        /// Both kinds of purchase information, or none.
        OfferOrPurchase "the body holds either an offer or a purchase";
        /// Nothing, or too much.
        Lines "there are 1 to {} lines, each of 1 to {} pieces", MOST_LINES, MOST_PIECES;
        /// Together they cost more than any amount.
        TooMuch "what is bought costs more than can be written";
        /// No such content.
        NoSuchContent "the settlement has no content with this number";
        /// Nothing is to be given back.
        RefundOfNothing "the amount of a refund is at least 1";
    }
    shared NOT_DUE {
        /// The outcome of what is not owed any more, or a time that has not passed.
        NotDue "this is not owed now";
    }
    shared NO_OUTCOME {
        /// Another party does not listen to this one now, or does not take what is owed to it.
        NotTaken "the answer is no outcome of what is owed";
    }
    shared INTERNAL {
        /// No randomness to be had.
        NotEncrypted "the token could not be encrypted";
    }
    shared REFUND_EXCEEDS_SETTLEMENT {
        /// Too much.
        RefundExceeds "the amount is more than what is left of the settled price";
    }
    own ALREADY_PRESENTED = 409 "already-presented" "The approval was presented before" "An approval is settled once: ask who presented it. A retry of the presentation uses its own key." {
        /// The approval was presented here before.
        AlreadyPresented "the approval was presented before";
    }
    own ISSUER_NOT_KNOWN = 409 "issuer-not-known" "The issuer is not known" "Present approvals of an authentication server that this settlement server works with." {
        /// No peer of that role.
        IssuerNotKnown "no authentication server that is known here has this id";
    }
    own SHOP_NOT_KNOWN = 409 "shop-not-known" "The shop is not known" "Buy from a shop that this settlement server works with." {
        /// No peer of that role.
        ShopNotKnown "no shop that is known here has this id";
    }
    own OFFER_NOT_VALID = 409 "offer-not-valid" "The offer is not valid" "Present the offer exactly as the shop's answer named it, or ask the shop for another one." {
        /// Not signed by the shop, not as it was signed, or no offer.
        OfferNotValid "the offer is not one that the shop has signed";
    }
    own OFFER_EXPIRED = 409 "offer-expired" "The offer's time is over" "Ask the shop for another offer." {
        /// Its time is over.
        OfferExpired "the time of the offer is over";
    }
    own OTHER_SETTLER = 409 "other-settler" "Another settlement server settles for this shop" "Present the approval to one of the settlement servers that the offer names." {
        /// The offer names others.
        OtherSettler "the offer does not name this settlement server";
    }
    own NOT_YOUR_SETTLEMENT = 403 "not-your-settlement" "This settlement is not yours" "Use the capability that the presentation was answered with." {
        /// Neither the capability of this settlement, nor who presented the approval; or no such settlement.
        NotYours "no settlement with this id is this caller's";
    }
    own NOTHING_TO_RECEIVE = 409 "nothing-to-receive" "There is nothing to receive now" "Look at the state: contents are there once they are available or settled, and each until it was received." {
        /// Nothing is there yet, or not any more.
        NothingToReceive "there is nothing to receive now";
    }
    own NOT_AT_SHOP = 409 "contents-not-at-shop" "The contents are not fetched at the shop" "Look at the row: it says where each content is fetched. Contents at a shop are opened once the price is settled." {
        /// Not settled, or held here.
        NotAtShop "nothing is fetched at the shop now";
    }
    own DELIVERY_BEGUN = 409 "delivery-begun" "The delivery has begun" "What has been fetched in part is paid for: fetch the rest, or ask the operator." {
        /// The buyer has got some of it.
        DeliveryBegun "contents were received already";
    }
    own SETTLEMENT_DONE = 409 "settlement-done" "The price is settled" "Nothing can be called off any more; an operator can give money back." {
        /// Paid.
        Done "the price is settled";
    }
    own SETTLEMENT_OVER = 409 "settlement-over" "The settlement came to nothing" "Nothing needs to be done: nothing is charged. Present another approval." {
        /// Over.
        Over "the settlement came to nothing";
    }
    own NOT_SETTLED = 409 "not-settled" "Nothing is settled" "Money is given back once a price was settled." {
        /// Nothing to give back.
        NotSettled "no price is settled that could be given back";
    }
    own REFUND_PENDING = 409 "refund-pending" "A refund is under way" "Wait until the issuer has taken it." {
        /// One at a time.
        RefundPending "another refund is under way";
    }
}
