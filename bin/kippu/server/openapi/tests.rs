//! Tests of the document: well-formed, complete, and every reference leads somewhere.

mod guide;

use kippu_actors::{catalogue, http};
use kippu_events::Family;
use kippu_events::access::clients::Role;

use super::*;

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, member) in object {
                match member.as_str() {
                    Some(path) if key == "$ref" => found.push(path.to_owned()),
                    Some(_) | None => references(member, found),
                }
            }
        }
        Value::Array(members) => members.iter().for_each(|member| references(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"].as_str().map_or(value, |path| document.pointer(&path[1..]).unwrap())
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    all
}

/// Shows F31.
#[test]
fn every_reference_of_the_document_resolves() {
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for path in found {
        let pointer = path.strip_prefix('#').expect(&path);
        assert!(document.pointer(pointer).is_some(), "{path} leads nowhere");
    }
}

/// Shows F31.
#[test]
fn every_command_is_an_operation_with_a_body_a_key_security_and_problems() {
    let document = document();
    for family in Family::ALL {
        for spec in catalogue::actor(family).commands() {
            let path = http::path_of(family, spec);
            let operation = &document["paths"][&path]["post"];
            assert_eq!(operation["operationId"], format!("{}.{}", family.name(), spec.name), "{path}");
            assert!(operation["security"].as_array().unwrap().contains(&json!({ "apiKey": [] })), "{path}");
            let is_open = operation["security"].as_array().unwrap().contains(&json!({}));
            assert_eq!(is_open, spec.roles.contains(&Role::Guest), "{path}");
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            assert!(body.as_object().is_some_and(|body| !body.is_empty()), "{path} has no body");
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(parameters.contains(&reference("parameters", "IdempotencyKey")), "{path}");
            for status in ["400", "401", "403", "404", "405", "409", "413", "415", "422", "429", "503"] {
                let answer = resolved(&document, &operation["responses"][status]);
                assert!(answer["content"]["application/problem+json"].is_object(), "{path} {status}");
            }
        }
    }
}

#[test]
fn every_path_parameter_is_declared_and_every_operation_has_its_own_name() {
    let document = document();
    let mut names = Vec::new();
    for (path, method, operation) in operations(&document) {
        let declared: Vec<String> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|parameter| resolved(&document, parameter))
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect();
        let used: Vec<String> = path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}').map(str::to_owned))
            .collect();
        assert_eq!(declared, used, "{method} {path}");
        assert!(operation["responses"].as_object().is_some_and(|responses| !responses.is_empty()), "{method} {path}");
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert!(!names.contains(&name), "{name} twice");
        names.push(name);
    }
}

#[test]
fn the_document_has_the_members_that_openapi_3_1_requires() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    for parameter in document["components"]["parameters"].as_object().unwrap().values() {
        assert!(parameter["name"].is_string() && parameter["in"].is_string() && parameter["schema"].is_object());
    }
}

#[test]
fn every_schema_is_used_and_nothing_in_it_is_written_for_readers_of_the_code() {
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(found.contains(&format!("#/components/schemas/{name}")), "nothing uses {name}");
        let text = schema.to_string();
        for not_plain in ["[`", "`]", "\"const\"", "\"title\":\""] {
            assert!(!text.contains(not_plain), "{not_plain} in {name}: {text}");
        }
    }
}

#[test]
fn a_choice_of_values_is_an_enum_with_its_values_told() {
    let schemas = &document()["components"]["schemas"];
    let charging = &schemas["UsersCharging"];
    assert_eq!(charging["enum"], json!(["at_permission", "at_settlement"]));
    assert!(charging["description"].as_str().is_some_and(|text| text.contains("`at_settlement`: When")), "{charging}");
    assert_eq!(schemas["ApprovalsRow"]["properties"]["state"]["enum"].as_array().map(Vec::len), Some(8));
    assert!(schemas["Currency"]["enum"].as_array().unwrap().contains(&json!("EUR")));
}

