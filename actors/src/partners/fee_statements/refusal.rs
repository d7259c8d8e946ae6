//! Why a command to a statement of fees is refused.

use kippu_events::Time;

use super::request::MOST_DIFFERENCES;

refusals! {
    shared NOT_FOUND {
        /// This id is no contract.
        NoContract "there is no contract with this id";
        /// The main site has signed nothing for this month.
        Unknown "no statement of this month was signed";
    }
    shared FORBIDDEN {
        /// Another party's part of it.
        NotYours "this is for the other party of the contract, or for other parties";
    }
    shared INVALID_BODY {
        /// None, or too many.
        Differences "differences are 1 to {}", MOST_DIFFERENCES;
    }
    shared NOT_DUE {
        /// An outcome of what is not owed any more.
        NotDue "nothing of this attempt is owed now";
    }
    own NO_TERMS = 409 "fee-statement-without-terms" "No terms of the contract count in this month" "Look up from when to when the terms of the contract count." {
        /// Before the first terms, or after the end.
        NoTerms "no terms of the contract count in this month";
    }
    own NOT_OVER = 409 "fee-statement-month-not-over" "The month is not over" "Sign its statement once the month is over in the contract's time zone." {
        /// It may still change.
        NotOver {
            /// When it is.
            until: Time,
        } "the month ends at {until}";
    }
    own NOT_NEXT = 409 "fee-statement-not-next" "The statement has another number than the one that is expected" "Look the statement up: somebody may have signed another one meanwhile." {
        /// Taken, too high, or replaced.
        NotNext {
            /// The one that is expected.
            next: u32,
        } "the statement that is expected has the number {next}";
        /// There is a question already.
        NotAnswered "the partner site has not answered the statement that was signed before";
        /// It is the main site's turn.
        Answered "this statement was disputed before: the main site signs another one";
    }
    own CLOSED = 409 "fee-statement-closed" "Both parties have signed the statement of this month" "It stays as it is. What comes later is reported as an adjustment in another month." {
        /// Both have signed.
        Closed "both parties have signed the statement of this month";
    }
    own DIFFERS = 409 "fee-statement-differs" "The statement is another one than the main site has signed" "Compare the two with `kippu fees verify`, and dispute it if they differ." {
        /// Another hash or total.
        Differs "the main site has signed another hash, total or currency";
    }
    own NOT_GENUINE = 409 "fee-statement-not-genuine" "The signature is not that of the party" "What was signed was changed on its way, or the key that signed does not count." {
        /// Another signature, or another content.
        NotGenuine "the statement is not signed by the party that sends it, or says something else";
    }
}
