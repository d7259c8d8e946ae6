//! Other parties: a request that is signed by a peer's key comes from that peer, and its answer is signed over the request's signature.

use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, BoxBody, MessageBody as _, to_bytes};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{self, Data};
use kippu_actors::http::{Limits, read_body};
use kippu_actors::problem::{self, Problem};
use kippu_client::signature::{
    CONTENT_DIGEST, Request, Response, SIGNATURE_INPUT, combined, digest, request, response,
};
use kippu_events::access::Caller;
use kippu_events::access::peers::Peer;
use kippu_events::secrets::SigningUse;
use kippu_events::{EntityId, EntityKey, Time};

use super::super::Shared;
use super::super::edge::with_instance;
use super::super::request_id::RequestId;

/// A longer answer is not signed: it is a file, which its digest vouches for, or a feed.
const MOST_SIGNED_BYTES: u64 = 1 << 20;

/// What of a signed request its answer is signed over.
pub(super) struct Asked {
    method: String,
    uri: Uri,
    headers: HeaderMap,
    label: String,
}

impl Asked {
    /// The request that is to be answered, where it is a signed one, whether its signature counts or not.
    pub(super) fn of(request: &ServiceRequest) -> Option<Self> {
        if !request.headers().contains_key(SIGNATURE_INPUT) {
            return None;
        }
        let (method, uri, headers) = (request.method().to_string(), request.uri().clone(), request.headers().clone());
        let mut asked = Self { method, uri, headers, label: String::new() };
        let label = asked.with(request::label)?;
        asked.label = label;
        Some(asked)
    }

    fn with<T>(&self, take: impl FnOnce(Request<'_>) -> T) -> T {
        // A client of others may cover what it takes for the node's own name.
        let field = |name: &str| match name {
            "@authority" => field(&self.headers, "host").map(|host| host.to_ascii_lowercase()),
            _ => field(&self.headers, name),
        };
        let (path, query) = (self.uri.path(), self.uri.query().unwrap_or_default());
        take(Request { method: &self.method, path, query, field: &field })
    }

    /// Who has signed the request with `body`.
    ///
    /// # Errors
    /// 401 and why, for whoever signs; 503 where the peer cannot be looked up now.
    async fn signer(&self, body: &[u8], shared: &Shared) -> Result<Caller, Problem> {
        let refused = |error: &dyn std::fmt::Display| Problem::new(&problem::SIGNATURE, error.to_string());
        let (party, now) = (shared.node.identity.party().to_string(), Time::now());
        let here = request::Here { party: &party, now: now.micros().div_euclid(1_000_000) };
        let unverified = self.with(|asked| request::parse(asked, body, here)).map_err(|error| refused(&error))?;
        let nobody = || refused(&"no peer of this node has signed it with a key that counts");
        let id: EntityId = unverified.party.parse().map_err(|_| nobody())?;
        let found = shared.node.runtime.peek(EntityKey::of::<Peer>(id)).await?;
        let known = found.state.as_any().downcast_ref::<Peer>().and_then(Peer::known).ok_or_else(nobody)?;
        let key = known.key(SigningUse::Http, &unverified.key, now).ok_or_else(nobody)?;
        unverified.verify(|message, signature| key.has_signed(message, signature)).map_err(|error| refused(&error))?;
        Ok(Caller::of_peer(id, known.roles()))
    }

    /// Reads the body of `request`, which stays there for whoever reads it next, and says who has signed it.
    ///
    /// # Errors
    /// As [`Asked::signer`], and what is wrong with the body.
    pub(super) async fn admit(&self, request: &mut ServiceRequest, shared: &Shared) -> Result<Caller, Problem> {
        let missing = || Problem::internal("the command endpoints are not wired up");
        let limits = request.app_data::<Data<Limits>>().cloned().ok_or_else(missing)?;
        let payload = request.extract::<web::Payload>().await.map_err(|_| missing())?;
        let body = read_body(request.headers(), payload, &limits).await?;
        request.set_payload(Payload::from(body.clone()));
        self.signer(&body, shared).await
    }

    /// The answer, signed.
    pub(super) async fn answer(self, answer: ServiceResponse<BoxBody>, shared: &Shared) -> ServiceResponse<BoxBody> {
        match answer.response().body().size() {
            BodySize::Sized(size) if size <= MOST_SIGNED_BYTES => {}
            BodySize::None => {}
            BodySize::Sized(_) | BodySize::Stream => return answer,
        }
        let (request, answer) = answer.into_parts();
        let (mut answer, body) = answer.into_parts();
        let body = to_bytes(body).await.unwrap_or_default();
        // What is signed is what leaves: a problem names its request from here on.
        let id = request.extensions().get::<RequestId>().cloned();
        let body = match id.filter(|_| answer.status().is_client_error() || answer.status().is_server_error()) {
            Some(id) => with_instance(&body, &id),
            None => body,
        };
        let signer = match shared.node.identity.signer().await {
            Ok(signer) => signer,
            Err(problem) => {
                tracing::warn!(%problem, "an answer is not signed");
                return ServiceResponse::new(request, answer.set_body(BoxBody::new(body)));
            }
        };
        put(answer.headers_mut(), CONTENT_DIGEST, &digest::of(&body));
        let status = answer.status().as_u16();
        let signed = {
            let headers = answer.headers();
            let field = |name: &str| field(headers, name);
            let now = Time::now().micros().div_euclid(1_000_000);
            self.with(|asked| response::sign(Response { status, field: &field }, asked, &self.label, &signer, now))
        };
        match signed {
            Ok(signed) => signed.fields().into_iter().for_each(|(name, value)| put(answer.headers_mut(), name, value)),
            Err(error) => tracing::warn!(%error, "an answer is not signed"),
        }
        ServiceResponse::new(request, answer.set_body(BoxBody::new(body)))
    }
}

fn field(headers: &HeaderMap, name: &str) -> Option<String> {
    combined(headers.get_all(name).map(HeaderValue::as_bytes))
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
