//! What is wrong with evidence, and why there is none.

use std::path::PathBuf;

use kippu_events::log::ReadError;
use kippu_events::log::lock::LockError;
use kippu_events::log::walk::Broken;

/// Something is wrong with what was looked at: a finding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not of the form that it should have.
    #[error("malformed: {0}")]
    Malformed(String),
    /// Of another log.
    #[error("of another log: {theirs}, not {ours}")]
    OtherLog {
        /// What it is of.
        theirs: String,
        /// What it should be of.
        ours: String,
    },
    /// A signature by a key that is known is not over this text.
    #[error("forged: the signature of {key} is not over this checkpoint")]
    Forged {
        /// The key's name and id.
        key: String,
    },
    /// No key that the caller has has signed it.
    #[error("not signed by a key that was given for {0}")]
    Unsigned(String),
    /// A signature that none of the keys beside it has made.
    #[error("a signature is by none of the keys that lie beside it")]
    StrangeSignature,
    /// A witness that the caller demands has not cosigned.
    #[error("not cosigned by {0}")]
    NotWitnessed(String),
    /// One signer, one size, two roots.
    #[error("EQUIVOCATION: {origin} has signed two checkpoints of size {size}, with the roots {roots:?}")]
    Equivocation {
        /// The log.
        origin: String,
        /// Of both.
        size: u64,
        /// Theirs.
        roots: [String; 2],
    },
    /// Two checkpoints of one signer, and the earlier is no beginning of the later.
    #[error(
        "EQUIVOCATION: {origin} has signed checkpoints of size {before} and {after}, and the first is no beginning of the second"
    )]
    Fork {
        /// The log.
        origin: String,
        /// The size of the earlier one.
        before: u64,
        /// The size of the later one.
        after: u64,
    },
    /// The history of a partition does not begin with what an earlier cut has.
    #[error("REWRITTEN: the first {size} records of partition {partition} are not those that the checkpoint has{}", from(*.number))]
    Rewritten {
        /// The partition.
        partition: u16,
        /// The size that the earlier cut has.
        size: u64,
        /// The first record with another hash, where the tiles of before tell.
        number: Option<u64>,
    },
    /// Records are missing behind what an earlier cut has.
    #[error("CUT OFF: partition {partition} has {there} records, but the checkpoint has {size}")]
    CutOff {
        /// The partition.
        partition: u16,
        /// The size that the earlier cut has.
        size: u64,
        /// How many there are.
        there: u64,
    },
    /// The tiles are not those of the tree that the checkpoint signs.
    #[error("the tiles in {dir} are not those of the checkpoint: {reason}")]
    Tiles {
        /// Where.
        dir: PathBuf,
        /// In the crate's words.
        reason: String,
    },
    /// A proof does not lead to the root.
    #[error("{what} is not in the tree that was signed")]
    NotIncluded {
        /// What was to be shown.
        what: String,
    },
    /// A record is not what it says it is.
    #[error("record {number} of partition {partition}: {reason}")]
    Record {
        /// Where.
        partition: u16,
        /// Where.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The history cannot be trusted.
    #[error("DAMAGE {0}")]
    Damage(Broken),
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A finding.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The file system said no.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// Another process writes there.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A later version of kippu has written the history, and reads it.
    #[error("a later version of kippu reads on: {0}")]
    Newer(Broken),
    /// A tile is missing.
    #[error("{0}")]
    Missing(String),
    /// There is no log of cuts yet.
    #[error("{dir} holds no log of cuts: --begin begins one, once for each history")]
    NotBegun {
        /// Where.
        dir: PathBuf,
    },
    /// There is one already.
    #[error("{dir} holds a log of cuts already: only the first checkpoint is made with --begin")]
    Begun {
        /// Where.
        dir: PathBuf,
    },
    /// A witness has seen more.
    #[error("a checkpoint of size {size}, after one of size {seen} was cosigned")]
    Older {
        /// Its size.
        size: u64,
        /// That of the last one.
        seen: u64,
    },
    /// It does not fit.
    #[error("{0}")]
    TooLarge(String),
    /// Nothing is there to be shown.
    #[error("nothing of {0} is in the history up to this checkpoint")]
    Nothing(String),
}

fn from(number: Option<u64>) -> String {
    number.map(|number| format!(", from record {number} on")).unwrap_or_default()
}
