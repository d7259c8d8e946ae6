//! The contract suite: one list of cases, stated in outcomes. `log_suite!(name, fixture)` expands to one `#[test]` per
//! case, so that `name::case` is in the output of every backend. A backend that cannot pass a case is not a log.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use super::record::{self, Claim, Commit, Content, Hash, Record, Seal};
use super::{
    AppendError, Bound, Claimant, Claimed, Damage, Entry, Head, Listener, Log, LogId, Progress, ReadError, ReadLog,
    Verdict, Writer, judge,
};

/// Partitions that a fixture MUST have.
pub const PARTITIONS: u16 = 4;
/// No case waits for time to pass; one that waits this long for a message has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Enough for several group commits.
const MANY: u64 = 2000;

/// A fresh log, and what surrounds it.
pub trait Fixture {
    /// The log. Two calls give two views of the same log, as two nodes would have; an embedded log gives one twice.
    fn log(&self) -> Arc<dyn Log>;

    /// The log as after a restart: everything before is closed, and nothing but its medium is left. The case has
    /// dropped all that it got before.
    fn restart(&mut self);
}

/// Expands to one test per case for the backend `$name`, whose `$fixture` expression makes a [`Fixture`].
#[macro_export]
macro_rules! log_suite {
    ($name:ident, $fixture:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $crate::log_suite!(@cases $fixture;
                a_new_log_holds_one_genesis_per_partition
                an_answered_append_is_read_by_every_later_reader
                numbers_are_dense_and_the_chain_is_whole
                progress_only_grows_and_reaches_the_last_record
                no_reader_sees_a_record_before_its_writer_may_be_told
                a_claim_returns_itself_as_head
                a_claim_follows_what_was_handed_over_before
                a_deposed_writer_is_told_so_and_its_record_never_counts
                two_writers_never_both_get_an_answer_for_one_number
                exactly_one_of_many_claimants_wins_each_epoch
                an_owner_proves_its_ownership
                a_deposed_writer_proves_nothing
                a_record_that_does_not_follow_ends_its_writer
                a_record_of_another_epoch_ends_its_writer
                bytes_that_are_no_record_end_their_writer
                a_record_that_is_too_large_is_refused_and_its_writer_goes_on
                the_largest_record_is_taken
                a_seal_ends_the_partition_for_ever
                a_restart_keeps_everything
                a_restart_deposes_the_writers_before_it
                a_page_keeps_to_its_bounds
                a_page_behind_the_end_is_empty
                a_partition_that_does_not_exist_is_refused
                a_watch_hears_of_every_move_of_the_end
                partitions_do_not_disturb_each_other
            );
        }
    };
    (@cases $fixture:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::log::suite::$case(&mut $fixture);
            }
        )*
    };
}

/// A writer that keeps the chain.
struct Seat {
    writer: Box<dyn Writer>,
    progress: Receiver<Progress>,
    head: Head,
    durable: u64,
    partition: u16,
}

impl Seat {
    fn try_claim(log: &Arc<dyn Log>, partition: u16) -> Result<Self, AppendError> {
        let (sender, progress) = channel();
        let listener: Listener = Arc::new(move |news| {
            // The case may be over.
            sender.send(news).ok();
        });
        let claimant = Claimant { node: "suite".to_owned(), url: "http://suite.invalid".to_owned() };
        let Claimed { writer, head } = log.claim(partition, &claimant, listener)?;
        Ok(Self { writer, progress, head, durable: head.number, partition })
    }

    #[track_caller]
    fn claim(log: &Arc<dyn Log>, partition: u16) -> Self {
        Self::try_claim(log, partition).expect("the claim should be granted")
    }

    /// The record after the last.
    fn next(&self, body: &[u8]) -> (Vec<u8>, Head) {
        let Head { epoch, number, hash, .. } = self.head;
        let number = number + 1;
        let (stored, hash) = Content::Commit(Commit { epoch, number, prev: hash, acked: self.durable, body }).encode();
        (stored, Head { epoch, number, hash, sealed: false })
    }

    fn append(&mut self, body: &[u8]) -> Result<u64, AppendError> {
        let (stored, head) = self.next(body);
        self.writer.append(head.number, stored)?;
        self.head = head;
        Ok(head.number)
    }

    fn hear(&mut self) -> Progress {
        let news = self.progress.recv_timeout(PATIENCE).expect("the writer should be told something");
        if let Progress::Durable(number) = news {
            assert!(number > self.durable, "durable {number} after durable {}", self.durable);
            self.durable = number;
        }
        news
    }

