//! The head of a request: whether HTTP/1 allows it (RFC 9110 and 9112), and what of it the HTTP library has to be spared.

use actix_web::http::Uri;
use kippu_actors::problem::{self, Problem};

/// Header lines of a request, which is what the library takes.
const MOST_LINES: usize = 96;
/// Bytes of a head, which is what the library takes.
const MOST_BYTES: usize = 128 * 1024;

/// What is put behind a head without a length.
const NO_LENGTH: &str = "content-length: 0\r\n";

/// A whole head.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Head {
    /// Its bytes.
    pub(super) length: usize,
    /// What to read in its place, where it is not good as it is.
    pub(super) rewritten: Option<Vec<u8>>,
    /// What follows it.
    pub(super) body: Body,
}

/// What follows a head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Body {
    None,
    Length(u64),
    Chunked,
}

/// Why a request is not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refused {
    Http2,
    Syntax,
    Target,
    Host,
    Length,
    Coding,
    Tunnel,
    TooMuch,
    /// Its head did not arrive in time.
    Late,
}

impl Refused {
    pub(super) const ALL: [Self; 9] = [
        Self::Http2,
        Self::Syntax,
        Self::Target,
        Self::Host,
        Self::Length,
        Self::Coding,
        Self::Tunnel,
        Self::TooMuch,
        Self::Late,
    ];

    pub(super) const fn number(self) -> &'static str {
        match self {
            Self::Http2 => "1",
            Self::Syntax => "2",
            Self::Target => "3",
            Self::Host => "4",
            Self::Length => "5",
            Self::Coding => "6",
            Self::Tunnel => "7",
            Self::TooMuch => "8",
            Self::Late => "9",
        }
    }

    /// What the caller is told. What he sent is not repeated.
    pub(super) fn problem(self) -> Problem {
        let (kind, detail) = match self {
            Self::Http2 => (&problem::INVALID_REQUEST, "this is HTTP/2; a node speaks HTTP/1.1 and HTTP/1.0"),
            Self::Syntax => (
                &problem::INVALID_REQUEST,
                "this is no head of an HTTP/1.1 or HTTP/1.0 request: a header is `name: value` on one line",
            ),
            Self::Target => {
                (&problem::INVALID_REQUEST, "the target of the request is no path, or has more than 64 KiB")
            }
            Self::Host => (
                &problem::INVALID_REQUEST,
                "a request of HTTP/1.1 has one header host, and one of HTTP/1.0 at most one",
            ),
            Self::Length => (&problem::INVALID_REQUEST, "the header content-length is one number, given once"),
            Self::Coding => (
                &problem::INVALID_REQUEST,
                "a body comes with content-length or, in HTTP/1.1, with `transfer-encoding: chunked`: not with both, nor otherwise",
            ),
            Self::Tunnel => (&problem::INVALID_REQUEST, "a node is no proxy: it takes no CONNECT"),
            Self::TooMuch => {
                (&problem::HEADERS_TOO_LARGE, "a request has at most 96 header lines, and a head of at most 128 KiB")
            }
            Self::Late => (&problem::TIMEOUT, "the head of the request did not arrive in time"),
        };
        Problem::new(kind, detail)
    }
}

/// What the headers say of the connection and the body.
#[derive(Default)]
struct Said {
    hosts: usize,
    length: Option<u64>,
    chunked: bool,
    /// Something about another protocol, which nobody has to take up.
    upgrade: bool,
    close: bool,
    keep_alive: bool,
}

/// Reads the head that `bytes` begin with; nothing where its end is not there yet.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Head>, Refused> {
    let mut lines = [httparse::EMPTY_HEADER; MOST_LINES];
    let mut request = httparse::Request::new(&mut lines);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= MOST_BYTES => length,
        Ok(httparse::Status::Partial) if bytes.len() < MOST_BYTES => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Refused::TooMuch),
        Err(_) if bytes.starts_with(b"PRI * HTTP/2.0\r\n") => return Err(Refused::Http2),
        Err(_) => return Err(Refused::Syntax),
    };
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version) else {
        return Err(Refused::Syntax);
    };
    if method == "CONNECT" {
        return Err(Refused::Tunnel);
    }
    if Uri::try_from(target).map_err(|_| Refused::Target)?.path().is_empty() {
        return Err(Refused::Target);
    }
    let said = listen(request.headers, minor)?;
    let body = match (said.chunked, said.length) {
        (true, _) => Body::Chunked,
        (false, None | Some(0)) => Body::None,
        (false, Some(length)) => Body::Length(length),
    };
    // The library asks HTTP/1.0 for a length where there is no body.
    let no_length = minor == 0 && said.length.is_none();
    let rewritten =
        (said.upgrade || no_length).then(|| rewrite(method, target, minor, request.headers, &said, no_length));
    let has_grown = rewritten.as_ref().is_some_and(|head| head.len() > MOST_BYTES);
    if has_grown || no_length && request.headers.len() == MOST_LINES {
        return Err(Refused::TooMuch);
    }
    Ok(Some(Head { length, rewritten, body }))
}

fn listen(headers: &[httparse::Header<'_>], minor: u8) -> Result<Said, Refused> {
    let mut said = Said::default();
    for header in headers {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        let value = header.value.trim_ascii();
        if is("host") {
            said.hosts += 1;
        } else if is("content-length") {
            let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
            let length = digits.and_then(|digits| digits.parse().ok()).ok_or(Refused::Length)?;
            if said.length.replace(length).is_some() {
                return Err(Refused::Length);
            }
        } else if is("transfer-encoding") {
            if minor == 0 || said.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Refused::Coding);
            }
            said.chunked = true;
        } else if is("upgrade") || is("http2-settings") {
            said.upgrade = true;
        } else if is("connection") {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                said.close |= option.eq_ignore_ascii_case(b"close");
                said.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                said.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
            }
        }
    }
    if said.chunked && said.length.is_some() {
        return Err(Refused::Coding);
    }
    if said.hosts > 1 || minor == 1 && said.hosts == 0 {
        return Err(Refused::Host);
    }
    Ok(said)
}

