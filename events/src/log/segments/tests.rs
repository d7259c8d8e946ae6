//! What was exported is read again, goes on after an interruption, and is refused where a file has changed.

use std::fs;

use sha2::{Digest as _, Sha256};

use super::*;
use crate::log::lock::{Holder, LockError};
use crate::log::restore::Restore as _;
use crate::log::suite::writer::history;
use crate::log::{Bound, ReadLog as _};

const LOG: LogId = LogId([7; 16]);

fn exported(dir: &Path) -> [Vec<Vec<u8>>; 2] {
    let histories = [history(LOG, 0, &[40]), history(LOG, 1, &[3])];
    for part in [0..20, 20..42] {
        // Once more from what is there, as after an interruption.
        let mut export = Export::open(dir, LOG, 2).unwrap();
        for (partition, records) in (0..).zip(&histories) {
            let there = export.head(partition).map_or(0, |head| usize::try_from(head.number + 1).unwrap());
            assert!(there <= part.start);
            export.append(partition, &records[there..part.end.min(records.len())]).unwrap();
        }
        export.finish().unwrap();
    }
    histories
}

fn read(dir: &Path) -> Vec<Vec<Vec<u8>>> {
    let segments = Segments::open(dir).unwrap();
    segments.check(|_| {}).unwrap();
    let all = |partition| {
        let mut records = Vec::new();
        while (records.len() as u64) < segments.end(partition).unwrap() {
            let bound = Bound { entries: 7, bytes: 1 << 20 };
            let page = segments.read(partition, records.len() as u64, bound).unwrap();
            records.extend(page.entries.into_iter().map(|entry| entry.stored));
        }
        records
    };
    vec![all(0), all(1)]
}

/// Shows F7.
#[test]
fn what_was_exported_in_two_goes_is_read_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let histories = exported(dir.path());
    assert_eq!(read(dir.path()), histories);
    let manifest = Manifest::read(dir.path()).unwrap().unwrap();
    let files: Vec<_> = manifest.of(0).map(|segment| segment.file.as_str()).collect();
    assert_eq!(files, ["0/00000000000000000000.segment", "0/00000000000000000020.segment"]);
    let segments = Segments::open(dir.path()).unwrap();
    assert_eq!(segments.read(0, 30, Bound::default()).unwrap().entries[0].stored, histories[0][30], "from any number");
}

#[test]
fn what_the_manifest_does_not_name_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let records = history(LOG, 0, &[5]);
    let mut export = Export::open(dir.path(), LOG, 2).unwrap();
    export.append(0, &records[..4]).unwrap();
    drop(export);
    assert!(matches!(Segments::open(dir.path()), Err(SegmentsError::NoExport(_))), "nothing was whole");
    let mut export = Export::open(dir.path(), LOG, 2).unwrap();
    assert_eq!(export.head(0), None);
    export.append(0, &records).unwrap();
    export.finish().unwrap();
    assert_eq!(read(dir.path())[0], records);
}

/// Shows F7. Keeps L5.
#[test]
fn a_segment_that_has_changed_is_named() {
    let dir = tempfile::tempdir().unwrap();
    exported(dir.path());
    let segments = Segments::open(dir.path()).unwrap();
    let path = dir.path().join("0/00000000000000000020.segment");
    let sound = fs::read(&path).unwrap();
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 1;
    for (changed, why) in [(flipped, "SHA-256"), (sound[..sound.len() - 1].to_vec(), "bytes")] {
        fs::write(&path, changed).unwrap();
        let error = segments.check(|_| {}).unwrap_err().to_string();
        assert!(error.contains("0/00000000000000000020.segment") && error.contains(why), "{error}");
    }
    fs::remove_file(&path).unwrap();
    assert!(segments.check(|_| {}).unwrap_err().to_string().contains("0/00000000000000000020.segment"));
}