    /// Appends and waits until it may be answered.
    fn write(&mut self, body: &[u8]) -> u64 {
        let number = self.append(body).expect("the append should be handed over");
        self.until_durable(number);
        number
    }

    fn until_durable(&mut self, number: u64) {
        while self.durable < number {
            match self.hear() {
                Progress::Durable(_) => {}
                other => panic!("told {other:?} while waiting for {number}"),
            }
        }
    }

    /// How the writer ended; what became durable before that is noted.
    fn until_ended(&mut self) -> AppendError {
        loop {
            match self.hear() {
                Progress::Durable(_) | Progress::Owned(_) => {}
                Progress::Ended(error) => return error,
            }
        }
    }
}

/// Everything that the partition holds.
fn entries(log: &dyn ReadLog, partition: u16) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let from = entries.last().map_or(0, |last| last.offset + 1);
        let page = log.read(partition, from, Bound::default()).expect("the log should be readable");
        if page.entries.is_empty() {
            return entries;
        }
        entries.extend(page.entries);
    }
}

/// The valid records of the partition, as a reader takes them, and the head. The history MUST be honest.
fn valid(log: &dyn ReadLog, partition: u16) -> (Vec<Vec<u8>>, Head) {
    let entries = entries(log, partition);
    let genesis = Record::decode(&entries[0].stored).expect("a record");
    let mut head = Head::at_genesis(genesis.digest);
    let mut taken = vec![entries[0].stored.clone()];
    let mut digests = vec![genesis.digest];
    for entry in &entries[1..] {
        let record = Record::decode(&entry.stored).expect("a record");
        let known = |number| digests.get(usize::try_from(number).expect("a small number")).copied();
        match judge::judge(&head, &record, known) {
            Verdict::Valid(next) => {
                head = next;
                digests.push(record.digest);
                taken.push(entry.stored.clone());
            }
            Verdict::Stale | Verdict::Duplicate | Verdict::Orphan => {}
            Verdict::Damage(damage) => damaged(entry.offset, &damage),
        }
    }
    (taken, head)
}

fn damaged(offset: u64, damage: &Damage) -> ! {
    panic!("an honest history is judged damage at offset {offset}: {damage}")
}

fn body_of(stored: &[u8]) -> Option<Vec<u8>> {
    match Record::decode(stored).expect("a record").content {
        Content::Commit(commit) => Some(commit.body.to_vec()),
        Content::Genesis(_) | Content::Claim(_) | Content::Seal(_) => None,
    }
}

fn count(records: &[Vec<u8>], body: &[u8]) -> usize {
    records.iter().filter(|stored| body_of(stored).as_deref() == Some(body)).count()
}

fn body(index: u64) -> Vec<u8> {
    format!("[{{\"id\":\"{index}\"}}]").into_bytes()
}

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

/// Shows F6, L1.
pub fn an_answered_append_is_read_by_every_later_reader(fixture: &mut dyn Fixture) {
    let (log, other) = (fixture.log(), fixture.log());
    let mut seat = Seat::claim(&log, 0);
    for index in 0..20 {
        seat.write(&body(index));
        for reader in [&log, &other, &fixture.log()] {
            let (records, _) = valid(reader.as_ref(), 0);
            assert_eq!(records.last().and_then(|stored| body_of(stored)), Some(body(index)));
        }
    }
}

/// Shows F1, F2, F6, L2.
pub fn numbers_are_dense_and_the_chain_is_whole(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut last = 0;
    for _ in 0..3 {
        let mut seat = Seat::claim(&log, 1);
        for index in 0..100 {
            last = seat.append(&body(index)).expect("handed over");
        }
        seat.until_durable(last);
        let (records, head) = valid(log.as_ref(), 1);
        assert_eq!(head, seat.head);
        assert_eq!(records.len() as u64, last + 1);
    }
    // Genesis, and three times a claim and a hundred commits.
    assert_eq!(last, 3 * 101);
}

pub fn progress_only_grows_and_reaches_the_last_record(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut seat = Seat::claim(&log, 0);
    let mut last = 0;
    for index in 0..MANY {
        last = seat.append(&body(index)).expect("handed over");
    }
    // `hear` fails on any number that does not grow.
    seat.until_durable(last);
    assert_eq!(seat.durable, last);
    assert!(seat.progress.try_recv().is_err(), "told something after the last record was durable");
}