#[test]
fn what_is_left_out_of_an_answer_is_never_null_but_a_forgotten_name() {
    let schemas = &document()["components"]["schemas"];
    assert_eq!(schemas["ApprovalsReply"]["properties"]["token"]["type"], "string");
    assert_eq!(schemas["ApprovalsRow"]["properties"]["settler"]["$ref"], "#/components/schemas/EntityId");
    assert_eq!(schemas["UsersRow"]["properties"]["name"]["type"], json!(["string", "null"]));
    assert_eq!(schemas["ApprovalsReplyPurchase"]["properties"]["quantity"]["type"], "integer");
    assert_eq!(schemas["ApprovalsPurchase"]["properties"]["quantity"]["type"], json!(["integer", "null"]));
}

#[test]
fn secrets_that_callers_send_have_a_form_and_are_never_answered() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let token = &schemas["ApprovalsRedeem"]["properties"]["token"];
    let identified = &schemas["ApprovalsIdentification"]["properties"]["pin"];
    let registered = &schemas["UsersOpen"]["properties"]["pin"];
    for (secret, form) in
        [(token, "^kpa_[A-Za-z0-9_-]+$"), (identified, "^[0-9]{4,12}$"), (registered, "^[0-9]{4,12}$")]
    {
        assert_eq!((&secret["pattern"], &secret["writeOnly"]), (&json!(form), &json!(true)), "{secret}");
    }
}

#[test]
fn every_body_has_an_example_with_all_that_its_schema_requires_and_nothing_else() {
    let document = document();
    let mut wrong = Vec::new();
    for (path, method, operation) in operations(&document) {
        let asked = [operation.pointer("/requestBody/content/application~1json")];
        let answers = operation["responses"].as_object().unwrap().iter();
        let answers = answers.filter(|(status, _)| status.starts_with('2'));
        let answered = answers.map(|(_, answer)| answer.pointer("/content/application~1json"));
        for content in asked.into_iter().chain(answered).flatten() {
            let schema = resolved(&document, &content["schema"]);
            let Some(members) = schema["properties"].as_object().filter(|members| !members.is_empty()) else {
                continue;
            };
            let operation = operation["operationId"].as_str().unwrap();
            let Some(example) = content["example"].as_object() else {
                wrong.push(format!("{operation} ({method} {path}) is not there"));
                continue;
            };
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let missing =
                required.filter(|name| !example.contains_key(*name)).map(|name| format!("{operation} lacks {name}"));
            let unknown = example.keys().filter(|name| !members.contains_key(*name));
            wrong.extend(missing.chain(unknown.map(|name| format!("{operation} has no {name}"))));
        }
    }
    assert!(wrong.is_empty(), "bin/kippu/server/openapi/examples.json: {wrong:#?}");
}

#[test]
fn every_link_leads_to_an_operation_and_an_opened_entity_to_all_that_may_be_asked_of_it() {
    let document = document();
    let all = operations(&document);
    let known: Vec<&str> = all.iter().filter_map(|(_, _, operation)| operation["operationId"].as_str()).collect();
    let links = |operation: &Value| -> Vec<String> {
        let answers = operation["responses"].as_object().unwrap().values();
        answers.filter_map(|answer| answer["links"].as_object()).flat_map(|links| links.keys().cloned()).collect()
    };
    for (path, _, operation) in &all {
        for link in links(operation) {
            assert!(known.contains(&link.as_str()), "{path} leads to {link}");
        }
    }
    let led = links(&document["paths"]["/v1/users"]["post"]);
    assert_eq!(
        led,
        [
            "clients.open",
            "spending.get",
            "users.change_limit",
            "users.charge",
            "users.credit",
            "users.forget",
            "users.get",
            "users.resume",
            "users.suspend"
        ]
    );
    let led = links(&document["paths"]["/v1/approvals"]["post"]);
    assert_eq!(
        led,
        [
            "approvals.collect",
            "approvals.get",
            "approvals.redeem",
            "approvals.refund",
            "approvals.release",
            "approvals.revoke",
            "approvals.settle"
        ]
    );
}
