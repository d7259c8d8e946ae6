//! A problem as a page, for a person whose browser asked for one: everywhere but under `/v1`.

use actix_web::HttpRequest;
use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::dev::ResponseHead;
use actix_web::http::header::{self, ACCEPT};
use maud::html;
use serde::Deserialize;

use super::layout::Page;

/// A problem as it was answered.
#[derive(Deserialize)]
struct Told {
    r#type: String,
    title: String,
    detail: String,
    request_id: String,
}

/// Whether `request` asks for a page: browsers say so, and programs do not.
pub(super) fn is_wanted(request: &HttpRequest) -> bool {
    let values = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    let mut ranges = values.flat_map(|value| value.split(','));
    let is_html = |range: &str| range.split(';').next().is_some_and(|of| of.trim().eq_ignore_ascii_case("text/html"));
    !request.path().starts_with("/v1/") && ranges.any(is_html)
}

/// `problem` as a page, where it is one.
pub(super) fn shown(head: &mut ResponseHead, problem: BoxBody) -> BoxBody {
    let bytes = match problem.try_into_bytes() {
        Ok(bytes) => bytes,
        Err(body) => return body,
    };
    let Ok(told) = serde_json::from_slice::<Told>(&bytes) else { return BoxBody::new(bytes) };
    let body = html! {
        p role="alert" { (sentence(&told.detail)) }
        p { a href=(told.r#type) { "What to do about it" } }
        p.quiet { "Request " (told.request_id) }
    };
    let page = Page::new(&told.title, body).show();
    for name in [header::CONTENT_TYPE, header::CONTENT_SECURITY_POLICY, header::REFERRER_POLICY] {
        if let Some(value) = page.headers().get(&name) {
            head.headers_mut().insert(name, value.clone());
        }
    }
    page.into_body()
}

/// Details are written in lower case and without a full stop.
pub(crate) fn sentence(detail: &str) -> String {
    let mut characters = detail.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use actix_web::HttpResponse;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_page_is_for_browsers_and_not_of_the_interface() {
        let wanted = |path: &str, accept: &str| {
            is_wanted(&TestRequest::with_uri(path).insert_header((ACCEPT, accept)).to_http_request())
        };
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert!(wanted("/approve", browser) && wanted("/v1x", "text/plain, Text/HTML;q=0.5"));
        assert!(!wanted("/v1/users", browser) && !wanted("/approve", "*/*") && !wanted("/approve", "application/json"));
        assert!(!is_wanted(&TestRequest::with_uri("/approve").to_http_request()));
    }

    #[test]
    fn a_problem_is_shown_with_its_title_and_detail_and_what_is_hostile_in_them_escaped() {
        let body = r#"{"type":"/problems/x","title":"It is so","status":409,"detail":"a <b> is","instance":"i","request_id":"r-1"}"#;
        let response = HttpResponse::Conflict().content_type("application/problem+json").body(body);
        let response = response.map_body(shown);
        let kind = response.headers().get(header::CONTENT_TYPE).unwrap().to_str().unwrap().to_owned();
        let page = String::from_utf8(response.into_body().try_into_bytes().unwrap().to_vec()).unwrap();
        assert!(kind.starts_with("text/html"), "{kind}");
        for part in ["<h1>It is so</h1>", "A &lt;b&gt; is.", "/problems/x", "r-1"] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
