//! The schemas of the document: each type's own, gathered under one roof. Types of one name in two families are told
//! apart by the family's name in front; types that are the same everywhere stay one.

use serde_json::{Map, Value};

/// The gathered schemas.
#[derive(Default)]
pub(super) struct Schemas(Map<String, Value>);

impl Schemas {
    /// Takes a root schema apart: its definitions are gathered, and what is left is returned with its references
    /// pointing to them. `owner` goes in front of names that mean something else already.
    pub(super) fn hoist(&mut self, owner: &str, schema: schemars::Schema) -> Value {
        let mut root = schema.to_value();
        let Some(object) = root.as_object_mut() else { return root };
        object.remove("$schema");
        let definitions = match object.remove("$defs") {
            Some(Value::Object(definitions)) => definitions,
            Some(_) | None => Map::new(),
        };
        // A name is taken if its definition differs, or if anything that it refers to had to be renamed.
        let mut names: Vec<(String, String)> = Vec::new();
        loop {
            let renamed = |value: &Value| with_names(value.clone(), &names);
            let clash = definitions.iter().find(|(name, definition)| {
                !names.iter().any(|(from, _)| from == *name)
                    && self.0.get(*name).is_some_and(|known| *known != renamed(definition))
            });
            match clash {
                Some((name, _)) => names.push((name.clone(), format!("{}{name}", capitalised(owner)))),
                None => break,
            }
        }
        for (name, definition) in definitions {
            let kept = names.iter().find(|(from, _)| *from == name).map_or(name.clone(), |(_, to)| to.clone());
            self.0.insert(kept, with_names(definition, &names));
        }
        with_names(root, &names)
    }

    /// Gives `schema` a name, unless it is a reference already, and returns the reference.
    pub(super) fn keep(&mut self, name: &str, schema: Value) -> Value {
        if schema.get("$ref").is_some() {
            return schema;
        }
        self.0.insert(name.to_owned(), schema);
        super::reference("schemas", name)
    }

    /// Adds a schema of the document itself.
    pub(super) fn add(&mut self, name: &str, schema: Value) {
        self.0.insert(name.to_owned(), schema);
    }

    /// The definition that a reference from [`Schemas::hoist`] points to, or the value itself.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let name =
            value.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/components/schemas/"));
        name.and_then(|name| self.0.get(name)).unwrap_or(value)
    }

    /// All of them.
    pub(super) fn finish(self) -> Map<String, Value> {
        self.0
    }
}

/// `value` with its references pointing to the components, under their new names.
fn with_names(mut value: Value, names: &[(String, String)]) -> Value {
    match &mut value {
        Value::Object(object) => {
            for (key, member) in object.iter_mut() {
                if key == "$ref"
                    && let Some(name) = member.as_str().and_then(|path| path.strip_prefix("#/$defs/"))
                {
                    let name = names.iter().find(|(from, _)| from == name).map_or(name, |(_, to)| to.as_str());
                    *member = Value::String(format!("#/components/schemas/{name}"));
                } else {
                    *member = with_names(member.take(), names);
                }
            }
        }
        Value::Array(members) => {
            for member in members {
                *member = with_names(member.take(), names);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    value
}

/// A word with a capital.
pub(super) fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
