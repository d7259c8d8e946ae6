//! A table as an Apache Parquet file: rows are gathered by column, and written as a row group once they are many.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use kippu_events::Time;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Map, Value};

use super::columns::{Column, Kind, MORE};

/// Rows are written once they are so many bytes in memory.
const MOST_HELD: usize = 4 << 20;

/// See the module.
pub(super) struct Table {
    columns: Vec<Column>,
    gathered: Vec<Gathered>,
    held: usize,
    writer: SerializedFileWriter<File>,
}

/// What a row group will have in one column: which rows have a value, and the values.
struct Gathered {
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Whole(Vec<i64>),
    Truth(Vec<bool>),
    Bytes(Vec<ByteArray>),
}

impl Table {
    /// A new file at `path`.
    pub(super) fn create(path: &Path, columns: Vec<Column>) -> io::Result<Self> {
        let schema = parse_message_type(&message(&columns)).map_err(failed)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let file = File::create(path)?;
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        let gathered = columns.iter().map(|column| Gathered::of(column.kind)).collect();
        Ok(Self { columns, gathered, held: 0, writer })
    }

    /// Adds a row. What fits no column goes into the last one, so nothing is lost.
    pub(super) fn put(&mut self, mut row: Map<String, Value>) -> io::Result<()> {
        let mut more = Map::new();
        for (Column { name, kind }, gathered) in self.columns.iter().zip(&mut self.gathered) {
            if name == MORE {
                if let Some(rest) = row.remove(MORE) {
                    more.insert(MORE.to_owned(), rest);
                }
                more.append(&mut row);
                let rest = if more.is_empty() { None } else { Some(Value::Object(std::mem::take(&mut more))) };
                self.held += gathered.put(rest.as_ref(), Kind::Json).unwrap_or_default();
                continue;
            }
            let value = row.remove(name).filter(|value| !value.is_null());
            match gathered.put(value.as_ref(), *kind) {
                Some(bytes) => self.held += bytes,
                None => more.extend(value.map(|value| (name.clone(), value))),
            }
        }
        if self.held >= MOST_HELD { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.first().is_none_or(|column| column.levels.is_empty()) {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for gathered in &mut self.gathered {
            let Some(mut column) = group.next_column().map_err(failed)? else { break };
            gathered.write(column.untyped()).map_err(failed)?;
            column.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.held = 0;
        Ok(())
    }

    /// The whole file, durable.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.writer.finish().map_err(failed)?;
        self.writer.inner().sync_all()
    }
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

/// The schema in Parquet's own language.
fn message(columns: &[Column]) -> String {
    let mut message = "message kippu {\n".to_owned();
    for Column { name, kind } in columns {
        let (physical, logical) = match kind {
            Kind::Whole => ("INT64", ""),
            Kind::Truth => ("BOOLEAN", ""),
            Kind::Text => ("BYTE_ARRAY", " (STRING)"),
            Kind::Time => ("INT64", " (TIMESTAMP(MICROS,true))"),
            // Not marked as JSON: readers differ in what they make of that, and all of them read text.
            Kind::Json => ("BYTE_ARRAY", " (STRING)"),
        };
        message += &format!("  OPTIONAL {physical} {name}{logical};\n");
    }
    message + "}"
}

impl Gathered {
    const fn of(kind: Kind) -> Self {
        let values = match kind {
            Kind::Whole | Kind::Time => Values::Whole(Vec::new()),
            Kind::Truth => Values::Truth(Vec::new()),
            Kind::Text | Kind::Json => Values::Bytes(Vec::new()),
        };
        Self { levels: Vec::new(), values }
    }

    /// Takes what the next row has here; how many bytes that is, and nothing where it does not fit.
    fn put(&mut self, value: Option<&Value>, kind: Kind) -> Option<usize> {
        let taken = value.map(|value| self.take(value, kind));
        self.levels.push(i16::from(matches!(taken, Some(Some(_)))));
        taken.unwrap_or(Some(0)).map(|bytes| bytes + size_of::<i16>())
    }

    fn take(&mut self, value: &Value, kind: Kind) -> Option<usize> {
        match (&mut self.values, kind) {
            (Values::Whole(values), Kind::Time) => {
                values.push(value.as_str()?.parse::<Time>().ok()?.micros());
                Some(size_of::<i64>())
            }
            (Values::Whole(values), _) => {
                values.push(value.as_i64()?);
                Some(size_of::<i64>())
            }
            (Values::Truth(values), _) => {
                values.push(value.as_bool()?);
                Some(1)
            }
            (Values::Bytes(values), kind) => {
                let text = if kind == Kind::Text { value.as_str()?.to_owned() } else { value.to_string() };
                let bytes = text.len() + size_of::<ByteArray>();
                values.push(text.into_bytes().into());
                Some(bytes)
            }
        }
    }

    fn write(&mut self, column: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = Some(&*self.levels);
        match (&mut self.values, column) {
            (Values::Whole(values), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(values, levels, None)?;
                values.clear();
            }
            (Values::Truth(values), ColumnWriter::BoolColumnWriter(writer)) => {
                writer.write_batch(values, levels, None)?;
                values.clear();
            }
            (Values::Bytes(values), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(values, levels, None)?;
                values.clear();
            }
            _ => return Err(ParquetError::General("a column has another type than its schema".to_owned())),
        }
        self.levels.clear();
        Ok(())
    }
}
