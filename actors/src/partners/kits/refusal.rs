//! Why a command to a kit is refused.

refusals! {
    shared NOT_FOUND {
        /// Nobody made it.
        Unknown "there is no kit with this id";
    }
    shared FORBIDDEN {
        /// Without its capability.
        NotTheHolder "a party joins with the capability of its kit";
    }
    shared INVALID_BODY {
        /// Not signed by the party that it names, or not in the form of a card.
        NotACard "the card is not signed by the party that it names, or is none";
        /// Over before it begins.
        Until "a kit lets somebody join until a time that is to come";
    }
    own KNOWN_PARTY = 409 "kit-party-known" "A party with this id is known at the main site" "A party that is a peer already needs no kit: the main site proposes terms to it." {
        /// A peer, a revoked one, or the main site itself.
        Known "the party that the card names is known here";
    }
    own KIT_OVER = 409 "kit-over" "Nobody joins by this kit any more" "A kit lets one party join, for some time. Ask the main site for another kit." {
        /// Another party was first.
        Used "a party has joined by this kit";
        /// The main site took it back.
        Withdrawn "the main site has taken this kit back";
        /// Too late.
        Late "the time in which somebody may join by this kit is over";
    }
}
