//! Cases about what is written and read: nothing answered is lost, nothing is seen too early, pages and watches.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};

use super::writer::{TestWriter, body, body_of, count, entries, valid};
use super::{Fixture, MANY, PARTITIONS, PATIENCE};
use crate::log::{AppendError, Bound, Content, Entry, ReadError, Record};

/// Shows F1, F6.
pub fn a_new_log_holds_one_genesis_per_partition(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    assert_eq!(log.partitions(), PARTITIONS);
    for partition in 0..PARTITIONS {
        let entries = entries(log.as_ref(), partition);
        let [genesis] = entries.as_slice() else { panic!("{} entries", entries.len()) };
        let Content::Genesis(genesis) = Record::decode(&genesis.stored).expect("a record").content else {
            panic!("record 0 is no genesis")
        };
        assert_eq!((genesis.log, genesis.partition, genesis.partitions), (log.id(), partition, PARTITIONS));
    }
}

/// Shows F6.
/// Keeps L1.
pub fn an_answered_append_is_read_by_every_later_reader(fixture: &mut dyn Fixture) {
    let (log, other) = (fixture.log(), fixture.log());
    let mut writer = TestWriter::claim(&log, 0);
    for index in 0..20 {
        writer.write(&body(index));
        for reader in [&log, &other, &fixture.log()] {
            let (records, _) = valid(reader.as_ref(), 0);
            assert_eq!(records.last().and_then(|stored| body_of(stored)), Some(body(index)));
        }
    }
}

/// Shows F1, F2, F6.
/// Keeps L2.
pub fn numbers_are_dense_and_the_chain_is_whole(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut last = 0;
    for _ in 0..3 {
        let mut writer = TestWriter::claim(&log, 1);
        for index in 0..100 {
            last = writer.append(&body(index)).expect("handed over");
        }
        writer.until_durable(last);
        let (records, head) = valid(log.as_ref(), 1);
        assert_eq!(head, writer.head);
        assert_eq!(records.len() as u64, last + 1);
    }
    // Genesis, and three times a claim and a hundred commits.
    assert_eq!(last, 3 * 101);
}

pub fn progress_only_grows_and_reaches_the_last_record(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut writer = TestWriter::claim(&log, 0);
    let mut last = 0;
    for index in 0..MANY {
        last = writer.append(&body(index)).expect("handed over");
    }
    // `hear` fails on any number that does not grow.
    writer.until_durable(last);
    assert_eq!(writer.durable, last);
    assert!(writer.progress.try_recv().is_err(), "told something after the last record was durable");
}

/// Shows F6.
/// Keeps L3.
pub fn no_reader_sees_a_record_before_its_writer_may_be_told(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let reader = fixture.log();
    let (start, meet) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (its_start, its_meet) = (start.clone(), meet.clone());
    let reading = std::thread::spawn(move || {
        its_start.wait();
        let mut seen: Vec<Entry> = Vec::new();
        loop {
            let from = seen.last().map_or(0, |last| last.offset + 1);
            let page = reader.read(2, from, Bound::default()).expect("readable");
            seen.extend(page.entries);
            let done = seen.iter().rev().take(1).any(|last| body_of(&last.stored).as_deref() == Some(b"[]"));
            if done {
                its_meet.wait();
                return seen;
            }
        }
    });
    let mut writer = TestWriter::claim(&log, 2);
    start.wait();
    let mut last = 0;
    for index in 0..MANY {
        last = writer.append(&body(index)).expect("handed over");
    }
    last = last.max(writer.append(b"[]").expect("handed over"));
    meet.wait();
    // The reader has seen the last record. So the writer may be told now, whatever happens to it next: another writer
    // that takes over finds every record that was seen, and the first is told that they are durable.
    let successor = TestWriter::claim(&log, 2);
    assert_eq!(successor.head.number, last + 1);
    drop(writer.until_ended());
    assert_eq!(writer.durable, last);
    let seen = reading.join().expect("the reader");
    let now = entries(log.as_ref(), 2);
    assert_eq!(seen[..], now[..seen.len()]);
}

/// Shows F6.
/// Keeps L1.
pub fn a_restart_keeps_everything(fixture: &mut dyn Fixture) {
    let before = {
        let log = fixture.log();
        for partition in 0..PARTITIONS {
            let mut writer = TestWriter::claim(&log, partition);
            let mut last = 0;
            for index in 0..200 * u64::from(partition) {
                last = writer.append(&body(index)).expect("handed over");
            }
            writer.until_durable(last);
        }
        (log.id(), (0..PARTITIONS).map(|partition| entries(log.as_ref(), partition)).collect::<Vec<_>>())
    };
    for _ in 0..2 {
        fixture.restart();
        let log = fixture.log();
        let after = (0..PARTITIONS).map(|partition| entries(log.as_ref(), partition)).collect::<Vec<_>>();
        assert!((log.id(), after) == before, "the history is another one after a restart");
    }
    let log = fixture.log();
    for partition in 0..PARTITIONS {
        let (_, head) = valid(log.as_ref(), partition);
        let mut writer = TestWriter::claim(&log, partition);
        assert_eq!((writer.head.epoch, writer.head.number), (head.epoch + 1, head.number + 1));
        writer.write(&body(1));
        assert_eq!(valid(log.as_ref(), partition).1, writer.head);
    }
}

