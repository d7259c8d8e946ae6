//! Why a command to the bringing of a page is refused.

refusals! {
    shared NOT_FOUND {
        /// Nothing was ordered.
        Unknown "no page is brought under this id";
    }
    shared FORBIDDEN {
        /// Another party.
        NotThePartner "this is for the partner site to which the page is brought";
    }
    shared NOT_DUE {
        /// An outcome of what is not owed any more, or nothing to be brought.
        NotDue "nothing of this attempt is owed now, and nothing is to be brought";
    }
    own NOT_OVER = 409 "page-delivery-not-over" "The revision is on its way, or shown" "Nothing needs to be done." {
        /// Neither declined nor refused.
        NotOver "the partner site has neither declined nor refused the newest revision";
    }
    own NO_CONTRACT = 409 "page-delivery-not-in-contract" "The contract does not bring this page" "Look the contract up: whether it is in force, and which parts it has." {
        /// Not in force, or another part.
        NotInContract "no terms of the contract that count now bring this page";
    }
    own OTHER_REVISION = 409 "page-delivery-other-revision" "Nothing is to be told of this revision" "Another revision took its place, or what became of this one is known." {
        /// Not the newest, other bytes, or told before.
        OtherRevision "the newest revision is another one, or what became of it was told before";
    }
}
