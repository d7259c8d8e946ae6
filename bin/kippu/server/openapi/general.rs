//! What all operations share: the shape of a problem, parameters and headers.

use kippu_projections::queries::{DEFAULT_ROWS, MOST_ROWS};
use serde_json::{Map, Value, json};

use super::reference;

/// As `Kippu-Position` holds it.
const POSITION: &str = "[0-9]{1,4}-[0-9]{1,19}-[0-9a-f]{16}";
/// As `Kippu-Cut` holds it.
const CUT: &str = r"[0-9]{1,19}(\.[0-9]{1,19})*";

/// RFC 9457, with the request's name.
pub(super) fn problem_schema() -> Value {
    let kind = json!({
        "type": "string", "format": "uri-reference", "pattern": "^/problems/[a-z0-9-]+$",
        "description": "Stable: match on it. A page says what to do.",
    });
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "instance", "request_id"],
        "properties": {
            "type": kind,
            "title": { "type": "string", "description": "The same for every occurrence." },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "What is special about this occurrence." },
            "instance": { "type": "string", "format": "uri", "description": "Names the request." },
            "request_id": { "type": "string", "description": "As in `X-Request-Id`." },
        },
    })
}

pub(super) fn parameters() -> Value {
    let parameter = |name: &str, place: &str, schema: Value, description: &str| {
        let required = place == "path" || name == "Idempotency-Key";
        json!({ "name": name, "in": place, "required": required, "schema": schema, "description": description })
    };
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    json!({
        "Id": parameter("id", "path", reference("schemas", "EntityId"), "The entity."),
        "IdempotencyKey": parameter(
            "Idempotency-Key", "header", text("^[!-~]([ -~]{0,253}[!-~])?$"),
            "Names the command for all its retries: 1 to 255 printable characters of ASCII. The same key with another \
                body is refused with 422.",
        ),
        "IfMatch": parameter(
            "If-Match", "header", json!({ "type": "string", "examples": ["\"3\""] }),
            "The version that the command was decided on, as an ETag had it; another version is refused with 412. \
                Weak tags and lists are taken too, and `*` is any version of what there is.",
        ),
        "Prefer": parameter(
            "Prefer", "header", json!({ "type": "string" }),
            "`redirect`: where another node serves the entity, its address is answered with 307, and the command is not \
                brought there.",
        ),
        "RequestId": parameter(
            "X-Request-Id", "header", json!({ "type": "string" }),
            "A name for this request in answers and logs: 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`. Anything else \
                is replaced by a name that is made here, and so is none.",
        ),
        "MinPosition": parameter(
            "Kippu-Min-Position", "header", text(&format!("^({POSITION}|{CUT})$")),
            "A position that the answer must reflect, as `Kippu-Position` or `Kippu-Cut` had it.",
        ),
        "IfNoneMatch": parameter(
            "If-None-Match", "header", json!({ "type": "string" }), "An ETag; 304 where there is still what had it.",
        ),
        "AsOf": parameter(
            "as_of", "query", json!({ "anyOf": [reference("schemas", "Time"), text(&format!("^({POSITION}|{CUT})$"))] }),
            "Shows the row as it was: right after a position or a cut, or at a time in RFC 3339.",
        ),
        "Decrypt": parameter(
            "decrypt", "query", json!({ "type": "boolean", "default": false }), "Opens personal fields. For operators only.",
        ),
        "Limit": parameter(
            "limit", "query",
            json!({ "type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": DEFAULT_ROWS }), "Rows of a page.",
        ),
        "Cursor": parameter(
            "cursor", "query", text("^[A-Za-z0-9_-]+$"),
            "The `next` of the page before, with the same filters. Anything else is refused with 400.",
        ),
    })
}

/// Every header of an answer, by its name without hyphens.
pub(super) fn headers() -> Map<String, Value> {
    let position = format!("^{POSITION}$");
    let cut = format!("^{CUT}$");
    let all: [(&str, Value, &str); 12] = [
        ("AcceptRanges", json!({ "type": "string", "enum": ["bytes"] }), "That parts can be asked for."),
        ("Allow", json!({ "type": "string" }), "The methods that the path takes."),
        (
            "ContentRange",
            json!({ "type": "string", "pattern": r"^bytes ([0-9]+-[0-9]+|\*)/[0-9]+$" }),
            "Which part of how many bytes this is.",
        ),
        (
            "ETag",
            json!({ "type": "string", "pattern": "^\"[0-9a-f]+\"$" }),
            "The version of what is answered; of an entity, a number.",
        ),
        ("IdempotentReplayed", json!({ "type": "string", "enum": ["true"] }), "The answer repeats an earlier one."),
        (
            "KippuCut",
            json!({ "type": "string", "pattern": cut }),
            "What the whole view reflects: one number per partition. Not with `as_of`.",
        ),
        (
            "KippuPosition",
            json!({ "type": "string", "pattern": position }),
            "The record that the answer reflects; of a refusal, where it is on record. Send it back as `Kippu-Min-Position`.",
        ),
        ("Location", json!({ "type": "string", "format": "uri-reference" }), "Where it is to be found."),
        ("PreferenceApplied", json!({ "type": "string", "enum": ["redirect"] }), "The preference that was followed."),
        ("RetryAfter", json!({ "type": "integer", "minimum": 0 }), "Seconds, where trying again helps."),
        ("WWWAuthenticate", json!({ "type": "string" }), "That a bearer key is asked for."),
        ("XRequestId", json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" }), "The name of this request."),
    ];
    all.into_iter()
        .map(|(name, schema, description)| (name.to_owned(), json!({ "schema": schema, "description": description })))
        .collect()
}
