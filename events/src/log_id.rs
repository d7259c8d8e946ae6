//! What tells one log from every other.

use sha2::{Digest as _, Sha256};

use crate::id::EntityId;

/// The identity of a log, for ever: 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub [u8; 16]);

impl LogId {
    /// An identity that no other log has.
    ///
    /// # Errors
    /// Where the operating system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        Ok(Self(id))
    }

    /// The party whose history is in this log: its id is the same everywhere.
    #[must_use]
    pub fn party(self) -> EntityId {
        let mut hash = Sha256::new();
        hash.update(b"kippu.party.1");
        hash.update(self.0);
        EntityId::from_hash(&hash.finalize().into())
    }

    /// Appends the text form to `out` without allocating.
    pub(crate) fn write_to(self, out: &mut Vec<u8>) {
        let mut text = [0; 32];
        data_encoding::HEXLOWER.encode_mut(&self.0, &mut text);
        out.extend_from_slice(&text);
    }
}

crate::text::hex!(LogId, 16, "the identity of a log, 32 hexadecimal digits");

#[test]
fn a_party_is_named_by_its_log() {
    assert_eq!(LogId([1; 16]).party(), LogId([1; 16]).party());
    assert_ne!(LogId([1; 16]).party(), LogId([2; 16]).party());
}
