//! Reading beside the process that writes.

use std::fs;
use std::sync::{Arc, Mutex};

use super::super::{Beside, RocksLog};
use super::{PARTITIONS, Seat, crash_image, create, open, read};
use crate::log::ReadLog as _;

/// Shows F29.
#[test]
fn a_reader_beside_a_running_log_sees_what_is_published_and_no_more() {
    let dir = create();
    let log = open(dir.path());
    let mut seat = Seat::claim(&log, 0);
    for _ in 0..5 {
        seat.write(b"[]");
    }
    let published = fs::read(dir.path().join("durable")).expect("published");
    let beside = RocksLog::open_beside(dir.path()).expect("opened");
    assert_eq!(beside.end(0).expect("readable"), 7);
    for _ in 0..5 {
        seat.write(b"[]");
    }
    assert_eq!(beside.end(0).expect("readable"), 7, "only a refresh moves it");
    // As if the last five were written and not yet synced.
    let later = fs::read(dir.path().join("durable")).expect("published");
    fs::write(dir.path().join("durable"), published).expect("written");
    let moved = Arc::new(Mutex::new(Vec::new()));
    let its = moved.clone();
    beside.watch(Arc::new(move |partition| its.lock().expect("sound").push(partition)));
    beside.refresh().expect("refreshed");
    assert_eq!(beside.end(0).expect("readable"), 7);
    assert_eq!(RocksLog::open_beside(dir.path()).expect("opened").end(0).expect("readable"), 7);
    fs::write(dir.path().join("durable"), later).expect("written");
    beside.refresh().expect("refreshed");
    assert_eq!(beside.end(0).expect("readable"), 12);
    assert_eq!(*moved.lock().expect("sound"), [0]);
    assert_eq!(read(&beside).expect("readable").entries, read(log.as_ref()).expect("readable").entries);
    assert_eq!((beside.id(), beside.partitions()), (log.id(), PARTITIONS));
}

#[test]
fn a_reader_of_a_log_that_nobody_runs_sees_everything() {
    let dir = create();
    let log = open(dir.path());
    let mut seat = Seat::claim(&log, 0);
    for _ in 0..5 {
        seat.write(b"[]");
    }
    // As after a power failure, which may take the cut back, and a crash.
    let image = crash_image(dir.path());
    fs::remove_file(image.path().join("durable")).expect("removed");
    let all = read(log.as_ref()).expect("readable").entries;
    let beside: Beside = RocksLog::open_beside(image.path()).expect("opened");
    assert_eq!(read(&beside).expect("readable").entries, all);
    // It does not keep a writer out, and a writer does not disturb it.
    let log = open(image.path());
    Seat::claim(&log, 0).write(b"[]");
    assert_eq!(read(&beside).expect("readable").entries, all);
    beside.refresh().expect("refreshed");
    assert_eq!(beside.end(0).expect("readable"), 9);
}

#[test]
fn a_reader_beside_follows_across_data_files() {
    let dir = create();
    let log = open(dir.path());
    let beside = RocksLog::open_beside(dir.path()).expect("opened");
    let mut seat = Seat::claim(&log, 0);
    for _ in 0..3 {
        for _ in 0..20 {
            seat.write(&vec![b' '; 1000]);
        }
        let family = log.shared.store.family(0).expect("a partition");
        log.shared.store.db().flush_cf(family).expect("flushed");
        beside.refresh().expect("refreshed");
        assert_eq!(read(&beside).expect("readable").entries, read(log.as_ref()).expect("readable").entries);
    }
}
