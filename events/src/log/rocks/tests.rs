//! What the embedded log refuses, repairs and shows, beyond the contract.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use tempfile::TempDir;

use super::{Beside, OpenError, RocksLog, STORE, Settings};
use crate::log::suite::log_id;
use crate::log::{
    AppendError, Bound, Claimant, Commit, Content, Head, Log as _, Page, Progress, ReadError, ReadLog, Writer,
};

const PARTITIONS: u16 = 2;
const PATIENCE: Duration = Duration::from_secs(60);

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

/// A writer of partition 0 that waits for each record.
struct Seat {
    writer: Box<dyn Writer>,
    progress: Receiver<Progress>,
    head: Head,
}

impl Seat {
    fn claim(log: &RocksLog) -> Self {
        let (sender, progress) = channel();
        // A test that has seen enough hangs up.
        let listener = Arc::new(move |news| {
            sender.send(news).ok();
        });
        let claimant = Claimant { node: "test".to_owned(), url: String::new() };
        let claimed = log.claim(0, &claimant, listener).expect("claimed");
        Self { writer: claimed.writer, progress, head: claimed.head }
    }

    fn append(&mut self, body: &[u8]) -> Result<u64, AppendError> {
        let Head { epoch, number, hash: prev, .. } = self.head;
        let number = number + 1;
        let (stored, hash) = Content::Commit(Commit { epoch, number, prev, acked: number - 1, body }).encode();
        self.writer.append(number, stored)?;
        self.head = Head { epoch, number, hash, sealed: false };
        Ok(number)
    }

    fn write(&mut self, body: &[u8]) -> u64 {
        let number = self.append(body).expect("handed over");
        assert_eq!(self.progress.recv_timeout(PATIENCE), Ok(Progress::Durable(number)));
        number
    }
}

fn read(log: &dyn ReadLog) -> Result<Page, ReadError> {
    log.read(0, 0, Bound { entries: usize::MAX, bytes: usize::MAX })
}

/// The files of the store whose names end so, by name.
fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join(STORE)).expect("the store");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files.sort();
    files
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

fn wal(dir: &Path) -> PathBuf {
    files(dir, ".log").pop().expect("a WAL")
}

