//! A log that several writers share: what an honest one leaves behind is skipped and counted.

use kippu_events::access::users::{Charging, User};

use super::sample::{SampleLog, Tape, event, registered, seed};
use crate::verify::{Options, Report, verify};

fn check(tape: &Tape) -> Report {
    verify(tape, &Options { embedded: false, ..Options::default() })
}

fn sample_log_with(records: usize) -> (SampleLog, u16) {
    let mut sample = SampleLog::new(seed());
    let first = sample.id();
    let (partition, _) = sample.commit(vec![event::<User>(first, registered(1, Charging::AtSettlement))]);
    for _ in 1..records {
        let user = sample.id().in_slot(first.slot());
        sample.commit(vec![event::<User>(user, registered(1, Charging::AtSettlement))]);
    }
    (sample, partition)
}

#[test]
fn a_repeated_record_is_skipped_and_counted_however_late() {
    let (mut sample, partition) = sample_log_with(10_000);
    let records = &mut sample.tape.0[usize::from(partition)];
    for early in [2, 3, 4096, 4097, 9000] {
        records.push(records[early].clone());
    }
    let report = check(&sample.tape);
    assert!(report.sound, "{report}");
    assert_eq!(report.totals.duplicates, 5);
}

#[test]
fn another_record_with_a_number_that_is_taken_is_damage_however_late() {
    for early in [2, 5000] {
        let (mut sample, partition) = sample_log_with(10_000);
        sample.tape.edit(partition, early, |body| body.replace("\"limit\":1", "\"limit\":2"));
        let forged = sample.tape.0[usize::from(partition)][early].clone();
        sample.tape.edit(partition, early, |body| body.replace("\"limit\":2", "\"limit\":1"));
        sample.tape.0[usize::from(partition)].push(forged);
        let report = check(&sample.tape);
        let damage = report.partitions[usize::from(partition)].damage.as_ref().unwrap();
        assert_eq!((damage.field.as_str(), damage.offset), ("number", 10_002), "{report}");
    }
}

#[test]
fn records_of_a_deposed_writer_are_skipped_and_counted() {
    let (mut sample, partition) = sample_log_with(5);
    let late = sample.tape.0[usize::from(partition)].pop().unwrap();
    sample.claim(partition);
    let mut tape = sample.tape;
    tape.rechain(partition, 0);
    tape.0[usize::from(partition)].push(late);
    let report = check(&tape);
    assert!(report.sound, "{report}");
    assert_eq!(report.totals.stale, 1);
}

#[test]
fn an_event_that_does_not_decode_is_damage_at_its_own_record() {
    let (mut sample, partition) = sample_log_with(5);
    sample.tape.edit(partition, 4, |body| body.replace("\"specversion\":\"1.0\"", "\"specversion\":\"0.3\""));
    let report = check(&sample.tape);
    let damage = report.partitions[usize::from(partition)].damage.as_ref().unwrap();
    assert_eq!((damage.field.as_str(), damage.number, damage.offset), ("specversion", 4, 4), "{report}");
}
