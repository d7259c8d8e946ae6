//! The operations of commands.

use kippu_actors::actor::{CommandSpec, Target};
use kippu_actors::erased::AnyActor;
use kippu_actors::problem::GENERAL;
use kippu_actors::{catalogue, http};
use kippu_events::Family;
use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use super::{insert, reference};

/// Adds every command of every family.
pub(super) fn add(paths: &mut Map<String, Value>, schemas: &mut Schemas) {
    for family in Family::ALL {
        let actor = catalogue::actor(family);
        let settings = || schemars::generate::SchemaSettings::draft2020_12().into_generator();
        let requests = schemas.hoist(family.name(), root(settings(), |generator| actor.request_schema(generator)));
        let reply = schemas.hoist(family.name(), root(settings(), |generator| actor.reply_schema(generator)));
        for spec in actor.commands() {
            let body = body_of(schemas, &requests, spec.name);
            let operation = operation(family, actor, spec, &body, &reply);
            insert(paths, http::path_of(family, spec), "post", operation);
        }
    }
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

/// The schema of one command's body: the requests of a family are tagged by `command`, with the body beside.
fn body_of(schemas: &Schemas, requests: &Value, command: &str) -> Value {
    let variants = schemas.resolve(requests).get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_it =
        |variant: &&Value| variant.pointer("/properties/command/const").and_then(Value::as_str) == Some(command);
    variants.iter().find(is_it).and_then(|variant| variant.pointer("/properties/body")).cloned().unwrap_or(json!({}))
}

fn operation(family: Family, actor: &dyn AnyActor, spec: &CommandSpec, body: &Value, reply: &Value) -> Value {
    let mut parameters = vec![reference("parameters", "IdempotencyKey"), reference("parameters", "RequestId")];
    if spec.target == Target::Id {
        parameters.insert(0, reference("parameters", "Id"));
    }
    if spec.target != Target::New {
        parameters.push(reference("parameters", "IfMatch"));
    }
    let mut responses = problems(actor);
    let (status, done) = match spec.target {
        Target::New => ("201", "Opened. A retry gets the same answer."),
        Target::Id | Target::Token => ("200", "Done. A retry gets the same answer."),
    };
    responses.insert(
        status.to_owned(),
        json!({
            "description": done,
            "headers": {
                "Kippu-Position": reference("headers", "KippuPosition"),
                "ETag": reference("headers", "ETag"),
                "Idempotent-Replayed": reference("headers", "IdempotentReplayed"),
                "X-Request-Id": reference("headers", "RequestId"),
            },
            "content": { "application/json": { "schema": reply } },
        }),
    );
    json!({
        "operationId": format!("{}.{}", family.name(), spec.name),
        "tags": [family.name()],
        "summary": spec.summary,
        "security": [{ "apiKey": [] }],
        "x-roles": spec.roles,
        "parameters": parameters,
        "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
        "responses": responses,
    })
}

/// The problem answers of a family's commands, by status.
fn problems(actor: &dyn AnyActor) -> Map<String, Value> {
    let kinds = GENERAL.iter().chain(actor.problems());
    super::general::by_status(kinds.map(|kind| (kind.status, kind.slug, kind.title)))
}
