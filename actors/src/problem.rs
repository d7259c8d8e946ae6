//! Problems: what a caller is told when something was not done, as RFC 9457 has it. Every type is documented at the
//! page that its `type` names.

use kippu_events::blobs::BlobId;
use kippu_events::problem_types;
use serde_json::Value;
use serde_json::value::RawValue;

pub use kippu_events::problem::ProblemType;

/// One occurrence of a problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", kind.slug)]
pub struct Problem {
    /// Which.
    pub kind: &'static ProblemType,
    /// What is special about this occurrence; never a secret, a token or a personal field.
    pub detail: String,
    /// When to try again, where that helps.
    pub retry_after_secs: Option<u32>,
}

impl Problem {
    /// An occurrence of `kind`.
    #[must_use]
    pub fn new(kind: &'static ProblemType, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after_secs: None }
    }

    /// An occurrence that is worth trying again after a second.
    #[must_use]
    pub fn later(kind: &'static ProblemType, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after_secs: Some(1) }
    }

    /// A defect, or what only an operator can mend.
    #[must_use]
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(&INTERNAL, detail)
    }

    /// Whether the same may be answered otherwise later.
    #[must_use]
    pub const fn is_for_later(&self) -> bool {
        self.retry_after_secs.is_some()
    }

    /// The problem document.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        self.kind.document(&self.detail)
    }
}

/// A rule said no. Each family has an enum of its own, whose variants state the fact.
pub trait Refusal: std::error::Error {
    /// The documented type.
    fn kind(&self) -> &'static ProblemType;
}

impl<R: Refusal> From<R> for Problem {
    fn from(refusal: R) -> Self {
        Self::new(refusal.kind(), refusal.to_string())
    }
}

problem_types! {
    /// Types that no caller meets: nobody waits for the answer to a deadline or to an outcome.
    UNTOLD:
    /// A deadline came when there was nothing to do, or twice.
    NOT_DUE = 409 "not-due" "It is not time" "No caller meets this.";
    /// What another party answered is no outcome; it is asked again.
    NO_OUTCOME = 409 "no-outcome" "The answer is no outcome" "No caller meets this.";
}

