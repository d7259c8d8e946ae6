//! What a person's key leaves behind when it is destroyed, and where a replacement may be interrupted.

use std::fs;
use std::sync::Arc;

use super::super::shared::tests::InMemory;
use super::super::{PERSONS, SharedKeys};
use super::*;
use crate::log_id::LogId;
use crate::opaque::EncryptedField;

const LOG: LogId = LogId([1; 16]);

fn person(n: u8) -> EntityId {
    EntityId::from_hash(&[n; 32])
}

/// A key store in a folder, and the names of some persons.
struct Store {
    folder: tempfile::TempDir,
    secrets: Option<Secrets>,
    names: Vec<EncryptedField>,
}

impl Store {
    fn new(persons: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::create(folder.path(), LOG).unwrap();
        let names = (0..persons).map(|n| secrets.encrypt(person(n), "name", "Ada").unwrap()).collect();
        Self { folder, secrets: Some(secrets), names }
    }

    fn secrets(&self) -> &Secrets {
        self.secrets.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.secrets = None;
        self.secrets = Some(Secrets::open(self.folder.path(), LOG).unwrap());
    }

    /// Whose names open, and for whom it says that they were forgotten.
    fn read(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut open, mut forgotten) = (Vec::new(), Vec::new());
        for (n, name) in (0..).zip(&self.names) {
            match self.secrets().decrypt(person(n), "name", name) {
                Ok(plain) => {
                    assert_eq!(plain, "Ada");
                    open.push(n);
                }
                Err(SecretsError::Forgotten(of)) if of == person(n) => forgotten.push(n),
                Err(error) => panic!("person {n}: {error}"),
            }
        }
        (open, forgotten)
    }

    fn wrapping_keys(&self) -> Vec<u32> {
        Keyring::open(self.folder.path())
            .unwrap()
            .keys(Use::Wrapping)
            .oldest_first()
            .map(|(number, _)| number)
            .collect()
    }

    fn wrapped(&self, n: u8) -> Vec<u8> {
        self.secrets().persons.kept.known(person(n)).unwrap().unwrap()
    }

    /// Whether any file of the closed store holds these bytes.
    fn holds(&self, bytes: &[u8]) -> bool {
        [self.folder.path().to_owned(), self.folder.path().join(PERSONS)].iter().any(|dir| {
            let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file());
            files.map(|path| fs::read(path).unwrap()).any(|file| file.windows(bytes.len()).any(|run| run == bytes))
        })
    }
}

/// Shows F30.
#[test]
fn who_is_forgotten_has_no_key_from_then_on_and_is_given_no_other() {
    let mut store = Store::new(3);
    let destroyed = Destroyed { wrapping_key: 1, is_final: false };
    assert!(!store.secrets().wants_replacement(Duration::ZERO).unwrap());
    for _ in 0..2 {
        assert_eq!(store.secrets().forget(person(1)).unwrap(), destroyed);
        assert!(matches!(store.secrets().encrypt(person(1), "name", "Bob"), Err(SecretsError::Forgotten(_))));
        assert_eq!(store.read(), (vec![0, 2], vec![1]));
        store.reopen();
    }
    // Who never had one is given none either.
    assert_eq!(store.secrets().forget(person(9)).unwrap(), destroyed);
    assert!(matches!(store.secrets().encrypt(person(9), "name", "Bob"), Err(SecretsError::Forgotten(_))));
    assert!(store.secrets().wants_replacement(Duration::ZERO).unwrap());
    assert!(!store.secrets().wants_replacement(Duration::from_hours(1)).unwrap());
}

/// Shows F30.
#[test]
fn a_replaced_wrapping_key_leaves_neither_itself_nor_what_was_wrapped_under_it_on_disk() {
    let mut store = Store::new(40);
    let (destroyed, kept) = (store.wrapped(7), store.wrapped(8));
    let keyring = fs::read_to_string(store.folder.path().join(FILE)).unwrap();
    let keyring: serde_json::Value = serde_json::from_str(&keyring).unwrap();
    let wrapping = keyring["keys"]["wrapping"][0]["key"].as_str().unwrap().to_owned();
    store.secrets().forget(person(7)).unwrap();
    store.secrets = None;
    assert!(
        store.holds(&destroyed) && store.holds(&kept) && store.holds(wrapping.as_bytes()),
        "looked in the right place"
    );
    store.secrets = Some(Secrets::open(store.folder.path(), LOG).unwrap());
    assert_eq!(store.secrets().replace_wrapping_key().unwrap(), 2);
    assert_eq!(store.secrets().forget(person(7)).unwrap(), Destroyed { wrapping_key: 1, is_final: true });
    assert!(!store.secrets().wants_replacement(Duration::ZERO).unwrap());
    let later = store.secrets().encrypt(person(50), "name", "Eve").unwrap();
    store.reopen();
    assert_eq!(store.secrets().decrypt(person(50), "name", &later).unwrap(), "Eve");
    let others: Vec<u8> = (0..40).filter(|n| *n != 7).collect();
    assert_eq!((store.read(), store.wrapping_keys()), ((others, vec![7]), vec![2]));
    store.secrets = None;
    assert!(!store.holds(&destroyed) && !store.holds(&kept) && !store.holds(wrapping.as_bytes()));
}

