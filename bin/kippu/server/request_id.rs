//! Names for requests: what a caller sends is taken where it is well-formed, and otherwise made here. A name is on the
//! answer, in every problem and in every trace of the request.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName};

/// The header, both ways.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Enough for a UUID with a prefix; short enough for a line of a log.
const MOST_CHARS: usize = 64;

/// Tells the requests of one run of the process from those of another.
static RUN: LazyLock<u32> = LazyLock::new(|| getrandom::u32().unwrap_or_else(|_| std::process::id()));
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A request's name: letters, digits, `.`, `_` and `-` only, so that it needs no escaping anywhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// The name in `headers`, or a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(&X_REQUEST_ID);
        match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
            (Some(text), None) if is_well_formed(text) => Self(text.to_owned()),
            (Some(_) | None, Some(_) | None) => Self::new(),
        }
    }

    fn new() -> Self {
        Self(format!("{:08x}-{:x}", *RUN, NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// As text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_well_formed(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=MOST_CHARS).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn of(values: &[&str]) -> RequestId {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(X_REQUEST_ID, HeaderValue::from_str(value).unwrap());
        }
        RequestId::of(&headers)
    }

    #[test]
    fn a_well_formed_name_is_kept() {
        assert_eq!(of(&["trace-7_a.b"]).as_str(), "trace-7_a.b");
    }

    #[test]
    fn a_malformed_doubled_or_endless_name_is_replaced() {
        let long = "a".repeat(65);
        for values in [&["a\"b"][..], &["a b"], &[""], &[long.as_str()], &["a", "b"]] {
            let id = of(values);
            assert!(is_well_formed(id.as_str()) && !values.contains(&id.as_str()), "{values:?}");
        }
        assert_ne!(of(&[]), of(&[]));
    }
}
