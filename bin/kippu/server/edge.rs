//! What every request goes through: it gets a name, its panics end here, its errors are all problems, its answer gets
//! the headers that every answer has, and it is counted and traced.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage as _, HttpResponse, ResponseError as _};
use futures_util::FutureExt as _;
use kippu_actors::http::PROBLEM_JSON;
use kippu_actors::problem::{self, Problem, ProblemType};

use super::front;
use super::metrics::Metrics;
use super::pace::{Answer, Turn};
use super::problem_page;
use super::request_id::{RequestId, X_REQUEST_ID};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// The outermost middleware.
///
/// # Errors
/// Only after a panic, and then with a finished answer inside.
pub(crate) async fn edge(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let method = request.method().clone();
    let metrics = request.app_data::<Data<Metrics>>().cloned();
    request.extensions_mut().insert(id.clone());
    let turn = request.conn_data::<Turn>().cloned();
    turn.iter().for_each(Turn::asked);
    let outcome = match front::refusal(request.headers()) {
        Some(problem) => Ok(Ok(request.into_response(problem.error_response()))),
        None => AssertUnwindSafe(next.call(request)).catch_unwind().await,
    };
    let (failed, why) = match outcome {
        Ok(Ok(mut response)) => {
            if let Some(turn) = &turn {
                tell_how_long_it_is_kept(&mut response, turn);
            }
            let response = answered(response, &id, &method, metrics.as_ref().map(Data::get_ref), started);
            return Ok(match turn {
                Some(turn) => response.map_body(|_, body| BoxBody::new(Answer::new(body, turn))),
                None => response,
            });
        }
        // An inner middleware gave up without an answer: the error has one.
        Ok(Err(error)) => (error.error_response(), "error"),
        Err(_panic) => {
            tracing::error!(request_id = id.as_str(), %method, "a handler panicked");
            let problem = Problem::new(&problem::INTERNAL, "a defect was met while this was handled");
            (problem.error_response(), "panic")
        }
    };
    turn.iter().for_each(Turn::answered);
    trace(&id, &method, None, failed.status(), started);
    if let Some(metrics) = metrics {
        metrics.count(failed.status());
    }
    Err(finished(failed, &id, why))
}

/// An answer on its way out.
fn answered(
    mut response: ServiceResponse<BoxBody>,
    id: &RequestId,
    method: &Method,
    metrics: Option<&Metrics>,
    started: Instant,
) -> ServiceResponse<BoxBody> {
    if response.status().is_client_error() || response.status().is_server_error() {
        let is_for_people = problem_page::is_wanted(response.request());
        response = response.map_body(|head, body| {
            let problem = as_problem(head.status, head.headers_mut(), body, id);
            if is_for_people { problem_page::shown(head, problem) } else { problem }
        });
    }
    dress(response.headers_mut(), id);
    trace(id, method, response.request().match_pattern().as_deref(), response.status(), started);
    if let Some(metrics) = metrics {
        metrics.observe(method, &response, started.elapsed());
    }
    response
}

/// Many clients go by it, and close their end of an idle connection before we close ours: what they send at that moment
/// would have no answer.
fn tell_how_long_it_is_kept(response: &mut ServiceResponse<BoxBody>, turn: &Turn) {
    if response.request().head().connection_type() != ConnectionType::Close
        && let Ok(value) = HeaderValue::from_str(&format!("timeout={}", turn.idle_secs()))
    {
        response.headers_mut().insert(KEEP_ALIVE, value);
    }
}

/// An answer that leaves as an error.
fn finished(response: HttpResponse, id: &RequestId, why: &'static str) -> Error {
    let mut response = response.map_body(|head, body| {
        let status = head.status;
        as_problem(status, head.headers_mut(), body, id)
    });
    dress(response.headers_mut(), id);
    InternalError::from_response(why, response).into()
}

/// The headers of every answer.
fn dress(headers: &mut HeaderMap, id: &RequestId) {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The body of an error: a problem that says which request it is about, whatever the handler left.
fn as_problem(status: StatusCode, headers: &mut HeaderMap, body: BoxBody, id: &RequestId) -> BoxBody {
    // A form that is shown again, with what was wrong with it.
    if headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"text/html")) {
        return body;
    }
    let is_problem =
        headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(PROBLEM_JSON.as_bytes()));
    let whole = if is_problem { body.try_into_bytes().ok() } else { None };
    let whole = whole.unwrap_or_else(|| {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        let kind = general(status);
        let problem = Problem::new(kind, kind.advice);
        problem.error_response().into_body().try_into_bytes().unwrap_or_default()
    });
    BoxBody::new(with_instance(&whole, id))
}

/// In text that somebody else wrote the quotes would be escaped.
const NAMED: &[u8] = b"\"request_id\":\"";

/// Adds the request's name to a problem. A name needs no escaping.
pub(super) fn with_instance(body: &Bytes, id: &RequestId) -> Bytes {
    let id = id.as_str();
    // A node that another has asked has named it already.
    if body.windows(NAMED.len()).any(|run| run == NAMED) {
        return body.clone();
    }
    match body.strip_suffix(b"}") {
        Some(open) => {
            let member = format!(",\"instance\":\"urn:kippu:request:{id}\",\"request_id\":\"{id}\"}}");
            [open, member.as_bytes()].concat().into()
        }
        None => body.clone(),
    }
}

/// The type for an error that actix itself answered.
fn general(status: StatusCode) -> &'static ProblemType {
    let exact = problem::GENERAL.iter().find(|kind| kind.status == status.as_u16());
    let class = if status.is_server_error() { &problem::INTERNAL } else { &problem::INVALID_REQUEST };
    exact.copied().unwrap_or(class)
}

fn trace(id: &RequestId, method: &Method, path: Option<&str>, status: StatusCode, started: Instant) {
    let (request_id, path, code) = (id.as_str(), path.unwrap_or("-"), status.as_u16());
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    // Anybody with a key can ask for what is not there yet or has no space; what holds it up is told where it is known.
    let is_told = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE);
    if status.is_server_error() && !is_told {
        tracing::warn!(target: "kippu::access", request_id, %method, path, status = code, micros, "answered");
    } else {
        tracing::debug!(target: "kippu::access", request_id, %method, path, status = code, micros, "answered");
    }
}
