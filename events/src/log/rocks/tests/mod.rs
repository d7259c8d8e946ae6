//! What the embedded log refuses, repairs and shows, beyond the contract.

mod damage;
mod secondary;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::committer::{GROUP_BYTES, GROUP_RECORDS};
use super::{Committed, OpenError, RocksLog, STORE, Settings};
use crate::log::lock::LockError;
use crate::log::suite::log_id;
use crate::log::suite::writer::TestWriter;
use crate::log::{AppendError, Bound, Log as _, Page, ReadError, ReadLog};

const PARTITIONS: u16 = 2;

fn settings() -> Settings {
    Settings { on_poison: Arc::new(|reason| panic!("{reason}")), ..Settings::default() }
}

fn create() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    RocksLog::create(dir.path(), log_id(), PARTITIONS).expect("created");
    dir
}

fn open(dir: &Path) -> Arc<RocksLog> {
    RocksLog::open_with(dir, settings()).expect("opened")
}

fn refusal(dir: &Path) -> OpenError {
    match RocksLog::open_with(dir, settings()) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

fn read(log: &dyn ReadLog) -> Result<Page, ReadError> {
    log.read(0, 0, Bound { entries: usize::MAX, bytes: usize::MAX })
}

/// What a crash would leave: a copy of every file as it is now.
fn crash_image(dir: &Path) -> TempDir {
    let image = tempfile::tempdir().expect("a directory");
    fs::create_dir(image.path().join(STORE)).expect("a directory");
    for part in ["", STORE] {
        for entry in fs::read_dir(dir.join(part)).expect("the log") {
            let path = entry.expect("a file").path();
            if path.is_file() {
                let name = path.strip_prefix(dir).expect("inside");
                fs::copy(&path, image.path().join(name)).expect("copied");
            }
        }
    }
    image
}

/// Shows F4.
#[test]
fn a_second_opener_is_refused_with_the_holders_process_id() {
    let dir = create();
    let log = open(dir.path());
    let refused = refusal(dir.path());
    assert!(matches!(refused, OpenError::Lock(LockError::Held { .. })), "{refused:?}");
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
    drop(log);
    drop(open(dir.path()));
}

#[test]
fn a_log_is_not_created_over_another() {
    let dir = create();
    let id = open(dir.path()).id();
    assert!(matches!(RocksLog::create(dir.path(), log_id(), PARTITIONS), Err(OpenError::Exists(_))));
    assert_eq!(open(dir.path()).id(), id);
}

#[test]
fn a_directory_without_a_log_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    assert!(matches!(refusal(dir.path()), OpenError::NotALog { .. }));
    assert!(matches!(RocksLog::create(dir.path(), log_id(), 0), Err(OpenError::NoPartitions)));
}

#[test]
fn an_interrupted_creation_is_done_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let unfinished = dir.path().join(super::UNFINISHED);
    fs::create_dir(&unfinished).expect("a directory");
    fs::write(unfinished.join("000001.log"), "half").expect("written");
    assert!(matches!(refusal(dir.path()), OpenError::NotALog { .. }));
    RocksLog::create(dir.path(), log_id(), PARTITIONS).expect("created");
    assert_eq!(open(dir.path()).end(1).expect("readable"), 1);
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let dir = create();
    let path = dir.path().join(STORE).join("FORMAT");
    fs::write(&path, r#"{"format": 2, "shards": []}"#).expect("written");
    let refused = refusal(dir.path());
    assert!(matches!(refused, OpenError::Newer { found: 2, newest: 1 }), "{refused:?}");
    fs::write(&path, "{").expect("written");
    assert!(matches!(refusal(dir.path()), OpenError::Format(_)));
}

#[test]
fn another_partition_count_or_log_id_than_the_stores_is_refused() {
    let dir = create();
    let path = dir.path().join(STORE).join("FORMAT");
    let format = fs::read_to_string(&path).expect("readable");
    fs::write(&path, format.replace("\"partitions\": 2", "\"partitions\": 3")).expect("written");
    assert!(matches!(refusal(dir.path()), OpenError::Partitions { expected: 3 }));
    fs::write(&path, format.replace("\"partitions\": 2", "\"x\": 2")).expect("written");
    assert!(matches!(refusal(dir.path()), OpenError::Format(_)));
    let id = log_id().to_string();
    let old: serde_json::Value = serde_json::from_str(&format).expect("JSON");
    fs::write(&path, format.replace(old["log"].as_str().expect("an id"), &id)).expect("written");
    assert!(matches!(refusal(dir.path()), OpenError::Genesis { partition: 0, .. }));
}

