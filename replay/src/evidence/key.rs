//! Keys that sign checkpoints, as verifiers have them: C2SP's verifier keys (`name+id+base64`), or the JWK set of a node.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use data_encoding::BASE64;
use kippu_events::secrets::{PublicKey, SigningUse};
use kippu_events::text_file;
use serde::Deserialize;
use signed_note::{Verifier, is_key_name_valid, key_id};

use super::error::{EvidenceError, Fault};

/// The first line of what a cosignature is over, which no checkpoint begins with: what a key signs as a log, it has not signed
/// as a witness, nor the other way round.
pub(super) const COSIGNATURE: &str = "cosignature/v1";
/// The last day that a cosignature may be of, 9999-12-30: times that are written have four digits for a year.
const LAST_SECS: u64 = 253_402_128_000;
/// C2SP's number of a signature by Ed25519.
const ED25519: u8 = 1;
/// C2SP's number of a cosignature by Ed25519, which has a time.
const COSIGNATURE_V1: u8 = 4;

/// As what a key signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// As the log.
    Log,
    /// As a witness.
    Witness,
}

/// A public key, who has it, and as what it signs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    /// As it is in signatures.
    pub name: String,
    /// As what.
    pub kind: Kind,
    /// The key.
    pub key: PublicKey,
}

/// Text that is no verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a verifier key is name+id+base64, of Ed25519 or of Ed25519 with a time")]
pub struct NotAVerifierKey;

impl Key {
    /// The bytes that its id is made of.
    fn material(&self) -> Vec<u8> {
        let kind = match self.kind {
            Kind::Log => ED25519,
            Kind::Witness => COSIGNATURE_V1,
        };
        [&[kind], self.key.as_bytes().as_slice()].concat()
    }

    /// How signatures and messages name it.
    #[must_use]
    pub fn short(&self) -> String {
        format!("{}+{:08x}", self.name, self.key_id())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.short(), BASE64.encode(&self.material()))
    }
}

impl FromStr for Key {
    type Err = NotAVerifierKey;

    fn from_str(text: &str) -> Result<Self, NotAVerifierKey> {
        // The key itself may have a plus in its base64.
        let mut parts = text.splitn(3, '+');
        let (name, material) = match (parts.next(), parts.next(), parts.next()) {
            (Some(name), Some(_), Some(material)) => (name, material),
            (_, _, _) => return Err(NotAVerifierKey),
        };
        let material = BASE64.decode(material.as_bytes()).map_err(|_| NotAVerifierKey)?;
        let (kind, key) = material.split_first().ok_or(NotAVerifierKey)?;
        let kind = match *kind {
            ED25519 => Kind::Log,
            COSIGNATURE_V1 => Kind::Witness,
            _ => return Err(NotAVerifierKey),
        };
        let key = Self { name: name.to_owned(), kind, key: PublicKey::from_bytes(key).map_err(|_| NotAVerifierKey)? };
        // Its id too, and in the one spelling.
        if is_key_name_valid(name) && key.to_string() == text { Ok(key) } else { Err(NotAVerifierKey) }
    }
}

impl Verifier for Key {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        key_id(&self.name, &self.material())
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        match self.kind {
            Kind::Log => self.key.has_signed(text, signature),
            Kind::Witness => signature.split_first_chunk().is_some_and(|(time, signature)| {
                let unix_secs = u64::from_be_bytes(*time);
                unix_secs <= LAST_SECS && self.key.has_signed(&cosigned(unix_secs, text), signature)
            }),
        }
    }
}

/// What a cosignature is over.
pub(super) fn cosigned(unix_secs: u64, text: &[u8]) -> Vec<u8> {
    [format!("{COSIGNATURE}\ntime {unix_secs}\n").as_bytes(), text].concat()
}

/// The keys that somebody trusts to be a log's.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    named: Vec<Key>,
    /// Of whichever log: of those that a file of one node has.
    unnamed: Vec<PublicKey>,
}

/// As a node publishes them.
#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    crv: Option<String>,
    x: Option<PublicKey>,
    kippu_use: Option<SigningUse>,
}

impl Keys {
    /// These.
    #[must_use]
    pub const fn of(named: Vec<Key>) -> Self {
        Self { named, unnamed: Vec::new() }
    }

    /// Each of `given`: a verifier key, or a file with the JWK set of the log's node.
    ///
    /// # Errors
    /// It is neither.
    pub fn read(given: &[String]) -> Result<Self, EvidenceError> {
        let mut keys = Self::default();
        for given in given {
            if given.contains('+') {
                keys.named.push(given.parse().map_err(|error| Fault::Malformed(format!("{given}: {error}")))?);
                continue;
            }
            let path = Path::new(given);
            let text = text_file::read(path).map_err(|source| EvidenceError::Io { path: path.to_owned(), source })?;
            let set: JwkSet =
                text_file::json(&text).map_err(|reason| Fault::Malformed(format!("{given}: {reason}")))?;
            let is_for_checkpoints = |jwk: &Jwk| {
                jwk.crv.as_deref() == Some("Ed25519") && jwk.kippu_use.is_none_or(|of| of == SigningUse::Checkpoints)
            };
            keys.unnamed.extend(set.keys.into_iter().filter(is_for_checkpoints).filter_map(|jwk| jwk.x));
        }
        Ok(keys)
    }

    /// Those that may sign for the log `origin`, each once.
    pub(super) fn of_log(&self, origin: &str) -> Vec<Key> {
        let named = self.named.iter().filter(|key| key.name == origin && key.kind == Kind::Log).cloned();
        let unnamed = self.unnamed.iter().map(|key| Key { name: origin.to_owned(), kind: Kind::Log, key: *key });
        let mut keys: Vec<Key> = Vec::new();
        for key in named.chain(unnamed) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }
}
