//! Looks now and then whether the bytes of every page are those that were written, also where nobody asks for it. What was changed is
//! named, and fetched again from the main site where it came from there.

use std::sync::Arc;
use std::time::Duration;

use kippu_actors::runtime::Runtime;
use kippu_events::blobs::{BlobId, BlobStore, Checked};
use kippu_events::partners::pages::Page;
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, EntityKey};
use kippu_projections::{Queries, QueryError};
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval};

use super::bytes::note;
use crate::node::Node;
use crate::parties::rows;

/// How often. A second of a core reads and hashes a gigabyte.
const EVERY: Duration = Duration::from_secs(10);

/// See the module.
pub(crate) struct Guard {
    queries: Queries,
    runtime: Runtime,
    secrets: Arc<Secrets>,
    blobs: BlobStore,
}

/// A page, of its row.
#[derive(Deserialize)]
struct Row {
    id: EntityId,
    version: u64,
    damaged: bool,
    #[serde(default)]
    sha256: Option<BlobId>,
}

impl Guard {
    /// Of the pages of `node`.
    pub(crate) fn new(node: &Node) -> Self {
        let (queries, runtime) = (node.queries.clone(), node.runtime.clone());
        Self { queries, runtime, secrets: Arc::clone(&node.secrets), blobs: node.blobs.clone() }
    }

    /// Goes on for as long as it is polled.
    pub(crate) async fn go_on(self) {
        let mut pace = interval(EVERY);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            if let Err(error) = self.look().await {
                tracing::debug!(%error, "pages could not be looked at; it is tried again");
            }
        }
    }

    async fn look(&self) -> Result<(), QueryError> {
        let pages: Vec<Row> = rows(&self.queries, "pages", &[]).await?;
        for Row { id, version, damaged, sha256 } in pages {
            let key = EntityKey::of::<Page>(id);
            let Some(sha256) = sha256.filter(|_| self.runtime.serves(key)) else { continue };
            let found = match self.blobs.check(sha256).await {
                Ok(Checked::Whole { .. }) => Some(sha256),
                Ok(Checked::Altered { found }) => Some(found),
                Ok(Checked::Missing) => None,
                Err(error) => {
                    tracing::warn!(%error, %key, "the bytes of a page cannot be looked at now");
                    continue;
                }
            };
            if (found == Some(sha256)) == damaged {
                note(&self.runtime, &self.secrets, (key, version), (sha256, found)).await;
            }
        }
        Ok(())
    }
}
