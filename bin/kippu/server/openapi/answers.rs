//! What answers consist of: their headers, and the problem answers, each of which stands in the document once.

use std::collections::BTreeMap;

use kippu_events::access::clients::Role;
use serde_json::{Map, Value, json};

use super::reference;

/// Status, slug and title of a problem type.
pub(super) type Told = (u16, &'static str, &'static str);

/// The problem answers.
#[derive(Default)]
pub(super) struct Answers(Map<String, Value>);

impl Answers {
    /// References to the answers of `kinds`, by status. One that is not there yet is named after `owner`. A refusal that is
    /// `recorded` says where.
    pub(super) fn of(&mut self, owner: &str, recorded: bool, kinds: impl Iterator<Item = Told>) -> Map<String, Value> {
        let mut texts: BTreeMap<u16, String> = BTreeMap::new();
        for (status, slug, title) in kinds {
            texts.entry(status).or_default().push_str(&format!("`{slug}`: {title}. "));
        }
        let mut responses = Map::new();
        for (status, text) in texts {
            let more: &[&str] = match status {
                401 => &["WWW-Authenticate"],
                403 | 409 if recorded => &["Kippu-Position", "ETag", "Idempotent-Replayed"],
                405 => &["Allow"],
                429 | 503 | 507 => &["Retry-After"],
                _ => &[],
            };
            let answer = problem(text.trim_end(), more);
            let known = self.0.iter().find(|(_, known)| **known == answer).map(|(name, _)| name.clone());
            let name = known.unwrap_or_else(|| format!("{owner}{status}"));
            responses.insert(status.to_string(), reference("responses", &name));
            self.0.insert(name, answer);
        }
        responses
    }

    /// All of them, and those that every operation may have.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        self.0.insert("Problem".to_owned(), problem("Something was not done.", &[]));
        let redirect = json!({
            "description": "Another node serves this entity, and `Prefer: redirect` asked for its address.",
            "headers": headers(&["Location", "Preference-Applied", "X-Request-Id"]),
        });
        self.0.insert("Redirect".to_owned(), redirect);
        self.0
    }
}

/// Adds `more` answers to an operation.
pub(super) fn add(operation: &mut Value, more: Map<String, Value>) {
    if let Some(responses) = operation["responses"].as_object_mut() {
        responses.extend(more);
    }
}

fn problem(description: &str, more: &[&str]) -> Value {
    json!({
        "description": description,
        "headers": headers(&[more, &["X-Request-Id"]].concat()),
        "content": { "application/problem+json": { "schema": reference("schemas", "Problem") } },
    })
}

/// The headers of these names.
pub(super) fn headers(names: &[&str]) -> Map<String, Value> {
    names.iter().map(|name| ((*name).to_owned(), reference("headers", &name.replace('-', "")))).collect()
}

/// Who may call an operation.
pub(super) fn for_roles(roles: &[Role]) -> String {
    let names = roles.iter().filter(|role| **role != Role::Guest).map(|role| format!("`{}`", name(*role)));
    let names: Vec<String> = names.collect();
    let keys = format!("keys with the role {}", names.join(" or "));
    match (roles.contains(&Role::Guest), names.is_empty()) {
        (false, _) => format!("For {keys}."),
        (true, true) => "For everybody, without a key, or with a capability where that opens it.".to_owned(),
        (true, false) => {
            format!("For everybody, without a key, or with a capability where that opens it; and for {keys}.")
        }
    }
}

fn name(role: Role) -> String {
    json!(role).as_str().unwrap_or_default().to_owned()
}

/// What an operation for these wants to be shown.
pub(super) fn security(roles: &[Role]) -> Value {
    if roles.contains(&Role::Guest) { json!([{}, { "apiKey": [] }]) } else { json!([{ "apiKey": [] }]) }
}
