//! Does at other parties' nodes what is owed to them: a signed command, whose signed answer is the outcome.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kippu_actors::activity::{Executor, NoOutcome, Outcome, Task, Work};
use kippu_actors::runtime::Runtime;
use kippu_client::signature::call::{Caller, PeerAddress};
use kippu_client::{Method, Roots};
use kippu_events::access::peers::{Known, Peer};
use kippu_events::blobs::BlobStore;
use kippu_events::secrets::SigningUse;
use kippu_events::{EntityId, EntityKey, Time};

use super::fetch::{Wanted, fetch};
use super::{Identity, Webhooks};

/// How long a party may take to answer. Longer than it takes a node that is just starting to open its log.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a file may take: an hour, for gigabytes over a slow line.
const FILE_PATIENCE: Duration = Duration::from_secs(3600);

/// See the module.
pub(crate) struct AtPeers {
    identity: Arc<Identity>,
    runtime: Runtime,
    caller: Caller,
    /// For files, whose bytes are vouched for by what they hash to.
    files: reqwest::Client,
    blobs: BlobStore,
    webhooks: Arc<Webhooks>,
}

impl AtPeers {
    /// In the name of this party, at the peers that its runtime knows and through `webhooks`; what is fetched is kept in `blobs`.
    /// `roots` are trusted too.
    ///
    /// # Errors
    /// Where there can be no HTTP client.
    pub(crate) fn new(
        identity: Arc<Identity>,
        runtime: Runtime,
        blobs: BlobStore,
        webhooks: Webhooks,
        roots: &Roots,
    ) -> Result<Self, reqwest::Error> {
        let caller = Caller::over(kippu_client::builder(PATIENCE, roots).build()?);
        let files = kippu_client::builder(FILE_PATIENCE, roots).connect_timeout(PATIENCE).build()?;
        Ok(Self { identity, runtime, caller, files, blobs, webhooks: Arc::new(webhooks) })
    }
}

impl Executor for AtPeers {
    fn perform(&self, task: Task) -> BoxFuture<'static, Result<Outcome, NoOutcome>> {
        let (identity, runtime, caller) = (Arc::clone(&self.identity), self.runtime.clone(), self.caller.clone());
        let (files, blobs, webhooks) = (self.files.clone(), self.blobs.clone(), Arc::clone(&self.webhooks));
        async move {
            match task.work {
                Work::Push => Ok(webhooks.push(&task).await?.outcome()),
                Work::Command { path, body } => {
                    let peer = known(&runtime, task.owed.to).await?;
                    command(&identity, &caller, (task.owed.to, &peer), &path, &task.key, body).await
                }
                Work::Fetch { path, capability, sha256, size } => {
                    let peer = known(&runtime, task.owed.to).await?;
                    let (path, capability, sha256) = (&*path, &*capability, &*sha256);
                    fetch(&files, &blobs, Wanted { url: &peer.url, path, capability, sha256, size }).await
                }
            }
        }
        .boxed()
    }
}

pub(super) fn none(reason: impl Into<String>) -> NoOutcome {
    NoOutcome { reason: reason.into(), retry_after: None, noted: None }
}

async fn known(runtime: &Runtime, peer: EntityId) -> Result<Known, NoOutcome> {
    let found = runtime.peek(EntityKey::of::<Peer>(peer)).await.map_err(|problem| none(problem.to_string()))?;
    let known = found.state.as_any().downcast_ref::<Peer>().and_then(Peer::known).cloned();
    known.ok_or_else(|| none(format!("this node knows no peer {peer}")))
}

/// Where a peer answers, and whose answers count now.
pub(crate) fn address(party: EntityId, peer: &Known) -> PeerAddress {
    let (url, peer) = (peer.url.clone(), peer.clone());
    let keys = move |id: &str| {
        let key = peer.key(SigningUse::Http, id, Time::now())?;
        Some(Box::new(move |message: &[u8], signature: &[u8]| key.has_signed(message, signature)) as _)
    };
    PeerAddress { url, party: party.to_string(), keys: Box::new(keys) }
}

async fn command(
    identity: &Arc<Identity>,
    caller: &Caller,
    (party, peer): (EntityId, &Known),
    path: &str,
    key: &str,
    body: Vec<u8>,
) -> Result<Outcome, NoOutcome> {
    let signer = identity.signer().await.map_err(|problem| none(problem.to_string()))?;
    let sent = caller.call(&signer, &address(party, peer), Method::POST, path, Some(key), Some(body)).await;
    let answer = sent.map_err(|error| none(error.to_string()))?;
    let (status, retry_after, problem) = (answer.status.as_u16(), answer.retry_after(), answer.problem());
    // Whom the other party does not know yet, whose clock is not its own, or to whom it has not granted this: an operator puts that right.
    let is_deaf = status == 401 || problem.as_ref().is_some_and(|problem| problem.slug() == "forbidden");
    if is_deaf || answer.is_for_later() || !(200..500).contains(&status) || (300..400).contains(&status) {
        let told = problem.map_or_else(|| answer.text().into_owned(), |it| format!("{}: {}", it.slug(), it.detail));
        return Err(NoOutcome {
            reason: format!("{} answers {status} {}", peer.url, short(&told)),
            retry_after,
            noted: None,
        });
    }
    Ok(Outcome { status, body: answer.body })
}

fn short(text: &str) -> String {
    text.chars().take(300).collect()
}
