//! Torn, cut and flipped files.

use std::fs;
use std::path::{Path, PathBuf};

use rand::{Rng as _, SeedableRng as _};

use super::super::{OpenError, RocksLog, STORE};
use super::{TestWriter, crash_image, create, open, read, refusal, settings};
use crate::log::ReadLog as _;
use crate::log::suite::seed;

/// The files of the store whose names end so, by name.
fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join(STORE)).expect("the store");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files.sort();
    files
}

fn wal(dir: &Path) -> PathBuf {
    files(dir, ".log").pop().expect("a WAL")
}

/// Shows F4.
/// Keeps L1.
#[test]
fn whatever_is_torn_off_the_wal_behind_an_answer_the_answer_stays() {
    let dir = create();
    let log = open(dir.path());
    let mut writer = TestWriter::claim(&log, 0);
    let path = wal(dir.path());
    let length = || usize::try_from(fs::metadata(&path).expect("a WAL").len()).expect("small");
    // How long the WAL was when each number was answered. The bodies reach over several of RocksDB's 32 KiB blocks.
    let mut answered = vec![(writer.head.number, length())];
    for index in 0..30_usize {
        let number = writer.write(&vec![b' '; 40 + (index * index * 97) % 7000]);
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
        TestWriter::claim(&log, 0).write(b"[]");
    }
    // Some file systems leave zeros where unsynced bytes would have been.
    let torn = crash_image(image.path());
    fs::write(wal(torn.path()), [&whole[..], &[0; 5000]].concat()).expect("written");
    assert_eq!(read(open(torn.path()).as_ref()).expect("readable").entries, all);
}

/// Keeps L1, L5.
#[test]
fn a_wal_that_lost_what_was_answered_is_refused_by_place() {
    let dir = create();
    let log = open(dir.path());
    let mut writer = TestWriter::claim(&log, 0);
    for _ in 0..10 {
        writer.write(b"[]");
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

/// Keeps L1, L5.
#[test]
fn a_byte_changed_inside_the_wal_is_no_torn_tail() {
    let dir = create();
    let log = open(dir.path());
    let mut writer = TestWriter::claim(&log, 0);
    for _ in 0..10 {
        writer.write(b"[]");
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

/// Keeps L1, L5.
#[test]
fn a_flipped_byte_in_a_data_file_is_refused_with_the_file_named() {
    let dir = create();
    {
        let log = open(dir.path());
        let mut writer = TestWriter::claim(&log, 0);
        for index in 0..400_u32 {
            let body: Vec<u8> = (0..400_u32).flat_map(|at| (at.wrapping_mul(index + 7919)).to_be_bytes()).collect();
            writer.write(&body);
        }
    }
    // Opening once more moves the WAL into data files.
    drop(open(dir.path()));
    let mut random = rand::rngs::StdRng::seed_from_u64(seed());
    let largest = |dir: &Path| {
        files(dir, ".sst")
            .into_iter()
            .max_by_key(|path| fs::metadata(path).expect("a file").len())
            .expect("a data file")
    };
    let length = fs::metadata(largest(dir.path())).expect("a file").len();
    for round in 0..100 {
        let image = crash_image(dir.path());
        let path = largest(image.path());
        // Every other time behind the records, where index and footer lie.
        let at = random.random_range(if round % 2 == 0 { 0 } else { length - 4096 }..length);
        let mut content = fs::read(&path).expect("a data file");
        content[usize::try_from(at).expect("small")] ^= 1 << random.random_range(0..8);
        fs::write(&path, content).expect("written");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let reason = RocksLog::open_with(image.path(), settings())
            .map_err(|error| error.to_string())
            .and_then(|log| read(log.as_ref()).map_err(|error| error.to_string()))
            .expect_err(&format!("byte {at} of {length} of {name} was changed unnoticed"));
        assert!(reason.contains(&name), "byte {at} of {name}: {reason}");
    }
}
