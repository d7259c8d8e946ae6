//! The OpenAPI 3.1 document, assembled from the lists of families and views: what there is to call is described, and
//! nothing else.

mod commands;
mod general;
mod queries;
mod schemas;
#[cfg(test)]
mod tests;

use actix_web::web::Bytes;
use serde_json::{Map, Value, json};

use self::schemas::Schemas;

/// The finished document.
pub(crate) struct Document {
    text: Bytes,
}

impl Document {
    /// Assembles it.
    pub(crate) fn new() -> Self {
        // A tree of JSON values always serialises.
        Self { text: serde_json::to_vec(&document()).unwrap_or_default().into() }
    }

    /// As JSON.
    pub(crate) fn text(&self) -> Bytes {
        self.text.clone()
    }
}

fn document() -> Value {
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    commands::add(&mut paths, &mut schemas);
    queries::add(&mut paths, &mut schemas);
    general::add(&mut paths);
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "kippu",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": "Commands are POSTed and carry an Idempotency-Key: repeat one with the same key and you get the \
                first answer again, whatever happened in between. Every answer names its Kippu-Position; send it as \
                Kippu-Min-Position with a query to read your own writes. Errors are RFC 9457 problems whose types are \
                listed at /problems.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "apiKey": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "parameters": general::parameters(),
            "headers": general::headers(),
            "responses": general::responses(),
            "securitySchemes": {
                "apiKey": { "type": "http", "scheme": "bearer", "description": "An API key, `kpk_…`, as its client was given it at its opening." },
            },
        },
    })
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
