//! Bytes become events: line by line, an empty line behind each event.

use std::collections::VecDeque;

/// One event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// What to go on from behind it.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// JSON.
    pub data: String,
}

/// See the module.
#[derive(Default)]
pub(super) struct Lines {
    /// Of a line that is not whole.
    begun: Vec<u8>,
    /// Whether the last byte was a CR, whose LF is not here yet.
    is_after_cr: bool,
    /// The id in what is not whole yet.
    next_id: String,
    /// The id of what is whole.
    whole_id: String,
    kind: String,
    data: Option<String>,
    whole: VecDeque<Event>,
    /// Of what was given out.
    id: String,
}

impl Lines {
    /// What comes behind `id`.
    pub(super) fn new(id: &str) -> Self {
        let [next_id, whole_id, id] = [id; 3].map(str::to_owned);
        Self { next_id, whole_id, id, ..Self::default() }
    }

    /// The next event that is whole.
    pub(super) fn next(&mut self) -> Option<Event> {
        let event = self.whole.pop_front();
        // Behind the last one, an id may have come by itself.
        self.id.clone_from(event.as_ref().map_or(&self.whole_id, |event| &event.id));
        event
    }

    /// The id of what was given out, or of what came since and needs no event.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Takes what has come.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' if std::mem::take(&mut self.is_after_cr) => {}
                b'\n' | b'\r' => {
                    self.is_after_cr = *byte == b'\r';
                    let line = std::mem::take(&mut self.begun);
                    self.line(&String::from_utf8_lossy(&line));
                }
                byte => {
                    self.is_after_cr = false;
                    self.begun.push(*byte);
                }
            }
        }
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            let kind = std::mem::take(&mut self.kind);
            self.whole_id.clone_from(&self.next_id);
            if let Some(data) = self.data.take() {
                self.whole.push_back(Event { id: self.next_id.clone(), kind, data });
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut self.next_id),
            "event" => value.clone_into(&mut self.kind),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // A comment, `retry`, and what others may add.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "retry: 1000\nid: 0.0\n\nid: 1.0\nevent: user.credited\ndata: {\"a\":1}\n\n: keep-alive\n\n\
                        id: 1.1\nevent: user.registered\ndata: {\ndata: \"ä\":1}\n\n: keep-alive\nid: 1.2\n\n";

    fn event(id: &str, kind: &str, data: &str) -> Event {
        Event { id: id.to_owned(), kind: kind.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_whole_however_they_come() {
        let expected = [event("1.0", "user.credited", "{\"a\":1}"), event("1.1", "user.registered", "{\n\"ä\":1}")];
        for text in [TEXT.to_owned(), TEXT.replace('\n', "\r\n"), TEXT.replace('\n', "\r")] {
            for size in [1, 2, 3, 7, 1000] {
                let mut lines = Lines::new("");
                let mut events = Vec::new();
                for bytes in text.as_bytes().chunks(size) {
                    lines.take(bytes);
                    events.extend(std::iter::from_fn(|| lines.next()));
                }
                assert_eq!((events.as_slice(), lines.id()), (expected.as_slice(), "1.2"), "{size} {text:?}");
            }
        }
    }

    #[test]
    fn an_id_counts_once_its_event_is_whole_wherever_the_connection_is_lost() {
        let mut counts = Vec::new();
        for end in 0..=TEXT.len() {
            let mut lines = Lines::new("before");
            lines.take(&TEXT.as_bytes()[..end]);
            let events = std::iter::from_fn(|| lines.next()).count();
            let told = match lines.id() {
                "before" | "0.0" => 0,
                "1.0" => 1,
                "1.1" | "1.2" => 2,
                other => panic!("{other}"),
            };
            assert_eq!(told, events, "{end}");
            counts.push(events);
        }
        assert_eq!((counts.first(), counts.last()), (Some(&0), Some(&2)));
    }
}
