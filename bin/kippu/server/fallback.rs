//! What no route took: a path that there is not, or one that takes other methods.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError as _};
use kippu_actors::problem::{self, Problem};
use kippu_actors::{Target, catalogue};
use kippu_events::Family;

/// The middleware of what lies under `/v1`: a path, or a method, that there is not goes no further.
///
/// # Errors
/// None of its own.
pub(crate) async fn only_what_there_is(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if allowed(request.match_info().as_str()).contains(&request.method().as_str()) {
        return next.call(request).await;
    }
    let (request, _) = request.into_parts();
    let response = fallback(request.clone()).await;
    Ok(ServiceResponse::new(request, response))
}

/// 404, or 405 with `Allow`.
pub(crate) async fn fallback(request: HttpRequest) -> HttpResponse {
    let allowed = allowed(request.match_info().as_str());
    if allowed.is_empty() {
        return Problem::new(&problem::NOT_FOUND, "there is nothing at this path; /docs says what there is")
            .error_response();
    }
    let allow = allowed.join(", ");
    let problem = Problem::new(&problem::METHOD_NOT_ALLOWED, format!("this path takes {allow}"));
    let mut response = problem.error_response();
    if let Ok(value) = header::HeaderValue::from_str(&allow) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// The methods that `path` takes.
fn allowed(path: &str) -> Vec<&'static str> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments.as_slice() {
        ["livez" | "readyz" | "metrics" | "openapi.json" | "docs" | "problems"] | ["docs", "app.js" | "style.css"] => {
            methods(true, false)
        }
        ["sign-in"] => methods(true, true),
        ["sign-out"] => methods(false, true),
        ["problems", slug] => methods(!slug.is_empty(), false),
        [".well-known", "kippu-party.json" | "kippu-party.jws" | "jwks.json"] => methods(true, false),
        ["evidence", ..] => methods(true, false),
        ["v1", "log", "seal"] | ["v1", "keys", "rotate"] | ["v1", "users", "find"] | ["v1", "activities", "retry"] => {
            methods(false, true)
        }
        ["v1", "users", id, "receipt"] => methods(!id.is_empty(), false),
        ["v1", "activities"] => methods(true, false),
        ["v1", "events"] => methods(true, false),
        ["v1", "blobs", id] if !id.is_empty() => vec!["GET", "HEAD", "PUT"],
        ["v1", "statements", account] => methods(!account.is_empty(), false),
        ["v1", "contracts", id, "fees", month] => methods(!id.is_empty() && !month.is_empty(), false),
        ["v1", "access-batches", id, "leaves"] => methods(!id.is_empty(), false),
        ["v1", "contracts", id, "members", "register" | "sign-in" | "confirm" | "consent"] => {
            methods(false, !id.is_empty())
        }
        ["v1", "contracts", id, "management", output] => methods(!id.is_empty() && !output.is_empty(), false),
        ["v1", "contracts", id, "page-users"] => methods(!id.is_empty(), false),
        ["shop"] | ["style.css"] => methods(true, false),
        ["shop", "offers"] => methods(false, true),
        ["shop", "offers", id, "content", n] => methods(false, !id.is_empty() && !n.is_empty()),
        ["approve" | "enrol"] => methods(true, true),
        ["approvals", id] => methods(!id.is_empty(), !id.is_empty()),
        ["settle"] => methods(false, true),
        ["settlements", id] => methods(!id.is_empty(), false),
        ["settlements", id, "received" | "collect"] => methods(false, !id.is_empty()),
        ["settlements", id, "content", n] => methods(!id.is_empty() && !n.is_empty(), false),
        ["shop", name] | ["shop", "pictures", name] => methods(!name.is_empty(), false),
        ["v1", "offers" | "settlements", id, "content", n] => methods(!id.is_empty() && !n.is_empty(), false),
        ["v1", "page-deliveries", id, "content", sha256] => methods(!id.is_empty() && !sha256.is_empty(), false),
        ["site", _, ..] => methods(true, true),
        ["v1", "pages", id, "message" | "message.wav"] if !id.is_empty() => vec!["GET"],
        ["v1", family] => methods(is_view(family), takes(family, None, Target::New)),
        ["v1", family, token] if takes(family, Some(token), Target::Token) => methods(false, true),
        ["v1", family, id] => methods(is_view(family) && !id.is_empty(), false),
        ["v1", family, id, command] if !id.is_empty() => methods(false, takes(family, Some(command), Target::Id)),
        _other => Vec::new(),
    }
}

fn methods(get: bool, post: bool) -> Vec<&'static str> {
    let all = [(get, "GET"), (get, "HEAD"), (post, "POST")];
    all.into_iter().filter_map(|(takes, method)| takes.then_some(method)).collect()
}

fn takes(family: &str, command: Option<&str>, target: Target) -> bool {
    let specs = Family::from_name(family).map(|family| catalogue::actor(family).commands()).unwrap_or_default();
    specs.iter().any(|spec| {
        spec.target == target && command.is_none_or(|command| kippu_actors::http::path_name(spec) == command)
    })
}

fn is_view(name: &str) -> bool {
    // The views' own status is asked for like a view.
    name == "status"
        || kippu_projections::catalogue::views().iter().any(|view| view.name() == name && view.table().is_some())
}
