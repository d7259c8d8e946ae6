//! Which instances of a view there are: what stays in the store when one takes over, is given up, or is not wanted.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kippu_events::log::Bound;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{SampleHistory, Scripted, end_of, engine, folded, seed};
use crate::catalogue;
use crate::runner::{Engine, Limits, Request};
use crate::view_store::Instance;

/// Batches so small that an instance which is asked for is still on its way after a turn.
const SMALL: Limits = Limits { events: 2, page: Bound { entries: 2, bytes: 1 << 20 } };

/// Everything in the store but the rows of those that stay.
#[derive(Clone, PartialEq, Debug)]
struct Stored {
    instances: BTreeMap<u32, Instance>,
    tracks: Vec<u32>,
    live: BTreeMap<&'static str, u32>,
    published: BTreeMap<&'static str, u32>,
}

impl Stored {
    fn by(engine: &Engine) -> Self {
        let store = engine.store();
        let snap = store.snapshot();
        let names = || catalogue::views().into_iter().map(|view| view.name());
        let published = engine.subscribe().borrow().clone();
        Self {
            instances: snap.instances().expect("instances").into_iter().collect(),
            tracks: snap.tracks().expect("tracks"),
            live: names().filter_map(|name| Some((name, snap.live(name).expect("read")?.0))).collect(),
            published: published.views.iter().filter_map(|view| Some((view.name, view.live.as_ref()?.0))).collect(),
        }
    }
}

/// A sample, the log that tells a hundred beats of it, and a folder for a store.
fn told() -> (SampleHistory, Arc<Scripted>, TempDir) {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 100);
    (sample, log, tempfile::tempdir().expect("a folder"))
}

fn settle(engine: &mut Engine) {
    while engine.turn().expect("a batch") {}
}

fn rebuild(engine: &mut Engine, view: &str) -> oneshot::Receiver<Result<u32, String>> {
    let (reply, answer) = oneshot::channel();
    engine.request(Request::Rebuild { view: view.to_owned(), reply }).expect("asked");
    answer
}

/// Goes on until `asked` is answered, which the last batch may do.
fn until_answered(engine: &mut Engine, asked: &oneshot::Receiver<Result<u32, String>>) {
    while asked.is_empty() {
        let more = engine.turn().expect("a batch");
        assert!(more || !asked.is_empty(), "it is still on its way");
    }
}

/// An instance of `view` that has caught up next to the live one.
fn rebuilt(engine: &mut Engine, view: &str) -> u32 {
    let mut answer = rebuild(engine, view);
    settle(engine);
    answer.try_recv().expect("answered").expect("caught up")
}

fn swap(engine: &mut Engine, instance: u32) {
    let (reply, mut done) = oneshot::channel();
    engine.request(Request::Swap { instance, reply }).expect("asked");
    assert_eq!(done.try_recv(), Ok(()));
}

fn discard(engine: &mut Engine, instance: u32) {
    engine.request(Request::Discard { instance }).expect("asked");
}

fn rows(engine: &Engine, instance: u32) -> u64 {
    engine.store().snapshot().digest(instance).expect("a digest").0
}

/// Shows F19.
#[test]
fn an_instance_that_takes_over_leaves_nothing_of_the_one_before_it() {
    let (mut sample, log, dir) = told();
    let mut engine = engine(log.clone(), dir.path(), Limits::default());
    settle(&mut engine);
    let before = Stored::by(&engine);
    let new = rebuilt(&mut engine, "users");
    assert_eq!(Stored::by(&engine).published, before.published, "it has to prove itself first");
    swap(&mut engine, new);
    let old = before.live["users"];
    let mut expected = before;
    let instance = expected.instances.remove(&old).expect("an instance");
    expected.instances.insert(new, instance);
    expected.live.insert("users", new);
    expected.published.insert("users", new);
    assert_eq!(Stored::by(&engine), expected);
    // Whoever asked for it takes it back in any case, and whoever asks late finds nothing to let take over.
    discard(&mut engine, new);
    swap(&mut engine, old);
    assert_eq!(Stored::by(&engine), expected);
    for _ in 0..50 {
        log.tell(&mut sample);
    }
    engine.mark(&[0, 1]);
    settle(&mut engine);
    assert_eq!(rows(&engine, old), 0, "nobody writes it any more");
    for view in catalogue::views() {
        let fold = folded(&*log, &*view, &end_of(&*log));
        let found = engine.store().snapshot().digest(expected.live[view.name()]).expect("a digest").1;
        assert_eq!(found, fold.digest(), "{}", view.name());
    }
}

