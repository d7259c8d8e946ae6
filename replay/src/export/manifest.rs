//! What an export holds so far: the history and the cut that it is of, and which parts of it are whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kippu_events::log::{LogId, lock};
use kippu_events::text_file;
use kippu_events::whole::{PLAIN, write_whole};
use serde::{Deserialize, Serialize};

use super::{Form, NotExported};

/// The only format that this code writes.
const FORMAT: u32 = 1;
const NAME: &str = "export.json";

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u32,
    /// The history.
    pub log: LogId,
    /// The number of the last record of each partition that is in it.
    pub cut: String,
    /// The form of its tables.
    pub form: Form,
    /// Partitions whose events are there, and how many these are.
    pub partitions: Vec<(u16, u64)>,
    /// Views whose rows are there, and how many these are.
    pub views: Vec<(String, u64)>,
}

impl Manifest {
    pub(super) const fn new(log: LogId, cut: String, form: Form) -> Self {
        Self { format: FORMAT, log, cut, form, partitions: Vec::new(), views: Vec::new() }
    }

    /// That of an earlier export to `dir`; nothing where there is none.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, NotExported> {
        let path = dir.join(NAME);
        let text = match text_file::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return empty(dir),
            Err(source) => return Err(NotExported::Io { path, source }),
        };
        let read: Self = text_file::json(&text).map_err(|reason| NotExported::Manifest(path.clone(), reason))?;
        if read.format == FORMAT {
            return Ok(Some(read));
        }
        Err(NotExported::Manifest(path, format!("format {} is not {FORMAT}", read.format)))
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), NotExported> {
        let path = dir.join(NAME);
        let io = |source| NotExported::Io { path: path.clone(), source };
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| io(error.into()))?;
        text.push(b'\n');
        write_whole(&path, &text, PLAIN).map_err(io)
    }
}

/// Refuses a folder with anything in it but a lock.
fn empty(dir: &Path) -> Result<Option<Manifest>, NotExported> {
    let io = |source| NotExported::Io { path: PathBuf::from(dir), source };
    fs::create_dir_all(dir).map_err(io)?;
    for entry in fs::read_dir(dir).map_err(io)? {
        if entry.map_err(io)?.file_name() != lock::NAME {
            return Err(NotExported::NotEmpty(dir.to_owned()));
        }
    }
    Ok(None)
}
