//! Keyed hashes with a purpose: every field copies its length, and no hash of one purpose is one of another.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::keyring::Key;
use crate::Principal;

/// HMAC-SHA-256 with a key set up once; a clone starts a new message.
#[derive(Clone)]
pub(super) struct Keyed(Hmac<Sha256>);

impl Keyed {
    /// HMAC under `key` for `purpose`.
    pub(super) fn new(key: &Key, purpose: &str) -> Self {
        // HMAC takes keys of every length.
        #[allow(clippy::expect_used)]
        let hmac = Hmac::<Sha256>::new_from_slice(&key.0).expect("a key of any length");
        Self(hmac).with(purpose.as_bytes())
    }

    /// And this field.
    #[must_use]
    pub(super) fn with(mut self, field: &[u8]) -> Self {
        self.0.update(&(field.len() as u64).to_be_bytes());
        self.0.update(field);
        self
    }

    /// And this caller: two fields, so that nothing is written out as text on the way of every command.
    #[must_use]
    pub(super) fn with_caller(self, caller: &Principal) -> Self {
        match caller {
            Principal::Client(id) => self.with(b"client").with(id.as_bytes()),
            Principal::User(id) => self.with(b"user").with(id.as_bytes()),
            Principal::Peer(id) => self.with(b"peer").with(id.as_bytes()),
            Principal::Reaction(name) => self.with(b"reaction").with(name.as_str().as_bytes()),
            Principal::Operator => self.with(b"operator").with(&[]),
            Principal::Deadline => self.with(b"deadline").with(&[]),
            Principal::Activity => self.with(b"activity").with(&[]),
            Principal::Guest => self.with(b"guest").with(&[]),
        }
    }

    /// The hash.
    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }

    /// Whether the hash is `expected`; constant time.
    pub(super) fn is(self, expected: &[u8]) -> bool {
        self.0.verify_slice(expected).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(purpose: &str) -> Keyed {
        Keyed::new(&Key([7; 32]), purpose)
    }

    #[test]
    fn a_byte_that_moves_from_one_field_to_the_next_is_another_hash() {
        let of = |one: &[u8], two: &[u8]| keyed("p").with(one).with(two).finish();
        assert_eq!(of(b"ab", b"c"), of(b"ab", b"c"));
        assert_ne!(of(b"ab", b"c"), of(b"a", b"bc"));
        assert_ne!(of(b"ab", b""), keyed("p").with(b"ab").finish());
        assert_ne!(keyed("p").with(b"q").finish(), keyed("q").with(b"p").finish());
    }

    #[test]
    fn a_hash_is_recognised_whole_and_under_its_own_key_only() {
        let hash = keyed("p").with(b"x").finish();
        assert!(keyed("p").with(b"x").is(&hash));
        assert!(!keyed("p").with(b"x").is(&hash[..31]));
        assert!(!keyed("p").with(b"x").is(&[]));
        assert!(!Keyed::new(&Key([8; 32]), "p").with(b"x").is(&hash));
    }
}
