//! The operations of blobs.

use kippu_actors::problem::GENERAL;
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::{insert, reference};
use crate::config;
use crate::server::blobs::KINDS;

const BYTES: &str = "application/octet-stream";
const PATH: &str = "/v1/blobs/{sha256}";
/// As in examples: of the six bytes `kippu` and a line feed.
const EXAMPLE: &str = "703b984070f3190f814ae4a091e3ed00bebca1bde2616114d365b7ecb1c5c7f8";

/// Adds them.
pub(super) fn add(paths: &mut Map<String, Value>, problems: &mut Answers) {
    let summary = "Uploads a blob, for a command to name it. It is durable once this is answered, and goes again after a while \
        if nothing comes to name it.";
    let mut put = operation("blobs.put", summary);
    put["requestBody"] = json!({ "required": true, "content": { BYTES: { "schema": {} } } });
    put["responses"]["200"] = kept("It had been there before.", &["X-Request-Id"]);
    put["responses"]["201"] = kept("It was kept.", &["Location", "X-Request-Id"]);
    answers::add(&mut put, told(problems, &[400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 431, 500, 503, 507]));
    insert(paths, PATH.to_owned(), "put", put);

    let mut get = operation("blobs.get", "Downloads a blob, or a part of it.");
    downloads(&mut get, BYTES);
    answers::add(&mut get, told(problems, &[400, 401, 403, 404, 405, 416, 429, 431, 500, 503]));
    insert(paths, PATH.to_owned(), "get", get);
}

/// Adds what asks for bytes, or a part of them, and what that answers.
pub(super) fn downloads(operation: &mut Value, media: &str) {
    let asked = |name: &str, description: &str| json!({ "name": name, "in": "header", "required": false, "schema": { "type": "string" }, "description": description });
    if let Some(parameters) = operation["parameters"].as_array_mut() {
        parameters.push(asked("Range", "One range of bytes, as `bytes=0-1023`; several are answered with the whole."));
        parameters.push(asked("If-Range", "An ETag: another blob is answered whole."));
        parameters.push(reference("parameters", "IfNoneMatch"));
    }
    let content = json!({ media: { "schema": {} } });
    let whole = ["Accept-Ranges", "ETag", "X-Request-Id"];
    let part = [&whole[..], &["Content-Range"]].concat();
    operation["responses"]["200"] =
        json!({ "description": "The bytes.", "headers": answers::headers(&whole), "content": content });
    operation["responses"]["206"] =
        json!({ "description": "The part.", "headers": answers::headers(&part), "content": content });
    operation["responses"]["304"] =
        json!({ "description": "The caller has it.", "headers": answers::headers(&["ETag", "X-Request-Id"]) });
}

/// The answers with these statuses: general ones, and those of blobs.
pub(super) fn told(problems: &mut Answers, statuses: &[u16]) -> Map<String, Value> {
    // Neither an entity nor a body of JSON is in it.
    let not_here = ["blob-missing", "already-exists", "invalid-body", "idempotency-key-reused", "invalid-json"];
    let kinds = GENERAL.iter().filter(|kind| !not_here.contains(&kind.slug)).chain(KINDS);
    let kinds = kinds.filter(|kind| statuses.contains(&kind.status));
    problems.of("Blob", false, kinds.map(|kind| (kind.status, kind.slug, kind.title)))
}

fn kept(description: &str, headers: &[&str]) -> Value {
    let schema = json!({
        "type": "object",
        "required": ["id", "size"],
        "properties": {
            "id": { "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Its name." },
            "size": { "type": "integer", "minimum": 0, "description": "Its bytes." },
        },
    });
    let content = json!({ "application/json": { "schema": schema, "example": { "id": EXAMPLE, "size": 6 } } });
    json!({ "description": description, "headers": answers::headers(headers), "content": content })
}

fn operation(id: &str, summary: &str) -> Value {
    json!({
        "operationId": id,
        "tags": ["blobs"],
        "summary": summary,
        "description": answers::for_roles(&config::Blobs::ROLES),
        "x-roles": config::Blobs::ROLES,
        "security": [{ "apiKey": [] }],
        "parameters": [
            {
                "name": "sha256", "in": "path", "required": true, "example": EXAMPLE,
                "schema": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
                "description": "The SHA-256 of the bytes.",
            },
            reference("parameters", "RequestId"),
        ],
        "responses": { "default": reference("responses", "Problem") },
    })
}
