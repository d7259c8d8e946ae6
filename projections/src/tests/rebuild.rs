//! Views that are filled anew, next to those that answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kippu_events::access::Caller;
use kippu_events::log::{Bound, ReadLog as _};
use kippu_events::{NotAnEvent, Recorded};

use super::shown::all_views;
use super::{PATIENCE, Running, SampleHistory, Scripted, end_of, folded, runtime, seed};
use crate::catalogue;
use crate::queries::{Page, QueryError, RebuildError};
use crate::rows::Rows;
use crate::runner::{Engine, Limits};
use crate::view::{Table, View};
use crate::view_store::{Batch, ViewStore};
use crate::{Projections, Queries};

/// Shows F19, F25. Keeps P2.
#[test]
fn a_rebuilt_view_equals_the_live_one_at_an_equal_cut_while_both_go_on() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 2000);
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    let user = sample.users[0].to_string();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for written in 0..20_000 {
                if written >= 100 && done.load(Ordering::Relaxed) {
                    break;
                }
                log.tell(&mut sample);
            }
        });
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) || reads < 100 {
                queries.get("users", &user, &Caller::OPERATOR, false).expect("reading never stops");
                reads += 1;
            }
        });
        for view in queries.views() {
            let rebuilt = runtime().block_on(queries.rebuild(view.name())).expect("rebuilt");
            let fold = folded(&*log, &**view, &rebuilt.cut);
            assert_eq!((rebuilt.digest, rebuilt.rows), (fold.digest(), fold.rows().count() as u64));
        }
        done.store(true, Ordering::Relaxed);
        writer.join().expect("written");
        reader.join().expect("read");
    });
    let end = crate::Moment::Cut(end_of(&*log));
    for view in queries.views() {
        runtime().block_on(queries.reach(view.name(), &end, PATIENCE)).expect("reflected");
        let found = queries.digest(view.name()).expect("a digest");
        assert_eq!(found.digest, folded(&*log, &**view, &found.cut).digest(), "{}", view.name());
    }
}

/// Shows F19.
#[test]
fn a_client_is_known_at_every_moment_of_a_take_over() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 50);
    let running = Running::over(log);
    let queries = running.caught_up();
    let (client, done) = (sample.settlers[0], AtomicBool::new(false));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(queries.client(client).expect("read").is_some(), "authentication would answer 401");
            }
        });
        for _ in 0..100 {
            runtime().block_on(queries.rebuild("clients")).expect("rebuilt");
        }
        done.store(true, Ordering::Relaxed);
        reader.join().expect("known");
    });
}

/// Shows F19.
#[test]
fn a_rebuilt_view_that_differs_does_not_take_over() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 50);
    let mut running = Running::over(log.clone());
    running.caught_up();
    running.stop();
    {
        let store = ViewStore::open(running.dir.path(), log.id(), 2).expect("opened");
        let live = store.snapshot().live("users").expect("read").expect("an instance").0;
        let mut batch = Batch::default();
        batch.row(&crate::view_store::full_key(live, b"\x09planted"), Some(b"row"));
        store.write(batch).expect("written");
    }
    running.start();
    let queries = running.caught_up();
    let before = queries.digest("users").expect("a digest");
    let refused = runtime().block_on(queries.rebuild("users"));
    assert!(matches!(refused, Err(RebuildError::Differs { .. })), "{refused:?}");
    assert_eq!(queries.digest("users"), Ok(before));
    assert!(runtime().block_on(queries.rebuild("spending")).is_ok());
    assert!(matches!(runtime().block_on(queries.rebuild("nothing")), Err(RebuildError::NotCaughtUp(_))));
}

/// Shows F19.
#[test]
fn a_view_that_cannot_be_rebuilt_goes_on_with_the_rows_it_has() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 50);
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    let before = queries.digest("users").expect("a digest");
    log.tamper(1, 2, |stored| stored[40] ^= 1);
    let refused = runtime().block_on(queries.rebuild("users"));
    assert!(matches!(refused, Err(RebuildError::NotCaughtUp(_))), "{refused:?}");
    assert_eq!(queries.digest("users"), Ok(before));
    assert!(!queries.status().is_stalled());
}

fn answers(queries: &Queries, sample: &SampleHistory) -> Vec<String> {
    let caller = &Caller::OPERATOR;
    let mut answers = Vec::new();
    for view in all_views() {
        let page = Page { limit: 1000, ..Page::default() };
        answers.push(format!("{:?}", queries.list(view, caller, &page).expect("listed")));
        for user in &sample.users {
            answers.push(format!("{:?}", queries.get(view, &user.to_string(), caller, false)));
        }
        answers.push(format!("{:?}", queries.digest(view)));
    }
    answers.push(format!("{:?}", queries.client(sample.settlers[0])));
    answers
}

/// Keeps P3.
#[test]
fn deleting_the_store_changes_no_answer() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 300);
    let mut running = Running::over(log.clone());
    let before = answers(&running.caught_up(), &sample);
    running.stop();
    std::fs::remove_dir_all(running.dir.path()).expect("deleted");
    running.start();
    assert_eq!(answers(&running.caught_up(), &sample), before);
    running.stop();
    // A store that is damaged is no better than none.
    for file in std::fs::read_dir(running.dir.path()).expect("a folder") {
        let path = file.expect("a file").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("MANIFEST")) {
            std::fs::write(path, b"nothing of use").expect("written");
        }
    }
    running.start();
    assert_eq!(answers(&running.caught_up(), &sample), before);
}

