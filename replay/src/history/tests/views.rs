//! Rows as they were, and whether those that are kept are right.

use std::collections::BTreeMap;
use std::sync::Arc;

use kippu_events::log::{Cut, ReadLog as _};
use kippu_projections::past::PastView;
use kippu_projections::stored::StoredViews;
use kippu_projections::{Moment, View, catalogue};
use rand::Rng as _;
use serde_json::Value;
use tempfile::TempDir;

use super::{cut, ends, past};
use crate::history::{Folding, NotTold, Rebuilt, Sides, UpTo, diff_rows, rebuild, row_as_of, rows_as_of};
use crate::verify::tests::sample::{PARTITIONS, SampleLog, Tape, honest, seed};

fn view(name: &str) -> Arc<dyn View> {
    catalogue::views().into_iter().find(|view| view.name() == name).unwrap()
}

fn folding<'a>(tape: &Tape, dir: &'a TempDir) -> Folding<'a> {
    Folding { log: Arc::new(tape.clone()), dir: dir.path(), progress: &|_| {} }
}

fn rows_at(tape: &Tape, name: &str, moment: &Moment) -> BTreeMap<String, Value> {
    let dir = tempfile::tempdir().unwrap();
    let past = past(tape);
    let rows = rows_as_of(&past, &folding(tape, &dir), view(name), Some(moment)).unwrap();
    let mut found = BTreeMap::new();
    rows.each(&past, &mut |row| {
        found.insert(row.key, row.row);
        Ok(())
    })
    .unwrap();
    found
}

/// A row alone, a view as a whole, and what changed in between agree.
#[test]
fn rows_as_they_were_and_what_changed_in_them_agree() {
    let seed = seed();
    let tape = honest(seed, 120);
    let mut rng = SampleLog::new(seed).rng;
    for name in ["users", "approvals", "spending", "trial-balances"] {
        let numbers = |from: &[u64], rng: &mut rand::rngs::StdRng| -> Vec<u64> {
            (0..).zip(from).map(|(partition, from)| rng.random_range(*from..tape.end(partition).unwrap())).collect()
        };
        let before = numbers(&vec![0; usize::from(PARTITIONS)], &mut rng);
        let after = numbers(&before, &mut rng);
        let (before, after) = (Moment::Cut(Cut(before)), Moment::Cut(Cut(after)));
        let (mut rows, then) = (rows_at(&tape, name, &before), rows_at(&tape, name, &after));
        let dir = tempfile::tempdir().unwrap();
        let past = past(&tape);
        let sides = Sides { before: &before, after: &after };
        diff_rows(&past, &folding(&tape, &dir), view(name), sides, &mut |changed| {
            let row = rows.remove(&changed.key);
            for change in &changed.changes {
                let was = row.as_ref().and_then(|row| row.pointer(&change.field));
                assert_eq!(was, change.before.as_ref(), "{} {}", changed.key, change.field);
                let is = then.get(&changed.key).and_then(|row| row.pointer(&change.field));
                assert_eq!(is, change.after.as_ref(), "{} {}", changed.key, change.field);
            }
            if let Some(row) = then.get(&changed.key) {
                rows.insert(changed.key, row.clone());
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(rows, then, "{name}");
        for (key, row) in &then {
            let dir = tempfile::tempdir().unwrap();
            let found = row_as_of(&past, &folding(&tape, &dir), view(name), key, Some(&after)).unwrap();
            assert_eq!(&found.row, row, "{name}/{key}");
        }
    }
}

/// The rows of `name` as a node would keep them that has folded `tape`, compared with what the log `log` makes.
fn compared(tape: &Tape, log: &Tape, name: &str) -> (Result<Rebuilt, NotTold>, Vec<String>) {
    let (node_dir, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let whole = Arc::new(UpTo::new(Arc::new(tape.clone()), &ends(tape)));
    let _node = PastView::fold(whole, node_dir.path(), view(name), &|_| {}).unwrap();
    let stored = StoredViews::open(node_dir.path()).unwrap().expect("a store");
    let mut keys = Vec::new();
    let rebuilt = rebuild(&folding(log, &dir), &stored, view(name), &mut |row| {
        keys.push(row.key);
        Ok(())
    });
    (rebuilt, keys)
}

/// Shows F25. Keeps P2.
#[test]
fn rows_that_are_kept_are_those_of_the_log_and_a_row_that_is_not_is_named() {
    let tape = honest(seed(), 80);
    for known in catalogue::views().into_iter().filter(|view| view.table().is_some()) {
        let (rebuilt, keys) = compared(&tape, &tape, known.name());
        let rebuilt = rebuilt.unwrap();
        assert_eq!((rebuilt.differences, keys.len()), (0, 0), "{}", known.name());
        assert_eq!((&rebuilt.stored, &rebuilt.cut), (&rebuilt.rebuilt, &cut(&tape).to_string()));
    }
    let (partition, number) = tape.find("user.registered");
    let body = tape.body(partition, number);
    let user = body.split("\"subject\":\"users/").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let mut other = tape.clone();
    other.edit(partition, number, |body| body.replacen("\"limit\":1000000", "\"limit\":1000001", 1));
    other.rechain(partition, number + 1);
    let (rebuilt, keys) = compared(&other, &tape, "users");
    let rebuilt = rebuilt.unwrap();
    assert_eq!((rebuilt.differences, keys), (1, vec![user.to_owned()]));
    assert_ne!(rebuilt.stored, rebuilt.rebuilt);
}

#[test]
fn rows_that_reflect_more_than_the_log_has_are_not_compared() {
    let tape = honest(seed(), 80);
    let mut cut_off = tape.clone();
    cut_off.0[0].pop();
    let (rebuilt, _) = compared(&tape, &cut_off, "users");
    assert!(matches!(rebuilt, Err(NotTold::NotKept(_))));
}
