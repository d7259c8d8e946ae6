//! The operation of statements.

use kippu_projections::approvals::books::Statement;
use kippu_projections::catalogue;
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::queries::told;
use super::schemas::{Schemas, Way};
use super::{insert, reference};
use crate::server::statements::{Form, VIEW};

/// Adds it.
pub(super) fn add(paths: &mut Map<String, Value>, schemas: &mut Schemas, problems: &mut Answers) {
    let statement = schemas.hoist("statements", Way::Out, schemars::schema_for!(Statement));
    let statement = schemas.keep("Statement", statement);
    let content = in_forms(&Form::ALL, &statement);
    let views = catalogue::views();
    let readers = views.iter().find(|view| view.name() == VIEW).and_then(|view| view.table());
    let roles = readers.map(|table| table.readers()).unwrap_or_default();
    let period = |name: &str, form: &str, pattern: &str| {
        let description = format!("Of which {name}, in UTC, as `{form}`. One of `month` and `day` is given.");
        let schema = json!({ "type": "string", "pattern": pattern });
        json!({ "name": name, "in": "query", "required": false, "schema": schema, "description": description })
    };
    let mut operation = json!({
        "operationId": "statements.get",
        "tags": [VIEW],
        "summary": "What one account has of a month or a day: what there was before, what was entered, and what there is after.",
        "description": format!("{} Who may see an account may have its statements.", answers::for_roles(&roles)),
        "security": [{ "apiKey": [] }],
        "x-roles": roles,
        "parameters": [
            {
                "name": "account", "in": "path", "required": true, "schema": { "type": "string" },
                "description": "The account, as `ledger` names it.",
            },
            period("month", "2026-11", "^[0-9]{4}-[0-9]{2}$"),
            period("day", "2026-11-30", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
            {
                "name": "format", "in": "query", "required": false,
                "schema": { "type": "string", "enum": Form::ALL.map(Form::name) },
                "description": "In which form; without it `Accept` says so. `camt.053` is ISO 20022's camt.053.001.08.",
            },
            reference("parameters", "MinPosition"),
            reference("parameters", "RequestId"),
        ],
        "responses": {
            "200": {
                "description": "The statement.",
                "headers": answers::headers(&["Kippu-Cut", "X-Request-Id"]),
                "content": content,
            },
        },
    });
    answers::add(&mut operation, told(problems, |_all| true));
    insert(paths, "/v1/statements/{account}".to_owned(), "get", operation);
}

/// What an answer holds in each of `forms`.
pub(super) fn in_forms(forms: &[Form], json_schema: &Value) -> Map<String, Value> {
    let content = forms.iter().map(|form| {
        let media_type = form.media_type().split(';').next().unwrap_or_default();
        let content = match form {
            Form::Json => json!({ "schema": json_schema, "example": null }),
            Form::Csv | Form::Html | Form::Camt => json!({ "schema": { "type": "string" } }),
        };
        (media_type.to_owned(), content)
    });
    content.collect()
}
