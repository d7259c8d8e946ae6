//! A log that several writers share: what an honest one leaves behind is skipped and counted.

use std::sync::Mutex;

use kippu_events::access::users::{Charging, User};
use kippu_events::log::{Bound, Cut, LogId, Page, ReadError, ReadLog, Watch};

use super::sample::{SampleLog, Tape, event, registered, seed};
use crate::verify::{Options, Report, Verified, verify};

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
    let last = report.partitions[usize::from(partition)].skipped.last().unwrap();
    let told = (last.offset, last.after, last.number, last.cause);
    assert_eq!(told, (10_006, 10_001, Some(9000), "duplicate"), "{report}");
    assert!(report.to_string().contains("offset 10006, behind record 10001: duplicate, a record that was here before"));
    let few = verify(&sample.tape, &Options { embedded: false, most_skipped: 2, ..Options::default() });
    assert_eq!(few.partitions[usize::from(partition)].skipped.len(), 2);
    assert!(few.to_string().contains(&format!("SKIPPED partition {partition}: and 3 more")), "{few}");
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
    let skipped = &report.partitions[usize::from(partition)].skipped;
    assert_eq!((skipped[0].cause, skipped[0].epoch), ("stale", Some(1)), "{report}");
}

#[test]
fn an_event_that_does_not_decode_is_damage_at_its_own_record() {
    let (mut sample, partition) = sample_log_with(5);
    sample.tape.edit(partition, 4, |body| body.replace("\"specversion\":\"1.0\"", "\"specversion\":\"0.3\""));
    let report = check(&sample.tape);
    let damage = report.partitions[usize::from(partition)].damage.as_ref().unwrap();
    assert_eq!((damage.field.as_str(), damage.number, damage.offset), ("specversion", 4, 4), "{report}");
}

#[test]
fn behind_a_cut_bytes_and_chain_are_looked_into_and_nothing_before_it_on_an_embedded_log() {
    let (sample, partition) = sample_log_with(20);
    let mut tape = sample.tape;
    let (at, last) = (usize::from(partition), tape.0[usize::from(partition)].len() as u64 - 1);
    let mut cut = Cut(vec![0; tape.0.len()]);
    cut.0[at] = 10;
    let behind = |tape: &Tape, embedded: bool, cut: &Cut| {
        verify(tape, &Options { embedded, behind: Some(cut), ..Options::default() })
    };
    for embedded in [true, false] {
        let report = behind(&tape, embedded, &cut);
        assert!(report.sound, "{report}");
        assert_eq!(report.totals.events, last - 10, "{report}");
        assert!(report.to_string().contains("no rules were held"), "{report}");
    }
    tape.0[at][15][40] ^= 1;
    assert_eq!(behind(&tape, true, &cut).partitions[at].damage.as_ref().map(|damage| damage.number), Some(15));
    tape.0[at][15][40] ^= 1;
    tape.0[at][5][40] ^= 1;
    assert!(behind(&tape, true, &cut).sound);
    assert_eq!(behind(&tape, false, &cut).partitions[at].damage.as_ref().map(|damage| damage.number), Some(5));
    cut.0[at] = last + 1;
    assert_eq!(behind(&tape, true, &cut).partitions[at].damage.as_ref().map(|damage| damage.number), Some(5));
}

#[test]
fn a_log_that_grows_is_verified_on_from_where_it_was_with_every_rule() {
    let (mut sample, _) = sample_log_with(5);
    let whole = sample.tape.clone();
    let growing = Growing { tape: Mutex::new(whole) };
    let options = Options::default();
    let mut verified = Verified::new(&growing, &options);
    let before = verified.report();
    assert!(before.sound, "{before}");
    let again = sample.id();
    let registered = || vec![event::<User>(again, registered(1, Charging::AtSettlement))];
    let (at, number) = sample.commit(registered());
    *growing.tape.lock().unwrap() = sample.tape.clone();
    verified.go_on();
    assert_eq!(verified.report().totals.events, before.totals.events + 1);
    let (_, twice) = sample.commit(registered());
    *growing.tape.lock().unwrap() = sample.tape.clone();
    verified.go_on();
    let report = verified.report();
    let breach = &report.partitions[usize::from(at)].first_breaches[0];
    assert_eq!((breach.rule.name(), breach.number, twice), ("register-once", number + 1, number + 1), "{report}");
}

/// A log that gets longer under its reader.
struct Growing {
    tape: Mutex<Tape>,
}

impl ReadLog for Growing {
    fn id(&self) -> LogId {
        self.tape.lock().unwrap().id()
    }

    fn partitions(&self) -> u16 {
        self.tape.lock().unwrap().partitions()
    }

    fn end(&self, partition: u16) -> Result<u64, ReadError> {
        self.tape.lock().unwrap().end(partition)
    }

    fn read(&self, partition: u16, offset: u64, bound: Bound) -> Result<Page, ReadError> {
        self.tape.lock().unwrap().read(partition, offset, bound)
    }

    fn watch(&self, _watch: Watch) {}
}
