//! Complaints about settings, with the place where each was set.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use kippu_events::text_file::NotText;
use serde::Serialize;

use super::Source;

/// One wrong setting.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct Complaint {
    /// File, flag or variable.
    pub(crate) place: String,
    /// Line in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// Column in the line, in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    /// As `http.workers`; empty where the file itself is malformed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) setting: String,
    /// What is wrong.
    pub(crate) reason: String,
}

impl Complaint {
    /// About the bytes at `span` of `text`.
    pub(crate) fn in_file(
        file: Option<&Path>,
        text: &str,
        span: Option<Range<usize>>,
        setting: String,
        reason: &str,
    ) -> Self {
        let place = file.map_or_else(|| "defaults".to_owned(), |path| path.display().to_string());
        let (line, column) = span.and_then(|span| line_and_column(text, span.start)).unzip();
        Self { place, line, column, setting, reason: reason.to_owned() }
    }

    /// About a file that is no text.
    pub(crate) fn of_bytes(file: &Path, wrong: &NotText) -> Self {
        let (line, reason) = (wrong.line, wrong.reason.clone());
        Self { place: file.display().to_string(), line, column: None, setting: String::new(), reason }
    }

    /// About `setting`, wherever it was set.
    pub(crate) fn of_setting(file: Option<&Path>, text: &str, source: Source, setting: &str, reason: &str) -> Self {
        match source {
            Source::File => Self::in_file(file, text, span_of(text, setting), setting.to_owned(), reason),
            Source::Flag { flag, variable } => Self {
                place: format!("{flag} or {variable}"),
                line: None,
                column: None,
                setting: setting.to_owned(),
                reason: reason.to_owned(),
            },
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        for place in self.line.iter().chain(&self.column) {
            write!(f, ":{place}")?;
        }
        f.write_str(": ")?;
        if !self.setting.is_empty() {
            write!(f, "{}: ", self.setting)?;
        }
        f.write_str(self.reason.trim_end())
    }
}

fn line_and_column(text: &str, offset: usize) -> Option<(usize, usize)> {
    let before = text.get(..offset)?;
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
}

/// Where the value of the dotted `setting` stands.
fn span_of(text: &str, setting: &str) -> Option<Range<usize>> {
    span_in(toml::de::DeTable::parse(text).ok()?.get_ref(), setting)
}

/// A key may have dots of its own, between quotes.
fn span_in(table: &toml::de::DeTable<'_>, setting: &str) -> Option<Range<usize>> {
    if let Some(value) = table.get(setting) {
        return Some(value.span());
    }
    let mut dots = setting.match_indices('.');
    dots.find_map(|(dot, _)| span_in(table.get(&setting[..dot])?.get_ref().as_table()?, &setting[dot + 1..]))
}
