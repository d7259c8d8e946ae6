//! What a node says of itself to other parties, what it owes them, and the files that a purchase brings.

use kippu_events::access::clients::Role;
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::blobs::{self, downloads};
use super::node::{object, operation, told};
use super::{insert, reference};
use crate::parties::{CARD, SIGNED_CARD};

/// Adds it.
pub(super) fn add(paths: &mut Map<String, Value>, problems: &mut Answers) {
    let plain = [
        (CARD, "party.card", OF_CARD, "application/json", card()),
        (SIGNED_CARD, "party.signed-card", OF_SIGNED_CARD, "application/jose", json!({ "type": "string" })),
        ("/.well-known/jwks.json", "party.keys", "Its public keys (RFC 7517).", "application/jwk-set+json", keys()),
    ];
    for (path, id, summary, media, schema) in plain {
        let mut operation = of_parties(operation(id, summary, json!([]), media, schema));
        answers::add(&mut operation, told(problems, &[405, 503]));
        insert(paths, path.to_owned(), "get", operation);
    }
    let mut evidence = of_parties(operation("evidence", OF_EVIDENCE, json!([]), "application/octet-stream", json!({})));
    evidence["parameters"] = json!([{
        "name": "path", "in": "path", "required": true, "schema": { "type": "string" },
        "description": "`checkpoint`, `keys`, or a tile: `tile/0/000`, `tile/entries/000.p/17`, `partitions/3/tile/0/000`.",
    }]);
    answers::add(&mut evidence, told(problems, &[404, 405, 503]));
    insert(paths, "/evidence/{path}".to_owned(), "get", evidence);
    let mut list = for_operators("activities.list", "What this node owes to others.", owed());
    answers::add(&mut list, told(problems, &[400, 401, 403, 405, 429, 503]));
    insert(paths, "/v1/activities".to_owned(), "get", list);
    let mut retry = for_operators("activities.retry", "Tries at once what waits for its time.", json!({}));
    retry["responses"] = json!({
        "204": { "description": "It is tried.", "headers": answers::headers(&["X-Request-Id"]) },
        "default": reference("responses", "Problem"),
    });
    answers::add(&mut retry, told(problems, &[400, 401, 403, 405, 429, 503]));
    insert(paths, "/v1/activities/retry".to_owned(), "post", retry);
    for (family, what) in [("settlements", "of a settlement"), ("offers", "of an offer that is delivered")] {
        insert(paths, format!("/v1/{family}/{{id}}/content/{{n}}"), "get", content(family, what, problems));
    }
}

const OF_CARD: &str = "What another party needs to register this one: its id, name, address and public keys.";

const OF_SIGNED_CARD: &str =
    "The same, signed by this party (a compact JWS, RFC 7515), for another one that does not know it yet.";

const OF_EVIDENCE: &str = "The newest checkpoint of the history, and the trees that it signs in tiles (C2SP tlog-tiles), where this node serves them.";

fn of_parties(mut operation: Value) -> Value {
    operation["tags"] = json!(["parties"]);
    operation
}

fn for_operators(id: &str, summary: &str, schema: Value) -> Value {
    let mut operation = of_parties(operation(id, summary, json!([{ "apiKey": [] }]), "application/json", schema));
    operation["description"] = answers::for_roles(&[Role::Operator]).into();
    operation["x-roles"] = json!([Role::Operator]);
    operation["parameters"] = json!([{
        "name": "to", "in": "query", "required": false, "schema": reference("schemas", "EntityId"),
        "description": "Only what is owed to this party.",
    }]);
    operation
}

fn card() -> Value {
    let text = || json!({ "type": "string" });
    let key = object(&[("use", text()), ("x", text())]);
    object(&[
        ("party", reference("schemas", "EntityId")),
        ("name", text()),
        ("url", json!({ "type": "string", "format": "uri" })),
        ("keys", json!({ "type": "array", "items": key })),
    ])
}

fn keys() -> Value {
    let names = ["kty", "crv", "alg", "use", "kid", "x", "kippu_use"];
    let key = object(&names.map(|name| (name, json!({ "type": "string" }))));
    object(&[("keys", json!({ "type": "array", "items": key }))])
}

fn owed() -> Value {
    let number = || json!({ "type": "integer", "minimum": 0 });
    let mut row = object(&[
        ("entity", json!({ "type": "string", "description": "Which entity owes it, as `settlements/ID`." })),
        ("to", reference("schemas", "EntityId")),
        ("attempt", number()),
        ("since", reference("schemas", "Time")),
        ("tries", number()),
    ]);
    row["properties"]["last_error"] =
        json!({ "type": ["string", "null"], "description": "Why the last try came to nothing." });
    object(&[("data", json!({ "type": "array", "items": row }))])
}

/// One of the files that a capability opens.
fn content(family: &str, what: &str, problems: &mut Answers) -> Value {
    let mut operation = json!({
        "operationId": format!("{family}.content"),
        "tags": [family],
        "summary": format!("A file {what}, or a part of it, with the media type that the shop gave it."),
        "description": "For who holds its capability, `kpc_…`, sent as a bearer key.",
        "security": [{ "apiKey": [] }],
        "parameters": [
            reference("parameters", "Id"),
            {
                "name": "n", "in": "path", "required": true, "schema": { "type": "integer", "minimum": 0 },
                "description": "The number that the file has in `contents`.",
            },
            reference("parameters", "RequestId"),
        ],
        "responses": { "default": reference("responses", "Problem") },
    });
    downloads(&mut operation, "*/*");
    answers::add(&mut operation, blobs::told(problems, &[400, 401, 403, 404, 405, 416, 429, 431, 500, 503]));
    operation
}
