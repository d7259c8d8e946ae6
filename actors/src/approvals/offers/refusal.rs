//! Why a command to an offer is refused.

use kippu_events::EntityId;
use kippu_events::money::{Currency, Minor};

use super::request::{GRACE_SECS, MOST_FILES, MOST_ITEMS, MOST_PUSHES, MOST_QUANTITY};

refusals! {
    shared NOT_FOUND {
        /// This id opened nothing.
        Unknown "there is no offer with this id";
    }
    shared ALREADY_EXISTS {
        /// This id was asked for already.
        Exists "the offer was asked for before";
    }
    shared FORBIDDEN {
        /// Nobody who could be bound.
        NotAParty "only a settlement server can ask for what is to be delivered";
    }
    shared INVALID_BODY {
        /// None or too many.
        Items "an offer has 1 to {} items", MOST_ITEMS;
        /// None or too many.
        Quantity "a quantity is 1 to {}", MOST_QUANTITY;
        /// A settler has nothing to compare.
        NoPrice "a settlement server names the price of each item as its client did";
        /// What was given back is told in the currency of the offer.
        RefundCurrency {
            /// That one.
            currency: Currency,
        } "amounts of this offer are in {currency}";
        /// Not those of the offer, none, or one twice.
        Places "items are places of the offer's items, counted from 0, at least one and each once";
    }
    shared NOT_DUE {
        /// An outcome of what is not owed any more, or a deadline that came early.
        NotDue "nothing of this attempt is owed now";
    }
    shared REFUND_EXCEEDS_SETTLEMENT {
        /// Too much.
        RefundExceeds "the amount is more than what was delivered costs";
    }
    own REFUND_KNOWN = 409 "refund-known" "What was given back is known" "Nothing needs to be done: so much, or more, was told before." {
        /// Told before, or by a later message that came first.
        RefundKnown "so much, or more, was told before";
    }
    own SHOP_CLOSED = 409 "shop-has-no-terms" "The shop sells nothing yet" "Tell the operator: the terms of the shop are to be set." {
        /// The operator has set no terms.
        NoTerms "the shop has no terms";
    }
    own PRODUCT_UNKNOWN = 409 "product-unknown" "The shop has no such product" "Look the product up again: the detail names it." {
        /// Nobody listed it.
        ProductUnknown {
            /// Which.
            product: EntityId,
        } "there is no product {product}";
    }
    own PRODUCT_WITHDRAWN = 409 "product-withdrawn" "The product is not for sale any more" "Choose another; the detail names it." {
        /// It is not for sale.
        ProductWithdrawn {
            /// Which.
            product: EntityId,
        } "product {product} is withdrawn";
    }
    own PRICE_DIFFERS = 409 "price-differs" "The price is another" "Look the product up again: the detail names it with both prices. Nothing was offered." {
        /// It costs something else.
        PriceDiffers {
            /// Which product.
            product: EntityId,
            /// As it was said to cost.
            asked: Minor,
            /// As it costs.
            price: Minor,
        } "product {product} costs {price} minor units, and not {asked}";
        /// The shop sells in another currency.
        CurrencyDiffers {
            /// As was said.
            asked: Currency,
            /// As it is.
            currency: Currency,
        } "prices are in {currency}, and not in {asked}";
    }
    own OTHER_CURRENCY = 409 "product-in-other-currency" "The product has a price in another currency" "Choose another, or tell the operator: the shop sells in one currency; the detail names the product." {
        /// Its price is in another currency than the shop sells in.
        OtherCurrency {
            /// Which.
            product: EntityId,
            /// The currency of its price.
            currency: Currency,
        } "product {product} has a price in {currency}, in which the shop does not sell";
    }
    own TOTAL_TOO_LARGE = 409 "total-too-large" "The offer would cost too much" "Ask for fewer items." {
        /// More than any amount.
        Total "the items cost more than {} minor units together", Minor::MOST;
    }
    own TOO_MANY_FILES = 409 "too-many-files" "The offer would come with too many files" "Ask for fewer items." {
        /// More than who settles it keeps.
        Files "an offer comes with at most {} files", MOST_FILES;
    }
    own NOT_YOUR_OFFER = 403 "not-your-offer" "This offer is not yours to settle" "Only a settlement server that the offer names asks for what is to be delivered." {
        /// Not one of those that it names, or no such offer.
        NotYours "no offer with this id names this settlement server";
        /// The shop has others.
        NotRelated "this shop does not name this settlement server among its own";
    }
    own OFFER_OVER = 409 "offer-is-over" "The time of the offer is over" "Ask for another offer." {
        /// Nobody took it in time.
        Over "the offer was to be taken until {} seconds after its end", GRACE_SECS;
        /// Nobody is to approve it any more.
        Ended "the time of the offer is over";
    }
    own OFFER_DELIVERED = 409 "offer-delivered" "The offer was delivered before" "Each offer is sold once. Ask the shop for another one; the approval that was to pay for this one is not needed." {
        /// It is sold.
        Delivered "the offer was delivered before";
    }
    own NOT_AN_AUTHENTICATOR = 409 "not-an-authenticator" "This party approves nothing here" "Name an authentication server that the shop knows." {
        /// No known party, or one with other roles.
        NotAnAuthenticator "the shop knows no authentication server with this id";
    }
    own PUSH_PENDING = 409 "offer-push-pending" "The offer is being sent" "Wait until it was taken or not." {
        /// Another push has not ended.
        PushPending "the offer is being sent to an authentication server";
    }
    own PUSHED_OFTEN = 409 "offer-pushed-often" "The offer was sent too often" "Ask for another offer." {
        /// So often that it makes no sense.
        PushedOften "an offer is sent at most {} times", MOST_PUSHES;
    }
}
