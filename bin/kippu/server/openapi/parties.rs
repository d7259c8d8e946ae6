//! What belongs to purchases between parties and is neither a command nor a view: files that were bought, and who a party is.

use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::blobs::{downloads, told};
use super::{insert, reference};
use crate::parties::CARD;

/// Adds them.
pub(super) fn add(paths: &mut Map<String, Value>, problems: &mut Answers) {
    let files = [
        ("settlements", "settlement", "A file that was bought, at the settlement server, or a part of it."),
        ("offers", "offer", "A file of what the shop itself delivers, or a part of it."),
    ];
    for (family, entity, summary) in files {
        let description = format!("For who holds the capability of the {entity}.");
        let mut get = operation(&format!("{family}.content"), family, summary, &description, json!([{ "apiKey": [] }]));
        get["parameters"] = json!([
            reference("parameters", "Id"),
            {
                "name": "n", "in": "path", "required": true, "schema": { "type": "integer", "minimum": 0 },
                "description": "The number that the file has in `contents`.",
            },
            reference("parameters", "RequestId"),
        ]);
        downloads(&mut get, "*/*");
        answers::add(&mut get, told(problems, &[400, 401, 403, 404, 405, 416, 429, 431, 500, 503]));
        insert(paths, format!("/v1/{family}/{{id}}/content/{{n}}"), "get", get);
    }
    let text = |description: &str| json!({ "type": "string", "description": description });
    let key = json!({
        "type": "object", "required": ["use", "x"],
        "properties": { "use": text("What it signs: `http` or `statements`."), "x": text("The key, as the `x` of its JWK.") },
    });
    let card = json!({
        "type": "object", "required": ["party", "name", "url", "keys"],
        "properties": {
            "party": reference("schemas", "EntityId"), "name": text("What it calls itself."),
            "url": text("Where its node answers."), "keys": { "type": "array", "items": key },
        },
    });
    let set = json!({
        "type": "object", "required": ["keys"],
        "properties": { "keys": { "type": "array", "items": { "type": "object", "additionalProperties": true } } },
    });
    let documents = [
        (CARD, "party.card", "Who this party is: what others need to register it.", "application/json", card),
        ("/.well-known/jwks.json", "party.keys", "Its keys as a JWK set (RFC 7517).", "application/jwk-set+json", set),
    ];
    for (path, id, summary, media, schema) in documents {
        let mut get = operation(id, "peers", summary, "For everybody.", json!([]));
        get["responses"]["200"] = json!({
            "description": "As asked.", "headers": answers::headers(&["X-Request-Id"]),
            "content": { media: { "schema": schema, "example": null } },
        });
        answers::add(&mut get, told(problems, &[405, 503]));
        insert(paths, path.to_owned(), "get", get);
    }
}

fn operation(id: &str, tag: &str, summary: &str, description: &str, security: Value) -> Value {
    json!({
        "operationId": id,
        "tags": [tag],
        "summary": summary,
        "description": description,
        "security": security,
        "responses": { "default": reference("responses", "Problem") },
    })
}
