//! Cases about who may write: claims, deposed writers, proofs of ownership.

use std::sync::{Arc, Barrier};

use super::writer::{TestWriter, body, body_of, count, valid};
use super::{Fixture, MANY};
use crate::log::{AppendError, Claim, Content, Progress, Record};

pub fn a_claim_returns_itself_as_head(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    for epoch in 1..=5 {
        let writer = TestWriter::claim(&log, 3);
        assert_eq!(writer.head.epoch, epoch);
        let (records, head) = valid(log.as_ref(), 3);
        assert_eq!(head, writer.head);
        let Content::Claim(Claim { epoch: stored, node, url, .. }) =
            Record::decode(records.last().expect("the claim")).expect("a record").content
        else {
            panic!("the head is no claim")
        };
        assert_eq!((stored, node.as_str(), url.as_str()), (epoch, "suite", "http://suite.invalid"));
    }
}

pub fn a_claim_follows_what_was_handed_over_before(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut before = TestWriter::claim(&log, 0);
    for index in 0..MANY {
        before.append(&body(index)).expect("handed over");
    }
    let after = TestWriter::claim(&log, 0);
    drop(before.until_ended());
    // What the first was told is there; what it was not told is there or not, but never behind the claim.
    let (records, head) = valid(log.as_ref(), 0);
    assert_eq!(head, after.head);
    assert!(after.head.number > before.durable);
    assert_eq!(records.len() as u64, after.head.number + 1);
}

/// Shows F3, F6.
pub fn a_deposed_writer_is_told_so_and_its_record_never_counts(fixture: &mut dyn Fixture) {
    let (log, other) = (fixture.log(), fixture.log());
    let mut first = TestWriter::claim(&log, 0);
    first.write(&body(1));
    let mut second = TestWriter::claim(&other, 0);
    let end = match first.append(b"[\"too late\"]") {
        Ok(_) => first.until_ended(),
        Err(error) => error,
    };
    assert_eq!(end, AppendError::Deposed { epoch: 1, current: 2 });
    second.write(&body(2));
    // It is told again, however often it asks.
    assert_eq!(first.append(b"[\"too late\"]"), Err(end));
    let (records, head) = valid(log.as_ref(), 0);
    assert_eq!(head, second.head);
    assert_eq!(count(&records, b"[\"too late\"]"), 0);
    assert_eq!(count(&records, &body(1)) + count(&records, &body(2)), 2);
}

/// Shows F6.
/// Keeps L4.
pub fn two_writers_never_both_get_an_answer_for_one_number(fixture: &mut dyn Fixture) {
    let logs = [fixture.log(), fixture.log(), fixture.log()];
    let begin = Arc::new(Barrier::new(logs.len()));
    let threads: Vec<_> = (0_u64..)
        .zip(logs)
        .map(|(me, log)| {
            let begin = begin.clone();
            std::thread::spawn(move || {
                begin.wait();
                let mut answered = Vec::new();
                for round in 0..10 {
                    let mut writer = TestWriter::claim(&log, 1);
                    let claimed = writer.head.number;
                    let mut sent = vec![Vec::new()];
                    for index in 0..20 {
                        let body = body(me * 1_000_000 + round * 1000 + index);
                        match writer.append(&body) {
                            Ok(_) => sent.push(body),
                            Err(_) => break,
                        }
                    }
                    while writer.durable < writer.head.number && !matches!(writer.hear(), Progress::Ended(_)) {}
                    for number in claimed + 1..=writer.durable {
                        let index = usize::try_from(number - claimed).expect("a small number");
                        answered.push((number, sent[index].clone()));
                    }
                }
                answered
            })
        })
        .collect();
    let answered: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().expect("a writer")).collect();
    assert!(!answered.is_empty());
    let (records, _) = valid(fixture.log().as_ref(), 1);
    for (number, body) in &answered {
        let stored = &records[usize::try_from(*number).expect("a small number")];
        assert_eq!(body_of(stored).as_ref(), Some(body), "record {number} was answered to another writer");
    }
}

/// Shows F3, F6.
pub fn at_most_one_of_many_claimants_wins_each_epoch(fixture: &mut dyn Fixture) {
    const CLAIMANTS: usize = 8;
    let begin = Arc::new(Barrier::new(CLAIMANTS));
    // Closing a log ends its writers, so all of them stay open.
    let logs: Vec<_> = (0..CLAIMANTS).map(|_| fixture.log()).collect();
    let threads: Vec<_> = logs
        .iter()
        .map(|log| {
            let (log, begin) = (log.clone(), begin.clone());
            std::thread::spawn(move || {
                begin.wait();
                TestWriter::try_claim(&log, 0)
            })
        })
        .collect();
    let mut writers: Vec<TestWriter> =
        threads.into_iter().filter_map(|thread| thread.join().expect("a claimant").ok()).collect();
    writers.sort_by_key(|writer| writer.head.epoch);
    assert!(!writers.is_empty());
    assert!(writers.windows(2).all(|two| two[0].head.epoch < two[1].head.epoch), "two claimants got one epoch");
    let mut last = writers.pop().expect("somebody won");
    for writer in &mut writers {
        let end = writer.until_ended();
        assert!(matches!(end, AppendError::Deposed { .. }), "{end:?}");
    }
    last.write(&body(1));
}

pub fn an_owner_proves_its_ownership(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut writer = TestWriter::claim(&log, 0);
    for ticket in [7, 8] {
        writer.writer.prove(ticket);
        assert_eq!(writer.hear(), Progress::Owned(ticket));
        writer.write(&body(ticket));
    }
}

/// Shows F3, F6.
/// Keeps E4.
pub fn a_deposed_writer_proves_nothing(fixture: &mut dyn Fixture) {
    let (log, other) = (fixture.log(), fixture.log());
    let mut first = TestWriter::claim(&log, 0);
    let _second = TestWriter::claim(&other, 0);
    first.writer.prove(1);
    let ends = [first.hear(), {
        first.writer.prove(2);
        first.hear()
    }];
    for end in ends {
        assert_eq!(end, Progress::Ended(AppendError::Deposed { epoch: 1, current: 2 }));
    }
}

pub fn a_restart_deposes_the_writers_before_it(fixture: &mut dyn Fixture) {
    let mut before = {
        let log = fixture.log();
        let mut writer = TestWriter::claim(&log, 0);
        writer.write(&body(1));
        writer
    };
    fixture.restart();
    let log = fixture.log();
    let mut after = TestWriter::claim(&log, 0);
    assert_eq!(after.head.epoch, 2);
    if before.append(b"[\"too late\"]").is_ok() {
        drop(before.until_ended());
    }
    before.writer.prove(1);
    assert!(matches!(before.hear(), Progress::Ended(_)));
    after.write(&body(2));
    assert_eq!(count(&valid(log.as_ref(), 0).0, b"[\"too late\"]"), 0);
}
