//! The request within a line: `GET /articles/1?from=mail HTTP/1.1`, and whatever clients send instead of it.

use std::borrow::Cow;

use super::line::{Access, Text};
use super::words::part;

/// Method and target of a request line. The target is all between the first blank and the protocol, since clients send
/// blanks in it; a request of HTTP/0.9 has no protocol, and one without a blank no target. `-` is no request at all.
#[must_use]
pub fn split<'a>(request: &Text<'a>) -> (Text<'a>, Text<'a>) {
    let Some(blank) = memchr::memchr(b' ', request) else {
        let len = if **request == *b"-" { 0 } else { request.len() };
        return (part(request, 0..len), Cow::Borrowed(b""));
    };
    let last = memchr::memrchr(b' ', request).unwrap_or(blank);
    let end = if last > blank && request[last + 1..].starts_with(b"HTTP/") { last } else { request.len() };
    let target = &request[blank..end];
    let before = target.iter().take_while(|byte| **byte == b' ').count();
    let after = target[before..].iter().rev().take_while(|byte| **byte == b' ').count();
    (part(request, 0..blank), part(request, blank + before..end - after))
}

/// Host, path and query of a target. Only `https://host/path` has a host.
#[must_use]
pub fn target<'a>(target: &Text<'a>) -> (Option<Text<'a>>, Text<'a>, Option<Text<'a>>) {
    let end = memchr::memchr(b'?', target).unwrap_or(target.len());
    let query = (end < target.len()).then(|| part(target, end + 1..target.len()));
    if target.first() != Some(&b'/')
        && let Some(colon) = memchr::memmem::find(&target[..end], b"://")
        && target[..colon].iter().all(u8::is_ascii_alphanumeric)
    {
        let host = colon + 3;
        let slash = memchr::memchr(b'/', &target[host..end]).map_or(end, |at| host + at);
        let path = if slash < end { part(target, slash..end) } else { Cow::Borrowed(&b"/"[..]) };
        return (Some(part(target, host..slash)), path, query);
    }
    (None, part(target, 0..end), query)
}

impl<'a> Access<'a> {
    /// An access with method and target of the request line and nothing else.
    pub(super) fn of_request(request: &Text<'a>, at: crate::time::Time, client: Text<'a>) -> Self {
        let (method, aim) = split(request);
        let (host, path, query) = target(&aim);
        let host = host.map(|host| super::words::without_port(&host));
        let (user, bytes, referrer, agent, taken_us) = (None, None, None, None, None);
        let others = Vec::new();
        Self { at, client, host, user, others, method, path, query, status: 0, bytes, referrer, agent, taken_us }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_more_or_less_than_three_words_are_requests() {
        for (request, method, aim) in [
            ("GET / HTTP/1.0", "GET", "/"),
            ("GET /a.gif align=left HTTP/1.0", "GET", "/a.gif align=left"),
            ("GET /a", "GET", "/a"),
            ("GET  /a  HTTP/1.0", "GET", "/a"),
            ("GET HTTP/1.0", "GET", "HTTP/1.0"),
            ("GET  HTTP/1.0", "GET", ""),
            ("GET ", "GET", ""),
            ("\x16\x03\x01", "\x16\x03\x01", ""),
            ("-", "", ""),
            ("", "", ""),
        ] {
            let (found, found_aim) = split(&Cow::Borrowed(request.as_bytes()));
            assert_eq!((&*found, &*found_aim), (method.as_bytes(), aim.as_bytes()), "{request}");
        }
    }

    #[test]
    fn only_absolute_targets_have_a_host() {
        for (aim, host, path, query) in [
            ("/a?b?c", None, "/a", Some("b?c")),
            ("/a?", None, "/a", Some("")),
            ("https://www.example.com:443/a/b?c=http://d", Some("www.example.com:443"), "/a/b", Some("c=http://d")),
            ("http://www.example.com?c", Some("www.example.com"), "/", Some("c")),
            ("/to/http://www.example.com/", None, "/to/http://www.example.com/", None),
            ("*", None, "*", None),
        ] {
            let found = target(&Cow::Borrowed(aim.as_bytes()));
            assert_eq!(found.0.as_deref(), host.map(str::as_bytes), "{aim}");
            assert_eq!(*found.1, *path.as_bytes(), "{aim}");
            assert_eq!(found.2.as_deref(), query.map(str::as_bytes), "{aim}");
        }
    }
}
