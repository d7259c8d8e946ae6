//! Why a command to a contract is refused.

use super::request::MOST_VERSIONS;

refusals! {
    shared NOT_FOUND {
        /// This id proposed nothing.
        Unknown "there is no contract with this id";
        /// No terms of this number.
        NoSuchTerms "the contract has no terms with this number";
    }
    shared FORBIDDEN {
        /// Another party's part of it.
        NotYours "this is for the other party of the contract, or for other parties";
    }
    shared NOT_DUE {
        /// An outcome of what is not owed any more.
        NotDue "nothing of this attempt is owed now";
    }
    own NOT_A_PARTNER = 409 "not-a-partner-site" "This party is no partner site here" "Register the party as a peer with the role `partner_site`." {
        /// No known party, or one with other roles.
        NotAPartner "no peer with this id is a partner site";
    }
    own TERMS_NOT_NEXT = 409 "contract-terms-not-next" "The terms have another number than the next" "Look the contract up: somebody may have proposed terms meanwhile." {
        /// Taken, or too high.
        NotNext {
            /// The one that is next.
            next: u32,
        } "the next terms of the contract have the number {next}";
        /// There is a question already.
        NotAnswered "the partner has not answered the terms that were proposed before";
    }
    own TERMS_ANSWERED = 409 "contract-terms-answered" "The terms were answered before" "An answer stays. The main site may propose other terms." {
        /// Accepted or declined.
        Answered "the terms were accepted or declined before";
    }
    own TERMS_DIFFER = 409 "contract-terms-differ" "The terms are others than those that are accepted" "Look the terms up again and compare them; nothing was accepted." {
        /// Another hash.
        OtherTerms "the terms with this number hash to something else";
    }
    own TERMS_BEGIN_BEFORE = 409 "contract-terms-begin-before" "The times of the contract are out of order" "Terms begin after all that were accepted before, and the contract ends after that." {
        /// Not after those that count.
        BeginsBefore "terms that were accepted begin at that time or later";
        /// Not after those that count.
        EndsBefore "terms that were accepted begin at that time or later, so the contract cannot end there";
    }
    own TERMS_TOO_MANY = 409 "contract-terms-too-many" "The contract has too many terms" "End it, and have another party sign the next one." {
        /// As many as are kept.
        TooMany "a contract has at most {} terms", MOST_VERSIONS;
    }
    own CONTRACT_ENDED = 409 "contract-ended" "The contract has an end" "Nothing is changed of a contract that ends." {
        /// Somebody ended it.
        Ended "the end of the contract was told before";
    }
}
