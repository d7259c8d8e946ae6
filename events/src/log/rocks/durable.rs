//! The durable cut that a running log publishes for readers in other processes: they see a group commit in RocksDB's
//! files before it is synced, and must not show it.
//!
//! ```text
//! 0                 8          10                            10+8n        18+8n
//! ┌─────────────────┬──────────┬─────────┬─────────┬── … ────┬────────────┐
//! │ "kippucut"      │ n u16be  │ end₀    │ end₁    │         │ first 8 B  │
//! │                 │          │ u64be   │ u64be   │         │ of SHA-256 │
//! └─────────────────┴──────────┴─────────┴─────────┴── … ────┴────────────┘
//! ```
//!
//! It is written after each synced write and is not synced itself, so it never claims more than is durable; that is
//! why an opener takes it as the least that must be there.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::OpenError;
use crate::whole::{PLAIN, begin, finish};

const NAME: &str = "durable";
const MAGIC: &[u8; 8] = b"kippucut";
/// What people are told where the cut that was published cannot be read.
pub const CUT_UNKNOWN: &str = "what was durable is not known, as after a power failure: a lost tail would show only \
                               next to a checkpoint (`kippu replay verify --checkpoint`)";
/// A reader may meet a write half-way. The next read meets the same only if another write has begun meanwhile.
const TRIES: usize = 1000;

/// The writing side.
pub(super) struct Publisher {
    path: PathBuf,
    file: File,
}

impl Publisher {
    /// Begins with these ends, in a file of its own: what was there may be a hard link, whose other name is that of a
    /// copy that must stay as it is.
    pub(super) fn open(dir: &Path, ends: impl Iterator<Item = u64>) -> Result<Self, OpenError> {
        let path = dir.join(NAME);
        let io = |source| OpenError::Io { path: path.clone(), source };
        let bytes = encode(ends);
        let mut file = begin(&path, PLAIN).map_err(io)?;
        file.write_all(&bytes).and_then(|()| finish(&file, &path)).map_err(io)?;
        Ok(Self { path, file })
    }

    /// Publishes the ends of all partitions.
    pub(super) fn publish(&mut self, ends: impl Iterator<Item = u64>) -> Result<(), OpenError> {
        let written = self.file.write_all_at(&encode(ends), 0);
        written.map_err(|source| OpenError::Io { path: self.path.clone(), source })
    }
}

fn encode(ends: impl Iterator<Item = u64>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[0; 2]);
    let mut count = 0_u16;
    for end in ends {
        bytes.extend_from_slice(&end.to_be_bytes());
        count += 1;
    }
    bytes[8..10].copy_from_slice(&count.to_be_bytes());
    let check = check(&bytes);
    bytes.extend_from_slice(&check);
    bytes
}

/// The ends that were published last in `dir`. None if there are none, or if a power failure tore them.
pub(super) fn read(dir: &Path) -> Result<Option<Vec<u64>>, OpenError> {
    let path = dir.join(NAME);
    for _ in 0..TRIES {
        match std::fs::read(&path) {
            Ok(bytes) => {
                if let Some(ends) = decode(&bytes) {
                    return Ok(Some(ends));
                }
            }
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(OpenError::Io { path, source }),
        }
        std::thread::yield_now();
    }
    Ok(None)
}

fn decode(bytes: &[u8]) -> Option<Vec<u64>> {
    let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
    let (magic, rest) = body.split_first_chunk::<8>()?;
    let (count, ends) = rest.split_first_chunk::<2>()?;
    if magic != MAGIC || sum != check(body) || ends.len() != 8 * usize::from(u16::from_be_bytes(*count)) {
        return None;
    }
    ends.chunks_exact(8).map(|end| end.try_into().ok().map(u64::from_be_bytes)).collect()
}

fn check(bytes: &[u8]) -> [u8; 8] {
    let mut check = [0; 8];
    check.copy_from_slice(&Sha256::digest(bytes)[..8]);
    check
}
