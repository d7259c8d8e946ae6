//! Every event counts exactly once, whatever crashes, and whoever writes meanwhile.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};

use kippu_events::event::EventId;
use kippu_events::log::memory::MemoryLog;
use kippu_events::log::rocks::RocksLog;
use kippu_events::log::{Bound, Claimant, Commit, Content, Cut, Log, LogId, ReadLog};
use kippu_events::{NotAnEvent, Recorded};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{PATIENCE, Running, SampleHistory, Scripted, apply, end_of, engine, entries, folded, runtime, seed};
use crate::catalogue;
use crate::fold::Fold;
use crate::queries::Moment;
use crate::rows::Rows;
use crate::runner::Limits;
use crate::view::{Table, View};
use crate::view_store::ViewStore;
use crate::{Projections, Queries};

/// A view that is wrong as soon as an event is applied twice, or not at all, or out of order.
struct Tally;

impl View for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        let EventId { partition, number, index } = event.id;
        let key = partition.to_be_bytes();
        let before = rows.get(&key).map(<[u8]>::to_vec).unwrap_or_default();
        let mut count = before.first_chunk().map_or(0, |count| u64::from_be_bytes(*count));
        let mut order = before.last_chunk().map_or(0, |order| u64::from_be_bytes(*order));
        count += 1;
        order = order.wrapping_mul(31).wrapping_add(number).wrapping_mul(31).wrapping_add(u64::from(index));
        let mut row = count.to_be_bytes().to_vec();
        row.extend_from_slice(&order.to_be_bytes());
        rows.put(&key, row);
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        None
    }
}

fn views() -> Vec<Arc<dyn View>> {
    let mut views = catalogue::views();
    views.push(Arc::new(Tally));
    views
}

const SMALL: Limits = Limits { events: 5, page: Bound { entries: 3, bytes: 1 << 20 } };

pub(super) fn copy(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).expect("a folder") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("copied");
    }
}

/// The file of the store in `dir` that every write goes to first.
pub(super) fn first_written(dir: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(dir).expect("a folder").map(|file| file.expect("a file").path());
    files.find(|path| path.extension().is_some_and(|extension| extension == "log")).expect("what is written first")
}

/// Every view's rows in the store are what the log says up to the store's own cut.
fn assert_true_to(log: &dyn ReadLog, store: &ViewStore) -> Cut {
    let snap = store.snapshot();
    let mut last = Cut(Vec::new());
    for (id, instance) in snap.instances().expect("instances") {
        let views = views();
        let view = views.iter().find(|view| view.name() == instance.view).expect("a view");
        let cut = crate::cursor::cut(&snap.track(instance.track).expect("a track"));
        let fold = folded(log, &**view, &cut);
        let mut stored = Vec::new();
        let everything = [0xff; 64];
        snap.rows::<crate::view_store::StoreError>(id, &[], &everything, |key, value| {
            stored.push((key.to_vec(), value.to_vec()));
            Ok(true)
        })
        .expect("rows");
        let expected: Vec<_> = fold.rows().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
        assert!(stored == expected, "{} at {cut}", instance.view);
        assert_eq!(snap.digest(id).expect("a digest").1, fold.digest(), "{} at {cut}", instance.view);
        last = cut;
    }
    last
}

/// Shows F18. Keeps P1.
#[test]
fn rows_and_cursor_move_together_through_a_crash_at_any_byte() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 80);
    let dir = tempfile::tempdir().expect("a folder");
    let open = |dir: &Path| crate::runner::Engine::open(log.clone(), dir, views(), SMALL).expect("opened");
    let mut engine = open(dir.path());
    while engine.turn().expect("a batch") {}
    let written = std::fs::read(first_written(dir.path())).expect("readable");
    let mut cuts = BTreeSet::new();
    for end in (0..=written.len()).step_by(written.len() / 100) {
        let crashed = tempfile::tempdir().expect("a folder");
        copy(dir.path(), crashed.path());
        std::fs::write(first_written(crashed.path()), &written[..end]).expect("written");
        {
            let store = ViewStore::open(crashed.path(), log.id(), log.partitions()).expect("opened");
            cuts.insert(assert_true_to(&*log, &store).0);
        }
        let mut second = open(crashed.path());
        while second.turn().expect("a batch") {}
        assert_eq!(assert_true_to(&*log, &second.store()), end_of(&*log));
    }
    assert!(cuts.len() >= 10, "only {cuts:?}");
}

