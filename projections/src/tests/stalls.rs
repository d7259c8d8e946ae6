//! Views that cannot take an event: they stall alone, and what authentication goes by is never held up by another view.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kippu_events::access::Caller;
use kippu_events::event::EventId;
use kippu_events::log::{Bound, Position};
use kippu_events::{NotAnEvent, Recorded};
use tempfile::TempDir;

use super::once::{copy, first_written};
use super::{PATIENCE, SampleHistory, Scripted, end_of, folded, runtime, seed};
use crate::catalogue;
use crate::history::History;
use crate::queries::{Moment, PartitionStatus, QueryError, StalledAt};
use crate::rows::Rows;
use crate::runner::{Engine, Limits, Request};
use crate::view::{Table, View};
use crate::{Projections, Queries};

/// What a view does with the event that it cannot take.
#[derive(Clone, Copy, PartialEq, Debug)]
enum How {
    Fails,
    Panics,
}

/// As another view, but for one event.
struct Faulty {
    inner: Arc<dyn View>,
    name: &'static str,
    event: EventId,
    how: How,
    /// Whether it can take the event by now.
    mended: Arc<AtomicBool>,
}

impl View for Faulty {
    fn name(&self) -> &'static str {
        self.name
    }

    fn revision(&self) -> u32 {
        self.inner.revision()
    }

    fn apply(&self, event: &Recorded<'_>, rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        // What it has written before that does not count.
        self.inner.apply(event, rows)?;
        if event.id != self.event || self.mended.load(Ordering::SeqCst) {
            return Ok(());
        }
        match self.how {
            How::Fails => Err(NotAnEvent::Id("as the test demands".to_owned())),
            How::Panics => panic!("as the test demands"),
        }
    }

    fn table(&self) -> Option<&dyn Table> {
        self.inner.table()
    }
}

const SMALL: Limits = Limits { events: 5, page: Bound { entries: 3, bytes: 1 << 20 } };

/// A log of which one view cannot take one event, and a folder for the store.
struct Scene {
    sample: SampleHistory,
    log: Arc<Scripted>,
    dir: TempDir,
    event: EventId,
    how: How,
    mended: Arc<AtomicBool>,
    /// The view that is faulty: one of the catalogue's, or one more.
    name: &'static str,
}

const MORE: &str = "more";

impl Scene {
    fn new(name: &'static str, how: How) -> Self {
        let mut sample = SampleHistory::new(seed(), 3);
        let log = Scripted::telling(&mut sample, 60);
        let event = EventId { partition: 1, number: log.head(1).number - 4, index: 0 };
        let dir = tempfile::tempdir().expect("a folder");
        Self { sample, log, dir, event, how, mended: Arc::default(), name }
    }

    fn views(&self) -> Vec<Arc<dyn View>> {
        let faulty = |inner| {
            let mended = Arc::clone(&self.mended);
            Arc::new(Faulty { inner, name: self.name, event: self.event, how: self.how, mended })
        };
        let mut views: Vec<Arc<dyn View>> = Vec::new();
        if self.name == MORE {
            views.push(faulty(Arc::new(History)));
        }
        for view in catalogue::views() {
            views.push(if view.name() == self.name { faulty(view) } else { view });
        }
        views
    }

    fn start(&self) -> Projections {
        Projections::start_with(self.log.clone(), self.dir.path(), None, self.views(), Limits::default())
            .expect("started")
    }

    fn engine_in(&self, dir: &Path) -> Engine {
        Engine::open(self.log.clone(), dir, self.views(), SMALL).expect("opened")
    }

    fn engine(&self) -> Engine {
        self.engine_in(self.dir.path())
    }

    fn tell(&mut self, beats: usize) {
        for _ in 0..beats {
            self.log.tell(&mut self.sample);
        }
    }