/// The same request without the offer of another protocol, and with a length where there has to be one.
fn rewrite(
    method: &str,
    target: &str,
    minor: u8,
    headers: &[httparse::Header<'_>],
    said: &Said,
    no_length: bool,
) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.{minor}\r\n").into_bytes();
    let mut put = |name: &str, value: &[u8]| {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    };
    for header in headers {
        if !["connection", "upgrade", "http2-settings"].iter().any(|name| header.name.eq_ignore_ascii_case(name)) {
            put(header.name, header.value);
        }
    }
    if said.close {
        put("connection", b"close");
    } else if said.keep_alive {
        put("connection", b"keep-alive");
    }
    if no_length {
        head.extend_from_slice(NO_LENGTH.as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head as it goes on.
    fn rewritten(head: &str) -> String {
        let read = read(head.as_bytes()).unwrap().unwrap();
        assert_eq!(read.length, head.len());
        String::from_utf8(read.rewritten.unwrap_or_else(|| head.into())).unwrap()
    }

    #[test]
    fn an_offer_of_another_protocol_is_left_out() {
        let offers = "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEA\r\nUpgrade: h2c\r\n";
        assert_eq!(
            rewritten(&format!("POST /v1/users HTTP/1.1\r\nHost: n\r\n{offers}Content-Length: 2\r\n\r\n")),
            "POST /v1/users HTTP/1.1\r\nHost: n\r\nContent-Length: 2\r\n\r\n"
        );
        for (connection, left) in [("upgrade", ""), ("keep-alive, Upgrade", "keep-alive"), ("Upgrade, close", "close")]
        {
            let left = if left.is_empty() { String::new() } else { format!("connection: {left}\r\n") };
            assert_eq!(
                rewritten(&format!("GET / HTTP/1.1\r\nhost: n\r\nConnection: {connection}\r\n\r\n")),
                format!("GET / HTTP/1.1\r\nhost: n\r\n{left}\r\n")
            );
        }
    }

    #[test]
    fn an_old_request_without_a_length_has_no_body() {
        let head = "POST /v1/placements/a/close HTTP/1.0\r\nHost: n\r\nConnection: close\r\n\r\n";
        let read = read(head.as_bytes()).unwrap().unwrap();
        assert_eq!(read.body, Body::None);
        assert!(rewritten(head).ends_with("connection: close\r\ncontent-length: 0\r\n\r\n"));
    }

    #[test]
    fn a_head_that_is_good_goes_on_as_it_is() {
        for head in [
            "GET / HTTP/1.1\r\nHost: n\r\n\r\n",
            "GET http://n:1/livez HTTP/1.1\nhost: n\nConnection: keep-alive, TE\nTE: trailers\n\n",
            "POST / HTTP/1.1\r\nHOST:\r\ncontent-LENGTH: 07\r\nExpect: 100-continue\r\n\r\n",
            "post * HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: Chunked\r\n\r\n",
        ] {
            assert_eq!(read(head.as_bytes()).unwrap().unwrap().rewritten, None, "{head}");
        }
    }

    #[test]
    fn what_http_does_not_allow_is_refused_with_the_reason() {
        let many = "a: b\r\n".repeat(97);
        for (head, why) in [
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused::Http2),
            ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n", Refused::Syntax),
            ("GET / HTTP/1.1\r\nHost: n\r\nA: b\r\n c\r\n\r\n", Refused::Syntax),
            ("GET / HTTP/1.1\r\nHost: n\r\nA : b\r\n\r\n", Refused::Syntax),
            ("GET / HTTP/3.1\r\nHost: n\r\n\r\n", Refused::Syntax),
            ("GET / HTTP/1.1\r\n\r\n", Refused::Host),
            ("GET / HTTP/1.1\r\nHost: n\r\nHost: n\r\n\r\n", Refused::Host),
            ("GET n:1 HTTP/1.1\r\nHost: n\r\n\r\n", Refused::Target),
            ("CONNECT n:1 HTTP/1.1\r\nHost: n\r\n\r\n", Refused::Tunnel),
            ("POST / HTTP/1.1\r\nHost: n\r\nContent-Length: +1\r\n\r\n", Refused::Length),
            ("POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", Refused::Length),
            ("POST / HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: identity\r\n\r\n", Refused::Coding),
            ("POST / HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Refused::Coding),
            ("POST / HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", Refused::Coding),
            ("POST / HTTP/1.0\r\nHost: n\r\nTransfer-Encoding: chunked\r\n\r\n", Refused::Coding),
            (&format!("GET / HTTP/1.1\r\nHost: n\r\n{many}\r\n"), Refused::TooMuch),
            (&format!("GET / HTTP/1.1\r\nHost: {}", "n".repeat(MOST_BYTES)), Refused::TooMuch),
            (&format!("GET /{} HTTP/1.1\r\nHost: n\r\n\r\n", "n".repeat(70_000)), Refused::Target),
        ] {
            assert_eq!(read(head.as_bytes()), Err(why), "{head}");
        }
        assert_eq!(read(b"GET / HTTP/1.1\r\nHost: n\r\n"), Ok(None));
    }
}