pub fn a_page_keeps_to_its_bounds(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut writer = TestWriter::claim(&log, 0);
    for index in 0..50 {
        writer.append(&body(index)).expect("handed over");
    }
    writer.until_durable(51);
    let all = entries(log.as_ref(), 0);
    assert_eq!(all.iter().map(|entry| entry.offset).collect::<Vec<_>>(), (0..=51).collect::<Vec<_>>());
    let read = |offset, entries, bytes| {
        let bound = Bound { entries, bytes };
        let page = log.read(0, offset, bound).expect("readable").entries;
        let mut shown = Vec::new();
        let visited = log.visit(0, offset, bound, &mut |offset, stored| {
            shown.push(Entry { offset, stored: stored.to_vec() });
        });
        assert_eq!(shown, page, "what is shown is what is read");
        assert_eq!(visited.expect("readable"), offset + page.len() as u64);
        page
    };
    assert_eq!(read(10, 7, usize::MAX), all[10..17]);
    assert_eq!(read(50, 7, usize::MAX), all[50..]);
    assert_eq!(read(10, 7, 0), all[10..11], "one entry is always brought");
    let three: usize = all[10..13].iter().map(|entry| entry.stored.len()).sum();
    assert_eq!(read(10, 7, three), all[10..13]);
    assert_eq!(read(10, 7, three - 1), all[10..12]);
}

/// A reader that meets a repeated record looks for the first one while it is lent the second.
pub fn who_is_lent_an_entry_may_read_the_same_partition(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut writer = TestWriter::claim(&log, 0);
    writer.write(&body(1));
    assert_eq!(entries(log.as_ref(), 0).len(), 3);
    let reader = Arc::clone(&log);
    let (told, heard) = channel();
    std::thread::spawn(move || {
        let mut again = Vec::new();
        let visited = reader.visit(0, 0, Bound::default(), &mut |offset, stored| {
            let page = reader.read(0, offset, Bound { entries: 1, bytes: 0 }).expect("readable");
            assert_eq!(page.entries, [Entry { offset, stored: stored.to_vec() }]);
            again.push((reader.end(0).expect("readable"), reader.known_end(0).expect("readable")));
        });
        // The case is over where nobody hears it.
        drop(told.send((visited.expect("readable"), again)));
    });
    let (visited, again) = heard.recv_timeout(PATIENCE).expect("the reader does not wait for itself");
    assert_eq!((visited, again), (3, vec![(3, 3); 3]));
}

pub fn a_page_behind_the_end_is_empty(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    TestWriter::claim(&log, 0).write(&body(1));
    let end = log.end(0).expect("readable");
    assert_eq!(end, 3);
    for offset in [end, end + 1, u64::MAX] {
        assert!(log.read(0, offset, Bound::default()).expect("readable").entries.is_empty());
    }
}

pub fn a_partition_that_does_not_exist_is_refused(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    for partition in [PARTITIONS, u16::MAX] {
        assert!(
            matches!(log.end(partition), Err(ReadError::NoPartition { partition: named, .. }) if named == partition)
        );
        assert!(matches!(log.read(partition, 0, Bound::default()), Err(ReadError::NoPartition { .. })));
        assert!(matches!(TestWriter::try_claim(&log, partition).err(), Some(AppendError::Unavailable(_))));
    }
}

pub fn a_watch_hears_of_every_move_of_the_end(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let (sender, moved) = channel();
    let its = Arc::downgrade(&log);
    log.watch(Arc::new(move |partition| {
        let end = its.upgrade().and_then(|log| log.end(partition).ok());
        // The case may be over.
        sender.send((partition, end)).ok();
    }));
    let mut writer = TestWriter::claim(&log, 2);
    for index in 0..50 {
        let number = writer.write(&body(index));
        let reaches = |(partition, end)| partition == 2 && end == Some(number + 1);
        while !reaches(moved.recv_timeout(PATIENCE).expect("the watch should be called")) {}
    }
}

pub fn partitions_do_not_disturb_each_other(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut writers: Vec<TestWriter> = (0..PARTITIONS).map(|partition| TestWriter::claim(&log, partition)).collect();
    for index in 0..200 {
        for writer in &mut writers {
            writer.append(&body(index * 10 + u64::from(writer.partition))).expect("handed over");
        }
    }
    // One is deposed, another ends by its own mistake; the others do not notice.
    let _other = TestWriter::claim(&log, 0);
    let mistake = writers[1].head.number + 5;
    let stored = writers[1].next(b"[]").0;
    if writers[1].writer.append(mistake, stored).is_ok() {
        assert!(matches!(writers[1].until_ended(), AppendError::Conflict { .. }));
    }
    for writer in &mut writers[2..] {
        let partition = u64::from(writer.partition);
        writer.write(b"[]");
        let (records, head) = valid(log.as_ref(), writer.partition);
        assert_eq!(head, writer.head);
        for index in 0..200 {
            assert_eq!(count(&records, &body(index * 10 + partition)), 1);
        }
    }
}
