//! What statements of fees are asked, and what they answer.

use kippu_events::access::peers::PeerKey;
use kippu_events::partners::contracts::Side;
use kippu_events::partners::fee_statements::{self, Said};
use kippu_events::partners::fees::Month;
use kippu_events::{EntityId, Time, statement};
use serde::{Deserialize, Serialize};

use crate::text::Text;

/// So many differences are told: what follows from them is not.
pub const MOST_DIFFERENCES: usize = 100;
/// A page and a day, or a line of the fee.
pub const MOST_WHAT_CHARS: usize = 512;
/// A number, or a list of them.
pub const MOST_SIDE_CHARS: usize = 256;
/// A few sentences.
pub const MOST_REASON_CHARS: usize = 512;

/// A statement as a party signed it.
pub type Signature = Text<{ statement::MOST_CHARS }>;

/// Something that one party's statement says otherwise than the other's.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// What it is about, as a page on a day, or a line of the fee.
    pub what: Text<MOST_WHAT_CHARS>,
    /// As the main site has it.
    #[serde(default)]
    pub main: Option<Text<MOST_SIDE_CHARS>>,
    /// As the partner site has it.
    #[serde(default)]
    pub partner: Option<Text<MOST_SIDE_CHARS>>,
}

impl From<Difference> for fee_statements::Difference {
    fn from(Difference { what, main, partner }: Difference) -> Self {
        Self { what: what.into(), main: main.map(String::from), partner: partner.map(String::from) }
    }
}

commands! {
    /// The main site signs the statement of a month.
    Open = "open" New [Operator, MainSite] "Signs the statement of a month that is over, whose bytes were uploaded before, and asks the partner site to sign the same." {
        /// What is signed.
        said: Said,
        /// As the main site signed it; left out where this node is to sign.
        #[serde(default)]
        signed: Option<Signature>,
    }
    /// The partner site signs the same.
    Cosign = "cosign" Token [Operator, PartnerSite] "Signs the same statement, as the own node computed it: from then on nothing changes it." {
        /// What is signed.
        said: Said,
        /// As the partner site signed it; left out where this node is to sign.
        #[serde(default)]
        signed: Option<Signature>,
    }
    /// The partner site's own statement differs.
    Dispute = "dispute" Token [Operator, PartnerSite] "Says where the own statement differs: the main site may sign another one then." {
        /// Under which contract.
        contract: EntityId,
        /// The month.
        month: Month,
        /// Which statement of the month.
        number: u32,
        /// Where they differ: at most 100.
        #[schemars(length(min = 1, max = MOST_DIFFERENCES))]
        differences: Vec<Difference>,
        /// Why, in words; no personal data.
        #[serde(default)]
        reason: Option<Text<MOST_REASON_CHARS>>,
    }
}

/// A request whose caller and signature were checked, or an outcome.
pub enum Command {
    /// A party does something.
    Do {
        /// Which side it is.
        side: Side,
        /// Whether at its own node.
        here: bool,
        /// What.
        doing: Box<Doing>,
        /// The other party's key that signed it.
        key: Option<PeerKey>,
    },
    /// What came of telling the other party.
    CameOf {
        /// How many times it was told something before.
        attempt: u32,
        /// Why it refused.
        refusal: Option<String>,
    },
}

/// What a party does.
pub enum Doing {
    /// Signs a statement.
    Sign {
        /// The party of the main site.
        main: EntityId,
        /// The party of the partner site.
        partner: EntityId,
        /// What it says.
        said: Said,
        /// As it was signed.
        signed: String,
        /// When the month is over.
        ends_at: Time,
    },
    /// Signs the same.
    Cosign {
        /// What it says.
        said: Said,
        /// As it was signed.
        signed: String,
    },
    /// Disputes it.
    Dispute {
        /// Which statement of the month.
        number: u32,
        /// Where it differs.
        differences: Vec<fee_statements::Difference>,
        /// Why.
        reason: Option<String>,
    },
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The statement.
    pub id: EntityId,
    /// Which statement of the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// As it was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<String>,
}
