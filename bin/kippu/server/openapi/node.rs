//! The operations that belong to no family and no view: health, figures, documentation, and the end of a history.

use kippu_actors::problem::GENERAL;
use kippu_events::access::clients::Role;
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::{examples, insert, reference};

/// Adds them.
pub(super) fn add(paths: &mut Map<String, Value>, problems: &mut Answers) {
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer", "minimum": 0 });
    let time = reference("schemas", "Time");
    let json = "application/json";
    let mut livez =
        object(&[("status", text()), ("version", text()), ("log", text()), ("node", text()), ("time", time)]);
    livez["properties"]["blobs"] = json!({
        "type": "string", "description": "Of a node of several: what the place of its blobs is known by, the same for all of them.",
    });
    let mut readyz = object(&[("status", text()), ("lag", number())]);
    readyz["properties"]["partitions"] = json!({
        "type": "array", "items": number(), "description": "With `own`: the partitions that the node itself serves.",
    });
    let metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let all = [
        ("/livez", "livez", "Whether the process is alive.", json, livez, &[405][..]),
        ("/readyz", "readyz", "Whether the node serves: 503 names what is missing.", json, readyz, &[405, 503]),
        ("/metrics", "metrics", "Figures for Prometheus, for operators.", metrics, text(), &[401, 403, 405, 429, 503]),
        ("/openapi.json", "openapi", "This document.", json, json!({ "type": "object" }), &[405]),
        ("/docs", "docs", "This document, to be read.", "text/html", text(), &[405]),
        ("/problems", "problems", "The problem types.", "text/html", text(), &[405]),
        ("/problems/{slug}", "problem", "What to do about one problem type.", "text/html", text(), &[404, 405]),
        ("/sign-in", "sign_in.page", "The page on which end users sign in and out.", "text/html", text(), &[405, 503]),
    ];
    for (path, id, summary, media, schema, statuses) in all {
        let security = match id {
            "metrics" => json!([{ "apiKey": [] }]),
            // With an operator's key it says more.
            "readyz" => json!([{}, { "apiKey": [] }]),
            _ => json!([]),
        };
        let mut operation = operation(id, summary, security, media, schema);
        answers::add(&mut operation, told(problems, statuses));
        if path.contains("{slug}") {
            operation["parameters"] = json!([{
                "name": "slug", "in": "path", "required": true, "example": "not-found",
                "schema": { "type": "string", "pattern": "^[a-z0-9-]+$" },
            }]);
        }
        if id == "readyz" {
            operation["parameters"] = json!([{
                "name": "own", "in": "query", "required": false, "allowEmptyValue": true, "schema": { "type": "string" },
                "description": "Given, only what the node itself serves is looked at, and named. So nodes ask each other.",
            }]);
        }
        if id == "openapi" {
            let headers = answers::headers(&["ETag", "X-Request-Id"]);
            operation["parameters"] = json!([reference("parameters", "IfNoneMatch")]);
            operation["responses"]["304"] = json!({ "description": "Still the same.", "headers": headers });
            operation["responses"]["200"]["headers"] = headers.into();
        }
        insert(paths, path.to_owned(), "get", operation);
    }
    insert(paths, "/v1/log/seal".to_owned(), "post", seal(problems));
    let members = [("login", true), ("pin", true), ("realm", false), ("next", false), ("key", false)];
    let summary = "What the page sends: signs in, sets the cookie, and leads to `next`, or back to the page.";
    insert(paths, "/sign-in".to_owned(), "post", form("sign_in.form", summary, &members, problems));
    let summary = "What the page sends: ends the session in the cookie, or with `everywhere` all of its user.";
    let members = [("csrf", true), ("everywhere", false)];
    insert(paths, "/sign-out".to_owned(), "post", form("sign_out.form", summary, &members, problems));
}

/// A form of a page, with whether each member is needed. It leads elsewhere.
fn form(id: &str, summary: &str, members: &[(&str, bool)], problems: &mut Answers) -> Value {
    let properties: Map<String, Value> =
        members.iter().map(|(name, _)| ((*name).to_owned(), json!({ "type": "string" }))).collect();
    let needed: Vec<&str> = members.iter().filter(|(_, needed)| *needed).map(|(name, _)| *name).collect();
    let schema = json!({ "type": "object", "required": needed, "properties": properties });
    let mut operation = operation(id, summary, json!([]), "text/html", json!({ "type": "string" }));
    operation["requestBody"] =
        json!({ "required": true, "content": { "application/x-www-form-urlencoded": { "schema": schema } } });
    let led = json!({ "description": "Leads on.", "headers": answers::headers(&["Location", "X-Request-Id"]) });
    operation["responses"] = json!({ "303": led, "default": reference("responses", "Problem") });
    answers::add(&mut operation, told(problems, &[400, 403, 405, 408, 413, 415, 503]));
    operation
}

fn seal(problems: &mut Answers) -> Value {
    let next = json!({
        "type": "string", "maxLength": 1024, "pattern": r"^(kafka://|/)[^\x00-\x1f\x7f-\x9f]*$",
        "description": "A topic, `kafka://HOST:PORT/TOPIC`, or the absolute path of a directory; 1 to 1024 bytes.",
    });
    let mut asked = object(&[("next", next)]);
    asked["additionalProperties"] = json!(false);
    let answered = object(&[("log", json!({ "type": "string" })), ("next", json!({ "type": "string" }))]);
    let summary = "Ends the history on this node, so that it goes on at `next`, where a copy of it lies. There is no way \
        back. `kippu log copy --seal` asks for it.";
    let mut operation = operation("log.seal", summary, json!([{ "apiKey": [] }]), "application/json", answered);
    operation["description"] = answers::for_roles(&[Role::Operator]).into();
    operation["x-roles"] = json!([Role::Operator]);
    let content = json!({ "application/json": { "schema": asked, "example": examples::asked("log.seal") } });
    operation["requestBody"] = json!({ "required": true, "content": content });
    answers::add(&mut operation, told(problems, &[400, 401, 403, 405, 408, 413, 415, 422, 429, 431, 500, 503]));
    operation
}

/// The general problem answers with these statuses.
pub(super) fn told(problems: &mut Answers, statuses: &[u16]) -> Map<String, Value> {
    let kinds = GENERAL.iter().filter(|kind| statuses.contains(&kind.status));
    // All but refusals read as those of commands do.
    problems.of("Node", false, kinds.map(|kind| (kind.status, kind.slug, kind.title)))
}

pub(super) fn object(members: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> = members.iter().map(|(name, of)| ((*name).to_owned(), of.clone())).collect();
    json!({ "type": "object", "required": names, "properties": properties })
}

pub(super) fn operation(id: &str, summary: &str, security: Value, media: &str, schema: Value) -> Value {
    let mut content = json!({ "schema": schema });
    if examples::answered(id).is_object() {
        content["example"] = examples::answered(id).clone();
    }
    json!({
        "operationId": id,
        "tags": ["node"],
        "summary": summary,
        "security": security,
        "responses": {
            "200": { "description": "As asked.", "headers": answers::headers(&["X-Request-Id"]), "content": { media: content } },
            "default": reference("responses", "Problem"),
        },
    })
}
