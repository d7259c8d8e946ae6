//! The operations about members that are no commands of a family: what a member says at any node of a contract, and what is asked of
//! members' data.

use kippu_events::access::clients::Role;
use kippu_projections::partners::management::{Customers, Fee, OnPage, RegionalSales, Security};
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::node::{object, operation, told};
use super::queries;
use super::schemas::{Schemas, Way};
use super::{insert, reference};

/// Adds them.
pub(super) fn add(paths: &mut Map<String, Value>, schemas: &mut Schemas, problems: &mut Answers) {
    hand_on(paths, problems);
    let mut kept = |name: &str, schema: schemars::Schema| {
        let schema = schemas.hoist("members", Way::Out, schema);
        schemas.keep(name, schema)
    };
    let outputs: Vec<Value> = [
        kept("Customers", schemars::schema_for!(Customers)),
        kept("Security", schemars::schema_for!(Security)),
        kept("ContractFee", schemars::schema_for!(Fee)),
    ]
    .into();
    let on_page = kept("OnPage", schemars::schema_for!(OnPage));
    let sales = kept("RegionalSales", schemars::schema_for!(RegionalSales));
    let list = |row: &Value| object(&[("data", json!({ "type": "array", "items": row }))]);

    let operators = &[Role::Operator, Role::Auditor][..];
    let summary = "Customers, security or fee of the partner of a contract in a month, from the same logs.";
    let output = json!({
        "name": "output", "in": "path", "required": true, "schema": { "type": "string", "enum": ["customers", "security", "fee"] },
        "description": "Which of the three.",
    });
    let mut management = asked("members.management", summary, operators, json!({ "oneOf": outputs }));
    management["parameters"] =
        json!([reference("parameters", "Id"), output, month(), reference("parameters", "RequestId")]);
    answers::add(&mut management, queries::told(problems, |_all| true));
    insert(paths, "/v1/contracts/{id}/management/{output}".to_owned(), "get", management);

    let summary = "What was done on a page that the terms of the contract name, and by which members, without names.";
    let mut users =
        asked("members.on-page", summary, &[Role::Operator, Role::Auditor, Role::PartnerSite], list(&on_page));
    users["parameters"] =
        json!([reference("parameters", "Id"), text("page", "The page.", true), reference("parameters", "RequestId"),]);
    answers::add(&mut users, queries::told(problems, |_all| true));
    insert(paths, "/v1/contracts/{id}/page-users".to_owned(), "get", users);

    let summary = "What was bought through each site in a month of UTC, by regions. Groups of fewer than three buyers are shown together.";
    let mut regions = asked("members.regions", summary, operators, list(&sales));
    regions["parameters"] = json!([month(), reference("parameters", "RequestId")]);
    answers::add(&mut regions, queries::told(problems, |_all| true));
    insert(paths, "/v1/member-actions/regions".to_owned(), "get", regions);

    let summary = "Members who agreed to be written to, as CSV or JSON lines. Whose data it shows is on record first.";
    let mut marketing = asked("members.marketing", summary, &[Role::Operator], json!({ "type": "string" }));
    let content = marketing["responses"]["200"]["content"]["application/json"].take();
    marketing["responses"]["200"]["content"] = json!({ "text/csv": content, "application/jsonl": content });
    marketing["parameters"] = json!([
        text("format", "`csv` or `jsonl`.", false),
        text("contract", "Members of this contract's partner alone, whose terms MUST allow it.", false),
        text("region", "Who lives there alone.", false),
        text("preference", "Who likes that alone.", false),
        reference("parameters", "RequestId"),
    ]);
    answers::add(&mut marketing, queries::told(problems, |_all| true));
    insert(paths, "/v1/members/marketing".to_owned(), "get", marketing);
}

/// What a member says at any node of a contract.
fn hand_on(paths: &mut Map<String, Value>, problems: &mut Answers) {
    let summary = "Hands on to the central node what a member says at a site: the same as the commands `open`, `sign_in`, `confirm` and \
        `consent` of `members`, which it answers as that node does.";
    let answer = json!({ "type": "object" });
    let mut operation =
        operation("members.hand-on", summary, json!([{}, { "apiKey": [] }]), "application/json", answer);
    operation["description"] = answers::for_roles(&[Role::Guest, Role::PartnerSite]).into();
    let command = json!({
        "name": "command", "in": "path", "required": true,
        "schema": { "type": "string", "enum": ["register", "sign-in", "confirm", "consent"] }, "description": "What is said.",
    });
    operation["parameters"] = json!([
        reference("parameters", "Id"),
        command,
        reference("parameters", "IdempotencyKey"),
        reference("parameters", "RequestId"),
    ]);
    operation["requestBody"] = json!({
        "required": true, "content": { "application/json": { "schema": { "type": "object" } } },
    });
    answers::add(&mut operation, told(problems, &[400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431, 503]));
    insert(paths, "/v1/contracts/{id}/members/{command}".to_owned(), "post", operation);
}

fn asked(id: &str, summary: &str, roles: &[Role], schema: Value) -> Value {
    let mut operation = operation(id, summary, json!([{ "apiKey": [] }]), "application/json", schema);
    operation["description"] = answers::for_roles(roles).into();
    operation["x-roles"] = json!(roles);
    // Made of the schema.
    operation["responses"]["200"]["content"]["application/json"]["example"] = Value::Null;
    operation
}

fn text(name: &str, about: &str, required: bool) -> Value {
    json!({ "name": name, "in": "query", "required": required, "schema": { "type": "string" }, "description": about })
}

fn month() -> Value {
    json!({
        "name": "month", "in": "query", "required": true, "schema": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$" },
        "description": "The month, as `2026-11`.",
    })
}
