//! The OpenAPI 3.1 document, assembled from the lists of families and views: what there is to call is described, and
//! nothing else.

mod answers;
mod blobs;
mod commands;
mod examples;
mod feed;
mod fees;
mod general;
mod links;
mod members;
mod node;
mod parties;
mod persons;
mod queries;
mod schemas;
mod site;
mod statements;
#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use actix_web::web::Bytes;
use kippu_projections::catalogue;
use serde_json::{Map, Value, json};

use self::answers::Answers;
use self::schemas::Schemas;

/// The finished document.
pub(crate) struct Document {
    text: Bytes,
    tag: String,
}

impl Document {
    /// Assembles it.
    pub(crate) fn new() -> Self {
        // A tree of JSON values always serialises.
        let text: Bytes = serde_json::to_vec(&document()).unwrap_or_default().into();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { tag: format!("\"{:016x}\"", hasher.finish()), text }
    }

    /// Its entity tag.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// As JSON.
    pub(crate) fn text(&self) -> Bytes {
        self.text.clone()
    }
}

fn document() -> Value {
    let mut schemas = Schemas::default();
    let mut problems = Answers::default();
    let mut paths = Map::new();
    schemas.keep("Problem", general::problem_schema());
    commands::add(&mut paths, &mut schemas, &mut problems);
    queries::add(&mut paths, &mut schemas, &mut problems);
    statements::add(&mut paths, &mut schemas, &mut problems);
    fees::add(&mut paths, &mut schemas, &mut problems);
    members::add(&mut paths, &mut schemas, &mut problems);
    feed::add(&mut paths, &mut problems);
    site::add(&mut paths, &mut problems);
    blobs::add(&mut paths, &mut problems);
    parties::add(&mut paths, &mut problems);
    persons::add(&mut paths, &mut problems);
    node::add(&mut paths, &mut problems);
    parties::add(&mut paths, &mut problems);
    let heads: Vec<_> = paths.iter().filter_map(|(path, item)| Some((path.clone(), head(item.get("get")?)))).collect();
    for (path, operation) in heads {
        insert(&mut paths, path, "head", operation);
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "kippu",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": "Commands are POSTed and hold an Idempotency-Key: repeat one with the same key and you get the \
                first answer again, whatever happened in between. Every answer names its Kippu-Position; send it as \
                Kippu-Min-Position with a query to read your own writes. Errors are RFC 9457 problems whose types are \
                listed at /problems.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "apiKey": [] }],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "parameters": general::parameters(),
            "headers": general::headers(),
            "responses": problems.finish(),
            "securitySchemes": {
                "apiKey": {
                    "type": "http", "scheme": "bearer",
                    "description": "An API key, `kpk_…`, as its client was given it at its opening; or what opens one thing, as \
                        a capability, `kpc_…`, as the command answered it that opened the thing.",
                },
            },
        },
    });
    examples::complete(&mut document);
    document
}

/// One tag for each view, and with it for the family that it shows.
fn tags() -> Vec<Value> {
    let mut tags: Vec<Value> = Vec::new();
    for view in catalogue::views() {
        tags.extend(view.table().map(|table| json!({ "name": view.name(), "description": table.summary() })));
    }
    tags.push(json!({ "name": "events", "description": "What happens, as it happens." }));
    tags.push(json!({ "name": "status", "description": "How far the views are." }));
    tags.push(json!({ "name": "blobs", "description": "Bytes that commands name by what they hash to." }));
    tags.push(
        json!({ "name": "node", "description": "The node itself: health, figures, documentation, its history's end." }),
    );
    tags.push(json!({ "name": "parties", "description": "What this node says of itself to other parties, and what it owes them." }));
    tags
}

/// What asks for the head of what `get` answers.
fn head(get: &Value) -> Value {
    let mut head = get.clone();
    head["operationId"] = format!("{}.head", get["operationId"].as_str().unwrap_or_default()).into();
    if let Some(answer) = head["responses"]["200"].as_object_mut() {
        answer.remove("content");
        answer.remove("links");
    }
    head
}

/// Inserts `operation` at `path`.
fn insert(paths: &mut Map<String, Value>, path: String, method: &str, operation: Value) {
    let item = paths.entry(path).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(item) = item {
        item.insert(method.to_owned(), operation);
    }
}

/// A reference to a component.
fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}
