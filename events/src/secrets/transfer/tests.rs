//! Keys between one node's own store and shared ones: the first counts, nothing is lost, and going over ends in a copy.

use super::super::Secrets;
use super::super::shared::tests::InMemory;
use super::*;

const LOG: LogId = LogId([1; 16]);

fn person(n: u8) -> EntityId {
    EntityId::from_hash(&[n; 32])
}

fn shared() -> Arc<dyn SharedKeys> {
    Arc::new(InMemory::default())
}

fn to(keys: &Arc<dyn SharedKeys>) -> KeysTo {
    KeysTo::Shared(Arc::clone(keys))
}

/// Shows F7, F30.
#[test]
fn keys_are_transferred_next_to_the_node_that_makes_them_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("keys");
    let secrets = Secrets::create(&dir, LOG).unwrap();
    let names: Vec<_> = (0..50).map(|n| secrets.encrypt(person(n), "name", "Ada").unwrap()).collect();
    let keys = shared();
    let mut transfer = KeyTransfer::new(KeysFrom::store(&dir).unwrap(), to(&keys)).unwrap();
    assert_eq!(transfer.transfer().unwrap(), 50);
    let later = secrets.encrypt(person(50), "name", "Ada").unwrap();
    assert_eq!(transfer.transfer().unwrap(), 1);
    // A second one finds what the first has copied.
    let mut again = KeyTransfer::new(KeysFrom::store(&dir).unwrap(), to(&keys)).unwrap();
    assert_eq!((again.transfer().unwrap(), keys.end().unwrap()), (0, 51));

    let other = folder.path().join("other");
    drop(Secrets::join(&other, LOG, &dir.join(keyring::FILE), Arc::clone(&keys)).unwrap());
    let joined = Secrets::open_shared(&other, LOG, keys).unwrap();
    for (n, name) in (0..).zip(names.iter().chain([&later])) {
        assert_eq!(joined.decrypt(person(n), "name", name).unwrap(), "Ada");
    }
}

/// Shows F7.
#[test]
fn shared_keys_become_one_nodes_own_and_the_forgotten_stay_so() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let keys = shared();
    let secrets = Secrets::create_shared(&here, LOG, Arc::clone(&keys)).unwrap();
    let (ada, bob) = (person(1), person(2));
    let name = secrets.encrypt(ada, "name", "Ada").unwrap();
    secrets.encrypt(bob, "name", "Bob").unwrap();
    keys.append(&SharedKey { person: bob, wrapped: Vec::new() }).unwrap();
    // Forgotten before a node that did not know makes a key.
    let late = SharedKey { person: person(3), ..read(&*keys, 1).unwrap().remove(0) };
    keys.append(&SharedKey { wrapped: Vec::new(), ..late.clone() }).unwrap();
    keys.append(&late).unwrap();
    let from = KeysFrom::Shared(Arc::clone(&keys), 0);
    let mut transfer = KeyTransfer::new(from, KeysTo::store(&there).unwrap()).unwrap();
    transfer.transfer().unwrap();
    drop(transfer);
    copy_keyring(&here.join(keyring::FILE), &there, LOG).unwrap();
    copy_keyring(&here.join(keyring::FILE), &there, LOG).unwrap();
    let own = Secrets::open(&there, LOG).unwrap();
    assert_eq!(own.decrypt(ada, "name", &name).unwrap(), "Ada");
    for forgotten in [bob, person(3)] {
        assert!(matches!(own.decrypt(forgotten, "name", &name), Err(SecretsError::Forgotten(_))));
    }

    let other = folder.path().join("other");
    drop(Secrets::create(&other, LOG).unwrap());
    let refused = copy_keyring(&here.join(keyring::FILE), &other, LOG).unwrap_err().to_string();
    assert!(refused.contains("this is another keyring than the history's"), "{refused}");
    let refused = copy_keyring(&here.join(keyring::FILE), &folder.path().join("new"), LogId([2; 16]));
    assert!(matches!(refused, Err(SecretsError::OtherLog { owner: LOG, .. })), "{refused:?}");
}

/// Shows F7.
#[test]
fn a_key_store_that_goes_over_takes_the_first_key_and_is_a_copy_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, other) = (folder.path().join("keys"), folder.path().join("other"));
    let secrets = Secrets::create(&dir, LOG).unwrap();
    let name = secrets.encrypt(person(1), "name", "Ada").unwrap();
    let keys = shared();
    KeyTransfer::new(KeysFrom::store(&dir).unwrap(), to(&keys)).unwrap().transfer().unwrap();
    // What one node still made when the history had moved is nobody's: another has made the first.
    secrets.encrypt(person(2), "name", "unanswered").unwrap();
    let first = Secrets::join(&other, LOG, &dir.join(keyring::FILE), Arc::clone(&keys)).unwrap();
    let counts = first.encrypt(person(2), "name", "Bob").unwrap();
    drop(secrets);
    for _ in 0..2 {
        let over = Secrets::go_over(&dir, LOG, Arc::clone(&keys)).unwrap();
        assert_eq!(over.decrypt(person(1), "name", &name).unwrap(), "Ada");
        assert_eq!(over.decrypt(person(2), "name", &counts).unwrap(), "Bob");
    }
    let refused = Secrets::open(&dir, LOG).unwrap_err().to_string();
    assert!(refused.contains("a copy of keys that nodes share"), "{refused}");
}

