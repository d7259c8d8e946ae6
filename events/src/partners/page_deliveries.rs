//! Bringing a page of the main site to the partner site of a contract: the newest revision, one after the other.
//!
//! ```text
//! ordered ─(partner: update)─▶ taken ─┬─▶ applied
//!    ▲  │                             └─▶ declined ─(again)─┐
//!    │  └─▶ refused                                         │
//!    └──────────────── a newer revision, or once more ◀─────┘
//! ```

mod samples;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::blobs::BlobId;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::opaque::TokenHash;
use crate::partners::contracts::Part;
use crate::partners::pages::{Content, Decliner, PagePath, Recipe};
use crate::time::Time;

/// The bringing of the page at `path` by `contract`. It lies beside the contract, which its decisions see.
#[must_use]
pub fn id_of(contract: EntityId, path: &PagePath) -> EntityId {
    let mut hash = Sha256::new();
    hash.update(b"kippu.page-delivery.1");
    hash.update(contract.as_bytes());
    hash.update(path.as_str());
    EntityId::from_hash(&hash.finalize().into()).in_slot(contract.slot())
}

/// What happened to the bringing of a page. Holds no personal data.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A revision is to be brought, in place of any before.
    #[serde(rename = "page_delivery.ordered")]
    Ordered {
        /// By which contract.
        contract: EntityId,
        /// The party of the partner site.
        partner: EntityId,
        /// Where the page lies, at both sites.
        path: PagePath,
        /// Which revision.
        revision: u32,
        /// Its bytes.
        content: Content,
        /// Which part of a site it is.
        part: Part,
        /// What the capability hashes to that opens the bytes.
        capability: TokenHash,
        /// What the page is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
        /// The page that it is shown in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        layout: Option<PagePath>,
        /// Whether links in it are replaced.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        links: bool,
    },
    /// The partner's node knows of it.
    #[serde(rename = "page_delivery.taken")]
    Taken {
        /// Which activity it was.
        attempt: u32,
    },
    /// The partner's node wants nothing of it.
    #[serde(rename = "page_delivery.refused")]
    Refused {
        /// Which activity it was.
        attempt: u32,
        /// Why: a slug.
        reason: String,
    },
    /// The partner site shows it.
    #[serde(rename = "page_delivery.applied")]
    Applied {
        /// Which revision.
        revision: u32,
        /// What its bytes hash to.
        sha256: BlobId,
    },
    /// The partner site does not.
    #[serde(rename = "page_delivery.declined")]
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
        /// When it is brought once more, where the terms say so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again_at: Option<Time>,
    },
}

/// Where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// The partner's node is to be told.
    Ordered,
    /// It knows, and has not said what became of it.
    Taken,
    /// The partner site shows it.
    Applied,
    /// The partner site does not.
    Declined {
        /// When it is brought once more.
        again_at: Option<Time>,
    },
    /// The partner's node wanted nothing of it.
    Refused,
}

/// The bringing of a page.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// By which contract.
    pub contract: EntityId,
    /// The party of the partner site.
    pub partner: EntityId,
    /// Where the page lies.
    pub path: PagePath,
    /// The newest revision that was ordered.
    pub revision: u32,
    /// Its bytes.
    pub content: Content,
    /// Which part of a site it is.
    pub part: Part,
    /// What opens the bytes.
    pub capability: TokenHash,
    /// What the page is about.
    pub category: Option<String>,
    /// How it is made.
    pub recipe: Recipe,
    /// Where the newest revision stands.
    pub phase: Phase,
    /// What the partner site shows.
    pub applied: Option<(u32, Content)>,
    /// Counts what is owed to the partner: one more with each event.
    pub attempt: u32,
    /// Since when it is owed.
    pub since: Time,
}

impl Known {
    /// The content that hashes to this, where the partner is to have it: the newest one, or what it shows.
    #[must_use]
    pub fn content(&self, sha256: BlobId) -> Option<&Content> {
        let shown = self.applied.as_ref().map(|(_, content)| content);
        std::iter::once(&self.content).chain(shown).find(|content| content.sha256 == sha256)
    }
}

/// The state of the bringing of a page.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum PageDelivery {
    /// Nothing was ordered.
    #[default]
    Absent,
    /// Something was.
    Known(Box<Known>),
}

impl PageDelivery {
    /// Itself, where something was ordered.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        match self {
            Self::Absent => None,
            Self::Known(known) => Some(known),
        }
    }

    fn order(&mut self, event: &Event, since: Time) {
        let Event::Ordered { contract, partner, path, revision, content, part, capability, category, layout, links } =
            event
        else {
            return;
        };
        let (applied, attempt) = match self {
            Self::Absent => (None, 0),
            Self::Known(known) => (known.applied.take(), known.attempt),
        };
        *self = Self::Known(Box::new(Known {
            contract: *contract,
            partner: *partner,
            path: path.clone(),
            revision: *revision,
            content: content.clone(),
            part: *part,
            capability: capability.clone(),
            category: category.clone(),
            recipe: Recipe { layout: layout.clone(), links: *links },
            phase: Phase::Ordered,
            applied,
            attempt: attempt + 1,
            since,
        }));
    }
}

impl Entity for PageDelivery {
    const FAMILY: Family = Family::PageDeliveries;
    const REVISION: u32 = 2;
    type Event = Event;

    fn samples() -> Vec<Event> {
        samples::all()
    }

    fn blobs(event: &Event) -> Vec<BlobId> {
        match event {
            Event::Ordered { content, .. } => vec![content.sha256],
            // Named before.
            Event::Applied { sha256, .. } | Event::Declined { sha256, .. } => vec![*sha256],
            Event::Taken { .. } | Event::Refused { .. } => Vec::new(),
        }
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        let phase = match event {
            Event::Ordered { .. } => return self.order(event, time),
            Event::Taken { .. } => Phase::Taken,
            Event::Refused { .. } => Phase::Refused,
            Event::Applied { .. } => Phase::Applied,
            Event::Declined { again_at, .. } => Phase::Declined { again_at: *again_at },
        };
        let Self::Known(known) = self else { return };
        if phase == Phase::Applied {
            known.applied = Some((known.revision, known.content.clone()));
        }
        (known.phase, known.attempt, known.since) = (phase, known.attempt + 1, time);
    }
}

#[cfg(test)]
mod tests;
