//! Why a command to the sessions of a user is refused.

use super::request::{MOST_ENDS_IN_SECS, MOST_IDLE_SECS};

refusals! {
    shared NOT_IDENTIFIED {
        /// Login and PIN are nobody's, or not taken now.
        NotIdentified "the user was not identified";
    }
    shared FORBIDDEN {
        /// Those of somebody else.
        NotYours "the sessions of others are not yours to use or to end";
    }
    shared INVALID_BODY {
        /// It would never be used, or go on unused for long.
        IdleTime "idle_secs is 1 to {}", MOST_IDLE_SECS;
        /// It would be over already, or last for long.
        Duration "ends_in_secs is 1 to {}", MOST_ENDS_IN_SECS;
    }
    shared NOT_DUE {
        /// The deadline came when no session was to end.
        NotDue "no session is to end now";
    }
    shared INTERNAL {
        /// Four billion sign-ins.
        OutOfNumbers "the numbers of this user's sessions are used up";
    }
    own NO_SESSION = 409 "no-open-session" "No such session is open" "Nothing needs to be done: it ended, or there never was one." {
        /// It ended, or there was none.
        NoSession "no such session of this user is open";
    }
    own USED_ALREADY = 409 "session-used-already" "The session was used a moment ago" "Nothing needs to be done: a use that is on record counts for a quarter of the idle time." {
        /// The use on record is young.
        UsedAlready "the session was used a moment ago, which is on record";
    }
}
