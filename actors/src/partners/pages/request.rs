//! What pages are asked, and what they answer.

use kippu_events::EntityId;
use kippu_events::blobs::BlobId;
use kippu_events::partners::contracts::{Known, Part};
use kippu_events::partners::pages::{
    Content, Form, MadeOf, MediaType, NotMade, Overlay as Difference, PagePath, Recipe,
};
use kippu_events::secrets::EncryptedField;
use serde::{Deserialize, Serialize};

use crate::text::{Text, named};

/// A few words.
pub const MOST_CATEGORY_CHARS: usize = 64;
/// A few sentences.
pub const MOST_REASON_CHARS: usize = 512;
/// A capability has half as many.
const MOST_CAPABILITY_CHARS: usize = 256;

const fn contents() -> Part {
    Part::Content
}

commands! {
    /// The operator of the site writes a page.
    Open = "open" New [Operator] "Writes a page of this site, or revises it. Partner sites get a page that is a tie-up page. With the contract named, a tie-up page of another main site is repaired." {
        /// Where it lies below the site. Its id follows from it.
        path: PagePath,
        /// Its bytes, which were uploaded before: at most 16 MiB.
        sha256: BlobId,
        /// Their media type.
        media_type: MediaType,
        /// Whether partner sites show it too.
        #[serde(default)]
        tie_up: bool,
        /// Which part of a site it is.
        #[serde(default = "contents", deserialize_with = "named")]
        part: Part,
        /// What it is about, as regional goods; no personal data.
        #[serde(default)]
        category: Option<Text<MOST_CATEGORY_CHARS>>,
        /// The page of this site that it is shown in, at the place of `<!--content-->` there. Where there is none, it is shown without.
        #[serde(default)]
        layout: Option<PagePath>,
        /// Whether `"kippu:PATH"` in it is replaced by where this site has the page at that path.
        #[serde(default)]
        links: bool,
        /// Where the page came by a contract: that one, whose terms say whether this site may repair it.
        #[serde(default)]
        contract: Option<EntityId>,
    }
    /// The main site brings a revision.
    Update = "update" Token [MainSite] "Brings a tie-up page of the main site: its bytes are fetched from there, checked, and shown once nobody has to be asked any more." {
        /// By which contract.
        contract: EntityId,
        /// What the main site calls the bringing of this page.
        delivery: EntityId,
        /// Where it lies below the site.
        path: PagePath,
        /// Which revision of the main site.
        #[schemars(range(min = 1))]
        revision: u32,
        /// Its bytes.
        content: Content,
        /// Which part of a site it is.
        #[serde(deserialize_with = "named")]
        part: Part,
        /// What opens the bytes at the main site.
        capability: Text<MOST_CAPABILITY_CHARS>,
        /// What it is about.
        #[serde(default)]
        category: Option<Text<MOST_CATEGORY_CHARS>>,
        /// The page that it is shown in.
        #[serde(default)]
        layout: Option<PagePath>,
        /// Whether links in it are replaced.
        #[serde(default)]
        links: bool,
    }
    /// This site shows it with a difference.
    Overlay = "overlay" Id [Operator] "Shows a tie-up page with a difference of this site, in this and in later revisions, where the contract lets it repair pages." {
        /// The contract by which the page came.
        contract: EntityId,
        /// In which form the difference is written.
        #[serde(deserialize_with = "named")]
        form: Form,
        /// What its bytes hash to, which were uploaded before.
        sha256: BlobId,
    }
    /// It shows it without any.
    RemoveOverlay = "remove_overlay" Id [Operator] "Shows a tie-up page as the main site brings it, without a difference of this site." {
        /// The contract by which the page came.
        contract: EntityId,
    }
    /// The manager of the site agrees.
    Confirm = "confirm" Id [Operator] "Shows a revision of a tie-up page that waits for an answer." {
        /// Which revision.
        revision: u32,
        /// What its bytes hash to, as the page has it: others are not shown.
        sha256: BlobId,
    }
    /// The manager of the site does not.
    Decline = "decline" Id [Operator] "Does not show a revision of a tie-up page that waits for an answer." {
        /// Which revision.
        revision: u32,
        /// What its bytes hash to, as the page has it.
        sha256: BlobId,
        /// Why; no personal data.
        #[serde(default)]
        reason: Option<Text<MOST_REASON_CHARS>>,
    }
}

/// A request that was checked, an outcome, or what the node itself has seen.
pub enum Command {
    /// The operator writes it.
    Write(Box<Written>),
    /// The main site brings a revision.
    Update(Box<Brought>),
    /// The manager answers.
    Answer {
        /// Which revision.
        revision: u32,
        /// What its bytes hash to.
        sha256: BlobId,
        /// Whether it is to be shown.
        agrees: bool,
        /// Why.
        reason: Option<String>,
    },
    /// The operator has it shown with this difference, or without any.
    Overlay {
        /// The contract, as it was when it was looked up.
        contract: (EntityId, Box<Known>),
        /// The difference.
        overlay: Option<Difference>,
    },
    /// The node has made what is shown.
    Made {
        /// Of which revision.
        revision: u32,
        /// Of what.
        of: MadeOf,
        /// The bytes, or why there are none.
        made: Result<Content, NotMade>,
    },
    /// What came of what was owed to the main site.
    CameOf {
        /// Which activity.
        attempt: u32,
        /// Why it was refused.
        refusal: Option<String>,
    },
    /// Nobody has answered in time.
    TimeUp,
    /// The node has looked at the bytes of what is shown.
    Looked {
        /// What they are to hash to.
        sha256: BlobId,
        /// What they hash to; nothing where they are gone.
        found: Option<BlobId>,
    },
}

/// What the operator writes.
pub struct Written {
    /// Where it lies.
    pub path: PagePath,
    /// Its bytes.
    pub content: Content,
    /// Whether partner sites show it too.
    pub tie_up: bool,
    /// Which part of a site it is.
    pub part: Part,
    /// What it is about.
    pub category: Option<String>,
    /// How it is made.
    pub recipe: Recipe,
    /// The contract by which it is repaired, as it was when it was looked up.
    pub repairs: Option<(EntityId, Box<Known>)>,
}

/// What the main site brings.
pub struct Brought {
    /// By which contract, as it was when it was looked up.
    pub contract: (EntityId, Box<Known>),
    /// What the main site calls the bringing of this page.
    pub delivery: EntityId,
    /// Where it lies.
    pub path: PagePath,
    /// Which revision.
    pub revision: u32,
    /// Its bytes.
    pub content: Content,
    /// Which part of a site it is.
    pub part: Part,
    /// What opens the bytes.
    pub capability: EncryptedField,
    /// What it is about.
    pub category: Option<String>,
    /// How it is made.
    pub recipe: Recipe,
}

/// Where a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The revision is shown.
    Shown,
    /// Its bytes are being fetched, or what is shown is being made.
    Fetching,
    /// The manager is asked.
    Held,
    /// It is not shown.
    Declined,
}

/// What an accepted command answers.
#[derive(Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reply {
    /// The page.
    pub id: EntityId,
    /// Which revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}
