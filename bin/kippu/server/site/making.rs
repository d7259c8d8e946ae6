//! Makes what is shown of pages that are made of several things: with a difference of this site, in a layout, with links. What is to
//! be made follows from the pages that there are: one that is the layout of others and is revised has all of these made anew.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kippu_actors::erased::Ready;
use kippu_actors::partners::pages::request::Command;
use kippu_actors::problem::Problem;
use kippu_actors::runtime::{Runtime, Submission};
use kippu_events::blobs::{BlobError, BlobId, BlobStore};
use kippu_events::event::Mac;
use kippu_events::partners::contracts::Way;
use kippu_events::partners::pages::{Around, Content, Overlay, Page, PagePath, ToMake};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, EntityKey, Principal};
use kippu_projections::{Queries, QueryError};
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::bytes::whole;
use super::combine::{Parts, combine};
use crate::node::Node;
use crate::parties::{itself, rows};

/// The least time between two looks, however fast views move.
const PACE: Duration = Duration::from_millis(100);
/// A look without a word from the views.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A page, of its row.
#[derive(Deserialize)]
struct Row {
    id: EntityId,
    path: PagePath,
    is_made: bool,
    #[serde(default)]
    main: Option<EntityId>,
    #[serde(default)]
    revision: Option<u32>,
    #[serde(default)]
    sha256: Option<BlobId>,
    #[serde(default)]
    way: Way,
    #[serde(default)]
    layout: Option<PagePath>,
}

/// A peer, of its row.
#[derive(Deserialize)]
struct PeerRow {
    id: EntityId,
    url: String,
}

/// Why a look did not come to its end. The next one does the same.
#[derive(Debug, thiserror::Error)]
enum NotDone {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

/// See the module.
pub(crate) struct Making {
    queries: Queries,
    runtime: Runtime,
    secrets: Arc<Secrets>,
    blobs: BlobStore,
}

impl Making {
    /// Of the pages of `node`.
    pub(crate) fn new(node: &Node) -> Self {
        let (queries, runtime) = (node.queries.clone(), node.runtime.clone());
        Self { queries, runtime, secrets: Arc::clone(&node.secrets), blobs: node.blobs.clone() }
    }

    /// Goes on for as long as it is polled.
    pub(crate) async fn go_on(self) {
        let (mut moves, mut pace) = (self.queries.moves(), interval(PACE));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            if let Err(error) = self.look().await {
                tracing::debug!(%error, "pages could not be made; it is tried again");
            }
            match timeout(LOOK_EVERY, moves.next()).await {
                Ok(true) | Err(_) => {}
                Ok(false) => return,
            }
        }
    }

    async fn look(&self) -> Result<(), NotDone> {
        let pages: Vec<Row> = rows(&self.queries, "pages", &[]).await?;
        if !pages.iter().any(|page| page.is_made) {
            return Ok(());
        }
        let around = self.around(&pages).await?;
        for row in pages.iter().filter(|row| row.is_made) {
            let key = EntityKey::of::<Page>(row.id);
            if !self.runtime.serves(key) {
                continue;
            }
            let found = self.runtime.peek(key).await?;
            let page = found.state.as_any().downcast_ref::<Page>();
            if let Some(wanted) = page.and_then(|page| page.to_make(&around)) {
                self.make(key, found.version, &wanted, &around).await?;
            }
        }
        Ok(())
    }

    /// What other pages show, and where they are.
    async fn around(&self, pages: &[Row]) -> Result<Around, NotDone> {
        let mut around = Around::default();
        let is_elsewhere = |page: &&Row| !page.way.is_overwrite() && page.revision.is_some();
        let peers: Vec<PeerRow> = if pages.iter().any(|page| is_elsewhere(&page)) {
            rows(&self.queries, "peers", &[]).await?
        } else {
            Vec::new()
        };
        let urls: HashMap<EntityId, String> = peers.into_iter().map(|peer| (peer.id, peer.url)).collect();
        // What is in a layout is none: pages that are each other's would grow for ever.
        for page in pages.iter().filter(|page| page.layout.is_none()) {
            around.shown.extend(page.sha256.map(|sha256| (page.path.clone(), sha256)));
        }
        for page in pages.iter().filter(is_elsewhere) {
            let (Some(revision), path) = (page.revision, &page.path) else { continue };
            let site = match page.way {
                Way::Overwrite => continue,
                Way::Links => match page.main.and_then(|main| urls.get(&main)) {
                    Some(url) => url.as_str(),
                    None => continue,
                },
                Way::Switch => "",
            };
            around.links.insert(path.clone(), format!("{site}/site/{path}?revision={revision}"));
        }
        Ok(around)
    }

    /// Makes it, and has what came of it on record. What cannot be read now is tried again with the next look.
    async fn make(&self, key: EntityKey, version: u64, wanted: &ToMake, around: &Around) -> Result<(), NotDone> {
        let ToMake { revision, source, overlay, of } = wanted;
        let Some(bytes) = whole(&self.blobs, source.sha256).await? else { return Ok(()) };
        let layout = match of.layout {
            None => None,
            Some(id) => match whole(&self.blobs, id).await? {
                Some(bytes) => Some(bytes),
                None => return Ok(()),
            },
        };
        let patch = match overlay {
            None => None,
            Some(Overlay { form, sha256 }) => match whole(&self.blobs, *sha256).await? {
                Some(bytes) => Some((*form, bytes)),
                None => return Ok(()),
            },
        };
        let media = source.media_type.as_str();
        let made = combine(&Parts {
            source: &bytes,
            is_json: media == "application/json" || media.ends_with("+json"),
            overlay: patch.as_ref().map(|(form, patch)| (*form, &patch[..])),
            layout: layout.as_deref(),
            links: of.links.map(|_| around),
        });
        let made = match made {
            Ok(made) => {
                let size = made.len() as u64;
                let mut upload = self.blobs.begin(Some(size)).await?;
                upload.write(&made).await?;
                let sha256 = BlobId::of(&made);
                upload.finish(Some(sha256)).await?;
                Ok(Content { sha256, media_type: source.media_type.clone(), size })
            }
            Err(reason) => Err(reason),
        };
        let Some((name, caller)) = itself() else { return Ok(()) };
        let command = self.secrets.command(&Principal::Reaction(name), &format!("made-{version}"), key);
        let command_of = Command::Made { revision: *revision, of: *of, made };
        let ready = Ready { entity: key, body: Mac::default(), command: Ok(Box::new(command_of)) };
        match self.runtime.submit(Submission::new(ready, command, caller)).await {
            Ok(_) => Ok(()),
            // Something else is wanted by now.
            Err(problem) if !problem.is_for_later() => {
                tracing::debug!(%problem, %key, "what was made of a page is not wanted any more");
                Ok(())
            }
            Err(problem) => Err(problem.into()),
        }
    }
}
