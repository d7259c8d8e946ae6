//! Evidence: what was in the history, shown to somebody who does not trust whoever keeps it, in the formats of transparency
//! logs.
//!
//! ```text
//! record hashes of a partition ─▶ its tree (RFC 6962)  ┐
//!                              …                       ├▶ cut: size and root of each ─▶ leaf of the log of cuts (RFC 6962)
//! record hashes of a partition ─▶ its tree             ┘                                    │ size and root, signed
//!                                                                                           ▼
//!                                                                       checkpoint (C2SP), cosigned by witnesses
//! ```
//!
//! A checkpoint of size n states the cut that is leaf n − 1, the last one, and no other. So one signature covers every record
//! of every partition, and one record is shown by two short proofs. Trees lie in tiles, in a folder beside the history
//! ([`Folder`]): those of the partitions are recomputed from it, the log of cuts grows there.
//!
//! Nobody here holds a key or a way to append: who signs is given by the caller.

mod bundle;
mod consistency;
mod cut;
mod error;
mod export;
mod folder;
mod grow;
mod key;
mod records;
mod signed;
#[cfg(test)]
pub(crate) mod tests;
mod tiles;
mod tree;
mod verdict;
mod witness;

pub use bundle::{Bundle, Inclusion};
pub use consistency::{Consistent, compare};
pub use cut::{Cut, Tree};
pub use error::{EvidenceError, Fault};
pub use export::{Asked, export};
pub use folder::Folder;
pub use grow::{Grown, grow};
pub use key::{Key, Keys, Kind, NotAVerifierKey};
pub use records::{SigningNumber, signing_number};
pub use signed::{Anchored, Cosigned, Signed, Signer, origin};
pub use tree::Frontier;
pub use verdict::{EntityShown, PartitionShown, Shown};
pub use witness::{Witnessed, witness};

/// A hash of a tree, written in base64.
pub use tlog_tiles::Hash as TreeHash;

/// The largest tree: far more than a log ever has, and far from where the arithmetic of trees ends.
pub const MOST_LEAVES: u64 = 1 << 48;
