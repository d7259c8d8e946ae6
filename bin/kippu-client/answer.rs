//! What is answered: by a node, or by somebody in its place.

use std::borrow::Cow;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER, SERVER};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Of an answer that is nobody's we know, so many characters are told.
const MOST_TOLD: usize = 100;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked.
    pub url: String,
    /// HTTP status.
    pub status: StatusCode,
    /// All of them.
    pub headers: HeaderMap,
    /// As it came.
    pub body: Vec<u8>,
}

/// Where the types of a node's problems lie.
const PROBLEMS: &str = "/problems/";

/// A problem (RFC 9457).
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, thiserror::Error)]
#[error("{status} {kind}: {detail}")]
pub struct Problem {
    /// The status that it came with.
    #[serde(skip)]
    pub status: u16,
    /// `type`: `/problems/` and the name that programs go by.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is special about this one.
    #[serde(default)]
    pub detail: String,
}

impl Problem {
    /// The stable name.
    pub fn slug(&self) -> &str {
        self.kind.strip_prefix(PROBLEMS).unwrap_or(&self.kind)
    }
}

impl Answer {
    /// A header that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The position that it reflects. Whoever says that a command was done without one is no node.
    pub fn position(&self) -> Option<&str> {
        self.header("kippu-position")
    }

    /// Whether the command had been done before.
    pub fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// The body, where it is this in JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The problem, where it is one of a node's: others' have other types.
    pub fn problem(&self) -> Option<Problem> {
        let problem = Problem { status: self.status.as_u16(), ..self.json()? };
        problem.kind.starts_with(PROBLEMS).then_some(problem)
    }

    /// Whether it is the problem with this name.
    pub fn is_problem(&self, slug: &str) -> bool {
        self.problem().is_some_and(|problem| problem.slug() == slug)
    }

    /// The body as text.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Whether it says: the same again with the same key, later. Nobody knows yet what becomes of it.
    pub fn is_for_later(&self) -> bool {
        is_for_later(self.status.as_u16())
    }

    /// How much later, where it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header(RETRY_AFTER.as_str())?.parse().ok().map(Duration::from_secs)
    }

    /// Without `key`, which whoever answers may repeat.
    pub(crate) fn what_answered(&self, key: &str) -> String {
        format!("no kippu node answers here; {}", self.told(key))
    }

    /// What was answered, by somebody whom nobody knows.
    pub(crate) fn told(&self, key: &str) -> String {
        let shown = |bytes: &[u8]| shown(bytes, key);
        let by = self.header(SERVER.as_str()).map(|server| format!(" from {}", shown(server.as_bytes())));
        let to = self.header(LOCATION.as_str()).map(|place| format!(", leading to {}", shown(place.as_bytes())));
        let (by, to) = (by.unwrap_or_default(), to.unwrap_or_default());
        let body = if self.body.is_empty() { "no body".to_owned() } else { shown(&self.body) };
        format!("the answer is {}{by}{to}: {body}", self.status)
    }
}

/// Whether an answer with this status leaves open what becomes of the request.
pub(crate) fn is_for_later(status: u16) -> bool {
    matches!(status, 408 | 429 | 502 | 503 | 504 | 507)
}

/// The beginning of what somebody else wrote, on one line and without what a terminal could take for its own.
fn shown(bytes: &[u8], key: &str) -> String {
    let text = String::from_utf8_lossy(bytes);
    // Before anything is cut: a part of the key is too much, too.
    let text = if key.is_empty() { text } else { text.replace(key, "…").into() };
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").replace(char::is_control, "");
    let mut shown: String = words.chars().take(MOST_TOLD).collect();
    if shown.len() < words.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: StatusCode, headers: &[(&'static str, &str)], body: &[u8]) -> Answer {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Answer { url: String::new(), status, headers, body: body.to_owned() }
    }

    #[test]
    fn who_answers_instead_of_a_node_is_told_on_one_line() {
        let body = b"<html>\r\n<title>\x1b[31mBad\x07 gateway</title>";
        let said = answer(StatusCode::BAD_GATEWAY, &[("server", "nginx/1.22.1")], body).what_answered("");
        assert!(said.ends_with("502 Bad Gateway from nginx/1.22.1: <html> <title>[31mBad gateway</title>"), "{said}");
        let said = answer(StatusCode::OK, &[], &[b'x'; 1000]).what_answered("");
        assert!(said.ends_with(&format!(": {}…", "x".repeat(MOST_TOLD))), "{said}");
        let echo = format!("{}kpk_secret-that-nobody-may-see", "x".repeat(MOST_TOLD - 8));
        let said = answer(StatusCode::OK, &[("server", &echo)], echo.as_bytes());
        assert!(!said.what_answered("kpk_secret-that-nobody-may-see").contains("kpk_"), "{said:?}");
    }

    #[test]
    fn a_problem_is_read_with_its_name_and_when_to_come_again() {
        let body = br#"{"type":"/problems/overloaded","title":"Too much","status":503,"detail":"4096 wait"}"#;
        let answer = answer(StatusCode::SERVICE_UNAVAILABLE, &[("retry-after", "1")], body);
        let problem = answer.problem().unwrap();
        assert_eq!(
            (problem.slug(), problem.to_string().as_str()),
            ("overloaded", "503 /problems/overloaded: 4096 wait")
        );
        assert!(answer.is_for_later());
        assert_eq!(answer.retry_after(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_problem_of_somebody_else_is_no_answer_of_a_node() {
        for kind in ["about:blank", "https://gateway.example/problems/forbidden", "forbidden"] {
            let body = format!(r#"{{"type":"{kind}","title":"Forbidden","status":403,"detail":"no"}}"#);
            assert_eq!(answer(StatusCode::FORBIDDEN, &[], body.as_bytes()).problem(), None, "{kind}");
        }
    }
}
