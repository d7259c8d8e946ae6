//! A command that reached a node which does not serve its partition: brought to the node that does, by its claim. Or its
//! caller is told where to go, if that is what it prefers. While nobody serves the partition, since a node is gone or hands
//! over, the command waits. It is asked with the same key each time, so that asking again changes nothing.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::http::uri::Uri;
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;
use kippu_actors::http::{IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, KIPPU_POSITION, OtherNodes};
use kippu_actors::problem::{self, Problem};
use kippu_actors::runtime::{Place, Runtime};
use kippu_actors::search::Search;
use kippu_client::Roots;
use kippu_client::signature::SIGNATURE_INPUT;
use kippu_events::log::Log;
use tokio::time::MissedTickBehavior;

use super::request_id::{RequestId, X_REQUEST_ID};
use super::sessions::csrf::X_CSRF_TOKEN;
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

/// How often it is looked who the owner is now.
const LOOK: Duration = Duration::from_millis(100);
/// The longest until an owner that could not do it is asked again: many may wait for one that has just come.
const MOST_PACE: Duration = Duration::from_secs(1);

/// What of a command's headers its owner needs, where it is not signed. The answer to a signed one is signed by who was asked: both are one party.
const ASKED: [HeaderName; 6] =
    [header::AUTHORIZATION, header::COOKIE, X_CSRF_TOKEN, header::CONTENT_TYPE, header::IF_MATCH, IDEMPOTENCY_KEY];
/// What is between this node and its caller alone, or is made anew. A signature may cover every other field.
const OWN: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    X_REQUEST_ID,
    KIPPU_FORWARDED,
];
/// What of them no trace shows.
const SECRET: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, X_CSRF_TOKEN];
/// What of an answer's headers its caller needs.
const ANSWERED: [HeaderName; 10] = [
    header::CONTENT_SECURITY_POLICY,
    header::CONTENT_TYPE,
    header::ETAG,
    header::LOCATION,
    header::REFERRER_POLICY,
    header::RETRY_AFTER,
    header::SET_COOKIE,
    header::WWW_AUTHENTICATE,
    KIPPU_POSITION,
    IDEMPOTENT_REPLAYED,
];

/// See the module.
pub(crate) struct Forward {
    log: Arc<dyn Log>,
    runtime: Runtime,
    /// Where this node itself answers.
    url: String,
    http: reqwest::Client,
}

impl Forward {
    /// Forwards for `node`, which trusts `roots` too.
    ///
    /// # Errors
    /// Where there can be no client.
    pub(crate) fn new(node: &Node, roots: &Roots) -> Result<Self, reqwest::Error> {
        let http = kippu_client::builder(ANSWER, roots).connect_timeout(CONNECT).build()?;
        Ok(Self { log: Arc::clone(&node.log), runtime: node.runtime.clone(), url: node.url.clone(), http })
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

    /// The owner's answer.
    async fn bring(&self, owner: &str, request: &HttpRequest, body: Bytes) -> Result<HttpResponse, Problem> {
        let mut asked = self.http.post(place(owner, request.uri())).body(body);
        let (headers, asks) = (request.headers(), ASKED);
        let names: Vec<&HeaderName> = if headers.contains_key(SIGNATURE_INPUT) {
            headers.keys().filter(|name| !OWN.contains(name)).collect()
        } else {
            asks.iter().collect()
        };
        for name in names {
            for value in headers.get_all(name) {
                let Ok(mut value) = reqwest::header::HeaderValue::from_bytes(value.as_bytes()) else { continue };
                value.set_sensitive(SECRET.contains(name));
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
        open(status, &body).map_or_else(|| Ok(response.body(body)), Err)
    }
}

impl OtherNodes for Forward {
    fn ask<'a>(
        &'a self,
        partition: u16,
        request: &'a HttpRequest,
        body: Bytes,
        search: &'a mut Search,
    ) -> LocalBoxFuture<'a, Result<Option<HttpResponse>, Problem>> {
        Box::pin(async move {
            let taken_over =
                || Problem::later(&problem::UNAVAILABLE, "the partition of this entity is being taken over");
            let mut look = tokio::time::interval(LOOK);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut pace = Pace::default();
            while !search.is_over() {
                look.tick().await;
                match self.runtime.place_of(partition) {
                    Place::Here => return Ok(None),
                    Place::Coming => continue,
                    // It was brought here once: it goes no further, and whoever brought it looks on.
                    Place::OtherNode if request.headers().contains_key(&KIPPU_FORWARDED) => {
                        return Err(search.told(taken_over()));
                    }
                    Place::OtherNode => {}
                }
                let Some(owner) = self.owner(partition).filter(|owner| pace.is_due(owner)) else { continue };
                if prefers_to_be_redirected(request) {
                    let mut response = HttpResponse::TemporaryRedirect();
                    response.insert_header((header::LOCATION, place(&owner, request.uri())));
                    return Ok(Some(response.insert_header((PREFERENCE_APPLIED, REDIRECT)).finish()));
                }
                let brought = tokio::select! {
                    // An answer counts, also where its node has been succeeded since.
                    biased;
                    answer = self.bring(&owner, request, body.clone()) => answer,
                    () = self.succeeded(partition, &owner) => Err(unknown()),
                };
                match brought {
                    // One that has not decided does not know what became of the command at another.
                    Ok(answer) if answer.status().is_server_error() && search.is_unknown() => {}
                    Ok(answer) => return Ok(Some(answer)),
                    Err(problem) => search.failed(problem),
                }
                pace.asked(owner);
            }
            Err(search.told(taken_over()))
        })
    }
}

/// When the same owner is asked again. Another one is asked at once.
#[derive(Default)]
struct Pace {
    asked: Option<(String, Instant)>,
    wait: Duration,
}

impl Pace {
    fn is_due(&self, owner: &str) -> bool {
        self.asked.as_ref().is_none_or(|(asked, when)| asked != owner || when.elapsed() >= self.wait)
    }