/// Writes its share of a sample to one partition.
fn write(log: &Arc<dyn Log>, partition: u16, beats: usize, seed: u64) {
    let (told, durable) = std::sync::mpsc::channel();
    let listener = Arc::new(move |news| {
        // The writer may have seen enough.
        told.send(news).ok();
    });
    let claimant = Claimant { node: "n".to_owned(), url: "u".to_owned() };
    let mut claimed = log.claim(partition, &claimant, listener).expect("claimed");
    let (mut head, id) = (claimed.head, log.id());
    let mut sample = SampleHistory::new(seed + u64::from(partition), 1);
    for _ in 0..beats {
        let mut beat = sample.next();
        beat.partition = partition;
        let body = beat.body(&id, head.number + 1);
        let (epoch, number) = (head.epoch, head.number + 1);
        let (stored, digest) =
            Content::Commit(Commit { epoch, number, prev: head.hash, acked: claimed.head.number, body: &body })
                .encode();
        claimed.writer.append(number, stored).expect("appended");
        head.number = number;
        head.hash = digest;
    }
    loop {
        match durable.recv_timeout(PATIENCE).expect("news") {
            kippu_events::log::Progress::Durable(number) if number == head.number => return,
            kippu_events::log::Progress::Durable(_) | kippu_events::log::Progress::Owned(_) => {}
            kippu_events::log::Progress::Ended(error) => panic!("{error}"),
        }
    }
}

fn assert_tallied(log: &dyn ReadLog, queries: &Queries) -> Cut {
    let mut last = Cut(Vec::new());
    for view in [&Tally as &dyn View, &crate::history::History] {
        let found = queries.digest(view.name()).expect("a digest");
        let fold = folded(log, view, &found.cut);
        assert_eq!(found.digest, fold.digest(), "{} at {}", view.name(), found.cut);
        last = found.cut;
    }
    last
}

fn every_event_once(log: Arc<dyn Log>, beats: usize) {
    let seed = seed();
    let read = log.clone().as_read();
    let dir = tempfile::tempdir().expect("a folder");
    let start =
        || Projections::start_with(read.clone(), dir.path(), None, views(), Limits::default()).expect("started");
    let running = start();
    let queries = running.queries();
    runtime().block_on(queries.caught_up(PATIENCE)).expect("caught up");
    let barrier = Barrier::new(usize::from(log.partitions()) + 1);
    std::thread::scope(|scope| {
        for partition in 0..log.partitions() {
            let (log, barrier) = (&log, &barrier);
            scope.spawn(move || {
                barrier.wait();
                write(log, partition, beats, seed);
            });
        }
        barrier.wait();
        for _ in 0..10 {
            assert_tallied(&*read, &queries);
        }
    });
    let end = Moment::Cut(end_of(&*read));
    runtime().block_on(queries.reach("tally", &end, PATIENCE)).expect("reflected");
    assert_eq!(assert_tallied(&*read, &queries), end_of(&*read));
    // Whoever can still ask keeps the store open.
    drop((running, queries));
    let running = start();
    runtime().block_on(running.queries().reach("tally", &end, PATIENCE)).expect("reflected");
    assert_eq!(assert_tallied(&*read, &running.queries()), end_of(&*read));
}

/// Shows F18.
#[test]
fn every_event_counts_once_under_concurrent_writers_on_a_log_in_memory() {
    every_event_once(MemoryLog::new(LogId([7; 16]), 4), 300);
}

/// Shows F18.
#[test]
fn every_event_counts_once_under_concurrent_writers_on_an_embedded_log() {
    let dir = tempfile::tempdir().expect("a folder");
    RocksLog::create(dir.path(), LogId([7; 16]), 4).expect("created");
    every_event_once(RocksLog::open(dir.path()).expect("opened"), 1000);
}

#[test]
fn rows_are_the_same_for_every_interleaving_of_partitions() {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    for round in 0..10 {
        let mut sample = SampleHistory::new(seed + round, 5);
        let log = Scripted::telling(&mut sample, 200);
        for view in views() {
            let expected = folded(&*log, &*view, &end_of(&*log)).digest();
            for _ in 0..3 {
                let mut left: Vec<_> = (0..5).map(|partition| entries(&*log, partition).into_iter()).collect();
                let mut fold = Fold::new(&*view);
                while !left.is_empty() {
                    let one = rng.random_range(0..left.len());
                    match left[one].next() {
                        Some(entry) => apply(&mut fold, &entry),
                        None => drop(left.swap_remove(one)),
                    }
                }
                assert_eq!(fold.digest(), expected, "{}", view.name());
            }
        }
    }
}

#[test]
fn the_runner_follows_a_log_that_grows_and_reads_nothing_twice() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 10);
    let running = Running::over(log.clone());
    let queries = running.caught_up();
    for _ in 0..200 {
        let position = log.tell(&mut sample);
        runtime().block_on(queries.reach("history", &Moment::Position(position), PATIENCE)).expect("reflected");
    }
    let found = queries.digest("history").expect("a digest");
    let view = crate::history::History;
    assert_eq!((found.cut.clone(), found.digest), (end_of(&*log), folded(&*log, &view, &found.cut).digest()));
}

#[test]
fn an_empty_log_has_empty_views() {
    let log = Scripted::new(2);
    let dir = tempfile::tempdir().expect("a folder");
    let mut engine = engine(log.clone(), dir.path(), Limits::default());
    while engine.turn().expect("a batch") {}
    assert_eq!(assert_true_to(&*log, &engine.store()), Cut(vec![1, 1]));
}
