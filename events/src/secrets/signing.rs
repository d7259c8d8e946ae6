//! Signing keys of a node (Ed25519), by use. Each is derived from the keyring, the use and a number, so a rotation is an event
//! and nothing has to be written to the key store; nodes that share a history sign with the same keys.

use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::keyring::{self, Keyring, Use};
use super::mac::Keyed;
use super::{Secrets, SecretsError};
use crate::log_id::LogId;

/// What a signing key is for. What was signed for one use is no signature for another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SigningUse {
    /// HTTP messages between parties (RFC 9421).
    Http,
    /// Offers, statements of account and receipts.
    Statements,
    /// Checkpoints of the history.
    Checkpoints,
    /// Tickets.
    Tickets,
}

impl SigningUse {
    /// Every use.
    pub const ALL: [Self; 4] = [Self::Http, Self::Statements, Self::Checkpoints, Self::Tickets];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Statements => "statements",
            Self::Checkpoints => "checkpoints",
            Self::Tickets => "tickets",
        }
    }
}

/// An Ed25519 public key, written as the `x` of a JWK (RFC 8037): base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Stands for a key until that is put in.
    pub const UNKNOWN: Self = Self([0; 32]);

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key that these bytes are.
    ///
    /// # Errors
    /// They are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAKey> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| NotAKey)?;
        // One of small order would be anybody's.
        VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak()).ok_or(NotAKey)?;
        Ok(Self(bytes))
    }

    /// What names it: the thumbprint of its JWK (RFC 7638), 43 characters.
    #[must_use]
    pub fn id(&self) -> String {
        BASE64URL_NOPAD.encode(&Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{self}"}}"#)))
    }

    /// Whether `signature` is this key's, over `message`.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = <[u8; 64]>::try_from(signature).map(|bytes| Signature::from_bytes(&bytes));
        let key = VerifyingKey::from_bytes(&self.0);
        // Strictly: no key and no signature that more than one message would fit.
        matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_strict(message, &signature).is_ok())
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Text that is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an Ed25519 public key is 32 bytes in base64url, 43 characters")]
pub struct NotAKey;

impl std::str::FromStr for PublicKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        Self::from_bytes(&BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| NotAKey)?)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::parse(deserializer, "an Ed25519 public key")
    }
}

impl schemars::JsonSchema for PublicKey {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PublicKey".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{43}$" })
    }
}

/// The signing keys of a key store, and nothing else of it.
#[derive(Clone)]
pub struct SigningStore(Keyed);

impl SigningStore {
    pub(super) fn new(keyring: &Keyring) -> Self {
        Self(Keyed::new(keyring.key(Use::Identity).1, "kippu.signing.1"))
    }

    /// Those of the key store in `dir`, also next to the node that uses it: it is read, and persons' keys are left alone.
    ///
    /// # Errors
    /// Where there is none, it belongs to another log, or it is not as this version writes it.
    pub fn open(dir: &Path, log: LogId) -> Result<Self, SecretsError> {
        Ok(Self::new(&Keyring::open(dir)?.of(log, &dir.join(keyring::FILE))?))
    }

    /// The public half of the key number `number` for `of`.
    #[must_use]
    pub fn public_key(&self, of: SigningUse, number: u32) -> PublicKey {
        PublicKey(self.key(of, number).verifying_key().to_bytes())
    }

    /// The key number `number` for `of`, and what signs with it: for who signs often, since it is derived here once.
    pub fn signer(&self, of: SigningUse, number: u32) -> (PublicKey, impl Fn(&[u8]) -> [u8; 64] + Send + Sync + use<>) {
        let key = self.key(of, number);
        (PublicKey(key.verifying_key().to_bytes()), move |message| key.sign(message).to_bytes())
    }

    fn key(&self, of: SigningUse, number: u32) -> SigningKey {
        let seed = self.0.clone().with(of.name().as_bytes()).with(&number.to_be_bytes()).finish();
        SigningKey::from_bytes(&seed)
    }
}

impl Secrets {
    /// The public half of the key number `number` for `of`.
    #[must_use]
    pub fn public_key(&self, of: SigningUse, number: u32) -> PublicKey {
        self.signing.public_key(of, number)
    }

    /// Signs `message` with the key number `number` for `of`.
    #[must_use]
    pub fn sign(&self, of: SigningUse, number: u32, message: &[u8]) -> [u8; 64] {
        self.signing.key(of, number).sign(message).to_bytes()
    }

    /// As [`SigningStore::signer`].
    pub fn signer(&self, of: SigningUse, number: u32) -> (PublicKey, impl Fn(&[u8]) -> [u8; 64] + Send + Sync + use<>) {
        self.signing.signer(of, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(seed: u64) -> Secrets {
        Secrets::ephemeral(seed, LogId([1; 16]))
    }

    /// Shows F47.
    #[test]
    fn each_use_and_number_has_a_key_of_its_own_that_alone_has_signed() {
        let (secrets, message) = (secrets(1), b"message");
        let mut keys = std::collections::BTreeSet::new();
        for of in SigningUse::ALL {
            for number in 0..3 {
                let (key, signature) = (secrets.public_key(of, number), secrets.sign(of, number, message));
                assert!(key.has_signed(message, &signature) && !key.has_signed(b"another", &signature));
                assert!(keys.iter().all(|other: &PublicKey| !other.has_signed(message, &signature)));
                assert!(keys.insert(key) && key.to_string().parse() == Ok(key));
            }
        }
        assert_ne!(secrets.public_key(SigningUse::Http, 0), self::secrets(2).public_key(SigningUse::Http, 0));
    }

    /// The example of RFC 8037, appendix A.3.
    #[test]
    fn the_id_of_a_key_is_the_thumbprint_of_its_jwk() {
        let key: PublicKey = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".parse().unwrap();
        assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn what_is_no_key_or_anybodys_is_refused() {
        let zeros = BASE64URL_NOPAD.encode(&[0; 32]);
        for text in ["", "AA", &zeros, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="] {
            assert_eq!(text.parse::<PublicKey>(), Err(NotAKey), "{text}");
        }
    }
}
