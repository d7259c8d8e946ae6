//! `POST /v1/log/seal`: an operator ends the history here, so that it goes on where a copy of it lies. No command of a
//! family: it is about the log, and what it writes is no event.

use std::path::Path;

use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use kippu_actors::http::{read_body, still};
use kippu_actors::problem::{self, Problem, bad_body, raw_body};
use kippu_events::access::Caller;
use kippu_events::access::clients::Role;
use kippu_events::log::kafka::Address;
use serde::Deserialize;
use serde_json::json;

use super::Shared;

/// The longest place that a seal names.
const MOST_NEXT_BYTES: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Where the history goes on.
    next: String,
}

/// Whether a history can lie there.
fn is_place(next: &str) -> bool {
    let is_plain_path = || Path::new(next).is_absolute() && !next.chars().any(char::is_control);
    next.len() <= MOST_NEXT_BYTES && (next.parse::<Address>().is_ok() || is_plain_path())
}

/// Whether an operator calls.
///
/// # Errors
/// `otherwise` for everybody else.
pub(crate) fn for_operators(request: &HttpRequest, otherwise: &str) -> Result<(), Problem> {
    let caller = request.extensions().get::<Caller>().copied().unwrap_or(Caller::GUEST);
    if caller.is_among(&[Role::Operator]) {
        return Ok(());
    }
    let kind = if caller.is_guest() { &problem::UNAUTHENTICATED } else { &problem::FORBIDDEN };
    Err(Problem::new(kind, otherwise))
}

/// Seals every partition. Once more with the same place, nothing is done.
pub(crate) async fn seal(request: HttpRequest, shared: Data<Shared>, body: Payload) -> Result<HttpResponse, Problem> {
    for_operators(&request, "a history is sealed by operators")?;
    if !request.query_string().is_empty() {
        return Err(Problem::new(&problem::INVALID_REQUEST, "a command has no query parameters"));
    }
    let body = read_body(request.headers(), body, &shared.limits).await?;
    still(&request)?;
    let Asked { next } = serde_json::from_str(raw_body(&body)?.get()).map_err(|error| bad_body(&error))?;
    if !is_place(&next) {
        let detail = "next is kafka://HOST:PORT/TOPIC or the absolute path of a data directory: there is no way back";
        return Err(Problem::new(&problem::INVALID_BODY, detail));
    }
    tracing::warn!(%next, "an operator seals the history");
    shared.node.runtime.seal(&next).await?;
    Ok(HttpResponse::Ok().json(json!({ "log": shared.node.log.id().to_string(), "next": next })))
}
