//! Pages of a site: those that its operator writes, and tie-up pages, which the main site of a contract brings. Each path of a
//! site is one page, so an original is never shown in place of a tie-up page or the other way round.
//!
//! ```text
//! revised ─▶ revised ─▶ …                                           an original, or a page that the main site shares
//! offered ─▶ (bytes fetched) ─┬─▶ updated ─▶ told                   a tie-up page
//!                             └─▶ held ─▶ updated │ declined ─▶ told
//! ```

mod event;
mod samples;
mod text;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::event::{Content, Decliner, Event};
pub(in crate::partners) use self::samples::page as sample;
pub use self::text::{MOST_PATH_BYTES, MediaType, OtherForm, PagePath};
use crate::blobs::BlobId;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
use crate::opaque::EncryptedField;
use crate::partners::contracts::Part;
use crate::time::Time;

/// A page is read and hashed whenever it is asked for, so that nothing is shown that nobody wrote.
pub const MOST_PAGE_BYTES: u64 = 16 << 20;

/// The page at `path` on the site of `party`.
#[must_use]
pub fn id_of(party: EntityId, path: &PagePath) -> EntityId {
    let mut hash = Sha256::new();
    hash.update(b"kippu.page.1");
    hash.update(party.as_bytes());
    hash.update(path.as_str());
    EntityId::from_hash(&hash.finalize().into())
}

/// Who wrote what is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Writer {
    /// The operator of the main site.
    Main,
    /// The operator of the site that shows it, which is a partner's or on its own.
    Own,
}

/// What is shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shown {
    /// Which revision.
    pub revision: u32,
    /// Its bytes.
    pub content: Content,
    /// Who wrote it.
    pub by: Writer,
    /// Since when.
    pub since: Time,
    /// Whether its bytes are known to be others by now.
    pub damaged: bool,
}

/// A page that is written here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Own {
    /// Where it lies.
    pub path: PagePath,
    /// Whether partner sites show it too.
    pub tie_up: bool,
    /// Which part of a site it is.
    pub part: Part,
    /// What it is about.
    pub category: Option<String>,
    /// What is shown.
    pub shown: Shown,
}

/// Where a revision stands that is not shown yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// Its bytes are being fetched.
    Fetching {
        /// So long the manager is waited for then, where one is asked.
        answer_secs: Option<u32>,
    },
    /// The manager is asked.
    Held {
        /// Until when an answer counts.
        until: Time,
    },
}

/// A revision that is not shown yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Offer {
    /// Which revision.
    pub revision: u32,
    /// Its bytes.
    pub content: Content,
    /// Where it stands.
    pub phase: Phase,
}

/// What became of a revision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Became {
    /// It is shown.
    Applied,
    /// It is not.
    Declined(Decliner),
}

/// What the main site is still to be told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Of which revision.
    pub revision: u32,
    /// What its bytes hash to.
    pub sha256: BlobId,
    /// What became of it.
    pub became: Became,
    /// Why.
    pub reason: Option<String>,
}

/// A page that the main site of a contract brings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TieUp {
    /// Where it lies.
    pub path: PagePath,
    /// Which part of a site it is.
    pub part: Part,
    /// By which contract.
    pub contract: EntityId,
    /// The party of the main site.
    pub main: EntityId,
    /// What the main site calls the bringing of this page.
    pub delivery: EntityId,
    /// What opens the bytes at the main site.
    pub capability: EncryptedField,
    /// What is shown.
    pub shown: Option<Shown>,
    /// What may be shown next.
    pub offer: Option<Offer>,
    /// What the main site is to be told.
    pub report: Option<Report>,
    /// Counts what is owed to the main site: one more with each event.
    pub attempt: u32,
    /// Since when it is owed.
    pub since: Time,
}

/// The state of a page.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Page {
    /// Nobody wrote it.
    #[default]
    Absent,
    /// It is written here.
    Own(Box<Own>),
    /// The main site of a contract brings it.
    TieUp(Box<TieUp>),
}

impl Page {
    /// What is shown.
    #[must_use]
    pub fn shown(&self) -> Option<&Shown> {
        match self {
            Self::Absent => None,
            Self::Own(own) => Some(&own.shown),
            Self::TieUp(page) => page.shown.as_ref(),
        }
    }

    fn shown_mut(&mut self) -> Option<&mut Shown> {
        match self {
            Self::Absent => None,
            Self::Own(own) => Some(&mut own.shown),
            Self::TieUp(page) => page.shown.as_mut(),
        }
    }

