//! The query endpoints: `GET /v1/{view}` and `GET /v1/{view}/{key}`, and `GET /v1/status` about the views themselves.
//!
//! The server puts [`Queries`] into the application's data, and its authentication puts a [`Caller`] into the
//! request's extensions. Where personal fields are opened, an [`AccessLog`] is there too.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{StatusCode, header::HeaderMap};
use actix_web::web::{self, Bytes};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use kippu_events::access::clients::Role;
use kippu_events::etag::Tags;
use kippu_events::problem::PROBLEM_JSON;

use crate::json::Json;
use crate::pages::Held;
use crate::queries::{Found, Moment, Page, Queries, QueryError, visible};
use kippu_events::EntityId;
use kippu_events::access::Caller;

/// The position that an answer must reflect at least: a position or a cut.
pub const MIN_POSITION: HeaderName = HeaderName::from_static("kippu-min-position");
/// The last record of the entity's partition that an answer reflects.
pub const POSITION: HeaderName = HeaderName::from_static("kippu-position");
/// What the whole view reflects.
pub const CUT: HeaderName = HeaderName::from_static("kippu-cut");
/// How long a query waits for its `Kippu-Min-Position`; views are usually milliseconds behind.
pub const WAIT: Duration = Duration::from_secs(5);

/// A page is handed over in parts of so many bytes.
const PART_BYTES: usize = 65_536;

/// Keeps on record who was shown whose personal fields.
pub trait AccessLog: Send + Sync {
    /// Has on record, durably, that `caller` is shown personal fields of `persons` by `query`.
    ///
    /// # Errors
    /// Where it cannot: then they MUST NOT be shown.
    fn note<'a>(
        &'a self,
        caller: &'a Caller,
        query: &'a str,
        persons: Vec<EntityId>,
    ) -> Pin<Box<dyn Future<Output = Result<(), QueryError>> + 'a>>;
}

/// Adds the query endpoints to what lies under `/v1`.
pub fn configure(config: &mut web::ServiceConfig) {
    for method in [web::get, web::head] {
        config
            .route("/status", method().to(status))
            .route("/{view}", method().to(list))
            .route("/{view}/{key}", method().to(get));
    }
}

impl ResponseError for QueryError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if self.status_code() == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, "1"));
        }
        response.insert_header((header::CONTENT_TYPE, PROBLEM_JSON)).body(self.kind().document(&self.to_string()))
    }
}

/// The parameters of a query.
#[derive(Default)]
struct Parameters {
    page: Page,
    as_of: Option<Moment>,
}

impl Parameters {
    /// Those of `request`, which takes these and, where `filters`, those of a view.
    fn read(request: &HttpRequest, takes: &[&str], filters: bool) -> Result<Self, QueryError> {
        let pairs: web::Query<Vec<(String, String)>> = web::Query::from_query(request.query_string())
            .map_err(|error| QueryError::parameter("query", &error.to_string()))?;
        let mut read = Self::default();
        let mut names = BTreeSet::new();
        for (name, value) in pairs.into_inner() {
            if !names.insert(name.clone()) {
                return Err(QueryError::parameter(&name, "it is given twice"));
            }
            if !filters && !takes.contains(&name.as_str()) {
                return Err(QueryError::parameter(&name, "there is no such parameter here"));
            }
            match name.as_str() {
                "limit" => {
                    let limit = value.parse();
                    read.page.limit =
                        limit.map_err(|_| QueryError::parameter("limit", "it is a number from 1 to 1000"))?;
                }
                "cursor" => read.page.cursor = Some(value),
                "as_of" => read.as_of = Some(value.parse()?),
                "decrypt" => {
                    let decrypt = value.parse().map_err(|_| QueryError::parameter("decrypt", "it is true or false"))?;
                    read.page.decrypt = decrypt;
                }
                _ => read.page.filters.push((name, value)),
            }
        }
        Ok(read)
    }
}

/// The caller, as the server has authenticated it.
///
/// # Errors
/// Where it has not.
pub fn caller(request: &HttpRequest) -> Result<Caller, QueryError> {
    request.extensions().get::<Caller>().copied().ok_or(QueryError::Forbidden("the caller is not authenticated"))
}

