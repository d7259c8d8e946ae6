//! Where an answer leads: its `id`, its token and its cursor are what other operations ask for.

use kippu_actors::actor::{CommandSpec, Target};
use kippu_actors::catalogue;
use kippu_events::Family;
use serde_json::{Map, Value, json};

/// From a command's answer to everything that may be asked of its entity.
pub(super) fn of_command(family: Family, spec: &CommandSpec) -> Map<String, Value> {
    let mut links = Map::new();
    for other in catalogue::actor(family).commands() {
        let id = format!("{}.{}", family.name(), other.name);
        match (other.target, spec.target) {
            (Target::Id, _) if other.name != spec.name => add(&mut links, &id, "id", "/id"),
            (Target::Token, Target::New) => with_body(&mut links, &id, json!({ "token": "$response.body#/token" })),
            (Target::Id | Target::Token | Target::New, _) => {}
        }
    }
    for view in kippu_projections::catalogue::views() {
        if view.table().is_some_and(|table| table.subject() == Some(family)) {
            let id = format!("{}.get", view.name());
            add(&mut links, &id, "id", "/id");
            // It reads what was written.
            links[&id]["parameters"]["header.Kippu-Min-Position"] = "$response.header.Kippu-Position".into();
        }
    }
    if family == Family::Users && spec.target == Target::New {
        let body = json!({ "role": "terminal", "name": "a phone", "user": "$response.body#/id" });
        with_body(&mut links, "clients.open", body);
    }
    links
}

/// From a page to the next one, and to its first row where that has an `id`.
pub(super) fn of_list(view: &str, has_id: bool) -> Map<String, Value> {
    let mut links = Map::new();
    add(&mut links, &format!("{view}.list"), "cursor", "/next");
    if has_id {
        add(&mut links, &format!("{view}.get"), "id", "/data/0/id");
    }
    links
}

fn add(links: &mut Map<String, Value>, operation: &str, parameter: &str, pointer: &str) {
    let parameters = json!({ parameter: format!("$response.body#{pointer}") });
    links.insert(operation.to_owned(), json!({ "operationId": operation, "parameters": parameters }));
}

fn with_body(links: &mut Map<String, Value>, operation: &str, body: Value) {
    links.insert(operation.to_owned(), json!({ "operationId": operation, "requestBody": body }));
}
