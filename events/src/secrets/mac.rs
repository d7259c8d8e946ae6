//! Keyed hashes with a purpose: every field carries its length, and no hash of one purpose is one of another.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::keyring::Key;

/// HMAC-SHA-256 with a key set up once; a clone starts a new message.
#[derive(Clone)]
pub struct Keyed(Hmac<Sha256>);

impl Keyed {
    /// HMAC under `key` for `purpose`.
    pub fn new(key: &Key, purpose: &str) -> Self {
        // HMAC takes keys of every length.
        #[allow(clippy::expect_used)]
        let hmac = Hmac::<Sha256>::new_from_slice(&key.0).expect("a key of any length");
        Self(hmac).with(purpose.as_bytes())
    }

    /// And this field.
    #[must_use]
    pub fn with(mut self, field: &[u8]) -> Self {
        self.0.update(&(field.len() as u64).to_be_bytes());
        self.0.update(field);
        self
    }

    /// The hash.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }

    /// Whether the hash is `expected`; constant time.
    pub fn is(self, expected: &[u8]) -> bool {
        self.0.verify_slice(expected).is_ok()
    }
}
