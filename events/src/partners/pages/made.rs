//! Pages that are made of several things: of the bytes that were written, a layout that they are shown in, a difference of this site,
//! and links to where pages of the main site are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Content, PagePath};
use crate::blobs::BlobId;

/// In which form a difference is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A JSON Merge Patch (RFC 7396), for pages in JSON.
    MergePatch,
    /// A unified diff, for pages in text.
    TextPatch,
}

/// A partner site's difference to a tie-up page: what is shown is the newest revision with this applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// In which form.
    pub form: Form,
    /// What its bytes hash to: SHA-256.
    pub sha256: BlobId,
}

/// What the bytes of a page were made of, each by what it hashes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MadeOf {
    /// What was written.
    pub source: BlobId,
    /// The layout, as this site shows it. Always written: states are kept in a form that cannot tell what was left out.
    #[serde(default)]
    pub layout: Option<BlobId>,
    /// The difference of this site.
    #[serde(default)]
    pub overlay: Option<BlobId>,
    /// Where linked pages are.
    #[serde(default)]
    pub links: Option<BlobId>,
}

impl MadeOf {
    /// Of what was written alone.
    #[must_use]
    pub const fn plain(source: BlobId) -> Self {
        Self { source, layout: None, overlay: None, links: None }
    }
}

/// Why a page could not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NotMade {
    /// The overlay does not apply to this revision.
    PageOverlayConflict,
    /// The overlay is none of its form, or the page is not of the type that it is for.
    PageOverlayUnreadable,
    /// The layout has no place for the page, or is no text.
    PageLayoutWithoutPlace,
    /// It is no text, so nothing in it can be replaced.
    PageNotText,
    /// It would be larger than a page may be.
    PageTooLarge,
}

impl NotMade {
    /// Its name, as the main site is told.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::PageOverlayConflict => "page-overlay-conflict",
            Self::PageOverlayUnreadable => "page-overlay-unreadable",
            Self::PageLayoutWithoutPlace => "page-layout-without-place",
            Self::PageNotText => "page-not-text",
            Self::PageTooLarge => "page-too-large",
        }
    }
}

/// What could not be made, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failed {
    /// Of what.
    pub of: MadeOf,
    /// Why.
    pub reason: NotMade,
}

/// What is to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToMake {
    /// Of which revision.
    pub revision: u32,
    /// What was written.
    pub source: Content,
    /// The difference of this site.
    pub overlay: Option<Overlay>,
    /// Of what it is made.
    pub of: MadeOf,
}

/// What a site shows of other pages, which a page may be made of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Around {
    /// What each page's shown bytes hash to.
    pub shown: BTreeMap<PagePath, BlobId>,
    /// Where pages are that are linked and not shown here, or shown under another address by revision.
    pub links: BTreeMap<PagePath, String>,
}

impl Around {
    /// What the links hash to.
    #[must_use]
    pub fn links_hash(&self) -> BlobId {
        let mut hash = Sha256::new();
        hash.update(b"kippu.links.1");
        for (path, url) in &self.links {
            for text in [path.as_str(), url] {
                hash.update(u64::try_from(text.len()).unwrap_or_default().to_be_bytes());
                hash.update(text);
            }
        }
        BlobId(hash.finalize().into())
    }
}

/// How a page is made: what does not change from one revision to the next.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Recipe {
    /// The page that it is shown in.
    pub layout: Option<PagePath>,
    /// Whether links in it are replaced.
    pub links: bool,
}

impl Recipe {
    /// Whether it is shown as it was written.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.layout.is_none() && !self.links
    }

    /// Of what a page is made now.
    #[must_use]
    pub fn of(&self, source: BlobId, overlay: Option<Overlay>, around: &Around) -> MadeOf {
        MadeOf {
            source,
            layout: self.layout.as_ref().and_then(|path| around.shown.get(path).copied()),
            overlay: overlay.map(|overlay| overlay.sha256),
            links: self.links.then(|| around.links_hash()),
        }
    }
}

/// So many revisions that were shown before stay to be had by their number.
pub const MOST_FORMER: usize = 8;

/// Keeps what was shown, where another revision takes its place.
pub(super) fn keep_former(former: &mut Vec<(u32, Content)>, revision: u32, content: &Content) {
    former.retain(|(its, _)| *its != revision);
    former.push((revision, content.clone()));
    if former.len() > MOST_FORMER {
        former.remove(0);
    }
}
