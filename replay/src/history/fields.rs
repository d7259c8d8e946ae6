//! The fields of a state or a row in JSON: named by JSON pointers (RFC 6901), and what changed from one to another.

use serde::Serialize;
use serde_json::Value;

/// A field with another value than before.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Change {
    /// A JSON pointer; empty for the whole.
    pub field: String,
    /// The value before, if the field was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The value after, if it still is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What makes `after` of `before`, in the order of the fields. Objects are compared member by member, everything else as a whole.
#[must_use]
pub fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<Change> {
    let mut found = Vec::new();
    compare(&mut String::new(), before, after, &mut found);
    found
}

fn compare(at: &mut String, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Change>) {
    if let (Some(Value::Object(before)), Some(Value::Object(after))) = (before, after) {
        let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let length = at.len();
            push(at, name);
            compare(at, before.get(name), after.get(name), found);
            at.truncate(length);
        }
    } else if before != after {
        found.push(Change { field: at.clone(), before: before.cloned(), after: after.cloned() });
    }
}

fn push(at: &mut String, name: &str) {
    at.push('/');
    at.push_str(&name.replace('~', "~0").replace('/', "~1"));
}

/// The pointers to all members of `value`, at any depth, that are named `name`.
pub(super) fn named(value: &Value, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&mut String::new(), value, &mut |at, its| {
        if its == name {
            found.push(at.to_owned());
        }
    });
    found
}

/// The pointers to all members of `value` that are no objects.
pub(super) fn all(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(&mut String::new(), value, &mut |at, _| {
        if !value.pointer(at).is_some_and(Value::is_object) {
            found.push(at.to_owned());
        }
    });
    found
}

fn walk(at: &mut String, value: &Value, each: &mut dyn FnMut(&str, &str)) {
    let Value::Object(members) = value else { return };
    for (name, value) in members {
        let length = at.len();
        push(at, name);
        each(at, name);
        walk(at, value, each);
        at.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changed_is_named_by_pointers_and_objects_are_compared_by_members() {
        let before = json!({ "a/b": { "~": 1, "gone": [1] }, "same": { "x": null }, "list": [1, 2] });
        let after = json!({ "a/b": { "~": 2, "new": {} }, "same": { "x": null }, "list": [1, 3] });
        let found = changes(Some(&before), Some(&after));
        let fields: Vec<_> = found.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, ["/a~1b/gone", "/a~1b/new", "/a~1b/~0", "/list"]);
        assert_eq!((&found[0].before, &found[0].after), (&Some(json!([1])), &None));
        assert_eq!((&found[1].before, &found[1].after), (&None, &Some(json!({}))));
        assert!(found.iter().all(|change| change.before.as_ref() == before.pointer(&change.field)));
        assert!(found.iter().all(|change| change.after.as_ref() == after.pointer(&change.field)));
        assert_eq!(changes(Some(&before), Some(&before)), []);
        assert_eq!(changes(None, Some(&json!("whole"))).len(), 1);
    }

    #[test]
    fn members_are_found_by_name_at_any_depth() {
        let value = json!({ "limit": 1, "terms": { "limit": 2, "a/b": { "limit": {} } } });
        assert_eq!(named(&value, "limit"), ["/limit", "/terms/a~1b/limit", "/terms/limit"]);
        assert_eq!(all(&json!({ "a": { "b": 1 }, "c": [] })), ["/a/b", "/c"]);
    }
}