/// Waits for the `Kippu-Min-Position` of a request, if it has one. Nobody waits for a view that he may not read.
///
/// # Errors
/// Where the caller may not read it, the position is none, or it is not reflected in time.
pub async fn await_position(
    queries: &Queries,
    view: &str,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<(), QueryError> {
    queries.may_read(view, caller)?;
    let mut values = headers.get_all(MIN_POSITION);
    let Some(value) = values.next() else { return Ok(()) };
    if values.next().is_some() {
        return Err(QueryError::parameter(MIN_POSITION.as_str(), "it is given twice"));
    }
    let malformed = || {
        let reason = "neither a position nor a cut that this service gave out";
        QueryError::parameter(MIN_POSITION.as_str(), reason)
    };
    let at = value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(malformed)?;
    match at {
        Moment::Position(_) | Moment::Cut(_) => queries.wait_for(view, &at, caller.party(), WAIT).await,
        Moment::Time(_) => Err(malformed()),
    }
}

async fn get(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    queries: web::Data<Queries>,
) -> Result<HttpResponse, QueryError> {
    let (view, key) = path.into_inner();
    let caller = caller(&request)?;
    let parameters = Parameters::read(&request, &["as_of", "decrypt"], false)?;
    await_position(&queries, &view, &caller, request.headers()).await?;
    let decrypt = parameters.page.decrypt;
    let found = match parameters.as_of {
        None if decrypt => {
            let its = queries.get_ref().clone();
            queries.in_turn(caller.party(), move || its.get(&view, &key, &caller, decrypt)).await?
        }
        None => queries.get(&view, &key, &caller, decrypt)?,
        Some(at) => {
            let its = queries.get_ref().clone();
            queries.in_turn(caller.party(), move || its.as_of(&view, &key, &caller, decrypt, &at)).await?
        }
    };
    note(&request, &caller, &found.opened).await?;
    Ok(answer(&request, found))
}

/// Has on record whose personal fields the answer to `request` shows.
async fn note(request: &HttpRequest, caller: &Caller, opened: &[EntityId]) -> Result<(), QueryError> {
    if opened.is_empty() {
        return Ok(());
    }
    let log = request.app_data::<web::Data<dyn AccessLog>>();
    let log = log.ok_or_else(|| QueryError::NotOnRecord("there is no access log here".to_owned()))?;
    let query = request.uri().path_and_query().map_or("", |query| query.as_str());
    log.note(caller, query, opened.to_vec()).await
}

fn answer(request: &HttpRequest, found: Found) -> HttpResponse {
    let tag = format!("\"{}\"", found.version);
    let mut known = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let unchanged = known.any(|line| Tags::parse(line).is_ok_and(|tags| tags.have_version(found.version)));
    let status = if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    response.insert_header((header::ETAG, tag));
    if let Some(position) = &found.position {
        put_header(&mut response, POSITION, &position.to_string());
    }
    if let Some(cut) = &found.cut {
        put_header(&mut response, CUT, &cut.to_string());
    }
    if unchanged {
        response.finish()
    } else {
        response.content_type(header::ContentType::json()).body(found.row.into_bytes())
    }
}

async fn list(
    request: HttpRequest,
    path: web::Path<String>,
    queries: web::Data<Queries>,
) -> Result<HttpResponse, QueryError> {
    let view = path.into_inner();
    let caller = caller(&request)?;
    let Parameters { page, as_of } = Parameters::read(&request, &[], true)?;
    if as_of.is_some() {
        return Err(QueryError::NoAsOf("a list is shown as it is now"));
    }
    await_position(&queries, &view, &caller, request.headers()).await?;
    let its = queries.get_ref().clone();
    // Writing a thousand rows takes as long as reading them.
    let listed = move || {
        let listed = its.list(&view, &caller, &page)?;
        Ok((body_of(&listed.rows, listed.next.as_deref()), listed.cut, listed.opened))
    };
    let (body, cut, opened) = queries.in_turn(caller.party(), listed).await?;
    note(&request, &caller, &opened).await?;
    let body = handed_over(&queries, &caller, body)?;
    let mut response = HttpResponse::Ok();
    put_header(&mut response, CUT, &cut.to_string());
    Ok(response.content_type(header::ContentType::json()).body(body))
}

/// A body that is handed over as it is taken, and counts as the caller's until then.
///
/// # Errors
/// Where the caller has too many of them on their way.
pub fn handed_over(queries: &Queries, caller: &Caller, body: Vec<u8>) -> Result<BoxBody, QueryError> {
    let held = queries.hold(caller.party(), body.len())?;
    Ok(BoxBody::new(Taken { left: body.into(), _held: held }))
}

/// A page: the rows as they were written, and where the next page begins.
fn body_of(rows: &[Json], next: Option<&str>) -> Vec<u8> {
    let mut body = br#"{"data":["#.to_vec();
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(row.as_bytes());
    }
    // A cursor is of base64url: it needs no escaping.
    let next = next.map_or_else(
        || r#"],"next":null,"has_more":false}"#.to_owned(),
        |next| format!(r#"],"next":"{next}","has_more":true}}"#),
    );
    body.extend_from_slice(next.as_bytes());
    body
}

/// A page, handed over as it is taken.
struct Taken {
    left: Bytes,
    _held: Held,
}

impl MessageBody for Taken {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let next = self.left.len().min(PART_BYTES);
        Poll::Ready((next > 0).then(|| Ok(self.left.split_to(next))))
    }
}

/// How far each view is, and what holds it up. It says how much is sold, so it is for operators and auditors.
async fn status(request: HttpRequest, queries: web::Data<Queries>) -> Result<HttpResponse, QueryError> {
    let caller = caller(&request)?;
    if !caller.is_among(&[Role::Operator, Role::Auditor]) {
        return Err(visible::refused(&caller, "the status is for operators and auditors"));
    }
    Parameters::read(&request, &[], false)?;
    Ok(HttpResponse::Ok().json(queries.status()))
}

fn put_header(response: &mut HttpResponseBuilder, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.insert_header((name, value));
    }
}
