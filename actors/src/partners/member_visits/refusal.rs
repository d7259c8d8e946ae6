//! Why a command to a visit is refused.

use super::request::MOST_ORDERS;

refusals! {
    shared NOT_FOUND {
        /// This id is no contract.
        NoContract "there is no contract with this id";
        /// Nothing of that name has a price.
        NoGoods "the terms of the contract have no goods of this name";
        /// No order of this number is open.
        NoOrder "the visit has no open order with this number";
    }
    shared NOT_IDENTIFIED {
        /// A ticket of somebody else, for another site, or of before; a visit that is over, or not the caller's.
        NotIdentified "no ticket, visit or confirmation that counts now";
    }
    shared ALREADY_EXISTS {
        /// A ticket opens one visit.
        Used "a visit was opened with this ticket before";
    }
    own FACTOR_WANTED = 403 "one-time-code-wanted" "A payment is confirmed by a one-time code" "Ask the member for a code, have it confirmed by the command `confirm` of `members`, and pay with what that answers." {
        /// Looking around takes no code, paying does.
        FactorWanted "the payment has no confirmation by one-time code";
    }
    own NOT_THE_ORDER = 409 "confirmation-of-another-order" "The confirmation is of another order" "Confirm this order, with its amount." {
        /// Another visit, order, amount or currency.
        OtherOrder "the confirmation is of another visit, order or amount";
    }
    own TOO_MANY_ORDERS = 409 "visit-orders-too-many" "The visit has too many orders" "Sign in again." {
        /// As many as there may be.
        TooMany "a visit has at most {} orders", MOST_ORDERS;
    }
    own NO_MEMBER_TERMS = 409 "terms-without-members" "The terms say nothing of members" "The terms of the contract that count now say nothing of members." {
        /// No such part, or none that count.
        NoMembers "the terms of the contract that count now say nothing of members";
    }
}
