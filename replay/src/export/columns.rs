//! The columns of a table, from the JSON Schema of its rows.

use serde_json::{Map, Value};

/// What a column holds. Every value may be missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A signed number of 64 bits.
    Whole,
    /// True or false.
    Truth,
    /// Text.
    Text,
    /// A time in microseconds, in UTC.
    Time,
    /// Anything else, as JSON text.
    Json,
}

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Column {
    fn new(name: &str, kind: Kind) -> Self {
        Self { name: name.to_owned(), kind }
    }
}

/// The column of what no other column holds: members that only an older version wrote.
pub(super) const MORE: &str = "more";

/// Of every event.
const OF_EVENTS: [(&str, Kind); 13] = [
    ("event", Kind::Text),
    ("partition", Kind::Whole),
    ("record", Kind::Whole),
    ("index", Kind::Whole),
    ("position", Kind::Text),
    ("time", Kind::Time),
    ("entity", Kind::Text),
    ("version", Kind::Whole),
    ("schema", Kind::Whole),
    ("principal", Kind::Text),
    ("command", Kind::Text),
    ("causation", Kind::Text),
    ("correlation", Kind::Text),
];

/// Of every row of a view.
const OF_ROWS: [(&str, Kind); 1] = [("key", Kind::Text)];

/// What rows have before their own members.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Head {
    Event,
    Row,
}

impl Head {
    const fn columns(self) -> &'static [(&'static str, Kind)] {
        match self {
            Self::Event => &OF_EVENTS,
            Self::Row => &OF_ROWS,
        }
    }

    /// The column of the member `name`: none has the name of another.
    fn column_of(self, name: &str) -> String {
        let taken = name == MORE || self.columns().iter().any(|(column, _)| *column == name);
        if taken { format!("own_{name}") } else { name.to_owned() }
    }

    /// All columns of a table whose rows have this head and the members of `object`, a schema within `root`.
    pub(super) fn table(self, root: &Value, object: &Value) -> Vec<Column> {
        let head = self.columns().iter().map(|(name, kind)| Column::new(name, *kind));
        let members = object.get("properties").and_then(Value::as_object).into_iter().flatten();
        let own = members.map(|(name, schema)| Column::new(&self.column_of(name), kind_of(root, schema)));
        head.chain(own).chain([Column::new(MORE, Kind::Json)]).collect()
    }

    /// A row under the names of its columns.
    pub(super) fn row(self, mut head: Map<String, Value>, own: Value) -> Map<String, Value> {
        match own {
            Value::Object(members) => {
                head.extend(members.into_iter().map(|(name, value)| (self.column_of(&name), value)));
            }
            Value::Null => {}
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                head.insert(MORE.to_owned(), other);
            }
        }
        head
    }
}

/// The schema of the data of events of `kind` in `root`, the schema of its family's events.
pub(super) fn data_of<'a>(root: &'a Value, kind: &str) -> Option<&'a Value> {
    let cases = root.get("oneOf")?.as_array()?;
    let case =
        cases.iter().find(|case| case.pointer("/properties/type/const").and_then(Value::as_str) == Some(kind))?;
    case.pointer("/properties/data").map(|data| resolved(root, data))
}

/// What `schema` refers to, without that it may be null.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let any = schema.get("anyOf").and_then(Value::as_array);
    if let Some([first, second]) = any.map(Vec::as_slice)
        && let Some(other) = not_null(first, second)
    {
        return resolved(root, other);
    }
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    match reference.and_then(|pointer| root.pointer(pointer)) {
        Some(found) => resolved(root, found),
        None => schema,
    }
}

/// One of two, where the other one is null.
fn not_null<'a>(first: &'a Value, second: &'a Value) -> Option<&'a Value> {
    let is_null = |schema: &Value| schema.get("type").and_then(Value::as_str) == Some("null");
    match (is_null(first), is_null(second)) {
        (true, false) => Some(second),
        (false, true) => Some(first),
        _ => None,
    }
}

fn kind_of(root: &Value, schema: &Value) -> Kind {
    let schema = resolved(root, schema);
    let is_choice = schema.get("oneOf").and_then(Value::as_array).is_some_and(|cases| {
        cases.iter().all(|case| case.get("const").is_some_and(Value::is_string) || case.get("enum").is_some())
    });
    let types = schema.get("type").map(|types| match types {
        Value::Array(types) => types.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
        other => other.as_str().into_iter().collect::<Vec<_>>(),
    });
    match types.as_deref() {
        Some(["integer"]) => Kind::Whole,
        Some(["boolean"]) => Kind::Truth,
        Some(["string"]) if schema.get("format").and_then(Value::as_str) == Some("date-time") => Kind::Time,
        Some(["string"]) => Kind::Text,
        _ if is_choice => Kind::Text,
        _ => Kind::Json,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_column_has_the_type_that_the_schema_says_and_no_name_twice() {
        let root = json!({ "$defs": {
            "Minor": { "type": "integer" },
            "Time": { "type": "string", "format": "date-time" },
            "Manner": { "oneOf": [{ "type": "string", "const": "a" }, { "type": "string", "const": "b" }] },
        } });
        let object = json!({ "properties": {
            "amount": { "$ref": "#/$defs/Minor" },
            "ends": { "anyOf": [{ "$ref": "#/$defs/Time" }, { "type": "null" }] },
            "manner": { "$ref": "#/$defs/Manner" },
            "is_whole": { "type": ["boolean", "null"] },
            "note": { "type": ["string", "null"] },
            "items": { "type": "array" },
            "key": { "type": "string" },
            "more": { "type": "integer" },
        } });
        let columns = Head::Row.table(&root, &object);
        let kinds: Vec<_> = columns.iter().map(|Column { name, kind }| (&**name, *kind)).collect();
        assert_eq!(
            kinds,
            [
                ("key", Kind::Text),
                ("amount", Kind::Whole),
                ("ends", Kind::Time),
                ("is_whole", Kind::Truth),
                ("items", Kind::Json),
                ("own_key", Kind::Text),
                ("manner", Kind::Text),
                ("own_more", Kind::Whole),
                ("note", Kind::Text),
                (MORE, Kind::Json),
            ]
        );
        let head = Map::from_iter([("key".to_owned(), json!("k"))]);
        let row = Head::Row.row(head, json!({ "key": "own", "amount": 3 }));
        assert_eq!(Value::Object(row), json!({ "key": "k", "own_key": "own", "amount": 3 }));
    }

    /// Every kind there is has columns.
    #[test]
    fn the_data_of_every_kind_of_event_are_found() {
        for family in kippu_events::Family::ALL {
            let root = family.event_schema().to_value();
            for kind in family.kinds() {
                assert!(data_of(&root, &kind).is_some(), "{kind}");
            }
        }
    }
}
