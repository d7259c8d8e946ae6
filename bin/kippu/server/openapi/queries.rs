//! The operations of queries.

use kippu_actors::problem;
use kippu_events::access::clients::Role;
use kippu_projections::catalogue;
use kippu_projections::queries::{KINDS, Status};
use kippu_projections::view::Table;
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::schemas::{Schemas, Way, capitalised};
use super::{examples, insert, links, reference};

/// Adds both queries of every view that answers them.
pub(super) fn add(paths: &mut Map<String, Value>, schemas: &mut Schemas, problems: &mut Answers) {
    for view in catalogue::views() {
        let Some(table) = view.table() else { continue };
        let name = capitalised(view.name());
        let row = schemas.hoist(view.name(), Way::Out, table.schema());
        let filters = filters(table, &row);
        let row = schemas.keep(&format!("{name}Row"), row);
        let page = schemas.keep(&format!("{name}Page"), page(&row));
        let mut list = list(view.name(), table, filters, &page);
        // A list that there is may be empty, and is there.
        answers::add(&mut list, told(problems, |status| status != 404));
        insert(paths, format!("/v1/{}", view.name()), "get", list);
        let mut one = one(view.name(), table, &row);
        answers::add(&mut one, told(problems, |_all| true));
        let key = if table.subject().is_some() { "id" } else { "key" };
        insert(paths, format!("/v1/{}/{{{key}}}", view.name()), "get", one);
    }
    let status = schemas.hoist("", Way::Out, schemars::schema_for!(Status));
    let mut status = of_views(&schemas.keep("Status", status));
    answers::add(&mut status, told(problems, |status| ![400, 404, 409].contains(&status)));
    insert(paths, "/v1/status".to_owned(), "get", status);
}

/// The problem answers of queries with these statuses.
pub(super) fn told(problems: &mut Answers, has: impl Fn(u16) -> bool) -> Map<String, Value> {
    let general = [
        &problem::UNAUTHENTICATED,
        &problem::METHOD_NOT_ALLOWED,
        &problem::RATE_LIMITED,
        &problem::HEADERS_TOO_LARGE,
        &problem::UNAVAILABLE,
    ];
    let general = general.into_iter().map(|kind| (kind.status, kind.slug, kind.title));
    let kinds = general.chain(KINDS.iter().map(|kind| (kind.status, kind.slug, kind.title)));
    problems.of("Query", false, kinds.filter(|(status, ..)| has(*status)))
}

/// The one query that is about the views themselves.
fn of_views(status: &Value) -> Value {
    let answer = answer("status.get", "Each view, with its cut and its lag.", &[], status);
    let roles = [Role::Operator, Role::Auditor];
    operation("status", "get", "How far each view is, and what holds it up.", &roles, &["RequestId"], answer)
}

fn one(name: &str, table: &dyn Table, row: &Value) -> Value {
    // A row that is not of one entity has a key of its own kind, and neither a position nor a history.
    let (its, headers) = match table.subject() {
        Some(_) => (&["Id", "MinPosition", "IfNoneMatch", "AsOf"][..], &["ETag", "Kippu-Position", "Kippu-Cut"][..]),
        None => (&["MinPosition", "IfNoneMatch"][..], &["ETag", "Kippu-Cut"][..]),
    };
    let parameters = [its, decrypt(table), &["RequestId"]].concat();
    let answer = answer(&format!("{name}.get"), "The row.", headers, row);
    let mut operation = operation(name, "get", table.summary(), &table.readers(), &parameters, answer);
    if let (None, Some(parameters)) = (table.subject(), operation["parameters"].as_array_mut()) {
        let schema = json!({ "type": "string" });
        parameters.insert(
            0,
            json!({ "name": "key", "in": "path", "required": true, "schema": schema, "description": "The row." }),
        );
    }
    operation["responses"]["304"] = json!({
        "description": "Still the version that `If-None-Match` names.",
        "headers": operation["responses"]["200"]["headers"],
    });
    operation
}

/// Where there is something to be opened.
fn decrypt(table: &dyn Table) -> &'static [&'static str] {
    if table.is_encrypted() { &["Decrypt"] } else { &[] }
}

fn list(name: &str, table: &dyn Table, filters: Vec<Value>, page: &Value) -> Value {
    let mut answer = answer(&format!("{name}.get"), "One page of rows.", &["Kippu-Cut"], page);
    let example = &mut answer["content"]["application/json"]["example"];
    *example = json!({ "data": [example.take()], "next": null, "has_more": false });
    answer["links"] = links::of_list(name, table.subject().is_some()).into();
    let parameters = [&["Limit", "Cursor", "MinPosition"], decrypt(table), &["RequestId"]].concat();
    let mut operation = operation(name, "list", table.summary(), &table.readers(), &parameters, answer);
    if let Some(parameters) = operation["parameters"].as_array_mut() {
        parameters.extend(filters);
    }
    operation
}

fn page(row: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["data", "next", "has_more"],
        "properties": {
            "data": { "type": "array", "items": row },
            "next": { "type": ["string", "null"], "description": "The `cursor` of the next page." },
            "has_more": { "type": "boolean" },
        },
    })
}

/// What lists can be narrowed by: a member of the row, or a time.
fn filters(table: &dyn Table, row: &Value) -> Vec<Value> {
    let filters = table.filters().iter().map(|filter| {
        let member = row["properties"].get(filter.name).cloned();
        let mut schema = member.unwrap_or_else(|| reference("schemas", "Time"));
        schema.as_object_mut().map(|schema| schema.remove("description"));
        json!({
            "name": filter.name, "in": "query", "required": false, "schema": schema, "description": filter.description,
        })
    });
    filters.collect()
}

fn answer(example: &str, description: &str, headers: &[&str], schema: &Value) -> Value {
    json!({
        "description": description,
        "headers": answers::headers(&[headers, &["X-Request-Id"]].concat()),
        "content": { "application/json": { "schema": schema, "example": examples::answered(example) } },
    })
}

fn operation(name: &str, verb: &str, summary: &str, roles: &[Role], parameters: &[&str], answer: Value) -> Value {
    json!({
        "operationId": format!("{name}.{verb}"),
        "tags": [name],
        "summary": summary,
        "description": answers::for_roles(roles),
        "security": answers::security(roles),
        "x-roles": roles,
        "parameters": parameters.iter().map(|name| reference("parameters", name)).collect::<Vec<_>>(),
        "responses": { "200": answer },
    })
}