/// Shows F30.
#[test]
fn a_replacement_that_is_interrupted_after_any_step_is_gone_on_with_and_loses_no_key() {
    for steps in 0..=4 {
        let mut store = Store::new(30);
        let before = store.wrapped(3);
        store.secrets().forget(person(5)).unwrap();
        let dir = store.folder.path().to_owned();
        let persons = &store.secrets.as_ref().unwrap().persons;
        let Kept::OnDisk(db) = &persons.kept else { panic!("it lies on disk") };
        if steps > 0 {
            persons.begin(&dir).unwrap();
        }
        if steps > 1 {
            persons.wrap_anew(db).unwrap();
        }
        if steps > 2 {
            compact(db).unwrap();
        }
        if steps > 3 {
            persons.end(&dir).unwrap();
        }
        assert_eq!(store.wrapping_keys(), [vec![1], vec![1, 2], vec![1, 2], vec![1, 2], vec![2]][steps]);
        // Whoever is forgotten meanwhile stays forgotten, and who is new is kept.
        store.secrets().forget(person(6)).unwrap();
        store.names.push(store.secrets().encrypt(person(30), "name", "Ada").unwrap());
        store.reopen();
        let others: Vec<u8> = (0..31).filter(|n| ![5, 6].contains(n)).collect();
        assert_eq!(store.read(), (others, vec![5, 6]), "after {steps} steps");
        assert_eq!(store.wrapping_keys(), vec![if steps == 0 { 1 } else { 2 }]);
        assert_eq!(store.wrapped(3) == before, steps == 0);
        let is_final = store.secrets().forget(person(5)).unwrap().is_final;
        assert_eq!(is_final, steps > 0, "after {steps} steps");
        // Under the new key already, which is not replaced.
        assert!(!store.secrets().forget(person(6)).unwrap().is_final);
    }
}

/// Keeps S1.
#[test]
fn a_keyring_that_another_takes_the_place_of_is_overwritten_also_after_a_crash_and_never_the_one_that_counts() {
    let store = Store::new(1);
    let dir = store.folder.path();
    let before = dir.join("keyring.json.before");
    // Between the second name and the new file: both are the keyring.
    fs::hard_link(dir.join(FILE), &before).unwrap();
    let text = fs::read(dir.join(FILE)).unwrap();
    Keyring::overwrite_before(dir).unwrap();
    assert!(!before.exists());
    assert_eq!(fs::read(dir.join(FILE)).unwrap(), text);
    // Between the new file and overwriting the one before.
    fs::hard_link(dir.join(FILE), &before).unwrap();
    let seen = fs::File::open(&before).unwrap();
    Keyring::open(dir).unwrap().with_another_wrapping().unwrap().create(dir).unwrap();
    Keyring::overwrite_before(dir).unwrap();
    assert!(!before.exists());
    let left: Vec<u8> = std::io::Read::bytes(seen).map(|byte| byte.unwrap()).collect();
    assert_eq!(left, vec![0; text.len()]);
    assert!(Keyring::open(dir).unwrap().is_replacing());
    // Before the new file had its name.
    let unfinished = dir.join("keyring.json.new");
    fs::write(&unfinished, &text).unwrap();
    let seen = fs::File::open(&unfinished).unwrap();
    Keyring::overwrite_before(dir).unwrap();
    assert!(!unfinished.exists());
    let left: Vec<u8> = std::io::Read::bytes(seen).map(|byte| byte.unwrap()).collect();
    assert_eq!(left, vec![0; text.len()]);
}

#[test]
fn a_damaged_key_holds_up_neither_a_replacement_nor_a_start() {
    let mut store = Store::new(20);
    let Kept::OnDisk(db) = &store.secrets.as_ref().unwrap().persons.kept else { panic!("it lies on disk") };
    let other = db.get(person(1).as_bytes()).unwrap().unwrap();
    db.put(person(2).as_bytes(), other).unwrap();
    assert_eq!(store.secrets().replace_wrapping_key().unwrap(), 2);
    store.reopen();
    assert_eq!(store.wrapping_keys(), [2]);
    assert_eq!(store.secrets().decrypt(person(3), "name", &store.names[3]).unwrap(), "Ada");
    assert!(store.secrets().decrypt(person(2), "name", &store.names[2]).is_err());
}

#[test]
fn keys_that_are_destroyed_while_all_are_wrapped_anew_stay_destroyed() {
    let store = Store::new(120);
    let start = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            for n in 0..60 {
                store.secrets().forget(person(n * 2)).unwrap();
            }
        });
        start.wait();
        for _ in 0..3 {
            store.secrets().replace_wrapping_key().unwrap();
        }
    });
    let (even, odd) = (0..120).partition(|n| n % 2 == 0);
    assert_eq!(store.read(), (odd, even));
}

/// Shows F30.
#[test]
fn a_node_that_shares_keys_tells_all_others_once_and_replaces_no_wrapping_key() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let keys: Arc<dyn SharedKeys> = Arc::new(InMemory::default());
    let one = Secrets::create_shared(&here, LOG, Arc::clone(&keys)).unwrap();
    let name = one.encrypt(person(1), "name", "Ada").unwrap();
    let other = Secrets::join(&there, LOG, &here.join(FILE), Arc::clone(&keys)).unwrap();
    assert_eq!(other.decrypt(person(1), "name", &name).unwrap(), "Ada");
    let destroyed = Destroyed { wrapping_key: 1, is_final: false };
    for secrets in [&one, &other, &one] {
        assert_eq!(secrets.forget(person(1)).unwrap(), destroyed);
        assert!(matches!(secrets.decrypt(person(1), "name", &name), Err(SecretsError::Forgotten(_))));
    }
    assert_eq!(keys.end().unwrap(), 2, "the key, and that it counts no more");
    assert!(matches!(one.replace_wrapping_key(), Err(SecretsError::NotReplaced)));
    assert!(!one.wants_replacement(Duration::ZERO).unwrap());
}
