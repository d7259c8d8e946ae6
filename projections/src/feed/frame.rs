//! What goes over the wire: server-sent events, as the HTML standard has them.
//!
//! ```text
//! id: 17.3.0.5-5f0c9a1b22d07e44
//! event: approval.issued
//! data: {"specversion":"1.0","id":"3-17.0",…}
//! ⏎
//! ```

use kippu_events::Recorded;
use serde::Serialize;

/// How long a client that lost its connection waits before it comes again.
const RETRY_MILLIS: u32 = 1000;

/// An event without its data and without who asked for it, as CloudEvents has one: whoever may see the entity reads its row.
#[derive(Serialize)]
struct Thin<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: &'a str,
    subject: String,
    time: String,
    entityversion: u64,
}

/// `event` without its data.
pub(super) fn thin(event: &Recorded<'_>) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Thin {
        specversion: "1.0",
        id: event.id.to_string(),
        source: format!("urn:kippu:{}", event.source),
        kind: event.kind,
        subject: event.entity.to_string(),
        time: event.time.to_string(),
        entityversion: event.version,
    })
}

/// Appends an event whose id `id` appends.
pub(super) fn event(out: &mut String, id: impl FnOnce(&mut String), kind: &str, data: &str) {
    out.push_str("id: ");
    id(out);
    out.push_str("\nevent: ");
    out.push_str(kind);
    // JSON as we write it is one line; what else lies in a log may have more between its members.
    for line in data.split(['\n', '\r']) {
        out.push_str("\ndata: ");
        out.push_str(line);
    }
    out.push_str("\n\n");
}

/// The beginning: where a client goes on that loses its connection before it had an event.
pub(super) fn beginning(id: &str) -> String {
    format!("retry: {RETRY_MILLIS}\nid: {id}\n\n")
}

/// That the connection is alive, and how far events were looked at, where a client does not know.
pub(super) fn keep_alive(id: Option<&str>) -> String {
    id.map_or_else(|| ": keep-alive\n\n".to_owned(), |id| format!(": keep-alive\nid: {id}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_an_id_a_kind_and_a_line_of_data_for_each_line() {
        let mut out = String::new();
        event(&mut out, |out| out.push('7'), "approval.issued", "{\"a\":1}");
        event(&mut out, |out| out.push('8'), "approval.settled", "{\n\"a\":1}");
        let expected = "id: 7\nevent: approval.issued\ndata: {\"a\":1}\n\n\
                        id: 8\nevent: approval.settled\ndata: {\ndata: \"a\":1}\n\n";
        assert_eq!(out, expected);
    }
}
