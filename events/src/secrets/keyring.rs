//! The keyring: every key that is not a person's, in one file of mode 0600, written as a whole and renamed into place. Where another
//! takes its place, the file before has a second name until it is overwritten, so that a crash leaves nothing of it unseen.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use super::SecretsError;
use super::numbered::Numbered;
use crate::log_id::LogId;
use crate::text_file;
use crate::whole::{sync_parent, unfinished, write_whole};

/// The file's name within the key store.
pub(super) const FILE: &str = "keyring.json";
/// The name of the file that another one took the place of, until it is overwritten.
const BEFORE: &str = "keyring.json.before";
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

    /// Whether there are two wrapping keys, since one takes the place of the other.
    pub(super) fn is_replacing(&self) -> bool {
        self.keys(Use::Wrapping).oldest_first().count() > 1
    }

    /// The same, with one more wrapping key, which is the newest.
    pub(super) fn with_another_wrapping(mut self) -> Result<Self, SecretsError> {
        let key = Key::random().map_err(|_| SecretsError::Entropy)?;
        let more = self.keys(Use::Wrapping).clone().with(key).ok_or(SecretsError::NotReplaced)?;
        self.keys.insert(Use::Wrapping.name().to_owned(), more);
        Ok(self)
    }

    /// The same with those wrapping keys alone that are `kept`; nothing where none is.
    pub(super) fn with_wrapping(mut self, kept: impl Fn(u32) -> bool) -> Option<Self> {
        let all = self.keys(Use::Wrapping).oldest_first();
        let left = all.filter(|(number, _)| kept(*number)).map(|(number, key)| (number, key.clone())).collect();
        let left = Numbered::oldest_first_from(left)?;
        self.keys.insert(Use::Wrapping.name().to_owned(), left);
        Some(self)
    }

    /// The wrapping keys of both, where everything else is the same; nothing where it is not, or one number has two keys.
    pub(super) fn with_wrapping_of(mut self, other: &Self) -> Option<Self> {
        let mut all: BTreeMap<u32, Key> = BTreeMap::new();
        for (number, key) in self.keys(Use::Wrapping).oldest_first().chain(other.keys(Use::Wrapping).oldest_first()) {
            let first = all.entry(number).or_insert_with(|| key.clone());
            if first.0 != key.0 {
                return None;
            }
        }
        self.keys.insert(Use::Wrapping.name().to_owned(), other.keys(Use::Wrapping).clone());
        if !self.is(other) {
            return None;
        }
        let all = Numbered::oldest_first_from(all.into_iter().collect())?;
        self.keys.insert(Use::Wrapping.name().to_owned(), all);
        Some(self)
    }

    /// Puts this one in the place of the keyring in `dir`, of whose file nothing stays. Durable when this returns.
    pub(super) fn replace(&self, dir: &Path) -> Result<(), SecretsError> {
        let failed = |source| SecretsError::Io { path: dir.join(FILE), source };
        Self::overwrite_before(dir)?;
        fs::hard_link(dir.join(FILE), dir.join(BEFORE)).and_then(|()| sync_parent(&dir.join(FILE))).map_err(failed)?;
        self.create(dir)?;
        Self::overwrite_before(dir)
    }

    /// Overwrites what a keyring in `dir` took the place of, and what was to take its place, if that is still there after a crash.
    pub(super) fn overwrite_before(dir: &Path) -> Result<(), SecretsError> {
        [dir.join(BEFORE), unfinished(&dir.join(FILE))].iter().try_for_each(|path| Self::overwrite(path, dir))
    }

    fn overwrite(path: &Path, dir: &Path) -> Result<(), SecretsError> {
        let overwrite = || {
            let before = match path.symlink_metadata() {
                Ok(before) => before,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            // After a crash it may be another name of the keyring itself.
            if before.is_file() && before.ino() != dir.join(FILE).metadata()?.ino() {
                let mut file = fs::OpenOptions::new().write(true).open(path)?;
                io::copy(&mut io::repeat(0).take(before.len()), &mut file)?;
                file.sync_all()?;
            }
            fs::remove_file(path)?;
            sync_parent(path)
        };
        overwrite().map_err(|source| SecretsError::Io { path: path.to_owned(), source })
    }

    /// Writes the keyring into `dir`. Durable when this returns.
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
mod tests;
