//! The pages of a site, and the bytes of those that are brought to partner sites.

use kippu_events::access::Role;
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::blobs::{self, downloads};
use super::{insert, reference};

/// Adds them.
pub(super) fn add(paths: &mut Map<String, Value>, problems: &mut Answers) {
    let summary = "A page of this site, or a part of it, with the media type that it was written with. Each request is a line of the \
        site's access log.";
    let path = json!({
        "name": "path", "in": "path", "required": true, "schema": { "type": "string" }, "example": "offers/index.html",
        "description": "Where the page lies. What ends with a slash, or is empty, shows its `index.html`.",
    });
    let mut page = operation("site.page", summary, json!([]), json!([path, reference("parameters", "RequestId")]));
    asking(paths, &path);
    answers::add(&mut page, blobs::told(problems, &[400, 404, 405, 416, 431, 500, 503, 507]));
    insert(paths, "/site/{path}".to_owned(), "get", page);

    let spoken = "The same, as speech in a WAV file, where the program espeak-ng is installed.";
    for (path, id, summary, media, more) in [
        (
            "message",
            "pages.message",
            "What the manager of the site is asked of a revision that waits.",
            "text/plain",
            &[][..],
        ),
        ("message.wav", "pages.speech", spoken, "audio/wav", &[501]),
    ] {
        let mut message = json!({
            "operationId": id,
            "tags": ["pages"],
            "summary": summary,
            "description": answers::for_roles(&[Role::Operator]),
            "security": [{ "apiKey": [] }],
            "x-roles": [Role::Operator],
            "parameters": [reference("parameters", "Id"), reference("parameters", "RequestId")],
            "responses": {
                "200": {
                    "description": "The message. `Kippu-Revision` and `Kippu-Sha256` say what an answer is about.",
                    "headers": answers::headers(&["X-Request-Id"]),
                    "content": { media: { "schema": { "type": "string" } } },
                },
                "default": reference("responses", "Problem"),
            },
        });
        let statuses = [&[400, 401, 403, 404, 405, 429, 500, 503][..], more].concat();
        answers::add(&mut message, blobs::told(problems, &statuses));
        insert(paths, format!("/v1/pages/{{id}}/{path}"), "get", message);
    }

    let summary = "The bytes of a page that is brought to a partner site, or a part of them.";
    let sha256 = json!({
        "name": "sha256", "in": "path", "required": true, "schema": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
        "description": "What they hash to.",
    });
    let parameters = json!([reference("parameters", "Id"), sha256, reference("parameters", "RequestId")]);
    let mut content = operation("page-deliveries.content", summary, json!([{ "apiKey": [] }]), parameters);
    content["description"] = "For who holds the capability of the delivery, `kpc_…`, sent as a bearer key.".into();
    answers::add(&mut content, blobs::told(problems, &[400, 401, 404, 405, 416, 429, 431, 500, 503]));
    insert(paths, "/v1/page-deliveries/{id}/content/{sha256}".to_owned(), "get", content);
}

/// What a visitor asks for on a page.
fn asking(paths: &mut Map<String, Value>, path: &Value) {
    let key = json!({
        "name": "Idempotency-Key", "in": "header", "required": false, "schema": { "type": "string" },
        "description": "The same for all retries; a form may have it as its member `key`. Without one, each call asks anew.",
    });
    let schema = json!({
        "type": "object",
        "required": ["kind", "article"],
        "properties": {
            "kind": { "type": "string", "maxLength": 32, "description": "`buy`, `price`, `stock`, or whatever else the site answers." },
            "article": { "type": "string", "maxLength": 64, "description": "Which article, or what else it is about; no personal data." },
            "quantity": { "type": "integer", "minimum": 1, "maximum": u32::MAX, "default": 1 },
        },
    });
    let opened = json!({
        "type": "object",
        "required": ["id", "capability"],
        "properties": {
            "id": { "type": "string", "description": "The request." },
            "capability": { "type": "string", "description": "What shows it, `kpc_…`, sent as a bearer key." },
        },
    });
    let mut asking = json!({
        "operationId": "site.ask",
        "tags": ["page-requests"],
        "summary": "Asks for something on a page, as a form of it does: opens a request, with the page and its contract filled in.",
        "security": [],
        "parameters": [path, key, reference("parameters", "RequestId")],
        "requestBody": { "required": true, "content": {
            "application/json": { "schema": schema, "example": null }, "application/x-www-form-urlencoded": { "schema": schema },
        } },
        "responses": { "default": reference("responses", "Problem") },
    });
    asking["responses"]["201"] = json!({
        "description": "It was opened.", "headers": answers::headers(&["Kippu-Position", "ETag", "Location", "X-Request-Id"]),
        "content": { "application/json": { "schema": opened, "example": null } },
    });
    insert(paths, "/site/{path}".to_owned(), "post", asking);
}

fn operation(id: &str, summary: &str, security: Value, parameters: Value) -> Value {
    let mut operation = json!({
        "operationId": id,
        "tags": [if id == "site.page" { "pages" } else { "page-deliveries" }],
        "summary": summary,
        "security": security,
        "parameters": parameters,
        "responses": { "default": reference("responses", "Problem") },
    });
    downloads(&mut operation, "*/*");
    operation
}
