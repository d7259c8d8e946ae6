//! A log that several writers share: what an honest one leaves behind is skipped and counted.

use kippu_events::user::{Charging, User};

use super::scribe::{Scribe, Tape, event, registered, seed};
use crate::verify::{Options, Report, verify};

fn check(tape: &Tape) -> Report {
    verify(tape, &Options { embedded: false, ..Options::default() })
}

fn scribe_with(records: usize) -> (Scribe, u16) {
    let mut scribe = Scribe::new(seed());
    let first = scribe.id();
    let (partition, _) = scribe.commit(vec![event::<User>(first, registered(1, Charging::AtSettlement))]);
    for _ in 1..records {
        let user = scribe.id().in_slot(first.slot());
        scribe.commit(vec![event::<User>(user, registered(1, Charging::AtSettlement))]);
    }
    (scribe, partition)
}

#[test]
fn a_repeated_record_is_skipped_and_counted_however_late() {
    let (mut scribe, partition) = scribe_with(10_000);
    let records = &mut scribe.tape.0[usize::from(partition)];
    for early in [2, 3, 4096, 4097, 9000] {
        records.push(records[early].clone());
    }
    let report = check(&scribe.tape);
    assert!(report.sound, "{report}");
    assert_eq!(report.totals.duplicates, 5);
}

#[test]
fn another_record_with_a_number_that_is_taken_is_damage_however_late() {
    for early in [2, 5000] {
        let (mut scribe, partition) = scribe_with(10_000);
        scribe.tape.edit(partition, early, |body| body.replace("\"limit\":1", "\"limit\":2"));
        let forged = scribe.tape.0[usize::from(partition)][early].clone();
        scribe.tape.edit(partition, early, |body| body.replace("\"limit\":2", "\"limit\":1"));
        scribe.tape.0[usize::from(partition)].push(forged);
        let report = check(&scribe.tape);
        let damage = report.partitions[usize::from(partition)].damage.as_ref().unwrap();
        assert_eq!((damage.field.as_str(), damage.offset), ("number", 10_002), "{report}");
    }
}

#[test]
fn records_of_a_deposed_writer_are_skipped_and_counted() {
    let (mut scribe, partition) = scribe_with(5);
    let late = scribe.tape.0[usize::from(partition)].pop().unwrap();
    scribe.claim(partition);
    let mut tape = scribe.tape;
    tape.rechain(partition, 0);
    tape.0[usize::from(partition)].push(late);
    let report = check(&tape);
    assert!(report.sound, "{report}");
    assert_eq!(report.totals.stale, 1);
}

#[test]
fn an_event_that_does_not_decode_is_damage_at_its_own_record() {
    let (mut scribe, partition) = scribe_with(5);
    scribe.tape.edit(partition, 4, |body| body.replace("\"specversion\":\"1.0\"", "\"specversion\":\"0.3\""));
    let report = check(&scribe.tape);
    let damage = report.partitions[usize::from(partition)].damage.as_ref().unwrap();
    assert_eq!((damage.field.as_str(), damage.number, damage.offset), ("specversion", 4, 4), "{report}");
}
