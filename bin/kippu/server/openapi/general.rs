//! What all operations share, and the operations that belong to no family and no view.

use std::collections::BTreeMap;

use kippu_projections::queries::{DEFAULT_ROWS, MOST_ROWS};
use serde_json::{Map, Value, json};

use super::{insert, reference};

/// A problem answer.
pub(super) fn problem(description: &str) -> Value {
    json!({
        "description": description,
        "headers": { "X-Request-Id": reference("headers", "RequestId"), "Retry-After": reference("headers", "RetryAfter") },
        "content": { "application/problem+json": { "schema": reference("schemas", "Problem") } },
    })
}

/// Problem answers by status, each with the types that it may have.
pub(super) fn by_status(kinds: impl Iterator<Item = (u16, &'static str, &'static str)>) -> Map<String, Value> {
    let mut texts: BTreeMap<u16, String> = BTreeMap::new();
    for (status, slug, title) in kinds {
        texts.entry(status).or_default().push_str(&format!("`{slug}`: {title}. "));
    }
    texts.into_iter().map(|(status, text)| (status.to_string(), problem(text.trim_end()))).collect()
}

/// RFC 9457, with the request's name.
pub(super) fn problem_schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference", "description": "Stable: match on it. A page says what to do." },
            "title": { "type": "string", "description": "The same for every occurrence." },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "What is special about this occurrence." },
            "instance": { "type": "string", "format": "uri-reference", "description": "Names the request." },
            "request_id": { "type": "string", "description": "As in `X-Request-Id`." },
        },
    })
}

pub(super) fn parameters() -> Value {
    let id = json!({ "type": "string", "pattern": "^[a-z2-7]{24}$" });
    json!({
        "Id": { "name": "id", "in": "path", "required": true, "schema": id, "description": "The entity." },
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": true,
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
            "description": "Names the command for all its retries. The same key with another body is refused with 422.",
        },
        "IfMatch": {
            "name": "If-Match", "in": "header", "required": false,
            "schema": { "type": "string", "pattern": "^\"[0-9]+\"$" },
            "description": "The version that the command was decided on, as an ETag carried it; another version is refused with 412.",
        },
        "RequestId": {
            "name": "X-Request-Id", "in": "header", "required": false,
            "schema": { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" },
            "description": "A name for this request in answers and logs; made here where there is none.",
        },
        "MinPosition": {
            "name": "Kippu-Min-Position", "in": "header", "required": false,
            "schema": { "type": "string" },
            "description": "A position that the answer must reflect, as `Kippu-Position` or `Kippu-Cut` carried it.",
        },
        "IfNoneMatch": {
            "name": "If-None-Match", "in": "header", "required": false,
            "schema": { "type": "string" },
            "description": "An ETag; 304 where the row still has it.",
        },
        "AsOf": {
            "name": "as_of", "in": "query", "required": false,
            "schema": { "type": "string" },
            "description": "Shows the row as it was: a position, a cut, or a time in RFC 3339.",
        },
        "Unseal": {
            "name": "unseal", "in": "query", "required": false,
            "schema": { "type": "boolean", "default": false },
            "description": "Opens personal fields. For operators only.",
        },
        "Limit": {
            "name": "limit", "in": "query", "required": false,
            "schema": { "type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": DEFAULT_ROWS },
            "description": "Rows of a page.",
        },
        "Cursor": {
            "name": "cursor", "in": "query", "required": false,
            "schema": { "type": "string" },
            "description": "The `next` of the page before, with the same filters.",
        },
    })
}

pub(super) fn headers() -> Value {
    json!({
        "KippuPosition": { "schema": { "type": "string" }, "description": "What the answer reflects. Opaque; send it back as `Kippu-Min-Position`." },
        "KippuCut": { "schema": { "type": "string" }, "description": "What the whole view reflects: one number per partition." },
        "ETag": { "schema": { "type": "string" }, "description": "The entity's version." },
        "IdempotentReplayed": { "schema": { "const": "true" }, "description": "The answer repeats an earlier one." },
        "RequestId": { "schema": { "type": "string" }, "description": "The name of this request." },
        "RetryAfter": { "schema": { "type": "integer" }, "description": "Seconds, where trying again helps." },
    })
}

pub(super) fn responses() -> Value {
    json!({ "Problem": problem("Something was not done.") })
}

/// Adds health, figures, documentation and the end of a history.
pub(super) fn add(paths: &mut Map<String, Value>) {
    insert(paths, "/v1/log/seal".to_owned(), "post", seal());
    let all = [
        ("/livez", "livez", "Whether the process is alive.", "application/json", true),
        ("/readyz", "readyz", "Whether the node serves: 503 names what is missing.", "application/json", true),
        ("/metrics", "metrics", "Figures for Prometheus, for operators.", "text/plain", false),
        ("/openapi.json", "openapi", "This document.", "application/json", true),
        ("/docs", "docs", "This document, to be read.", "text/html", true),
        ("/problems", "problems", "The problem types.", "text/html", true),
        ("/problems/{slug}", "problem", "What to do about one problem type.", "text/html", true),
    ];
    for (path, id, summary, media, public) in all {
        let mut operation = json!({
            "operationId": id,
            "tags": ["node"],
            "summary": summary,
            "security": if public { json!([]) } else { json!([{ "apiKey": [] }]) },
            "responses": {
                "200": { "description": "As asked.", "content": { media: {} }, "headers": { "X-Request-Id": reference("headers", "RequestId") } },
                "default": reference("responses", "Problem"),
            },
        });
        if path.contains("{slug}") {
            operation["parameters"] =
                json!([{ "name": "slug", "in": "path", "required": true, "schema": { "type": "string" } }]);
        }
        insert(paths, path.to_owned(), "get", operation);
    }
}

fn seal() -> Value {
    let object = |names: &[&str]| {
        let members: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
        json!({ "application/json": { "schema": { "type": "object", "required": names, "properties": members } } })
    };
    json!({
        "operationId": "log.seal",
        "tags": ["node"],
        "summary": "Ends the history on this node, so that it goes on at `next`, where a copy of it lies. For operators; \
            there is no way back. `kippu log copy --seal` asks for it.",
        "security": [{ "apiKey": [] }],
        "requestBody": { "required": true, "content": object(&["next"]) },
        "responses": {
            "200": { "description": "The last records are durable.", "content": object(&["log", "next"]), "headers": { "X-Request-Id": reference("headers", "RequestId") } },
            "default": reference("responses", "Problem"),
        },
    })
}