/// Shows F4.
#[test]
fn a_second_opener_is_refused_with_the_holders_process_id() {
    let dir = create();
    let log = open(dir.path());
    let refused = refusal(dir.path());
    assert!(matches!(refused, OpenError::Locked { pid: Some(pid), .. } if pid == std::process::id()), "{refused:?}");
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

/// Shows F4, L1.
#[test]
fn whatever_is_torn_off_the_wal_behind_an_answer_the_answer_stays() {
    let dir = create();
    let log = open(dir.path());
    let mut seat = Seat::claim(&log);
    let path = wal(dir.path());
    let length = || usize::try_from(fs::metadata(&path).expect("a WAL").len()).expect("small");
    // How long the WAL was when each number was answered. The bodies reach over several of RocksDB's 32 KiB blocks.
    let mut answered = vec![(seat.head.number, length())];
    for index in 0..30_usize {
        let number = seat.write(&vec![b' '; 40 + (index * index * 97) % 7000]);
        answered.push((number, length()));
    }
    let all = read(log.as_ref()).expect("readable").entries;
    let image = crash_image(dir.path());
    fs::remove_file(image.path().join("durable")).expect("removed");
    let whole = fs::read(wal(image.path())).expect("a WAL");
    let from = answered[0].1;
    for cut in (from..=whole.len()).step_by(997).chain([whole.len()]) {
        let torn = crash_image(image.path());
        fs::write(wal(torn.path()), &whole[..cut]).expect("written");
        let log = open(torn.path());
        let found = read(log.as_ref()).expect("readable").entries;
        assert_eq!(found[..], all[..found.len()], "cut at {cut}");
        let last = answered.iter().rev().find(|(_, length)| *length <= cut).expect("the claim").0;
        assert_eq!(found.last().map(|entry| entry.offset), Some(last), "cut at {cut}");
        // It goes on from there.
        Seat::claim(&log).write(b"[]");
    }
    // Some file systems leave zeros where unsynced bytes would have been.
    let torn = crash_image(image.path());
    fs::write(wal(torn.path()), [&whole[..], &[0; 5000]].concat()).expect("written");
    assert_eq!(read(open(torn.path()).as_ref()).expect("readable").entries, all);
}

/// Shows L1, L5.
#[test]
fn a_wal_that_lost_what_was_answered_is_refused_by_place() {
    let dir = create();
    let log = open(dir.path());
    let mut seat = Seat::claim(&log);
    for _ in 0..10 {
        seat.write(b"[]");
    }
    let whole = fs::read(wal(dir.path())).expect("a WAL");
    let image_with = |wal_bytes: &[u8]| {
        let image = crash_image(dir.path());
        fs::write(wal(image.path()), wal_bytes).expect("written");
        image
    };
    assert_eq!(open(image_with(&whole).path()).end(0).expect("readable"), 12);
    let refused = refusal(image_with(&whole[..whole.len() - 1]).path());
    assert!(matches!(refused, OpenError::Cut { partition: 0, end: 11, durable: 12 }), "{refused:?}");
}

/// Shows L1, L5.
#[test]
fn a_byte_changed_inside_the_wal_is_no_torn_tail() {
    let dir = create();
    let log = open(dir.path());
    let mut seat = Seat::claim(&log);
    for _ in 0..10 {
        seat.write(b"[]");
    }
    let length = fs::metadata(wal(dir.path())).expect("a WAL").len();
    for at in (0..length).step_by(61) {
        let image = crash_image(dir.path());
        let path = wal(image.path());
        let mut whole = fs::read(&path).expect("a WAL");
        whole[usize::try_from(at).expect("small")] ^= 1;
        fs::write(&path, whole).expect("written");
        let refused = refusal(image.path());
        let named = matches!(refused, OpenError::Cut { .. }) || refused.to_string().contains(".log");
        assert!(named, "byte {at}: {refused}");
    }
}

/// Shows L1, L5.
#[test]
fn a_flipped_byte_in_a_data_file_is_refused_with_the_file_named() {
    let dir = create();
    {
        let log = open(dir.path());
        let mut seat = Seat::claim(&log);
        for index in 0..400_u32 {
            let body: Vec<u8> = (0..400_u32).flat_map(|at| (at.wrapping_mul(index + 7919)).to_be_bytes()).collect();
            seat.write(&body);
        }
    }
    // Opening once more moves the WAL into data files.
    let all = read(open(dir.path()).as_ref()).expect("readable").entries;
    let seed = std::env::var("KIPPU_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    println!("KIPPU_SEED={seed}");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let largest = |dir: &Path| {
        files(dir, ".sst")
            .into_iter()
            .max_by_key(|path| fs::metadata(path).expect("a file").len())
            .expect("a data file")
    };
    let length = fs::metadata(largest(dir.path())).expect("a file").len();
    for round in 0..40 {
        let image = crash_image(dir.path());
        let path = largest(image.path());
        // The first nine tenths are records; behind them lie index and footer, parts of which nothing depends on.
        let at = random.random_range(0..if round % 2 == 0 { length * 9 / 10 } else { length });
        let mut content = fs::read(&path).expect("a data file");
        content[usize::try_from(at).expect("small")] ^= 1 << random.random_range(0..8);
        fs::write(&path, content).expect("written");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let outcome = RocksLog::open_with(image.path(), settings())
            .map_err(|error| error.to_string())
            .and_then(|log| read(log.as_ref()).map_err(|error| error.to_string()));
        match outcome {
            Ok(page) => {
                assert!(round % 2 == 1, "byte {at} of {name} was changed unnoticed");
                assert_eq!(page.entries, all, "byte {at} of {name}");
            }
            Err(reason) => assert!(reason.contains(&name), "byte {at} of {name}: {reason}"),
        }
    }
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
    let mut seat = Seat::claim(&log);
    seat.write(b"[]");
    free.store(999, Ordering::SeqCst);
    // What finds out is a group commit.
    let mut seat = Seat::claim(&log);
    let refused = seat.append(b"[]").expect_err("refused");
    assert!(matches!(refused, AppendError::NoSpace { .. }), "{refused:?}");
    assert_eq!(log.end(0).expect("readable"), 4);
    assert_eq!(read(log.as_ref()).expect("readable").entries.len(), 4);
    // The same writer goes on, with the same number, once there is room.
    free.store(1000, Ordering::SeqCst);
    assert_eq!(seat.write(b"[]"), 4);
}

/// Shows F29.
#[test]
fn a_reader_beside_a_running_log_sees_what_is_published_and_no_more() {
    let dir = create();
    let log = open(dir.path());
    let mut seat = Seat::claim(&log);
    for _ in 0..5 {
        seat.write(b"[]");
    }
    let published = fs::read(dir.path().join("durable")).expect("published");
    let beside = RocksLog::open_beside(dir.path()).expect("opened");
    assert_eq!(beside.end(0).expect("readable"), 7);
    for _ in 0..5 {
        seat.write(b"[]");
    }
    assert_eq!(beside.end(0).expect("readable"), 7, "only a refresh moves it");
    // As if the last five were written and not yet synced.
    let later = fs::read(dir.path().join("durable")).expect("published");
    fs::write(dir.path().join("durable"), published).expect("written");
    let moved = Arc::new(Mutex::new(Vec::new()));
    let its = moved.clone();
    beside.watch(Arc::new(move |partition| its.lock().expect("sound").push(partition)));
    beside.refresh().expect("refreshed");
    assert_eq!(beside.end(0).expect("readable"), 7);
    assert_eq!(RocksLog::open_beside(dir.path()).expect("opened").end(0).expect("readable"), 7);
    fs::write(dir.path().join("durable"), later).expect("written");
    beside.refresh().expect("refreshed");
    assert_eq!(beside.end(0).expect("readable"), 12);
    assert_eq!(*moved.lock().expect("sound"), [0]);
    assert_eq!(read(&beside).expect("readable").entries, read(log.as_ref()).expect("readable").entries);
    assert_eq!((beside.id(), beside.partitions()), (log.id(), PARTITIONS));
}

#[test]
fn a_reader_of_a_log_that_nobody_runs_sees_everything() {
    let dir = create();
    let log = open(dir.path());
    let mut seat = Seat::claim(&log);
    for _ in 0..5 {
        seat.write(b"[]");
    }
    // As after a power failure, which may take the cut back, and a crash.
    let image = crash_image(dir.path());
    fs::remove_file(image.path().join("durable")).expect("removed");
    let all = read(log.as_ref()).expect("readable").entries;
    let beside: Beside = RocksLog::open_beside(image.path()).expect("opened");
    assert_eq!(read(&beside).expect("readable").entries, all);
    // It does not keep a writer out, and a writer does not disturb it.
    let log = open(image.path());
    Seat::claim(&log).write(b"[]");
    assert_eq!(read(&beside).expect("readable").entries, all);
    beside.refresh().expect("refreshed");
    assert_eq!(beside.end(0).expect("readable"), 9);
}

#[test]
fn a_reader_beside_follows_across_data_files() {
    let dir = create();
    let log = open(dir.path());
    let beside = RocksLog::open_beside(dir.path()).expect("opened");
    let mut seat = Seat::claim(&log);
    for _ in 0..3 {
        for _ in 0..20 {
            seat.write(&vec![b' '; 1000]);
        }
        let family = log.shared.store.family(0).expect("a partition");
        log.shared.store.db().flush_cf(family).expect("flushed");
        beside.refresh().expect("refreshed");
        assert_eq!(read(&beside).expect("readable").entries, read(log.as_ref()).expect("readable").entries);
    }
}

#[test]
fn a_long_row_of_claims_is_opened_with_the_right_hash() {
    let dir = create();
    for _ in 0..5 {
        let log = open(dir.path());
        let seat = Seat::claim(&log);
        assert_eq!(log.shared.store.tail(0).expect("a tail").head, seat.head);
    }
}
