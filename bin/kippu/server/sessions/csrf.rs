//! Whether a page of this service has sent a request, or perhaps one of another site: what browsers say of that, and a token that
//! only pages for the session know.

use actix_web::http::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use kippu_actors::problem::{self, Problem};

/// The token, where a script sends it.
pub(crate) const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
/// As Fetch Metadata has it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The header, where it is there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Single<'a> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Single::Absent,
        (Some(value), None) => value.to_str().map_or(Single::Unclear, Single::Value),
        (Some(_), Some(_)) => Single::Unclear,
    }
}

enum Single<'a> {
    Absent,
    Value(&'a str),
    Unclear,
}

/// Whether a browser that sent this says that a page of another site made it do so. What is no browser says nothing.
///
/// # Errors
/// 403 where it says so.
pub(crate) fn from_here(headers: &HeaderMap) -> Result<(), Problem> {
    let is_here = match (single(headers, &SEC_FETCH_SITE), single(headers, &ORIGIN)) {
        // `none` is what the user typed or chose. Where this is said, no proxy's `Host` is needed.
        (Single::Value(site), _) => site == "same-origin" || site == "none",
        (Single::Absent, Single::Absent) => true,
        (Single::Absent, Single::Value(origin)) => is_of_host(origin, headers),
        (Single::Unclear, _) | (Single::Absent, Single::Unclear) => false,
    };
    if is_here { Ok(()) } else { Err(Problem::new(&problem::CSRF, "another site has sent this")) }
}

/// Whether `origin` is the host that the request is for. Its scheme is not known behind a proxy.
fn is_of_host(origin: &str, headers: &HeaderMap) -> bool {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    matches!((host, single(headers, &HOST)), (Some(host), Single::Value(its)) if host.eq_ignore_ascii_case(its))
}

/// The token in the header.
pub(super) fn in_header(headers: &HeaderMap) -> Option<&str> {
    match single(headers, &X_CSRF_TOKEN) {
        Single::Value(token) => Some(token),
        Single::Absent | Single::Unclear => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    /// Shows F45.
    #[test]
    fn another_site_is_known_by_what_browsers_say() {
        let is_here = |said: &[(HeaderName, &'static str)]| {
            let mut headers = HeaderMap::new();
            headers.append(HOST, HeaderValue::from_static("tickets.example:8080"));
            said.iter().for_each(|(name, value)| headers.append(name.clone(), HeaderValue::from_static(value)));
            from_here(&headers).is_ok()
        };
        for said in [
            &[][..],
            &[(SEC_FETCH_SITE, "same-origin")],
            &[(SEC_FETCH_SITE, "none")],
            &[(SEC_FETCH_SITE, "same-origin"), (ORIGIN, "https://tickets.example")],
            &[(ORIGIN, "http://tickets.example:8080")],
            &[(ORIGIN, "https://Tickets.Example:8080")],
        ] {
            assert!(is_here(said), "{said:?}");
        }
        for said in [
            &[(SEC_FETCH_SITE, "cross-site")][..],
            &[(SEC_FETCH_SITE, "same-site")],
            &[(SEC_FETCH_SITE, "")],
            &[(SEC_FETCH_SITE, "same-origin"), (SEC_FETCH_SITE, "cross-site")],
            &[(SEC_FETCH_SITE, "cross-site"), (ORIGIN, "http://tickets.example:8080")],
            &[(ORIGIN, "http://evil.example")],
            &[(ORIGIN, "http://tickets.example")],
            &[(ORIGIN, "http://tickets.example:8080.evil.example")],
            &[(ORIGIN, "http://evil.example/tickets.example:8080")],
            &[(ORIGIN, "ftp://tickets.example:8080")],
            &[(ORIGIN, "null")],
            &[(ORIGIN, "")],
            &[(ORIGIN, "http://tickets.example:8080"), (ORIGIN, "http://tickets.example:8080")],
        ] {
            assert!(!is_here(said), "{said:?}");
        }
    }
}
