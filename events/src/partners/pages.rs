//! Pages of a site: those that its operator writes, and tie-up pages, which the main site of a contract brings. Each path of a
//! site is one page, so an original is never shown in place of a tie-up page or the other way round.
//!
//! ```text
//! revised ─▶ revised ─▶ …                                           an original, or a page that the main site shares
//! offered ─▶ (bytes fetched) ─┬─▶ updated ─▶ told                   a tie-up page
//!                             └─▶ held ─▶ updated │ declined ─▶ told
//! ```

mod event;
mod made;
mod samples;
mod text;
mod tie_up;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::event::{Content, Decliner, Event};
use self::made::keep_former;
pub use self::made::{Around, Failed, Form, MOST_FORMER, MadeOf, NotMade, Overlay, Recipe, ToMake};
pub(in crate::partners) use self::samples::page as sample;
pub use self::text::{MOST_PATH_BYTES, MediaType, OtherForm, PagePath};
pub use self::tie_up::{Became, Offer, Phase, Report, TieUp};
use crate::blobs::BlobId;
use crate::entity::Entity;
use crate::family::Family;
use crate::id::EntityId;
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
    /// What was written of it, which the bytes are where they are made of nothing else.
    pub source: Content,
    /// Of what they are made, where they are.
    pub made_of: Option<MadeOf>,
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
    /// How it is made.
    pub recipe: Recipe,
    /// What is shown.
    pub shown: Option<Shown>,
    /// What was written, and is shown once it is made.
    pub next: Option<(u32, Content)>,
    /// What could not be made.
    pub failed: Option<Failed>,
    /// Revisions that were shown, oldest first.
    pub former: Vec<(u32, Content)>,
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

impl Shown {
    /// What is shown as it was written.
    #[must_use]
    pub fn plain(revision: u32, content: Content, by: Writer, since: Time) -> Self {
        Self { revision, source: content.clone(), content, made_of: None, by, since, damaged: false }
    }

    /// It is made anew.
    fn remade(&mut self, content: &Content, of: MadeOf, time: Time) {
        (self.content, self.made_of, self.since, self.damaged) = (content.clone(), Some(of), time, false);
    }

    /// What it is to be made of, if that is something else than what it is made of.
    fn to_make(&self, recipe: &Recipe, overlay: Option<Overlay>, around: &Around) -> Option<ToMake> {
        let source = self.source.sha256;
        let of = recipe.of(source, overlay, around);
        let is_so = self.made_of.unwrap_or(MadeOf::plain(source)) == of && !(self.damaged && self.made_of.is_some());
        (!is_so).then(|| ToMake { revision: self.revision, source: self.source.clone(), overlay, of })
    }
}

impl Own {
    /// The newest revision that was written.
    #[must_use]
    pub fn newest(&self) -> u32 {
        let shown = self.shown.as_ref().map_or(0, |shown| shown.revision);
        self.next.as_ref().map_or(shown, |(revision, _)| *revision)
    }

    fn to_make(&self, around: &Around) -> Option<ToMake> {
        if let Some((revision, source)) = &self.next {
            let of = self.recipe.of(source.sha256, None, around);
            return Some(ToMake { revision: *revision, source: source.clone(), overlay: None, of });
        }
        self.shown.as_ref()?.to_make(&self.recipe, None, around)
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        match event {
            Event::Made { revision, of, content, .. } => {
                self.failed = None;
                let next = self.next.take_if(|(its, source)| its == revision && source.sha256 == of.source);
                match (next, &mut self.shown) {
                    (Some((revision, source)), shown) => {
                        let (content, made_of, by) = (content.clone(), Some(*of), Writer::Own);
                        *shown = Some(Shown { revision, content, source, made_of, by, since: time, damaged: false });
                    }
                    (None, Some(shown)) => shown.remade(content, *of, time),
                    (None, None) => {}
                }
            }
            Event::NotMade { of, reason, .. } => self.failed = Some(Failed { of: *of, reason: *reason }),
            Event::Revised { .. }
            | Event::Offered { .. }
            | Event::Fetched { .. }
            | Event::Linked { .. }
            | Event::Overlaid { .. }
            | Event::Held { .. }
            | Event::Updated { .. }
            | Event::Declined { .. }
            | Event::Repaired { .. }
            | Event::Told { .. }
            | Event::NotTold { .. }
            | Event::Damaged { .. }
            | Event::Restored { .. } => return,
        }
        if let Some(shown) = &self.shown {
            keep_former(&mut self.former, shown.revision, &shown.content);
        }
    }
}

