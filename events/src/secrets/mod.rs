//! Secrets: the key store beside the log, and everything that is made with its keys – tokens, MACs, PIN verifiers and
//! sealed personal fields. What leaves this module may be stored; what goes into it may not.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::event::Mac;
use crate::{EntityId, EntityKey, Family, Principal, log::LogId};

/// What a token hashes to, and under which root key it was made. All that the log holds of a token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TokenHash {
    /// The root key's number.
    pub key: u32,
    /// SHA-256 of the token's text, base64url.
    pub sha256: String,
}

/// Checks a PIN: argon2id over a keyed hash of it. Stored; useless without the key store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PinVerifier {
    /// The pepper's number.
    pub pepper: u32,
    /// The argon2id output, base64url.
    pub argon2id: String,
}

/// A personal field, encrypted under its person's key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Sealed {
    /// `XChaCha20-Poly1305` nonce and ciphertext, base64url.
    pub xchacha20poly1305: String,
}

/// What a bearer token is for. A token of one purpose is a forgery for every other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Redeems an approval: `kpa_…`.
    Approval,
    /// Calls the API: `kpk_…`.
    ApiKey,
}

/// What a genuine token says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bearer {
    /// The root key it was made with.
    pub key: u32,
    /// The entity it is for.
    pub entity: EntityId,
    /// Which of the entity's tokens it is.
    pub counter: u32,
}

/// The token was not made here, not for this log, or not for this purpose. Deliberately says no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this service")]
pub struct Forged;

/// Why the key store does not work.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file system said no.
    #[error("key store {path}: {source}")]
    Io {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not as this code writes it.
    #[error("key store {path}: {reason}")]
    Format {
        /// Where.
        path: std::path::PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The person's key is not there: forgotten, or another key store's.
    #[error("there is no key for person {0}")]
    NoPerson(EntityId),
    /// The ciphertext is not what was sealed.
    #[error("a sealed field does not open")]
    Unsealable,
}

/// The open key store.
pub struct Secrets {}

#[allow(unused_variables, clippy::todo, missing_docs, clippy::missing_errors_doc, clippy::missing_panics_doc)]
impl Secrets {
    /// Makes a key store in `dir`, which MUST NOT hold one; files have mode 0600.
    pub fn create(dir: &Path, log: LogId) -> Result<Self, SecretsError> {
        todo!()
    }
    /// Opens the key store in `dir`.
    pub fn open(dir: &Path, log: LogId) -> Result<Self, SecretsError> {
        todo!()
    }
    /// A key store that is gone with the process, with keys derived from `seed`.
    pub fn ephemeral(seed: u64, log: LogId) -> Self {
        todo!()
    }
    /// Identity of a command.
    pub fn command(&self, caller: &Principal, key: &str, entity: EntityKey) -> Mac {
        todo!()
    }
    /// MAC of what a command asks for.
    pub fn body(&self, command: &str, body: &[u8]) -> Mac {
        todo!()
    }
    /// The id of the entity that `caller` opens with `key`.
    pub fn entity_id(&self, family: Family, caller: &Principal, key: &str) -> EntityId {
        todo!()
    }
    /// The id of the user with this login name.
    pub fn login_id(&self, realm: &str, login: &str) -> EntityId {
        todo!()
    }
    /// The text of a token, the same at every call.
    pub fn token(&self, purpose: Purpose, key: u32, entity: EntityId, counter: u32) -> Option<String> {
        todo!()
    }
    /// The number of the root key that new tokens are made with.
    pub fn current_key(&self) -> u32 {
        todo!()
    }
    /// The hash of a token, as events hold it.
    pub fn token_hash(&self, purpose: Purpose, entity: EntityId, counter: u32) -> TokenHash {
        todo!()
    }
    /// Checks a token in constant time.
    pub fn verify(&self, purpose: Purpose, text: &str) -> Result<Bearer, Forged> {
        todo!()
    }
    /// Slow on purpose: call it where blocking is allowed.
    pub fn pin_verifier(&self, user: EntityId, pin: &str) -> PinVerifier {
        todo!()
    }
    /// Seals `plain`, making the person's key if there is none; durable when this returns. Blocks.
    pub fn seal(&self, person: EntityId, field: &str, plain: &str) -> Result<Sealed, SecretsError> {
        todo!()
    }
    /// Opens what `seal` sealed for the same person and field.
    pub fn unseal(&self, person: EntityId, field: &str, sealed: &Sealed) -> Result<String, SecretsError> {
        todo!()
    }
}

impl PinVerifier {
    /// Whether `other` came from the same PIN; constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq as _;
        self.pepper == other.pepper && bool::from(self.argon2id.as_bytes().ct_eq(other.argon2id.as_bytes()))
    }
}
