//! `POST /v1/log/seal`: an operator ends the history here, so that it goes on where a copy of it lies. No command of a
//! family: it is about the log, and what it writes is no event.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use kippu_actors::Caller;
use kippu_actors::problem::{self, Problem, bad_body};
use kippu_events::client::Role;
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

/// Seals every partition. Once more with the same place, nothing is done.
pub(crate) async fn seal(request: HttpRequest, shared: Data<Shared>, body: Bytes) -> Result<HttpResponse, Problem> {
    let role = request.extensions().get::<Caller>().map(|caller| caller.role);
    if role != Some(Role::Operator) {
        return Err(Problem::new(&problem::FORBIDDEN, "a history is sealed by operators"));
    }
    let Asked { next } = serde_json::from_slice(&body).map_err(|error| bad_body(&error))?;
    if next.is_empty() || next.len() > MOST_NEXT_BYTES {
        return Err(Problem::new(&problem::INVALID_BODY, format!("next has 1 to {MOST_NEXT_BYTES} bytes")));
    }
    tracing::warn!(%next, "an operator seals the history");
    shared.node.runtime.seal(&next).await?;
    Ok(HttpResponse::Ok().json(json!({ "log": shared.node.log.id().to_string(), "next": next })))
}
