//! The schemas of the document: each type's own, gathered under one roof, in the plain form that generators of clients read.
//! Types hold the name of their family in front, but for values that mean the same everywhere.

use serde_json::{Map, Value, json};

/// Values that mean the same everywhere.
const SHARED: [&str; 4] = ["Currency", "EntityId", "Minor", "Time"];
/// Where references point to.
const COMPONENTS: &str = "#/components/schemas/";

/// Which way values of a schema go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Callers send them.
    In,
    /// The node answers them. What may be left out is left out, and never null.
    Out,
}

/// The gathered schemas.
#[derive(Default)]
pub(super) struct Schemas(Map<String, Value>);

impl Schemas {
    /// Takes a root schema apart: its definitions are gathered, and what is left is returned with its references
    /// pointing to them. `owner` goes in front of names.
    pub(super) fn hoist(&mut self, owner: &str, way: Way, schema: schemars::Schema) -> Value {
        let mut root = schema.to_value();
        let definitions = match root.as_object_mut().and_then(|object| object.remove("$defs")) {
            Some(Value::Object(definitions)) => definitions,
            Some(_) | None => Map::new(),
        };
        if let Some(object) = root.as_object_mut() {
            object.remove("$schema");
        }
        let owned = |infix: &str, name: &str| format!("{}{infix}{name}", capitalised(owner));
        let mut names: Map<String, Value> = definitions
            .keys()
            .map(|name| (name.clone(), if SHARED.contains(&&**name) { name.clone() } else { owned("", name) }.into()))
            .collect();
        // A name is taken if its definition differs, or if anything that it refers to had to be renamed.
        loop {
            let clash = definitions.iter().find_map(|(name, definition)| {
                let kept = names[name].as_str().unwrap_or_default();
                let taken = self.0.get(kept).is_some_and(|known| *known != plain(definition.clone(), &names, way));
                (taken && kept != owned("Reply", name)).then(|| (name.clone(), owned("Reply", name).into()))
            });
            let Some((name, kept)) = clash else { break };
            names.insert(name, kept);
        }
        for (name, definition) in definitions {
            let kept = names[&name].as_str().unwrap_or_default().to_owned();
            self.0.insert(kept, plain(definition, &names, way));
        }
        plain(root, &names, way)
    }

    /// Gives `schema` a name, unless it is a reference already, and returns the reference.
    pub(super) fn keep(&mut self, name: &str, schema: Value) -> Value {
        if schema.get("$ref").is_some() {
            return schema;
        }
        self.0.insert(name.to_owned(), schema);
        super::reference("schemas", name)
    }

    /// Takes out what a reference from [`Schemas::hoist`] points to.
    pub(super) fn take(&mut self, reference: &Value) -> Value {
        let path = reference.get("$ref").and_then(Value::as_str).unwrap_or_default();
        self.0.remove(path.trim_start_matches(COMPONENTS)).unwrap_or_default()
    }

    /// Whether a body of the schema that `reference` points to MUST have members.
    pub(super) fn requires(&self, reference: &Value) -> bool {
        let path = reference.get("$ref").and_then(Value::as_str).unwrap_or_default();
        let schema = self.0.get(path.trim_start_matches(COMPONENTS));
        schema.is_some_and(|schema| schema.get("required").is_some())
    }

    /// All of them.
    pub(super) fn finish(self) -> Map<String, Value> {
        self.0
    }
}

/// `value` with its references pointing to the components, under their new `names`, without what is written for readers of
/// the code or says nothing.
fn plain(value: Value, names: &Map<String, Value>, way: Way) -> Value {
    match value {
        Value::Object(object) => {
            let mut object: Map<String, Value> = object
                .into_iter()
                .filter(|(key, member)| !(key == "title" && member.is_string() || key == "default" && member.is_null()))
                .map(|(key, member)| {
                    let member = match (&*key, member) {
                        ("$ref", Value::String(path)) => {
                            let name = path.trim_start_matches("#/$defs/");
                            let name = names.get(name).and_then(Value::as_str).unwrap_or(name);
                            Value::String(format!("{COMPONENTS}{name}"))
                        }
                        // Links of rustdoc lead nowhere here.
                        ("description", Value::String(text)) => text.replace("[`", "`").replace("`]", "`").into(),
                        (_, member) => plain(member, names, way),
                    };
                    (key, member)
                })
                .collect();
            as_enum(&mut object);
            if way == Way::Out {
                never_null(&mut object);
            }
            Value::Object(object)
        }
        Value::Array(members) => members.into_iter().map(|member| plain(member, names, way)).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

/// Writes a choice of constants as an enum, whose description names them.
fn as_enum(object: &mut Map<String, Value>) {
    let Some(cases) = object.get("oneOf").and_then(Value::as_array) else { return };
    let Some(values) = cases.iter().map(|case| case.get("const").cloned()).collect::<Option<Value>>() else { return };
    let text = |of: Option<&Value>| of.and_then(Value::as_str).unwrap_or_default().to_owned();
    let about = cases.iter().map(|case| format!(" `{}`: {}", text(case.get("const")), text(case.get("description"))));
    let about = text(object.get("description")) + &about.collect::<String>();
    object.remove("oneOf");
    object.extend([
        ("type".to_owned(), "string".into()),
        ("enum".to_owned(), values),
        ("description".to_owned(), about.trim_start().into()),
    ]);
}

/// Takes null out of the members that may be left out. One that may be null as well has it among its examples.
fn never_null(object: &mut Map<String, Value>) {
    let required = object.get("required").cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = object.get_mut("properties") else { return };
    let has = |list: Option<&Value>, value: Value| list.and_then(Value::as_array).is_some_and(|of| of.contains(&value));
    for (name, property) in properties {
        let Some(property) = property.as_object_mut() else { continue };
        if has(Some(&required), name.as_str().into()) || has(property.get("examples"), Value::Null) {
            continue;
        }
        if has(property.get("type"), "null".into()) {
            property["type"] = property["type"][0].take();
        }
        if has(property.get("anyOf"), json!({ "type": "null" }))
            && let Value::Object(first) = property["anyOf"][0].take()
        {
            property.remove("anyOf");
            property.extend(first);
        }
    }
}

/// A word with a capital.
pub(super) fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
