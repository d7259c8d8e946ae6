//! The certificate of some lines of an access log: where they lie, how many they are, and the root of the Merkle tree (RFC 6962) over
//! their bytes.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::id::EntityId;

/// What a signed certificate is, in its header.
pub const CERTIFICATE: &str = "kippu-access-batch";

/// Where some lines lie, and what they hash to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Under which contract.
    pub contract: EntityId,
    /// The server whose log it is, as its operator calls it.
    pub source: String,
    /// The part of that log, as the name of a file.
    pub segment: String,
    /// Where the first line begins in it, in bytes.
    pub offset: u64,
    /// How many bytes the lines are, with their ends.
    pub bytes: u64,
    /// How many lines.
    pub lines: u32,
    /// The root of the tree over them, in hexadecimal digits.
    pub root: String,
}

/// What a line hashes to: the leaf of a Merkle tree. `line` has no line end.
#[must_use]
pub fn leaf(line: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([0]).chain_update(line).finalize().into()
}

/// The root of the tree over `leaves`, in hexadecimal digits.
#[must_use]
pub fn root_in_hex(leaves: &[[u8; 32]]) -> String {
    data_encoding::HEXLOWER.encode(&root(leaves))
}

/// The root of the tree over `leaves`, as RFC 6962 has it.
fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            // The largest power of two below their number.
            let left = 1 << (leaves.len() - 1).ilog2();
            let (before, after) = leaves.split_at(left);
            Sha256::new().chain_update([1]).chain_update(root(before)).chain_update(root(after)).finalize().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 6962's reference implementation.
    #[test]
    fn roots_are_those_of_other_implementations() {
        let decode = |hex: &str| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
        let leaves =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let leaves: Vec<[u8; 32]> = leaves.iter().map(|hex| leaf(&decode(hex))).collect();
        let roots = [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ];
        for (size, expected) in roots {
            assert_eq!(data_encoding::HEXLOWER.encode(&root(&leaves[..size])), expected, "{size}");
        }
    }
}
