//! Tests of the document: well-formed, complete, and every reference leads somewhere.

use kippu_actors::{catalogue, http};
use kippu_events::Family;

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
            assert_eq!(operation["security"], json!([{ "apiKey": [] }]), "{path}");
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            assert!(body.as_object().is_some_and(|body| !body.is_empty()), "{path} has no body");
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(parameters.contains(&reference("parameters", "IdempotencyKey")), "{path}");
            for status in ["400", "401", "403", "404", "409", "413", "415", "422", "429", "503"] {
                assert!(
                    operation["responses"][status]["content"]["application/problem+json"].is_object(),
                    "{path} {status}"
                );
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
            .map(|parameter| match parameter["$ref"].as_str() {
                Some(path) => document.pointer(&path[1..]).unwrap().clone(),
                None => parameter.clone(),
            })
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
