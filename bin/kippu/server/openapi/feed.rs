//! The operation of the feed of events.

use std::collections::BTreeSet;

use kippu_actors::problem;
use kippu_events::Family;
use kippu_events::access::Role;
use kippu_projections::catalogue;
use kippu_projections::queries::KINDS;
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::{insert, reference};

/// A few lines of a feed.
const EXAMPLE: &str = "id: 17.3.0.5-5f0c9a1b22d07e44\nevent: approval.redeemed\ndata: {\"specversion\":\"1.0\",\
    \"id\":\"0-17.0\",\"source\":\"urn:kippu:5f0c9a1b22d07e445f0c9a1b22d07e44\",\"type\":\"approval.redeemed\",\
    \"subject\":\"approvals/5g6x3advrdescvxo3lh7vjwc\",\"time\":\"2026-11-21T03:50:11.402118Z\",\"entityversion\":2}\n\n";

/// Adds it.
pub(super) fn add(paths: &mut Map<String, Value>, problems: &mut Answers) {
    let text = || json!({ "type": "string" });
    let list =
        |of: &str| json!({ "type": "string", "description": format!("One or several, with commas between: {of}.") });
    let id = "The id of what was told last, from which the feed goes on; or a `Kippu-Cut`.";
    let families: Vec<&str> = Family::ALL.into_iter().map(Family::name).collect();
    let parameters = json!([
        parameter("family", "query", list(&families.join(", ")), "Only events of these families."),
        parameter("entity", "query", list("as `users/ID`, at most 64"), "Only events of these entities."),
        parameter("kind", "query", list("as `approval.issued`"), "Only events of these kinds."),
        parameter(
            "from",
            "query",
            json!({ "type": "string", "enum": ["now", "beginning"], "default": "now" }),
            "Where to begin, where nothing was told yet.",
        ),
        parameter("after", "query", text(), id),
        parameter("Last-Event-ID", "header", text(), &format!("{id} Wins over `after` and `from`.")),
        reference("parameters", "RequestId"),
    ]);
    let general = [
        &problem::UNAUTHENTICATED,
        &problem::METHOD_NOT_ALLOWED,
        &problem::RATE_LIMITED,
        &problem::HEADERS_TOO_LARGE,
        &problem::UNAVAILABLE,
    ];
    let general = general.into_iter().map(|kind| (kind.status, kind.slug, kind.title));
    let kinds = general.chain(KINDS.iter().map(|kind| (kind.status, kind.slug, kind.title)));
    let told = problems.of("Query", false, kinds.filter(|(status, ..)| *status != 404));
    let roles = roles();
    let mut operation = json!({
        "operationId": "events.follow",
        "tags": ["events"],
        "summary": "Events as they happen, each once, as server-sent events. The answer does not end.",
        "description": format!(
            "{} Operators and auditors are told of every event as it lies in the log; others of those of entities whose rows \
             they may see, without data.",
            answers::for_roles(&roles)
        ),
        "security": [{ "apiKey": [] }],
        "x-roles": roles,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "The feed.",
                "headers": answers::headers(&["X-Request-Id"]),
                "content": { "text/event-stream": { "schema": text(), "example": EXAMPLE } },
            },
        },
    });
    answers::add(&mut operation, told);
    insert(paths, "/v1/events".to_owned(), "get", operation);
}

/// Who is shown anything.
fn roles() -> Vec<Role> {
    let views = catalogue::views();
    let of_families = views.iter().filter_map(|view| view.table()).filter(|table| table.subject().is_some());
    let readers = of_families.flat_map(|table| table.readers());
    readers.chain([Role::Operator, Role::Auditor]).collect::<BTreeSet<_>>().into_iter().collect()
}

fn parameter(name: &str, place: &str, schema: Value, description: &str) -> Value {
    json!({ "name": name, "in": place, "required": false, "schema": schema, "description": description })
}
