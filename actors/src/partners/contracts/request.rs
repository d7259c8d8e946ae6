//! What contracts are asked, and what they answer.

use kippu_events::partners::contracts::Terms;
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::text::Text;

/// New terms every month for eight years.
pub const MOST_VERSIONS: usize = 96;
/// A few sentences.
pub const MOST_REASON_CHARS: usize = 512;

commands! {
    /// A main site proposes terms.
    Open = "open" New [Operator, MainSite] "Proposes the terms of a contract with a partner site, or other terms from a time on." {
        /// The party of the partner site.
        partner: EntityId,
        /// Which terms: 1 is the first, and each has the next number.
        #[schemars(range(min = 1))]
        number: u32,
        /// From when they count, once the partner has accepted them.
        from: Time,
        /// The terms.
        terms: Box<Terms>,
    }
    /// The partner site accepts them.
    Accept = "accept" Id [Operator, PartnerSite] "Accepts proposed terms: they count from their time on." {
        /// Which.
        number: u32,
        /// What they hash to, as their proposal has it: others are not accepted.
        sha256: Text<64>,
    }
    /// The partner site does not.
    Decline = "decline" Id [Operator, PartnerSite] "Declines proposed terms: they never count." {
        /// Which.
        number: u32,
        /// Why; no personal data.
        #[serde(default)]
        reason: Option<Text<MOST_REASON_CHARS>>,
    }
    /// One of the two ends it.
    End = "end" Id [Operator, MainSite, PartnerSite] "Ends a contract from a time on, which is behind the beginning of all accepted terms." {
        /// When.
        at: Time,
    }
}

/// A request whose caller and terms were checked, or an outcome.
pub enum Command {
    /// A party does something.
    Do {
        /// Which party.
        by: EntityId,
        /// Whether at its own node.
        here: bool,
        /// What.
        doing: Doing,
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
    /// Proposes terms.
    Propose {
        /// To whom.
        partner: EntityId,
        /// Which.
        number: u32,
        /// From when they count.
        from: Time,
        /// The terms.
        terms: Box<Terms>,
        /// What they hash to.
        sha256: String,
    },
    /// Accepts them.
    Accept {
        /// Which.
        number: u32,
        /// What they hash to.
        sha256: String,
    },
    /// Declines them.
    Decline {
        /// Which.
        number: u32,
        /// Why.
        reason: Option<String>,
    },
    /// Ends the contract.
    End {
        /// When.
        at: Time,
    },
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The contract.
    pub id: EntityId,
    /// Which terms, where it is about some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// What proposed terms hash to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}
