//! A tree of RFC 6962 that grows by one leaf after the other, in one pass and flat memory: of each level of tiles, only the
//! rightmost one, which is not full yet, is kept.

use tlog_tiles::{Error, HASH_SIZE, Hash, HashReader, Tile, TileHashReader, tree_hash};

/// Takes a tile that is full, and its bytes.
pub type Full<'f, E> = dyn FnMut(Tile, &[u8]) -> Result<(), E> + 'f;

/// Hashes of a full tile: 2 to the power of its height.
pub(super) const TILE_WIDTH: usize = 1 << TILE_HEIGHT;
/// As C2SP has it.
pub(super) const TILE_HEIGHT: u8 = 8;

/// See the module.
#[derive(Default)]
pub struct Frontier {
    size: u64,
    /// The tile that is not full yet, from the leaves upwards.
    levels: Vec<Level>,
}

#[derive(Default)]
struct Level {
    /// Full tiles to the left of this one.
    full: u64,
    hashes: Vec<u8>,
}

impl Level {
    /// This tile as it is; none where it is empty.
    fn tile(&self, level: usize) -> Option<Tile> {
        let width = u32::try_from(self.hashes.len() / HASH_SIZE).ok().filter(|width| *width > 0)?;
        Some(Tile::new(TILE_HEIGHT, u8::try_from(level).ok()?, self.full, width, false))
    }
}

impl Frontier {
    /// The right edge of the tree with `size` leaves that `tiles` are of.
    ///
    /// # Errors
    /// Where a tile is missing, or not of that tree.
    pub fn resume(size: u64, tiles: &TileHashReader<'_>) -> Result<Self, Error> {
        let mut levels = Vec::new();
        let (mut count, mut level) = (size, 0);
        while count > 0 {
            let mut edge = Level { full: count >> TILE_HEIGHT, hashes: Vec::new() };
            let width = u32::try_from(count % TILE_WIDTH as u64).map_err(|_| Error::BadMath)?;
            if width > 0 {
                edge.hashes = Tile::new(TILE_HEIGHT, level, edge.full, width, false).read_data(tiles)?;
            }
            levels.push(edge);
            (count, level) = (count >> TILE_HEIGHT, level + 1);
        }
        Ok(Self { size, levels })
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf by its hash, and gives each tile that is full now to `full`.
    ///
    /// # Errors
    /// That of `full`.
    pub fn push<E>(&mut self, leaf: Hash, full: &mut Full<'_, E>) -> Result<(), E> {
        let (mut hash, mut at) = (leaf, 0);
        loop {
            if at == self.levels.len() {
                self.levels.push(Level::default());
            }
            let level = &mut self.levels[at];
            level.hashes.extend_from_slice(&hash.0);
            if level.hashes.len() < TILE_WIDTH * HASH_SIZE {
                break;
            }
            if let Some(tile) = level.tile(at) {
                full(tile, &level.hashes)?;
            }
            hash = Tile::subtree_hash(&level.hashes);
            level.hashes.clear();
            level.full += 1;
            at += 1;
        }
        self.size += 1;
        Ok(())
    }

    /// The tiles that are not full yet.
    pub fn partial(&self) -> impl Iterator<Item = (Tile, &[u8])> {
        let tiles = self.levels.iter().enumerate();
        tiles.filter_map(|(at, level)| Some((level.tile(at)?, level.hashes.as_slice())))
    }

    /// The root.
    ///
    /// # Errors
    /// Never, for what was pushed.
    pub fn root(&self) -> Result<Hash, Error> {
        tree_hash(self.size, self)
    }
}

impl HashReader for Frontier {
    /// Of the subtrees that the root is made of.
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let find = |index: &u64| {
            let level = usize::from(Tile::from_index(TILE_HEIGHT, *index).level());
            let edge = self.levels.get(level).ok_or(Error::IndexesNotInTree)?;
            edge.tile(level).ok_or(Error::IndexesNotInTree)?.hash_at_index(&edge.hashes, *index)
        };
        indexes.iter().map(find).collect()
    }
}
