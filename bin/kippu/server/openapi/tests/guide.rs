//! `docs/reference.md`: every command, every row of a view, and who may have them, as the document has it. `KIPPU_BLESS=1`
//! writes it; without that, it has to be what would be written.

use std::fmt::Write as _;

use kippu_actors::{catalogue, http};
use kippu_events::Family;
use serde_json::Value;

use super::{document, resolved};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference.md");

/// The members of `schema` as rows of a table.
fn members(document: &Value, schema: &Value) -> String {
    let schema = resolved(document, schema);
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut rows = String::new();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let optional = if required.contains(&name.as_str()) { "" } else { "?" };
        let (form, about) = (form(document, member), text(document, member));
        writeln!(rows, "| `{name}`{optional} | {form} | {about} |").unwrap();
    }
    rows
}

fn text(document: &Value, member: &Value) -> String {
    let own = member["description"].as_str().or_else(|| resolved(document, member)["description"].as_str());
    own.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// What a member looks like, in a few words.
fn form(document: &Value, member: &Value) -> String {
    let schema = resolved(document, member);
    if let Some(values) = schema["enum"].as_array().filter(|values| values.len() <= 12) {
        let values: Vec<_> = values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`")).collect();
        return values.join(" ");
    }
    let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(choices) = choices {
        let forms = choices.iter().map(|choice| match choice["const"].as_str() {
            Some(value) => format!("`{value}`"),
            None => form(document, choice),
        });
        return forms.filter(|form| form != "null").collect::<Vec<_>>().join(" ");
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        kind => kind.as_str(),
    };
    let kind = schema["format"].as_str().or(kind).unwrap_or("object");
    let bounds = [("minimum", "≥"), ("maximum", "≤"), ("minLength", "≥"), ("maxLength", "≤")];
    let bounds = bounds.iter().filter_map(|(name, sign)| Some(format!("{sign} {}", schema[name].as_u64()?)));
    let bounds: Vec<_> = bounds.collect();
    let object = schema["properties"].as_object().map(|members| {
        let names: Vec<_> = members.keys().map(|name| format!("`{name}`")).collect();
        format!(": {}", names.join(" "))
    });
    let bounds = if bounds.is_empty() { String::new() } else { format!(" ({})", bounds.join(", ")) };
    format!("{kind}{bounds}{}", object.unwrap_or_default())
}

fn reference() -> String {
    let document = document();
    let mut out = "# Reference\n\nEvery command with its members and answer, and every view with the members of its rows. Made from \
                   the lists that the program uses (`KIPPU_BLESS=1 cargo test --release --workspace the_reference`). \
                   [http.md](http.md) says how to use them, `/openapi.json` has the same for programs. A member with `?` may be left out.\n"
        .to_owned();
    for family in Family::ALL {
        writeln!(out, "\n## Commands of {}\n", family.name()).unwrap();
        for spec in catalogue::actor(family).commands() {
            let path = http::path_of(family, spec);
            let operation = &document["paths"][&path]["post"];
            let roles: Vec<_> = spec.roles.iter().map(|role| role.name()).collect();
            let body = members(&document, &operation["requestBody"]["content"]["application/json"]["schema"]);
            writeln!(out, "`POST {path}` ({}): {}\n", roles.join(", "), spec.summary).unwrap();
            if !body.is_empty() {
                writeln!(out, "| Member | Form | Is |\n|---|---|---|\n{body}").unwrap();
            }
        }
        let answers = catalogue::actor(family).commands().first().map(|spec| {
            let responses = &document["paths"][http::path_of(family, spec)]["post"]["responses"];
            let status = if responses["201"].is_object() { "201" } else { "200" };
            members(&document, &responses[status]["content"]["application/json"]["schema"])
        });
        write!(out, "An answer has of these what the command decided:\n\n| Member | Form | Is |\n|---|---|---|\n")
            .unwrap();
        out.push_str(&answers.unwrap_or_default());
        writeln!(out, "\nProblems that only these commands have:\n\n| Status | Type | What to do |\n|---|---|---|")
            .unwrap();
        for kind in catalogue::actor(family).problems() {
            writeln!(out, "| {} | `{}` | {} |", kind.status, kind.slug, kind.advice).unwrap();
        }
    }
    for view in kippu_projections::catalogue::views() {
        let Some(table) = view.table() else { continue };
        let get = &document["paths"][format!("/v1/{}/{{id}}", view.name())]["get"];
        let row = members(&document, &get["responses"]["200"]["content"]["application/json"]["schema"]);
        let grants: Vec<_> = table.grants().iter().map(|grant| format!("{} ({grant})", grant.role.name())).collect();
        write!(out, "\n## Rows of {}\n\n`GET /v1/{0}` and `GET /v1/{0}/{{id}}`: {}. ", view.name(), grants.join(", "))
            .unwrap();
        writeln!(out, "{}\n", table.summary()).unwrap();
        for filter in table.filters() {
            writeln!(out, "* `{}=`: {}", filter.name, filter.description).unwrap();
        }
        let space = if table.filters().is_empty() { "" } else { "\n" };
        write!(out, "{space}| Member | Form | Is |\n|---|---|---|\n{row}").unwrap();
    }
    out
}

#[test]
fn the_reference_is_what_the_program_has() {
    let made = reference();
    if std::env::var_os("KIPPU_BLESS").is_some() {
        std::fs::write(PATH, &made).unwrap();
    }
    let stored = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(stored == made, "docs/reference.md is stale: KIPPU_BLESS=1 writes it");
}
