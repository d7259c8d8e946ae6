//! Two nodes over one sequence of keys that lies in memory: what comes first, what is forgotten, and what fails.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::super::keyring::Key;
use super::super::numbered::Numbered;
use super::super::persons::Persons;
use super::super::{PERSONS, Secrets, SecretsError};
use super::*;
use crate::log_id::LogId;

const LOG: LogId = LogId([1; 16]);
const OTHER: LogId = LogId([2; 16]);

/// Shared keys that fail, and are raced for, when a test says so.
#[derive(Default)]
pub(in crate::secrets) struct InMemory {
    entries: Mutex<Vec<SharedKey>>,
    /// Nothing is reached.
    down: AtomicBool,
    /// What is appended gets there, but no answer comes back.
    mute: AtomicBool,
    /// Gets there just before the next that is appended.
    rival: Mutex<Option<SharedKey>>,
    /// Ends that were asked for.
    asked: AtomicU64,
    /// Where reading began.
    read_from: Mutex<Vec<u64>>,
}

impl InMemory {
    fn reach(&self) -> Result<(), SharedError> {
        let down = self.down.load(Ordering::SeqCst);
        if down { Err(SharedError::Unavailable("down".to_owned())) } else { Ok(()) }
    }

    fn push(&self, entry: SharedKey) {
        self.entries.lock().unwrap().push(entry);
    }

    fn len(&self) -> usize {
        self.entries.lock().unwrap().len()
    }
}

impl SharedKeys for InMemory {
    fn name(&self) -> &str {
        "memory"
    }

    fn end(&self) -> Result<u64, SharedError> {
        self.reach()?;
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.len() as u64)
    }

    fn read(&self, from: u64, end: u64) -> Result<Vec<SharedKey>, SharedError> {
        self.reach()?;
        self.read_from.lock().unwrap().push(from);
        // Three at a time, so that most reading takes several pages.
        let range = usize::try_from(from).unwrap()..usize::try_from(end.min(from + 3)).unwrap();
        Ok(self.entries.lock().unwrap()[range].to_vec())
    }

    fn append(&self, entry: &SharedKey) -> Result<(), SharedError> {
        self.reach()?;
        let rival = self.rival.lock().unwrap().take();
        self.entries.lock().unwrap().extend(rival);
        self.push(entry.clone());
        let mute = self.mute.load(Ordering::SeqCst);
        if mute { Err(SharedError::Unavailable("no answer".to_owned())) } else { Ok(()) }
    }
}

fn person(n: u8) -> EntityId {
    EntityId::from_hash(&[n; 32])
}

fn wrapping() -> Numbered<Key> {
    Numbered::one(1, Key([7; 32]))
}

fn node(dir: &Path, keys: &Arc<InMemory>) -> Result<Persons, SecretsError> {
    Persons::open_shared(dir, LOG, keys.clone(), wrapping())
}

/// Two nodes and what they share. Nodes are dropped before their folders.
fn two() -> (Persons, Persons, Arc<InMemory>, [TempDir; 2]) {
    let (keys, dirs) = (Arc::new(InMemory::default()), [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()]);
    (node(dirs[0].path(), &keys).unwrap(), node(dirs[1].path(), &keys).unwrap(), keys, dirs)
}

#[test]
fn a_key_made_by_one_node_is_found_by_the_other_and_asked_for_once() {
    let (ann, bob, keys, _dirs) = two();
    let made: Vec<_> = (0..10).map(|n| ann.get_or_make(person(n)).unwrap().0).collect();
    let asked = keys.asked.load(Ordering::SeqCst);
    for _ in 0..2 {
        let found: Vec<_> = (0..10).map(|n| bob.get(person(n)).unwrap().0).collect();
        assert_eq!(found, made);
    }
    assert_eq!(keys.asked.load(Ordering::SeqCst), asked + 1, "one catch-up brought all of them");
    assert_eq!(bob.get_or_make(person(3)).unwrap().0, made[3]);
    assert_eq!(keys.len(), 10);
}

#[test]
fn of_two_keys_made_at_once_the_first_counts_for_both() {
    let (ann, bob, keys, dirs) = two();
    // Another node's key, wrapped as it would wrap it.
    let other = Arc::new(InMemory::default());
    let dir = tempfile::tempdir().unwrap();
    let first = node(dir.path(), &other).unwrap().get_or_make(person(1)).unwrap().0;
    *keys.rival.lock().unwrap() = other.entries.lock().unwrap().first().cloned();
    assert_eq!(ann.get_or_make(person(1)).unwrap().0, first);
    assert_eq!(keys.len(), 2, "both were written");
    assert_eq!(bob.get(person(1)).unwrap().0, first);
    drop(ann);
    assert_eq!(node(dirs[0].path(), &keys).unwrap().get(person(1)).unwrap().0, first);
}

