//! Why a batch is refused.

use super::request::{MOST_BYTES, MOST_LINES, MOST_OFFSET};

/// Of the refusal of what is known already.
pub(super) const KNOWN_SLUG: &str = "access-batch-known";

refusals! {
    shared FORBIDDEN {
        /// Not one of the two.
        NotYours "the caller is no party of this contract";
        /// The other side does.
        NotAWriter "the terms of the contract do not have this party certify lines";
        /// Only who keeps the log certifies it.
        NoCertificate "another party names the certificate that it signed";
    }
    shared NOT_FOUND {
        /// This id is no contract.
        NoContract "there is no contract with this id";
        /// Nothing that could be called for.
        Unknown "no lines were announced or held back under this id";
    }
    shared INVALID_BODY {
        /// None, or too many.
        Lines "text is 1 to {} lines, and at most {} bytes", MOST_LINES, MOST_BYTES;
        /// Behind what a log can be.
        Offset "the lines end behind {} bytes", MOST_OFFSET;
        /// Characters that are no bytes.
        NotEncoded "text has characters that are no bytes in this encoding";
    }
    shared NOT_DUE {
        /// An outcome of what is not owed any more.
        NotDue "nothing of this attempt is owed now";
    }
    shared UNAVAILABLE {
        /// The other party has called before its node has said that it knows of them.
        NotYet "these lines are being announced: call for them again";
        /// The key store does not work.
        NotEncrypted "names cannot be encrypted now";
    }
    own NOT_GENUINE = 409 "access-batch-not-genuine" "The certificate is not that of these lines" "Lines, their place or their certificate were changed on their way, or the key that signed does not count: compare them at both sides." {
        /// Another signature, or another content.
        NotGenuine "the certificate is not signed by a party of the contract, or is of other lines";
    }
    own KNOWN = 409 "access-batch-known" "The lines are known already" "Nothing needs to be done: they count once." {
        /// They were certified before.
        Known "the same lines of the same place were certified before";
        /// They come, or are here.
        Called "these lines were called for, or handed over, before";
    }
}
