//! The pages of a site, and the bytes of those that are brought to partner sites.

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
    answers::add(&mut page, blobs::told(problems, &[400, 404, 405, 416, 431, 500, 503, 507]));
    insert(paths, "/site/{path}".to_owned(), "get", page);

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
