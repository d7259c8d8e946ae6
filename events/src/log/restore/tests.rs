//! Each location takes a history over in pieces, as it is, and nothing that does not follow. Topics need a broker.

use std::path::Path;

use tempfile::TempDir;

use super::super::kafka::broker::{address, trying_out};
use super::super::kafka::{self, KafkaLog, NewTopic};
use super::super::rocks::{self, RocksLog};
use super::super::suite::writer;
use super::super::{AppendError, Claimant, Commit, Content, Log as _, ReadLog, Seal};
use super::*;

const LOG: LogId = LogId([7; 16]);

/// A genesis, and two claims with commits behind each.
fn history(partition: u16) -> Vec<Vec<u8>> {
    writer::history(LOG, partition, &[50, 50])
}

fn seal_after(head: Head) -> Vec<u8> {
    let Head { epoch, number, hash: prev, .. } = head;
    Content::Seal(Seal { epoch, number: number + 1, prev, acked: number, next: "there".to_owned() }).encode().0
}

/// Takes both histories, half and half, with the location opened anew in between; gives the heads.
fn take_over(open: impl Fn() -> Box<dyn Restore>) -> [Head; 2] {
    for half in [0..60, 60..103] {
        let mut location = open();
        for partition in [0, 1] {
            let records = history(partition);
            let next = location.head(partition).map_or(0, |head| usize::try_from(head.number + 1).unwrap());
            location.append(partition, &records[next..half.end]).unwrap();
            assert!(matches!(
                location.append(partition, &records[half.end - 1..half.end]),
                Err(RestoreError::Refused { .. })
            ));
        }
    }
    let mut location = open();
    let heads = [0, 1].map(|partition| location.head(partition).unwrap());
    let refused = location.append(0, &[seal_after(heads[0])]).unwrap_err().to_string();
    assert!(refused.contains("a seal ends a location, not the history"), "{refused}");
    heads
}

fn stored(log: &dyn ReadLog, partition: u16) -> Vec<Vec<u8>> {
    writer::entries(log, partition).into_iter().map(|entry| entry.stored).collect()
}

fn claimant() -> Claimant {
    Claimant { node: "n".to_owned(), url: String::new() }
}

/// Shows F7. Keeps L2, L5.
#[test]
fn an_embedded_log_is_the_history_that_it_took_over_and_goes_on() {
    let dir = TempDir::new().unwrap();
    RocksLog::create(dir.path(), LOG, 2).unwrap();
    let open = |dir: &Path| -> Box<dyn Restore> { Box::new(rocks::Restored::open(dir).unwrap()) };
    let heads = take_over(|| open(dir.path()));
    let restored = open(dir.path());
    assert!(matches!(RocksLog::open(dir.path()), Err(rocks::OpenError::Lock(_))), "nobody serves it meanwhile");
    drop(restored);
    let log = RocksLog::open(dir.path()).unwrap();
    assert_eq!([0, 1].map(|partition| stored(&*log, partition)), [0, 1].map(history));
    let claimed = log.claim(0, &claimant(), std::sync::Arc::new(|_| {})).unwrap();
    assert_eq!((claimed.head.number, claimed.head.epoch), (heads[0].number + 1, 3));
}

/// Shows F7. Keeps L2, L4, L5.
#[test]
fn a_topic_is_the_history_that_it_took_over_and_what_arrives_twice_does_not_count() {
    let address = address("restored");
    KafkaLog::create(&address, &trying_out(), LOG, &NewTopic { partitions: 2, replicas: 1 }).unwrap();
    let open = || -> Box<dyn Restore> { Box::new(kafka::Restored::open(&address, &trying_out()).unwrap()) };
    // Two copies at once, each of which knows nothing of the other.
    let (mut one, mut other) = (open(), open());
    let records = history(0);
    one.append(0, &records[1..30]).unwrap();
    other.append(0, &records[1..10]).unwrap();
    assert!(other.head(0).unwrap().number >= 9);
    let heads = take_over(open);
    let log = KafkaLog::open(&address, &trying_out()).unwrap();
    assert_eq!(stored(&*log, 1), history(1));
    assert_eq!(writer::valid(&*log, 0), (records, heads[0]));
    let mut unaware = open();
    let claimed = log.claim(0, &claimant(), std::sync::Arc::new(|_| {})).unwrap();
    assert_eq!((claimed.head.number, claimed.head.epoch), (heads[0].number + 1, 3));
    // A node has come in between. A copy that does not know of it finds its records skipped.
    let Head { epoch, number, hash: prev, .. } = heads[0];
    let commit = Commit { epoch, number: number + 1, prev, acked: number, body: b"[]" };
    let added = unaware.append(0, &[Content::Commit(commit).encode().0]);
    assert_eq!(added, Err(RestoreError::Diverged { partition: 0, number: number + 1 }));
    // One that does know of it takes nothing that would not count.
    let mut late = open();
    let stale =
        Content::Commit(Commit { epoch: 2, number: 103, prev: heads[0].hash, acked: 102, body: b"[]" }).encode().0;
    assert!(matches!(late.append(0, &[stale]), Err(RestoreError::Refused { .. })));
}

/// Keeps L4.
#[test]
fn a_sealed_history_is_sealed_once_and_takes_no_claim() {
    let dir = TempDir::new().unwrap();
    RocksLog::create(dir.path(), LOG, 1).unwrap();
    let log = RocksLog::open(dir.path()).unwrap();
    for _ in 0..2 {
        super::super::seal::seal(&*log, 0, &claimant(), "there").unwrap();
    }
    let other = super::super::seal::seal(&*log, 0, &claimant(), "other");
    assert_eq!(other, Err(AppendError::Sealed { next: "there".to_owned() }));
    assert_eq!(stored(&*log, 0).len(), 3, "a genesis, a claim and the seal");
}
