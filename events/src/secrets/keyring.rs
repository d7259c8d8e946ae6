//! The keyring: every key that is not a person's, in one file of mode 0600, written once and renamed into place.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroize as _;

use super::SecretsError;

/// The file's name within the key store.
pub const FILE: &str = "keyring.json";
const FORMAT: u32 = 1;

/// 256 bits that nobody else has.
#[derive(Clone)]
pub struct Key(pub [u8; 32]);

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Keys by number, newest last: old ones go on to check what was made with them.
pub type Numbered = Vec<(u32, Key)>;

/// The keys.
pub struct Keyring {
    /// Tokens.
    pub root: Numbered,
    /// PINs, before argon2id.
    pub pepper: Numbered,
    /// Persons' keys are encrypted under these.
    pub wrapping: Numbered,
    /// Identities of commands, of entities, and of what was asked for.
    pub identity: Key,
    /// Login names.
    pub index: Key,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    number: u32,
    key: String,
}

impl Keyring {
    /// New keys, from the operating system.
    pub fn random() -> Result<Self, getrandom::Error> {
        let one = || -> Result<Numbered, getrandom::Error> { Ok(vec![(1, random_key()?)]) };
        Ok(Self { root: one()?, pepper: one()?, wrapping: one()?, identity: random_key()?, index: random_key()? })
    }

    /// The same keys for the same seed: for logs that are gone with the process.
    pub fn from_seed(seed: u64) -> Self {
        let key = |name: &str| {
            let mut sha = Sha256::new();
            sha.update(seed.to_be_bytes());
            sha.update(name);
            Key(sha.finalize().into())
        };
        Self {
            root: vec![(1, key("root"))],
            pepper: vec![(1, key("pepper"))],
            wrapping: vec![(1, key("wrapping"))],
            identity: key("identity"),
            index: key("index"),
        }
    }

    /// Writes the keyring into `dir`, which it makes if need be; there MUST NOT be one.
    pub fn create(&self, dir: &Path) -> Result<(), SecretsError> {
        let path = dir.join(FILE);
        let io = |source| SecretsError::Io { path: path.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
        if path.exists() {
            return Err(io(std::io::ErrorKind::AlreadyExists.into()));
        }
        let numbered = |keys: &Numbered| {
            keys.iter()
                .map(|(number, key)| StoredKey { number: *number, key: BASE64URL_NOPAD.encode(&key.0) })
                .collect()
        };
        let stored = Stored {
            format: FORMAT,
            root: numbered(&self.root),
            pepper: numbered(&self.pepper),
            wrapping: numbered(&self.wrapping),
            identity: BASE64URL_NOPAD.encode(&self.identity.0),
            index: BASE64URL_NOPAD.encode(&self.index.0),
        };
        let mut text = serde_json::to_vec_pretty(&stored).map_err(|e| io(e.into()))?;
        text.push(b'\n');
        let unfinished = dir.join(format!("{FILE}.new"));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished).map_err(io)?;
        let written = file.write_all(&text).and_then(|()| file.sync_all());
        text.zeroize();
        written.map_err(io)?;
        fs::rename(&unfinished, &path).map_err(io)?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(io)
    }

    /// Reads the keyring in `dir`.
    pub fn open(dir: &Path) -> Result<Self, SecretsError> {
        let path = dir.join(FILE);
        let wrong = |reason: String| SecretsError::Format { path: path.clone(), reason };
        let mut text = fs::read(&path).map_err(|source| SecretsError::Io { path: path.clone(), source })?;
        let parsed: Result<Stored, _> = serde_json::from_slice(&text);
        text.zeroize();
        // The parser's message may quote a value, so only its place is told.
        let stored = parsed.map_err(|e| wrong(format!("line {}, column {}: not a keyring", e.line(), e.column())))?;
        if stored.format != FORMAT {
            return Err(wrong(format!("format {} is not {FORMAT}, which this version reads", stored.format)));
        }
        let key = |name: &str, text: &str| {
            let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.map(Key).ok_or_else(|| wrong(format!("{name} is not a key")))
        };
        let numbered = |name: &str, keys: &[StoredKey]| -> Result<Numbered, SecretsError> {
            if keys.is_empty() {
                return Err(wrong(format!("{name} has no key")));
            }
            keys.iter().map(|stored| Ok((stored.number, key(name, &stored.key)?))).collect()
        };
        Ok(Self {
            root: numbered("root", &stored.root)?,
            pepper: numbered("pepper", &stored.pepper)?,
            wrapping: numbered("wrapping", &stored.wrapping)?,
            identity: key("identity", &stored.identity)?,
            index: key("index", &stored.index)?,
        })
    }
}

/// 32 random bytes.
pub fn random_key() -> Result<Key, getrandom::Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    Ok(Key(key))
}
