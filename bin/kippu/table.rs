//! A table as it lies in a file, CSV or JSON: rows of cells, each of which knows its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;

use kippu_events::text_file;
use serde::Serialize;
use serde_json::value::RawValue;

/// A line and a column, both from 1: of a CSV file the number of the field, of JSON that of the character.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// What is wrong with a row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Wrong {
    #[serde(flatten)]
    pub(crate) place: Place,
    /// The name of the column, where one is to blame.
    pub(crate) name: Option<String>,
    pub(crate) reason: String,
}

impl Wrong {
    /// The whole row at this line.
    pub(crate) fn row(line: u64, reason: impl Into<String>) -> Self {
        Self { place: Place { line, column: 1 }, name: None, reason: reason.into() }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place: Place { line, column }, name, reason } = self;
        match name {
            Some(name) => write!(f, "line {line}, column {column} ({name}): {reason}"),
            None => write!(f, "line {line}, column {column}: {reason}"),
        }
    }
}

/// One value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cell {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What a cell holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    /// Nothing.
    Missing,
    /// Text, or the digits of a number as they are written.
    Text(String),
    /// A list or an object, as it is written in JSON.
    Json(String),
}

/// A row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) line: u64,
    /// One for each column of the table.
    pub(crate) cells: Vec<Cell>,
}

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

impl Table {
    /// The table in `path`: JSON where it begins with a bracket, and CSV otherwise.
    ///
    /// # Errors
    /// The file system's; then, what is wrong with rows.
    pub(crate) fn read(path: &Path) -> io::Result<Result<Self, Vec<Wrong>>> {
        Ok(Self::parse(&text_file::read(path)?))
    }

    /// The table that `text` is.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Wrong>> {
        if text.trim_start().starts_with('[') { json(text) } else { csv(text) }
    }

    /// The place of the column `name`.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

fn csv(text: &str) -> Result<Table, Vec<Wrong>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let lines = Lines::of(text);
    // The position of a record is before the end of the line before it, where that is CR LF, and before lines that are empty.
    let line_of = |position: Option<&csv::Position>| {
        let at = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or_default();
        lines.place(text, text.get(at..).unwrap_or_default().trim_start_matches(['\r', '\n'])).line
    };
    let told = |error: &csv::Error| Wrong::row(line_of(error.position()), format!("no CSV: {error}"));
    let head = reader.headers().map_err(|error| vec![told(&error)])?;
    let columns: Vec<String> = head.iter().map(|name| name.trim().to_owned()).collect();
    if columns.iter().collect::<BTreeSet<_>>().len() != columns.len() {
        return Err(vec![Wrong::row(1, "two columns have one name")]);
    }
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                wrong.push(told(&error));
                continue;
            }
        };
        let line = line_of(record.position());
        if record.len() != columns.len() {
            let reason = format!("it has {} fields, and the head has {}", record.len(), columns.len());
            wrong.push(Wrong::row(line, reason));
            continue;
        }
        let cell = |(column, text): (u64, &str)| {
            let value = if text.trim().is_empty() { Value::Missing } else { Value::Text(text.to_owned()) };
            Cell { place: Place { line, column }, value }
        };
        rows.push(Row { line, cells: (1..).zip(record.iter()).map(cell).collect() });
    }
    if wrong.is_empty() { Ok(Table { columns, rows }) } else { Err(wrong) }
}

fn json(text: &str) -> Result<Table, Vec<Wrong>> {
    let told = |error: &serde_json::Error| {
        let place = Place { line: error.line() as u64, column: error.column() as u64 };
        vec![Wrong { place, name: None, reason: format!("no JSON array of objects: {error}") }]
    };
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| told(&error))?;
    let lines = Lines::of(text);
    let (mut objects, mut wrong) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        let place = lines.place(text, item.get());
        match serde_json::from_str::<BTreeMap<String, &RawValue>>(item.get()) {
            Ok(members) => objects.push((place, members)),
            Err(error) => wrong.push(Wrong { place, name: None, reason: format!("no object: {error}") }),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let names: BTreeSet<&String> = objects.iter().flat_map(|(_, members)| members.keys()).collect();
    let columns: Vec<String> = names.into_iter().cloned().collect();
    let row = |(place, members): &(Place, BTreeMap<String, &RawValue>)| {
        let cell = |name: &String| match members.get(name) {
            None => Cell { place: *place, value: Value::Missing },
            Some(raw) => Cell { place: lines.place(text, raw.get()), value: value(raw.get()) },
        };
        Row { line: place.line, cells: columns.iter().map(cell).collect() }
    };
    let rows = objects.iter().map(row).collect();
    Ok(Table { columns, rows })
}

/// What a value is, by how it is written: numbers keep their digits.
fn value(raw: &str) -> Value {
    match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).map_or(Value::Missing, Value::Text),
        Some(b'[' | b'{') => Value::Json(raw.to_owned()),
        _ if raw == "null" => Value::Missing,
        _ => Value::Text(raw.to_owned()),
    }
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|end| end + 1)).collect())
    }

    /// Where `part`, which lies in `text`, begins.
    fn place(&self, text: &str, part: &str) -> Place {
        let at = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let line = self.0.partition_point(|begin| *begin <= at);
        let begin = self.0.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let column = text.get(begin..at).map_or(0, |before| before.chars().count()) + 1;
        Place { line: line as u64, column: column as u64 }
    }
}