    /// Panics unless the views but the faulty one reflect the whole log, each event once.
    fn assert_others(&self, queries: &Queries) {
        let end = end_of(&*self.log);
        for view in self.views().iter().filter(|view| view.name() != self.name) {
            let there = Moment::Cut(end.clone());
            runtime().block_on(queries.reach(view.name(), &there, PATIENCE)).expect("reflected");
            let found = queries.digest(view.name()).expect("a digest");
            assert_eq!((&found.cut, found.digest), (&end, folded(&*self.log, &**view, &end).digest()));
        }
    }

    /// Panics unless the faulty view stands before its event, with the rest of the log in it, and says so.
    fn assert_stalled(&self, queries: &Queries) {
        let mut cut = end_of(&*self.log);
        cut.0[1] = self.event.number - 1;
        let there = Moment::Cut(cut.clone());
        runtime().block_on(queries.reach(self.name, &there, PATIENCE)).expect("reflected");
        let next = Position::new(1, self.event.number, &self.log.head(1).hash);
        let waited = runtime().block_on(queries.reach(self.name, &Moment::Position(next), PATIENCE));
        assert!(matches!(waited, Err(QueryError::Stalled { partition: 1, .. })), "{waited:?}");
        let found = queries.digest(self.name).expect("a digest");
        let views = self.views();
        let view = views.iter().find(|view| view.name() == self.name).expect("a view");
        assert_eq!((&found.cut, found.digest), (&cut, folded(&*self.log, &**view, &cut).digest()));
        let status = queries.status();
        for view in &status.views {
            let stalled: Vec<_> = view.partitions.iter().map(PartitionStatus::is_stalled).collect();
            assert_eq!(stalled, [false, view.name == self.name, false], "{}", view.name);
        }
        let view = status.views.iter().find(|view| view.name == self.name).expect("a view");
        let StalledAt { event, record, reason } = view.partitions[1].stalled_at.clone().expect("an event");
        assert_eq!((event, record), (self.event.to_string(), self.event.number));
        assert!(reason.contains("as the test demands"), "{reason}");
        assert_eq!(reason.contains("panicked"), self.how == How::Panics);
    }
}

impl PartitionStatus {
    fn is_stalled(&self) -> bool {
        assert_eq!(self.stalled_at.is_some(), self.halted.is_some());
        self.stalled_at.is_some()
    }
}

/// Shows F18.
#[test]
fn a_view_that_fails_or_panics_stalls_alone_and_so_it_does_after_a_restart() {
    for (name, how) in [(MORE, How::Fails), (MORE, How::Panics), ("users", How::Panics), ("history", How::Fails)] {
        let mut scene = Scene::new(name, how);
        for _ in 0..3 {
            let running = scene.start();
            let queries = running.queries();
            scene.assert_others(&queries);
            scene.assert_stalled(&queries);
            scene.tell(20);
            scene.assert_others(&queries);
            scene.assert_stalled(&queries);
            // Authentication is not held up.
            let known = queries.client(scene.sample.terminals[0]).expect("an answer");
            assert!(known.is_some() && queries.may_go_by("clients").is_ok());
            assert!(queries.may_go_by(name).is_err());
            scene.tell(20);
        }
    }
}

/// Shows F18.
#[test]
fn a_view_that_was_mended_catches_up_at_the_next_start_and_joins_the_others_again() {
    for how in [How::Fails, How::Panics] {
        let mut scene = Scene::new("spending", how);
        let stored = |engine: &Engine| engine.store().snapshot().tracks().expect("tracks").len();
        let settle = |engine: &mut Engine| while engine.turn().expect("a batch") {};
        let mut engine = scene.engine();
        settle(&mut engine);
        assert_eq!(stored(&engine), 2);
        scene.mended.store(true, Ordering::SeqCst);
        scene.tell(10);
        engine.mark(&[0, 1, 2]);
        settle(&mut engine);
        assert_eq!(stored(&engine), 2, "it is tried again at a start, and not before");
        drop(engine);
        let mut engine = scene.engine();
        settle(&mut engine);
        assert_eq!(stored(&engine), 1);
        drop(engine);
        let running = scene.start();
        let queries = running.queries();
        scene.tell(10);
        scene.assert_others(&queries);
        let end = end_of(&*scene.log);
        runtime().block_on(queries.reach("spending", &Moment::Cut(end.clone()), PATIENCE)).expect("reflected");
        let found = queries.digest("spending").expect("a digest");
        let expected = folded(&*scene.log, &crate::approvals::spending::Spending, &end).digest();
        assert_eq!((found.cut, found.digest), (end, expected));
        assert!(!queries.status().is_stalled());
    }
}

