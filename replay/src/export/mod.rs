//! A history as tables for other programs: the events, a table for each kind with a column for each member, and the rows of views, all as of one
//! cut. Personal fields stay encrypted.
//!
//! An export that was ended goes on where it stopped: what is whole is named in its manifest, and everything else is written anew.

mod columns;
mod manifest;
mod parquet;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kippu_events::event::EventId;
use kippu_events::log::lock::{Lock, LockError};
use kippu_events::log::walk::Walk;
use kippu_events::log::{Cut, LogId, Position, ReadLog};
use kippu_events::{NotAnEvent, Recorded};
use kippu_projections::{Moment, View};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::columns::{Head, data_of};
pub use self::manifest::Manifest;
use self::table::Table;
use crate::history::{Ends, Folding, Happened, NotTold, Past, RowAt, Unreadable, ends, read, rows_as_of};
use crate::partitions;

/// The form of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Apache Parquet: columns with types.
    Parquet,
    /// A JSON object in each line.
    Ndjson,
}

impl Form {
    const fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Ndjson => "ndjson",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// What is exported, and to where.
pub struct Export<'a> {
    /// The history.
    pub log: Arc<dyn ReadLog>,
    /// Whether an entry's offset is its record's number.
    pub embedded: bool,
    /// To this folder: an empty one, or that of an export that was ended.
    pub to: &'a Path,
    /// In this form.
    pub form: Form,
    /// As of this moment; of the same one where the export goes on, and of now otherwise, where it is not given.
    pub at: Option<&'a Moment>,
    /// Whether events are.
    pub events: bool,
    /// Rows of these views.
    pub views: Vec<Arc<dyn View>>,
    /// Partitions that are read at once.
    pub threads: usize,
    /// An empty directory for rows that are folded.
    pub scratch: &'a Path,
    /// Told of entries that were read, from any thread.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum NotExported {
    /// The history is not told.
    #[error(transparent)]
    NotTold(#[from] NotTold),
    /// The file system said no.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is something else.
    #[error("{0} is not empty, and holds no export: name another folder")]
    NotEmpty(PathBuf),
    /// It does not say what is there.
    #[error("{0} is no manifest of an export: {1}")]
    Manifest(PathBuf, String),
    /// Another export is under way there, or the folder cannot be held.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Of another history.
    #[error("the export there is of the log {theirs}, not {ours}")]
    OtherLog {
        /// Of the export.
        theirs: LogId,
        /// At hand.
        ours: LogId,
    },
    /// As of another moment, or in another form.
    #[error("the export there is {0}, and goes on as it was begun: leave this out, or name another folder")]
    Begun(String),
}

impl Export<'_> {
    /// Writes what is not there yet.
    ///
    /// # Errors
    /// [`NotExported`]; what was whole by then stays.
    pub fn run(&self) -> Result<Manifest, NotExported> {
        let past = Past { log: &*self.log, embedded: self.embedded, views: None, secrets: None };
        // Looked at before anything is left there, and once more when nobody else writes there.
        Manifest::read(self.to)?;
        let lock = Lock::take(self.to)?;
        let (manifest, ends) = self.begin(&past)?;
        manifest.write(self.to)?;
        let manifest = Mutex::new(manifest);
        if self.events {
            let threads = partitions::threads(self.threads, self.log.partitions());
            let written = partitions::each(self.log.partitions(), threads, |partition| {
                self.partition(&past, partition, &ends, &manifest)
            });
            written.into_iter().collect::<Result<Vec<()>, _>>()?;
        }
        for view in &self.views {
            self.view(&past, view, &manifest)?;
        }
        drop(lock);
        Ok(manifest.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// The manifest of what is there, and where the history was at its cut.
    fn begin(&self, past: &Past<'_>) -> Result<(Manifest, Ends), NotExported> {
        let begun = Manifest::read(self.to)?;
        let Some(begun) = begun else {
            let ends = ends(past, self.at)?;
            return Ok((Manifest::new(self.log.id(), ends.cut.to_string(), self.form), ends));
        };
        let (theirs, ours) = (begun.log, self.log.id());
        if theirs != ours {
            return Err(NotExported::OtherLog { theirs, ours });
        }
        if begun.form != self.form {
            return Err(NotExported::Begun(format!("in the form {}", begun.form)));
        }
        let cut: Cut = begun
            .cut
            .parse()
            .map_err(|_| NotExported::Manifest(self.to.to_owned(), format!("{} is no cut", begun.cut)))?;
        let begun_at = ends(past, Some(&Moment::Cut(cut)))?;
        match self.at.map(|at| ends(past, Some(at))).transpose()? {
            Some(asked) if asked.cut != begun_at.cut => {
                Err(NotExported::Begun(format!("as of the cut {}", begun_at.cut)))
            }
            Some(_) | None => Ok((begun, begun_at)),
        }
    }

    /// Notes what is whole now.
    fn note(&self, manifest: &Mutex<Manifest>, whole: impl FnOnce(&mut Manifest)) -> Result<(), NotExported> {
        // What is noted is noted at once or not at all.
        let mut manifest = manifest.lock().unwrap_or_else(PoisonError::into_inner);
        whole(&mut manifest);
        manifest.write(self.to)
    }

    fn partition(
        &self,
        past: &Past<'_>,
        partition: u16,
        ends: &Ends,
        manifest: &Mutex<Manifest>,
    ) -> Result<(), NotExported> {
        let is_whole = |manifest: &Manifest| manifest.partitions.iter().any(|(whole, _)| *whole == partition);
        if is_whole(&manifest.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        let end = ends.offsets.get(usize::from(partition)).copied().unwrap_or_default();
        let (mut tables, mut failed) = (Tables { export: self, partition, of: BTreeMap::new() }, None);
        let mut walk = Walk::new(past.log, partition);
        read(past.log, partition, &mut walk, end, &mut |told| {
            (self.progress)(1);
            match told.events.iter().try_for_each(|event| tables.put(past, told.position, event)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })
        .map_err(NotTold::from)?;
        failed.map_or(Ok(()), Err)?;
        let count = tables.of.values().map(|table| table.rows).sum();
        for (kind, table) in tables.of {
            table.finish().map_err(|source| NotExported::Io { path: self.to.join("events").join(kind), source })?;
        }
        self.note(manifest, |manifest| {
            manifest.partitions.push((partition, count));
            manifest.partitions.sort_unstable();
        })
    }

    fn view(&self, past: &Past<'_>, view: &Arc<dyn View>, manifest: &Mutex<Manifest>) -> Result<(), NotExported> {
        let name = view.name();
        let Some(shown) = view.table() else { return Err(NotTold::NoTable(name).into()) };
        let (is_whole, cut) = {
            let manifest = manifest.lock().unwrap_or_else(PoisonError::into_inner);
            (manifest.views.iter().any(|(whole, _)| whole == name), manifest.cut.clone())
        };
        if is_whole {
            return Ok(());
        }
        let path = self.to.join("views").join(name);
        let io = |source| NotExported::Io { path: path.clone(), source };
        let dir = self.scratch.join(name);
        std::fs::create_dir_all(&dir).map_err(io)?;
        let folding = Folding { log: Arc::clone(&self.log), dir: &dir, progress: self.progress };
        let cut = cut.parse().map_err(|_| NotExported::Manifest(self.to.to_owned(), format!("{cut} is no cut")))?;
        let rows = rows_as_of(past, &folding, Arc::clone(view), Some(&Moment::Cut(cut)))?;
        let schema = shown.schema().to_value();
        let mut table = Table::create(&path, self.form, Head::Row, Head::Row.table(&schema, &schema)).map_err(io)?;
        let mut failed = None;
        let told = rows.each(past, &mut |RowAt { key, row }| {
            let head = Map::from_iter([("key".to_owned(), Value::String(key))]);
            if let (None, Err(error)) = (&failed, table.put(head, row)) {
                failed = Some(error);
            }
            Ok(())
        });
        told?;
        failed.map_or(Ok(()), Err).map_err(io)?;
        let count = table.rows;
        table.finish().map_err(io)?;
        self.note(manifest, |manifest| manifest.views.push((name.to_owned(), count)))
    }
}

/// The tables of one partition, by kind of event.
struct Tables<'a> {
    export: &'a Export<'a>,
    partition: u16,
    of: BTreeMap<String, Table>,
}

impl Tables<'_> {
    fn put(&mut self, past: &Past<'_>, position: Position, event: &Recorded<'_>) -> Result<(), NotExported> {
        let Happened { kind, data, .. } = &Happened::of(past, position, event)?;
        let root = event.entity.family.event_schema().to_value();
        // A table has the name of its kind: of a kind that nobody knows, that may lead anywhere.
        let Some(schema) = data_of(&root, kind) else {
            let EventId { partition, number, .. } = event.id;
            let error = NotAnEvent::Kind(kind.clone());
            return Err(NotTold::from(Unreadable::Event { partition, number, error }).into());
        };
        let path = self.export.to.join("events").join(kind);
        let io = |source| NotExported::Io { path: path.clone(), source };
        if !self.of.contains_key(kind) {
            let columns = Head::Event.table(&root, schema);
            let file = path.join(format!("{:05}", self.partition));
            self.of.insert(kind.clone(), Table::create(&file, self.export.form, Head::Event, columns).map_err(io)?);
        }
        let Some(table) = self.of.get_mut(kind) else { return Ok(()) };
        table.put(head(position, event), data.clone()).map_err(io)
    }
}

/// What every event has.
fn head(position: Position, event: &Recorded<'_>) -> Map<String, Value> {
    let cause = &event.cause;
    let texts = [
        ("event", Some(event.id.to_string())),
        ("position", Some(position.to_string())),
        ("time", Some(event.time.to_string())),
        ("entity", Some(event.entity.to_string())),
        ("principal", Some(cause.principal.to_string())),
        ("command", Some(cause.command.to_string())),
        ("causation", cause.causation.map(|event| event.to_string())),
        ("correlation", cause.correlation.map(|command| command.to_string())),
    ];
    let numbers = [
        ("partition", u64::from(event.id.partition)),
        ("record", event.id.number),
        ("index", event.id.index.into()),
        ("version", event.version),
        ("schema", event.schema.into()),
    ];
    let texts = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
    let numbers = numbers.into_iter().map(|(name, number)| (name.to_owned(), number.into()));
    texts.chain(numbers).collect()
}
