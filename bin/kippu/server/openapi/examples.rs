//! An example of every body, by operation, as `README.md` and `docs/http.md` have them; one is made of the schema where nobody
//! has written one.

use std::sync::LazyLock;

use serde_json::Value;

// A test reads it.
static ALL: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).unwrap_or_default());

/// A body that the operation takes.
pub(super) fn asked(operation: &str) -> &'static Value {
    &ALL[operation]["asked"]
}

/// A body that it answers.
pub(super) fn answered(operation: &str) -> &'static Value {
    &ALL[operation]["answered"]
}

/// Makes those of `document` that nobody has written.
pub(super) fn complete(document: &mut Value) {
    let whole = document.clone();
    complete_in(&whole, &mut document["paths"]);
}

fn complete_in(whole: &Value, value: &mut Value) {
    match value {
        Value::Object(members) => {
            let is_missing =
                |example: &Value| example.is_null() || example.pointer("/data/0").is_some_and(Value::is_null);
            if members.get("example").is_some_and(is_missing)
                && let Some(schema) = members.get("schema")
            {
                let made = made(whole, schema, DEEPEST);
                members.insert("example".to_owned(), made);
            } else {
                members.values_mut().for_each(|member| complete_in(whole, member));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| complete_in(whole, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Schemas lie in each other no deeper than this.
const DEEPEST: u32 = 16;

/// A value that fits `schema`.
fn made(whole: &Value, schema: &Value, deepest: u32) -> Value {
    let next = deepest.saturating_sub(1);
    if let Some(target) = schema["$ref"].as_str().and_then(|path| whole.pointer(path.strip_prefix('#')?)) {
        return if deepest == 0 { Value::Null } else { made(whole, target, next) };
    }
    let first = |name: &str| schema[name].get(0);
    if let Some(value) = schema.get("const").or_else(|| first("examples")).or_else(|| first("enum")) {
        return value.clone();
    }
    if let Some(choice) = first("oneOf").or_else(|| first("anyOf")) {
        return made(whole, choice, next);
    }
    let kind = schema["type"].get(0).unwrap_or(&schema["type"]).as_str().unwrap_or_default();
    match (kind, schema["format"].as_str()) {
        ("string", Some("date-time")) => "2026-11-21T03:50:11.402118Z".into(),
        ("string", _) if schema["pattern"].is_string() => "5g6x3advrdescvxo3lh7vjwc".into(),
        ("string", _) => "text".into(),
        ("integer" | "number", _) => schema["minimum"].as_u64().unwrap_or(1).max(1).into(),
        ("boolean", _) => true.into(),
        ("array", _) => vec![made(whole, &schema["items"], next)].into(),
        ("object", _) => {
            let members = schema["properties"].as_object().into_iter().flatten();
            members.map(|(name, member)| (name.clone(), made(whole, member, next))).collect()
        }
        _ => Value::Null,
    }
}