/// Shows F7.
#[test]
fn a_copy_goes_over_to_the_same_keys_in_another_order_and_nobody_who_was_forgotten_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("keys");
    let (old, new) = (shared(), shared());
    let secrets = Secrets::create_shared(&dir, LOG, Arc::clone(&old)).unwrap();
    let names: Vec<_> = (0..9).map(|n| secrets.encrypt(person(n), "name", "Ada").unwrap()).collect();
    old.append(&SharedKey { person: person(8), wrapped: Vec::new() }).unwrap();
    drop(secrets);
    drop(Secrets::open_shared(&dir, LOG, Arc::clone(&old)).unwrap().encrypt(person(9), "name", "Ada").unwrap());
    // All but one were copied there, the last first.
    for entry in read(&*old, 0).unwrap().iter().rev().filter(|entry| entry.person != person(3)) {
        new.append(entry).unwrap();
    }
    let refused = Secrets::open_shared(&dir, LOG, Arc::clone(&new)).unwrap_err().to_string();
    assert!(refused.contains("this node has read 11"), "{refused}");
    let there = new.end().unwrap();
    for _ in 0..2 {
        let over = Secrets::go_over(&dir, LOG, Arc::clone(&new)).unwrap();
        for (n, name) in (0..8).zip(&names) {
            assert_eq!(over.decrypt(person(n), "name", name).unwrap(), "Ada");
        }
        assert!(matches!(over.decrypt(person(8), "name", &names[8]), Err(SecretsError::Forgotten(_))));
    }
    assert_eq!(new.end().unwrap(), there + 1, "the missing one was added, once");
}

/// Shows F7, F30.
#[test]
fn a_copy_is_brought_up_to_another_wrapping_key_and_keeps_no_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let secrets = Secrets::create(&here, LOG).unwrap();
    let names: Vec<_> = (0..20).map(|n| secrets.encrypt(person(n), "name", "Ada").unwrap()).collect();
    let before = std::fs::read(here.join(keyring::FILE)).unwrap();
    let copy = || {
        copy_keyring(&here.join(keyring::FILE), &there, LOG).unwrap();
        let to = KeysTo::store(&there).unwrap();
        KeyTransfer::new(KeysFrom::store(&here).unwrap(), to).unwrap().transfer().unwrap()
    };
    assert_eq!((copy(), copy()), (20, 0));
    let shared = shared();
    let mut to_shared = KeyTransfer::new(KeysFrom::store(&here).unwrap(), to(&shared)).unwrap();
    to_shared.transfer().unwrap();
    secrets.forget(person(3)).unwrap();
    secrets.replace_wrapping_key().unwrap();
    // Under way, or shared already: under the keyring of today, what is there opens nothing.
    let was_replaced = |result: Result<u64, SecretsError>| result.unwrap_err().to_string().contains("was replaced");
    assert!(was_replaced(to_shared.transfer()));
    let again = KeyTransfer::new(KeysFrom::store(&here).unwrap(), to(&shared));
    assert!(was_replaced(again.unwrap().transfer()));
    assert_eq!((copy(), copy()), (20, 0), "those that are left, and that one is forgotten");
    assert_eq!(wrapping_keys(&there).unwrap(), [2]);
    // An older copy has nothing to bring there: whoever came since is wrapped under a key that it does not know.
    let old = folder.path().join("old");
    std::fs::create_dir(&old).unwrap();
    std::fs::write(old.join(keyring::FILE), &before).unwrap();
    let refused = copy_keyring(&old.join(keyring::FILE), &there, LOG).unwrap_err().to_string();
    assert!(refused.contains("is newer here"), "{refused}");
    let to = KeysTo::store(&there).unwrap();
    let KeysTo::Store(own) = &to else { panic!("it is a store of its own") };
    assert!(own.go_by(&[1]).unwrap_err().to_string().contains("is newer here"));
    drop(to);
    let own = Secrets::open(&there, LOG).unwrap();
    for (n, name) in (0..20).zip(&names).filter(|(n, _)| *n != 3) {
        assert_eq!(own.decrypt(person(n), "name", name).unwrap(), "Ada");
    }
    assert!(matches!(own.decrypt(person(3), "name", &names[3]), Err(SecretsError::Forgotten(_))));
    drop(secrets);
    assert!(Secrets::go_over(&here, LOG, shared).unwrap_err().to_string().contains("was replaced"));
}
