//! The operation of statements of fees.

use kippu_projections::catalogue;
use kippu_projections::partners::statement::FeeStatement;
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::queries::told;
use super::schemas::{Schemas, Way};
use super::{insert, reference};
use crate::server::fees::VIEW;

/// Adds it.
pub(super) fn add(paths: &mut Map<String, Value>, schemas: &mut Schemas, problems: &mut Answers) {
    let statement = schemas.hoist("fees", Way::Out, schemars::schema_for!(FeeStatement));
    let statement = schemas.keep("FeeStatement", statement);
    let views = catalogue::views();
    let readers = views.iter().find(|view| view.name() == VIEW).and_then(|view| view.table());
    let roles = readers.map(|table| table.readers()).unwrap_or_default();
    let mut operation = json!({
        "operationId": "fees.get",
        "tags": ["contracts"],
        "summary": "What a partner site owes its main site for a month, and everything that it follows from.",
        "description": format!(
            "{} The nodes of both parties answer the same bytes once they have the same lines and reports.",
            answers::for_roles(&roles)
        ),
        "security": [{ "apiKey": [] }],
        "x-roles": roles,
        "parameters": [
            {
                "name": "id", "in": "path", "required": true, "schema": reference("schemas", "EntityId"),
                "description": "The contract.",
            },
            {
                "name": "month", "in": "path", "required": true,
                "schema": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$" },
                "description": "The month, in the contract's time zone, as `2026-11`.",
            },
            reference("parameters", "MinPosition"),
            reference("parameters", "RequestId"),
        ],
        "responses": {
            "200": {
                "description": "The statement.",
                "headers": answers::headers(&["Kippu-Cut", "X-Request-Id"]),
                "content": { "application/json": { "schema": statement, "example": null } },
            },
        },
    });
    answers::add(&mut operation, told(problems, |_all| true));
    insert(paths, "/v1/contracts/{id}/fees/{month}".to_owned(), "get", operation);
}
