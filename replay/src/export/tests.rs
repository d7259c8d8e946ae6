//! Exports of random histories, read back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use ::parquet::file::reader::SerializedFileReader;
use ::parquet::record::Field;
use kippu_events::log::ReadLog as _;
use kippu_events::log::lock::Lock;
use kippu_projections::{Moment, catalogue};
use serde_json::Value;

use super::{Export, Form, Manifest, NotExported};
use crate::verify::tests::sample::{Tape, honest};

fn export(tape: &Tape, to: &Path, form: Form, at: Option<&Moment>) -> Result<Manifest, NotExported> {
    let scratch = tempfile::tempdir().unwrap();
    let views = catalogue::views().into_iter().filter(|view| view.name() == "spending").collect();
    let (log, scratch, progress) = (Arc::new(tape.clone()), scratch.path(), &|_| {});
    Export { log, embedded: true, to, form, at, events: true, views, threads: 2, scratch, progress }.run()
}

/// Every row of every table below `dir`, by its event or key, as JSON.
fn rows(dir: &Path, form: Form) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut rows(&path, form));
            continue;
        }
        let rows: Vec<Value> = match form {
            Form::Ndjson => {
                fs::read_to_string(&path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
            }
            Form::Parquet => {
                let file = SerializedFileReader::try_from(&*path).unwrap();
                file.into_iter().map(|row| row.unwrap()).map(|row| row.into_columns()).map(object).collect()
            }
        };
        for row in rows {
            let name = row.get("event").or_else(|| row.get("key")).and_then(Value::as_str).unwrap().to_owned();
            assert!(found.insert(name, row).is_none(), "twice in {}", path.display());
        }
    }
    found
}

/// A row of Parquet without what it lacks; nested values are JSON text.
fn object(columns: Vec<(String, Field)>) -> Value {
    let value = |field| -> Option<Value> {
        match field {
            Field::Null => None,
            Field::Bool(truth) => Some(truth.into()),
            Field::Long(number) | Field::TimestampMicros(number) => Some(number.into()),
            Field::Str(text) => Some(text.into()),
            other => panic!("{other} is of a type that no column has"),
        }
    };
    columns.into_iter().filter_map(|(name, field)| Some((name, value(field)?))).collect()
}

/// The same row as Parquet has it.
fn flat(row: &Value) -> Value {
    let members = row.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    let plain = |value: &Value| match value {
        Value::Object(_) | Value::Array(_) => value.to_string().into(),
        Value::String(text) => text.parse::<kippu_events::Time>().map_or(value.clone(), |time| time.micros().into()),
        other => other.clone(),
    };
    members.map(|(name, value)| (name.clone(), plain(value))).collect()
}

#[test]
fn every_event_and_row_is_in_both_forms_the_same_once() {
    let (tape, dir) = (honest(7, 200), tempfile::tempdir().unwrap());
    let [lines, tables] = [Form::Ndjson, Form::Parquet].map(|form| {
        let to = dir.path().join(form.to_string());
        let manifest = export(&tape, &to, form, None).unwrap();
        let events: u64 = manifest.partitions.iter().map(|(_, events)| events).sum();
        let found = rows(&to.join("events"), form);
        assert_eq!((found.len() as u64, manifest.partitions.len()), (events, usize::from(tape.partitions())));
        (found, rows(&to.join("views"), form))
    });
    assert!(lines.0.len() > 100 && !lines.1.is_empty());
    for (lines, tables) in [(lines.0, tables.0), (lines.1, tables.1)] {
        assert_eq!(lines.len(), tables.len());
        for (name, row) in &tables {
            assert_eq!(*row, flat(&lines[name]), "{name}");
        }
    }
}

#[test]
fn an_export_that_was_ended_goes_on_as_of_its_own_cut() {
    let (tape, dir) = (honest(8, 60), tempfile::tempdir().unwrap());
    let (whole, to) = (dir.path().join("whole"), dir.path().join("again"));
    let manifest = export(&tape, &whole, Form::Ndjson, None).unwrap();
    export(&tape, &to, Form::Ndjson, None).unwrap();
    let mut ended = manifest.clone();
    ended.partitions.truncate(1);
    ended.views.clear();
    ended.write(&to).unwrap();
    fs::remove_dir_all(to.join("views")).unwrap();
    let of_first = to.join("events").join("user.registered");
    fs::write(of_first.join("00001.ndjson.part"), "half a li").unwrap();
    assert_eq!(export(&tape, &to, Form::Ndjson, None).unwrap(), manifest);
    for part in ["events", "views"] {
        assert_eq!(rows(&to.join(part), Form::Ndjson), rows(&whole.join(part), Form::Ndjson));
    }
    let refused = export(&tape, &to, Form::Parquet, None).unwrap_err();
    assert!(matches!(refused, NotExported::Begun(_)), "{refused}");
    let earlier = Moment::Cut(kippu_events::log::Cut(vec![1; usize::from(tape.partitions())]));
    let refused = export(&tape, &to, Form::Ndjson, Some(&earlier)).unwrap_err();
    assert!(matches!(refused, NotExported::Begun(_)), "{refused}");
    fs::remove_file(to.join("export.json")).unwrap();
    let refused = export(&tape, &to, Form::Ndjson, None).unwrap_err();
    assert!(matches!(refused, NotExported::NotEmpty(_)), "{refused}");
}

/// A history may name anything a kind.
#[test]
fn a_kind_that_is_none_names_no_file_and_two_exports_write_not_to_one_folder() {
    let (mut tape, dir) = (honest(9, 60), tempfile::tempdir().unwrap());
    let (to, sound) = (dir.path().join("inner/to"), tape.clone());
    let (partition, number) = tape.find("user.registered");
    tape.edit(partition, number, |body| body.replacen("user.registered", "../../../out", 1));
    tape.rechain(partition, number);
    let refused = export(&tape, &to, Form::Ndjson, None).unwrap_err();
    assert!(refused.to_string().contains("../../../out"), "{refused}");
    let found: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(found, ["inner"]);
    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    let lock = Lock::take(&other).unwrap();
    assert!(matches!(export(&sound, &other, Form::Ndjson, None), Err(NotExported::Lock(_))));
    drop(lock);
    export(&sound, &other, Form::Ndjson, None).unwrap();
}
