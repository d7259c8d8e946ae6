//! What was bought, as bytes from the settlement server: for who holds the capability of the settlement, as far as its state says that
//! they may be had.

use actix_web::web::{Data, Path};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use kippu_actors::problem::{self, Problem};
use kippu_events::access::Caller;
use kippu_events::approvals::settlements::Settlement;
use kippu_events::{EntityId, EntityKey};

use super::Shared;
use super::blobs::{Shown, serve_blob};

/// `GET /v1/settlements/{id}/content/{n}`.
///
/// # Errors
/// 401 for everybody else, 404 for what is not to be had here, or not yet, or not any more.
pub(crate) async fn of_settlement(
    request: HttpRequest,
    shared: Data<Shared>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, n) = path.into_inner();
    let absent = || Problem::new(&problem::NOT_FOUND, "there is nothing to be had here, or not yet, or not any more");
    let (id, n) = (id.parse::<EntityId>().map_err(|_| absent())?, n.parse::<u32>().map_err(|_| absent())?);
    let caller = request.extensions().get::<Caller>().copied().unwrap_or(Caller::GUEST);
    give(&request, &shared, caller, (id, n)).await
}

/// The content with this number of a settlement, for `caller`.
///
/// # Errors
/// As [`of_settlement`].
pub(crate) async fn give(
    request: &HttpRequest,
    shared: &Shared,
    caller: Caller,
    (id, n): (EntityId, u32),
) -> Result<HttpResponse, Problem> {
    let absent = || Problem::new(&problem::NOT_FOUND, "there is nothing to be had here, or not yet, or not any more");
    let key = EntityKey::of::<Settlement>(id);
    if caller.holds != Some(key) {
        let detail = "these bytes are for who holds the capability of their settlement";
        return Err(Problem::new(&problem::UNAUTHENTICATED, detail));
    }
    // Not by the view, nor what this node has read, which may be a moment behind what has just been answered.
    let found = shared.node.runtime.peek_now(key).await?;
    let settlement: &Settlement = found.state.as_any().downcast_ref().ok_or_else(absent)?;
    let content = settlement.available(n).ok_or_else(absent)?;
    let blob = content.sha256.parse().map_err(|_| absent())?;
    let shown = Shown { media_type: &content.media_type, file_name: Some(&content.name) };
    serve_blob(&shared.node.blobs, blob, request, shown).await
}
