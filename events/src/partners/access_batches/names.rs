//! Names in the text of lines: taken out, and put back.
//!
//! ```text
//! 192.0.2.7 - ada [..] "GET / HTTP/1.1"   ─▶   ␡0␡ - ␡1␡ [..] "GET / HTTP/1.1"  and  ["192.0.2.7", "ada"]
//! ```
//!
//! ␡ is the character `\x7f`, which JSON does not escape. One that was in a line already stands twice.

use std::collections::HashMap;
use std::ops::Range;

use super::named::names_in;
use crate::partners::access::{Line, Reader};
use crate::time::Time;

const MARK: char = '\x7f';

/// Text without names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Masked {
    /// The text, with numbers in place of names.
    pub text: String,
    /// The names, each once.
    pub names: Vec<String>,
    /// When the first request was made that its lines tell of.
    pub first: Option<Time>,
}

/// Text that is not as [`mask`] writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text names a name that is not there")]
pub struct NotMasked;

/// `text` without names, the first of whose lines begins at `offset`. A line that `reader` cannot read is a name as a whole.
pub fn mask(text: &str, offset: u64, reader: &mut Reader) -> Masked {
    let mut masking = Masking::default();
    let mut first = None;
    let mut begins = offset;
    for line in text.split_inclusive('\n') {
        let body = line.strip_suffix('\n').unwrap_or(line);
        let read = reader.parse_at(begins, body.as_bytes());
        let body = body.strip_suffix('\r').unwrap_or(body);
        if let Line::Access(access) = &read {
            first.get_or_insert(access.at);
        }
        masking.line(body, &read, |without| says_the_same(&read, &reader.parse_at(begins, without.as_bytes())));
        begins = begins.saturating_add(line.len() as u64);
        masking.masked.text.push_str(line.get(body.len()..).unwrap_or_default());
    }
    Masked { first, ..masking.masked }
}

#[derive(Default)]
struct Masking {
    masked: Masked,
    numbers: HashMap<String, usize>,
}

impl Masking {
    /// Adds a line without its end, which says `read`: as a name where it would not say the same without names.
    fn line(&mut self, line: &str, read: &Line<'_>, says_the_same: impl FnOnce(&str) -> bool) {
        let begins = self.masked.text.len();
        self.add(line, &names_in(line, read));
        let is_same = self.masked.text.get(begins..).is_some_and(says_the_same);
        if matches!(read, Line::Access(_)) && !is_same {
            self.masked.text.truncate(begins);
            self.name(line);
        }
    }

    /// Adds `line` with a number in place of each of `names`, which lie one behind the other.
    fn add(&mut self, line: &str, names: &[Range<usize>]) {
        let mut from = 0;
        for place in names {
            let (before, name) = (line.get(from..place.start), line.get(place.clone()));
            let (Some(before), Some(name)) = (before, name) else { continue };
            self.plain(before);
            self.name(name);
            from = place.end;
        }
        self.plain(line.get(from..).unwrap_or_default());
    }

    fn plain(&mut self, text: &str) {
        for c in text.chars() {
            self.masked.text.push(c);
            if c == MARK {
                self.masked.text.push(MARK);
            }
        }
    }

    fn name(&mut self, name: &str) {
        if name.is_empty() {
            return;
        }
        let Masked { text, names, .. } = &mut self.masked;
        let number = *self.numbers.entry(name.to_owned()).or_insert_with(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        text.push(MARK);
        text.push_str(&number.to_string());
        text.push(MARK);
    }
}

/// Whether an access counts as another one does: without names it is to be the same.
fn says_the_same(one: &Line<'_>, other: &Line<'_>) -> bool {
    let (Line::Access(one), Line::Access(other)) = (one, other) else { return false };
    (one.at, one.status, one.bytes) == (other.at, other.status, other.bytes)
        && (&one.method, &one.path, &one.host) == (&other.method, &other.path, &other.host)
}

/// A part of masked text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part<'a> {
    /// As it was.
    Text(&'a str),
    /// The name with this number.
    Name(usize),
}

/// The parts that masked text has, in order.
///
/// # Errors
/// Where it is not as [`mask`] writes it.
pub fn parts(text: &str) -> impl Iterator<Item = Result<Part<'_>, NotMasked>> {
    let mut is_text = false;
    let mut marks = text.split(MARK).peekable();
    std::iter::from_fn(move || {
        let part = marks.next()?;
        is_text = !is_text;
        Some(match (is_text, part) {
            (true, text) => Ok(Part::Text(text)),
            // A mark that opens is closed.
            (false, _) if marks.peek().is_none() => Err(NotMasked),
            (false, "") => Ok(Part::Text("\x7f")),
            (false, number) => number.parse().map(Part::Name).map_err(|_| NotMasked),
        })
    })
}

