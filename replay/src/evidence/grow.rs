//! The next checkpoint: the trees of all partitions as they are now, one more cut, and a signature over all cuts.
//!
//! The whole history is read each time, and nothing is signed that does not begin with what was signed before. Tiles that are
//! there are left alone, so what a run that was killed has written is not written again.

use std::fs;

use kippu_events::log::ReadLog;
use kippu_events::log::lock::Lock;
use tlog_tiles::{HASH_SIZE, Tile, TileHashReader, record_hash};

use super::cut::{Cut, Tree};
use super::error::{EvidenceError, Fault};
use super::folder::Folder;
use super::key::{Key, Keys};
use super::records::each_record;
use super::signed::{Signed, Signer};
use super::tiles::Tiles;
use super::tree::{Frontier, TILE_HEIGHT};
use crate::partitions;

/// What was signed.
pub struct Grown {
    /// The newest checkpoint.
    pub signed: Signed,
    /// What it states.
    pub cut: Cut,
    /// Whether it is new: where nothing has happened since the one before, that one stands.
    pub is_new: bool,
}

/// Brings the trees in `folder` to what `log` has, and signs that with `signer`. `own` are the keys with which checkpoints of
/// this log were signed so far; `begin` is whether this is the first.
///
/// # Errors
/// [`Fault`] where the history does not go on from what was signed; nothing is signed then.
pub fn grow(
    log: &dyn ReadLog,
    folder: &Folder,
    signer: &Signer<'_>,
    own: &[Key],
    begin: bool,
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Grown, EvidenceError> {
    let dir = folder.dir().to_owned();
    fs::create_dir_all(&dir).map_err(|source| EvidenceError::Io { path: dir.clone(), source })?;
    let lock = Lock::take(&dir)?;
    let before = match (folder.checkpoint()?, begin) {
        (Some(_), true) => return Err(EvidenceError::Begun { dir }),
        (None, false) => return Err(EvidenceError::NotBegun { dir }),
        (None, true) => None,
        (Some(signed), false) => {
            signed.is_of(log.id())?;
            signed.verify(&Keys::of(own.to_vec()), &[])?;
            let cut = folder.cut(&signed)?;
            Some((signed, cut))
        }
    };
    let cut = trees(log, folder, before.as_ref().map(|(_, cut)| cut), threads, progress)?;
    let size = match before {
        Some((signed, there)) if there == cut => return Ok(Grown { signed, cut, is_new: false }),
        Some((signed, _)) => Some(Tree { size: signed.size(), root: signed.root() }),
        None => None,
    };
    let cuts = folder.cuts();
    let mut frontier = match size {
        Some(Tree { size, root }) => {
            Frontier::resume(size, &TileHashReader::new(size, root, &cuts)).map_err(|error| folder.fault(error))?
        }
        None => Frontier::default(),
    };
    folder.add_entry(&cuts, frontier.size(), &cut)?;
    frontier.push(cut.leaf(), &mut |tile, bytes| cuts.write_durably(tile, bytes))?;
    for (tile, bytes) in frontier.partial() {
        cuts.write_durably(tile, bytes)?;
    }
    let root = frontier.root().map_err(|error| folder.fault(error))?;
    let signed = Signed::new(frontier.size(), root, signer)?;
    folder.publish(&signed, &signer.key)?;
    drop(lock);
    Ok(Grown { signed, cut, is_new: true })
}

/// The trees of all partitions as they are now, in tiles in `folder`.
fn trees(
    log: &dyn ReadLog,
    folder: &Folder,
    before: Option<&Cut>,
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Cut, EvidenceError> {
    let trees = partitions::each(log.partitions(), partitions::threads(threads, log.partitions()), |partition| {
        let known = before.map(|cut| cut.tree(partition)).transpose()?;
        tree(log, partition, &folder.partition(partition), known, progress)
    });
    let cut = Cut(trees.into_iter().collect::<Result<_, _>>()?);
    match before {
        Some(before) if before.0.len() != cut.0.len() => {
            Err(Fault::Malformed(format!("a log of {} partitions, not {}", before.0.len(), cut.0.len())).into())
        }
        Some(_) | None => Ok(cut),
    }
}

/// The tree of one partition, which MUST go on from `known`. Tiles of what is known already are not written over before it is
/// certain that the history is still the same: until then they may be all that tells what was there.
fn tree(
    log: &dyn ReadLog,
    partition: u16,
    tiles: &Tiles,
    known: Option<Tree>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Tree, EvidenceError> {
    let (mut frontier, mut there) = (Frontier::default(), There::default());
    let root = |frontier: &Frontier| frontier.root().map_err(|error| Fault::Malformed(error.to_string()));
    let known_size = known.map_or(0, |known| known.size);
    each_record(log, partition, progress, &mut |counted| {
        let is_known = counted.head.number < known_size;
        frontier.push(record_hash(&counted.head.hash.0), &mut |tile, bytes| {
            if is_known {
                there.compare(tiles, tile, bytes);
                return Ok(());
            }
            tiles.write(tile, bytes)
        })?;
        if let Some(Tree { size, root: known }) = known.filter(|known| known.size == frontier.size())
            && root(&frontier)? != known
        {
            frontier.partial().for_each(|(tile, bytes)| there.compare(tiles, tile, bytes));
            return Err(Fault::Rewritten { partition, size, number: there.differs_at }.into());
        }
        Ok(true)
    })?;
    if frontier.size() < known_size {
        return Err(Fault::CutOff { partition, size: known_size, there: frontier.size() }.into());
    }
    if there.is_wrong {
        return tree(log, partition, tiles, None, progress);
    }
    tiles.write_edge(&frontier)?;
    Ok(Tree { size: frontier.size(), root: root(&frontier)? })
}

/// How the tiles that lie there compare with those of the history.
#[derive(Default)]
struct There {
    /// One of them is missing or another one.
    is_wrong: bool,
    /// The first record with another hash there.
    differs_at: Option<u64>,
}

impl There {
    fn compare(&mut self, tiles: &Tiles, tile: Tile, bytes: &[u8]) {
        let there = tiles.read(tile).unwrap_or_default();
        self.is_wrong |= there != bytes;
        if tile.level() == 0 && self.differs_at.is_none() {
            let mut hashes = there.chunks_exact(HASH_SIZE).zip(bytes.chunks_exact(HASH_SIZE));
            let within = hashes.position(|(there, here)| there != here);
            self.differs_at = within.map(|within| (tile.level_index() << TILE_HEIGHT) + within as u64);
        }
    }
}
