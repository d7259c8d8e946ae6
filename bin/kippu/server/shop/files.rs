//! Pictures, which everybody may see that a product names, and the files of an offer, for who holds what opens them.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _};
use kippu_actors::problem::{self, Problem};
use kippu_events::access::Caller;
use kippu_events::approvals::offers::Offer;
use kippu_events::{EntityId, EntityKey};
use kippu_projections::Queries;
use kippu_projections::queries::Page;

use super::bytes::{self, Shown};
use crate::server::Shared;
use crate::server::forms::Form;

/// A picture that a product names.
pub(super) async fn picture(
    request: HttpRequest,
    sha256: Path<String>,
    queries: Data<Queries>,
    shared: Data<Shared>,
) -> HttpResponse {
    let filters = vec![("picture".to_owned(), sha256.clone())];
    let (page, its) = (Page { filters, limit: 1, ..Page::default() }, queries.get_ref().clone());
    match queries.in_turn(None, move || its.list("products", &Caller::GUEST, &page)).await {
        Ok(listed) if listed.rows.is_empty() => {
            Problem::new(&problem::NOT_FOUND, "no product has this picture").error_response()
        }
        Ok(_) => {
            let shown = Shown { sha256: &sha256, media_type: None, file_name: None };
            bytes::give(&request, &shared, shown).await.unwrap_or_else(|problem| problem.error_response())
        }
        Err(error) => error.error_response(),
    }
}

/// `GET /v1/offers/{id}/content/{n}`: a file of what was delivered of an offer, for who holds its capability: the settlement
/// server that took it, or the buyer to whom that was handed on.
pub(crate) async fn content(
    request: HttpRequest,
    path: Path<(String, u16)>,
    shared: Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let (id, n) = path.into_inner();
    let unknown = || Problem::new(&problem::NOT_FOUND, "there is no such file");
    let id: EntityId = id.parse().map_err(|_| unknown())?;
    let key = EntityKey::of::<Offer>(id);
    let caller = request.extensions().get::<Caller>().copied().unwrap_or(Caller::GUEST);
    if caller.holds != Some(key) {
        return Err(Problem::new(&problem::FORBIDDEN, "a file is for who holds the capability of its offer"));
    }
    delivered(&request, &shared, key, n).await
}

/// `POST /shop/offers/{id}/content/{n}`: the same for a browser, whose form has the capability as a member.
pub(super) async fn taken(
    request: HttpRequest,
    body: Payload,
    path: Path<(EntityId, u16)>,
    shared: Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let (id, n) = path.into_inner();
    let form = Form::read(request.headers(), body, &shared.limits).await?;
    let key = EntityKey::of::<Offer>(id);
    let held = form.get("capability").and_then(|token| shared.node.secrets.capability(token));
    if held != Some(key) {
        return Err(Problem::new(&problem::NOT_FOUND, "there is no such file, or not for you"));
    }
    delivered(&request, &shared, key, n).await
}

async fn delivered(request: &HttpRequest, shared: &Shared, key: EntityKey, n: u16) -> Result<HttpResponse, Problem> {
    let unknown = || Problem::new(&problem::NOT_FOUND, "there is no such file");
    // Not by the view, nor what this node has read, which may be a moment behind what has just been answered.
    let found = shared.node.runtime.peek_now(key).await?;
    let offer: &Offer = found.state.as_any().downcast_ref().ok_or_else(unknown)?;
    let content = offer.delivered(n).ok_or_else(unknown)?;
    let (media_type, file_name) = (Some(content.media_type.as_str()), Some(content.name.as_str()));
    bytes::give(request, shared, Shown { sha256: &content.sha256, media_type, file_name }).await
}