#[test]
fn a_person_who_was_forgotten_has_no_key_and_gets_none_for_ever() {
    let (ann, bob, keys, dirs) = two();
    ann.get_or_make(person(1)).unwrap();
    let again = keys.entries.lock().unwrap()[0].clone();
    // Forgotten twice, offered anew by a node that did not know; and one who never had a key.
    for (person, wrapped) in [(person(1), vec![]), (person(1), vec![]), (person(1), again.wrapped), (person(2), vec![])]
    {
        keys.push(SharedKey { person, wrapped });
    }
    let written = keys.len();
    for forgotten in [1, 2] {
        for result in [bob.get(person(forgotten)), bob.get_or_make(person(forgotten))] {
            assert!(matches!(result, Err(SecretsError::Forgotten(_))));
        }
    }
    assert_eq!(keys.len(), written, "no key was made");
    drop(bob);
    fs::remove_dir_all(dirs[1].path()).unwrap();
    assert!(matches!(node(dirs[1].path(), &keys).unwrap().get(person(1)), Err(SecretsError::Forgotten(_))));
}

#[test]
fn a_key_that_was_overtaken_by_forgetting_is_not_used() {
    let (ann, _, keys, _dirs) = two();
    *keys.rival.lock().unwrap() = Some(SharedKey { person: person(1), wrapped: vec![] });
    assert!(matches!(ann.get_or_make(person(1)), Err(SecretsError::Forgotten(_))));
}

#[test]
fn nobody_is_said_to_have_no_key_while_keys_cannot_be_reached() {
    let (ann, bob, keys, _dirs) = two();
    let key = ann.get_or_make(person(1)).unwrap().0;
    keys.down.store(true, Ordering::SeqCst);
    for result in [bob.get(person(1)), bob.get_or_make(person(1)), ann.get(person(2))] {
        assert!(matches!(result, Err(SecretsError::Shared(SharedError::Unavailable(_)))));
    }
    assert_eq!(ann.get(person(1)).unwrap().0, key, "what was read is at hand");
    keys.down.store(false, Ordering::SeqCst);
    assert_eq!(bob.get(person(1)).unwrap().0, key);
    assert!(matches!(bob.get(person(2)), Err(SecretsError::NoPerson(_))));
}

#[test]
fn that_keys_cannot_be_reached_is_remembered_until_somebody_has_reached_them() {
    let (ann, bob, keys, _dirs) = two();
    assert_eq!((ann.away(), ann.try_again()), (None, Ok(())));
    keys.down.store(true, Ordering::SeqCst);
    assert!(ann.get_or_make(person(1)).is_err());
    assert!(matches!(ann.away(), Some(SharedError::Unavailable(_))));
    assert_eq!(ann.try_again().err(), ann.away());
    assert_eq!(bob.away(), None, "it has not tried");
    keys.down.store(false, Ordering::SeqCst);
    assert_eq!((ann.try_again(), ann.away()), (Ok(()), None));
}

#[test]
fn who_may_read_keys_and_not_write_them_is_no_better_off_until_writing_works() {
    let (ann, bob, keys, _dirs) = two();
    keys.mute.store(true, Ordering::SeqCst);
    assert!(ann.get_or_make(person(1)).is_err());
    assert!(ann.get(person(2)).is_err_and(|error| matches!(error, SecretsError::NoPerson(_))), "it can be read");
    assert!(matches!(ann.away(), Some(SharedError::Unavailable(_))));
    assert!(ann.try_again().is_err() && ann.away().is_some());
    keys.mute.store(false, Ordering::SeqCst);
    assert_eq!((ann.try_again(), ann.away()), (Ok(()), None));
    assert_eq!(ann.get(person(1)).unwrap().0, bob.get(person(1)).unwrap().0, "there is one key");
}

#[test]
fn a_key_without_an_answer_is_given_to_nobody_until_it_is_read() {
    let (ann, bob, keys, _dirs) = two();
    keys.mute.store(true, Ordering::SeqCst);
    assert!(matches!(ann.get_or_make(person(1)), Err(SecretsError::Shared(SharedError::Unavailable(_)))));
    keys.mute.store(false, Ordering::SeqCst);
    let key = bob.get_or_make(person(1)).unwrap().0;
    assert_eq!((ann.get_or_make(person(1)).unwrap().0, keys.len()), (key, 1), "it was written after all");
}

#[test]
fn a_restart_goes_on_where_it_stopped_and_a_deleted_copy_comes_back_the_same() {
    let (ann, bob, keys, dirs) = two();
    let mut made: HashMap<u8, [u8; 32]> = (0..20).map(|n| (n, ann.get_or_make(person(n)).unwrap().0)).collect();
    bob.get(person(0)).unwrap();
    drop(bob);
    made.insert(20, ann.get_or_make(person(20)).unwrap().0);
    keys.read_from.lock().unwrap().clear();
    let bob = node(dirs[1].path(), &keys).unwrap();
    assert!((0..21).all(|n| bob.get(person(n)).unwrap().0 == made[&n]));
    assert_eq!(*keys.read_from.lock().unwrap(), [19, 20], "the entry before the cursor, and what came since");
    drop(bob);
    fs::remove_dir_all(dirs[1].path()).unwrap();
    let bob = node(dirs[1].path(), &keys).unwrap();
    assert!((0..21).all(|n| bob.get(person(n)).unwrap().0 == made[&n]));
}

