//! Tie-up pages: those that the main site of a contract brings.

use serde::{Deserialize, Serialize};

use super::made::keep_former;
use super::{Around, Content, Decliner, Event, Failed, MadeOf, Overlay, Page, PagePath, Recipe, Shown, ToMake, Writer};
use crate::blobs::BlobId;
use crate::id::EntityId;
use crate::opaque::EncryptedField;
use crate::partners::contracts::{Part, Way};
use crate::time::Time;

/// Where a revision stands that is not shown yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// Its bytes are being fetched.
    Fetching {
        /// So long the manager is waited for then, where one is asked.
        answer_secs: Option<u32>,
    },
    /// Its bytes are here, and what is shown is made of them.
    Making {
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
    /// Its bytes, as the main site has them.
    pub content: Content,
    /// What comes to be shown, and of what it was made, where it is something else.
    pub made: Option<(Content, MadeOf)>,
    /// Where it stands.
    pub phase: Phase,
}

impl Offer {
    /// What comes to be shown.
    #[must_use]
    pub fn shows(&self) -> &Content {
        self.made.as_ref().map_or(&self.content, |(content, _)| content)
    }

    /// So long its manager is waited for, where one is asked.
    #[must_use]
    pub const fn answer_secs(&self) -> Option<u32> {
        match self.phase {
            Phase::Fetching { answer_secs } | Phase::Making { answer_secs } => answer_secs,
            Phase::Held { .. } => None,
        }
    }
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
    /// What its bytes hash to, as the main site has them.
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
    /// What it is about.
    pub category: Option<String>,
    /// By which contract.
    pub contract: EntityId,
    /// The party of the main site.
    pub main: EntityId,
    /// What the main site calls the bringing of this page.
    pub delivery: EntityId,
    /// What opens the bytes at the main site.
    pub capability: EncryptedField,
    /// How it is made.
    pub recipe: Recipe,
    /// How a revision comes to be shown.
    pub way: Way,
    /// The difference of this site.
    pub overlay: Option<Overlay>,
    /// What is shown.
    pub shown: Option<Shown>,
    /// The revision at the main site to which links lead, where nothing of it lies here.
    pub linked: Option<(u32, Content)>,
    /// What may be shown next.
    pub offer: Option<Offer>,
    /// What could not be made.
    pub failed: Option<Failed>,
    /// What the main site is to be told.
    pub report: Option<Report>,
    /// Revisions that were shown, oldest first.
    pub former: Vec<(u32, Content)>,
    /// Counts what is owed to the main site: one more with each event.
    pub attempt: u32,
    /// Since when it is owed.
    pub since: Time,
}

impl TieUp {
    /// The newest revision that the main site has brought.
    #[must_use]
    pub fn newest(&self) -> u32 {
        let shown = self.shown.as_ref().map_or(0, |shown| shown.revision);
        let linked = self.linked.as_ref().map_or(0, |(revision, _)| *revision);
        self.offer.as_ref().map_or(0, |offer| offer.revision).max(shown).max(linked)
    }

    /// Whether what is shown is something else than what was brought.
    #[must_use]
    pub const fn is_made(&self) -> bool {
        !self.recipe.is_plain() || self.overlay.is_some()
    }

    pub(super) fn to_make(&self, around: &Around) -> Option<ToMake> {
        let offer = self.offer.as_ref().filter(|offer| matches!(offer.phase, Phase::Making { .. }));
        if let Some(offer) = offer {
            let of = self.recipe.of(offer.content.sha256, self.overlay, around);
            let (source, overlay) = (offer.content.clone(), self.overlay);
            return Some(ToMake { revision: offer.revision, source, overlay, of });
        }
        self.shown.as_ref()?.to_make(&self.recipe, self.overlay, around)
    }

    /// The main site brings a revision: what is shown stays for now.
    pub(super) fn offer(page: &mut Page, event: &Event, since: Time) {
        let Event::Offered {
            contract,
            main,
            delivery,
            path,
            revision,
            content,
            part,
            capability,
            answer_secs,
            category,
            layout,
            links,
            way,
        } = event
        else {
            return;
        };
        let phase = Phase::Fetching { answer_secs: *answer_secs };
        let offer = Some(Offer { revision: *revision, content: content.clone(), made: None, phase });
        let mut next = Self {
            path: path.clone(),
            part: *part,
            category: category.clone(),
            contract: *contract,
            main: *main,
            delivery: *delivery,
            capability: capability.clone(),
            recipe: Recipe { layout: layout.clone(), links: *links },
            way: *way,
            overlay: None,
            shown: None,
            linked: None,
            offer,
            failed: None,
            report: None,
            former: Vec::new(),
            attempt: 1,
            since,
        };
        if let Page::TieUp(before) = page {
            next.attempt = before.attempt + 1;
            (next.shown, next.linked) = (before.shown.take(), before.linked.take());
            (next.overlay, next.former) = (before.overlay, std::mem::take(&mut before.former));
        }
        *page = Page::TieUp(Box::new(next));
    }

