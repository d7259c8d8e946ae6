//! A command that reached a node which does not serve its partition: brought to the node that does, by its claim, once.
//! Or its caller is told where to go, if that is what it prefers.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::http::uri::Uri;
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;
use kippu_actors::http::{Elsewhere, IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, KIPPU_POSITION};
use kippu_actors::problem::{self, Problem};
use kippu_events::log::Log;

use super::request_id::{RequestId, X_REQUEST_ID};
use crate::calls;
use crate::node::Node;

/// On a command that another node has brought here. It goes no further.
pub(crate) const KIPPU_FORWARDED: HeaderName = HeaderName::from_static("kippu-forwarded");
/// As RFC 7240 has it.
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// The preference of a client that would rather ask the right node itself.
const REDIRECT: &str = "redirect";

/// A node that is there takes a connection within this.
const CONNECT: Duration = Duration::from_secs(1);
/// Longer than any command takes while its node is well.
const ANSWER: Duration = Duration::from_secs(30);

/// How often it is looked whether the owner is still the owner.
const LOOK: Duration = Duration::from_millis(100);

/// What of a command's headers its owner needs.
const ASKED: [HeaderName; 4] = [header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH, IDEMPOTENCY_KEY];
/// What of an answer's headers its caller needs.
const ANSWERED: [HeaderName; 7] = [
    header::CONTENT_TYPE,
    header::ETAG,
    header::LOCATION,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    KIPPU_POSITION,
    IDEMPOTENT_REPLAYED,
];

/// See the module.
pub(crate) struct Forward {
    log: Arc<dyn Log>,
    /// Where this node itself answers.
    url: String,
    http: reqwest::Client,
}

impl Forward {
    /// Forwards for `node`.
    ///
    /// # Errors
    /// Where there can be no client.
    pub(crate) fn new(node: &Node) -> Result<Self, reqwest::Error> {
        let http = calls::client_between_nodes(CONNECT, ANSWER)?;
        Ok(Self { log: Arc::clone(&node.log), url: node.url.clone(), http })
    }

    /// Where the node answers that has claimed `partition` last, if that is not this one.
    fn owner(&self, partition: u16) -> Option<String> {
        let owner = self.log.claimant(partition)?.url;
        (!owner.is_empty() && owner != self.url).then_some(owner)
    }

    /// Waits until somebody else than `owner` has claimed `partition`: a node that was frozen or cut off takes connections,
    /// or seems to, and does not answer.
    async fn succeeded(&self, partition: u16, owner: &str) {
        let mut look = tokio::time::interval(LOOK);
        while self.log.claimant(partition).is_some_and(|claimant| claimant.url == owner) {
            look.tick().await;
        }
    }

    async fn bring(&self, owner: &str, request: &HttpRequest, body: Bytes) -> Result<HttpResponse, Problem> {
        let mut asked = self.http.post(place(owner, request.uri())).body(body);
        for name in &ASKED {
            for value in request.headers().get_all(name) {
                let Ok(mut value) = reqwest::header::HeaderValue::from_bytes(value.as_bytes()) else { continue };
                // No trace shows it.
                value.set_sensitive(*name == header::AUTHORIZATION);
                asked = asked.header(name.as_str(), value);
            }
        }
        if let Some(id) = request.extensions().get::<RequestId>() {
            asked = asked.header(X_REQUEST_ID.as_str(), id.as_str());
        }
        let answer = asked.header(KIPPU_FORWARDED.as_str(), "1").send().await.map_err(|error| lost(owner, &error))?;
        let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut response = HttpResponse::build(status);
        for name in &ANSWERED {
            for value in answer.headers().get_all(name.as_str()) {
                response.append_header((name.clone(), value.as_bytes()));
            }
        }
        let body = answer.bytes().await.map_err(|error| lost(owner, &error))?;
        Ok(response.body(body))
    }
}

impl Elsewhere for Forward {
    fn ask<'a>(
        &'a self,
        partition: u16,
        request: &'a HttpRequest,
        body: Bytes,
    ) -> LocalBoxFuture<'a, Result<HttpResponse, Problem>> {
        Box::pin(async move {
            let taken_over =
                || Problem::later(&problem::UNAVAILABLE, "the partition of this entity is being taken over");
            let owner = self.owner(partition).ok_or_else(taken_over)?;
            if request.headers().contains_key(&KIPPU_FORWARDED) {
                return Err(taken_over());
            }
            if prefers_to_be_redirected(request) {
                let mut response = HttpResponse::TemporaryRedirect();
                response.insert_header((header::LOCATION, place(&owner, request.uri())));
                return Ok(response.insert_header((PREFERENCE_APPLIED, REDIRECT)).finish());
            }
            tokio::select! {
                // An answer counts, also where its node has been succeeded since.
                biased;
                answer = self.bring(&owner, request, body) => answer,
                () = self.succeeded(partition, &owner) => Err(unknown()),
            }
        })
    }
}

/// Where `owner` answers a request with this target. Of the target, which is the caller's to write, path and query alone are
/// taken: whatever else it says, it names no host.
fn place(owner: &str, target: &Uri) -> String {
    let owner = owner.trim_end_matches('/');
    target.path_and_query().map_or_else(|| format!("{owner}/"), |path| format!("{owner}{path}"))
}

fn prefers_to_be_redirected(request: &HttpRequest) -> bool {
    let preferences = request.headers().get_all(&PREFER).filter_map(|value| value.to_str().ok());
    preferences.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(REDIRECT))
}

/// What a caller is told whose command was perhaps taken by a node that did not answer.
fn lost(owner: &str, error: &reqwest::Error) -> Problem {
    tracing::warn!(owner, %error, "the owner of a partition does not answer");
    if error.is_connect() || error.is_builder() {
        Problem::later(&problem::UNAVAILABLE, "the partition of this entity is being taken over")
    } else {
        unknown()
    }
}

fn unknown() -> Problem {
    Problem::later(&problem::UNKNOWN_OUTCOME, "the node of this entity did not answer; ask again with the same key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_target_of_a_request_leads_to_another_host_than_the_owner() {
        for owner in ["https://n1.int", "http://n1:7701", "http://n1:7701/"] {
            let bare = owner.trim_end_matches('/');
            for target in [
                "/v1/users?a=b",
                "http://evil.example/v1/users?a=b",
                ".evil.example://h/v1/users?a=b",
                "//h/v1/users?a=b",
            ] {
                let place = place(owner, &target.parse().unwrap());
                assert!(place.starts_with(&format!("{bare}/")), "{target}: {place}");
                assert!(place.ends_with("/v1/users?a=b"), "{target}: {place}");
            }
            let nothing = place(owner, &"http://evil.example".parse().unwrap());
            assert_eq!(nothing, format!("{bare}/"));
        }
    }

    #[actix_web::test]
    async fn what_may_have_reached_the_owner_is_not_said_to_be_undone() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let owner = format!("http://{}", listener.local_addr().unwrap());
        let ask = async || {
            let http = calls::client(ANSWER).unwrap();
            let error = http.post(&owner).body("{}").send().await.unwrap_err();
            lost(&owner, &error).kind.slug
        };
        // It takes the request, and says nothing.
        let hears = async { drop(listener.accept().await) };
        assert_eq!(tokio::join!(ask(), hears).0, "unknown-outcome");
        drop(listener);
        assert_eq!(ask().await, "unavailable");
    }
}
