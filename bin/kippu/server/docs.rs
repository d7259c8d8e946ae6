//! `/docs`: a page that shows `/openapi.json`, and the document itself. Everything comes from this binary.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use kippu_events::etag::Tags;

use super::openapi::Document;

const PAGE: &str = include_str!("docs/page.html");
const SCRIPT: &str = include_str!("docs/app.js");
const STYLE: &str = include_str!("docs/style.css");
/// Only what this server itself serves, and no inline script: nothing in the document can become code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
pub(crate) async fn page() -> HttpResponse {
    asset("text/html; charset=utf-8", PAGE)
}

/// Its script.
pub(crate) async fn script() -> HttpResponse {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

/// Its style.
pub(crate) async fn style() -> HttpResponse {
    asset("text/css; charset=utf-8", STYLE)
}

/// The document, where the caller has another one or none.
pub(crate) async fn openapi(request: HttpRequest, document: web::Data<Document>) -> HttpResponse {
    let mut known = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let tag = document.tag().trim_matches('"');
    let known = known.any(|line| Tags::parse(line).is_ok_and(|tags| tags.have(tag)));
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, document.tag())).insert_header((header::CACHE_CONTROL, "no-cache"));
    if known { response.finish() } else { response.content_type("application/json").body(document.text()) }
}

fn asset(kind: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(text)
}