    /// The revision that waited is shown from now on.
    fn show(&mut self, time: Time) {
        let Some(Offer { revision, content, made, .. }) = self.offer.take() else { return };
        let (sha256, became) = (content.sha256, Became::Applied);
        let (shown, made_of) = made.map_or((content.clone(), None), |(shown, of)| (shown, Some(of)));
        keep_former(&mut self.former, revision, &shown);
        let by = Writer::Main;
        self.shown =
            Some(Shown { revision, content: shown, source: content, made_of, by, since: time, damaged: false });
        self.linked = None;
        self.report = Some(Report { revision, sha256, became, reason: None });
    }

    pub(super) fn evolve(&mut self, event: &Event, time: Time) {
        (self.attempt, self.since) = (self.attempt + 1, time);
        match event {
            Event::Fetched { .. } => {
                if let Some(offer) = &mut self.offer {
                    offer.phase = Phase::Making { answer_secs: offer.answer_secs() };
                }
            }
            Event::Made { revision, of, content, until } => self.made(*revision, *of, content, *until, time),
            Event::NotMade { revision, of, reason } => {
                self.failed = Some(Failed { of: *of, reason: *reason });
                if let Some(offer) = self.offer.take_if(|offer| is_made_of(offer, *revision, *of)) {
                    let (sha256, became) = (offer.content.sha256, Became::Declined(Decliner::Node));
                    let reason = Some(reason.slug().to_owned());
                    self.report = Some(Report { revision: *revision, sha256, became, reason });
                }
            }
            Event::Linked { revision, .. } => {
                if let Some(Offer { revision: its, content, .. }) = self.offer.take() {
                    let (revision, sha256, became) = (*revision, content.sha256, Became::Applied);
                    (self.linked, self.shown) = (Some((its, content)), None);
                    self.report = Some(Report { revision, sha256, became, reason: None });
                }
            }
            Event::Overlaid { overlay } => (self.overlay, self.failed) = (*overlay, None),
            Event::Held { until, .. } => {
                if let Some(offer) = &mut self.offer {
                    offer.phase = Phase::Held { until: *until };
                }
            }
            Event::Updated { .. } => self.show(time),
            Event::Declined { revision, sha256, by, reason } => {
                // The main site knows it by its own bytes.
                let sha256 = self.offer.take().map_or(*sha256, |offer| offer.content.sha256);
                let (became, reason) = (Became::Declined(*by), reason.clone());
                self.report = Some(Report { revision: *revision, sha256, became, reason });
            }
            Event::Repaired { revision, content } => {
                keep_former(&mut self.former, *revision, content);
                self.shown = Some(Shown::plain(*revision, content.clone(), Writer::Own, time));
            }
            Event::Told { .. } | Event::NotTold { .. } => self.report = None,
            // Of pages of any kind, or of their beginning.
            Event::Damaged { .. } | Event::Restored { .. } | Event::Revised { .. } | Event::Offered { .. } => {}
        }
    }

    fn made(&mut self, revision: u32, of: MadeOf, content: &Content, until: Option<Time>, time: Time) {
        self.failed = None;
        let offer = self.offer.as_mut().filter(|offer| is_made_of(offer, revision, of));
        if let Some(offer) = offer {
            offer.made = Some((content.clone(), of));
            match until {
                Some(until) => offer.phase = Phase::Held { until },
                None => self.show(time),
            }
        } else if let Some(shown) = &mut self.shown {
            shown.remade(content, of, time);
            keep_former(&mut self.former, revision, content);
        }
    }
}

/// Whether `of` is what is made of `offer`.
fn is_made_of(offer: &Offer, revision: u32, of: MadeOf) -> bool {
    matches!(offer.phase, Phase::Making { .. }) && offer.revision == revision && offer.content.sha256 == of.source
}