    fn revise(&mut self, event: &Event, since: Time) {
        let Event::Revised { path, revision, content, tie_up, part, category } = event else { return };
        let (path, content, category) = (path.clone(), content.clone(), category.clone());
        let shown = Shown { revision: *revision, content, by: Writer::Own, since, damaged: false };
        *self = Self::Own(Box::new(Own { path, tie_up: *tie_up, part: *part, category, shown }));
    }

    fn offer(&mut self, event: &Event, since: Time) {
        let Event::Offered { contract, main, delivery, path, revision, content, part, capability, answer_secs, .. } =
            event
        else {
            return;
        };
        let phase = Phase::Fetching { answer_secs: *answer_secs };
        let offer = Some(Offer { revision: *revision, content: content.clone(), phase });
        let (shown, attempt) = match self {
            Self::Absent | Self::Own(_) => (None, 0),
            Self::TieUp(page) => (page.shown.take(), page.attempt),
        };
        *self = Self::TieUp(Box::new(TieUp {
            path: path.clone(),
            part: *part,
            contract: *contract,
            main: *main,
            delivery: *delivery,
            capability: capability.clone(),
            shown,
            offer,
            report: None,
            attempt: attempt + 1,
            since,
        }));
    }
}

impl TieUp {
    /// The newest revision that the main site has brought.
    #[must_use]
    pub fn newest(&self) -> u32 {
        let shown = self.shown.as_ref().map_or(0, |shown| shown.revision);
        self.offer.as_ref().map_or(shown, |offer| offer.revision.max(shown))
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        (self.attempt, self.since) = (self.attempt + 1, time);
        match event {
            Event::Held { until, .. } => {
                if let Some(offer) = &mut self.offer {
                    offer.phase = Phase::Held { until: *until };
                }
            }
            Event::Updated { revision, sha256 } => {
                if let Some(Offer { revision, content, .. }) = self.offer.take() {
                    self.shown = Some(Shown { revision, content, by: Writer::Main, since: time, damaged: false });
                }
                let (revision, sha256, became) = (*revision, *sha256, Became::Applied);
                self.report = Some(Report { revision, sha256, became, reason: None });
            }
            Event::Declined { revision, sha256, by, reason } => {
                self.offer = None;
                let (became, reason) = (Became::Declined(*by), reason.clone());
                self.report = Some(Report { revision: *revision, sha256: *sha256, became, reason });
            }
            Event::Repaired { revision, content } => {
                let (revision, content, by) = (*revision, content.clone(), Writer::Own);
                self.shown = Some(Shown { revision, content, by, since: time, damaged: false });
            }
            Event::Told { .. } | Event::NotTold { .. } => self.report = None,
            // Of pages of any kind, or of their beginning.
            Event::Damaged { .. } | Event::Restored { .. } | Event::Revised { .. } | Event::Offered { .. } => {}
        }
    }
}

impl Entity for Page {
    const FAMILY: Family = Family::Pages;
    const REVISION: u32 = 1;
    type Event = Event;

    fn samples() -> Vec<Event> {
        samples::all()
    }

    fn blobs(event: &Event) -> Vec<BlobId> {
        match event {
            Event::Revised { content, .. } | Event::Repaired { content, .. } => vec![content.sha256],
            Event::Held { sha256, .. } | Event::Updated { sha256, .. } | Event::Restored { sha256 } => vec![*sha256],
            // Not here yet, not kept, or not wanted.
            Event::Offered { .. }
            | Event::Declined { .. }
            | Event::Told { .. }
            | Event::NotTold { .. }
            | Event::Damaged { .. } => Vec::new(),
        }
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        match event {
            Event::Revised { .. } => return self.revise(event, time),
            Event::Offered { .. } => return self.offer(event, time),
            Event::Damaged { .. } | Event::Restored { .. } => {
                if let Some(shown) = self.shown_mut() {
                    shown.damaged = matches!(event, Event::Damaged { .. });
                }
            }
            Event::Held { .. }
            | Event::Updated { .. }
            | Event::Declined { .. }
            | Event::Repaired { .. }
            | Event::Told { .. }
            | Event::NotTold { .. } => {}
        }
        if let Self::TieUp(page) = self {
            page.evolve(event, time);
        }
    }
}

#[cfg(test)]
mod tests;