problem_types! {
    /// The types that belong to no family.
    GENERAL:
    /// The body is not JSON.
    INVALID_JSON = 400 "invalid-json" "The body is not JSON" "Send one JSON object in UTF-8 as application/json.";
    /// A header or parameter is missing or malformed.
    INVALID_REQUEST = 400 "invalid-request" "The request is malformed" "Correct the header or parameter that the detail names.";
    /// No key, or none of ours.
    UNAUTHENTICATED = 401 "unauthenticated" "No valid API key" "Send `Authorization: Bearer` with a key of this service that has not been revoked.";
    /// A signature of another party does not count.
    SIGNATURE = 401 "signature-not-valid" "The signature does not count" "Sign as the guide says, with a key that the other party has registered; the detail says what is wrong.";
    /// The key's role may not do this.
    FORBIDDEN = 403 "forbidden" "This key may not do that" "Use a key whose role the documentation of this operation names.";
    /// Login and PIN are nobody's, or no longer taken.
    NOT_IDENTIFIED = 403 "not-identified" "The user was not identified" "Ask the user for login and PIN again. The answer is the same for an unknown login and for a wrong PIN.";
    /// A command by a cookie that another site may have sent.
    CSRF = 403 "csrf" "The request may come from another site" "Where a cookie names the session, send what its opening answered as `csrf` in the header `X-CSRF-Token` (in a form: as the member `csrf`), and from a page of this service.";
    /// No such thing.
    NOT_FOUND = 404 "not-found" "There is no such thing" "Check the path and the id.";
    /// Known path, other method.
    METHOD_NOT_ALLOWED = 405 "method-not-allowed" "This path has no such method" "See the `Allow` header.";
    /// The client was too slow.
    TIMEOUT = 408 "timeout" "The request took too long to arrive" "Send the request again, faster.";
    /// Somebody has this id already.
    ALREADY_EXISTS = 409 "already-exists" "It exists already" "Use what exists, or another name.";
    /// The bytes are to come first.
    BLOB_MISSING = 409 "blob-missing" "A blob that this names is not there" "Upload it to `/v1/blobs/{sha256}`, then send the command again with the same key.";
    /// More is to be given back than there is.
    REFUND_EXCEEDS_SETTLEMENT = 409 "refund-exceeds-settlement" "More than was settled" "Give back at most what was settled, less what was given back before.";
    /// Every node has a copy of it.
    WRAPPING_KEY_SHARED = 409 "wrapping-key-shared" "The wrapping key is shared" "Nodes that share persons' keys have the wrapping key by a copied keyring, and none of them can replace it alone.";
    /// `If-Match` named another version.
    VERSION_MISMATCH = 412 "version-mismatch" "The entity has another version" "Read it again and decide anew.";
    /// Larger than the limit.
    TOO_LARGE = 413 "too-large" "The request is too large" "Send less.";
    /// Not JSON by its own account.
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported-media-type" "Only application/json is understood" "Send `Content-Type: application/json`.";
    /// JSON of another shape.
    INVALID_BODY = 422 "invalid-body" "The body has another shape" "Compare it with the schema in /openapi.json.";
    /// The key was used with another body.
    KEY_REUSED = 422 "idempotency-key-reused" "This idempotency key was used for something else" "Use a new key for a new command, and the same path and body for a retry.";
    /// Too many requests.
    RATE_LIMITED = 429 "rate-limited" "Too many requests" "Wait for as long as `Retry-After` says.";
    /// Too many, or too large, headers.
    HEADERS_TOO_LARGE = 431 "headers-too-large" "The headers are too large" "Send fewer headers.";
    /// The entity's code failed; it is set aside.
    QUARANTINED = 500 "quarantined" "This entity is out of service" "Tell the operator: a defect was met, nothing was written, and everything else goes on.";
    /// A defect.
    INTERNAL = 500 "internal" "Something went wrong here" "Tell the operator the request id.";
    /// Full queues.
    OVERLOADED = 503 "overloaded" "Too much is under way" "Try again with the same key after `Retry-After`.";
    /// The log does not take writes.
    UNAVAILABLE = 503 "unavailable" "Commands are not taken now" "Try again with the same key after `Retry-After`.";
    /// The history goes on at another place.
    MOVED = 503 "moved" "This history has moved" "Nothing is decided here any more: the detail says where the history goes on. Try again with the same key until the operator has started the node there.";
    /// What `/readyz` says.
    NOT_READY = 503 "not-ready" "This node does not serve as it should" "The detail says what is missing; an operator's key is told why.";
    /// Perhaps done.
    UNKNOWN_OUTCOME = 503 "unknown-outcome" "It is not known whether this was done" "Try again with the same key: it takes effect once, and the answer says what became of it.";
    /// The clock jumped.
    CLOCK_JUMPED = 503 "clock-jumped" "The clock of this node jumped" "Commands stop until an operator has looked at the clock and restarted the node.";
    /// Low disk.
    INSUFFICIENT_STORAGE = 507 "insufficient-storage" "There is too little space for commands" "Queries go on; tell the operator.";
}

/// The blob `id` is named and not there.
#[must_use]
pub fn blob_missing(id: BlobId) -> Problem {
    Problem::new(&BLOB_MISSING, format!("blob {id} is not there"))
}

/// JSON that did not become `what`: told apart into bytes that are no JSON and JSON of another shape.
#[must_use]
pub fn bad_body(error: &serde_json::Error) -> Problem {
    match error.classify() {
        serde_json::error::Category::Data => Problem::new(&INVALID_BODY, without_value(&error.to_string())),
        serde_json::error::Category::Io | serde_json::error::Category::Syntax | serde_json::error::Category::Eof => {
            Problem::new(&INVALID_JSON, error.to_string())
        }
    }
}

/// As [`bad_body`], with the name of the member that is wrong. A name that nobody knows is the caller's own, and may be a
/// PIN or a token in the wrong place too.
#[must_use]
pub fn bad_member(error: &serde_json::Error, member: impl FnOnce() -> Option<String>) -> Problem {
    // It was JSON: whatever is wrong with it now is what it says.
    let mut problem = Problem::new(&INVALID_BODY, without_value(&error.to_string()));
    if !problem.detail.starts_with("unknown field")
        && let Some(member) = member()
    {
        problem.detail = format!("{member}: {}", problem.detail);
    }
    problem
}

/// A parser's message without what the caller wrote, which may be a PIN or a token in the wrong place: "invalid type:
/// integer `4711`, expected a string" becomes "invalid type, expected a string". What Rust calls things is put in words.
fn without_value(message: &str) -> String {
    let quoting = ["invalid type", "invalid value", "unknown field", "unknown variant"];
    let said = match quoting.into_iter().find(|what| message.starts_with(what)) {
        Some(what) => format!("{what}{}", message.rfind(", expected ").map_or("", |expected| &message[expected..])),
        None => message.to_owned(),
    };
    let Some((what, expected)) = said.split_once("expected ") else { return said };
    let (kind, place) = expected.split_once(" at line ").unwrap_or((expected, ""));
    let kind = match kind {
        "u8" | "u16" | "u32" | "u64" => "a whole number",
        "value" => "another kind of value",
        kind if kind.starts_with("struct ") => "an object",
        kind => kind,
    };
    let place = if place.is_empty() { String::new() } else { format!(" at line {place}") };
    format!("{what}expected {kind}{place}")
}

