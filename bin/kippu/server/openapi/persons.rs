//! The operations about persons and their keys that are no commands of a family.

use kippu_events::access::clients::Role;
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::node::{object, operation, told};
use super::{examples, insert, reference};

/// Adds them.
pub(super) fn add(paths: &mut Map<String, Value>, problems: &mut Answers) {
    let number = || json!({ "type": "integer", "minimum": 1 });
    let id = || reference("schemas", "EntityId");

    let login = json!({ "type": "string", "minLength": 1, "maxLength": 254 });
    let realm = json!({ "type": "string", "minLength": 1, "maxLength": 64 });
    let mut asked = object(&[("login", login)]);
    asked["properties"]["realm"] = realm;
    asked["additionalProperties"] = json!(false);
    let summary = "Which id the user with a login has, whether or not anybody is registered under it.";
    let mut find = for_operators("users.find", summary, object(&[("id", id())]));
    let content = json!({ "application/json": { "schema": asked, "example": examples::asked("users.find") } });
    find["requestBody"] = json!({ "required": true, "content": content });
    answers::add(&mut find, told(problems, &[400, 401, 403, 405, 408, 413, 415, 422, 429, 431, 503]));
    insert(paths, "/v1/users/find".to_owned(), "post", find);

    let receipt = object(&[
        ("person", id()),
        ("forgotten_at", reference("schemas", "Time")),
        ("event", json!({ "type": "string", "description": "The event that says so: partition, record and index." })),
        ("wrapping_key", number()),
        ("final", json!({ "type": "boolean", "description": "Whether that wrapping key was replaced since." })),
        ("statement", json!({ "type": "string", "description": "The same, signed by this node: a compact JWS." })),
    ]);
    let summary =
        "That a person was forgotten, when, and whether that is final. The key is destroyed when this answers.";
    let mut get = for_operators("users.receipt", summary, receipt);
    get["parameters"] = json!([
        { "name": "id", "in": "path", "required": true, "schema": id() },
        reference("parameters", "MinPosition"),
        reference("parameters", "RequestId"),
    ]);
    answers::add(&mut get, told(problems, &[400, 401, 403, 404, 405, 429, 503]));
    insert(paths, "/v1/users/{id}/receipt".to_owned(), "get", get);

    let summary =
        "Wraps persons' keys under a new key and destroys the one before: who was forgotten is so for good then.";
    let mut rotate = for_operators("keys.rotate", summary, object(&[("wrapping_key", number())]));
    answers::add(&mut rotate, told(problems, &[400, 401, 403, 405, 409, 429, 503]));
    insert(paths, "/v1/keys/rotate".to_owned(), "post", rotate);
}

fn for_operators(id: &str, summary: &str, schema: Value) -> Value {
    let mut operation = operation(id, summary, json!([{ "apiKey": [] }]), "application/json", schema);
    operation["description"] = answers::for_roles(&[Role::Operator]).into();
    operation["x-roles"] = json!([Role::Operator]);
    operation
}
