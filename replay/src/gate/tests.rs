//! Golden histories, `tests/histories/{name}`: exports in plain files, each with what was made of it when it was written. This code
//! decodes them for ever. `KIPPU_BLESS=1` writes one of those kinds and schemas that none has; one that exists is never
//! changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use kippu_events::event::read_body;
use kippu_events::log::restore::Restore as _;
use kippu_events::log::segments::{Export, Segments};
use kippu_events::log::{Bound, Content, Cut, ReadLog, Record};
use kippu_events::{EntityKey, Family};
use tempfile::TempDir;

use super::{Compared, Made};
use crate::history::{Folding, Past};
use crate::verify::tests::sample::{LOG, PARTITIONS, SampleLog, Tape, honest};
use crate::verify::{Options, verify};

/// All of them together.
const MOST_BYTES: u64 = 400 << 10;
const EXPECTED: &str = "expected.json";

fn made(log: Arc<dyn ReadLog>, cut: Option<&Cut>) -> Made {
    let dir = TempDir::new().unwrap();
    let past = Past { log: &*log, embedded: true, views: None, secrets: None };
    let folding = Folding { log: Arc::clone(&log), dir: dir.path(), progress: &|_| {} };
    Made::of(&past, &folding, cut, 2).unwrap()
}

/// One entity of every family, with each kind of event that this version writes: whatever they say.
fn every_kind() -> Tape {
    let mut sample = SampleLog::new(1);
    for family in Family::ALL {
        let key = EntityKey { family, id: sample.id() };
        for event in family.samples() {
            sample.commit(vec![(key, event)]);
        }
    }
    sample.tape
}

/// Exports `tape` to `folder/name` with what is made of it.
fn write(folder: &Path, name: &str, tape: &Tape) {
    let dir = folder.join(name);
    std::fs::create_dir_all(folder).unwrap();
    let mut export = Export::open(&dir, LOG, PARTITIONS).unwrap();
    for (partition, records) in (0..).zip(&tape.0) {
        export.append(partition, records).unwrap();
    }
    export.finish().unwrap();
    drop(export);
    std::fs::remove_file(dir.join("LOCK")).unwrap();
    let made = made(Arc::new(Segments::open(&dir).unwrap()), None);
    std::fs::write(dir.join(EXPECTED), made.to_text()).unwrap();
}

/// The kinds of events in `log`, each with its schema.
fn kinds(log: &dyn ReadLog) -> BTreeSet<(String, u32)> {
    let mut kinds = BTreeSet::new();
    for partition in 0..log.partitions() {
        for number in 0..log.end(partition).unwrap() {
            let page = log.read(partition, number, Bound { entries: 1, bytes: 1 << 20 }).unwrap();
            if let Content::Commit(commit) = Record::decode(&page.entries[0].stored).unwrap().content {
                let events = read_body(commit.body).unwrap();
                kinds.extend(events.iter().map(|event| (event.kind.to_owned(), event.schema)));
            }
        }
    }
    kinds
}

/// The golden histories, in order of their names. With `KIPPU_BLESS=1`, those that are missing are written first.
fn histories() -> Vec<PathBuf> {
    static BLESSED: Once = Once::new();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/histories");
    let all = || {
        let entries = std::fs::read_dir(&folder).into_iter().flatten();
        let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
        all.sort();
        all
    };
    BLESSED.call_once(|| {
        if std::env::var_os("KIPPU_BLESS").is_none() {
            return;
        }
        if !folder.join("purchases-1").exists() {
            write(&folder, "purchases-1", &honest(1, 40));
        }
        let known: BTreeSet<_> = all().iter().flat_map(|dir| kinds(&Segments::open(dir).unwrap())).collect();
        let tape = every_kind();
        if !kinds(&tape).is_subset(&known) {
            let number = all().iter().filter(|dir| dir.to_string_lossy().contains("every-kind-")).count() + 1;
            write(&folder, &format!("every-kind-{number}"), &tape);
        }
    });
    all()
}

/// Shows F37.
#[test]
fn every_golden_history_is_read_for_ever_and_comes_to_what_it_came_to() {
    let histories = histories();
    assert!(histories.len() >= 2, "there are golden histories: {histories:?}");
    for dir in histories {
        let segments = Segments::open(&dir).unwrap();
        segments.check(|_| {}).unwrap();
        let report = verify(&segments, &Options::default());
        assert_eq!((report.totals.damaged, report.totals.newer), (0, 0), "{}: {report}", dir.display());
        let expected = Made::read(&std::fs::read_to_string(dir.join(EXPECTED)).unwrap()).unwrap();
        let cut = expected.cut().unwrap();
        let Compared { differences, compared, .. } = made(Arc::new(segments), Some(&cut)).compare(&expected).unwrap();
        assert!(compared > 0 && differences.is_empty(), "{}: {differences:#?}", dir.display());
    }
}

/// Shows F37.
#[test]
fn golden_histories_have_every_kind_of_event_as_this_code_writes_it_and_stay_small() {
    let histories = histories();
    let known: BTreeSet<_> = histories.iter().flat_map(|dir| kinds(&Segments::open(dir).unwrap())).collect();
    let lacking: Vec<_> = kinds(&every_kind()).into_iter().filter(|kind| !known.contains(kind)).collect();
    assert!(lacking.is_empty(), "no golden history has {lacking:?}: KIPPU_BLESS=1 writes one");
    fn bytes(path: &Path) -> u64 {
        let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { bytes(&path) } else { path.metadata().unwrap().len() }).sum()
    }
    let all: u64 = histories.iter().map(|dir| bytes(dir)).sum();
    assert!(all <= MOST_BYTES, "{all} bytes");
}

/// Shows F37.
#[test]
fn a_version_that_makes_something_else_of_a_history_is_told_what() {
    let tape: Arc<dyn ReadLog> = Arc::new(honest(2, 20));
    let now = made(tape.clone(), None);
    assert_eq!(now.compare(&now).unwrap().differences, []);
    assert_eq!(Made::read(&now.to_text()).unwrap(), now);
    let mut before = now.clone();
    let users = before.families.get_mut("users").unwrap();
    let id = users.entities.keys().next().unwrap().clone();
    users.entities.get_mut(&id).unwrap().sha256.replace_range(..2, "zz");
    before.views.get_mut("spending").unwrap().rows += 1;
    before.rules.insert("limit".to_owned(), 3);
    before.views.remove("approvals");
    let compared = now.compare(&before).unwrap();
    let found: Vec<_> = compared.differences.iter().map(|difference| difference.what.as_str()).collect();
    assert_eq!(found, ["rule limit", "view spending", &format!("entity users/{id}")]);
    assert_eq!(compared.declared, ["view approvals: it is new"]);
    // Another revision is a difference that was declared; versions still count.
    let users = before.families.get_mut("users").unwrap();
    users.revision += 1;
    let compared = now.compare(&before).unwrap();
    assert!(compared.differences.iter().all(|difference| !difference.what.starts_with("entity")), "{compared:?}");
    before.families.get_mut("users").unwrap().entities.remove(&id);
    let compared = now.compare(&before).unwrap();
    assert!(compared.differences.iter().any(|difference| difference.expected.is_none()), "{compared:?}");
}