#[test]
fn a_view_that_stalls_while_the_store_is_filled_answers_as_it_did_before_the_store_was_deleted() {
    let scene = Scene::new("spending", How::Fails);
    let answers = |dir: &Path| {
        let mut engine = scene.engine_in(dir);
        while engine.turn().expect("a batch") {}
        let signal = Arc::new(crate::runner::Signal::new(3));
        Queries::new(scene.log.clone(), scene.views(), &engine, signal, None).digest("spending").expect("a digest")
    };
    let again = tempfile::tempdir().expect("a folder");
    assert_eq!(answers(scene.dir.path()), answers(again.path()));
}

/// Shows F18. Keeps P1.
#[test]
fn a_view_that_stalls_loses_and_repeats_nothing_through_a_crash_at_any_byte() {
    let scene = Scene::new(MORE, How::Fails);
    let mut engine = scene.engine();
    while engine.turn().expect("a batch") {}
    let written = std::fs::read(first_written(scene.dir.path())).expect("readable");
    for end in (0..=written.len()).step_by(written.len() / 50) {
        let crashed = tempfile::tempdir().expect("a folder");
        copy(scene.dir.path(), crashed.path());
        std::fs::write(first_written(crashed.path()), &written[..end]).expect("written");
        let mut engine = scene.engine_in(crashed.path());
        while engine.turn().expect("a batch") {}
        let store = engine.store();
        let snap = store.snapshot();
        for view in scene.views() {
            let (id, live) = snap.live(view.name()).expect("read").expect("an instance");
            let cut = crate::cursor::cut(&snap.track(live.track).expect("a track"));
            let mut expected = end_of(&*scene.log);
            if view.name() == MORE {
                expected.0[1] = scene.event.number - 1;
            }
            assert_eq!(cut, expected, "{}", view.name());
            assert_eq!(snap.digest(id).expect("a digest").1, folded(&*scene.log, &*view, &cut).digest());
        }
    }
}

#[test]
fn damage_that_was_met_in_a_batch_that_did_not_count_hides_nothing_before_it() {
    let scene = Scene::new("spending", How::Fails);
    scene.log.commit(0, b"{}");
    let running = scene.start();
    let queries = running.queries();
    runtime().block_on(queries.caught_up(PATIENCE)).expect("caught up");
    let mut end = end_of(&*scene.log);
    end.0[0] -= 1;
    let users = queries.digest("users").expect("a digest");
    assert_eq!((&users.cut, users.digest), (&end, folded(&*scene.log, &crate::access::users::Users, &end).digest()));
}

/// Shows F18.
#[test]
fn authentication_does_not_go_by_rows_of_a_view_that_has_stalled() {
    for how in [How::Fails, How::Panics] {
        let mut scene = Scene::new("clients", how);
        for _ in 0..2 {
            let running = scene.start();
            let queries = running.queries();
            scene.assert_others(&queries);
            scene.assert_stalled(&queries);
            for id in scene.sample.terminals.iter().chain(&scene.sample.settlers) {
                let told = queries.client(*id);
                assert!(matches!(told, Err(QueryError::Stalled { partition: 1, .. })), "{told:?}");
            }
            assert!(queries.may_go_by("clients").is_err());
            scene.tell(10);
        }
    }
}

