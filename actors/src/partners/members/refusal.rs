//! Why a command to a member is refused.

use super::request::MOST_PREFERENCES;

refusals! {
    shared NOT_IDENTIFIED {
        /// Login and password, or ticket and code, are nobody's, or not taken now.
        NotIdentified "the member was not identified";
    }
    shared NOT_FOUND {
        /// Nobody is registered under this id.
        Unknown "there is no member with this id";
        /// This id is no contract.
        NoContract "there is no contract with this id";
    }
    shared ALREADY_EXISTS {
        /// The login is taken.
        Exists "a member with this login is registered already";
    }
    shared FORBIDDEN {
        /// Another site's members.
        NotYours "a partner site asks for its own members alone";
    }
    shared INVALID_BODY {
        /// More than anybody has.
        Preferences "there are at most {} preferences", MOST_PREFERENCES;
    }
    shared UNAVAILABLE {
        /// The key store does not take writes.
        NotEncrypted "the key store does not take writes";
    }
    own NO_COPY = 409 "member-copy-not-allowed" "The member cannot be identified here" "The contract, and the node that has identified the member a moment before, allow it." {
        /// The contract says nothing of copies, or no allowance counts.
        NoCopy "neither the contract nor the central node allows it now";
    }
    own MEMBER_FORGOTTEN = 409 "member-forgotten" "The person was forgotten" "Nothing needs to be done: there is no way back." {
        /// For ever.
        Forgotten "the person was forgotten";
    }
}
