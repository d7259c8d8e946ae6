//! Reading next to the process that writes.

use std::fs;
use std::sync::{Arc, Mutex};

use super::super::{RocksLog, Secondary};
use super::{PARTITIONS, TestWriter, crash_image, create, open, read};
use crate::log::ReadLog as _;

/// Shows F29.
#[test]
fn a_reader_next_to_a_running_log_sees_what_is_published_and_no_more() {
    let dir = create();
    let log = open(dir.path());
    let mut writer = TestWriter::claim(&log, 0);
    for _ in 0..5 {
        writer.write(b"[]");
    }
    let published = fs::read(dir.path().join("durable")).expect("published");
    let secondary = RocksLog::open_secondary(dir.path()).expect("opened");
    assert_eq!(secondary.end(0).expect("readable"), 7);
    for _ in 0..5 {
        writer.write(b"[]");
    }
    assert_eq!(secondary.end(0).expect("readable"), 7, "only a refresh moves it");
    // As if the last five were written and not yet synced.
    let later = fs::read(dir.path().join("durable")).expect("published");
    fs::write(dir.path().join("durable"), published).expect("written");
    let moved = Arc::new(Mutex::new(Vec::new()));
    let its = moved.clone();
    secondary.watch(Arc::new(move |partition| its.lock().expect("sound").push(partition)));
    secondary.refresh().expect("refreshed");
    assert_eq!(secondary.end(0).expect("readable"), 7);
    assert_eq!(RocksLog::open_secondary(dir.path()).expect("opened").end(0).expect("readable"), 7);
    fs::write(dir.path().join("durable"), later).expect("written");
    secondary.refresh().expect("refreshed");
    assert_eq!(secondary.end(0).expect("readable"), 12);
    assert_eq!(*moved.lock().expect("sound"), [0]);
    assert_eq!(read(&secondary).expect("readable").entries, read(log.as_ref()).expect("readable").entries);
    assert_eq!((secondary.id(), secondary.partitions()), (log.id(), PARTITIONS));
}

#[test]
fn a_reader_of_a_log_that_nobody_runs_sees_everything() {
    let dir = create();
    let log = open(dir.path());
    let mut writer = TestWriter::claim(&log, 0);
    for _ in 0..5 {
        writer.write(b"[]");
    }
    // As after a power failure, which may take the cut back, and a crash.
    let image = crash_image(dir.path());
    fs::remove_file(image.path().join("durable")).expect("removed");
    let all = read(log.as_ref()).expect("readable").entries;
    let secondary: Secondary = RocksLog::open_secondary(image.path()).expect("opened");
    assert_eq!(read(&secondary).expect("readable").entries, all);
    // It does not keep a writer out, and a writer does not disturb it.
    let log = open(image.path());
    TestWriter::claim(&log, 0).write(b"[]");
    assert_eq!(read(&secondary).expect("readable").entries, all);
    secondary.refresh().expect("refreshed");
    assert_eq!(secondary.end(0).expect("readable"), 9);
}

#[test]
fn a_secondary_reader_follows_across_data_files() {
    let dir = create();
    let log = open(dir.path());
    let secondary = RocksLog::open_secondary(dir.path()).expect("opened");
    let mut writer = TestWriter::claim(&log, 0);
    for _ in 0..3 {
        for _ in 0..20 {
            writer.write(&vec![b' '; 1000]);
        }
        let family = log.shared.store.family(0).expect("a partition");
        log.shared.store.db().flush_cf(family).expect("flushed");
        secondary.refresh().expect("refreshed");
        assert_eq!(read(&secondary).expect("readable").entries, read(log.as_ref()).expect("readable").entries);
    }
}
