//! What batches are asked, and what they answer.

use kippu_events::access::peers::PeerKey;
use kippu_events::partners::access::Directives;
use kippu_events::partners::access_batches::{Batch, Certificate, Encoding};
use kippu_events::{EntityId, statement};
use serde::{Deserialize, Serialize};

use crate::text::{Text, named};

/// So many lines at most are certified at once.
pub const MOST_LINES: usize = 1_000;
/// So many bytes of lines: with their names encrypted apart they fit into a record.
pub const MOST_BYTES: usize = 96 * 1024;
/// Where lines end at the latest in their log: what every reader of JSON has as a whole number.
pub const MOST_OFFSET: u64 = (1 << 53) - 1;
/// The name of a server or of a file.
pub const MOST_NAME_CHARS: usize = 128;
/// A log format of nginx, or the fields of a log of IIS.
pub const MOST_FORMAT_CHARS: usize = 4_096;

/// The name of a server or of a file.
pub type Name = Text<MOST_NAME_CHARS>;

commands! {
    /// Some lines of an access log are to be on record.
    Open = "open" New [Operator, MainSite, PartnerSite] "Certifies some lines of an access log, and hands them to the other party of the contract." {
        /// Under which contract.
        contract: EntityId,
        /// The server whose log it is, as its operator calls it.
        source: Name,
        /// The part of that log, as the name of a file.
        segment: Name,
        /// Where the first line begins in it, in bytes.
        #[schemars(extend("maximum" = MOST_OFFSET))]
        offset: u64,
        /// The format of the lines.
        format: Text<MOST_FORMAT_CHARS>,
        /// What directives before them say of how they are read, for a log of the W3C's format.
        #[serde(default)]
        directives: Directives,
        /// How the bytes of the lines are written in `text`.
        #[serde(deserialize_with = "named")]
        encoding: Encoding,
        /// The lines, with their ends: at most 1,000, and 98,304 bytes.
        #[schemars(length(min = 1, max = MOST_BYTES))]
        text: String,
        /// The certificate, as its writer signed it; left out where this node is to sign one.
        #[serde(default)]
        certificate: Option<Text<{ statement::MOST_CHARS }>>,
    }
    /// The other party has certified lines, and keeps them.
    Announce = "announce" Token [MainSite, PartnerSite] "Tells of certified lines that their writer keeps until they are called for." {
        /// The certificate, as its writer signed it.
        certificate: Text<{ statement::MOST_CHARS }>,
    }
    /// Lines that were announced are wanted.
    Call = "call" Id [Operator, MainSite, PartnerSite] "Calls for lines that the other party of the contract has announced: its node hands them over." {}
}

/// Lines that were checked, or an outcome.
pub enum Command {
    /// The lines are to be on record.
    Certify {
        /// The lines, without names.
        batch: Box<Batch>,
        /// To whom they are to be handed over.
        to: Option<EntityId>,
        /// The other party's key that signed the certificate.
        key: Option<PeerKey>,
        /// Whether it is handed over on call alone.
        held: bool,
    },
    /// The other party has lines.
    Announce {
        /// That party.
        writer: EntityId,
        /// Where they lie, how many they are, and what they hash to.
        certificate: Box<Certificate>,
        /// The certificate as the writer signed it.
        signed: String,
        /// The key that signed it.
        key: Option<PeerKey>,
    },
    /// Lines are wanted: by the other party, or by this node's operator.
    Call {
        /// That party.
        by: Option<EntityId>,
    },
    /// What came of handing them over.
    CameOf {
        /// Which attempt.
        attempt: u32,
        /// Why they are not taken.
        refusal: Option<String>,
    },
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The batch.
    pub id: EntityId,
    /// The root of the tree over the lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The certificate, signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}
