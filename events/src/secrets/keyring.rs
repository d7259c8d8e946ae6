//! The keyring: every key that is not a person's, in one file of mode 0600, written once and renamed into place.

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

/// The keys.
pub(super) struct Keyring {
    /// The log that they were made for. With another one they would make other tokens and find no login.
    pub(super) log: LogId,
    /// Tokens.
    pub(super) root: Numbered<Key>,
    /// PINs, before argon2id, and its number. One for ever: what is stored of a PIN is compared with what the one that
    /// was given makes now.
    pub(super) pepper: (u32, Key),
    /// Persons' keys are encrypted under these.
    pub(super) wrapping: Numbered<Key>,
    /// Identities of commands, of entities, and of what was asked for: each with a tag of its own. One for ever, as
    /// an identity is.
    pub(super) identity: Key,
    /// Login names. One for ever.
    pub(super) index: Key,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    log: LogId,
    root: Vec<StoredKey>,
    pepper: Vec<StoredKey>,
    wrapping: Vec<StoredKey>,
    identity: String,
    index: String,
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.identity.zeroize();
        self.index.zeroize();
        for stored in self.root.iter_mut().chain(&mut self.pepper).chain(&mut self.wrapping) {
            stored.key.zeroize();
        }
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
        let one = || Ok(Numbered::one(FIRST, Key::random()?));
        let (identity, index) = (Key::random()?, Key::random()?);
        Ok(Self { log, root: one()?, pepper: (FIRST, Key::random()?), wrapping: one()?, identity, index })
    }

    /// The same keys for the same seed: for logs that are gone with the process.
    pub(super) fn from_seed(seed: u64, log: LogId) -> Self {
        let key = |name: &str| {
            let mut sha = Sha256::new();
            sha.update(seed.to_be_bytes());
            sha.update(name);
            Key(sha.finalize().into())
        };
        let one = |name| Numbered::one(FIRST, key(name));
        Self {
            log,
            root: one("root"),
            pepper: (FIRST, key("pepper")),
            wrapping: one("wrapping"),
            identity: key("identity"),
            index: key("index"),
        }
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
        Stored {
            format: FORMAT,
            log: self.log,
            root: numbered(&self.root),
            pepper: vec![stored((self.pepper.0, &self.pepper.1))],
            wrapping: numbered(&self.wrapping),
            identity: BASE64URL_NOPAD.encode(&self.identity.0),
            index: BASE64URL_NOPAD.encode(&self.index.0),
        }
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
        let key = |name: &str, text: &str| Key::parse(text).ok_or_else(|| wrong(format!("{name} is not a key")));
        let numbered = |name: &str, keys: &[StoredKey]| {
            let keys = keys.iter().map(|stored| Ok((stored.number, key(name, &stored.key)?)));
            Numbered::oldest_first_from(keys.collect::<Result<_, SecretsError>>()?)
                .ok_or_else(|| wrong(format!("{name} has no keys with growing numbers")))
        };
        Ok(Self {
            log: stored.log,
            root: numbered("root", &stored.root)?,
            pepper: match &stored.pepper[..] {
                [only] => (only.number, key("pepper", &only.key)?),
                _ => return Err(wrong("pepper is not one key, and PINs are checked with one alone".to_owned())),
            },
            wrapping: numbered("wrapping", &stored.wrapping)?,
            identity: key("identity", &stored.identity)?,
            index: key("index", &stored.index)?,
        })
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
            let (root, pepper, wrapping) = (keyring.root.newest(), &keyring.pepper, keyring.wrapping.newest());
            assert_eq!((root.0, pepper.0, wrapping.0), (FIRST, FIRST, FIRST));
            [root.1.0, pepper.1.0, wrapping.1.0, keyring.identity.0, keyring.index.0]
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

    #[test]
    fn a_second_pepper_with_which_no_pin_would_be_right_any_more_is_refused() {
        let (folder, text) = written();
        let mut keyring: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut second = keyring["pepper"][0].clone();
        second["number"] = 2.into();
        keyring["pepper"].as_array_mut().unwrap().push(second);
        let error = refusal(folder.path(), &keyring.to_string());
        assert!(error.contains("pepper is not one key"), "{error}");
    }

    #[test]
    fn keys_that_are_no_keys_are_refused_by_name() {
        let (folder, text) = written();
        for name in ["identity", "index"] {
            let start = text.find(&format!("\"{name}\": \"")).unwrap() + name.len() + 5;
            for wrong in ["!", "A=", ""] {
                let changed = format!("{}{wrong}{}", &text[..start], &text[start + 1..]);
                let error = refusal(folder.path(), &changed);
                assert!(error.contains(&format!("{name} is not a key")), "{error}");
            }
        }
        for numbers in [r#""number": 4294967296"#, r#""number": -1"#, r#""number": 1, "extra": 1"#] {
            assert!(refusal(folder.path(), &text.replacen(r#""number": 1"#, numbers, 1)).contains("not a keyring"));
        }
    }
}
