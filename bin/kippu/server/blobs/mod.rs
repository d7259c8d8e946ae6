//! `/v1/blobs/{sha256}`: bytes that commands name. They come before the command that names them, and one that nothing names
//! goes again.

mod ledger;
mod serve;
mod sweep;
mod upload;

use actix_web::web::{self, Data, Path, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, Resource};
use kippu_actors::problem::{self, Problem};
use kippu_events::access::{Caller, Role};
use kippu_events::blobs::{BlobError, BlobId};
use kippu_events::problem_types;

pub(crate) use self::ledger::Ledger;
pub(crate) use self::serve::{Shown, serve_blob, serve_page};
pub(crate) use self::sweep::Sweep;
use super::Shared;
use super::fallback::fallback;
use crate::config;

problem_types! {
    /// Those of blobs alone.
    KINDS:
    /// Its role has uploaded what it may.
    QUOTA_EXCEEDED = 409 "quota-exceeded" "There is no room for this caller's blobs" "Name what you have uploaded in commands, or wait until what nothing names is gone. An operator can give the role more.";
    /// There is no such part.
    RANGE_NOT_SATISFIABLE = 416 "range-not-satisfiable" "There are no such bytes" "Ask for a part that begins within the size, which `Content-Range` says.";
    /// Something was changed on its way.
    DIGEST_MISMATCH = 422 "digest-mismatch" "The bytes are not those that the path names" "Send the bytes whose SHA-256 is in the path. Nothing was kept.";
    /// The disk, or the store of objects.
    BLOBS_UNAVAILABLE = 503 "blobs-unavailable" "Blobs cannot be kept or read now" "Try again after `Retry-After`.";
}

/// The path.
pub(super) fn resource() -> Resource {
    web::resource("/blobs/{sha256}")
        .route(web::put().to(put))
        .route(web::get().to(get))
        .route(web::head().to(get))
        .default_service(web::to(fallback))
}

async fn put(
    request: HttpRequest,
    shared: Data<Shared>,
    id: Path<String>,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    let role = role(&request)?;
    upload::take(&request, &shared, role, named(&request, &id)?, body).await
}

async fn get(request: HttpRequest, shared: Data<Shared>, id: Path<String>) -> Result<HttpResponse, Problem> {
    role(&request)?;
    serve_blob(&shared.node.blobs, named(&request, &id)?, &request, Shown::BYTES).await
}

/// As whom the caller of `request` uploads and reads.
fn role(request: &HttpRequest) -> Result<Role, Problem> {
    let caller = request.extensions().get::<Caller>().copied().unwrap_or(Caller::GUEST);
    // Another party of such a role would have the files that are sold here for their names, and has nothing that names what it uploads.
    if caller.is_peer() {
        return Err(Problem::new(&problem::FORBIDDEN, "blobs are for this party's own API clients"));
    }
    let role = config::Blobs::ROLES.into_iter().find(|role| caller.roles.has(*role));
    role.ok_or_else(|| {
        if caller.is_guest() {
            return Problem::new(&problem::UNAUTHENTICATED, "blobs need an API key");
        }
        let names = config::Blobs::ROLES.map(Role::name).join(" or ");
        Problem::new(&problem::FORBIDDEN, format!("blobs are for callers of the role {names}"))
    })
}

fn named(request: &HttpRequest, id: &str) -> Result<BlobId, Problem> {
    if !request.query_string().is_empty() {
        return Err(Problem::new(&problem::INVALID_REQUEST, "a blob has no query parameters"));
    }
    let wrong = |_| Problem::new(&problem::NOT_FOUND, "a blob is named by its SHA-256, 64 digits of 0-9 and a-f");
    id.parse().map_err(wrong)
}

/// What a caller is told where a blob could not be kept or read.
pub(super) fn told(error: &BlobError) -> Problem {
    match error {
        BlobError::Mismatch { .. } => Problem::new(&DIGEST_MISMATCH, error.to_string()),
        BlobError::NoSpace { .. } => {
            Problem::later(&problem::INSUFFICIENT_STORAGE, "there is too little space for blobs")
        }
        BlobError::NotShared => Problem::later(&BLOBS_UNAVAILABLE, error.to_string()),
        BlobError::Io { .. }
        | BlobError::Bucket(_)
        | BlobError::Cut(_)
        | BlobError::Entropy(_)
        | BlobError::Panicked => {
            tracing::warn!(%error, "a blob could not be kept or read");
            Problem::later(&BLOBS_UNAVAILABLE, "blobs cannot be kept or read now")
        }
    }
}