#[test]
fn keys_that_lack_what_a_node_has_read_are_refused_and_the_copy_stays() {
    let (ann, bob, keys, dirs) = two();
    let key = ann.get_or_make(person(1)).unwrap().0;
    ann.get_or_make(person(2)).unwrap();
    bob.get(person(2)).unwrap();
    drop(bob);
    let whole = keys.entries.lock().unwrap().clone();
    for (entries, what) in [(vec![], "0 entries"), (vec![whole[0].clone(); 2], "entry 1 is another one")] {
        *keys.entries.lock().unwrap() = entries;
        let error = node(dirs[1].path(), &keys).map(drop).unwrap_err().to_string();
        assert!(error.contains(what) && error.contains("memory") && error.contains("delete"), "{error}");
    }
    keys.entries.lock().unwrap().clear();
    assert!(matches!(ann.get(person(3)), Err(SecretsError::Shared(SharedError::Damaged { .. }))));
    *keys.entries.lock().unwrap() = whole;
    assert_eq!(node(dirs[1].path(), &keys).unwrap().get(person(1)).unwrap().0, key);
}

#[test]
fn a_copy_of_another_log_is_made_anew_and_keys_that_are_no_copy_are_left_alone() {
    let (ann, bob, keys, dirs) = two();
    let key = ann.get_or_make(person(1)).unwrap().0;
    bob.get(person(1)).unwrap();
    drop(bob);
    let copy = dirs[1].path();
    assert!(matches!(Persons::open(copy, wrapping()), Err(SecretsError::Format { .. })), "a copy makes no keys");
    let others = Arc::new(InMemory::default());
    let other = Persons::open_shared(copy, OTHER, others.clone(), wrapping()).unwrap();
    assert!(matches!(other.get(person(1)), Err(SecretsError::NoPerson(_))));
    drop(other);
    assert_eq!(node(copy, &keys).unwrap().get(person(1)).unwrap().0, key);

    let alone = tempfile::tempdir().unwrap();
    let own = Persons::create(alone.path(), wrapping()).unwrap().get_or_make(person(1)).unwrap().0;
    assert!(matches!(node(alone.path(), &keys), Err(SecretsError::Format { .. })));
    assert_eq!(Persons::open(alone.path(), wrapping()).unwrap().get(person(1)).unwrap().0, own);
}

#[test]
fn a_node_that_joins_opens_what_others_sealed_and_keeps_the_keyring_to_itself() {
    let (keys, folder) = (Arc::new(InMemory::default()), tempfile::tempdir().unwrap());
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let ann = Secrets::create_shared(&first, LOG, keys.clone()).unwrap();
    let encrypted = ann.encrypt(person(1), "name", "Ann Example").unwrap();
    let copied = folder.path().join("copied.json");
    fs::copy(first.join("keyring.json"), &copied).unwrap();
    fs::set_permissions(&copied, fs::Permissions::from_mode(0o644)).unwrap();
    let bob = Secrets::join(&second, LOG, &copied, keys.clone()).unwrap();
    assert_eq!(bob.decrypt(person(1), "name", &encrypted).unwrap(), "Ann Example");
    let encrypted = bob.encrypt(person(2), "name", "Bob").unwrap();
    assert_eq!(ann.decrypt(person(2), "name", &encrypted).unwrap(), "Bob");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&second), mode(&second.join("keyring.json"))), (0o700, 0o600));
    assert_eq!(fs::read(second.join("keyring.json")).unwrap(), fs::read(&copied).unwrap());
    assert!(Secrets::join(&second, LOG, &copied, keys.clone()).is_err(), "a key store is never overwritten");
    drop(bob);
    fs::remove_dir_all(second.join(PERSONS)).unwrap();
    let bob = Secrets::open_shared(&second, LOG, keys).unwrap();
    assert_eq!(bob.decrypt(person(2), "name", &encrypted).unwrap(), "Bob");
}

#[test]
fn a_keyring_of_another_log_or_that_did_not_wrap_these_keys_is_refused_and_not_kept() {
    let (keys, folder) = (Arc::new(InMemory::default()), tempfile::tempdir().unwrap());
    let dir = |name: &str| folder.path().join(name);
    let ann = Secrets::create_shared(&dir("ann"), LOG, keys.clone()).unwrap();
    ann.encrypt(person(1), "name", "Ann").unwrap();
    drop(Secrets::create_shared(&dir("apart"), LOG, Arc::new(InMemory::default())).unwrap());
    drop(Secrets::create(&dir("other"), OTHER).unwrap());
    let join = |from: &str| Secrets::join(&dir("new"), LOG, &dir(from).join("keyring.json"), keys.clone());
    assert!(matches!(join("other"), Err(SecretsError::OtherLog { owner: OTHER, .. })));
    assert!(matches!(join("apart"), Err(SecretsError::Format { .. })));
    assert!(matches!(join("nowhere"), Err(SecretsError::Io { .. })));
    assert!(!dir("new").join("keyring.json").exists());
    assert!(join("ann").is_ok());
    let refused = Secrets::create_shared(&dir("second keyring"), LOG, keys.clone()).unwrap_err();
    assert!(refused.to_string().contains("another keyring made"), "{refused}");
}
