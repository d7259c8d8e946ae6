//! What the embedded log does when the disk fails it. Failpoints belong to the whole process, so these tests have a
//! binary of their own, and one at a time holds the scenario.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests fail by panicking

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use fail::FailScenario;
use kippu_events::log::rocks::{RocksLog, Settings};
use kippu_events::log::{
    AppendError, Bound, Claimant, Commit, Content, Head, Log as _, LogId, Progress, ReadLog as _, Writer,
};

const PATIENCE: Duration = Duration::from_secs(60);

fn open(dir: &Path, poisoned: Sender<String>) -> Arc<RocksLog> {
    let on_poison = Arc::new(move |reason: &str| poisoned.send(reason.to_owned()).expect("the test listens"));
    RocksLog::open_with(dir, Settings { on_poison, ..Settings::default() }).expect("opened")
}

struct TestWriter {
    writer: Box<dyn Writer>,
    progress: Receiver<Progress>,
    head: Head,
}

impl TestWriter {
    fn try_claim(log: &RocksLog, partition: u16) -> Result<Self, AppendError> {
        let (sender, progress) = channel();
        // A test that has seen enough hangs up.
        let listener = Arc::new(move |news| {
            sender.send(news).ok();
        });
        let claimed = log.claim(partition, &Claimant { node: "test".to_owned(), url: String::new() }, listener)?;
        Ok(Self { writer: claimed.writer, progress, head: claimed.head })
    }

    fn append(&mut self, body: &[u8]) -> Result<u64, AppendError> {
        let Head { epoch, number, hash: prev, .. } = self.head;
        let number = number + 1;
        let (stored, hash) = Content::Commit(Commit { epoch, number, prev, acked: number - 1, body }).encode();
        self.writer.append(number, stored)?;
        self.head = Head { epoch, number, hash, sealed: false };
        Ok(number)
    }

    fn hear(&self) -> Progress {
        self.progress.recv_timeout(PATIENCE).expect("told")
    }
}

fn a_failure_poisons(point: &str) {
    let scenario = FailScenario::setup();
    let dir = tempfile::tempdir().expect("a directory");
    RocksLog::create(dir.path(), LogId([1; 16]), 2).expect("created");
    let (sender, poisoned) = channel();
    let log = open(dir.path(), sender);
    let mut writing = TestWriter::try_claim(&log, 0).expect("claimed");
    let mut idle = TestWriter::try_claim(&log, 1).expect("claimed");
    fail::cfg(point, "return(the disk is on fire)").expect("a failpoint");
    writing.append(b"[]").expect("handed over");
    // Everyone is told, then the process would end.
    let unknown = AppendError::Unknown("the disk is on fire".to_owned());
    assert_eq!(writing.hear(), Progress::Ended(unknown.clone()));
    assert_eq!(idle.hear(), Progress::Ended(unknown));
    assert_eq!(poisoned.recv_timeout(PATIENCE).as_deref(), Ok("the disk is on fire"));
    // Nothing goes on, even if the disk does.
    fail::remove(point);
    assert!(matches!(writing.append(b"[]"), Err(AppendError::Unavailable(_))));
    assert!(matches!(idle.append(b"[]"), Err(AppendError::Unavailable(_))));
    assert!(matches!(TestWriter::try_claim(&log, 0).err(), Some(AppendError::Unavailable(_))));
    // Readers read on, and never see what was not answered.
    assert_eq!(log.end(0).expect("readable"), 2);
    assert_eq!(log.read(0, 0, Bound::default()).expect("readable").entries.len(), 2);
    drop(log);
    // Only opening it again shows what became of the record; it is there or not, and the log goes on behind it.
    let (sender, _poisoned) = channel();
    let log = open(dir.path(), sender);
    let found = log.end(0).expect("readable");
    assert_eq!(found, if point == "log::sync" { 3 } else { 2 });
    let mut writer = TestWriter::try_claim(&log, 0).expect("claimed");
    assert_eq!((writer.head.epoch, writer.head.number), (2, found));
    let number = writer.append(b"[]").expect("handed over");
    assert_eq!(writer.hear(), Progress::Durable(number));
    drop(log);
    scenario.teardown();
}

/// Shows F4, F9.
/// Keeps L3.
#[test]
fn a_failed_write_ends_everyone_and_nothing_is_shown() {
    a_failure_poisons("log::write");
}

/// Shows F4, F9.
/// Keeps L3.
#[test]
fn a_failed_sync_ends_everyone_and_nothing_is_shown() {
    a_failure_poisons("log::sync");
}

#[test]
fn a_claim_whose_write_fails_is_unknown_as_is_what_it_deposed() {
    let scenario = FailScenario::setup();
    let dir = tempfile::tempdir().expect("a directory");
    RocksLog::create(dir.path(), LogId([1; 16]), 1).expect("created");
    let (sender, poisoned) = channel();
    let log = open(dir.path(), sender);
    let deposed = TestWriter::try_claim(&log, 0).expect("claimed");
    fail::cfg("log::sync", "return(the disk is on fire)").expect("a failpoint");
    let unknown = AppendError::Unknown("the disk is on fire".to_owned());
    assert_eq!(TestWriter::try_claim(&log, 0).err(), Some(unknown.clone()));
    assert_eq!(deposed.hear(), Progress::Ended(unknown));
    assert!(poisoned.recv_timeout(PATIENCE).is_ok());
    drop(log);
    scenario.teardown();
}

/// Shows F15.
#[test]
fn a_full_queue_refuses_at_once_and_what_was_taken_becomes_durable_in_few_groups() {
    let scenario = FailScenario::setup();
    let dir = tempfile::tempdir().expect("a directory");
    RocksLog::create(dir.path(), LogId([1; 16]), 1).expect("created");
    let (sender, _poisoned) = channel();
    let log = open(dir.path(), sender);
    let mut writer = TestWriter::try_claim(&log, 0).expect("claimed");
    // The disk hangs.
    fail::cfg("log::write", "pause").expect("a failpoint");
    let refused = loop {
        if let Err(refused) = writer.append(b"[]") {
            break refused;
        }
    };
    assert!(matches!(refused, AppendError::Unavailable(_)), "{refused:?}");
    let last = writer.head.number;
    assert!(last > 10_000, "the queue holds only {last} records");
    fail::remove("log::write");
    let mut told = 0;
    let mut times = 0;
    while told < last {
        match writer.hear() {
            Progress::Durable(number) => {
                assert!(number > told);
                (told, times) = (number, times + 1);
            }
            other => panic!("told {other:?}"),
        }
    }
    assert!(times <= 5, "told {times} times for {last} records");
    assert!(writer.append(b"[]").is_ok(), "the writer goes on");
    drop(log);
    scenario.teardown();
}