/// Shows F6, L3.
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
    let mut seat = Seat::claim(&log, 2);
    start.wait();
    let mut last = 0;
    for index in 0..MANY {
        last = seat.append(&body(index)).expect("handed over");
    }
    last = seat.append(b"[]").map_or(last, |number| number);
    meet.wait();
    // The reader has seen the last record. So the writer may be told now, whatever happens to it next: another writer
    // that takes over finds every record that was seen, and the first is told that they are durable.
    let successor = Seat::claim(&log, 2);
    assert_eq!(successor.head.number, last + 1);
    drop(seat.until_ended());
    assert_eq!(seat.durable, last);
    let seen = reading.join().expect("the reader");
    let now = entries(log.as_ref(), 2);
    assert_eq!(seen[..], now[..seen.len()]);
}

pub fn a_claim_returns_itself_as_head(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    for epoch in 1..=5 {
        let seat = Seat::claim(&log, 3);
        assert_eq!(seat.head.epoch, epoch);
        let (records, head) = valid(log.as_ref(), 3);
        assert_eq!(head, seat.head);
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
    let mut before = Seat::claim(&log, 0);
    for index in 0..MANY {
        before.append(&body(index)).expect("handed over");
    }
    let after = Seat::claim(&log, 0);
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
    let mut first = Seat::claim(&log, 0);
    first.write(&body(1));
    let mut second = Seat::claim(&other, 0);
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

/// Shows F6, L4.
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
                    let mut seat = Seat::claim(&log, 1);
                    let claimed = seat.head.number;
                    let mut sent = vec![Vec::new()];
                    for index in 0..20 {
                        let body = body(me * 1_000_000 + round * 1000 + index);
                        match seat.append(&body) {
                            Ok(_) => sent.push(body),
                            Err(_) => break,
                        }
                    }
                    while seat.durable < seat.head.number && !matches!(seat.hear(), Progress::Ended(_)) {}
                    for number in claimed + 1..=seat.durable {
                        let index = usize::try_from(number - claimed).expect("a small number");
                        answered.push((number, sent[index].clone()));
                    }
                }
                answered
            })
        })
        .collect();
    let answered: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().expect("a writer")).collect();
    let (records, _) = valid(fixture.log().as_ref(), 1);
    for (number, body) in &answered {
        let stored = &records[usize::try_from(*number).expect("a small number")];
        assert_eq!(body_of(stored).as_ref(), Some(body), "record {number} was answered to another writer");
    }
}

/// Shows F3, F6.
pub fn exactly_one_of_many_claimants_wins_each_epoch(fixture: &mut dyn Fixture) {
    const CLAIMANTS: usize = 8;
    let begin = Arc::new(Barrier::new(CLAIMANTS));
    let threads: Vec<_> = (0..CLAIMANTS)
        .map(|_| {
            let (log, begin) = (fixture.log(), begin.clone());
            std::thread::spawn(move || {
                begin.wait();
                Seat::try_claim(&log, 0)
            })
        })
        .collect();
    let mut seats: Vec<Seat> =
        threads.into_iter().filter_map(|thread| thread.join().expect("a claimant").ok()).collect();
    seats.sort_by_key(|seat| seat.head.epoch);
    assert!(!seats.is_empty());
    assert!(seats.windows(2).all(|two| two[0].head.epoch < two[1].head.epoch), "two claimants got one epoch");
    let mut last = seats.pop().expect("somebody won");
    for seat in &mut seats {
        let end = seat.until_ended();
        assert!(matches!(end, AppendError::Deposed { .. }), "{end:?}");
    }
    last.write(&body(1));
}

pub fn an_owner_proves_its_ownership(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut seat = Seat::claim(&log, 0);
    for ticket in [7, 8] {
        seat.writer.prove(ticket);
        assert_eq!(seat.hear(), Progress::Owned(ticket));
        seat.write(&body(ticket));
    }
}

/// Shows F3, F6, E4.
pub fn a_deposed_writer_proves_nothing(fixture: &mut dyn Fixture) {
    let (log, other) = (fixture.log(), fixture.log());
    let mut first = Seat::claim(&log, 0);
    let _second = Seat::claim(&other, 0);
    first.writer.prove(1);
    let ends = [first.hear(), {
        first.writer.prove(2);
        first.hear()
    }];
    for end in ends {
        assert_eq!(end, Progress::Ended(AppendError::Deposed { epoch: 1, current: 2 }));
    }
}

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
    let body = vec![b' '; record::MOST_BYTES];
    let bytes = seat.next(&body).0.len();
    assert_eq!(seat.append(&body), Err(AppendError::TooLarge { bytes }));
    let number = seat.head.number;
    assert_eq!(seat.write(b"[]"), number + 1);
}

