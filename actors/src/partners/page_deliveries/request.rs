//! What the bringing of a page is asked, and what it answers.

use kippu_events::EntityId;
use kippu_events::blobs::BlobId;
use kippu_events::partners::pages::{Decliner, Own};
use serde::{Deserialize, Serialize};

use crate::text::{Text, named};

/// A few sentences.
pub const MOST_REASON_CHARS: usize = 512;

commands! {
    /// The manager of the main site tries once more.
    Again = "again" Id [Operator] "Brings the newest revision of a page once more, which the partner site declined or its node refused." {}
    /// The partner site tells what became of a revision.
    Report = "report" Id [PartnerSite] "Tells the main site what became of a revision at the partner site." {
        /// Which revision.
        revision: u32,
        /// What its bytes hash to.
        sha256: BlobId,
        /// What became of it.
        #[serde(deserialize_with = "named")]
        became: Became,
        /// Who declined it.
        #[serde(default)]
        by: Option<Decliner>,
        /// Why; no personal data.
        #[serde(default)]
        reason: Option<Text<MOST_REASON_CHARS>>,
    }
}

/// What became of a revision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// The partner site shows it.
    Applied,
    /// It does not.
    Declined,
}

/// A request whose caller is known, an outcome, or what follows from a page and a contract.
pub enum Command {
    /// The page is to be brought by the contract.
    Order {
        /// Which contract.
        contract: EntityId,
        /// The page, as it is now.
        page: Box<Own>,
    },
    /// Once more.
    Again,
    /// The party `by` tells what became of it.
    Report {
        /// Who tells.
        by: Option<EntityId>,
        /// Of which revision.
        revision: u32,
        /// What its bytes hash to.
        sha256: BlobId,
        /// Who declined it; nothing where it is shown.
        declined: Option<Decliner>,
        /// Why.
        reason: Option<String>,
    },
    /// What came of telling the partner's node.
    CameOf {
        /// Which activity.
        attempt: u32,
        /// Why it refused.
        refusal: Option<String>,
    },
    /// It is time to bring it once more.
    TimeUp,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The partner's node is to be told.
    Pending,
    /// The partner site shows it.
    Applied,
    /// The partner site does not.
    Declined,
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The bringing of the page.
    pub id: EntityId,
    /// Which revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}
