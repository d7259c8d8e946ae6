//! The guide for callers next to the document: every command with its roles and members, every view with those of a row.

use std::collections::{BTreeMap, BTreeSet};

use kippu_actors::{catalogue, http};
use kippu_events::Family;

use super::{document, resolved};
use serde_json::Value;

const GUIDE: &str = include_str!("../../../../../docs/http.md");

/// The rows of the guide's tables below the heading `section`, cell by cell.
fn rows(section: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let below = GUIDE.split_once(section).unwrap_or_else(|| panic!("docs/http.md has no {section:?}")).1;
    let lines = below.lines().skip(1).take_while(|line| !line.starts_with('#'));
    lines.filter(|line| line.starts_with("| ")).map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// The words in code in `text` that can be members, and whether each is marked as one that may be left out.
fn members(text: &str) -> BTreeMap<String, bool> {
    let parts: Vec<&str> = text.split('`').collect();
    let words = (1..parts.len()).step_by(2).map(|at| (parts[at], parts.get(at + 1).copied().unwrap_or_default()));
    let is_member = |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    words.filter(|(word, _)| is_member(word)).map(|(word, after)| (word.to_owned(), after.starts_with('?'))).collect()
}

/// The members of a schema, and whether each may be left out.
fn of_schema(document: &Value, schema: &Value) -> BTreeMap<String, bool> {
    let schema = resolved(document, schema);
    let required: BTreeSet<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let names = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name);
    names.map(|name| (name.clone(), !required.contains(name.as_str()))).collect()
}

#[test]
fn the_guide_has_the_roles_and_members_of_every_command() {
    let document = document();
    for family in Family::ALL {
        let heading = format!("\n### {}\n", family.name());
        for spec in catalogue::actor(family).commands() {
            let path = http::path_of(family, spec);
            let short = path.replace(&format!("/v1/{}/{{id}}/", family.name()), "…/{id}/");
            let is_its =
                |row: &Vec<&str>| [format!("`{short}`"), format!("`POST {short}`")].iter().any(|name| row[0] == name);
            let row = rows(&heading).find(is_its).unwrap_or_else(|| panic!("docs/http.md has no {short}"));
            let [_, roles, body, answer] = row[..] else { panic!("{row:?}") };
            let told: BTreeSet<String> = roles.split(", ").map(str::to_owned).collect();
            assert_eq!(told, spec.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect(), "{path}");

            let operation = &document["paths"][&path]["post"];
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let told =
                body.split(" · ").flat_map(|part| members(part.split([':', '(']).next().unwrap_or_default())).collect();
            assert_eq!(of_schema(&document, schema), told, "{path}");

            let status = if row[0].contains("POST") && !path.contains("redeem") { "201" } else { "200" };
            let answered = &operation["responses"][status]["content"]["application/json"]["example"];
            let answered: BTreeSet<_> = answered.as_object().expect("an example").keys().cloned().collect();
            let told = members(answer);
            let always = told.iter().filter(|(_, may_lack)| !**may_lack).map(|(name, _)| name.clone()).collect();
            assert!(answered.is_superset(&always), "{path} answers {answered:?} without all of {always:?}");
            let unknown: Vec<_> = answered.iter().filter(|name| !told.contains_key(*name)).collect();
            assert!(unknown.is_empty(), "{path} answers {unknown:?}, too");
        }
    }
}

#[test]
fn the_guide_has_the_members_of_every_row() {
    let document = document();
    for view in kippu_projections::catalogue::views().iter().filter(|view| view.table().is_some()) {
        let name = format!("`{}`", view.name());
        let row = rows("\n## Queries\n").find(|row| row[0] == name);
        let row = row.unwrap_or_else(|| panic!("docs/http.md has no {name}"));
        let told = members(row[3].split(". ").next().unwrap_or_default());
        let answer = &document["paths"][format!("/v1/{}/{{id}}", view.name())]["get"]["responses"]["200"];
        let schema = &answer["content"]["application/json"]["schema"];
        assert_eq!(of_schema(&document, schema), told, "{name}");
    }
}