pub fn the_largest_record_is_taken(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut seat = Seat::claim(&log, 0);
    let around = seat.next(b"").0.len();
    let body = vec![b' '; record::MOST_BYTES - around];
    for _ in 0..3 {
        seat.write(&body);
    }
    let (records, _) = valid(log.as_ref(), 0);
    assert_eq!(records.last().map(Vec::len), Some(record::MOST_BYTES));
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

/// Shows F6, L1.
pub fn a_restart_keeps_everything(fixture: &mut dyn Fixture) {
    let before = {
        let log = fixture.log();
        for partition in 0..PARTITIONS {
            let mut seat = Seat::claim(&log, partition);
            let mut last = 0;
            for index in 0..200 * u64::from(partition) {
                last = seat.append(&body(index)).expect("handed over");
            }
            seat.until_durable(last);
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
        let mut seat = Seat::claim(&log, partition);
        assert_eq!((seat.head.epoch, seat.head.number), (head.epoch + 1, head.number + 1));
        seat.write(&body(1));
        assert_eq!(valid(log.as_ref(), partition).1, seat.head);
    }
}

pub fn a_restart_deposes_the_writers_before_it(fixture: &mut dyn Fixture) {
    let mut before = {
        let log = fixture.log();
        let mut seat = Seat::claim(&log, 0);
        seat.write(&body(1));
        seat
    };
    fixture.restart();
    let log = fixture.log();
    let mut after = Seat::claim(&log, 0);
    assert_eq!(after.head.epoch, 2);
    if before.append(b"[\"too late\"]").is_ok() {
        drop(before.until_ended());
    }
    before.writer.prove(1);
    assert!(matches!(before.hear(), Progress::Ended(_)));
    after.write(&body(2));
    assert_eq!(count(&valid(log.as_ref(), 0).0, b"[\"too late\"]"), 0);
}

pub fn a_page_keeps_to_its_bounds(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut seat = Seat::claim(&log, 0);
    for index in 0..50 {
        seat.append(&body(index)).expect("handed over");
    }
    seat.until_durable(51);
    let all = entries(log.as_ref(), 0);
    assert_eq!(all.iter().map(|entry| entry.offset).collect::<Vec<_>>(), (0..=51).collect::<Vec<_>>());
    let read = |offset, entries, bytes| log.read(0, offset, Bound { entries, bytes }).expect("readable").entries;
    assert_eq!(read(10, 7, usize::MAX), all[10..17]);
    assert_eq!(read(50, 7, usize::MAX), all[50..]);
    assert_eq!(read(10, 7, 0), all[10..11], "one entry is always brought");
    let three: usize = all[10..13].iter().map(|entry| entry.stored.len()).sum();
    assert_eq!(read(10, 7, three), all[10..13]);
    assert_eq!(read(10, 7, three - 1), all[10..12]);
}

pub fn a_page_behind_the_end_is_empty(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    Seat::claim(&log, 0).write(&body(1));
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
        assert!(matches!(Seat::try_claim(&log, partition).err(), Some(AppendError::Unavailable(_))));
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
    let mut seat = Seat::claim(&log, 2);
    for index in 0..50 {
        let number = seat.write(&body(index));
        let reaches = |(partition, end)| partition == 2 && end == Some(number + 1);
        while !reaches(moved.recv_timeout(PATIENCE).expect("the watch should be called")) {}
    }
}

pub fn partitions_do_not_disturb_each_other(fixture: &mut dyn Fixture) {
    let log = fixture.log();
    let mut seats: Vec<Seat> = (0..PARTITIONS).map(|partition| Seat::claim(&log, partition)).collect();
    for index in 0..200 {
        for seat in &mut seats {
            seat.append(&body(index * 10 + u64::from(seat.partition))).expect("handed over");
        }
    }
    // One is deposed, another ends by its own mistake; the others do not notice.
    let _other = Seat::claim(&log, 0);
    let mistake = seats[1].head.number + 5;
    let stored = seats[1].next(b"[]").0;
    if seats[1].writer.append(mistake, stored).is_ok() {
        assert!(matches!(seats[1].until_ended(), AppendError::Conflict { .. }));
    }
    for seat in &mut seats[2..] {
        let partition = u64::from(seat.partition);
        seat.write(b"[]");
        let (records, head) = valid(log.as_ref(), seat.partition);
        assert_eq!(head, seat.head);
        for index in 0..200 {
            assert_eq!(count(&records, &body(index * 10 + partition)), 1);
        }
    }
}

/// An identity for a fixture's log.
#[must_use]
pub fn log_id() -> LogId {
    LogId::random().expect("randomness")
}
