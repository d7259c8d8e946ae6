//! The operations of queries.

use kippu_actors::problem;
use kippu_events::client::Role;
use kippu_projections::catalogue;
use kippu_projections::queries::{KINDS, Status};
use kippu_projections::view::Table;
use serde_json::{Map, Value, json};

use super::schemas::{Schemas, capitalised};
use super::{insert, reference};

/// Adds both queries of every view that answers them.
pub(super) fn add(paths: &mut Map<String, Value>, schemas: &mut Schemas) {
    schemas.add("Problem", super::general::problem_schema());
    for view in catalogue::views() {
        let Some(table) = view.table() else { continue };
        let row = schemas.hoist(view.name(), table.schema());
        let row = schemas.keep(&format!("{}Row", capitalised(view.name())), row);
        insert(paths, format!("/v1/{}", view.name()), "get", list(view.name(), table, &row));
        insert(paths, format!("/v1/{}/{{id}}", view.name()), "get", one(view.name(), table, &row));
    }
    let status = schemas.hoist("status", schemars::schema_for!(Status));
    insert(paths, "/v1/status".to_owned(), "get", of_views(&schemas.keep("Status", status)));
}

/// The one query that is about the views themselves.
fn of_views(status: &Value) -> Value {
    let answer = json!({
        "description": "Each view, with its cut and its lag.",
        "headers": { "X-Request-Id": reference("headers", "RequestId") },
        "content": { "application/json": { "schema": status } },
    });
    let mut responses = problems();
    responses.insert("200".to_owned(), answer);
    json!({
        "operationId": "status.get",
        "tags": ["status"],
        "summary": "How far each view is, and what holds it up.",
        "security": [{ "apiKey": [] }],
        "x-roles": [Role::Operator],
        "parameters": [reference("parameters", "RequestId")],
        "responses": responses,
    })
}

fn one(name: &str, table: &dyn Table, row: &Value) -> Value {
    let mut parameters = vec![reference("parameters", "Id")];
    parameters
        .extend(["MinPosition", "IfNoneMatch", "AsOf", "Unseal", "RequestId"].map(|p| reference("parameters", p)));
    let answer = json!({
        "description": "The row.",
        "headers": {
            "ETag": reference("headers", "ETag"),
            "Kippu-Position": reference("headers", "KippuPosition"),
            "Kippu-Cut": reference("headers", "KippuCut"),
            "X-Request-Id": reference("headers", "RequestId"),
        },
        "content": { "application/json": { "schema": row } },
    });
    let mut operation = operation(name, "get", table, parameters, answer);
    operation["responses"]["304"] = json!({ "description": "Still the version that `If-None-Match` names." });
    operation
}

fn list(name: &str, table: &dyn Table, row: &Value) -> Value {
    let filters = table.filters().iter().map(|filter| {
        json!({
            "name": filter.name, "in": "query", "required": false,
            "schema": { "type": "string" }, "description": filter.description,
        })
    });
    let mut parameters: Vec<Value> = filters.collect();
    parameters.extend(["Limit", "Cursor", "MinPosition", "Unseal", "RequestId"].map(|p| reference("parameters", p)));
    let page = json!({
        "type": "object",
        "required": ["data", "next", "has_more"],
        "properties": {
            "data": { "type": "array", "items": row },
            "next": { "type": ["string", "null"], "description": "The `cursor` of the next page." },
            "has_more": { "type": "boolean" },
        },
    });
    let answer = json!({
        "description": "One page of rows.",
        "headers": { "Kippu-Cut": reference("headers", "KippuCut"), "X-Request-Id": reference("headers", "RequestId") },
        "content": { "application/json": { "schema": page } },
    });
    operation(name, "list", table, parameters, answer)
}

fn operation(name: &str, verb: &str, table: &dyn Table, parameters: Vec<Value>, answer: Value) -> Value {
    let mut responses = problems();
    responses.insert("200".to_owned(), answer);
    json!({
        "operationId": format!("{name}.{verb}"),
        "tags": [name],
        "summary": table.summary(),
        "security": [{ "apiKey": [] }],
        "x-roles": table.readers(),
        "parameters": parameters,
        "responses": responses,
    })
}

/// The problem answers of queries, by status.
fn problems() -> Map<String, Value> {
    let general = [&problem::UNAUTHENTICATED, &problem::RATE_LIMITED, &problem::HEADERS_TOO_LARGE];
    let general = general.into_iter().map(|kind| (kind.status, kind.slug, kind.title));
    super::general::by_status(general.chain(KINDS.iter().map(|kind| (kind.status, kind.slug, kind.title))))
}