/// The JSON text of a command's body; an empty body is an empty object.
///
/// # Errors
/// Bytes that are no JSON.
pub fn raw_body(body: &[u8]) -> Result<&RawValue, Problem> {
    // Some who write JSON put a byte order mark before it, and some write nothing as `null`.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    let body = if body.is_empty() || body == b"null" { b"{}" } else { body };
    let raw: &RawValue = serde_json::from_slice(body).map_err(|e| bad_body(&e))?;
    if !raw.get().starts_with('{') {
        return Err(Problem::new(&INVALID_BODY, "a body is one JSON object"));
    }
    Ok(raw)
}

/// Refuses a list in `raw` where `canonical`, the same request as this version writes it, has none: a parser takes a list
/// of an object's members for the object, which nobody was promised.
///
/// # Errors
/// [`INVALID_BODY`].
pub fn check_lists(raw: &RawValue, canonical: &[u8]) -> Result<(), Problem> {
    if !has_list(raw.get()) {
        return Ok(());
    }
    let raw: Value = serde_json::from_str(raw.get()).map_err(|e| bad_body(&e))?;
    let canonical: Value = serde_json::from_slice(canonical).map_err(|e| bad_body(&e))?;
    if lists_belong(&raw, canonical.get("body").unwrap_or(&Value::Null)) {
        Ok(())
    } else {
        Err(Problem::new(&INVALID_BODY, "there is a list where an object or a value belongs"))
    }
}

/// Whether every list in `given` is one in `meant` too.
fn lists_belong(given: &Value, meant: &Value) -> bool {
    match (given, meant) {
        (Value::Array(given), Value::Array(meant)) => {
            given.len() == meant.len() && given.iter().zip(meant).all(|(given, meant)| lists_belong(given, meant))
        }
        (Value::Array(_), _) => false,
        (Value::Object(given), meant) => {
            given.iter().all(|(name, value)| lists_belong(value, meant.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => true,
    }
}

/// Whether there is a list anywhere in `json`.
fn has_list(json: &str) -> bool {
    let (mut in_string, mut escaped) = (false, false);
    json.bytes().any(|byte| {
        let is_plain = !std::mem::take(&mut escaped);
        match byte {
            b'"' if is_plain => in_string = !in_string,
            b'\\' if is_plain => escaped = true,
            b'[' => return !in_string,
            _other => {}
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_expected_is_said_in_words() {
        assert_eq!(
            without_value("invalid type: map, expected u64 at line 1 column 3"),
            "invalid type, expected a whole number at line 1 column 3"
        );
        assert_eq!(without_value("invalid type: null, expected struct Purchase"), "invalid type, expected an object");
        assert_eq!(without_value("missing field `amount`"), "missing field `amount`");
    }

    #[test]
    fn a_list_is_taken_where_there_is_one_to_be_and_nowhere_else() {
        let check = |raw: &str, meant: &str| {
            let canonical = format!(r#"{{"command":"open","body":{meant}}}"#);
            check_lists(serde_json::from_str(raw).unwrap(), canonical.as_bytes()).is_ok()
        };
        assert!(check(r#"{"tags":["a","b"],"x":"[1]"}"#, r#"{"tags":["a","b"],"x":"[1]"}"#));
        assert!(check(r#"{"tags":[{"name":"a"}]}"#, r#"{"tags":[{"name":"a"}]}"#));
        assert!(!check(r#"{"limit":["fixed",1]}"#, r#"{"limit":{"source":"fixed","amount":1}}"#));
        assert!(!check(r#"{"tags":[["a"]]}"#, r#"{"tags":[{"name":"a"}]}"#));
        assert!(!check(r#"{"pin":["1"]}"#, "{}"), "what is not written out");
    }

    /// Keeps S1.
    #[test]
    fn a_value_of_the_wrong_type_is_not_repeated_in_the_problem() {
        for body in ["4711", "\"4711, expected 4711\"", "[4711]", "{\"4711\":4711}"] {
            let error = serde_json::from_str::<bool>(body).err().map(|e| bad_body(&e).detail);
            assert!(
                error.is_some_and(|detail| !detail.contains("4711") && detail.contains("expected a boolean")),
                "{body}"
            );
        }
    }
}
