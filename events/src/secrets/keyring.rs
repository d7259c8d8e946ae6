//! The keyring: every key that is not a person's, in one file of mode 0600, written once and renamed into place.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use super::SecretsError;
use super::numbered::Numbered;
use crate::log_id::LogId;
use crate::text_file;
use crate::whole::{sync_parent, write_whole};

/// The file's name within the key store.
pub(super) const FILE: &str = "keyring.json";
const FORMAT: u32 = 1;
/// The number of the first key of each use.
const FIRST: u32 = 1;

/// 256 bits that nobody else has.
#[derive(Clone)]
pub(super) struct Key(pub(super) [u8; 32]);

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Key {
    /// Characters of a key's base64url.
    const CHARS: usize = 43;

    /// A new key, from the operating system.
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut key = Self([0; 32]);
        getrandom::fill(&mut key.0)?;
        Ok(key)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut key = Self([0; 32]);
        if text.len() != Self::CHARS {
            return None;
        }
        BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut key.0).ok()?;
        Some(key)
    }
}

/// What keys are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    /// Tokens.
    Root,
    /// PINs, before argon2id. One for ever: what is stored of a PIN is compared with what the one that was given makes now.
    Pepper,
    /// Persons' keys are encrypted under these.
    Wrapping,
    /// Identities of commands, of entities, and of what was asked for: each with a tag of its own. One for ever, as an
    /// identity is.
    Identity,
    /// Login names. One for ever.
    Index,
}

impl Use {
    const ALL: [Self; 5] = [Self::Root, Self::Pepper, Self::Wrapping, Self::Identity, Self::Index];

    /// Its name in the file.
    const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Pepper => "pepper",
            Self::Wrapping => "wrapping",
            Self::Identity => "identity",
            Self::Index => "index",
        }
    }

    /// Whether a second key would find nothing of what was made with the first.
    const fn has_one_key(self) -> bool {
        match self {
            Self::Pepper | Self::Identity | Self::Index => true,
            Self::Root | Self::Wrapping => false,
        }
    }
}

/// The keys, by use. Those of uses that this version does not know stay as they are.
pub(super) struct Keyring {
    /// The log that they were made for. With another one they would make other tokens and find no login.
    pub(super) log: LogId,
    keys: BTreeMap<String, Numbered<Key>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    log: LogId,
    keys: BTreeMap<String, Vec<StoredKey>>,
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.keys.values_mut().flatten().for_each(|stored| stored.key.zeroize());
    }
}

/// The one field that every format has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    number: u32,
    key: String,
}

impl Keyring {
    /// New keys for `log`.
    pub(super) fn new(log: LogId) -> Result<Self, SecretsError> {
        Self::random(log).map_err(|_| SecretsError::Entropy)
    }

    /// Itself, if it was made for `log`; `path` is where it came from.
    pub(super) fn of(self, log: LogId, path: &Path) -> Result<Self, SecretsError> {
        if self.log == log {
            Ok(self)
        } else {
            Err(SecretsError::OtherLog { path: path.to_owned(), owner: self.log, log })
        }
    }

    /// New keys for `log`, from the operating system.
    fn random(log: LogId) -> Result<Self, getrandom::Error> {
        let one = |of: Use| Ok((of.name().to_owned(), Numbered::one(FIRST, Key::random()?)));
        Ok(Self { log, keys: Use::ALL.into_iter().map(one).collect::<Result<_, _>>()? })
    }

    /// The same keys for the same seed: for logs that are gone with the process.
    pub(super) fn from_seed(seed: u64, log: LogId) -> Self {
        let one = |of: Use| {
            let mut sha = Sha256::new();
            sha.update(seed.to_be_bytes());
            sha.update(of.name());
            (of.name().to_owned(), Numbered::one(FIRST, Key(sha.finalize().into())))
        };
        Self { log, keys: Use::ALL.into_iter().map(one).collect() }
    }

    /// The keys for `of`.
    pub(super) fn keys(&self, of: Use) -> &Numbered<Key> {
        &self.keys[of.name()]
    }

