//! Why a command to a webhook is refused.

use super::{MOST_AGAIN, MOST_FAMILIES};

refusals! {
    shared NOT_FOUND {
        /// This id added nothing.
        Unknown "there is no webhook with this id";
    }
    shared ALREADY_EXISTS {
        /// This id added one already.
        Exists "the webhook was added before";
        /// The event is to be sent once more already.
        Asked "the event is to be sent once more already";
    }
    shared INVALID_BODY {
        /// Not where an endpoint answers.
        NotAUrl "a url is http:// or https:// and a host, with a path and a query perhaps; without a password or a fragment";
        /// No family of entities, one twice, or that of webhooks.
        NotFamilies "families are at most {} of those of entities, each once and without webhooks", MOST_FAMILIES;
        /// No event is called so.
        NotAnEvent "an event is named by its id, as 3-17.0";
    }
    shared NOT_DUE {
        /// The outcome of what is not owed any more.
        NotDue "this is not owed now";
    }
    own NO_SUCH_CLIENT = 422 "unknown-client" "No active API client has this id" "Open the client first, and send the `id` that the answer names." {
        /// Nobody who may call.
        NoSuchClient "no active API client has this id";
    }
    own REMOVED = 409 "webhook-removed" "The webhook was removed" "Add another webhook; a removed one stays removed." {
        /// Nothing is sent to it any more.
        Removed "the webhook was removed";
    }
    own NOT_DISABLED = 409 "webhook-not-disabled" "The webhook is not disabled" "Events are sent to it already." {
        /// Events are sent to it.
        NotDisabled "the webhook is not disabled";
    }
    own TOO_MANY_AGAIN = 409 "too-many-redeliveries" "Too many events wait to be sent once more" "Wait until some of them were sent." {
        /// More than an endpoint is kept for.
        TooManyAgain "{} events wait to be sent once more", MOST_AGAIN;
    }
    own OUT_OF_SECRETS = 409 "webhook-out-of-secrets" "The webhook can have no further secret" "Add another webhook, and remove this one." {
        /// The numbers of its secrets are used up.
        OutOfSecrets "the webhook has had every secret that it can have";
    }
}
