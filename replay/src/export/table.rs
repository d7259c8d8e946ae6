//! A table in one file: written under another name next to its place, and named once it is whole and durable.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Form;
use super::columns::{Column, Head};
use super::parquet;

/// See the module.
pub(super) struct Table {
    path: PathBuf,
    head: Head,
    to: To,
    pub(super) rows: u64,
}

enum To {
    Parquet(Box<parquet::Table>),
    Lines(BufWriter<File>),
}

fn unfinished(path: &Path) -> PathBuf {
    path.with_added_extension("part")
}

impl Table {
    /// A new table at `path`, without the extension of its form.
    pub(super) fn create(path: &Path, form: Form, head: Head, columns: Vec<Column>) -> io::Result<Self> {
        let path = path.with_added_extension(form.extension());
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        let to = match form {
            Form::Parquet => To::Parquet(Box::new(parquet::Table::create(&unfinished(&path), columns)?)),
            Form::Ndjson => To::Lines(BufWriter::new(File::create(unfinished(&path))?)),
        };
        Ok(Self { path, head, to, rows: 0 })
    }

    /// Adds a row: what every row has, and the members of its own.
    pub(super) fn put(&mut self, head: Map<String, Value>, own: Value) -> io::Result<()> {
        self.rows += 1;
        let row = self.head.row(head, own);
        match &mut self.to {
            To::Parquet(table) => table.put(row),
            To::Lines(file) => {
                serde_json::to_writer(&mut *file, &row)?;
                file.write_all(b"\n")
            }
        }
    }

    /// Names the file, which is whole and durable then.
    pub(super) fn finish(self) -> io::Result<()> {
        match self.to {
            To::Parquet(table) => table.finish()?,
            To::Lines(file) => file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?,
        }
        fs::rename(unfinished(&self.path), &self.path)?;
        // Its folder, and those that were made for it.
        self.path.ancestors().skip(1).take(3).try_for_each(|dir| File::open(dir)?.sync_all())
    }
}
