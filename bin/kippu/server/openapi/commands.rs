//! The operations of commands.

use kippu_actors::actor::{CommandSpec, Target};
use kippu_actors::problem::{GENERAL, ProblemType};
use kippu_actors::{catalogue, http};
use kippu_events::Family;
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::schemas::{Schemas, Way, capitalised};
use super::{examples, insert, links, reference};

/// Adds every command of every family.
pub(super) fn add(paths: &mut Map<String, Value>, schemas: &mut Schemas, problems: &mut Answers) {
    problems.of("Command", true, GENERAL.iter().copied().map(told));
    for family in Family::ALL {
        let actor = catalogue::actor(family);
        let settings = || schemars::generate::SchemaSettings::draft2020_12().into_generator();
        let requests = root(settings(), |generator| actor.request_schema(generator));
        let requests = schemas.hoist(family.name(), Way::In, requests);
        let requests = schemas.take(&requests);
        let reply = root(settings(), |generator| actor.reply_schema(generator));
        let reply = schemas.hoist(family.name(), Way::Out, reply);
        for spec in actor.commands() {
            let body = body_of(&requests, spec.name);
            let mut operation = operation(family, spec, &body, schemas.requires(&body), &reply);
            // Which of them answer which command is known to their code alone.
            let kinds = GENERAL.iter().chain(actor.problems()).copied();
            let owner = capitalised(family.name());
            answers::add(&mut operation, problems.of(&owner, true, kinds.map(told)));
            insert(paths, http::path_of(family, spec), "post", operation);
        }
    }
}

fn told(kind: &'static ProblemType) -> answers::Told {
    (kind.status, kind.slug, kind.title)
}

/// What `make` gives, with the definitions that it refers to.
fn root(
    mut generator: schemars::SchemaGenerator,
    make: impl FnOnce(&mut schemars::SchemaGenerator) -> schemars::Schema,
) -> schemars::Schema {
    let mut schema = make(&mut generator);
    let definitions = generator.take_definitions(true);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}

/// The schema of one command's body: the requests of a family are tagged by `command`, with the body reader.
fn body_of(requests: &Value, command: &str) -> Value {
    let variants = requests.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let mut is_it = variants.filter(|variant| variant.pointer("/properties/command/const") == Some(&json!(command)));
    is_it.next().and_then(|variant| variant.pointer("/properties/body")).cloned().unwrap_or(json!({}))
}

fn operation(family: Family, spec: &CommandSpec, body: &Value, needed: bool, reply: &Value) -> Value {
    let id = format!("{}.{}", family.name(), spec.name);
    let mut parameters = match spec.target {
        Target::New => vec!["IdempotencyKey"],
        Target::Token => vec!["IdempotencyKey", "IfMatch"],
        Target::Id => vec!["Id", "IdempotencyKey", "IfMatch"],
    };
    parameters.extend(["Prefer", "RequestId"]);
    let parameters: Vec<Value> = parameters.into_iter().map(|name| reference("parameters", name)).collect();
    let (status, done, location) = match spec.target {
        Target::New => ("201", "Opened. A retry gets the same answer.", &["Location"][..]),
        Target::Id | Target::Token => ("200", "Done. A retry gets the same answer.", &[][..]),
    };
    let names = [location, &["Kippu-Position", "ETag", "Idempotent-Replayed", "X-Request-Id"]].concat();
    let content = json!({ "application/json": { "schema": reply, "example": examples::answered(&id) } });
    json!({
        "operationId": id,
        "tags": [family.name()],
        "summary": spec.summary,
        "description": answers::for_roles(spec.roles),
        "security": answers::security(spec.roles),
        "x-roles": spec.roles,
        "parameters": parameters,
        "requestBody": {
            "required": needed,
            "content": { "application/json": { "schema": body, "example": examples::asked(&id) } },
        },
        "responses": {
            status: {
                "description": done,
                "headers": answers::headers(&names),
                "content": content,
                "links": links::of_command(family, spec),
            },
            "307": reference("responses", "Redirect"),
        },
    })
}
