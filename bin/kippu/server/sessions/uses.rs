//! That a session is in use goes on record, once in a while and behind the request that used it. Where another node serves the
//! user, that node is told.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kippu_actors::{Call, Commands, NotRun, Problem};
use kippu_client::Client;
use kippu_client::Roots;
use kippu_events::access::Caller;
use kippu_events::log::Log;
use kippu_events::secrets::Bearer;
use kippu_events::{EntityId, Family, Time};
use serde_json::json;

use crate::node::Node;

/// A node that is there answers within this; the next request tries again.
const ANSWER: Duration = Duration::from_secs(10);

/// See the module.
pub(super) struct Uses {
    commands: Commands,
    log: Arc<dyn Log>,
    /// Where several nodes share the partitions.
    other_nodes: Option<reqwest::Client>,
    /// Whose uses are on their way to be recorded.
    under_way: Mutex<HashSet<(EntityId, u32)>>,
}

impl Uses {
    /// Uses that `node` records, which trusts `roots` too.
    pub(super) fn new(node: &Node, roots: &Roots) -> Result<Self, reqwest::Error> {
        Ok(Self {
            commands: node.commands.clone(),
            log: Arc::clone(&node.log),
            other_nodes: node.kafka.is_some().then(|| kippu_client::builder(ANSWER, roots).build()).transpose()?,
            under_way: Mutex::default(),
        })
    }

    /// Records that the session of `bearer`, whose last use on record was at `used_at`, is in use. Returns at once.
    pub(super) fn record(self: &Arc<Self>, bearer: &Bearer, token: &str, used_at: Time) {
        let which = (bearer.entity, bearer.counter);
        if !self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(which) {
            return;
        }
        let (uses, token) = (Arc::clone(self), token.to_owned());
        actix_web::rt::spawn(async move {
            if let Err(reason) = uses.give(which, &token, used_at).await {
                tracing::debug!(%reason, "that a session is in use is not on record");
            }
            uses.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&which);
        });
    }

    async fn give(&self, (user, session): (EntityId, u32), token: &str, used_at: Time) -> Result<(), NotRecorded> {
        // The same for everybody who sees it unrecorded, so that it is recorded once.
        let key = format!("use-{session}-{}", used_at.micros());
        let body = json!({ "session": session }).to_string();
        let call = Call { caller: Caller::of_user(user), key: key.clone(), id: Some(user), if_match: None };
        let partition = match self.commands.run(Family::Sessions, "use", call, body.as_bytes()).await {
            Ok(_recorded) => return Ok(()),
            Err(NotRun::Problem(problem)) => return Err(NotRecorded::Refused(problem)),
            Err(NotRun::OtherNode { partition, .. }) => partition,
        };
        let owner = self.log.claimant(partition).map(|claimant| claimant.url).filter(|url| !url.is_empty());
        let (Some(http), Some(owner)) = (&self.other_nodes, owner) else { return Err(NotRecorded::NoOwner) };
        let owner = Client::over(http.clone(), &owner).with_key(token);
        owner.give(&format!("/v1/sessions/{user}/use"), &key, body).await?;
        Ok(())
    }
}

/// Why a use is not on record.
#[derive(Debug, thiserror::Error)]
enum NotRecorded {
    /// This node decided so.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// The node that serves the user decided so, or does not answer.
    #[error(transparent)]
    NotTold(#[from] kippu_client::Error),
    /// Nobody serves the user now.
    #[error("nobody serves the partition of the user now")]
    NoOwner,
}
