//! Rows of views as they were, what changed in them, and whether those that a node keeps are what the log makes of them. All of
//! it is folded by the engine that keeps views up to date.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use kippu_events::EntityKey;
use kippu_events::log::{Cut, ReadLog};
use kippu_projections::fold::Fold;
use kippu_projections::past::{Difference, PastStore, PastView, RowsAt, row_of};
use kippu_projections::stored::StoredViews;
use kippu_projections::view::{MAIN, Table, entity_of, main_key, row_key};
use kippu_projections::{Ask, Decrypt, Filters, Moment, View};
use serde::Serialize;
use serde_json::Value;

use super::diff::Between;
use super::fields::{Change, changes};
use super::moment::{Ends, Until, ends};
use super::{NotTold, Past, Sides, UpTo};

/// What folding needs.
pub struct Folding<'a> {
    /// The history.
    pub log: Arc<dyn ReadLog>,
    /// An empty directory for the rows.
    pub dir: &'a Path,
    /// Told of entries that were folded.
    pub progress: &'a dyn Fn(u64),
}

/// A row.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RowAt {
    /// Its key, as paths have it.
    pub key: String,
    /// As an operator sees it.
    pub row: Value,
}

/// A row that is not as it was.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ChangedRow {
    /// Its key.
    pub key: String,
    /// Its members.
    pub changes: Vec<Change>,
}

/// The rows of a view as they were.
pub struct PastRows {
    /// What they reflect.
    pub cut: Cut,
    view: Arc<dyn View>,
    store: PastStore,
}

/// A row, or an entry of an index, that a node does not keep as the log has it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RowDifference {
    /// Its key; of an index in hexadecimal.
    pub key: String,
    /// As the node keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<Value>,
    /// As the log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<Value>,
}

/// What came of a comparison.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Rebuilt {
    /// The view.
    pub view: String,
    /// Where both were compared.
    pub cut: String,
    /// How many rows the log makes, indexes included.
    pub rows: u64,
    /// The digest of the rows that the node keeps.
    pub stored: String,
    /// The digest of the rows that the log makes.
    pub rebuilt: String,
    /// How many are not the same.
    pub differences: u64,
}

fn table_of(view: &dyn View) -> Result<&dyn Table, NotTold> {
    view.table().ok_or(NotTold::NoTable(view.name()))
}

/// How the row under `key` is shown to an operator; nothing where there is none to show.
fn shown(table: &dyn Table, key: &[u8], row: &[u8], decrypt: Option<&dyn Decrypt>) -> Result<Option<Value>, NotTold> {
    let filters = Filters::default();
    let ask = Ask { own: None, hidden: &[], filters: &filters, decrypt };
    let Some(presented) = table.present(key, row, &ask)? else { return Ok(None) };
    Ok(serde_json::from_slice(presented.row.as_bytes()).ok())
}

/// The row of `view` under `key` as it was at `moment`: of a view of entities folded from the events of that entity alone.
///
/// # Errors
/// [`NotTold`]; `NoRow` where there was none.
pub fn row_as_of(
    past: &Past<'_>,
    folding: &Folding<'_>,
    view: Arc<dyn View>,
    key: &str,
    moment: Option<&Moment>,
) -> Result<RowAt, NotTold> {
    let table = table_of(&*view)?;
    let none = || NotTold::NoRow { view: view.name().to_owned(), key: key.to_owned() };
    let bytes = table.key(key).ok_or_else(none)?;
    let row = match table.subject() {
        Some(family) => {
            let id = entity_of(&bytes)?;
            let entity = EntityKey { family, id };
            let until = Until::of(moment, past.partition_of(entity), past.log.partitions())?;
            let mut fold = Fold::new(&*view);
            past.events(entity, &until, &mut |told, its| {
                for event in its.iter().filter_map(|index| told.events.get(*index)) {
                    fold.apply(event, told.offset).map_err(|error| NotTold::Event {
                        event: event.id,
                        reason: error.to_string(),
                        newer: error.is_newer(),
                    })?;
                }
                Ok(ControlFlow::Continue(()))
            })?;
            fold.get(&row_key(&id)).map(<[u8]>::to_vec)
        }
        None => rows_as_of(past, folding, view.clone(), moment)?.store.rows().get(&main_key(&bytes))?,
    };
    let row = row.map(|row| shown(table, &bytes, &row, past.decrypt())).transpose()?.flatten();
    Ok(RowAt { key: key.to_owned(), row: row.ok_or_else(none)? })
}

/// All rows of `view` as they were at `moment`.
///
/// # Errors
/// [`NotTold`].
pub fn rows_as_of(
    past: &Past<'_>,
    folding: &Folding<'_>,
    view: Arc<dyn View>,
    moment: Option<&Moment>,
) -> Result<PastRows, NotTold> {
    table_of(&*view)?;
    let Ends { offsets, .. } = ends(past, moment)?;
    let log = Arc::new(UpTo::new(folding.log.clone(), &offsets));
    let folded = PastView::fold(log, folding.dir, view.clone(), folding.progress)?;
    Ok(PastRows { cut: folded.cut(), view, store: folded.store() })
}

impl<'a> Past<'a> {
    fn decrypt(&self) -> Option<&'a dyn Decrypt> {
        self.secrets.map(|secrets| secrets as &dyn Decrypt)
    }
}