#[test]
fn a_view_that_is_rebuilt_and_stalls_is_given_up_and_whoever_asked_is_told() {
    let scene = Scene::new("spending", How::Panics);
    let mut engine = scene.engine();
    while engine.turn().expect("a batch") {}
    let before = engine.store().snapshot().instances().expect("instances");
    let (reply, mut answer) = tokio::sync::oneshot::channel();
    engine.request(Request::Rebuild { view: "spending".to_owned(), reply }).expect("asked");
    while engine.turn().expect("a batch") {}
    let reason = answer.try_recv().expect("answered").expect_err("given up");
    assert!(reason.contains("as the test demands"), "{reason}");
    assert_eq!(engine.store().snapshot().instances().expect("instances"), before);
}

#[test]
fn views_that_all_stall_hold_up_none_that_comes_later() {
    let scene = Scene::new(MORE, How::Fails);
    let alone = || scene.views().into_iter().take(1).collect::<Vec<_>>();
    let dir = scene.dir.path();
    let mut engine = Engine::open(scene.log.clone(), dir, alone(), SMALL).expect("opened");
    while engine.turn().expect("a batch") {}
    drop(engine);
    let running = scene.start();
    scene.assert_others(&running.queries());
    scene.assert_stalled(&running.queries());
}

/// A view whose name makes the runner panic, and not only its own part of it, once it is asked to.
struct Trap(Arc<AtomicBool>);

impl View for Trap {
    fn name(&self) -> &'static str {
        assert!(!self.0.load(Ordering::SeqCst), "as the test demands");
        "trap"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn apply(&self, _event: &Recorded<'_>, _rows: &mut Rows<'_>) -> Result<(), NotAnEvent> {
        Ok(())
    }

    fn table(&self) -> Option<&dyn Table> {
        None
    }
}

/// Shows F18.
#[test]
fn a_runner_that_ends_is_noticed_by_whoever_goes_by_what_it_kept() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 30);
    let dir = tempfile::tempdir().expect("a folder");
    for panics in [false, true] {
        let sprung = Arc::new(AtomicBool::new(false));
        let mut views = catalogue::views();
        views.push(Arc::new(Trap(Arc::clone(&sprung))));
        let running =
            Projections::start_with(log.clone(), dir.path(), None, views, Limits::default()).expect("started");
        let queries = running.queries();
        let end = Moment::Cut(end_of(&*log));
        runtime().block_on(queries.reach("clients", &end, PATIENCE)).expect("reflected");
        let client = sample.terminals[0];
        assert!(queries.client(client).is_ok_and(|row| row.is_some()));
        if panics {
            sprung.store(true, Ordering::SeqCst);
            let next = Moment::Position(log.tell(&mut sample));
            let waited = runtime().block_on(queries.reach("clients", &next, PATIENCE));
            assert_eq!(waited, Err(QueryError::Stopped));
            let failed = queries.status().failed.expect("a reason");
            assert!(failed.contains("panicked: as the test demands"), "{failed}");
        } else {
            drop(running);
            assert!(queries.status().failed.expect("a reason").contains("stopped"));
        }
        assert_eq!(queries.client(client), Err(QueryError::Stopped));
        assert_eq!(queries.may_go_by("clients"), Err(QueryError::Stopped));
        // Others may still ask for rows: each answer names what it reflects.
        assert!(queries.list("clients", &Caller::OPERATOR, &crate::queries::Page::default()).is_ok());
    }
}

/// Shows F20.
#[test]
fn what_an_entity_was_is_not_told_for_a_time_of_which_its_history_has_nothing() {
    let scene = Scene::new("history", How::Fails);
    let running = scene.start();
    let queries = running.queries();
    scene.assert_stalled(&queries);
    scene.assert_others(&queries);
    let at = |partition: u16, time: i64| {
        let here = |user: &&kippu_events::EntityId| user.slot().partition(3) == partition;
        let user = scene.sample.users.iter().find(here).expect("a user").to_string();
        let moment = Moment::Time(kippu_events::Time::from_micros(time));
        queries.as_of("users", &user, &Caller::OPERATOR, false, &moment)
    };
    assert!(matches!(at(1, i64::MAX), Err(QueryError::Stalled { partition: 1, .. })));
    assert_eq!(at(1, super::sample::BEGIN - 1), Err(QueryError::NotFound));
    assert!(at(0, i64::MAX).is_ok());
}
