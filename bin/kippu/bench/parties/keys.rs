//! A party that is nothing but an Ed25519 key in memory: what signing costs at least.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use kippu_client::signature::{Signer, Verify};

/// What names its only key.
const KEY: &str = "key";

/// See the module.
#[derive(Clone)]
pub(super) struct Pair {
    /// The party.
    pub(super) party: &'static str,
    key: SigningKey,
}

impl Pair {
    /// A party whose key follows from `seed`.
    pub(super) fn new(party: &'static str, seed: u8) -> Self {
        Self { party, key: SigningKey::from_bytes(&[seed; 32]) }
    }

    /// Signs in its name.
    pub(super) fn signer(&self) -> Signer {
        let key = self.key.clone();
        Signer::new(self.party, KEY, move |message| key.sign(message).to_bytes())
    }

    /// Signs bytes.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    /// Whether it has signed these bytes so.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        has_signed(&self.key.verifying_key(), message, signature)
    }

    /// Checks its signatures, where `key` names its key.
    pub(super) fn verify(&self, key: &str) -> Option<Verify> {
        let its = self.key.verifying_key();
        (key == KEY)
            .then(|| Box::new(move |message: &[u8], signature: &[u8]| has_signed(&its, message, signature)) as _)
    }
}

fn has_signed(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
}