#[test]
fn a_store_that_is_being_filled_answers_nothing_rather_than_half() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 50);
    let dir = tempfile::tempdir().expect("a folder");
    let limits = Limits { events: 1, page: Bound { entries: 1, bytes: 1 } };
    let mut engine = Engine::open(log.clone(), dir.path(), catalogue::views(), limits).expect("opened");
    let signal = Arc::new(crate::runner::Signal::new(2));
    let queries = Queries::new(log.clone(), catalogue::views(), &engine, signal, None);
    let user = sample.users[0].to_string();
    while engine.turn().expect("a batch") {
        let found = queries.get("users", &user, &Caller::OPERATOR, false);
        let client = queries.client(sample.settlers[0]);
        if engine.subscribe().borrow().caught_up {
            assert!(found.is_ok() && client.is_ok());
        } else {
            assert!(matches!(found, Err(QueryError::Filling(_))), "{found:?}");
            assert!(matches!(client, Err(QueryError::Filling(_))), "{client:?}");
        }
    }
    assert!(queries.get("users", &user, &Caller::OPERATOR, false).is_ok());
}

#[test]
fn a_store_of_another_history_of_the_same_log_is_filled_anew() {
    let seed = seed();
    let before = Scripted::telling(&mut SampleHistory::new(seed, 2), 100);
    let mut running = Running::over(before);
    running.caught_up();
    running.stop();
    for beats in [50, 150] {
        let mut sample = SampleHistory::new(seed + 1, 2);
        let after = Scripted::telling(&mut sample, beats);
        running.log = after.clone();
        running.start();
        let queries = running.caught_up();
        for view in queries.views() {
            let found = queries.digest(view.name()).expect("a digest");
            let expected = folded(&*after, &**view, &end_of(&*after)).digest();
            assert_eq!((found.cut, found.digest), (end_of(&*after), expected));
        }
        running.stop();
    }
}

#[test]
fn a_store_is_not_taken_from_a_process_that_has_it() {
    let log = Scripted::telling(&mut SampleHistory::new(seed(), 2), 100);
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    let refused = Projections::start(log, running.dir.path(), None).err().expect("refused").to_string();
    assert!(refused.contains("lock"), "{refused}");
    assert!(queries.digest("users").is_ok_and(|found| found.rows > 0));
}

/// Counts events in one row, in units of its revision.
struct Revised(u32);

impl View for Revised {
    fn name(&self) -> &'static str {
        "revised"
    }

    fn revision(&self) -> u32 {
        self.0
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let key = event.id.partition.to_be_bytes();
        let count = rows.get(&key).and_then(<[u8]>::first_chunk).map_or(0, |count| u64::from_be_bytes(*count));
        rows.put(&key, (count + u64::from(self.0)).to_be_bytes().to_vec());
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        None
    }
}

#[test]
fn a_new_revision_answers_when_it_has_caught_up_and_nothing_before() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 60);
    let dir = tempfile::tempdir().expect("a folder");
    let with =
        |revision| -> Vec<Arc<dyn View>> { vec![Arc::new(crate::access::users::Users), Arc::new(Revised(revision))] };
    let limits = Limits { events: 3, page: Bound { entries: 2, bytes: 1 << 20 } };
    let open = |revision| {
        let engine = Engine::open(log.clone(), dir.path(), with(revision), limits).expect("opened");
        let signal = Arc::new(crate::runner::Signal::new(2));
        let queries = Queries::new(log.clone(), with(revision), &engine, signal, None);
        (engine, queries)
    };
    let (mut engine, _) = open(1);
    while engine.turn().expect("a batch") {}
    drop(engine);
    for _ in 0..30 {
        log.tell(&mut sample);
    }
    // Interrupted half-way, it goes on where it was. The others answer all the while.
    let mut came_to = Vec::new();
    for rounds in [3, 6] {
        let (mut engine, queries) = open(2);
        for _ in 0..rounds {
            assert!(engine.turn().expect("a batch"));
            assert!(matches!(queries.digest("revised"), Err(QueryError::Filling(_))));
            assert!(queries.digest("users").is_ok());
            let status = queries.status();
            assert_eq!(status.views[1].answers, None);
            came_to.push(status.views[1].partitions.iter().map(|partition| partition.number).sum::<u64>());
        }
    }
    assert!(came_to.is_sorted(), "{came_to:?}");
    let (mut engine, queries) = open(2);
    while engine.turn().expect("a batch") {}
    let found = queries.digest("revised").expect("a digest");
    assert_eq!((found.cut.clone(), found.digest), (end_of(&*log), folded(&*log, &Revised(2), &found.cut).digest()));
    assert_eq!(queries.status().views[1].answers, Some(2));
    let instances = engine.store().snapshot().instances().expect("instances");
    assert_eq!(instances.len(), 2, "nothing is left of the old revision");
}