#[test]
fn low_disk_refuses_commits_and_lets_reads_and_claims_go_on() {
    let dir = create();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let its = free.clone();
    let settings = Settings {
        floor_bytes: 1000,
        free_bytes: Arc::new(move |_| Ok(its.load(Ordering::SeqCst))),
        free_check_every: Duration::ZERO,
        ..settings()
    };
    let log = RocksLog::open_with(dir.path(), settings).expect("opened");
    let mut writer = TestWriter::claim(&log, 0);
    writer.write(b"[]");
    free.store(999, Ordering::SeqCst);
    // What finds out is a group commit.
    let mut writer = TestWriter::claim(&log, 0);
    let refused = writer.append(b"[]").expect_err("refused");
    assert!(matches!(refused, AppendError::NoSpace { .. }), "{refused:?}");
    assert_eq!(log.refuses(), Some(refused), "it says so of itself");
    assert_eq!(log.end(0).expect("readable"), 4);
    assert_eq!(read(log.as_ref()).expect("readable").entries.len(), 4);
    // The same writer goes on, with the same number, once there is space.
    free.store(1000, Ordering::SeqCst);
    assert_eq!(writer.write(b"[]"), 4);
    // Who only asks finds out too.
    free.store(999, Ordering::SeqCst);
    assert!(matches!(log.refuses(), Some(AppendError::NoSpace { .. })));
    free.store(1000, Ordering::SeqCst);
    assert_eq!(log.refuses(), None);
}

#[test]
fn a_long_row_of_claims_is_opened_with_the_right_hash() {
    let dir = create();
    for _ in 0..5 {
        let log = open(dir.path());
        let writer = TestWriter::claim(&log, 0);
        assert_eq!(log.shared.store.tail(0).expect("a tail").head, writer.head);
    }
}

/// How many records each group commit took while `bodies` were handed over behind one that was still being written.
fn groups(bodies: &[Vec<u8>]) -> Vec<usize> {
    let (dir, (groups, told), (go, may_go)) = (create(), channel(), channel::<()>());
    let may_go = Mutex::new(may_go);
    let on_commit = Arc::new(move |group: Committed| {
        groups.send(group.records).ok();
        // Once nobody holds it back any more, it goes on by itself.
        may_go.lock().unwrap().recv().ok();
    });
    let log = RocksLog::open_with(dir.path(), Settings { on_commit, ..settings() }).expect("opened");
    // Gone before the log, which waits for its committer.
    let go = go;
    go.send(()).expect("the committer waits");
    let mut writer = TestWriter::claim(&log, 0);
    let mut sizes = vec![told.recv().expect("the claim is written")];
    writer.append(b"[]").expect("handed over");
    sizes.push(told.recv().expect("the first is written"));
    for body in bodies {
        writer.append(body).expect("handed over");
    }
    drop(go);
    writer.until_durable(writer.head.number);
    sizes.extend(told.try_iter());
    sizes.split_off(2)
}

#[test]
fn a_group_is_so_many_records_or_so_many_bytes_and_no_more() {
    assert_eq!(groups(&vec![b"[]".to_vec(); GROUP_RECORDS + 7]), [GROUP_RECORDS, 7]);
    let large = vec![vec![b' '; 1 << 17]; 68];
    assert_eq!(groups(&large), [GROUP_BYTES >> 17, 4]);
}

#[test]
fn what_is_refused_costs_no_write() {
    let (dir, (groups, told)) = (create(), channel());
    let on_commit = Arc::new(move |group: Committed| groups.send(group.records).unwrap());
    let log = RocksLog::open_with(dir.path(), Settings { on_commit, ..settings() }).expect("opened");
    assert!(matches!(TestWriter::try_claim(&log, PARTITIONS), Err(AppendError::Unavailable(_))));
    TestWriter::claim(&log, 0);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [1]);
}