    fn asked(&mut self, owner: String) {
        let is_same = self.asked.as_ref().is_some_and(|(asked, _)| *asked == owner);
        self.wait = if is_same { (self.wait * 2).min(MOST_PACE) } else { LOOK };
        self.asked = Some((owner, Instant::now()));
    }
}

/// What an owner says in place of an answer: it does not serve the partition now, or does not know what became of the command.
/// Another may, and the same in a moment.
fn open(status: StatusCode, body: &[u8]) -> Option<Problem> {
    if status != StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    let said: Said<'_> = serde_json::from_slice(body).ok()?;
    let slug = said.kind.strip_prefix("/problems/")?;
    let kind = [&problem::UNAVAILABLE, &problem::UNKNOWN_OUTCOME].into_iter().find(|kind| kind.slug == slug)?;
    Some(Problem::later(kind, said.detail))
}

#[derive(serde::Deserialize)]
struct Said<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    detail: Cow<'a, str>,
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

    #[test]
    fn only_what_was_not_done_or_is_not_known_is_asked_again() {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        for (kind, is_open) in
            [(&problem::UNAVAILABLE, true), (&problem::UNKNOWN_OUTCOME, true), (&problem::CLOCK_JUMPED, false)]
        {
            let problem = Problem::later(kind, "a \"detail\"");
            let expected = is_open.then(|| problem.clone());
            assert_eq!(open(unavailable, &problem.document()), expected, "{kind:?}");
        }
        assert_eq!(open(StatusCode::OK, &Problem::later(&problem::UNAVAILABLE, "").document()), None);
        assert_eq!(open(unavailable, b"<html>"), None);
    }

    #[test]
    fn the_same_owner_is_asked_less_and_less_often_and_another_at_once() {
        let mut pace = Pace::default();
        assert!(pace.is_due("a"));
        let waits = [100, 200, 400, 800, 1_000, 1_000].map(|millis| {
            pace.asked("a".to_owned());
            (pace.wait, Duration::from_millis(millis))
        });
        assert!(waits.iter().all(|(wait, expected)| wait == expected), "{waits:?}");
        assert!(!pace.is_due("a") && pace.is_due("b"));
    }

    #[actix_web::test]
    async fn what_may_have_reached_the_owner_is_not_said_to_be_undone() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let owner = format!("http://{}", listener.local_addr().unwrap());
        let ask = async || {
            let http = kippu_client::builder(ANSWER, &Roots::default()).build().unwrap();
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
