//! The digest of a set of rows: the sum of a hash of each, so that it does not depend on the order in which they were
//! written. Two stores with the same digest at the same cut hold the same rows.

use std::fmt;

use sha2::{Digest as _, Sha256};

const TAG: &[u8] = b"kippu.row.1";

/// A sum of row hashes: four lanes of 64 bits, each modulo 2^64.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest([u64; 4]);

impl Digest {
    /// Adds the row `value` under `key`, which holds its length so that no byte can move from one to the other.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        let mut sha = Sha256::new();
        sha.update(TAG);
        sha.update((key.len() as u64).to_be_bytes());
        sha.update(key);
        sha.update(value);
        let hash: [u8; 32] = sha.finalize().into();
        for (lane, bytes) in self.0.iter_mut().zip(hash.chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            *lane = lane.wrapping_add(u64::from_be_bytes(word));
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|lane| write!(f, "{lane:016x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[(&[u8], &[u8])]) -> Digest {
        let mut digest = Digest::default();
        for (key, value) in rows {
            digest.add(key, value);
        }
        digest
    }

    #[test]
    fn a_digest_depends_on_the_rows_and_not_on_their_order() {
        assert_eq!(of(&[(b"a", b"1"), (b"b", b"2")]), of(&[(b"b", b"2"), (b"a", b"1")]));
        assert_ne!(of(&[(b"a", b"1")]), of(&[(b"a", b"2")]));
        assert_ne!(of(&[(b"a", b"12")]), of(&[(b"a1", b"2")]));
        assert_ne!(of(&[(b"a", b"1")]), of(&[(b"a", b"1"), (b"a", b"1")]));
    }
}
