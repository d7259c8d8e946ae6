//! Cases about records that are not taken, and about the end of a partition.

use super::Fixture;
use super::seat::{Seat, body, count, entries, valid};
use crate::log::record::MOST_BYTES;
use crate::log::{AppendError, Commit, Content, Hash, Head, Seal};

pub fn a_record_that_does_not_follow_ends_its_writer(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let wrong = |seat: &Seat, number: u64, prev: Hash| {
        let commit = Commit { epoch: seat.head.epoch, number, prev, acked: seat.durable, body: b"[\"wrong\"]" };
        Content::Commit(commit).encode().0
    };
    for case in 0..4 {
        let mut seat = Seat::claim(&log, 0);
        let good = seat.write(&body(case));
        let (number, stored) = match case {
            0 => (good + 2, wrong(&seat, good + 2, seat.head.hash)),
            1 => (good, wrong(&seat, good, seat.head.hash)),
            2 => (good + 1, wrong(&seat, good + 1, Hash::ZERO)),
            3 => (good + 1, wrong(&seat, good + 2, seat.head.hash)),
            other => panic!("case {other}"),
        };
        let end = seat.writer.append(number, stored).err().unwrap_or_else(|| seat.until_ended());
        assert_eq!(end, AppendError::Conflict { number, head: good }, "case {case}");
        assert!(seat.append(&body(99)).is_err(), "case {case}: a writer went on after its end");
    }
    let (records, _) = valid(log.as_ref(), 0);
    assert_eq!(count(&records, b"[\"wrong\"]") + count(&records, &body(99)), 0);
}

pub fn a_record_of_another_epoch_ends_its_writer(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    for change in [-1_i64, 1] {
        let mut seat = Seat::claim(&log, 0);
        seat.head.epoch = seat.head.epoch.checked_add_signed(change).expect("an epoch");
        let number = seat.head.number + 1;
        let end = seat.append(&body(1)).err().unwrap_or_else(|| seat.until_ended());
        assert_eq!(end, AppendError::Conflict { number, head: number - 1 });
    }
    assert_eq!(count(&valid(log.as_ref(), 0).0, &body(1)), 0);
}

pub fn bytes_that_are_no_record_end_their_writer(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let whole = Seat::claim(&log, 0).next(&body(1)).0;
    for bytes in [Vec::new(), vec![0; 200], whole[..whole.len() - 1].to_vec(), [&whole[..], &[0]].concat()] {
        let mut seat = Seat::claim(&log, 0);
        let number = seat.head.number + 1;
        let end = seat.writer.append(number, bytes).err().unwrap_or_else(|| seat.until_ended());
        assert_eq!(end, AppendError::Conflict { number, head: number - 1 });
    }
    // Nothing but the genesis and five claims.
    assert_eq!(entries(log.as_ref(), 0).len(), 6);
}

pub fn a_record_that_is_too_large_is_refused_and_its_writer_goes_on(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut seat = Seat::claim(&log, 0);
    let body = vec![b' '; MOST_BYTES];
    let bytes = seat.next(&body).0.len();
    assert_eq!(seat.append(&body), Err(AppendError::TooLarge { bytes }));
    let number = seat.head.number;
    assert_eq!(seat.write(b"[]"), number + 1);
}

pub fn the_largest_record_is_taken(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut seat = Seat::claim(&log, 0);
    let around = seat.next(b"").0.len();
    let body = vec![b' '; MOST_BYTES - around];
    for _ in 0..3 {
        seat.write(&body);
    }
    let (records, _) = valid(log.as_ref(), 0);
    assert_eq!(records.last().map(Vec::len), Some(MOST_BYTES));
}

pub fn a_seal_ends_the_partition_for_ever(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut seat = Seat::claim(&log, 0);
    seat.write(&body(1));
    let Head { epoch, number, hash, .. } = seat.head;
    let next = "log:elsewhere".to_owned();
    let seal = Seal { epoch, number: number + 1, prev: hash, acked: number, next: next.clone() };
    seat.writer.append(number + 1, Content::Seal(seal).encode().0).expect("handed over");
    assert_eq!(seat.until_ended(), AppendError::Sealed { next: next.clone() });
    assert_eq!(seat.durable, number + 1, "the seal itself is answered");
    let refused = || Some(AppendError::Sealed { next: next.clone() });
    assert_eq!(seat.append(&body(2)).err(), refused());
    assert_eq!(Seat::try_claim(&log, 0).err(), refused());
    Seat::claim(&log, 1).write(&body(3));
    drop((log, seat));
    fixture.restart();
    let log = fixture.log();
    assert_eq!(Seat::try_claim(&log, 0).err(), refused());
    let (_, head) = valid(log.as_ref(), 0);
    assert!(head.sealed);
    assert_eq!(head.number, number + 1);
}
