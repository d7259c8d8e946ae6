//! What happens to a page.

use serde::{Deserialize, Serialize};

use super::{MadeOf, MediaType, NotMade, Overlay, PagePath};
use crate::blobs::BlobId;
use crate::id::EntityId;
use crate::opaque::EncryptedField;
use crate::partners::contracts::{Part, Way};
use crate::time::Time;

/// The bytes of a revision.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// What they hash to: SHA-256.
    pub sha256: BlobId,
    /// Their media type.
    pub media_type: MediaType,
    /// How many they are.
    pub size: u64,
}

/// Who declined a revision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decliner {
    /// The partner's manager.
    Manager,
    /// Nobody answered in time.
    Deadline,
    /// The partner's node, which could not get the bytes.
    Node,
}

/// What happened to a page. Holds no personal data.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// The operator of its site wrote it.
    #[serde(rename = "page.revised")]
    Revised {
        /// Where it lies.
        path: PagePath,
        /// Which revision: 1 is the first.
        revision: u32,
        /// Its bytes.
        content: Content,
        /// Whether partner sites show it too.
        tie_up: bool,
        /// Which part of a site it is.
        part: Part,
        /// What it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
        /// The page that it is shown in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        layout: Option<PagePath>,
        /// Whether links in it are replaced.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        links: bool,
    },
    /// The main site brings a revision of it.
    #[serde(rename = "page.offered")]
    Offered {
        /// By which contract.
        contract: EntityId,
        /// The party of the main site.
        main: EntityId,
        /// What the main site calls the bringing of this page.
        delivery: EntityId,
        /// Where it lies.
        path: PagePath,
        /// Which revision of the main site.
        revision: u32,
        /// Its bytes.
        content: Content,
        /// Which part of a site it is.
        part: Part,
        /// What opens the bytes at the main site.
        capability: EncryptedField,
        /// So long its manager is waited for, where one is asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer_secs: Option<u32>,
        /// What it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
        /// The page that it is shown in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        layout: Option<PagePath>,
        /// Whether links in it are replaced.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        links: bool,
        /// How it comes to be shown.
        #[serde(default, skip_serializing_if = "Way::is_overwrite")]
        way: Way,
    },
    /// Its bytes are here, and what is shown is to be made of them.
    #[serde(rename = "page.fetched")]
    Fetched {
        /// Which revision.
        revision: u32,
        /// What its bytes hash to.
        sha256: BlobId,
    },
    /// What is shown was made: it takes the place of what was shown before, or its manager is asked.
    #[serde(rename = "page.made")]
    Made {
        /// Of which revision.
        revision: u32,
        /// Of what.
        of: MadeOf,
        /// The bytes.
        content: Content,
        /// Until when an answer of its manager counts, who is asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Time>,
    },
    /// It could not be made: what was shown stays. A revision that was brought is declined by that.
    #[serde(rename = "page.not_made")]
    NotMade {
        /// Of which revision.
        revision: u32,
        /// Of what.
        of: MadeOf,
        /// Why.
        reason: NotMade,
    },
    /// Links lead to this revision at the main site from now on. Nothing of it lies here.
    #[serde(rename = "page.linked")]
    Linked {
        /// Which revision.
        revision: u32,
        /// What its bytes hash to.
        sha256: BlobId,
    },
    /// This site shows it with a difference from now on, or without any.
    #[serde(rename = "page.overlaid")]
    Overlaid {
        /// The difference.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        overlay: Option<Overlay>,
    },
    /// Its bytes are here, and its manager is asked.
    #[serde(rename = "page.held")]
    Held {
        /// Which revision.
        revision: u32,
        /// What its bytes hash to.
        sha256: BlobId,
        /// Until when an answer counts.
        until: Time,
    },
    /// It is shown in place of the one before.
    #[serde(rename = "page.updated")]
    Updated {
        /// Which revision.
        revision: u32,
        /// What its bytes hash to.
        sha256: BlobId,
    },
    /// It is not shown.
    #[serde(rename = "page.declined")]
    Declined {
        /// Which revision.
        revision: u32,
        /// What its bytes hash to.
        sha256: BlobId,
        /// Who declined it.
        by: Decliner,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The partner wrote a tie-up page, as its contract lets it.
    #[serde(rename = "page.repaired")]
    Repaired {
        /// The revision that it repairs.
        revision: u32,
        /// The bytes in its place.
        content: Content,
    },
    /// The main site was told what became of a revision.
    #[serde(rename = "page.told")]
    Told {
        /// Which activity it was.
        attempt: u32,
    },
    /// The main site was told, and refused it.
    #[serde(rename = "page.not_told")]
    NotTold {
        /// Which activity it was.
        attempt: u32,
        /// Why: a slug.
        reason: String,
    },
    /// Its bytes are not those that were written any more. It is not shown.
    #[serde(rename = "page.damaged")]
    Damaged {
        /// What they hashed to.
        sha256: BlobId,
        /// What they hash to now; nothing where they are gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<BlobId>,
    },
    /// They are again.
    #[serde(rename = "page.restored")]
    Restored {
        /// What they hash to.
        sha256: BlobId,
    },
}
