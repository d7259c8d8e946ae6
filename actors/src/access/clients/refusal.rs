//! Why a command to a client is refused.

refusals! {
    shared NOT_FOUND {
        /// This id opened nothing.
        Unknown "there is no client with this id";
    }
    shared ALREADY_EXISTS {
        /// This id opened one already.
        Exists "the client was opened before";
    }
    own ONLY_TERMINALS = 422 "user-needs-terminal" "Only a terminal stores a user's identification" "Leave `user` out, or open a client with the role `terminal`." {
        /// A user for a client that asks for no approvals.
        OnlyTerminals "only a terminal stores the identification of a user";
    }
    own NOT_FOR_CLIENTS = 422 "role-not-for-clients" "API clients do not have this role" "Use a role of API clients; other parties are registered as peers, and end users sign in." {
        /// A role of another kind of caller.
        NotForClients "this role is none of an API client";
    }
    own NO_SUCH_USER = 422 "unknown-user" "No user is registered under this id" "Register the user first, and send the `id` that the answer names." {
        /// Nobody is registered under the user's id.
        NoSuchUser "no user is registered under this id";
    }
    own REVOKED = 409 "client-revoked" "The client was revoked" "Open another client; a revoked one stays revoked." {
        /// Its key is over for ever.
        Revoked "the client was revoked";
    }
    own OUT_OF_KEYS = 409 "client-out-of-keys" "The client can have no further key" "Open another client, and revoke this one." {
        /// The numbers of its keys are used up.
        OutOfKeys "the client has had every key that it can have";
    }
}
