//! `pages`: what a site shows at which path, of which class it is, and what may be shown next.

use kippu_events::access::Role;
use kippu_events::blobs::BlobId;
use kippu_events::partners::contracts::{Part, Way};
use kippu_events::partners::pages::{Event, Failed, NotMade, Offer, Overlay, Page, PagePath, Phase, Recipe, Writer};
use kippu_events::{EntityId, Time};
use serde::{Deserialize, Serialize};

use crate::entity_table::{EntityTable, Row};
use crate::grants::Grant;
use crate::view::{Filter, Filters};

/// See the module.
pub struct Pages;

/// What the state forgets.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    /// How often its bytes were found to be others.
    pub(crate) damages: u32,
}

const CLASSES: [&str; 2] = ["tie_up", "original"];
const PATH: &str = "path";
const CLASS: &str = "class";
const CONTRACT: &str = "contract";
const CATEGORY: &str = "category";

/// A page.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Shown {
    /// Its bytes, where one is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    changed_at: Time,
    /// `tie_up`: it is of a main site, and shown at its partners' too.
    #[schemars(extend("enum" = CLASSES))]
    class: &'static str,
    /// The contract by which it came, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<EntityId>,
    /// Whether its bytes are others than those that were written. It is not shown then.
    damaged: bool,
    /// How often they were found to be.
    damages: u32,
    id: EntityId,
    /// Whether what is shown is made of several things: it is in a layout, has a difference of this site, or links in it are replaced.
    is_made: bool,
    /// The page of this site that it is shown in.
    #[serde(skip_serializing_if = "Option::is_none")]
    layout: Option<PagePath>,
    /// The party of the main site, where it came from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    main: Option<EntityId>,
    /// Its media type, where one is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    /// The revision that may be shown next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
    /// Why what was written last could not be made, where that is so. What was shown before stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_made: Option<NotMade>,
    /// The difference of this site with which it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    overlay: Option<Overlay>,
    /// Which part of a site it is.
    part: Part,
    /// Where it lies below the site.
    path: PagePath,
    /// Which revision is shown, or at the main site linked to.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    /// What its bytes hash to.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<BlobId>,
    /// Since when it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown_since: Option<Time>,
    version: u64,
    /// How a revision comes to be shown.
    way: Way,
    /// Whose operator wrote what is shown: `own` is the site's that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["main", "own"]))]
    written_by: Option<&'static str>,
}

/// A revision that may be shown next.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Next {
    /// Which.
    revision: u32,
    /// What its bytes hash to.
    sha256: BlobId,
    /// Whether its bytes are being fetched, what is shown is being made of them, or the manager is asked.
    #[schemars(extend("enum" = ["fetching", "making", "held"]))]
    state: &'static str,
    /// Until when an answer counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Time>,
}

/// What there is to say of a page of either kind.
struct Of {
    path: PagePath,
    part: Part,
    category: Option<String>,
    is_tie_up: bool,
    contract: Option<EntityId>,
    main: Option<EntityId>,
    offer: Option<Offer>,
    recipe: Recipe,
    overlay: Option<Overlay>,
    linked: Option<u32>,
    failed: Option<Failed>,
    way: Way,
}

impl Of {
    fn page(state: Page) -> Option<Self> {
        match state {
            Page::Absent => None,
            Page::Own(own) => Some(Self {
                path: own.path,
                part: own.part,
                category: own.category,
                is_tie_up: own.tie_up,
                contract: None,
                main: None,
                offer: None,
                recipe: own.recipe,
                overlay: None,
                linked: None,
                failed: own.failed,
                way: Way::Overwrite,
            }),
            Page::TieUp(page) => Some(Self {
                path: page.path,
                part: page.part,
                category: page.category,
                is_tie_up: true,
                contract: Some(page.contract),
                main: Some(page.main),
                offer: page.offer,
                recipe: page.recipe,
                overlay: page.overlay,
                linked: page.linked.map(|(revision, _)| revision),
                failed: page.failed,
                way: page.way,
            }),
        }
    }
}

impl EntityTable for Pages {
    type Entity = Page;
    type Kept = Kept;
    type Shown = Shown;

    const NAME: &'static str = "pages";
    const REVISION: u32 = 2;
    const SUMMARY: &'static str = "Pages of this site: what is shown, and what may be shown next.";
    const GRANTS: &'static [Grant] = &[Grant::all(Role::Operator)];
    const FILTERS: &'static [Filter] = &[
        Filter::any(PATH, "where it lies below the site"),
        Filter::of(CLASS, "whether it is of a main site", &CLASSES),
        Filter::any(CONTRACT, "the contract by which it came"),
        Filter::any(CATEGORY, "what it is about"),
    ];

    fn keep(kept: &mut Kept, event: &Event) {
        match event {
            Event::Damaged { .. } => kept.damages = kept.damages.saturating_add(1),
            Event::Revised { .. }
            | Event::Offered { .. }
            | Event::Held { .. }
            | Event::Updated { .. }
            | Event::Declined { .. }
            | Event::Repaired { .. }
            | Event::Told { .. }
            | Event::NotTold { .. }
            | Event::Fetched { .. }
            | Event::Made { .. }
            | Event::NotMade { .. }
            | Event::Linked { .. }
            | Event::Overlaid { .. }
            | Event::Restored { .. } => {}
        }
    }

    fn show(id: EntityId, row: Row<Page, Kept>) -> Option<Shown> {
        let Row { state, kept: Kept { damages }, changed_at, version, .. } = row;
        let shown = state.shown().cloned();
        let content = shown.as_ref().map(|shown| shown.content.clone());
        let is_remade = shown.as_ref().is_some_and(|shown| shown.made_of.is_some());
        let Of { path, part, category, is_tie_up, contract, main, offer, recipe, overlay, linked, failed, way } =
            Of::page(state)?;
        let next = offer.map(|offer| {
            let (state, until) = match offer.phase {
                Phase::Fetching { .. } => ("fetching", None),
                Phase::Making { .. } => ("making", None),
                Phase::Held { until } => ("held", Some(until)),
            };
            Next { revision: offer.revision, sha256: offer.shows().sha256, state, until }
        });
        Some(Shown {
            bytes: content.as_ref().map(|content| content.size),
            category,
            changed_at,
            class: if is_tie_up { CLASSES[0] } else { CLASSES[1] },
            contract,
            damaged: shown.as_ref().is_some_and(|shown| shown.damaged),
            damages,
            id,
            is_made: is_remade || !recipe.is_plain() || overlay.is_some(),
            layout: recipe.layout,
            main,
            media_type: content.as_ref().map(|content| content.media_type.to_string()),
            next,
            not_made: failed.map(|failed| failed.reason),
            overlay,
            part,
            path,
            revision: shown.as_ref().map(|shown| shown.revision).or(linked),
            sha256: content.map(|content| content.sha256),
            shown_since: shown.as_ref().map(|shown| shown.since),
            version,
            way,
            written_by: shown.map(|shown| match shown.by {
                Writer::Main => "main",
                Writer::Own => "own",
            }),
        })
    }

    fn admits(shown: &Shown, filters: &Filters) -> bool {
        filters.admits(PATH, shown.path.as_str())
            && filters.admits(CLASS, shown.class)
            && filters.admits(CATEGORY, shown.category.as_deref().unwrap_or_default())
            && filters.admits(CONTRACT, &shown.contract.map(|id| id.to_string()).unwrap_or_default())
    }
}
