//! The tiles of one tree in a folder, by the paths of C2SP tlog-tiles: `tile/0/x001/234`, `tile/1/000.p/17`.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use kippu_events::whole::{PLAIN, write_whole};
use tlog_tiles::{Error, HASH_SIZE, Tile, TileReader};

use super::error::EvidenceError;
use super::tree::{Frontier, TILE_HEIGHT, TILE_WIDTH};

/// See the module.
pub(super) struct Tiles {
    dir: PathBuf,
}

impl Tiles {
    pub(super) const fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Where `tile` lies. The crate's own path has the height in it, as the Go checksum database has, and another word for
    /// entries.
    pub(super) fn path(&self, tile: Tile) -> PathBuf {
        let path = tile.path();
        let path = path.strip_prefix("tile/8/").unwrap_or(&path);
        self.dir
            .join("tile")
            .join(path.strip_prefix("data/").map_or_else(|| path.into(), |n| Path::new("entries").join(n)))
    }

    /// Writes `tile`, unless these bytes are there already. Not durable at once: whoever grows the tree next finds other bytes
    /// after a crash, and writes it again.
    pub(super) fn write(&self, tile: Tile, bytes: &[u8]) -> Result<(), EvidenceError> {
        self.put(tile, bytes, |path| {
            let unfinished = path.with_extension("new");
            fs::write(&unfinished, bytes)?;
            fs::rename(&unfinished, path)
        })
    }

    /// The same, durable when this returns.
    pub(super) fn write_durably(&self, tile: Tile, bytes: &[u8]) -> Result<(), EvidenceError> {
        self.put(tile, bytes, |path| write_whole(path, bytes, PLAIN))
    }

    fn put(&self, tile: Tile, bytes: &[u8], write: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), EvidenceError> {
        let path = self.path(tile);
        let io = |source| EvidenceError::Io { path: path.clone(), source };
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io)?;
        }
        write(&path).map_err(io)?;
        if !is_full(tile) {
            return Ok(());
        }
        // What this full tile begins with: nobody has to find it any more.
        let mut partial = path.clone().into_os_string();
        partial.push(".p");
        match fs::remove_dir_all(&partial) {
            Err(source) if source.kind() != ErrorKind::NotFound => Err(io(source)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The bytes of `tile`: its own, or the first ones of the full tile that it has become.
    pub(super) fn read(&self, tile: Tile) -> io::Result<Vec<u8>> {
        match fs::read(self.path(tile)) {
            Err(error) if error.kind() == ErrorKind::NotFound && !is_full(tile) => {
                fs::read(self.path(full(tile))).map_err(|_| error)
            }
            read => read,
        }
    }

    /// Writes the tiles that are not full at the right edge of a tree.
    pub(super) fn write_edge(&self, frontier: &Frontier) -> Result<(), EvidenceError> {
        frontier.partial().try_for_each(|(tile, bytes)| self.write(tile, bytes))
    }
}

/// Whether no more fits into `tile`.
pub(super) fn is_full(tile: Tile) -> bool {
    tile.width() as usize == TILE_WIDTH
}

/// What `tile` becomes.
fn full(tile: Tile) -> Tile {
    Tile::new(TILE_HEIGHT, tile.level(), tile.level_index(), 1 << TILE_HEIGHT, tile.is_data())
}

impl TileReader for Tiles {
    fn height(&self) -> u8 {
        TILE_HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            let mut bytes = self.read(*tile).map_err(|error| {
                // The crate's errors have no other place for it.
                Error::InvalidInput(format!("{}: {error}", self.path(*tile).display()))
            })?;
            let needed = tile.width() as usize * HASH_SIZE;
            if bytes.len() < needed {
                return Err(Error::InvalidInput(format!("{} is cut off", self.path(*tile).display())));
            }
            bytes.truncate(needed);
            Ok(bytes)
        };
        let bytes = tiles.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if fit(tiles, &bytes) { Ok(bytes) } else { Err(Error::InconsistentTile) }
    }

    fn save_tiles(&self, _tiles: &[Tile], _bytes: &[Vec<u8>]) {}
}

/// Whether each full tile hashes to what the tile above it has, where that is among them. The library's reader asks the same, but
/// leaves out the first tiles below those of the root, where a tile has several of the subtrees that the root is made of.
fn fit(tiles: &[Tile], bytes: &[Vec<u8>]) -> bool {
    let hashes_to = |tile: &Tile, its: &[u8]| {
        let is_above = |above: &Tile| {
            above.level() == tile.level() + 1 && above.level_index() == tile.level_index() >> TILE_HEIGHT
        };
        let Some((_, above)) = tiles.iter().zip(bytes).find(|(above, _)| is_above(above)) else { return true };
        let within = usize::try_from(tile.level_index() % TILE_WIDTH as u64).unwrap_or(usize::MAX);
        above.chunks_exact(HASH_SIZE).nth(within) == Some(&Tile::subtree_hash(its).0[..])
    };
    tiles.iter().zip(bytes).filter(|(tile, _)| is_full(**tile)).all(|(tile, its)| hashes_to(tile, its))
}
