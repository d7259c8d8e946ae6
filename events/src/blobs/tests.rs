//! Tests of blobs, in a folder and in a store of objects alike.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use object_store::memory::InMemory;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::log_id::LogId;

const LOG: LogId = LogId([5; 16]);

fn in_a_folder() -> (TempDir, BlobStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = BlobStore::in_folder(&dir.path().join("blobs"), 0);
    (dir, store)
}

/// Each kind of place.
fn places() -> [(TempDir, BlobStore); 2] {
    let dir = tempfile::tempdir().unwrap();
    let bucket = Bucket::over(Arc::new(InMemory::new()), LOG);
    let in_a_bucket = BlobStore::in_bucket(bucket, dir.path(), 0);
    [in_a_folder(), (dir, in_a_bucket)]
}

async fn uploaded(store: &BlobStore, bytes: &[u8]) -> Upload {
    let mut upload = store.begin(None).await.unwrap();
    for part in bytes.chunks(100_000) {
        upload.write(part).await.unwrap();
    }
    upload
}

async fn put(store: &BlobStore, bytes: &[u8]) -> Kept {
    uploaded(store, bytes).await.finish(None).await.unwrap()
}

async fn read(store: &BlobStore, id: BlobId, range: std::ops::Range<u64>) -> Vec<u8> {
    let content = store.open(id).await.unwrap().unwrap();
    let parts: Vec<Bytes> = content.bytes(range).try_collect().await.unwrap();
    parts.concat()
}

/// Bytes that repeat nowhere.
fn bytes(count: usize) -> Vec<u8> {
    (0_u32..).flat_map(u32::to_be_bytes).take(count).collect()
}

/// Shows F46.
#[tokio::test]
async fn what_was_kept_is_read_whole_and_in_part_under_its_hash() {
    for (_dir, store) in places() {
        for size in [0, 1, PART_BYTES, 3 * PART_BYTES + 7, (9 << 20) + 1] {
            let bytes = bytes(size);
            let kept = put(&store, &bytes).await;
            assert_eq!((kept.id, kept.size, kept.was_there), (BlobId::of(&bytes), size as u64, false));
            assert_eq!(store.size(kept.id).await.unwrap(), Some(size as u64));
            assert_eq!(read(&store, kept.id, 0..size as u64).await, bytes);
            let (from, to) = (size / 3, size - size / 5);
            assert_eq!(read(&store, kept.id, from as u64..to as u64).await, bytes[from..to]);
            assert_eq!(store.check(kept.id).await.unwrap(), Checked::Whole { size: size as u64 });
            assert!(put(&store, &bytes).await.was_there);
        }
        assert_eq!(store.list().await.unwrap().len(), 5);
    }
}

/// Shows F46.
#[tokio::test]
async fn other_bytes_than_were_told_are_not_kept_and_neither_are_half_of_them() {
    for (_dir, store) in places() {
        let expected = BlobId::of(b"these");
        let error = uploaded(&store, b"others").await.finish(Some(expected)).await.unwrap_err();
        assert!(matches!(error, BlobError::Mismatch { found, .. } if found == BlobId::of(b"others")), "{error}");
        drop(uploaded(&store, &bytes(3 * PART_BYTES)).await);
        // The process is gone: nobody tidies up.
        std::mem::forget(uploaded(&store, &bytes(PART_BYTES)).await);
        assert_eq!(store.list().await.unwrap(), []);
        for id in [expected, BlobId::of(b"others"), BlobId::of(&bytes(PART_BYTES))] {
            assert!(store.open(id).await.unwrap().is_none() && store.size(id).await.unwrap().is_none());
            assert_eq!(store.check(id).await.unwrap(), Checked::Missing);
        }
        assert_eq!(uploaded(&store, b"these").await.finish(Some(expected)).await.unwrap().id, expected);
        assert_eq!(fs::read_dir(&store.0.uploads).unwrap().count(), 1, "the one that nobody tidied up");
    }
}

/// Shows F46.
#[tokio::test]
async fn what_a_process_left_behind_is_cleared_once_it_is_old_and_nothing_that_is_under_way() {
    let (_dir, store) = in_a_folder();
    std::mem::forget(uploaded(&store, &bytes(PART_BYTES)).await);
    assert_eq!(store.clear_uploads().await.unwrap(), 0);
    let left = fs::read_dir(&store.0.uploads).unwrap().next().unwrap().unwrap().path();
    let old = SystemTime::now() - ABANDONED;
    fs::File::options().append(true).open(&left).unwrap().set_modified(old).unwrap();
    let under_way = uploaded(&store, b"young").await;
    assert_eq!(store.clear_uploads().await.unwrap(), 1);
    assert!(!left.exists());
    under_way.finish(Some(BlobId::of(b"young"))).await.unwrap();
}

/// Shows F46.
#[tokio::test]
async fn the_same_blob_twice_at_once_is_there_once_and_both_are_told_so() {
    for (_dir, store) in places() {
        let bytes = bytes(PART_BYTES + 1);
        let id = BlobId::of(&bytes);
        let all = (0..12).map(|_| async { uploaded(&store, &bytes).await.finish(Some(id)).await.unwrap() });
        let kept = futures_util::future::join_all(all).await;
        assert!(kept.iter().all(|kept| kept.id == id));
        assert_eq!(kept.iter().filter(|kept| !kept.was_there).count(), 1);
        assert_eq!(store.list().await.unwrap().len(), 1);
        assert_eq!(store.check(id).await.unwrap(), Checked::Whole { size: bytes.len() as u64 });
    }
}

