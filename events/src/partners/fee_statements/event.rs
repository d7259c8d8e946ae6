//! What happens to a statement of fees.

use serde::{Deserialize, Serialize};

use crate::blobs::BlobId;
use crate::id::EntityId;
use crate::money::Currency;
use crate::partners::fees::Month;

/// What a signed statement is, in its header.
pub const STATEMENT: &str = "kippu-fee-statement";

/// What a party signs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Under which contract.
    pub contract: EntityId,
    /// The month.
    pub month: Month,
    /// Which statement of the month: 1 is the first.
    pub number: u32,
    /// What the statement hashes to, as the signer's node computed it.
    pub sha256: BlobId,
    /// What is owed, in minor units.
    pub total: i64,
    /// In which currency.
    pub currency: Currency,
    /// What of the signer's own history it reflects.
    pub cut: String,
}

impl Said {
    /// Whether another party says the same, from its own history.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        (self.contract, self.month, self.number) == (other.contract, other.month, other.number)
            && (self.sha256, self.total, self.currency) == (other.sha256, other.total, other.currency)
    }
}

/// Something that one party's statement says otherwise than the other's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// What it is about, as a page on a day, or a line of the fee.
    pub what: String,
    /// As the main site has it.
    pub main: Option<String>,
    /// As the partner site has it.
    pub partner: Option<String>,
}

/// What happened to a statement. Holds no personal data.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The main site has signed it.
    #[serde(rename = "fee_statement.signed")]
    Signed {
        /// The party of the main site.
        main: EntityId,
        /// The party of the partner site.
        partner: EntityId,
        /// What it says.
        said: Said,
        /// As it was signed.
        signed: String,
        /// Whether it was done at this node, which tells the other party.
        here: bool,
    },
    /// The partner site has signed the same.
    #[serde(rename = "fee_statement.cosigned")]
    Cosigned {
        /// What it says.
        said: Said,
        /// As it was signed.
        signed: String,
        /// Whether it was done at this node, which tells the other party.
        here: bool,
    },
    /// The partner site's own statement differs.
    #[serde(rename = "fee_statement.disputed")]
    Disputed {
        /// Which statement of the month.
        number: u32,
        /// Where.
        differences: Vec<Difference>,
        /// Why, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Whether it was done at this node, which tells the other party.
        here: bool,
    },
    /// The other party was told.
    #[serde(rename = "fee_statement.told")]
    Told {
        /// How many times it was told something before.
        attempt: u32,
    },
    /// The other party was told, and refused it.
    #[serde(rename = "fee_statement.not_told")]
    NotTold {
        /// How many times it was told something before.
        attempt: u32,
        /// Why: a slug.
        reason: String,
    },
}