/// Shows F19.
#[test]
fn an_instance_that_is_behind_catches_up_although_the_log_grows_as_fast_as_the_first_can_read() {
    let (mut sample, log, dir) = told();
    let mut engine = engine(log.clone(), dir.path(), SMALL);
    settle(&mut engine);
    let mut answer = rebuild(&mut engine, "users");
    for _ in 0..60 {
        for _ in 0..SMALL.page.entries {
            log.tell(&mut sample);
        }
        engine.mark(&[0, 1]);
        engine.turn().expect("a batch");
    }
    answer.try_recv().expect("answered").expect("caught up");
}

/// Shows F19.
#[test]
fn an_instance_that_is_not_wanted_goes_alone() {
    let (_, log, dir) = told();
    let mut engine = engine(log, dir.path(), SMALL);
    settle(&mut engine);
    let before = Stored::by(&engine);
    let kept = rebuilt(&mut engine, "users");
    let with_one = Stored::by(&engine);
    let unwanted = rebuilt(&mut engine, "users");
    let mut on_its_way = rebuild(&mut engine, "spending");
    assert!(engine.turn().expect("a batch") && on_its_way.try_recv().is_err());
    discard(&mut engine, unwanted);
    assert_eq!(rows(&engine, unwanted), 0);
    settle(&mut engine);
    let spending = on_its_way.try_recv().expect("answered").expect("caught up");
    discard(&mut engine, spending);
    assert_eq!(Stored::by(&engine), with_one);
    discard(&mut engine, kept);
    assert_eq!(Stored::by(&engine), before);
    // Nobody waits for it any more.
    drop(rebuild(&mut engine, "users"));
    settle(&mut engine);
    assert_eq!(Stored::by(&engine), before);
}

/// Shows F19.
#[test]
fn an_instance_that_halts_where_the_live_one_went_on_is_given_up_alone() {
    let (_, log, dir) = told();
    let mut engine = engine(log.clone(), dir.path(), SMALL);
    settle(&mut engine);
    let before = Stored::by(&engine);
    log.tamper(1, 20, |stored| stored[40] ^= 1);
    let mut stuck = rebuild(&mut engine, "users");
    until_answered(&mut engine, &stuck);
    let reason = stuck.try_recv().expect("answered").expect_err("given up");
    assert!(reason.starts_with("partition 1 halts at offset 20: "), "{reason}");
    assert_eq!(Stored::by(&engine), before);
    // Two at once, of which the second has not got there when the first is given up.
    let mut stuck = rebuild(&mut engine, "users");
    engine.turn().expect("a batch");
    let mut behind = rebuild(&mut engine, "spending");
    until_answered(&mut engine, &stuck);
    assert!(stuck.try_recv().expect("answered").is_err() && behind.try_recv().is_err());
    log.tamper(1, 20, |stored| stored[40] ^= 1);
    settle(&mut engine);
    let spending = behind.try_recv().expect("answered").expect("caught up");
    discard(&mut engine, spending);
    assert_eq!(Stored::by(&engine), before);
}

/// Shows F18.
#[test]
fn an_instance_that_halts_where_the_live_one_does_stands_where_it_does() {
    let mut sample = SampleHistory::new(seed(), 2);
    let log = Scripted::telling(&mut sample, 50);
    log.commit(1, b"{}");
    let dir = tempfile::tempdir().expect("a folder");
    // Pages large enough to hold the damage, too.
    let mut engine = engine(log, dir.path(), Limits::default());
    settle(&mut engine);
    let new = rebuilt(&mut engine, "users");
    swap(&mut engine, new);
    assert_eq!(Stored::by(&engine).published["users"], new);
}