impl Page {
    /// What is shown.
    #[must_use]
    pub fn shown(&self) -> Option<&Shown> {
        match self {
            Self::Absent => None,
            Self::Own(own) => own.shown.as_ref(),
            Self::TieUp(page) => page.shown.as_ref(),
        }
    }

    fn shown_mut(&mut self) -> Option<&mut Shown> {
        match self {
            Self::Absent => None,
            Self::Own(own) => own.shown.as_mut(),
            Self::TieUp(page) => page.shown.as_mut(),
        }
    }

    /// The revision with this number, where it is shown, or was not long ago.
    #[must_use]
    pub fn revision(&self, number: u32) -> Option<&Content> {
        let former = match self {
            Self::Absent => return None,
            Self::Own(own) => &own.former,
            Self::TieUp(page) => &page.former,
        };
        let former = former.iter().rfind(|(revision, _)| *revision == number).map(|(_, content)| content);
        self.shown().filter(|shown| shown.revision == number).map(|shown| &shown.content).or(former)
    }

    /// What the node is to make now, with `around` as it is: nothing where it has come to nothing before.
    #[must_use]
    pub fn to_make(&self, around: &Around) -> Option<ToMake> {
        let (made, failed) = match self {
            Self::Absent => return None,
            Self::Own(own) => (own.to_make(around)?, own.failed),
            Self::TieUp(page) => (page.to_make(around)?, page.failed),
        };
        (failed.map(|failed| failed.of) != Some(made.of)).then_some(made)
    }

    fn revise(&mut self, event: &Event, since: Time) {
        let Event::Revised { path, revision, content, tie_up, part, category, layout, links } = event else { return };
        let (path, content, category) = (path.clone(), content.clone(), category.clone());
        let recipe = Recipe { layout: layout.clone(), links: *links };
        let (mut shown, mut former) = match self {
            Self::Own(own) => (own.shown.take(), std::mem::take(&mut own.former)),
            Self::Absent | Self::TieUp(_) => (None, Vec::new()),
        };
        let mut next = None;
        if recipe.is_plain() {
            keep_former(&mut former, *revision, &content);
            shown = Some(Shown::plain(*revision, content, Writer::Own, since));
        } else {
            next = Some((*revision, content));
        }
        let (tie_up, part) = (*tie_up, *part);
        *self = Self::Own(Box::new(Own { path, tie_up, part, category, recipe, shown, next, failed: None, former }));
    }
}

impl Entity for Page {
    const FAMILY: Family = Family::Pages;
    const REVISION: u32 = 2;
    type Event = Event;

    fn samples() -> Vec<Event> {
        samples::all()
    }

    fn blobs(event: &Event) -> Vec<BlobId> {
        match event {
            Event::Revised { content, .. } | Event::Repaired { content, .. } => vec![content.sha256],
            Event::Made { content, of, .. } => vec![content.sha256, of.source],
            Event::Overlaid { overlay } => overlay.iter().map(|overlay| overlay.sha256).collect(),
            Event::Held { sha256, .. }
            | Event::Updated { sha256, .. }
            | Event::Restored { sha256 }
            | Event::Fetched { sha256, .. } => vec![*sha256],
            // Not here yet, not kept, or not wanted.
            Event::Offered { .. }
            | Event::Declined { .. }
            | Event::Told { .. }
            | Event::NotTold { .. }
            | Event::NotMade { .. }
            | Event::Linked { .. }
            | Event::Damaged { .. } => Vec::new(),
        }
    }

    fn evolve(&mut self, event: &Event, time: Time) {
        match event {
            Event::Revised { .. } => return self.revise(event, time),
            Event::Offered { .. } => return TieUp::offer(self, event, time),
            Event::Damaged { .. } | Event::Restored { .. } => {
                if let Some(shown) = self.shown_mut() {
                    shown.damaged = matches!(event, Event::Damaged { .. });
                }
            }
            Event::Held { .. }
            | Event::Updated { .. }
            | Event::Declined { .. }
            | Event::Repaired { .. }
            | Event::Fetched { .. }
            | Event::Made { .. }
            | Event::NotMade { .. }
            | Event::Linked { .. }
            | Event::Overlaid { .. }
            | Event::Told { .. }
            | Event::NotTold { .. } => {}
        }
        match self {
            Self::Absent => {}
            Self::Own(own) => own.evolve(event, time),
            Self::TieUp(page) => page.evolve(event, time),
        }
    }
}

#[cfg(test)]
mod tests;
