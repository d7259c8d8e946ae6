//! The operations of statements of fees, and of the lines that they are of.

use kippu_projections::catalogue;
use kippu_projections::partners::statement::FeeStatement;
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::queries::told;
use super::schemas::{Schemas, Way};
use super::statements::in_forms;
use super::{insert, reference};
use crate::server::fees::{FORMS, VIEW};
use crate::server::leaves::Leaves;
use crate::server::statements::Form;

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
            {
                "name": "format", "in": "query", "required": false,
                "schema": { "type": "string", "enum": FORMS.map(Form::name) },
                "description": "In which form; without it `Accept` says so.",
            },
            reference("parameters", "MinPosition"),
            reference("parameters", "RequestId"),
        ],
        "responses": {
            "200": {
                "description": "The statement.",
                "headers": answers::headers(&["Kippu-Cut", "X-Request-Id"]),
                "content": in_forms(&FORMS, &statement),
            },
        },
    });
    answers::add(&mut operation, told(problems, |_all| true));
    insert(paths, "/v1/contracts/{id}/fees/{month}".to_owned(), "get", operation);
    let leaves = schemas.hoist("leaves", Way::Out, schemars::schema_for!(Leaves));
    let leaves = schemas.keep("Leaves", leaves);
    let mut operation = json!({
        "operationId": "access-batches.leaves",
        "tags": [VIEW],
        "summary": "What each line of a batch hashes to, for who has the log and compares it line by line.",
        "description": answers::for_roles(&roles),
        "security": [{ "apiKey": [] }],
        "x-roles": roles,
        "parameters": [
            {
                "name": "id", "in": "path", "required": true, "schema": reference("schemas", "EntityId"),
                "description": "The batch.",
            },
            reference("parameters", "MinPosition"),
            reference("parameters", "RequestId"),
        ],
        "responses": {
            "200": {
                "description": "The leaves of the tree whose root is certified.",
                "headers": answers::headers(&["X-Request-Id"]),
                "content": { "application/json": { "schema": leaves, "example": null } },
            },
        },
    });
    answers::add(&mut operation, told(problems, |_all| true));
    insert(paths, "/v1/access-batches/{id}/leaves".to_owned(), "get", operation);
}
