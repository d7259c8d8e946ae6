//! Why a command to a page is refused.

use kippu_events::partners::pages::MOST_PAGE_BYTES;

refusals! {
    shared NOT_FOUND {
        /// No page.
        Unknown "there is no page with this id";
        /// No contract.
        NoContract "there is no contract with this id";
    }
    shared FORBIDDEN {
        /// Another party than that of the main site.
        NotTheMain "tie-up pages are brought by the main site of the contract, to its partner site";
    }
    shared INVALID_BODY {
        /// Too many bytes.
        TooLarge "a page has at most {} bytes", MOST_PAGE_BYTES;
        /// It would be shown in itself.
        OwnLayout "a page is not its own layout";
    }
    shared NOT_DUE {
        /// An outcome of what is not owed any more, or nothing new.
        NotDue "nothing of this attempt is owed now, and nothing has changed";
    }
    shared NO_OUTCOME {
        /// The main site may have the bytes again.
        NotRestored "the main site does not give the bytes now";
    }
    shared UNAVAILABLE {
        /// No randomness.
        NotEncrypted "the capability cannot be encrypted now";
    }
    own NOT_WRITABLE = 403 "page-not-writable" "This page is for another party to write" "Originals are written by the partner site, tie-up pages by the main site, and by the partner site too where the contract says `repair`." {
        /// The operator of the partner site writes a tie-up page as if it were its own.
        TieUpPage "a tie-up page is the main site's: name its contract, which says whether this site may repair it";
        /// The contract says so.
        Brand "the terms of the contract let the main site alone write tie-up pages";
        /// The main site writes an original of its partner.
        Original "an original page is written by its own site alone";
    }
    own NOT_BROUGHT = 409 "page-not-brought" "The contract does not bring this page" "Look the contract up: whether it is in force, and which parts it has." {
        /// Before its terms, or after its end.
        NotInForce "no terms of the contract count now";
        /// Another part.
        OtherPart "the terms of the contract do not bring this part of the site";
    }
    own NOT_NEWER = 409 "page-not-newer" "The revision is not newer than what this site has" "Nothing was changed. Bring the newest revision." {
        /// An old one, or the same again.
        NotNewer {
            /// What there is.
            newest: u32,
        } "this site has revision {newest}";
    }
    own PATH_TAKEN = 409 "page-path-taken" "Another page lies at this path" "One path is one page: use another path." {
        /// Another main site's.
        OtherContract "the page at this path came by another contract, or by none";
    }
    own NOT_ASKED = 409 "page-not-asked" "This revision waits for no answer" "Look the page up again; nothing was changed." {
        /// Another one does, or none.
        NotAsked "no revision of this number and digest waits for an answer";
        /// Too late.
        TooLate "the time for an answer is over";
    }
}