    /// The newest key for `of`: the only one, where there is one for ever.
    pub(super) fn key(&self, of: Use) -> (u32, &Key) {
        self.keys(of).newest()
    }

    /// Whether there is a keyring in `dir`.
    pub(super) fn exists(dir: &Path) -> bool {
        // A link that leads nowhere is something too, and must not be written over.
        dir.join(FILE).symlink_metadata().is_ok()
    }

    /// Writes the keyring into `dir`; there MUST NOT be one. Durable when this returns.
    pub(super) fn create(&self, dir: &Path) -> Result<(), SecretsError> {
        let path = dir.join(FILE);
        let failed = |source| SecretsError::Io { path: path.clone(), source };
        let mut text = serde_json::to_vec_pretty(&self.stored()).map_err(|e| failed(e.into()))?;
        text.push(b'\n');
        let written = write_whole(&path, &text, 0o600);
        text.zeroize();
        written.and_then(|()| sync_parent(dir)).map_err(failed)
    }

    /// Whether these are the same keys: their files may differ in what does not count.
    pub(super) fn is(&self, other: &Self) -> bool {
        let text = |keyring: &Self| serde_json::to_vec(&keyring.stored()).map(Zeroizing::new).ok();
        text(self).zip(text(other)).is_some_and(|(this, that)| this == that)
    }

    fn stored(&self) -> Stored {
        let stored = |(number, key): (u32, &Key)| StoredKey { number, key: BASE64URL_NOPAD.encode(&key.0) };
        let numbered = |keys: &Numbered<Key>| keys.oldest_first().map(stored).collect();
        let keys = self.keys.iter().map(|(name, keys)| (name.clone(), numbered(keys))).collect();
        Stored { format: FORMAT, log: self.log, keys }
    }

    /// Reads the keyring in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, SecretsError> {
        Self::read(&dir.join(FILE))
    }

    /// Reads the keyring in the file `path`.
    pub(super) fn read(path: &Path) -> Result<Self, SecretsError> {
        let wrong = |reason: String| SecretsError::Format { path: path.to_owned(), reason };
        let mut text = text_file::read(path).map_err(|error| match text_file::not_text(&error) {
            Some(reason) => wrong(reason.to_string()),
            None => SecretsError::Io { path: path.to_owned(), source: error },
        })?;
        if text.trim().is_empty() {
            return Err(wrong("it is empty".to_owned()));
        }
        let format = serde_json::from_str::<AnyFormat>(&text).map(|any| any.format);
        let parsed: Result<Stored, _> = serde_json::from_str(&text);
        text.zeroize();
        match format {
            Ok(FORMAT) | Err(_) => {}
            Ok(other) => return Err(wrong(format!("format {other} is not {FORMAT}, which this version reads"))),
        }
        // The parser's message may quote a value, so only its place is told.
        let stored = parsed.map_err(|e| wrong(format!("line {}, column {}: not a keyring", e.line(), e.column())))?;
        let mut keys = BTreeMap::new();
        for (name, stored) in &stored.keys {
            let parsed = stored.iter().map(|stored| Some((stored.number, Key::parse(&stored.key)?)));
            let parsed =
                parsed.collect::<Option<_>>().ok_or_else(|| wrong(format!("{name} has a key that is none")))?;
            let numbered = Numbered::oldest_first_from(parsed);
            let numbered = numbered.ok_or_else(|| wrong(format!("{name} has no keys with growing numbers")))?;
            keys.insert(name.clone(), numbered);
        }
        for of in Use::ALL {
            let found = keys.get(of.name()).ok_or_else(|| wrong(format!("it has no keys for {}", of.name())))?;
            if of.has_one_key() && found.oldest_first().count() > 1 {
                return Err(wrong(format!("{} is one key for ever, and here are several", of.name())));
            }
        }
        Ok(Self { log: stored.log, keys })
    }
}

/// Makes `dir`, if need be, and lets nobody but its owner in.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // It may have been there, open to others.
    fs::set_permissions(dir, Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
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
}
