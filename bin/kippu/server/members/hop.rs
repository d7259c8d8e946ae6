//! One signed call to another party's node, which somebody waits for.

use std::sync::Arc;
use std::time::Duration;

use kippu_actors::problem::{self, Problem};
use kippu_actors::runtime::Runtime;
use kippu_client::signature::call::Caller;
use kippu_client::{Method, Roots};
use kippu_events::access::peers::Peer;
use kippu_events::{EntityId, EntityKey};
use serde_json::{Map, Value};

use crate::node::Node;
use crate::parties::{Identity, address};

/// Somebody waits: longer than a password takes to be hashed where many are.
const PATIENCE: Duration = Duration::from_secs(10);

/// Calls other parties' nodes.
pub(crate) struct Hop {
    identity: Arc<Identity>,
    runtime: Runtime,
    caller: Caller,
}

/// What a party's node has answered.
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// JSON.
    pub(crate) body: Vec<u8>,
}

impl Hop {
    /// In the name of `node`, which trusts `roots` too.
    ///
    /// # Errors
    /// Where there can be no HTTP client.
    pub(crate) fn new(node: &Node, roots: &Roots) -> Result<Self, reqwest::Error> {
        let caller = Caller::over(kippu_client::builder(PATIENCE, roots).build()?);
        Ok(Self { identity: Arc::clone(&node.identity), runtime: node.runtime.clone(), caller })
    }

    /// Gives a command to `party`.
    ///
    /// # Errors
    /// 503 where its node is away, or does not take the call.
    pub(crate) async fn post(&self, party: EntityId, path: &str, key: &str, body: Vec<u8>) -> Result<Answer, Problem> {
        self.call(party, Method::POST, path, Some(key), Some(body)).await
    }

    /// Asks `party`.
    ///
    /// # Errors
    /// As [`Hop::post`].
    pub(crate) async fn get(&self, party: EntityId, path: &str) -> Result<Answer, Problem> {
        self.call(party, Method::GET, path, None, None).await
    }

    async fn call(
        &self,
        party: EntityId,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, Problem> {
        let away = || Problem::later(&problem::UNAVAILABLE, "the node of the other party does not answer now");
        let found = self.runtime.peek(EntityKey::of::<Peer>(party)).await?;
        let known = found.state.as_any().downcast_ref::<Peer>().and_then(Peer::known).ok_or_else(|| {
            Problem::later(&problem::UNAVAILABLE, "this node does not know the party to which this is handed on")
        })?;
        let signer = self.identity.signer().await?;
        let sent = self.caller.call(&signer, &address(party, known), method, path, key, body).await;
        let answer = sent.map_err(|error| {
            tracing::warn!(%party, %error, "a party's node does not answer");
            away()
        })?;
        let status = answer.status.as_u16();
        // Whom the other party does not know yet, or whose clock is not its own: an operator puts that right.
        if answer.is_for_later() || status == 401 || status >= 500 || (300..400).contains(&status) {
            tracing::warn!(%party, status, "a party's node does not take a call");
            return Err(away());
        }
        let body = if status < 400 { answer.body } else { without_request(&answer.body) };
        Ok(Answer { status, body })
    }
}

/// A problem without what names the request that it answered: it comes to answer another one.
fn without_request(body: &[u8]) -> Vec<u8> {
    let mut problem: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    for of_request in ["instance", "request_id"] {
        problem.remove(of_request);
    }
    Value::Object(problem).to_string().into_bytes()
}