/// Shows F46.
#[tokio::test]
async fn what_is_set_aside_can_be_read_and_not_named_until_it_is_put_back_or_deleted() {
    for (_dir, store) in places() {
        let (one, other) = (put(&store, b"one").await.id, put(&store, b"other").await.id);
        store.set_aside(one).await.unwrap();
        store.set_aside(other).await.unwrap();
        assert_eq!(store.size(one).await.unwrap(), None);
        assert_eq!(read(&store, one, 0..3).await, b"one");
        assert_eq!(store.list().await.unwrap().iter().filter(|blob| blob.is_aside).count(), 2);
        store.put_back(one).await.unwrap();
        store.delete(other).await.unwrap();
        let listed = store.list().await.unwrap();
        assert_eq!(
            listed.iter().map(|blob| (blob.id, blob.size, blob.is_aside)).collect::<Vec<_>>(),
            [(one, 3, false)]
        );
        assert!(store.open(other).await.unwrap().is_none());
        // What was done already is done.
        for id in [other, BlobId::of(b"never")] {
            store.set_aside(id).await.unwrap();
            store.put_back(id).await.unwrap();
            store.delete(id).await.unwrap();
        }
        // It comes again while it lies aside.
        store.set_aside(one).await.unwrap();
        assert!(!put(&store, b"one").await.was_there);
        store.delete(one).await.unwrap();
        assert_eq!(store.check(one).await.unwrap(), Checked::Whole { size: 3 });
    }
}

/// Shows F46.
#[tokio::test]
async fn an_altered_blob_is_found_and_mended_by_whoever_uploads_it_again() {
    let (dir, store) = in_a_folder();
    let id = put(&store, b"genuine").await.id;
    let (folder, name) = (id.to_string()[..2].to_owned(), id.to_string()[2..].to_owned());
    let path = dir.path().join("blobs").join(folder).join(name);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for folder in [path.parent().unwrap(), path.parent().unwrap().parent().unwrap()] {
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
    fs::write(&path, b"altered").unwrap();
    assert_eq!(store.check(id).await.unwrap(), Checked::Altered { found: BlobId::of(b"altered") });
    assert!(!put(&store, b"genuine").await.was_there);
    assert_eq!(store.check(id).await.unwrap(), Checked::Whole { size: 7 });
    fs::write(&path, b"cut").unwrap();
    let content = Content::new(store, id, 7);
    assert!(matches!(content.bytes(0..7).try_collect::<Vec<_>>().await, Err(BlobError::Cut(cut)) if cut == id));
}

/// Shows F36, F46.
#[tokio::test]
async fn a_place_is_known_by_the_same_to_all_who_reach_it_and_one_that_others_do_not_reach_takes_nothing() {
    let (dir, other, bucket) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), Arc::new(InMemory::new()));
    let folder = |dir: &TempDir| BlobStore::in_folder(&dir.path().join("blobs"), 0);
    let of_log = |log| BlobStore::in_bucket(Bucket::over(bucket.clone(), log), dir.path(), 0);
    let mut marks = Vec::new();
    for stores in [[folder(&dir), folder(&dir)], [folder(&other), folder(&other)], [of_log(LOG), of_log(LOG)]] {
        let [one, two] = &stores;
        let (one, two) = tokio::join!(one.mark(), two.mark());
        assert_eq!(one.unwrap(), two.unwrap());
        marks.push(stores[0].mark().await.unwrap().unwrap());
        assert_eq!(stores[0].list().await.unwrap(), []);
    }
    marks.push(of_log(LogId([6; 16])).mark().await.unwrap().unwrap());
    marks.sort();
    marks.dedup();
    assert_eq!(marks.len(), 4);
    let kept = put(&folder(&dir), b"kept").await;
    let alone = BlobStore::not_shared(&dir.path().join("blobs"));
    assert_eq!(alone.mark().await.unwrap(), None);
    assert!(matches!(alone.begin(None).await, Err(BlobError::NotShared)));
    assert_eq!(read(&alone, kept.id, 0..4).await, b"kept");
}

/// Shows F46.
#[tokio::test]
async fn bytes_for_which_there_is_no_space_are_refused_before_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let store = BlobStore::in_folder(dir.path(), 1 << 20);
    assert!(matches!(store.begin(Some(u64::MAX / 2)).await, Err(BlobError::NoSpace { .. })));
    assert_eq!(put(&store, b"small").await.size, 5);
    let full = BlobStore::in_folder(dir.path(), u64::MAX);
    assert!(matches!(full.begin(None).await, Err(BlobError::NoSpace { .. })));
}

#[tokio::test]
async fn what_others_keep_there_is_no_blob() {
    let (dir, store) = in_a_folder();
    let kept = put(&store, b"ours").await;
    let folder = dir.path().join("blobs");
    for name in ["ab", "aside", "lost+found"] {
        fs::create_dir_all(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("notes.txt"), b"x").unwrap();
    }
    fs::write(folder.join("zz"), b"x").unwrap();
    assert_eq!(store.list().await.unwrap().iter().map(|blob| blob.id).collect::<Vec<_>>(), [kept.id]);
}

proptest! {
    #[test]
    fn any_part_of_any_blob_is_what_was_uploaded(
        content in proptest::collection::vec(any::<u8>(), 0..2_000), from in 0_usize..2_000, length in 0_usize..2_000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (from, to) = (from.min(content.len()), (from + length).min(content.len()));
        runtime.block_on(async {
            for (_dir, store) in places() {
                let id = put(&store, &content).await.id;
                assert_eq!(read(&store, id, from as u64..to as u64).await, content[from..to]);
            }
        });
    }
}
