//! What kits are asked, and what they answer.

use kippu_events::blobs::BlobId;
use kippu_events::partners::contracts::Terms;
use kippu_events::partners::kits::Joined;
use kippu_events::{EntityId, Time, statement};
use serde::{Deserialize, Serialize};

use crate::access::peers::MOST_NAME_CHARS;
use crate::text::Text;

commands! {
    /// A main site makes a kit for a new partner site.
    Open = "open" New [Operator] "Makes a kit: what lets the node of a new partner site join, once. Whoever joins comes to be a peer, and is proposed the terms." {
        /// For whom it is; no personal data.
        name: Text<MOST_NAME_CHARS>,
        /// From when the terms count, once they are accepted.
        from: Time,
        /// The terms that whoever joins is proposed.
        terms: Box<Terms>,
        /// Until when somebody may join.
        until: Time,
        /// What the files of the kit hash to: SHA-256.
        contents: BlobId,
    }
    /// A new partner site joins.
    Join = "join" Id [Guest] "Joins by a kit: for who holds its capability, `kpc_…`, sent as a bearer key. The first party that does so uses the kit up." {
        /// The party's card, signed by itself, as its node gives it at `/.well-known/kippu-party.jws`.
        card: Text<{ statement::MOST_CHARS }>,
    }
    /// The main site takes it back.
    Withdraw = "withdraw" Id [Operator] "Takes a kit back, by which nobody has joined: nobody does any more." {}
}

/// A request whose card was checked.
pub enum Command {
    /// A kit is made.
    Make {
        /// For whom it is.
        name: String,
        /// From when the terms count.
        from: Time,
        /// The terms.
        terms: Box<Terms>,
        /// Until when somebody may join.
        until: Time,
        /// What its files hash to.
        contents: BlobId,
        /// The keys of this node that sign statements.
        keys: kippu_events::access::signing_keys::SigningKeys,
    },
    /// A party joins, whose card is its own.
    Join(Joined),
    /// It is taken back.
    Withdraw,
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The kit.
    pub id: EntityId,
    /// The signed text that goes before the files of a kit that was made: it says what they hash to, and lets a party join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// The contract that whoever joined is proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<EntityId>,
}
