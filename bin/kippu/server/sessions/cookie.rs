//! The cookie that holds a session's token in a browser, where no script can read it.
//!
//! Its prefix makes browsers keep it only where it came with `Secure` and without a domain, so no other host can set it.
//! `Secure` cookies come back over HTTPS, and over plain HTTP on loopback alone: Chromium and Firefox take `http://127.0.0.1` and
//! `http://localhost` for trustworthy, Safari does not. Any other address needs TLS before the node.

use std::time::Duration;

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use kippu_actors::problem::Problem;

use super::refused;

/// Its name.
pub(crate) const NAME: &str = "__Host-kippu";

/// The one session token that came in a cookie.
///
/// # Errors
/// 401 where there are two: nobody can tell which one is meant.
pub(crate) fn token(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let lines = headers.get_all(COOKIE).map(HeaderValue::as_bytes);
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).filter_map(pair);
    let mut values = pairs.filter(|(name, _)| *name == NAME.as_bytes()).map(|(_, value)| value);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused());
    }
    std::str::from_utf8(value).map(Some).map_err(|_| refused())
}

fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == b'=')?;
    Some((text[..at].trim_ascii(), text[at + 1..].trim_ascii()))
}

/// `Set-Cookie` for a session that ends in `lasts` at the latest.
pub(super) fn set(token: &str, lasts: Duration) -> Option<HeaderValue> {
    line(token, lasts.as_secs())
}

/// `Set-Cookie` that takes the cookie away.
pub(crate) fn cleared() -> Option<HeaderValue> {
    line("", 0)
}

fn line(value: &str, secs: u64) -> Option<HeaderValue> {
    let line = format!("{NAME}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={secs}");
    HeaderValue::from_str(&line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        lines.iter().for_each(|line| headers.append(COOKIE, HeaderValue::from_static(line)));
        headers
    }

    /// Shows F45.
    #[test]
    fn a_cookie_counts_by_its_exact_name_and_not_twice() {
        for (lines, expected) in [
            (&["__Host-kippu=kps_a"][..], Some("kps_a")),
            (&["a=b; __Host-kippu=kps_a;c=d"], Some("kps_a")),
            (&["a=__Host-kippu=kps_a"], None),
            (&["__host-kippu=kps_a; kippu=kps_b; __Host-kippu2=kps_c"], None),
            (&["__Host-kippu"], None),
            (&[], None),
        ] {
            assert_eq!(token(&headers(lines)).unwrap(), expected, "{lines:?}");
        }
        for lines in [
            &["__Host-kippu=kps_a; __Host-kippu=kps_b"][..],
            &["__Host-kippu=kps_a", "__Host-kippu=kps_a"],
            &["__Host-kippu=; __Host-kippu=kps_b"],
        ] {
            assert_eq!(token(&headers(lines)).unwrap_err().kind.status, 401, "{lines:?}");
        }
    }

    #[test]
    fn the_cookie_is_this_hosts_alone_and_no_scripts() {
        let line = set("kps_a", Duration::from_secs(7)).unwrap();
        assert_eq!(line, "__Host-kippu=kps_a; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=7");
        assert!(cleared().unwrap().to_str().unwrap().starts_with("__Host-kippu=; "));
    }
}
