//! Cases about records that are not taken, and about the end of a partition.

use super::Fixture;
use super::writer::{TestWriter, body, count, entries, valid};
use crate::log::record::MOST_BYTES;
use crate::log::{AppendError, Commit, Content, Hash, Head, Seal};

pub fn a_record_that_does_not_follow_ends_its_writer(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let wrong = |writer: &TestWriter, number: u64, prev: Hash| {
        let commit = Commit { epoch: writer.head.epoch, number, prev, acked: writer.durable, body: b"[\"wrong\"]" };
        Content::Commit(commit).encode().0
    };
    for case in 0..4 {
        let mut writer = TestWriter::claim(&log, 0);
        let good = writer.write(&body(case));
        let (number, stored) = match case {
            0 => (good + 2, wrong(&writer, good + 2, writer.head.hash)),
            1 => (good, wrong(&writer, good, writer.head.hash)),
            2 => (good + 1, wrong(&writer, good + 1, Hash::ZERO)),
            3 => (good + 1, wrong(&writer, good + 2, writer.head.hash)),
            other => panic!("case {other}"),
        };
        let end = writer.writer.append(number, stored).err().unwrap_or_else(|| writer.until_ended());
        assert_eq!(end, AppendError::Conflict { number, head: good }, "case {case}");
        assert!(writer.append(&body(99)).is_err(), "case {case}: a writer went on after its end");
    }
    let (records, _) = valid(log.as_ref(), 0);
    assert_eq!(count(&records, b"[\"wrong\"]") + count(&records, &body(99)), 0);
}

pub fn a_record_of_another_epoch_ends_its_writer(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    for change in [-1_i64, 1] {
        let mut writer = TestWriter::claim(&log, 0);
        writer.head.epoch = writer.head.epoch.checked_add_signed(change).expect("an epoch");
        let number = writer.head.number + 1;
        let end = writer.append(&body(1)).err().unwrap_or_else(|| writer.until_ended());
        assert_eq!(end, AppendError::Conflict { number, head: number - 1 });
    }
    assert_eq!(count(&valid(log.as_ref(), 0).0, &body(1)), 0);
}

pub fn bytes_that_are_no_record_end_their_writer(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let whole = TestWriter::claim(&log, 0).next(&body(1)).0;
    for bytes in [Vec::new(), vec![0; 200], whole[..whole.len() - 1].to_vec(), [&whole[..], &[0]].concat()] {
        let mut writer = TestWriter::claim(&log, 0);
        let number = writer.head.number + 1;
        let end = writer.writer.append(number, bytes).err().unwrap_or_else(|| writer.until_ended());
        assert_eq!(end, AppendError::Conflict { number, head: number - 1 });
    }
    // Nothing but the genesis and five claims.
    assert_eq!(entries(log.as_ref(), 0).len(), 6);
}

pub fn a_record_that_is_too_large_is_refused_and_its_writer_goes_on(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut writer = TestWriter::claim(&log, 0);
    let body = vec![b' '; MOST_BYTES];
    let bytes = writer.next(&body).0.len();
    assert_eq!(writer.append(&body), Err(AppendError::TooLarge { bytes }));
    let number = writer.head.number;
    assert_eq!(writer.write(b"[]"), number + 1);
}

pub fn the_largest_record_is_taken(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut writer = TestWriter::claim(&log, 0);
    let around = writer.next(b"").0.len();
    let body = vec![b' '; MOST_BYTES - around];
    for _ in 0..3 {
        writer.write(&body);
    }
    let (records, _) = valid(log.as_ref(), 0);
    assert_eq!(records.last().map(Vec::len), Some(MOST_BYTES));
}

pub fn a_seal_ends_the_partition_for_ever(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut writer = TestWriter::claim(&log, 0);
    writer.write(&body(1));
    let Head { epoch, number, hash, .. } = writer.head;
    let next = "log:other".to_owned();
    let seal = Seal { epoch, number: number + 1, prev: hash, acked: number, next: next.clone() };
    writer.writer.append(number + 1, Content::Seal(seal).encode().0).expect("handed over");
    assert_eq!(writer.until_ended(), AppendError::Sealed { next: next.clone() });
    assert_eq!(writer.durable, number + 1, "the seal itself is answered");
    let refused = || Some(AppendError::Sealed { next: next.clone() });
    assert_eq!(writer.append(&body(2)).err(), refused());
    assert_eq!(TestWriter::try_claim(&log, 0).err(), refused());
    TestWriter::claim(&log, 1).write(&body(3));
    drop((log, writer));
    fixture.restart();
    let log = fixture.log();
    assert_eq!(TestWriter::try_claim(&log, 0).err(), refused());
    let (_, head) = valid(log.as_ref(), 0);
    assert!(head.sealed);
    assert_eq!(head.number, number + 1);
}
