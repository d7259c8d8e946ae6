//! The extended log format of the W3C: directives say what the columns are. IIS separates them by blanks, CloudFront by tabs.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::draft::{Draft, Field};
use super::line::{Access, Aside, Flaw, Text};
use super::words::{Quotes, Words, halved};

/// What the directives so far say. It goes from one part of a log to the next, since no part but the first may have any.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Directives {
    /// What followed `#Fields:`.
    fields: Option<String>,
    /// Written by IIS, whose times taken are whole milliseconds. Those of everybody else are seconds.
    microsoft: bool,
    #[serde(skip)]
    columns: Vec<Column>,
}

/// What a column is, and the rank of its name; `None` if nobody asks for it.
type Column = Option<(Field, u8)>;

impl Directives {
    /// Whether nothing was said.
    #[must_use]
    pub const fn are_none(&self) -> bool {
        self.fields.is_none() && !self.microsoft
    }

    /// The same with the columns that the text stands for, which are not stored.
    #[must_use]
    pub fn resumed(mut self) -> Self {
        self.columns = columns(self.fields.as_deref().unwrap_or_default());
        self
    }

    /// Takes in a line that begins with `#`.
    pub fn read(&mut self, line: &[u8]) -> Aside {
        let directive = |name: &str| {
            let (found, rest) = line.split_at_checked(name.len())?;
            found.eq_ignore_ascii_case(name.as_bytes()).then_some(rest)
        };
        if let Some(fields) = directive("#Fields:") {
            // A name that is no UTF-8 names no column of ours, but counts as one.
            let fields = String::from_utf8_lossy(fields).into_owned();
            self.columns = columns(&fields);
            self.fields = Some(fields);
            return Aside::Directive;
        }
        if let Some(software) = directive("#Software:") {
            self.microsoft = memchr::memmem::find(software, b"Microsoft").is_some();
            return Aside::Directive;
        }
        let others = ["#Version:", "#Date:", "#Start-Date:", "#End-Date:", "#Remark:"];
        if others.into_iter().any(|name| directive(name).is_some()) { Aside::Directive } else { Aside::Comment }
    }

    /// The access in a line below these directives. A line with a tab in it has tabs between all columns.
    ///
    /// # Errors
    ///
    /// The first flaw of a line that is not one.
    pub fn parse<'a>(&self, line: &'a [u8]) -> Result<Access<'a>, Flaw> {
        if self.columns.is_empty() {
            return Err(Flaw::NoFields);
        }
        let mut draft = Draft::default();
        let mut columns = self.columns.iter();
        let mut put = |text: Text<'a>| {
            let column = columns.next().ok_or(Flaw::Columns)?;
            if let Some((field, rank)) = column {
                let whole_ms = *field == Field::TakenS && self.microsoft && !text.contains(&b'.');
                draft.put(if whole_ms { Field::TakenMs } else { *field }, *rank, text);
            }
            Ok(())
        };
        if memchr::memchr(b'\t', line).is_some() {
            for text in line.split(|byte| *byte == b'\t') {
                put(match text {
                    [b'"', inner @ .., b'"'] => halved(inner),
                    text => Cow::Borrowed(text),
                })?;
            }
        } else {
            for word in Words::of(line, Quotes::Doubled) {
                put(word?)?;
            }
        }
        if columns.next().is_some() { Err(Flaw::Columns) } else { draft.finish() }
    }
}

fn columns(fields: &str) -> Vec<Column> {
    fields.split_ascii_whitespace().map(column).collect()
}

/// The column of a name, in whatever case. Of the names of a host, the one that the client said comes first.
fn column(name: &str) -> Column {
    Some(match name.to_ascii_lowercase().as_str() {
        "date" => (Field::Date, 1),
        "time" => (Field::Clock, 1),
        "c-ip" => (Field::Client, 2),
        "c-dns" => (Field::Client, 1),
        "cs-username" | "c-username" => (Field::User, 1),
        "cs-method" => (Field::Method, 1),
        "cs-uri" => (Field::Target, 1),
        "cs-uri-stem" => (Field::Target, 2),
        "cs-uri-query" => (Field::Query, 1),
        "sc-status" => (Field::Status, 1),
        "sc-bytes" | "bytes" => (Field::Bytes, 1),
        "x-host-header" => (Field::Host, 3),
        "cs-host" | "cs(host)" => (Field::Host, 2),
        "s-dns" => (Field::Host, 1),
        "cs(referer)" | "cs(referrer)" => (Field::Referrer, 1),
        "cs(user-agent)" | "c-user-agent" => (Field::Agent, 1),
        "time-taken" => (Field::TakenS, 1),
        _ => return None,
    })
}
