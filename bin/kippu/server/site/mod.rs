//! `/site/{path}`: the pages of this site, for everybody, and what visitors ask for on them; each request is a line of the site's access log. And the bytes of pages that
//! this site brings to partner sites, for the partner's node, which holds the capability of that.

mod bytes;
mod combine;
mod guard;
mod log;
mod making;
pub(super) mod message;
mod requests;

use actix_web::http::Method;
use actix_web::web::{self, Data, Path};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, Resource, ResponseError as _};
use kippu_actors::problem::{self, Problem};
use kippu_events::access::Caller;
use kippu_events::blobs::BlobId;
use kippu_events::partners::page_deliveries::PageDelivery;
use kippu_events::partners::pages::{Page, PagePath, id_of};
use kippu_events::{EntityId, EntityKey, problem_types};

use self::bytes::{Read, note, read};
pub(crate) use self::guard::Guard;
pub(crate) use self::log::SiteLog;
pub(crate) use self::making::Making;
use super::Shared;
use super::blobs::{Shown, serve_blob, serve_page, told};
use super::fallback::fallback;

/// What a folder shows.
const INDEX: &str = "index.html";

problem_types! {
    /// Those of sites alone.
    KINDS:
    /// There is no program here that speaks.
    NO_SPEECH = 501 "speech-not-installed" "This node cannot speak" "Install the program espeak-ng where the node runs, or read the message as text.";
    /// It did not.
    SPEECH_FAILED = 503 "speech-failed" "The message was not spoken" "Read it as text.";
    /// It was changed by others than those who may write it.
    PAGE_DAMAGED = 503 "page-damaged" "The page is not what was written" "Try again after `Retry-After`: a page of a main site is fetched from there again. The operator of the site writes any other page once more.";
}

/// The path.
pub(super) fn resource() -> Resource {
    web::resource("/site/{path:.*}").to(page)
}

async fn page(request: HttpRequest, shared: Data<Shared>, payload: web::Payload) -> HttpResponse {
    // Taken here, so that a path of whatever form is a line of the log.
    let path = request.match_info().get("path").unwrap_or_default();
    let response = match *request.method() {
        Method::GET | Method::HEAD => {
            give(&request, &shared, path).await.unwrap_or_else(|problem| problem.error_response())
        }
        Method::POST => {
            requests::open(&request, &shared, payload).await.unwrap_or_else(|problem| problem.error_response())
        }
        _ => fallback(request.clone()).await,
    };
    match shared.site_log.record(&request, &response).await {
        Ok(()) => response,
        Err(error) => {
            // Nobody is shown what is not on record: fees are counted by it.
            tracing::warn!(%error, "the access log of the site cannot be written");
            Problem::later(&problem::INSUFFICIENT_STORAGE, "requests cannot be put on record now").error_response()
        }
    }
}

async fn give(request: &HttpRequest, shared: &Shared, path: &str) -> Result<HttpResponse, Problem> {
    let absent = || Problem::new(&problem::NOT_FOUND, "there is no page at this path");
    let path = named(path).ok_or_else(absent)?;
    let node = &shared.node;
    let key = EntityKey::of::<Page>(id_of(node.secrets.party, &path));
    let found = node.runtime.peek(key).await?;
    let page: &Page = found.state.as_any().downcast_ref().ok_or_else(absent)?;
    let content = match revision(request.query_string()) {
        Some(number) => page.revision(number).ok_or_else(absent)?,
        None => &page.shown().ok_or_else(absent)?.content,
    };
    match read(&node.blobs, content).await.map_err(|error| told(&error))? {
        Read::Whole(bytes) => Ok(serve_page(bytes, content.sha256, request, content.media_type.as_str())),
        Read::Other(other) => {
            // Of what was shown before, nothing is on record.
            note(&node.runtime, &node.secrets, (key, found.version), (content.sha256, other)).await;
            Err(Problem::later(&PAGE_DAMAGED, "the bytes of this page are not those that were written"))
        }
    }
}

/// The revision that a query asks for by its number; what is shown now, where it asks for none.
fn revision(query: &str) -> Option<u32> {
    query.split('&').find_map(|part| part.strip_prefix("revision=")?.parse().ok())
}

/// The page that a path below `/site/` names.
fn named(path: &str) -> Option<PagePath> {
    let is_folder = path.is_empty() || path.ends_with('/');
    PagePath::try_from(format!("{path}{}", if is_folder { INDEX } else { "" })).ok()
}

/// `GET /v1/page-deliveries/{id}/content/{sha256}`.
///
/// # Errors
/// 401 for everybody else, 404 for what is not brought to this partner site now.
pub(super) async fn content(
    request: HttpRequest,
    shared: Data<Shared>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, sha256) = path.into_inner();
    let absent = || Problem::new(&problem::NOT_FOUND, "these bytes are not brought to this partner site now");
    let id: EntityId = id.parse().map_err(|_| absent())?;
    let sha256: BlobId = sha256.parse().map_err(|_| absent())?;
    let key = EntityKey::of::<PageDelivery>(id);
    let caller = request.extensions().get::<Caller>().copied().unwrap_or(Caller::GUEST);
    if caller.holds != Some(key) {
        let detail = "these bytes are for the partner site to which the page is brought";
        return Err(Problem::new(&problem::UNAUTHENTICATED, detail));
    }
    let found = shared.node.runtime.peek_now(key).await?;
    let delivery: &PageDelivery = found.state.as_any().downcast_ref().ok_or_else(absent)?;
    let content = delivery.known().and_then(|known| known.content(sha256)).ok_or_else(absent)?;
    let shown = Shown { media_type: content.media_type.as_str(), file_name: None };
    serve_blob(&shared.node.blobs, sha256, &request, shown).await
}

#[test]
fn a_folder_shows_its_index_and_nothing_leads_out_of_the_site() {
    let path = |text| named(text).map(|path| path.to_string());
    assert_eq!(path("").as_deref(), Some("index.html"));
    assert_eq!(path("offers/").as_deref(), Some("offers/index.html"));
    assert_eq!(path("offers/a.html").as_deref(), Some("offers/a.html"));
    for out in ["/", "//", "../kippu.json", "a/../b", "a//", "a\\b", "a\0"] {
        assert_eq!(path(out), None, "{out:?}");
    }
}