/// The text that was masked.
///
/// # Errors
/// Where it names a name that is not among `names`.
pub fn unmask(text: &str, names: &[String]) -> Result<String, NotMasked> {
    let mut whole = String::with_capacity(text.len() + 8 * names.len());
    for part in parts(text) {
        whole.push_str(match part? {
            Part::Text(text) => text,
            Part::Name(number) => names.get(number).ok_or(NotMasked)?,
        });
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::partners::access::State;
    use crate::partners::access::line::Aside;

    fn reader(format: &str) -> Reader {
        Reader::resume(format.parse().unwrap(), State::default())
    }

    fn masked(format: &str, text: &str) -> Masked {
        mask(text, 0, &mut reader(format))
    }

    /// What lines say once they have no names.
    fn read(format: &str, text: &str) -> Vec<String> {
        let mut reader = reader(format);
        let line = |line: &str| match reader.parse_at(9, line.as_bytes()) {
            Line::Access(access) => format!("{} {:?}", String::from_utf8_lossy(&access.path), access.bytes),
            other => format!("{other:?}"),
        };
        masked(format, text).text.lines().map(line).collect()
    }

    #[test]
    fn names_are_taken_out_where_they_stand_and_nowhere_else() {
        let text = "192.0.2.7 - own [01/Nov/2026:10:00:00 +0900] \"GET /own/p1?from=192.0.2.7 HTTP/1.1\" 200 9\n\
                    192.0.2.77 - - [01/Nov/2026:10:00:00 +0900] \"GET /192.0.2.77 HTTP/1.1\" 200 9\r\n";
        let masked = masked("common", text);
        assert_eq!(masked.names, ["192.0.2.7", "own", "192.0.2.77"]);
        assert_eq!(
            masked.text,
            "\x7f0\x7f - \x7f1\x7f [01/Nov/2026:10:00:00 +0900] \"GET /own/p1?from=\x7f0\x7f HTTP/1.1\" 200 9\n\
             \x7f2\x7f - - [01/Nov/2026:10:00:00 +0900] \"GET /192.0.2.77 HTTP/1.1\" 200 9\r\n",
        );
        assert_eq!(unmask(&masked.text, &masked.names).as_deref(), Ok(text));
        assert_eq!(read("common", text), ["/own/p1 Some(9)", "/192.0.2.77 Some(9)"]);
    }

    #[test]
    fn whatever_else_names_the_client_or_the_user_is_taken_out_too() {
        let line = "192.0.2.7 ada.l ada [01/Nov/2026:10:00:00 +0900] \"GET / HTTP/1.1\" 200 9 \"https://b.example/?ip%3D198.51.100.77\" \"x\"\n";
        assert_eq!(masked("combined", line).names, ["192.0.2.7", "ada.l", "ada", "198.51.100.77"]);
        let line = "{\"time\":\"2026-11-01T10:00:00Z\",\"client\":\"host.example\",\"remote_addr\":\"192.0.2.7\",\"user\":\"ada.l\",\"remote_user\":\"ada\",\"uri\":\"/\",\"status\":200}\n";
        assert_eq!(masked("json", line).names, ["host.example", "192.0.2.7", "ada.l", "ada"]);
    }

    #[test]
    fn a_name_that_is_escaped_is_found_in_its_quotes() {
        let text = r#"{"time":"2026-11-01T10:00:00Z","remote_addr":"2001:db8::1","remote_user":"a\u0064a \"x\"","uri":"/ada","status":200,"forwarded":"for=192.0.2.9","agent":"Mozilla/5.0 Chrome/120.0.0.0"}"#;
        let text = format!("{text}\n");
        let masked = masked("json", &text);
        assert_eq!(masked.names, ["2001:db8::1", r#"a\u0064a \"x\""#, "192.0.2.9"]);
        assert!(masked.text.contains("/ada") && masked.text.contains("Chrome/120.0.0.0"), "{}", masked.text);
        assert_eq!(read("json", &text), ["/ada None"]);
    }

    #[test]
    fn lines_that_cannot_be_read_are_a_name_as_a_whole_and_stay_what_they_are() {
        let long = "x".repeat(70_000);
        let text = format!("192.0.2.7 ada said no\n# 192.0.2.7 was here\n\n{long}\n");
        let found = masked("common", &text);
        assert_eq!(found.names, ["192.0.2.7 ada said no", " 192.0.2.7 was here", long.as_str()]);
        assert_eq!(found.text, "\x7f0\x7f\n#\x7f1\x7f\n\n\x7f2\x7f\n");
        let said = read("common", &text);
        assert!(
            said[0].starts_with("Malformed") && said[1] == format!("{:?}", Line::Aside(Aside::Comment)),
            "{said:?}"
        );

        let tcp =
            "2015-05-13T23:39:43.945958Z lb 192.0.2.7:2817 10.0.0.1:80 0.1 0.1 0.1 - - 82 305 \"- - - \" \"-\" - -\n";
        let found = masked("elb", tcp);
        assert_eq!(found.names, ["192.0.2.7", "10.0.0.1"]);
        assert_eq!(read("elb", tcp), [format!("{:?}", Line::Aside(Aside::NoRequest))]);

        let w3c =
            "#Fields: date time c-ip cs-username cs-uri-stem sc-status\n2026-11-01 10:00:00 192.0.2.7 ada /ada 200\n";
        let found = masked("w3c", w3c);
        assert_eq!(found.names, ["192.0.2.7", "ada"]);
        assert!(found.text.starts_with("#Fields: date time c-ip"), "{}", found.text);
    }

    #[test]
    fn what_names_no_name_is_refused() {
        for wrong in ["\x7f1\x7f", "\x7f0", "\x7fx\x7f"] {
            assert_eq!(unmask(wrong, &["ada".to_owned()]), Err(NotMasked), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_masked_comes_back(text in "([ab.:\\x7f0 \n\r\"]|é|192\\.0\\.2\\.7|\\[01/Nov/2026:10:00:00 \\+0900\\] \"GET / HTTP/1\\.1\" 200 2){0,40}") {
            let masked = masked("combined", &text);
            prop_assert_eq!(unmask(&masked.text, &masked.names), Ok(text));
        }
    }
}
