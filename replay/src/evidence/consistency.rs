//! Whether one checkpoint goes on from another: the log of cuts, and the tree of each partition, as the cuts that both state
//! have it.
//!
//! The log of cuts alone would not do: it can grow by a cut that contradicts the one before.

use serde::Serialize;
use tlog_tiles::{Error, TileHashReader, check_tree, prove_tree};

use super::cut::{Cut, Tree};
use super::error::{EvidenceError, Fault};
use super::folder::Folder;
use super::signed::Signed;
use super::tiles::Tiles;

/// The earlier checkpoint is a beginning of the later one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Consistent {
    /// The log.
    pub log: String,
    /// Cuts in the earlier one, and in the later one.
    pub sizes: [u64; 2],
    /// Records in all partitions as the earlier one states them, and the later one; left out where both are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<[u64; 2]>,
}

/// Compares two checkpoints, in whichever order, whose signatures MUST have been verified. Where they differ, `folder` has what
/// proves that one goes on from the other; it is trusted with nothing.
///
/// # Errors
/// [`Fault`] where neither is a beginning of the other.
pub fn compare(a: &Signed, b: &Signed, folder: Option<&Folder>) -> Result<Consistent, EvidenceError> {
    b.is_of(a.log()?)?;
    let origin = || a.origin().to_owned();
    let (before, after) = if a.size() <= b.size() { (a, b) } else { (b, a) };
    let sizes = [before.size(), after.size()];
    if before.size() == after.size() {
        if before.root() != after.root() {
            let roots = [before, after].map(|signed| signed.root().to_string());
            return Err(Fault::Equivocation { origin: origin(), size: before.size(), roots }.into());
        }
        return Ok(Consistent { log: origin(), sizes, records: None });
    }
    let folder = folder
        .ok_or_else(|| EvidenceError::Missing("the tiles of the later checkpoint tell: give --tiles".to_owned()))?;
    let cuts = folder.cuts();
    let [then, now] = [before, after].map(|signed| Tree { size: signed.size(), root: signed.root() });
    if !goes_on(folder, &cuts, then, now)? {
        return Err(Fault::Fork { origin: origin(), before: then.size, after: now.size }.into());
    }
    let [from, to] = [then, now].map(|tree| folder.cut_at(&cuts, now, tree.size - 1));
    let (from, to) = (from?, to?);
    if from.0.len() != to.0.len() {
        return Err(Fault::Malformed(format!("a log of {} partitions, not {}", from.0.len(), to.0.len())).into());
    }
    for (partition, then) in (0..).zip(&from.0) {
        let now = to.tree(partition)?;
        if now.size < then.size {
            return Err(Fault::CutOff { partition, size: then.size, there: now.size }.into());
        }
        if !goes_on(folder, &folder.partition(partition), *then, now)? {
            return Err(Fault::Rewritten { partition, size: then.size, number: None }.into());
        }
    }
    let records = [from, to].map(|Cut(trees)| trees.iter().map(|tree| tree.size).sum());
    Ok(Consistent { log: origin(), sizes, records: Some(records) })
}

/// Whether the tree `now`, which `tiles` are of, begins with the tree `then`.
fn goes_on(folder: &Folder, tiles: &Tiles, then: Tree, now: Tree) -> Result<bool, EvidenceError> {
    if then.size == 0 {
        return Ok(true);
    }
    let prove = |reader: &TileHashReader<'_>| prove_tree(now.size, then.size, reader);
    let proof = folder.proof(tiles, now, prove)?;
    match check_tree(&proof, now.size, now.root, then.size, then.root) {
        Ok(()) => Ok(true),
        Err(Error::InvalidProof) => Ok(false),
        Err(error) => Err(folder.fault(error)),
    }
}
