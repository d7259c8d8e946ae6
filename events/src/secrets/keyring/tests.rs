//! The file of the keyring: what it holds, and what is refused.

use super::*;

const LOG: LogId = LogId([7; 16]);

fn written() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    Keyring::random(LOG).unwrap().create(folder.path()).unwrap();
    let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
    (folder, text)
}

fn refusal(dir: &Path, text: &str) -> String {
    fs::write(dir.join(FILE), text).unwrap();
    Keyring::open(dir).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn every_key_survives_the_file_and_no_two_are_alike() {
    let folder = tempfile::tempdir().unwrap();
    let made = Keyring::random(LOG).unwrap();
    made.create(folder.path()).unwrap();
    let all = |keyring: &Keyring| {
        Use::ALL.map(|of| {
            let (number, key) = keyring.key(of);
            assert_eq!(number, FIRST);
            key.0
        })
    };
    let keys = all(&made);
    let opened = Keyring::open(folder.path()).unwrap();
    assert_eq!((all(&opened), opened.log), (keys, LOG));
    assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), keys.len());
}

#[test]
fn what_a_crash_left_unfinished_is_neither_read_nor_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    fs::write(&other, "untouched").unwrap();
    std::os::unix::fs::symlink(&other, folder.path().join("keyring.json.new")).unwrap();
    assert!(Keyring::open(folder.path()).is_err());
    Keyring::random(LOG).unwrap().create(folder.path()).unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), "untouched");
    let file = folder.path().join(FILE).symlink_metadata().unwrap();
    assert!(file.is_file());
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_keyring_of_a_later_format_is_refused_by_its_format_whatever_else_it_holds() {
    let (folder, _) = written();
    let error = refusal(folder.path(), r#"{"format": 2, "kms": "other"}"#);
    assert!(error.contains("format 2 is not 1") && error.contains(FILE), "{error}");
}

#[test]
fn a_keyring_cut_anywhere_is_refused_with_its_path_and_without_its_keys() {
    let (folder, text) = written();
    let keys: Vec<&str> = text.split('"').filter(|part| part.len() == Key::CHARS).collect();
    assert_eq!(keys.len(), 5);
    // Without its last characters, line end and brace, it is cut; without the line end alone it is whole.
    for end in 0..text.len() - 1 {
        let error = refusal(folder.path(), &text[..end]);
        assert!(error.contains(FILE), "{error}");
        assert!(keys.iter().all(|key| !error.contains(key)), "{error}");
    }
}

/// The format of the file, byte for byte.
#[test]
fn a_keyring_is_written_as_the_golden_file_has_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/keyring.json");
    let folder = tempfile::tempdir().unwrap();
    Keyring::from_seed(1, LOG).create(folder.path()).unwrap();
    let written = fs::read_to_string(folder.path().join(FILE)).unwrap();
    if std::env::var_os("KIPPU_BLESS").is_some() && !path.exists() {
        fs::write(&path, &written).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
    assert!(Keyring::read(&path).unwrap().is(&Keyring::from_seed(1, LOG)));
}

fn changed(text: &str, change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut keyring: serde_json::Value = serde_json::from_str(text).unwrap();
    change(&mut keyring["keys"]);
    keyring.to_string()
}

#[test]
fn keys_of_a_use_that_this_version_does_not_know_stay_as_they_are() {
    let (folder, text) = written();
    let more = changed(&text, |keys| keys["later"] = keys["wrapping"].clone());
    fs::write(folder.path().join(FILE), &more).unwrap();
    let copy = tempfile::tempdir().unwrap();
    Keyring::open(folder.path()).unwrap().create(copy.path()).unwrap();
    let copied = fs::read_to_string(copy.path().join(FILE)).unwrap();
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parsed(&copied), parsed(&more));
}

#[test]
fn a_second_key_where_there_is_one_for_ever_and_none_where_there_is_one_are_refused() {
    let (folder, text) = written();
    for name in ["pepper", "identity", "index"] {
        let second = changed(&text, |keys| {
            let mut second = keys[name][0].clone();
            second["number"] = 2.into();
            keys[name].as_array_mut().unwrap().push(second);
        });
        let error = refusal(folder.path(), &second);
        assert!(error.contains(&format!("{name} is one key for ever")), "{error}");
    }
    for name in ["root", "pepper", "wrapping", "identity", "index"] {
        let none = changed(&text, |keys| drop(keys.as_object_mut().unwrap().remove(name)));
        let error = refusal(folder.path(), &none);
        assert!(error.contains(&format!("it has no keys for {name}")), "{error}");
    }
}

#[test]
fn keys_that_are_no_keys_are_refused_by_name() {
    let (folder, text) = written();
    for name in ["identity", "root"] {
        for wrong in ["", "A=", "!"] {
            let error = refusal(folder.path(), &changed(&text, |keys| keys[name][0]["key"] = wrong.into()));
            assert!(error.contains(&format!("{name} has a key that is none")), "{error}");
        }
    }
    for numbers in [r#""number": 4294967296"#, r#""number": -1"#, r#""number": 1, "extra": 1"#] {
        assert!(refusal(folder.path(), &text.replacen(r#""number": 1"#, numbers, 1)).contains("not a keyring"));
    }
}