/// An engine of these views alone.
fn engine_of(names: &[&str], log: &Arc<Scripted>, dir: &Path) -> Engine {
    let view = |name: &&str| catalogue::views().into_iter().find(|view| view.name() == *name).expect("a view");
    Engine::open(log.clone(), dir, names.iter().map(view).collect(), SMALL).expect("opened")
}

/// Panics unless each of these views has the rows that the log gives it, and answers.
fn assert_true(names: &[&str], engine: &Engine, log: &Scripted) {
    let stored = Stored::by(engine);
    for view in catalogue::views().iter().filter(|view| names.contains(&view.name())) {
        let fold = folded(log, &**view, &end_of(log));
        let found = engine.store().snapshot().digest(stored.live[view.name()]).expect("a digest").1;
        assert_eq!(found, fold.digest(), "{}", view.name());
    }
    assert_eq!(stored.live.len(), names.len(), "{stored:?}");
    assert_eq!((stored.published, stored.tracks.len()), (stored.live, 1));
}

#[test]
fn an_instance_that_was_on_its_way_is_gone_after_a_restart_and_the_live_one_answers() {
    let (_, log, dir) = told();
    let mut engine = engine(log.clone(), dir.path(), SMALL);
    settle(&mut engine);
    let before = Stored::by(&engine);
    let _unanswered = rebuild(&mut engine, "users");
    assert_ne!(Stored::by(&engine), before);
    drop(engine);
    let engine = super::engine(log, dir.path(), SMALL);
    assert_eq!(Stored::by(&engine), before);
}

#[test]
fn views_come_and_go_and_leave_the_others_alone() {
    let (mut sample, log, dir) = told();
    for names in [&["users"][..], &["users", "spending", "clients"], &["users"], &["placements", "users"]] {
        let mut engine = engine_of(names, &log, dir.path());
        settle(&mut engine);
        assert_true(names, &engine, &log);
        for _ in 0..10 {
            log.tell(&mut sample);
        }
        engine.mark(&[0, 1]);
        settle(&mut engine);
        assert_true(names, &engine, &log);
    }
}

#[test]
fn instances_that_were_being_filled_are_gone_on_with_whatever_the_order_of_views() {
    let (_, log, dir) = told();
    let mut engine = engine_of(&["users", "clients"], &log, dir.path());
    for _ in 0..10 {
        assert!(engine.turn().expect("a batch"), "it is not at the end yet");
    }
    let before = Stored::by(&engine);
    drop(engine);
    let mut engine = engine_of(&["clients", "users"], &log, dir.path());
    assert_eq!(Stored::by(&engine), before);
    settle(&mut engine);
    assert_true(&["clients", "users"], &engine, &log);
}

/// Shows F18.
#[test]
fn a_batch_ends_with_the_page_that_has_enough_events() {
    let mut sample = SampleHistory::new(seed(), 3);
    let log = Scripted::telling(&mut sample, 50);
    let dir = tempfile::tempdir().expect("a folder");
    let limits = Limits { events: 1, page: Bound { entries: 1, bytes: 1 << 20 } };
    let mut engine = engine(log, dir.path(), limits);
    let numbers = |engine: &Engine| {
        let published = engine.subscribe().borrow().clone();
        let view = published.views.into_iter().next().expect("a view");
        let reached = view.live.map(|(_, reached)| reached).or(view.filling).expect("an instance");
        // Genesis and claim have no events.
        reached.cut().0.iter().map(|number| number.saturating_sub(1)).sum::<u64>()
    };
    let mut before = numbers(&engine);
    while engine.turn().expect("a batch") {
        let now = numbers(&engine);
        assert!(now <= before + 1, "from {before} to {now} at once");
        before = now;
    }
    assert_eq!(before, 50);
}