impl PastRows {
    /// Hands each row to `each`, in the order of their keys.
    ///
    /// # Errors
    /// Where one cannot be shown, and the first of `each`.
    pub fn each(&self, past: &Past<'_>, each: &mut dyn FnMut(RowAt) -> Result<(), NotTold>) -> Result<(), NotTold> {
        let table = table_of(&*self.view)?;
        self.store.rows().each(&[MAIN], &[MAIN + 1], |key, row| {
            let Some(key) = row_of(key)? else { return Ok(()) };
            match shown(table, key, row, past.decrypt())? {
                Some(row) => each(RowAt { key: table.text(key)?, row }),
                None => Ok(()),
            }
        })
    }
}

/// Tells `each` of every row of `view` that was added, changed or removed between two moments.
///
/// # Errors
/// [`NotTold`].
pub fn diff_rows(
    past: &Past<'_>,
    folding: &Folding<'_>,
    view: Arc<dyn View>,
    sides: Sides<'_>,
    each: &mut dyn FnMut(ChangedRow) -> Result<(), NotTold>,
) -> Result<Between, NotTold> {
    let table = table_of(&*view)?;
    let (before, after) = (ends(past, Some(sides.before))?, ends(past, Some(sides.after))?);
    if before.offsets.iter().zip(&after.offsets).any(|(before, after)| before > after) {
        return Err(sides.backwards());
    }
    let log = Arc::new(UpTo::new(folding.log.clone(), &before.offsets));
    let mut folded = PastView::fold(log.clone(), folding.dir, view.clone(), folding.progress)?;
    let store = folded.store();
    let rows = store.rows();
    log.go_on(&after.offsets);
    folded.go_on(folding.progress)?;
    rows.compare(&store.rows(), |Difference { key, before, after }| {
        let Some(key) = row_of(&key)? else { return Ok(()) };
        let show = |row: Option<Box<[u8]>>| match row {
            Some(row) => shown(table, key, &row, past.decrypt()),
            None => Ok(None),
        };
        let changes = changes(show(before)?.as_ref(), show(after)?.as_ref());
        // What only the row itself remembers is no change that anybody sees.
        if changes.is_empty() { Ok(()) } else { each(ChangedRow { key: table.text(key)?, changes }) }
    })?;
    Ok(Between { partition: None, from: before.cut, to: after.cut })
}

/// Folds `view` anew beside the rows that a node keeps in `stored`, up to where these are, and tells `each` of every row that
/// is not the same.
///
/// # Errors
/// [`NotTold`]; `NotKept` where there is nothing to compare with.
pub fn rebuild(
    folding: &Folding<'_>,
    stored: &StoredViews,
    view: Arc<dyn View>,
    each: &mut dyn FnMut(RowDifference) -> Result<(), NotTold>,
) -> Result<Rebuilt, NotTold> {
    let name = view.name();
    if stored.log() != folding.log.id() {
        return Err(NotTold::NotKept(format!("the rows that are kept are of the log {}", stored.log())));
    }
    let kept = stored.rows(&*view)?;
    let kept = kept.ok_or_else(|| NotTold::NotKept(format!("no rows of the view {name} are kept yet")))?;
    if kept.revision != view.revision() {
        let (theirs, ours) = (kept.revision, view.revision());
        let reason = format!("rows of revision {theirs} of the view {name} are kept, and this version writes {ours}");
        return Err(NotTold::NotKept(reason));
    }
    for (partition, end) in (0..).zip(&kept.ends) {
        let there = folding.log.end(partition).map_err(super::Unreadable::Log)?;
        if there < *end {
            let reason = format!("the rows reflect partition {partition} up to offset {end}, but it ends at {there}");
            return Err(NotTold::NotKept(reason));
        }
    }
    let log = Arc::new(UpTo::new(folding.log.clone(), &kept.ends));
    let folded = PastView::fold(log, folding.dir, view.clone(), folding.progress)?;
    let store = folded.store();
    let rebuilt = store.rows();
    let (rows, digest) = rebuilt.digest()?;
    let mut differences = 0;
    kept.rows.compare(&rebuilt, |Difference { key, before, after }| {
        differences += 1;
        each(difference(&*view, &key, before.as_deref(), after.as_deref()))
    })?;
    let stored = digest_of(&kept.rows)?;
    let (view, cut, rebuilt) = (name.to_owned(), kept.cut.to_string(), digest.to_string());
    Ok(Rebuilt { view, cut, rows, stored, rebuilt, differences })
}

fn digest_of(rows: &RowsAt<'_>) -> Result<String, NotTold> {
    Ok(rows.digest()?.1.to_string())
}

/// How people see it: as a row where it is one, and as bytes where it is not.
fn difference(view: &dyn View, key: &[u8], stored: Option<&[u8]>, rebuilt: Option<&[u8]>) -> RowDifference {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let row = row_of(key).ok().flatten().zip(view.table());
    let show = |bytes: &[u8]| {
        let row = row.and_then(|(key, table)| shown(table, key, bytes, None).ok()?);
        row.unwrap_or_else(|| Value::String(hex(bytes)))
    };
    let text = row.and_then(|(key, table)| table.text(key).ok());
    RowDifference { key: text.unwrap_or_else(|| hex(key)), stored: stored.map(show), rebuilt: rebuilt.map(show) }
}