#[test]
fn a_manifest_with_a_gap_and_an_export_of_another_log_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    exported(dir.path());
    assert!(matches!(Export::open(dir.path(), LogId([8; 16]), 2), Err(SegmentsError::OtherLog { .. })));
    let mut manifest = Manifest::read(dir.path()).unwrap().unwrap();
    manifest.segments.remove(1);
    manifest.write(dir.path()).unwrap();
    let error = Segments::open(dir.path()).map(drop).unwrap_err().to_string();
    assert!(error.contains("partition 0 do not end with its head"), "{error}");
}

#[test]
fn a_record_that_does_not_follow_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let records = history(LOG, 0, &[2]);
    let mut export = Export::open(dir.path(), LOG, 2).unwrap();
    let mut refused = |partition, records, why| {
        let refused = export.append(partition, records).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    };
    refused(0, &records[1..], "a partition begins with its genesis");
    refused(1, &records[..1], "field partition");
    refused(0, &[&records[..3], &records[2..3]].concat(), "field number: 2 again");
}

#[test]
fn an_export_without_a_partition_is_no_history() {
    let dir = tempfile::tempdir().unwrap();
    let mut export = Export::open(dir.path(), LOG, 2).unwrap();
    export.append(0, &history(LOG, 0, &[2])).unwrap();
    export.finish().unwrap();
    let refused = Segments::open(dir.path()).unwrap().check_history().unwrap_err().to_string();
    assert!(refused.contains("partition 1: nothing of it was exported"), "{refused}");
}

/// Shows F7.
#[test]
fn a_second_export_to_one_directory_is_refused_with_the_process_that_has_it_and_reading_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let histories = exported(dir.path());
    let first = Export::open(dir.path(), LOG, 2).unwrap();
    let error = Export::open(dir.path(), LOG, 2).err().unwrap();
    let ours = Holder::Process(std::process::id());
    assert!(matches!(&error, SegmentsError::Lock(LockError::Held { holder, .. }) if *holder == ours), "{error}");
    assert_eq!(read(dir.path()), histories);
    drop(first);
    Export::open(dir.path(), LOG, 2).unwrap();
}

/// Shows F7. Keeps L5.
#[test]
fn an_export_that_was_forged_with_sums_that_fit_is_refused_before_anything_is_taken_from_it() {
    type Forge = fn(&mut Vec<u8>);
    let forgeries: [(Forge, &str); 3] = [
        (|bytes| bytes.push(0), "something lies behind its last record"),
        (|bytes| bytes.truncate(bytes.len() - 1), "failed to fill whole buffer"),
        (|bytes| bytes.iter_mut().last().into_iter().for_each(|last| *last ^= 1), "digest"),
    ];
    for (forge, reason) in forgeries {
        let dir = tempfile::tempdir().unwrap();
        exported(dir.path());
        let manifest = dir.path().join("manifest.json");
        let mut says: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
        let segment = says["segments"].as_array_mut().unwrap().last_mut().unwrap();
        let path = dir.path().join(segment["file"].as_str().unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        forge(&mut bytes);
        segment["bytes"] = bytes.len().into();
        segment["sha256"] = data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes)).into();
        std::fs::write(&path, bytes).unwrap();
        std::fs::write(&manifest, says.to_string()).unwrap();
        let segments = Segments::open(dir.path()).unwrap();
        segments.check(|_| {}).unwrap();
        let refused = segments.check_history().unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
    }
}

/// Shows F7.
#[test]
fn a_first_export_that_was_interrupted_is_no_history_until_it_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let histories = exported(dir.path());
    // As the manifest is while segments are closed one after the other.
    let mut manifest = Manifest::read(dir.path()).unwrap().unwrap();
    assert!(!manifest.unfinished);
    manifest.unfinished = true;
    manifest.write(dir.path()).unwrap();
    assert!(matches!(Segments::open(dir.path()), Err(SegmentsError::Unfinished(_))));
    Export::open(dir.path(), LOG, 2).unwrap().finish().unwrap();
    assert_eq!(read(dir.path()), histories);
}
