//! Why a command to a request is refused.

refusals! {
    shared NOT_FOUND {
        /// Nobody asked.
        Unknown "there is no request with this id";
        /// Nothing is shown there.
        NoPage "this site shows no such page";
        /// No contract.
        NoContract "there is no contract with this id";
    }
    shared FORBIDDEN {
        /// Another party.
        NotYours "this is for the other site of the contract, or for this party's own programs";
    }
    shared INVALID_BODY {
        /// None, or too many.
        Quantity "a quantity is at least 1";
        /// The page came by another contract, or by none.
        OtherContract "the contract is the one by which the page came, and none where it came by none";
        /// Nothing to pay.
        NoPrice "a price has an amount and a currency";
        /// No such steps of that kind.
        NoSteps "the steps are some of those that a request of this kind has, each once, in order";
        /// Too long.
        TooLong "kinds, articles, answers and reasons are as long as those of visitors at most";
    }
    shared NOT_DUE {
        /// An outcome of what is not owed any more.
        NotDue "nothing of this attempt is owed now, and nothing is due";
    }
    own NOT_IN_FORCE = 409 "page-request-without-terms" "No terms of the contract count now" "Originals of this site take requests meanwhile." {
        /// Not yet, or not any more.
        NotInForce "no terms of the contract count now";
    }
    own NOT_WAITING = 409 "page-request-not-waiting" "This step waits for no answer" "Look the request up again: it was answered, came to nothing, or another step is next." {
        /// Another step, or none.
        NotWaiting "this step of the request does not wait for an answer";
        /// Too late.
        TimeOver "the time for an answer is over";
    }
    own NOT_ENTRUSTED = 409 "page-request-not-entrusted" "The terms do not let the main site do this" "Look the contract up: its terms say which steps of which requests are the main site's." {
        /// Another mode, or other steps.
        NotEntrusted "by the terms that count now these steps are not the main site's";
    }
    own TOO_LATE = 409 "page-request-too-late" "The request is too old" "The visitor has been told so. Nothing was done." {
        /// After its end.
        TooLate "the request came after the time at which it was of use";
    }
    own KNOWN = 409 "page-request-known" "The request was taken before" "Nothing needs to be done." {
        /// It is here.
        Taken "the request was taken before";
    }
    own NOT_OPEN = 409 "page-request-not-open" "These steps are not awaited" "Nothing was changed." {
        /// Others are, or none.
        OtherSteps "these are not the steps that are awaited from the main site";
    }
    own NOT_HELD = 409 "page-request-not-held" "Nothing is reserved for this request" "What was sold without it cannot be delivered from there." {
        /// Sold, released, or never reserved.
        NotHeld "nothing is reserved for this request any more";
    }
}
